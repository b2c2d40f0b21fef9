"""Step 3b: cosmic rays, rejected until none is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hustle_widgets.algorithms.drift_fit import Motion
from hustle_widgets.algorithms.drift_model import Followed, reject_off_model, reject_off_runs
from hustle_widgets.algorithms.temporal import Settled, clip_until_stable, farthest_lone_outlier
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Patch, Table
from hustle_widgets.engine.memos import BandMemo, band_memo
from hustle_widgets.engine.plan import Setting
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Column
from hustle_widgets.steps.following import (
    CLIPS_AT,
    NOTHING_FOLLOWED,
    OUT_OF_REACH,
    Following,
    flagged_before,
    follow,
    out_of_reach,
    replace_by_choice,
    replaced_by_flux,
    track_of,
    with_followed,
    without_location,
)
from hustle_widgets.steps.parameters import Choice, Real
from hustle_widgets.steps.trace_light import frames_named


class FreeIteration(Step):
    """Reject cosmic rays from each pixel's time series until none is left."""

    name, title, section = "free_iter", "Cosmic rays: free iteration", "3b"
    label = "Free iteration"
    heading = ("Step 3b: Free iteration parameters",)
    switch = "do_free_iter"
    switch_help = "Reject outliers in time until none is left."
    by, threshold, flag, opens = "rows", "free_sigma", 4, True
    flags_what, color = "Cosmic rays rejected in time", "vermillion"
    doing = "Iterating until no CRs are left..."
    done = "Free iterations complete."
    figure = "CR"
    follows, borrows = ("trace_disp", "traces"), ("zeroth_tracking.location",)
    records = {
        "trace_flux": Column("1", "light of the traces over its mean"),
        "trace_disp": Column(
            "pixel", "displacement of the traces from the first sound frame (column, row)", ("xy",)
        ),
    }
    live = "hustle_widgets.view.live.temporal:SeriesLive"
    tour = """
    The same, with median and scatter found anew until no outlier is left. The counts below should be level: a frame or
    an orbit that stands out has moved, or has more cosmic rays. The panel says how many of the pixels on the traces are
    flagged, against those off them; if the traces have more, the threshold eats the signal.
    """
    free_sigma = Real(
        3.5,
        (
            "Distance from a pixel's median in time beyond which a value is an outlier. Median and scatter are "
            "computed again without the outliers until none is left."
        ),
        unit="sigma",
        above=0,
        soft=(2, 20),
        advice="Lower it if cosmic rays are left; raise it if the flags draw the trace or scatter is below photons.",
    )

    free_model = Choice(
        None,
        (None, "drift"),
        (
            "What a series is compared with. None: its median, everywhere. 'drift': on the traces the star's light and "
            "the motion of the frames, so that neither a transit nor drift is taken for outliers and a rejected value "
            "becomes what the model says; 4 sigma is the threshold that fits it."
        ),
        added=True,
    )
    replace_by = replace_by_choice()

    memo = staticmethod(band_memo(Settled))

    @classmethod
    def setting(cls, values: Mapping[str, Any]) -> Setting:
        """Depend on the target's location only where the traces are followed."""
        return without_location(super().setting(values))

    @classmethod
    def matters(cls, name: str, state: State) -> tuple[float, float] | None:
        """End the slider where nothing can be rejected any more: with few frames that is soon."""
        if name != "free_sigma":
            return None
        return 1.5, float(np.ceil(10 * max(farthest_lone_outlier(state.shape[0]), 2.5)) / 10)

    @staticmethod
    def prepare(
        state: State,
        *,
        free_sigma: float,
        free_model: str | None,
        replace_by: str,
        location: tuple[float, float] | None = None,
        memo: BandMemo[Settled] | None = None,
        pause: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        """Follow the traces, if they are to be followed."""
        if free_model is None and replace_by == "median":
            return {"following": NOTHING_FOLLOWED}
        following = follow(state, location, memo)
        pause()
        traces = following.traces
        if traces is not None and free_model == "drift":
            light, floor, layout, motion = traces.light, traces.floor, traces.layout, traces.motion
            followed = reject_off_model(light, floor, layout, motion, free_sigma, pause)
            given = flagged_before(state, traces)
            runs = reject_off_runs(traces.full, given, floor, motion, followed, free_sigma)
            notes = following.notes + remarks(followed, motion)
            following = following._replace(followed=followed, runs=runs, notes=notes)
        return {"following": following}

    @staticmethod
    def compute(
        block: Block,
        *,
        free_sigma: float,
        replace_by: str = "median",
        following: Following = NOTHING_FOLLOWED,
        memo: BandMemo[Settled] | None = None,
    ) -> Patch:
        """Clip all series of a band of rows; few end differently at the next threshold."""
        settled = None if memo is None else memo.of(block)
        apart = following.apart(block.rows, block.images.shape[2])
        mask, values, counts = clip_until_stable(block.images, free_sigma, settled, apart)
        if replace_by == "flux":
            values = replaced_by_flux(block, mask, values, following)
        return with_followed(block, mask, values, counts, following)

    @staticmethod
    def finish(outcome: Outcome, state: State, *, free_sigma: float, following: Following) -> Outcome:
        """Add what was followed, and say when no outlier, however large, can reach the threshold."""
        found = track_of(following, state)
        facts, notes = {**found.facts, CLIPS_AT: free_sigma}, found.notes
        n_frames = state.shape[0]
        reach = farthest_lone_outlier(n_frames)
        if free_sigma > reach:
            where = "Off the traces" if following.followed is not None else ""
            facts[OUT_OF_REACH] = reach
            notes = (*notes, out_of_reach(n_frames, reach, free_sigma, where))
        table = Table(found.columns, facts, notes)
        return Outcome((*outcome.deltas, table))


def remarks(followed: Followed, motion: Motion) -> tuple[str, ...]:
    """Return what a person should know about the fit."""
    notes: tuple[str, ...] = ()
    untold = np.flatnonzero(followed.untold & np.isfinite(motion.flux))
    if untold.size:
        notes = (
            f"The traces in {frames_named(untold)} do not follow the others: nothing is rejected there.",
        )
    if len(followed.modes):
        more = len(followed.modes)
        notes = (
            *notes,
            f"Pixels of the traces share {more} more course{'s' * (more > 1)} in time than light and drift.",
        )
    return notes
