"""Whether a Dataset is a visit: shape, kind and unit of everything that is read of it, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from hustle_widgets.lazy.reading import CUBE

ELECTRONS = ("", "electron", "electrons", "e", "e-", "el")
SECONDS = ("", "s", "sec", "second", "seconds")
PIXELS = ("", "pixel", "pixels", "pix", "px", "1")
_NUMBERS, _WHOLE, _TEXT = "iuf", "iu", "UOST"


@dataclass(frozen=True)
class Expected:
    """What a variable of a visit must be.

    Attributes
    ----------
    what : str
        In words, with its unit.
    kinds : str
        Accepted kinds of dtype.
    dims : tuple of str, or None
        Its dims; None where they may have any name.
    ndim : int
        How many dims, where their names are free.
    units : tuple of str, or None
        Accepted units in lower case; None for any.
    good : callable, optional
        good(values) -> whether the values can be used.
    """

    what: str
    kinds: str
    dims: tuple[str, ...] | None = None
    ndim: int = 0
    units: tuple[str, ...] | None = None
    good: Callable[[Any], bool] | None = None


def _all_positive(values: Any) -> bool:
    return bool((np.isfinite(values) & (values > 0)).all())


def _all_whole(values: Any) -> bool:
    return bool((np.isfinite(values) & (values == np.rint(values))).all())


_FRAME = ("exp_time",)
EXPECTED: dict[str, Expected] = {
    "images": Expected("electrons of each pixel", _NUMBERS, CUBE, units=ELECTRONS),
    "errors": Expected("uncertainties of the images in electrons", _NUMBERS, CUBE, units=ELECTRONS),
    "hst_dq": Expected("flags of calwf3, sums of bits, as whole numbers", _WHOLE, CUBE),
    "exp_time": Expected("mid-exposure times as MJD, one a frame", _NUMBERS, _FRAME),
    "orbit_numbers": Expected("whole numbers, one a frame", _NUMBERS, _FRAME, good=_all_whole),
    "read_noise": Expected(
        "electrons above 0, one a frame", _NUMBERS, _FRAME, units=ELECTRONS, good=_all_positive
    ),
    "exp_duration": Expected("seconds, one a frame", _NUMBERS, _FRAME, units=SECONDS),
    "frame_problem": Expected("a text a frame, '' for a good one", _TEXT, _FRAME),
    "file_names": Expected("a text a frame", _TEXT, _FRAME),
    "direct_image": Expected("one image in electrons", _NUMBERS, ndim=2, units=ELECTRONS),
    "subarr_coords": Expected(
        "four numbers: the first and last full-chip column, and row, 1-indexed",
        _NUMBERS,
        ndim=1,
        units=PIXELS,
        good=lambda values: values.shape == (4,) and bool(np.isfinite(values).all()),
    ),
}


def check_visit(visit: xr.Dataset) -> None:
    """Look whether a Dataset is a visit; values that are not in memory are not read.

    Raises
    ------
    ValueError
        If it is none, naming the variable or attribute, what it must be and what it is.
    """
    lacking = [name for name in ("images", "exp_time") if name not in visit.variables]
    if lacking or visit["images"].ndim != 3 or 0 in visit["images"].shape:
        what = f"lacks {' and '.join(lacking)}" if lacking else f"has images of shape {visit['images'].shape}"
        raise ValueError(
            f"This Dataset is not a visit: it {what}. A visit has 'images' of (frames, rows, columns) and "
            "'exp_time', as load_visit(folder) gives them."
        )
    if visit["images"].dims != CUBE:
        raise ValueError(
            f"The visit's 'images' have the dims {visit['images'].dims}. They must be {CUBE} (frame, row, column): "
            "rename them, or transpose the Dataset."
        )
    for name, expected in EXPECTED.items():
        if name in visit.variables:
            _check(name, visit.variables[name], expected)
    chip = visit.attrs.get("chip", 2)
    if np.ndim(chip) or chip not in (1, 2):
        raise ValueError(f"The visit's attribute 'chip' must be 1 or 2. Got {chip!r} instead.")


def _check(name: str, variable: xr.Variable, expected: Expected) -> None:
    start = (
        f"The visit's {name!r} must be {'texts' if expected.kinds == _TEXT else 'numbers'}, {expected.what}."
    )
    if expected.dims is not None and variable.dims != expected.dims:
        raise ValueError(
            f"{start} Its dims must be {expected.dims}. Got {variable.dims} of shape {variable.shape} instead."
        )
    if expected.dims is None and variable.ndim != expected.ndim:
        raise ValueError(f"{start} Got an array of shape {variable.shape} instead.")
    if variable.dtype.kind not in expected.kinds:
        raise ValueError(f"{start} Got values of type {variable.dtype} instead.")
    unit = str(variable.attrs.get("units", "")).strip()
    if expected.units is not None and unit.lower() not in expected.units:
        hint = " Multiply by the exposure time." if unit.lower().endswith(("/s", "s-1", "s^-1")) else ""
        raise ValueError(f"{start} Its unit is {unit!r}: convert it, or correct the attribute 'units'.{hint}")
    if expected.good is not None and not expected.good(np.asarray(variable.values)):
        values = np.asarray(variable.values)
        raise ValueError(f"{start} Got {np.array2string(values, threshold=6)} instead.")
