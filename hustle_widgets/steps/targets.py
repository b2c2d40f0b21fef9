"""Where the target, its orders and its 0th order are expected on the frames of a visit."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import bottleneck as bn
import numpy as np

from hustle_widgets.algorithms.centroid import target_position as source_position
from hustle_widgets.algorithms.centroid import zeroth_order_position
from hustle_widgets.algorithms.geometry import (
    Trace,
    measure_trace,
    trace_mask,
    traces_on_frame,
    zeroth_order_guess,
)
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.frame_names import sound_frames

FAR = 15.0  # pixels: the header's place is seldom as wrong as that
ORDERS = ("+1", "-1", "+2", "-2", "+3", "-3", "+4", "-4")


def target_position(state: State, location: tuple[float, float]) -> tuple[float, float]:
    """Return the target's (column, row): refined in the direct image if it was, else as given."""
    return refined_target(state) or location


def given_location(state: State, values: Mapping[str, Any]) -> tuple[float, float]:
    """Return where the target is said to be, (column, row): by the parameters, else by the visit's header."""
    return values.get("location") or state.facts["target"] or (0.0, 0.0)


def refined_target(state: State) -> tuple[float, float] | None:
    """Return the target's (column, row) as it was refined in the direct image, None if it was not."""
    for outcome in state.outcomes.values():
        if "target_posx" in outcome.table.facts:
            return outcome.table.facts["target_posx"], outcome.table.facts["target_posy"]
    return None


_found: WeakKeyDictionary[State, dict[Any, Any]] = WeakKeyDictionary()


def remembered(find: Callable[..., Any]) -> Callable[..., Any]:
    """Keep what is found in a state: every preview asks again, and several functions of one step do."""

    @functools.wraps(find)
    def ask(state: State, *arguments: Any, **keywords: Any) -> Any:
        known = _found.setdefault(state, {})
        key = (find, arguments, tuple(keywords.items()))
        if key not in known:
            known[key] = find(state, *arguments, **keywords)
        return known[key]

    return ask


@remembered
def found_zeroth(state: State, location: tuple[float, float]) -> tuple[float, float] | None:
    """Return the 0th order's (column, row), found near where it is expected; None when it is not there."""
    expected = expected_zeroth(state, location)
    if expected is None:
        return None
    try:
        return zeroth_order_position(median_frame(state, most=3), expected)
    except ValueError:  # no source near: nothing to protect, and no reason to stop
        return None


def median_frame(state: State, most: int = 7) -> np.ndarray:
    """Return the median of a few frames spread over the visit, none that failed, shape (rows, columns)."""
    sound = np.flatnonzero(sound_frames(state))
    chosen = np.unique(np.linspace(0, sound.size - 1, min(most, sound.size)).astype(int))
    return median_of([state.frame(number) for number in sound[chosen].tolist()])


def median_of(frames: list[np.ndarray]) -> np.ndarray:
    """Return the median of some frames, each (rows, columns), NaN ignored."""
    if len(frames) == 3:  # five times as fast as to sort, and three frames are what is mostly asked for
        low, middle = np.minimum(frames[0], frames[1]), np.maximum(frames[0], frames[1])
        median = np.maximum(low, np.minimum(middle, frames[2]))
        if not np.isnan(median).any():  # a NaN in any of the three is one here
            return median
    return bn.nanmedian(np.stack(frames), axis=0)


@remembered
def find_traces(
    state: State, location: tuple[float, float], orders: Iterable[str] = ORDERS, useful: bool = False
) -> tuple[dict[str, Trace], tuple[str, ...]]:
    """Return the traces on the frame by order, and remarks when they had to be measured instead.

    With `useful` only where the detector is sensitive enough for a spectrum; a mask wants all the light.
    """
    rows_columns = state.shape[1:]
    subarray = state.facts["subarr_coords"]
    if subarray is not None:
        target = target_position(state, location)
        traces = traces_on_frame(target, subarray, rows_columns, state.facts["chip"], orders, useful=useful)
        if traces:
            return traces, ()
        reason = f"no order of a target at column {target[0]:.1f}, row {target[1]:.1f} lies on the frame"
    else:
        reason = "the visit does not say where its subarray lies on the chip"
    measured = measure_trace(median_frame(state))
    if not measured.columns.size:
        return {}, (f"No trace: {reason}, and none was found by its light.",)
    return {"+1": measured}, (f"The trace was measured on the frames: {reason}.",)


def expected_zeroth(state: State, location: tuple[float, float]) -> tuple[float, float] | None:
    """Return where the 0th order is expected, (column, row), or None when that is off the frame."""
    column, row = zeroth_order_guess(target_position(state, location))
    _, rows, columns = state.shape
    return (column, row) if -20 <= column < columns + 20 and -20 <= row < rows + 20 else None


def near_header(state: State, place: tuple[float, float]) -> bool:
    """Tell whether a place is about where the header puts the target."""
    header = state.facts["target"]
    return header is not None and math.dist(place, header) <= FAR


@remembered
def source_of_header(state: State, location: tuple[float, float]) -> tuple[float, float] | None:
    """Return the source where the header puts the target, (column, row), if a location is far from there.

    None where the location is near, or where the header may well be wrong: the direct image shows nothing there.
    """
    header, direct = state.facts["target"], state.facts["direct_image"]
    if header is None or direct is None or near_header(state, location):
        return None
    try:
        column, row = source_position(direct, header)
    except ValueError:
        return None
    return None if math.dist((column, row), header) > FAR / 2 else (float(column), float(row))


def doubts_of(state: State, location: tuple[float, float]) -> tuple[str, ...]:
    """Return what makes a given location doubtful: it is far from the header's, where there is a source indeed."""
    if source_of_header(state, location) is None:
        return ()
    header = state.facts["target"]
    far = math.dist(location, header)
    return (
        f"CHECK 'location': column {location[0]:.1f}, row {location[1]:.1f} is {far:.0f} pixels from where the header "
        f"puts the target, column {header[0]:.1f}, row {header[1]:.1f}, and the direct image shows a source there. "
        "If the header is right, traces, light curve and wavelengths are not those of the target.",
    )


def background_region(
    state: State,
    rows: tuple[int, ...],
    mask_trace: bool,
    dist_from_trace: int,
    location: tuple[float, float],
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the mask of background pixels, shape (rows, columns), and remarks."""
    _, n_rows, n_columns = state.shape
    if not mask_trace:
        outside = [row for row in rows if row >= n_rows]
        if not rows or outside:
            what = f"holds row {outside[0]}" if outside else "is empty"
            raise ValueError(f"'rows' {what}; the frame has rows 0 to {n_rows - 1}.")
        mask = np.zeros((n_rows, n_columns), dtype=bool)
        mask[list(rows)] = True
        return mask, ()
    traces, notes = find_traces(state, location)
    zeroth = found_zeroth(state, location) or expected_zeroth(state, location)
    mask = ~trace_mask((n_rows, n_columns), traces, zeroth, dist_from_trace)
    # The mask must leave enough columns to interpolate between: on a small subarray the tutorial's is too wide.
    if mask.any(axis=0).mean() < 0.5:
        raise Unmet(
            f"'dist_from_trace' = {dist_from_trace} rows leaves no background in most columns of this frame of "
            f"{n_rows} rows: make it smaller, or set mask_trace to False and choose 'rows'."
        )
    lost = int((~mask.any(axis=0)).sum())
    if lost:
        notes = (*notes, f"{lost} of {n_columns} columns have no background pixel and are interpolated.")
    return mask, notes
