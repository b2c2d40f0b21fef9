"""Writes one netCDF file in a process of its own; run as a script, with the plan and the frames on its input.

HDF5 is one library for a whole process, and is not made for several threads: a cell that opens any netCDF file
while another thread writes one ends the kernel. So this module imports nothing of the package.
"""

from __future__ import annotations

import errno
import os
import pickle
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import netCDF4
import numpy as np


def write(plan: dict[str, Any], frames: BinaryIO) -> None:
    """Write a file, and look whether it holds what was planned.

    Parameters
    ----------
    plan : dict
        path, dims (name to size), attrs, and variables: for each its name, dims, kind (a dtype's string),
        attrs, fill, options of netCDF4, and values, None for those that come frame by frame.
    frames : binary file
        The frames of the variables without values, one after the other.

    Raises
    ------
    OSError
        If it cannot be written, saying why.
    """
    path = Path(plan["path"])
    try:
        os.chdir(path.parent)  # the library misreads the path of a folder with a backslash in its name
        with netCDF4.Dataset(path.name, "w", clobber=False) as file:
            for name, size in plan["dims"].items():
                file.createDimension(name, size)
            file.setncatts(plan["attrs"])
            for about in plan["variables"]:
                _write_variable(file, about, frames)
        with netCDF4.Dataset(path.name) as file:
            found = {name: (str(v.dtype), v.shape) for name, v in file.variables.items()}
            if found.keys() != {about["name"] for about in plan["variables"]}:
                raise OSError(f"{path} does not hold what was written")
        _to_disk(path)
    except BaseException as error:
        reason = _lack_of_room(path, plan["size"])
        with suppress(OSError):
            path.unlink()
        if reason is not None and isinstance(error, Exception):
            raise reason from error
        raise


def _to_disk(path: Path) -> None:
    """Wait until it is on the disk: this process can be ended meanwhile, and the one that waits for it cannot."""
    file = os.open(path, os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _write_variable(file: netCDF4.Dataset, about: dict[str, Any], frames: BinaryIO) -> None:
    kind = np.dtype(about["kind"])
    variable = file.createVariable(
        about["name"], kind, about["dims"], fill_value=about["fill"], **about["options"]
    )
    variable.set_auto_maskandscale(False)
    variable.set_auto_chartostring(False)
    variable.setncatts(about["attrs"])
    values = about["values"]
    if values is not None:
        variable[...] = values
        return
    frame = np.empty(variable.shape[1:], kind)
    for number in range(variable.shape[0]):
        into = frame.reshape(-1).view(np.uint8).data
        while len(into):
            got = frames.readinto(into)  # type: ignore[attr-defined]
            if not got:
                raise EOFError("the frames ended early")
            into = into[got:]
        variable[number] = frame


def _lack_of_room(path: Path, size: int) -> OSError | None:
    """Return the system's reason why a file of this size cannot be written there: HDF5 keeps it for itself."""
    trial = path.with_name(f"{path.name}.room")
    try:
        file = os.open(trial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        return error
    try:
        os.posix_fallocate(file, 0, size)
    except AttributeError:  # not on macOS and Windows
        return None
    except OSError as error:
        told = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
        return (
            OSError(error.errno, os.strerror(error.errno or 0), str(path.parent))
            if error.errno in told
            else None
        )
    finally:
        os.close(file)
        trial.unlink()
    return None


def main() -> None:
    """Write the file of the plan on the input; say what went wrong, as a pickled exception, on the output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits for this one
    source = sys.stdin.buffer
    try:
        write(pickle.load(source), source)
    except Exception as error:
        number = getattr(error, "errno", None)
        simple = (
            OSError(number, os.strerror(number))
            if isinstance(number, int) and number > 0
            else OSError(str(error))
        )
        if getattr(error, "filename", None):
            simple.filename = os.fspath(error.filename)  # type: ignore[attr-defined]
        sys.stdout.buffer.write(pickle.dumps((simple.errno, str(simple))))
        sys.exit(1)


if __name__ == "__main__":
    main()
