"""The clean visit: the frames with every delta applied, flags, tables and all parameters in one Dataset."""

from __future__ import annotations

import hashlib
import platform
import zlib
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr

from hustle_widgets.config import format_value
from hustle_widgets.engine.blocks import Source, State
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step, first_paragraph
from hustle_widgets.steps.parameters import as_lists

CUBE = ("exp_time", "x", "y")
UNITS = {
    "images": ("electron", "cleaned frames; x is the row, y the column"),
    "errors": ("electron", "uncertainties of calwf3"),
    "direct_image": ("electron", "direct image"),
    "read_noise": ("electron", "read noise of each frame"),
    "exp_duration": ("s", "exposure duration"),
    "subarr_coords": ("pixel", "first and last full-chip columns and rows, 1-indexed, inclusive"),
    "orbit_numbers": ("1", "orbit of each frame"),
    "hst_dq": ("1", "data quality flags of calwf3, sums of bits"),
    "badpix_mask": ("1", "True where a pixel is flagged and has not been replaced"),
}

TEXTS = {
    "exp_time": "mid-exposure time, Modified Julian Date (UTC)",
    "exp_time_UT": "mid-exposure time, ISO 8601 (UTC)",
    "file_names": "file of each exposure",
    "index": "edges of the subarray, in the order of subarr_coords",
}
# What may differ between two records of the same result.
NOT_SCIENCE = ("toplevel_dir", "output_run", "verbose", "show_plots", "save_plots", "do_save")
KINDS: dict[str, type[Step]] = {step.name: step for step in STAGE_1}


def flag_type() -> type[np.unsignedinteger[Any]]:
    """Return the smallest unsigned type that holds the flag bits of all steps."""
    highest = max(step.flag for step in STAGE_1)
    return np.uint8 if highest < 256 else np.uint16 if highest < 65536 else np.uint32


def visit_source(visit: xr.Dataset, token: str) -> Source:
    """Return a visit as the engine sees it: read-only arrays, no copy of what is float32 already.

    Raises
    ------
    ValueError
        If the Dataset is not a visit, naming what it lacks.
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
    for name in ("images", "exp_time"):
        if visit[name].dtype.kind not in "iuf":
            what = "electrons" if name == "images" else "mid-exposure times as MJD"
            raise ValueError(
                f"The visit's {name!r} must be numbers, {what}. Got values of type {visit[name].dtype} instead."
            )
    images = _float32(visit["images"].data)
    n_frames = images.shape[0]

    def cube(name: str, fill: Any) -> np.ndarray:
        if name not in visit:
            return np.broadcast_to(fill, images.shape)
        if visit[name].shape != images.shape:
            raise ValueError(f"'{name}' has shape {visit[name].shape}, 'images' {images.shape}.")
        return np.asarray(visit[name].data)

    def column(name: str, fill: Any) -> np.ndarray:
        return np.asarray(visit[name].data) if name in visit else np.full(n_frames, fill)

    columns = {
        "exp_time": np.asarray(visit["exp_time"].data, dtype=np.float64),
        "orbit_numbers": column("orbit_numbers", 1),
        "read_noise": column("read_noise", 3.1),
        "exp_duration": column("exp_duration", np.nan),
    }
    subarray = tuple(visit["subarr_coords"].data) if "subarr_coords" in visit else None
    if subarray is not None and not (len(subarray) == 4 and np.isfinite(subarray).all()):
        raise ValueError(
            "'subarr_coords' must be four numbers: the first and last full-chip column, and row, 1-indexed. "
            f"Got {[*map(float, subarray)]} instead; leave it out when it is not known."
        )
    if subarray is not None and not _fits(subarray, images.shape[1:]):
        subarray = None  # a visit cut by hand: where it lies on the chip is no longer known
    chip = visit.attrs.get("chip", 2)
    if chip not in (1, 2):
        raise ValueError(f"The visit's attribute 'chip' must be 1 or 2. Got {chip!r} instead.")
    facts = {
        "direct_image": _float32(visit["direct_image"].data) if "direct_image" in visit else None,
        "subarr_coords": subarray,
        "chip": int(chip),
        "target": target_of(visit),
        "folder": visit.attrs.get("toplevel_dir", ""),
    }
    errors, hst_dq = cube("errors", np.float32(np.nan)), cube("hst_dq", np.int16(0))
    return Source(_read_only(images), _read_only(errors), _read_only(hst_dq), columns, facts, token)


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


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def clean_dataset(visit: xr.Dataset, state: State, values: Mapping[str, Any]) -> xr.Dataset:
    """Return the reduced visit.

    Parameters
    ----------
    visit : xarray.Dataset
        As it was loaded; not modified, and its `errors` and `hst_dq` are shared, not copied.
    state : State
        The visit behind the last step.
    values : mapping of str to object
        All parameters and switches by their keys in the config file.
    """
    keep = state.kept_frames
    whole = keep.size == state.source.images.shape[0]
    dropped = [name for name in ("images", "data_quality", "badpix_mask") if name in visit]
    clean = visit.drop_vars(dropped)
    clean = clean if whole else clean.isel(exp_time=keep)
    clean = clean.assign(images=(CUBE, state.images()), **_flags(state))
    tables = _tables(state)
    tables.setdefault("0th_order_pos", _untracked(state, "position of the 0th order (column, row)"))
    tables.setdefault("meanstar_disp", _untracked(state, "mean displacement of the stars (column, row)"))
    clean = clean.assign(tables)
    for name, (unit, text) in UNITS.items():
        if name in clean:
            clean[name] = clean[name].assign_attrs(units=unit, long_name=text)
    for name, text in TEXTS.items():
        if name in clean.variables:
            clean[name] = clean[name].assign_attrs(long_name=text)
    # Not CF's "days since ...", which xarray would turn into dates: Stage 2 expects first_paragraph numbers.
    clean["exp_time"] = clean["exp_time"].assign_attrs(units="d")
    clean = clean.assign_coords(xy=("xy", ["column", "row"], {"long_name": "axis of a position"}))
    clean.attrs = {**visit.attrs, **_facts(state), **_provenance(values)}
    return clean


def result_id(state: State, values: Mapping[str, Any]) -> str:
    """Return a short hash that two results share only if their frames, flags, numbers and parameters are alike."""
    found = hashlib.blake2b(digest_size=12)
    for frame in range(state.shape[0]):
        found.update(zlib.crc32(state.frame(frame).data).to_bytes(4, "little"))
    for name, outcome in state.outcomes.items():
        if KINDS[name].explicit:
            continue
        found.update(name.encode())
        if outcome.patch is not None:
            found.update(outcome.patch.index.tobytes())
        for column, numbers in outcome.table.columns.items():
            found.update(column.encode() + np.ascontiguousarray(numbers).tobytes())
    science = {key: value for key, value in values.items() if key not in NOT_SCIENCE}
    found.update(repr(sorted(science.items())).encode())
    return found.hexdigest()


def _untracked(state: State, text: str) -> tuple[Any, ...]:
    attrs = {"units": "pixel", "long_name": text, "comment": "not tracked in this run"}
    return ("exp_time", "xy"), np.zeros((state.shape[0], 2)), attrs


def _flags(state: State) -> dict[str, Any]:
    quality = np.zeros(state.shape, dtype=flag_type())
    bad = np.zeros(state.shape, dtype=bool)
    for name, outcome in state.outcomes.items():
        patch = outcome.patch
        if patch is not None:
            quality.reshape(-1)[patch.index] |= KINDS[name].flag
            # What a later step replaced is good again.
            bad.reshape(-1)[patch.index] = patch.value is None
    flagging = [step for step in STAGE_1 if step.flag]
    attrs = {
        "long_name": "which steps flagged a pixel",
        "units": "1",
        "flag_masks": np.array([step.flag for step in flagging], dtype=quality.dtype),
        "flag_meanings": " ".join(step.name for step in flagging),
    }
    return {"data_quality": (CUBE, quality, attrs), "badpix_mask": (CUBE, bad)}


def _tables(state: State) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, outcome in state.outcomes.items():
        for column, values in outcome.table.columns.items():
            unit, text, axes = KINDS[name].record(column)
            dims = ("exp_time", *axes)
            method = column == "bkg_vals"
            attrs = {"units": unit, "long_name": text}
            if method:  # each method under its own name, the last one as first_paragraph bkg_vals too
                found[f"bkg_vals_{name}"] = (dims, values, attrs)
                attrs = {**attrs, "method": name}
            found[column] = (dims, values, attrs)
        found.update(outcome.table.facts.get("variables", {}))
    return found


def _facts(state: State) -> dict[str, Any]:
    return {
        name: value
        for outcome in state.outcomes.values()
        for name, value in outcome.table.facts.items()
        if isinstance(value, (str, int, float))
    }


def _provenance(values: Mapping[str, Any]) -> dict[str, Any]:
    attrs: dict[str, Any] = {
        "Conventions": "CF-1.11",
        "title": "HST WFC3/UVIS G280 visit after Stage 1 (reduction)",
        "source": "HST WFC3/UVIS G280, calwf3 FLT frames",
    }
    attrs |= {k: v if isinstance(v, str) else format_value(as_lists(v)) for k, v in values.items()}
    attrs["steps"] = "; ".join(
        f"{step.section} {step.name}: {first_paragraph(step.__doc__)}" for step in STAGE_1
    )
    packages = ("hustle_widgets", "numpy", "scipy", "astropy", "xarray", "bottleneck")
    attrs["versions"] = ", ".join(f"{package} {_version(package)}" for package in packages)
    attrs["versions"] += f", python {platform.python_version()}"
    return attrs


def _version(package: str) -> str:
    try:
        return version(package)
    except ModuleNotFoundError:
        return "unknown"
