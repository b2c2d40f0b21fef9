"""Step 3b: cosmic rays, rejected until none is left."""

from __future__ import annotations

from hustle_widgets.algorithms.temporal import Settled, clip_until_stable
from hustle_widgets.engine.blocks import Block
from hustle_widgets.engine.deltas import Patch
from hustle_widgets.engine.memos import BandMemo, band_memo
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.parameters import Real


class FreeIteration(Step):
    """Reject cosmic rays from each pixel's time series until none is left."""

    name, title, section = "free_iter", "Cosmic rays: free iteration", "3b"
    heading = ("Step 3b: Free iteration parameters",)
    switch = "do_free_iter"
    switch_help = "Reject outliers in time until none is left."
    by, flag, opens = "rows", 4, True
    flags_what, color = "Cosmic rays rejected in time", "vermillion"
    doing = "Iterating until no CRs are left..."
    done = "Free iterations complete."
    figure = "CR"
    live = "hustle_widgets.view.live.temporal:SeriesLive"
    tour = """
    The same, with median and scatter found anew until no outlier is left. The counts below should be level: a frame or
    an orbit that stands out has moved, or has more cosmic rays. The panel says how many of the pixels on the traces are
    flagged, against those off them; if the traces have more, the threshold eats the signal.
    """
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

    memo = staticmethod(band_memo(Settled))

    @staticmethod
    def compute(block: Block, *, free_sigma: float, memo: BandMemo[Settled] | None = None) -> Patch:
        """Clip all series of a band of rows; few end differently at the next threshold."""
        settled = None if memo is None else memo.of(block)
        return Patch.where(*clip_until_stable(block.images, free_sigma, settled))
