"""Where the target, its orders and its 0th order are expected on the frames of a visit."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakKeyDictionary

import bottleneck as bn
import numpy as np

from hustle_widgets.algorithms.centroid import zeroth_order_position
from hustle_widgets.algorithms.geometry import Trace, measure_trace, traces_on_frame, zeroth_order_guess
from hustle_widgets.engine.blocks import State

ORDERS = ("+1", "-1", "+2", "-2", "+3", "-3", "+4", "-4")


def target_position(state: State, location: tuple[float, float]) -> tuple[float, float]:
    """Return the target's (column, row): refined in the direct image if it was, else as given."""
    table = state.outcomes["location"].table if "location" in state.outcomes else None
    if table is not None and "target_posx" in table.facts:
        return table.facts["target_posx"], table.facts["target_posy"]
    return location


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
    """Return the median of a few frames spread over the visit, shape (rows, columns)."""
    n_frames = state.shape[0]
    numbers = np.unique(np.linspace(0, n_frames - 1, min(most, n_frames)).astype(int))
    return median_of([state.frame(number) for number in numbers])


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
