"""Histogram of a frame's pixels: range, chosen level and fitted Gaussian."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import bqplot
import ipywidgets
import numpy as np
from numpy.typing import ArrayLike

from hustle_widgets.view import theme
from hustle_widgets.view.plots.panel import Key, PlotPanel, in_words, nice_ticks, set_scale, span_of, update


class HistogramPlot(PlotPanel):
    """Histogram with limits that can be dragged.

    Parameters
    ----------
    x_label : str
        Label of the value axis, with unit.
    """

    def __init__(self, x_label: str = "Pixel value [e⁻]") -> None:
        # Without padding: bqplot would otherwise lift the ground by the size of the handles.
        self._x_scale = bqplot.LinearScale(allow_padding=False)
        # A logarithmic axis shows log10(counts + 1), so that empty bins have a place on it.
        self._y_scale = bqplot.LinearScale(allow_padding=False)
        scales = {"x": self._x_scale, "y": self._y_scale}
        self._bars = bqplot.Lines(
            scales=scales, colors=[theme.SKY], fill_colors=[theme.SKY], fill="bottom", fill_opacities=[0.5],
            stroke_width=1,
        )  # fmt: skip
        self._gauss = bqplot.Lines(scales=scales, colors=[theme.VERMILLION], stroke_width=2)
        self._chosen = bqplot.Lines(scales=scales, colors=[theme.CHOSEN], stroke_width=2.5)
        self._edges = bqplot.Lines(scales=scales, colors=[theme.BLACK], stroke_width=1.5, line_style="dashed")
        self._handles = [
            bqplot.Scatter(
                scales=scales, colors=[theme.BLACK], stroke=theme.GROUND, marker="square", default_size=150,
                enable_move=True, restrict_x=True, update_on_move=True,
            )
            for _ in range(2)
        ]  # fmt: skip
        for which, handle in enumerate(self._handles):
            handle.observe(lambda change, which=which: self._dragged(which, change["new"]), "x")
            handle.on_drag_start(lambda *_, handle=handle: setattr(self, "_held", handle))
            handle.on_drag_end(lambda *_: self._released())
        self._log = ipywidgets.Checkbox(
            value=False, description="log counts", indent=False,
        )  # fmt: skip
        self._log.observe(lambda _: self._draw(), "value")
        x_axis, self._y_axis = theme.axes(self._x_scale, self._y_scale, x_label)
        marks = [self._bars, self._gauss, self._edges, self._chosen, *self._handles]
        super().__init__(theme.figure(marks, [x_axis, self._y_axis]), self._log, values="Pixels")
        self._callbacks: list[Callable[[float, float], None]] = []
        self._held: Any = None
        self._limits: tuple[float, float] | None = None
        self._level = float("nan")
        self._level_name = self._title = ""
        self._steps: tuple[np.ndarray, np.ndarray] = (np.zeros(0), np.zeros(0))
        self._curve: tuple[np.ndarray, np.ndarray] | None = None

    def on_limits(self, callback: Callable[[float, float], None]) -> None:
        """Register a function of the lower and upper limit, called while one of them is dragged."""
        self._callbacks.append(callback)

    def show(
        self,
        edges: ArrayLike,
        counts: ArrayLike,
        *,
        limits: tuple[float, float] | None = None,
        chosen: float = float("nan"),
        gaussian: tuple[ArrayLike, ArrayLike] | None = None,
        chosen_label: str = "level",
        title: str = "",
    ) -> None:
        """Draw a histogram.

        Parameters
        ----------
        edges : array, shape (n + 1,)
            Edges of the bins [e-]; may reach beyond the limits, so that these can be moved out.
        counts : array, shape (n,)
            Pixels in each bin.
        limits : (float, float), optional
            The range that is used, drawn as two upright lines that can be dragged.
        chosen : float
            The level that was found, drawn as an upright line.
        gaussian : (x, y), optional
            A fitted curve, in pixels a bin.
        chosen_label : str
            What the level is, for the legend.
        title : str
            Heading.
        """
        edges, counts = np.asarray(edges, dtype=float), np.asarray(counts, dtype=float)
        if edges.size != counts.size + 1:
            raise ValueError(f"{counts.size} counts need {counts.size + 1} edges. Got {edges.size}.")
        self._steps = np.repeat(edges, 2)[1:-1], np.repeat(counts, 2)
        self._curve = None
        if gaussian is not None:
            self._curve = np.asarray(gaussian[0], dtype=float), np.asarray(gaussian[1], dtype=float)
        self._limits, self._level = limits, float(chosen)
        self._level_name, self._title = chosen_label, title
        self._draw()
        self._write_heading()

    def _write_heading(self) -> None:
        keys = []
        if np.isfinite(self._level):
            keys.append(Key(f"{self._level_name} {self._level:.4g}", theme.CHOSEN, "line"))
        if self._curve is not None:
            keys.append(Key("Gaussian fit", theme.VERMILLION, "line"))
        if self._limits is not None:
            keys.append(Key(f"range {self._limits[0]:.4g} to {self._limits[1]:.4g}", theme.BLACK, "dashed"))
        x, counts = self._steps
        told = [
            in_words("Counts a bin", counts[::2]),
            in_words("Bin edges", x),
            *(f"{key.text}." for key in keys),
        ]
        self.set_heading(self._title, keys, " ".join(told))

    def _height(self, counts: np.ndarray) -> np.ndarray:
        return np.log10(np.maximum(counts, 0) + 1) if self._log.value else counts

    def _draw(self) -> None:
        x, counts = self._steps
        y = self._height(counts)
        top = max(float(np.max(y, initial=0.0)), 1e-9) * 1.12
        if self._held is None:
            set_scale(self._x_scale, *span_of(x, self._limits or (), pad=0.03))
        set_scale(self._y_scale, 0.0, top)
        self._label_counts(top)
        update(self._bars, x=x, y=y)
        curve_x, curve_y = self._curve or (np.zeros(0), np.zeros(0))
        update(self._gauss, x=curve_x, y=self._height(curve_y))
        update(self._chosen, x=[self._level] * 2, y=[0.0, top])
        self._draw_limits()

    def _label_counts(self, top: float) -> None:
        if not self._log.value:
            self._y_axis.tick_values, self._y_axis.tick_labels = nice_ticks(0, top, 5), None
            return
        counts = [0, *(10**power for power in range(int(top) + 1))]
        # The browser looks labels up by the number as JavaScript writes it: few decimals, no '.0'.
        ticks = [round(math.log10(count + 1), 4) for count in counts]
        labels = {f"{tick:g}": f"{count:,}" for tick, count in zip(ticks, counts, strict=True)}
        with self._y_axis.hold_sync():
            self._y_axis.tick_labels, self._y_axis.tick_values = labels, np.array(ticks)

    def _draw_limits(self) -> None:
        top = self._y_scale.max
        both = self._limits or ()
        x = [value for limit in both for value in (limit, limit, np.nan)]
        update(self._edges, x=x, y=[0.0, top, np.nan] * len(both))
        for which, handle in enumerate(self._handles):
            if handle is not self._held:
                update(handle, x=[both[which]] if both else [], y=[top * 0.92] if both else [])

    def _dragged(self, which: int, x: np.ndarray) -> None:
        if self._limits is None or len(x) != 1 or x[0] == self._limits[which]:
            return  # set from here, not by the mouse
        low, high = self._limits
        at = float(x[0])
        # The limits may meet but not cross.
        self._limits = (min(at, high), high) if which == 0 else (low, max(at, low))
        self._draw_limits()
        self._write_heading()
        for callback in self._callbacks:
            callback(*self._limits)

    def _released(self) -> None:
        self._held = None
        self._draw()
