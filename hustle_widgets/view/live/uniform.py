"""Live view of the uniform background: the histogram it is taken from, its limits, and the level of each frame."""

from __future__ import annotations

import bottleneck as bn
import numpy as np

from hustle_widgets.algorithms.background import region_values, uniform_level
from hustle_widgets.algorithms.histogram import bin_values, fit_gaussian
from hustle_widgets.engine.deltas import Offset, Outcome
from hustle_widgets.steps.uniform import UniformBackground
from hustle_widgets.view import theme
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.live.boxes import BoxEditor
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.plots.histogram_plot import HistogramPlot
from hustle_widgets.view.selection import Selection

# More bins than this cannot be told apart in the plot.
BINS_DRAWN = 500
FITS = {None: "mode", "median": "median", "Gaussian": "Gaussian"}


class UniformLive(Live[UniformBackground]):
    """Histogram with mode, median and Gaussian fit, limits that are dragged, and the level of each frame."""

    decorations = ("bounds",)

    def __init__(self, step: UniformBackground, selection: Selection) -> None:
        super().__init__(step, selection)
        self.editor = BoxEditor(self, "bounds")
        self.histogram = HistogramPlot()
        self.histogram.on_limits(self.dragged)
        self.levels = CurvePlot("Time since first frame [h]", "Background [e⁻]")
        self.widget = self.boxed(self.editor.widget, self.histogram.widget, self.levels.widget)
        self._limits = (0.0, 1.0)
        self._level: float | None = None

    def decorate(self, image: FrameImage) -> None:
        """Draw the regions."""
        super().decorate(image)
        self.editor.draw(image)

    def dragged(self, low: float, high: float) -> None:
        """Take the limits that the mouse has moved; one that stays None was not touched."""
        moved = {
            name: float(f"{value:.4g}")
            for name, value, shown in zip(("hist_min", "hist_max"), (low, high), self._limits, strict=True)
            if value != shown
        }
        self._limits = (low, high)
        self.act(**moved)

    def redraw(self) -> None:
        """Draw the histogram of the frame on display with the present parameters."""
        self._level = None
        try:
            self._draw()
        except ValueError as error:  # also said on the step, when the computation gets there
            self.histogram.set_heading(str(error), sentence="There is nothing to draw.")

    def _draw(self) -> None:
        step, upstream = self.step, self.upstream
        boxes = upstream.prepared(type(step), self.parameters)["bounds"]
        values = region_values(upstream.frame(self.number), boxes)
        low, high = step.hist_min, step.hist_max
        inside = np.ones(values.size, bool)
        if low is not None:
            inside &= values > low
        if high is not None:
            inside &= values < high
        used = values[inside]
        if not used.size:
            raise ValueError("No pixel of the regions lies between hist_min and hist_max: widen the range.")
        found = bin_values(used, low, high, step.hist_bins)
        median = float(bn.median(used))
        levels = {"mode": found.mode, "median": median}
        curve = None
        try:
            gaussian = fit_gaussian(found, used)
            levels["Gaussian"] = gaussian.mean
        except ValueError:
            gaussian = None
        chosen = FITS[step.fit]
        self._level = levels.get(chosen)
        if step.fit == "median" and step.skew_corrected:
            own = {name: getattr(step, name) for name in step.parameters}
            self._level = uniform_level(upstream.frame(self.number), **{**own, "bounds": boxes})
        edges, counts, merged = self._drawn(values, found.edges, median)
        if gaussian is not None:
            x = np.linspace(gaussian.mean - 4 * gaussian.std, gaussian.mean + 4 * gaussian.std, 161)
            curve = x, gaussian(x) * merged
        self._limits = (
            edges[0] if low is None else low,
            edges[-1] if high is None else high,
        )
        words = ", ".join(f"{name} {value:.2f}" for name, value in levels.items())
        self.histogram.show(
            edges,
            counts,
            limits=self._limits,
            chosen=float("nan") if self._level is None else self._level,
            gaussian=curve,
            chosen_label=f"background ({chosen})",
            title=f"{words} e⁻",
        )

    def _drawn(
        self, values: np.ndarray, edges: np.ndarray, median: float
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Return edges and counts to draw, beyond the limits too, and how much wider the bins are."""
        step = self.step
        spread = max(median - float(np.percentile(values[:: 1 + values.size // 20_000], 5)), 1.0)
        low = median - 6 * spread if step.hist_min is None else step.hist_min
        high = median + 12 * spread if step.hist_max is None else step.hist_max
        margin = 0.25 * max(high - low, 0.0)
        low, high = low - margin, high + margin
        width = float(edges[1] - edges[0])
        merged = max(1, int(np.ceil((high - low) / width / BINS_DRAWN)))
        count = int(np.clip((high - low) / (width * merged), 4, BINS_DRAWN))
        counts, drawn = np.histogram(values, bins=count, range=(low, high))
        return drawn, counts, float(drawn[1] - drawn[0]) / width

    def update(self) -> None:
        """Draw histogram and levels."""
        self.redraw()
        outcome = self.outcome
        if outcome is None or "bkg_vals" not in outcome.table.columns:
            return
        values = np.asarray(outcome.table.columns["bkg_vals"], dtype=float)
        self.levels.show(
            Curve("background of each frame", self.hours, values, color=theme.BLUE),
            title=f"Median {np.nanmedian(values):.2f} e⁻, from {np.nanmin(values):.2f} to {np.nanmax(values):.2f}",
            vertical=(self.hour,),
        )

    def look_ahead(self) -> Outcome | None:
        """Take the level off that the histogram shows."""
        if self._level is None:
            return None
        levels = np.zeros(self.upstream.state.shape[0], np.float32)
        levels[self.number] = self._level
        return Outcome((Offset(levels),))
