"""The clean visit: the frames with every delta applied, flags, tables and all parameters in one Dataset."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import xarray as xr

from hustle_widgets.clean_format import CUBE, background_a_frame, described, location_used
from hustle_widgets.config import format_value
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.lazy.arrays import lazy_variable
from hustle_widgets.lazy.result import BadFrames, CleanFrames, FlagFrames, protected, read_only
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step, first_paragraph
from hustle_widgets.steps.parameters import as_lists
from hustle_widgets.steps.setup import SetUp

Kinds = Sequence[type[Step]]


def not_science(kinds: Kinds) -> set[str]:
    """Return the keys whose values may differ between two records of the same result."""
    return {*SetUp.setup_parameters(), *(kind.switch for kind in kinds if kind.explicit)}


def flag_type(kinds: Kinds) -> type[np.unsignedinteger[Any]]:
    """Return the smallest unsigned type that holds the flag bits of all steps."""
    highest = max((kind.flag for kind in kinds), default=0)
    return np.uint8 if highest < 256 else np.uint16 if highest < 65536 else np.uint32


def clean_dataset(
    visit: xr.Dataset, state: State, values: Mapping[str, Any], kinds: Kinds = STAGE_1
) -> xr.Dataset:
    """Return the reduced visit.

    Parameters
    ----------
    visit : xarray.Dataset
        As it was loaded; not modified.
    state : State
        The visit behind the last step.
    values : mapping of str to object
        All parameters and switches by their keys in the config file.
    kinds : sequence of type of Step
        The steps of the chain, in order.

    Notes
    -----
    No cube is made: images, data_quality and badpix_mask are of the visit and the deltas of `state` when they
    are indexed, errors and hst_dq come from the visit. The visit cannot be changed through the result.
    """
    keep = state.kept_frames
    whole = keep.size == state.source.images.shape[0]
    dropped = [name for name in ("images", "data_quality", "badpix_mask") if name in visit]
    clean = protected(visit.drop_vars(dropped))
    clean = clean if whole else clean.isel(exp_time=keep)
    clean = clean.assign(images=lazy_variable(CUBE, CleanFrames(state)), **_flags(state, kinds))
    tables = _tables(state, kinds)
    for name in ("0th_order_pos", "meanstar_disp"):
        tables.setdefault(name, _untracked(state))
    clean = clean.assign(tables)
    clean["bkg_vals"] = background_a_frame(clean)
    clean = clean.assign_coords(xy=("xy", ["column", "row"]))
    # exp_time in "d", not CF's "days since ...", which xarray would turn into dates: Stage 2 expects numbers.
    clean = described(clean)
    facts = _facts(state)
    clean.attrs = {
        **visit.attrs,
        **facts,
        **location_used(visit.attrs, values, facts),
        **_provenance(values, kinds),
    }
    if state.source.injection is not None:
        clean.attrs["injected"] = state.source.injection.words
        clean.attrs["title"] = f"INJECTED, not observed: {clean.attrs['title']}"
    return clean


def result_id(state: State, values: Mapping[str, Any], kinds: Kinds = STAGE_1) -> str:
    """Return a short hash that two results share only if their frames, flags, numbers and parameters are alike.

    Notes
    -----
    The frames are told by the content of the visit and the deltas: none is made. Other processes find the same.
    """
    found = hashlib.blake2b(digest_size=12)
    found.update(state.source.token.encode() + state.kept_frames.tobytes())
    written = {kind.name for kind in kinds if kind.explicit}
    for name, outcome in state.outcomes.items():
        if name in written:
            continue
        found.update(name.encode())
        for array in _arrays(outcome):
            found.update(np.ascontiguousarray(array).data)
        for column, numbers in outcome.table.columns.items():
            found.update(column.encode() + np.ascontiguousarray(numbers).tobytes())
    left_out = not_science(kinds)
    science = {key: value for key, value in values.items() if key not in left_out}
    found.update(repr(sorted(science.items())).encode())
    return found.hexdigest()


def _arrays(outcome: Outcome) -> list[np.ndarray]:
    """Return the arrays that turn the frames and flags before a step into those behind it."""
    patch, offset = outcome.patch, outcome.offset
    found = [] if patch is None else [patch.index, patch.value]
    found += [] if offset is None else [offset.level, offset.template]
    return [array for array in found if array is not None]


def _untracked(state: State) -> tuple[Any, ...]:
    return ("exp_time", "xy"), np.zeros((state.shape[0], 2)), {"comment": "not tracked in this run"}


def _flags(state: State, kinds: Kinds) -> dict[str, Any]:
    flags = {kind.name: kind.flag for kind in kinds}
    quality = FlagFrames(state, {name: flags[name] for name in state.outcomes}, flag_type(kinds))
    flagging = [step for step in kinds if step.flag]
    attrs = {
        "long_name": "which steps flagged a pixel",
        "units": "1",
        "flag_masks": np.array([step.flag for step in flagging], dtype=quality.dtype),
        "flag_meanings": " ".join(step.name for step in flagging),
    }
    return {
        "data_quality": lazy_variable(CUBE, quality, attrs),
        "badpix_mask": lazy_variable(CUBE, BadFrames(state)),
    }


def _tables(state: State, kinds: Kinds) -> dict[str, Any]:
    found: dict[str, Any] = {}
    by_name = {kind.name: kind for kind in kinds}
    sizes: dict[str, tuple[int, str]] = {}
    for name, outcome in state.outcomes.items():
        for column, values in outcome.table.columns.items():
            unit, text, axes = by_name[name].record(column)
            for axis, size in zip(axes, values.shape[1:], strict=True):
                other, where = sizes.setdefault(axis, (size, column))
                if other != size:
                    raise ValueError(
                        f"{name}: the axis {axis!r} of its column {column!r} has {size} entries, that of {where!r} "
                        f"{other}: give it another name in `records`."
                    )
            dims, values = ("exp_time", *axes), read_only(values)
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
        name: value.item() if isinstance(value, np.generic) else value
        for outcome in state.outcomes.values()
        for name, value in outcome.table.facts.items()
        if isinstance(value, (str, int, float, np.bool_, np.integer, np.floating))
    }


def _provenance(values: Mapping[str, Any], kinds: Kinds) -> dict[str, Any]:
    attrs: dict[str, Any] = {
        "Conventions": "CF-1.11",
        "title": "HST WFC3/UVIS G280 visit after Stage 1 (reduction)",
        "source": "HST WFC3/UVIS G280, calwf3 FLT frames",
    }
    attrs |= {k: v if isinstance(v, str) else format_value(as_lists(v)) for k, v in values.items()}
    attrs["steps"] = "; ".join(
        f"{step.section} {step.name}: {first_paragraph(step.__doc__)}" for step in kinds
    )
    attrs["versions"] = package_versions()
    return attrs


def package_versions() -> str:
    """Return the versions of this package and of those it computes with."""
    packages = ("hustle_widgets", "numpy", "scipy", "astropy", "xarray", "bottleneck")
    found = [f"{package} {package_version(package)}" for package in packages]
    return ", ".join([*found, f"python {platform.python_version()}"])


def package_version(package: str) -> str:
    """Return the version of an installed package."""
    try:
        return version(package)
    except ModuleNotFoundError:
        return "unknown"
