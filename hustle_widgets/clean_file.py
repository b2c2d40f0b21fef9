"""The clean visit to its file."""

from __future__ import annotations

import os
import pickle
import secrets
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from xarray.conventions import cf_encoder, encode_dataset_coordinates

from hustle_widgets.storable import NUMBERS, as_stored, check_name, of_fixed_length, storable, written_whole
from hustle_widgets.user_paths import user_path

__all__ = ["save_clean"]

Progress = Callable[[float], None]

_WRITER = str(Path(__file__).with_name("netcdf_writer.py"))
_LOOKS = 0.2  # s between two looks whether to go on, where it waits for the writer
_CREATE_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


def save_clean(dataset: xr.Dataset, path: str | Path, *, progress: Progress | None = None) -> None:
    """Write a clean visit to a netCDF file, all of it or nothing.

    Parameters
    ----------
    dataset : xarray.Dataset
        The clean visit, with units and flags in its attrs.
    path : str or Path
        File to write; its folder is made. A file already there stays until the new one is complete.
    progress : callable, optional
        Called with the fraction written, 0..1, and while nothing can be written a few times a second. What it
        raises ends the writing.

    Raises
    ------
    ValueError
        For a variable that netCDF cannot hold, by its name and kind.
    OSError
        If it cannot be written, saying why. Nothing half written is left.

    Notes
    -----
    It is written by a process of its own, frame by frame, so that no second copy of a cube is made and other
    threads may use netCDF files meanwhile. Readable with ``xarray.open_dataset``.
    """
    final = user_path(path).absolute()
    final.parent.mkdir(parents=True, exist_ok=True)
    name = final.name.replace("\\", "_")  # the library would misread it
    partial = final.with_name(f".{name}.partial-{secrets.token_hex(4)}")
    for given in (*dataset.dims, *dataset.variables):
        check_name(str(given))
    cubes = [
        str(n)
        for n, variable in dataset.data_vars.items()
        if variable.ndim == 3 and variable.dtype in NUMBERS
    ]
    plan = _plan(dataset, cubes, partial)
    try:
        with written_whole(final):
            total = sum(dataset[name].shape[0] for name in cubes)
            _write_apart(plan, _frames(dataset, cubes), total, progress or (lambda fraction: None))
            os.replace(partial, final)
    finally:
        partial.unlink(missing_ok=True)


def _frames(dataset: xr.Dataset, cubes: list[str]) -> Iterator[np.ndarray]:
    """Yield every frame of the cubes, as it is written."""
    for name in cubes:
        values = dataset[name].variable
        for number in range(values.shape[0]):
            frame = np.ascontiguousarray(values[number].values)
            frame = frame.view(np.int8) if frame.dtype == bool else frame
            yield frame.astype(frame.dtype.newbyteorder("="), copy=False)


def _write_apart(plan: dict[str, Any], frames: Iterator[np.ndarray], total: int, report: Progress) -> None:
    """Let another process write; raise what it says went wrong, and what `report` raises, which is asked often."""
    # -P: the folder of the script is no place to import from.
    command = [sys.executable, "-P", _WRITER]
    pipe = subprocess.PIPE
    writer = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, creationflags=_CREATE_NO_WINDOW
    )
    try:
        said, warned = _fed(writer, plan, frames, total, report)
    except BaseException:
        writer.kill()
        raise
    finally:
        _let_go(writer)
    if writer.returncode == 0:
        return
    if said:
        number, text = pickle.loads(said)
        raise OSError(number, os.strerror(number), plan["path"].parent) if number else OSError(text)
    last = warned.decode(errors="replace").strip().rsplit("\n", 1)[-1]
    raise OSError(f"the process that writes {plan['path'].name} ended with {writer.returncode}. {last}")


def _fed(
    writer: subprocess.Popen[bytes],
    plan: dict[str, Any],
    frames: Iterator[np.ndarray],
    total: int,
    report: Progress,
) -> tuple[bytes, bytes]:
    """Send the plan and the frames; return what the writer says when it has ended."""
    done = 0

    def look() -> None:
        report(done / max(total, 1))

    with suppress(BrokenPipeError):  # the writer has ended, and says why
        _send(writer.stdin, pickle.dumps(plan), look)
        for frame in frames:
            _send(writer.stdin, frame.reshape(-1).view(np.uint8).data, look)
            done += 1
            look()
    while True:
        try:
            return writer.communicate(timeout=_LOOKS)
        except subprocess.TimeoutExpired:
            look()


def _send(pipe: Any, content: Any, look: Callable[[], None]) -> None:
    """Send all of it; while the other end takes nothing, be it slow or the disk, look whether to go on."""
    if os.name != "nt":  # there no pipe can be waited for
        os.set_blocking(pipe.fileno(), False)
    rest = memoryview(content)
    while len(rest):
        sent = pipe.write(rest)
        if sent is None:
            while not select.select([], [pipe], [], _LOOKS)[1]:
                look()
            continue
        rest = rest[sent:]


def _let_go(writer: subprocess.Popen[bytes]) -> None:
    """Close the pipes, and wait for the end of a process that was killed, but not for a disk that it waits for."""
    for end in (writer.stdin, writer.stdout, writer.stderr):
        if end is not None:
            with suppress(OSError):
                end.close()
    with suppress(subprocess.TimeoutExpired):
        writer.wait(timeout=_LOOKS)


def _plan(dataset: xr.Dataset, cubes: list[str], path: Path) -> dict[str, Any]:
    # How a file that the visit once came from was packed is not how this one is.
    small = dataset.drop_vars(cubes).drop_encoding()
    small.attrs = storable(small.attrs)
    for variable in small.variables.values():
        variable.attrs = storable(variable.attrs, of_variable=True)
    for coordinate in small.coords.values():
        coordinate.encoding["_FillValue"] = None  # CF: coordinates have no missing values
    variables, attrs = encode_dataset_coordinates(small)
    variables, attrs = cf_encoder(variables, attrs)
    plans = [_small(str(name), variable) for name, variable in variables.items()]
    plans += [_cube(name, dataset[name]) for name in cubes]
    dims = {str(name): int(size) for name, size in dataset.sizes.items()}
    for about in plans:
        if about["values"] is not None:
            dims |= dict(zip(about["dims"], about["values"].shape, strict=True))
    return {
        "path": path,
        "dims": dims,
        "attrs": attrs,
        "variables": plans,
        "size": dataset.nbytes + 2**16,
    }


def _small(name: str, variable: xr.Variable) -> dict[str, Any]:
    values, dims, attrs = (
        np.asarray(variable.values),
        [str(dim) for dim in variable.dims],
        dict(variable.attrs),
    )
    fill = attrs.pop("_FillValue", None)
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "backslashreplace")
    if values.dtype.kind in "UOT":
        values, fill = of_fixed_length(values), None
        dims.append(f"{name}_characters")
        attrs["_Encoding"] = "utf-8"
    values = as_stored(name, values)
    about = {"name": name, "dims": dims, "attrs": attrs, "fill": fill, "options": {}, "values": values}
    return {**about, "kind": values.dtype.str}


def _cube(name: str, variable: xr.DataArray) -> dict[str, Any]:
    boolean = variable.dtype == bool
    kind = np.dtype(np.int8) if boolean else variable.dtype.newbyteorder("=")
    attrs = storable(variable.attrs, of_variable=True)
    if boolean:
        attrs["dtype"] = "bool"
    along = [str(n) for n, c in variable.coords.items() if n not in variable.dims and c.ndim]
    if along:
        attrs["coordinates"] = " ".join(along)
    # Flags shrink to a twentieth in the time of a few copies; electrons hardly shrink, and take a hundred.
    flags = kind.kind in "iu"
    return {
        "name": name,
        "dims": [str(dim) for dim in variable.dims],
        "kind": kind.str,
        "attrs": attrs,
        "fill": False,
        "options": {"zlib": True, "complevel": 1, "chunksizes": (1, *variable.shape[1:])} if flags else {},
        "values": None,
    }
