"""What the page shows at first: a pixel that tells something, not a dull one of the sky."""

from __future__ import annotations

import numpy as np

from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Patch
from hustle_widgets.steps.targets import find_traces
from hustle_widgets.view.frame.flagged_walk import by_change

# Rows from a trace within which a pixel counts as near to it.
NEAR = 15


def telling_pixel(
    before: State, patch: Patch | None, number: int, location: tuple[float, float]
) -> tuple[int, int] | None:
    """Return row and column of the flagged pixel near a trace that a step changes most, or of the most changed.

    Parameters
    ----------
    before : State
        The visit as it enters the step.
    patch : Patch or None
        What the step flags.
    number : int
        The frame.
    location : (column, row)
        Where the target is in the direct image.

    Returns
    -------
    (int, int) or None
        Without a flagged pixel, the middle of a trace; None without that.
    """
    traces, _ = find_traces(before, location, useful=True)
    _, rows, columns = before.shape
    places = np.empty(0, np.intp) if patch is None else by_change(patch, before, number)
    near = np.zeros(places.size, bool)
    for trace in traces.values():
        at = np.full(columns, np.inf)
        inside = (trace.columns >= 0) & (trace.columns < columns)
        at[trace.columns[inside]] = trace.rows[inside]
        near |= np.abs(places // columns - at[places % columns]) <= NEAR
    chosen = places[near] if near.any() else places
    if chosen.size:
        row, column = divmod(int(chosen[0]), columns)
        return row, column
    for trace in traces.values():
        middle = trace.columns.size // 2
        row, column = int(round(float(trace.rows[middle]))), int(trace.columns[middle])
        if 0 <= row < rows and 0 <= column < columns:
            return row, column
    return None
