"""Step 3a: cosmic rays, a fixed number of rejections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hustle_widgets.algorithms.temporal import Peaks, clip_fixed
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Patch, Table
from hustle_widgets.engine.memos import BandMemo, band_memo
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Lines
from hustle_widgets.steps.parameters import Reals, Whole
from hustle_widgets.steps.words import pixels


class FixedIteration(Step):
    """Reject outliers from each pixel's time series a fixed number of times."""

    name, title, section = "fixed_iter", "Cosmic rays: fixed iteration", "3a"
    heading = ("Step 3: Reject cosmic rays with time iteration", "Step 3a: Fixed iteration parameters")
    switch = "do_fixed_iter"
    switch_help = "Reject outliers in time a fixed number of times."
    by, flag = "rows", 2
    flags_what, color, line = "Cosmic rays rejected in time", "orange", "--"
    doing = "Iterating with fixed sigmas to remove CRs..."
    done = "Fixed iterations complete."
    figure = "CR"
    live = "hustle_widgets.view.live.temporal:FixedSeriesLive"
    tour = """
    The series is the chosen pixel in all frames, the band its threshold: drag an edge of it. A cross is rejected, the
    diamond below is what replaces it. The buttons above choose the iteration. With N frames a lone outlier reaches at
    most N / sqrt(N - 1) sigma, so that the tutorial's 10 and 10 flag nothing in 74 frames; here they are 6 and 5.
    """
    fixed_sigmas = Reals(
        (10, 10),
        "How far from a pixel's median in time an outlier lies; one threshold for each iteration.",
        unit="sigma",
        above=0,
        soft=(2, 20),
    )
    replacement = Whole(
        None,
        "Outliers are replaced by the median of this many frames before and after.",
        unit="frames",
        min=1,
        soft=(1, 20),
        optional="the whole timeseries",
    )

    memo = staticmethod(band_memo(Peaks))

    @staticmethod
    def compute(
        block: Block,
        *,
        fixed_sigmas: tuple[float, ...],
        replacement: int | None,
        memo: BandMemo[Peaks] | None = None,
    ) -> Patch:
        """Clip all series of a band of rows; most reach no threshold."""
        peaks = None if memo is None else memo.of(block)
        return Patch.where(*clip_fixed(block.images, fixed_sigmas, replacement, peaks))

    @classmethod
    def words(cls, outcome: Outcome, parameters: Mapping[str, Any]) -> Lines:
        """Say with which threshold each iteration was made."""
        sigmas = parameters["fixed_sigmas"]
        return (
            []
            if outcome.patch is None
            else pixels(cls, outcome.patch, lambda k: f" with sigma {sigmas[k]:.2f}")
        )

    @staticmethod
    def finish(outcome: Outcome, state: State, *, fixed_sigmas: tuple[float, ...]) -> Outcome:
        """Say when no outlier, however large, can reach the threshold."""
        n_frames = state.shape[0]
        reach = n_frames / np.sqrt(n_frames - 1) if n_frames > 1 else 0.0
        out_of_reach = [sigma for sigma in fixed_sigmas if sigma >= reach]
        if not out_of_reach:
            return outcome
        note = (
            f"With {n_frames} frame{'s' * (n_frames > 1)} a lone outlier reaches at most {reach:.2f} sigma: "
            f"a threshold of {min(out_of_reach):g} flags nothing."
        )
        return Outcome((*outcome.deltas, Table(notes=(note,))))
