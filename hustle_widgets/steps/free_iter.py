"""Step 3b: cosmic rays, rejected until none is left."""

from __future__ import annotations

import numpy as np

from hustle_widgets.algorithms.temporal import Settled, clip_until_stable
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Patch
from hustle_widgets.engine.history import changed_series
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.parameters import Real


class FreeIteration(Step):
    """Reject cosmic rays from each pixel's time series until none is left."""

    name, title, section = "free_iter", "Cosmic rays: free iteration", "3b"
    heading = ("Step 3b: Free iteration parameters",)
    switch = "do_free_iter"
    switch_help = "Reject outliers in time until none is left."
    by, flag = "rows", 4
    free_sigma = Real(
        3.5,
        (
            "How far from a pixel's median in time an outlier lies; median and scatter are found anew until "
            "no outlier is left."
        ),
        unit="sigma",
        above=0,
        soft=(2, 20),
    )

    @staticmethod
    def memo(state: State, previous: SettledBands | None = None) -> SettledBands:
        """Keep how the series end: few end differently at the next threshold, or are changed by an edit."""
        return previous if previous is not None and previous.follow(state) else SettledBands(state)

    @staticmethod
    def compute(block: Block, *, free_sigma: float, memo: SettledBands | None = None) -> Patch:
        """Clip all series of a band of rows."""
        settled = None if memo is None else memo.of(block)
        return Patch.where(*clip_until_stable(block.images, free_sigma, settled))


class SettledBands:
    """How the series of a visit end, in the bands of rows that it is cut into.

    Parameters
    ----------
    state : State
        The visit as it enters the step.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._bands: dict[tuple[int, int], Settled] = {}

    def of(self, block: Block) -> Settled:
        """Return what is known of a band."""
        rows = block.rows.start, block.rows.stop
        if rows not in self._bands:
            self._bands[rows] = Settled((rows[1] - rows[0]) * block.state.shape[2])
        return self._bands[rows]

    def follow(self, state: State) -> bool:
        """Forget the series that are no longer the same; return False if all may be others."""
        changed = changed_series(state, self._state)
        if changed is None:
            return False
        self._state = state
        columns = state.shape[2]
        for (start, stop), settled in self._bands.items():
            first, last = np.searchsorted(changed, (start * columns, stop * columns))
            if last > first:
                settled.forget(changed[first:last] - start * columns)
        return True
