"""Step 3a: cosmic rays, a fixed number of rejections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hustle_widgets.algorithms.temporal import Peaks, clip_fixed, farthest_lone_outlier
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Patch, Table
from hustle_widgets.engine.memos import BandMemo, band_memo
from hustle_widgets.engine.plan import Setting
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Lines
from hustle_widgets.steps.following import (
    CLIPS_AT,
    NOTHING_FOLLOWED,
    OUT_OF_REACH,
    Following,
    follow,
    followed_facts,
    out_of_reach,
    replace_by_choice,
    replaced_by_flux,
    without_location,
)
from hustle_widgets.steps.parameters import Reals, Whole
from hustle_widgets.steps.words import pixels


class FixedIteration(Step):
    """Reject outliers from each pixel's time series a fixed number of times."""

    name, title, section = "fixed_iter", "Cosmic rays: fixed iteration", "3a"
    label = "Fixed iteration"
    heading = ("Step 3: Reject cosmic rays with time iteration", "Step 3a: Fixed iteration parameters")
    switch = "do_fixed_iter"
    switch_help = "Reject outliers in time a fixed number of times."
    by, threshold, flag = "rows", "fixed_sigmas", 2
    borrows = ("zeroth_tracking.location",)
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
        (
            "Distance from a pixel's median in time beyond which a value is an outlier; one threshold for each "
            "iteration."
        ),
        unit="sigma",
        above=0,
        soft=(2, 20),
    )
    replacement = Whole(
        None,
        "An outlier becomes the median of this many frames before and after it.",
        unit="frames",
        min=1,
        soft=(1, 20),
        optional="the whole timeseries",
        advice="Lower it when the sky changes during the visit; None uses every frame.",
    )

    replace_by = replace_by_choice()

    memo = staticmethod(band_memo(Peaks))

    @classmethod
    def setting(cls, values: Mapping[str, Any]) -> Setting:
        """Depend on the target's location only where the traces are followed."""
        return without_location(super().setting(values))

    @staticmethod
    def prepare(
        state: State,
        *,
        replace_by: str,
        location: tuple[float, float] | None = None,
        memo: BandMemo[Peaks] | None = None,
    ) -> dict[str, Any]:
        """Follow the traces, if outliers are replaced by their light."""
        return {"following": follow(state, location, memo) if replace_by == "flux" else NOTHING_FOLLOWED}

    @staticmethod
    def compute(
        block: Block,
        *,
        fixed_sigmas: tuple[float, ...],
        replacement: int | None,
        replace_by: str = "median",
        following: Following = NOTHING_FOLLOWED,
        memo: BandMemo[Peaks] | None = None,
    ) -> Patch:
        """Clip all series of a band of rows; most reach no threshold."""
        peaks = None if memo is None else memo.of(block)
        mask, values, counts = clip_fixed(block.images, fixed_sigmas, replacement, peaks)
        if replace_by == "flux":
            values = replaced_by_flux(block, mask, values, following, replacement)
        return Patch.where(mask, values, counts)

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
    def finish(
        outcome: Outcome, state: State, *, fixed_sigmas: tuple[float, ...], following: Following
    ) -> Outcome:
        """Say when no outlier, however large, can reach the threshold."""
        n_frames = state.shape[0]
        reach = farthest_lone_outlier(n_frames)
        beyond = [sigma for sigma in fixed_sigmas if sigma >= reach]
        notes = (out_of_reach(n_frames, reach, min(beyond)),) if beyond else ()
        facts = followed_facts(following)
        if fixed_sigmas:
            facts[CLIPS_AT] = min(fixed_sigmas)
        if fixed_sigmas and len(beyond) == len(fixed_sigmas):
            facts[OUT_OF_REACH] = reach
        return Outcome((*outcome.deltas, Table(facts=facts, notes=following.notes + notes)))
