"""A visit as the engine sees it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from hustle_widgets.algorithms.detector import READ_NOISE
from hustle_widgets.algorithms.failed_frames import blank_infinite, has_infinite
from hustle_widgets.engine.blocks import CubeLike, Source
from hustle_widgets.engine.flags import FlaggedPixels, keep_flagged
from hustle_widgets.engine.plan import digest
from hustle_widgets.lazy.arrays import Cube, frame_runs, in_memory
from hustle_widgets.lazy.files import kept_flags
from hustle_widgets.lazy.result import read_only
from hustle_widgets.reading.failures import infinite_messages
from hustle_widgets.visit_checks import check_visit


def visit_source(visit: xr.Dataset) -> Source:
    """Return a visit as the engine sees it: read-only arrays, no copy of what is float32 already.

    Only the images are brought into memory. Of flags that are not there yet the flagged pixels are kept, and
    errors are read when a step asks for them. The token is made of the content: two visits share it only if
    their pixels, times and places are alike, in any process.

    Raises
    ------
    ValueError
        If the Dataset is not a visit, see `check_visit`.
    """
    check_visit(visit)
    images, infinite = _without_infinite(_float32(visit["images"].data))
    n_frames = images.shape[0]

    def column(name: str, fill: Any) -> np.ndarray:
        return np.asarray(visit[name].data) if name in visit else np.full(n_frames, fill)

    columns = {
        "exp_time": np.asarray(visit["exp_time"].data, dtype=np.float64),
        "orbit_numbers": column("orbit_numbers", 1),
        "read_noise": column("read_noise", READ_NOISE),
        "exp_duration": column("exp_duration", np.nan),
        # Read from a netCDF file, text is made of objects.
        "frame_problem": column("frame_problem", "").astype(str),
        "file_names": column("file_names", "").astype(str),
    }
    subarray = tuple(visit["subarr_coords"].data) if "subarr_coords" in visit else None
    if subarray is not None and not _fits(subarray, images.shape[1:]):
        subarray = None  # a visit cut by hand: where it lies on the chip is no longer known
    chip = visit.attrs.get("chip", 2)
    facts = {
        "direct_image": _float32(visit["direct_image"].data) if "direct_image" in visit else None,
        "subarr_coords": subarray,
        "chip": int(chip),
        "target": target_of(visit),
        "messages": (
            *str(visit.attrs.get("messages", "")).splitlines(),
            *infinite_messages(columns["file_names"].tolist(), infinite),
        ),
        "folder": visit.attrs.get("toplevel_dir", ""),
    }
    errors, hst_dq = _errors(visit, images.shape), _flags(visit, images.shape)
    numbers = [values for name, values in columns.items() if name != "file_names"]
    token = _token([images, errors, hst_dq, *numbers, facts["direct_image"]], facts)
    columns = {name: read_only(values) for name, values in columns.items()}
    if facts["direct_image"] is not None:
        facts["direct_image"] = read_only(facts["direct_image"])
    return Source(read_only(images), errors, hst_dq, columns, facts, token)


def _without_infinite(images: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Return frames with NaN for infinite pixels, the same array where there are none, and their number a frame."""
    suspects = [k for k, image in enumerate(images) if has_infinite(image)]
    infinite = [0] * len(images)
    if suspects:
        images = images.copy()
        for k in suspects:
            infinite[k] = blank_infinite(images[k])
    return images, infinite


def _errors(visit: xr.Dataset, shape: tuple[int, ...]) -> CubeLike:
    """Return errors as an array, or as what reads them when they are indexed."""
    if "errors" not in visit:
        return np.broadcast_to(np.float32(np.nan), shape)
    variable = visit.variables["errors"]
    if in_memory(variable):
        return read_only(np.asarray(variable.data))
    if "file_checksums" in visit:
        return Cube(variable, ",".join(map(str, visit["file_checksums"].values.ravel())))
    # dask names its arrays by what they are computed from; other files are known by their path.
    name = variable.data.name if variable.chunks else variable.encoding.get("source", "")
    return Cube(variable, str(name))


def _flags(visit: xr.Dataset, shape: tuple[int, ...]) -> CubeLike:
    """Return flags as an array, or the flagged pixels of what is not in memory."""
    if "hst_dq" not in visit:
        return np.broadcast_to(np.int16(0), shape)
    variable = visit.variables["hst_dq"]
    if in_memory(variable):
        return read_only(np.asarray(variable.data))
    with kept_flags():
        kept = [keep_flagged(frame) for run in frame_runs(variable) for frame in variable[run].values]
    return FlaggedPixels(kept, shape)


def _token(arrays: list[Any], facts: Mapping[str, Any]) -> str:
    """Return a short hash of what a visit is made of."""
    # The same files in another folder, or under other names, are the same visit.
    plain = [(key, facts[key]) for key in ("subarr_coords", "chip", "target")]
    return digest([_digest(array) for array in arrays], plain)


def _digest(array: Any) -> str:
    """Tell the values of an array from others; in the time of a look at each."""
    if array is None:
        return ""
    if not isinstance(array, np.ndarray):
        return str(array.digest)
    found = zlib.crc32(repr((array.shape, array.dtype.str)).encode())
    if array.dtype.kind not in "biuf":  # texts: an array may hold where they are, not what they are
        return f"{zlib.crc32(repr(array.tolist()).encode()):08x}"
    if 0 in array.strides and array.size:  # one value everywhere: the visit has none of its own
        array = array[(slice(0, 1),) * array.ndim]
    for part in array if array.ndim == 3 else [array]:
        found = zlib.crc32(np.ascontiguousarray(part).data, found)
    return f"{found:08x}"


def _fits(subarray: tuple[float, ...], shape: tuple[int, ...]) -> bool:
    """Tell whether a subarray has the frames' rows and columns, to the pixel by which conventions differ."""
    left, right, bottom, top = subarray
    return abs(top - bottom + 1 - shape[0]) <= 1 and abs(right - left + 1 - shape[1]) <= 1


def frame_shape(visit: xr.Dataset) -> tuple[int, int] | None:
    """Return rows and columns of a visit's frames; None for what is no visit."""
    shape = visit["images"].shape if "images" in visit else ()
    return (shape[1], shape[2]) if len(shape) == 3 else None


def target_of(visit: xr.Dataset) -> tuple[float, float] | None:
    """Return where the header puts the target, (column, row), or None."""
    try:
        column, row = float(visit.attrs["target_posx"]), float(visit.attrs["target_posy"])
    except (KeyError, TypeError, ValueError):
        return None
    return (column, row) if np.isfinite((column, row)).all() else None


def _float32(data: Any) -> np.ndarray:
    return np.asarray(data, dtype=np.float32)
