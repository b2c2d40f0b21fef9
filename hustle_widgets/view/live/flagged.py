"""Live view of a step that flags pixels: how many in each frame. The shared image marks them."""

from __future__ import annotations

import numpy as np

from hustle_widgets.view import theme
from hustle_widgets.view.live.base import Live, S, count_in_frames
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.selection import Selection


class FlaggedLive(Live[S]):
    """Pixels flagged in each frame; subclasses add what is theirs, and place both."""

    def __init__(self, step: S, selection: Selection) -> None:
        super().__init__(step, selection)
        self.counts = CurvePlot("Time since first frame [h]", "Flagged pixels")

    def update(self) -> None:
        """Draw the counts of the last result."""
        outcome = self.outcome
        if outcome is None or outcome.patch is None:
            return
        patch = outcome.patch
        counts = count_in_frames(patch)
        pixels = int(np.prod(patch.shape[1:]))
        self.counts.show(
            *self.count_curves(patch.counts),
            title=f"{counts.sum():,} pixels flagged, {counts.mean() / pixels * 100:.3f} % of a frame",
            y_limits=(0.0, 1.1 * max(1.0, float(patch.counts.max(initial=0)), float(counts.max(initial=0)))),
            vertical=(self.hour,),
        )

    def count_curves(self, counts: np.ndarray) -> list[Curve]:
        """Return the curves of counts, shape (rounds, frames)."""
        return [Curve("flagged in each frame", self.hours, counts.sum(axis=0), color=theme.REJECTED)]

    def redraw(self) -> None:
        """Leave the counts: those of all frames come with the full result."""
