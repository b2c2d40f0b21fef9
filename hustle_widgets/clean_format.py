"""What clean_obs.nc holds, so that Stage 2 of HUSTLE-tools reads it: variables, dims, dtypes, attributes.

docs/clean_obs.md is written from the declarations here and in the steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

CUBE = ("exp_time", "x", "y")


@dataclass(frozen=True)
class Variable:
    """A variable of the file.

    Attributes
    ----------
    dims : tuple of str
    dtype : str
        'text' for fixed-length text.
    unit : str
        '' for text.
    text : str
        What it is; its long_name.
    origin : str
        Where its values come from.
    differs : str
        Where it is not what HUSTLE-tools' Stage 1 writes under the name, and why.
    """

    dims: tuple[str, ...]
    dtype: str
    unit: str
    text: str
    origin: str
    differs: str = ""


FILES, STEPS = "the FITS files", "the steps"
VARIABLES: dict[str, Variable] = {
    "images": Variable(
        CUBE,
        "float32",
        "electron",
        "cleaned frames; x is the row, y the column",
        "SCI, with what all steps changed",
        "The sky image (5c) is taken off after the column background (5b), as the tutorial numbers them.",
    ),
    "errors": Variable(CUBE, "float32", "electron", "uncertainties of calwf3", "ERR"),
    "hst_dq": Variable(
        CUBE,
        "uint16",
        "1",
        "data quality flags of calwf3, sums of bits",
        "DQ",
        "Not in HUSTLE-tools' file, which starts data_quality from it.",
    ),
    "data_quality": Variable(
        CUBE,
        "uint8",
        "1",
        "which steps flagged a pixel",
        STEPS,
        "Only what the steps flagged, one bit a step (flag_masks, flag_meanings): calwf3's flags are in hst_dq. "
        "HUSTLE-tools mixes both in one number.",
    ),
    "badpix_mask": Variable(
        CUBE,
        "bool",
        "1",
        "True where a pixel is flagged and has not been replaced",
        STEPS,
        "HUSTLE-tools writes True everywhere and never uses it.",
    ),
    "direct_image": Variable(
        ("x", "y"),
        "float32",
        "electron",
        "direct image",
        "SCI of the direct image",
        "dims x_direct, y_direct when it is not of the frames' shape, which HUSTLE-tools cannot write.",
    ),
    "subarr_coords": Variable(
        ("index",),
        "float64",
        "pixel",
        "first and last full-chip columns and rows, 1-indexed, inclusive",
        "LTV1, LTV2 and the shape of the frames",
    ),
    "orbit_numbers": Variable(
        ("exp_time",),
        "float64",
        "1",
        "orbit of each frame",
        "gaps between exposures",
        "HUSTLE-tools takes it from the name of the file.",
    ),
    "read_noise": Variable(
        ("exp_time",),
        "float32",
        "electron",
        "read noise of each frame",
        "ERR and SCI",
        "Never NaN: HUSTLE-tools' median is NaN as soon as a pixel is more negative than its error allows.",
    ),
    "exp_duration": Variable(
        ("exp_time",), "float32", "s", "exposure duration", "EXPTIME", "Not in HUSTLE-tools' file."
    ),
    "bkg_vals": Variable(
        ("exp_time",),
        "float64",
        "electron",
        "background that the last of the steps 5a to 5c subtracted, a value a frame",
        STEPS,
        "Always there, zeros when none was subtracted. When the last was by column it is the median over the columns, "
        "since Stage 2 needs a number a frame; HUSTLE-tools writes (exp_time, columns) then. For the sky image it is "
        "the factor times the image's median, in electrons, not the factor alone.",
    ),
    "0th_order_pos": Variable(
        ("exp_time", "xy"),
        "float64",
        "pixel",
        "position of the 0th order (column, row)",
        STEPS,
        "Not in HUSTLE-tools' file. Zeros when not tracked.",
    ),
    "meanstar_disp": Variable(
        ("exp_time", "xy"),
        "float64",
        "pixel",
        "mean displacement of the stars (column, row)",
        STEPS,
        "Centroids are taken with the local background off, so that a motion comes out at its full size; NaN in a "
        "frame where no star is seen. Zeros when not tracked, as in HUSTLE-tools.",
    ),
    "exp_time": Variable(
        ("exp_time",),
        "float64",
        "d",
        "mid-exposure time, Modified Julian Date (UTC)",
        "EXPSTART and EXPEND",
    ),
    "exp_time_UT": Variable(
        ("exp_time",),
        "text",
        "",
        "mid-exposure time, ISO 8601 (UTC)",
        "EXPSTART and EXPEND",
        "Date and time of the middle; HUSTLE-tools has TIME-OBS, the time of day of the start.",
    ),
    "index": Variable(
        ("index",),
        "text",
        "",
        "edges of the subarray, in the order of subarr_coords",
        "left edge, right edge, bottom edge, top edge",
    ),
    "xy": Variable(
        ("xy",), "text", "", "axis of a position", "column, row", "A coordinate that HUSTLE-tools leaves out."
    ),
    "file_names": Variable(
        ("exp_time",), "text", "", "file of each exposure", FILES, "Not in HUSTLE-tools' file."
    ),
    "frame_problem": Variable(
        ("exp_time",),
        "text",
        "",
        "what failed in the exposure",
        "EXPTIME, EXPFLAG, QUALITY, FGSLOCK, and the light in the frame",
        "Not in HUSTLE-tools' file.",
    ),
    "file_checksums": Variable(
        ("exp_time",), "text", "", "SHA-256 of each file", FILES, "Not in HUSTLE-tools' file."
    ),
}

#: Attributes of the file that are not parameters: (what it is, origin, where it differs).
ATTRIBUTES: dict[str, tuple[str, str, str]] = {
    "target_posx": (
        "column of the target in the direct image [pixel], 0-indexed",
        "step 6a where it refined it, else the location given, else the header",
        "The location that the steps used is the one that is written, whoever gave it.",
    ),
    "target_posy": ("row of the target in the direct image [pixel], 0-indexed", "as target_posx", ""),
    "header_posx": ("column where the header puts the target", "WCS of the direct image", "Only here."),
    "header_posy": ("row where the header puts the target", "WCS of the direct image", "Only here."),
    "chip": ("chip of the detector, 1 or 2", "CCDCHIP", "Only here."),
    "target_name": ("name of the target", "TARGNAME", "Only here."),
    "filter": ("filter of the frames", "FILTER", "Only here."),
    "messages": ("what was adapted when the files were read", FILES, "Only here."),
    "Conventions": ("CF-1.11", "fixed", "Only here."),
    "title": ("what the file is", "fixed", "Only here."),
    "source": ("instrument and kind of files", "fixed", "Only here."),
    "steps": ("the steps in order, a sentence each", "the declarations", "Only here."),
    "versions": ("versions of the packages", "the installation", "Only here."),
    "injected": (
        "what was put into the visit, in words; only there when something was",
        "the injection",
        "Only here.",
    ),
    "result_id": ("hash of the result: frames, flags, numbers, parameters", STEPS, "Only here."),
    "date_created": ("when it was written, ISO 8601 (UTC)", "the clock", "Only here."),
}


def described(clean: xr.Dataset) -> xr.Dataset:
    """Return the dataset with units, names and dtypes as declared; cubes are left as they are."""
    for name, declared in VARIABLES.items():
        if name not in clean.variables:
            continue
        if name in clean.data_vars and clean[name].ndim < 3 and declared.dtype != "text":
            clean[name] = clean[name].astype(declared.dtype, copy=False)
        clean[name] = clean[name].assign_attrs(units=declared.unit or "1", long_name=declared.text)
    return clean


def background_a_frame(clean: xr.Dataset) -> xr.DataArray:
    """Return `bkg_vals` as Stage 2 reads it: one number a frame, zeros when no background was subtracted."""
    if "bkg_vals" not in clean:
        zeros = np.zeros(clean.sizes["exp_time"])
        return xr.DataArray(
            zeros, dims="exp_time", attrs={"comment": "no background was subtracted in this run"}
        )
    found = clean["bkg_vals"]
    if found.ndim == 1:
        return found
    method = found.attrs.get("method", "")
    columns = [dim for dim in found.dims if dim != "exp_time"]
    level = found.median(columns).assign_attrs(found.attrs)
    return level.assign_attrs(comment=f"median over the columns; each column's value is in bkg_vals_{method}")


def location_used(
    attrs: Mapping[str, Any], values: Mapping[str, Any], found: Mapping[str, Any]
) -> dict[str, float]:
    """Return the target's place as the steps used it, and the header's beside it.

    Parameters
    ----------
    attrs : mapping
        Of the visit, with the header's place.
    values : mapping
        Parameters, with the `location` that was given.
    found : mapping
        Facts of the steps, with the refined place if there is one.
    """
    header = _place(attrs.get("target_posx"), attrs.get("target_posy"))
    given = values.get("location")
    used = _place(found.get("target_posx"), found.get("target_posy"))
    if used is None:
        used = _place(*given) if given is not None else None
        # The parameter is the header's, rounded, unless somebody gave another.
        if header is not None and (used is None or math.dist(used, header) < 0.01):
            used = header
    places = {} if used is None else {"target_posx": used[0], "target_posy": used[1]}
    return places if header is None else {**places, "header_posx": header[0], "header_posy": header[1]}


def _place(column: Any, row: Any) -> tuple[float, float] | None:
    try:
        place = float(column), float(row)
    except (TypeError, ValueError):
        return None
    return place if all(map(math.isfinite, place)) else None
