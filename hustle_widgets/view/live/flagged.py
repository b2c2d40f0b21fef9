"""Live view of a step that flags pixels: how many in each frame. The shared image marks them."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from hustle_widgets.view import theme
from hustle_widgets.view.curve_plot import Curve, CurvePlot
from hustle_widgets.view.live.base import Live, count_in_frames, series_of
from hustle_widgets.view.look import Look
from hustle_widgets.view.series_plot import SeriesPlot


class FlaggedLive(Live):
    """Pixels flagged in each frame."""

    def __init__(self, step: Any, look: Look) -> None:
        super().__init__(step, look)
        self.counts = CurvePlot("Time since first frame [h]", "Flagged pixels", height="210px")
        self.widget = self.counts.widget

    def update(self) -> None:
        """Draw the counts of the last result."""
        outcome = self.outcome
        if outcome is None or outcome.patch is None:
            return
        counts = count_in_frames(outcome.patch)
        total = int(np.prod(outcome.patch.shape[1:]))
        share = counts.mean() / total * 100
        self.counts.show(
            Curve("flagged in each frame", self.hours, counts, color=theme.REJECTED),
            title=f"{counts.sum():,} pixels flagged, {share:.3f} % of a frame",
            vertical=(self.hour,),
        )

    def close(self) -> None:
        """Close the plot."""
        self.counts.close()


class SeriesLive(FlaggedLive):
    """The clicked pixel's time series with the rejection band, and the pixels flagged in each frame."""

    def __init__(self, step: Any, look: Look) -> None:
        super().__init__(step, look)
        self.series = SeriesPlot(height="230px")
        self.series.on_threshold(self._dragged)
        self.widget = w.VBox([self.series.widget, self.counts.widget], layout=w.Layout(width="100%"))

    def _dragged(self, threshold: float) -> None:
        threshold = max(round(threshold, 2), 0.01)
        if self.step.name == "free_iter":
            self.step.free_sigma = threshold
        elif self.step.fixed_sigmas:
            self.step.fixed_sigmas = (*self.step.fixed_sigmas[:-1], threshold)

    def threshold(self) -> float:
        """Return the threshold in use: the last one of a fixed iteration."""
        if self.step.name == "free_iter":
            return float(self.step.free_sigma)
        return float(self.step.fixed_sigmas[-1]) if self.step.fixed_sigmas else float("nan")

    def preview(self) -> None:
        """Clip the pixel's series with the present parameters: exact, and quick."""
        state, row, column = self.state, self.look.row, self.look.column
        series = series_of(state, row, column)
        patch = self.computed_on(slice(0, series.size), slice(row, row + 1)).patch
        assert patch is not None
        rejected = patch.mask(slice(0, series.size), slice(0, 1))[:, 0, column]
        kept = series[~rejected & np.isfinite(series)].astype(float)
        self.series.show(
            series,
            centre=float(np.median(kept)) if kept.size else float("nan"),
            sigma=float(np.std(kept)) if kept.size else float("nan"),
            threshold=self.threshold(),
            rejected=rejected,
            here=self.look.frame,
            title=f"Pixel at row {row}, column {column} (click another on the frame)",
        )

    def update(self) -> None:
        """Draw both plots."""
        super().update()
        self.preview()

    def close(self) -> None:
        """Close the plots."""
        super().close()
        self.series.close()
