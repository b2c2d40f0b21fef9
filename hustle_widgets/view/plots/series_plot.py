"""One pixel in time: its values, their median, the rejection band, what is rejected and what replaces it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bqplot
import numpy as np
from numpy.typing import ArrayLike

from hustle_widgets.view import theme
from hustle_widgets.view.plots.panel import Key, PlotPanel, break_gaps, in_words, set_axis, span_of, update

# How far the handles of the upper and lower edge are from the right end, as a share of the axis. Beside a large
# outlier the band is narrow: one above the other, one handle would hide the other.
HANDLES_ASIDE = (0.03, 0.08)


class SeriesPlot(PlotPanel):
    """Time series of a pixel with its rejection band.

    Parameters
    ----------
    y_label : str
        Label of the value axis, with unit.
    """

    def __init__(self, y_label: str = "Value [e⁻]") -> None:
        self._x_scale, self._y_scale = (
            bqplot.LinearScale(allow_padding=False),
            bqplot.LinearScale(allow_padding=False),
        )
        scales = {"x": self._x_scale, "y": self._y_scale}
        self._band = bqplot.Lines(
            scales=scales,
            colors=[theme.BAND],
            fill_colors=[theme.BAND],
            fill="between",
            fill_opacities=[0.25, 0.25],
            line_style="dashed",
            stroke_width=1.5,
        )
        self._centre = bqplot.Lines(scales=scales, colors=[theme.CENTRE], stroke_width=1.5)
        self._line = bqplot.Lines(scales=scales, colors=[theme.GREY], stroke_width=1)
        self._kept = bqplot.Scatter(scales=scales, colors=[theme.KEPT], default_size=34, stroke_width=0)
        self._rejected = bqplot.Scatter(
            scales=scales, colors=[theme.REJECTED], marker="cross", default_size=110, stroke_width=0
        )
        self._new = bqplot.Scatter(
            scales=scales,
            colors=[theme.REJECTED],
            marker="diamond",
            fill=False,
            default_size=70,
            stroke_width=2,
        )
        self._here = bqplot.Scatter(
            scales=scales, colors=[theme.BLACK], marker="circle", fill=False, default_size=180, stroke_width=2
        )
        # Each side of the band has a handle. The other handle and the band follow the one that is dragged.
        self._handles = [
            bqplot.Scatter(
                scales=scales,
                colors=[theme.BLUE],
                stroke=theme.GROUND,
                marker="square",
                default_size=130,
                enable_move=True,
                restrict_y=True,
                update_on_move=True,
                visible=False,
            )
            for _ in (1, -1)
        ]
        for handle, sign in zip(self._handles, (1, -1), strict=True):
            handle.observe(lambda change, sign=sign: self._dragged(change["new"], sign), "y")
            handle.on_drag_start(lambda *_, handle=handle: setattr(self, "_held", handle))
            handle.on_drag_end(lambda *_: self._released())
        self._x_axis, self._y_axis = theme.axes(self._x_scale, self._y_scale, "Frame")
        points = [self._kept, self._rejected, self._new, self._here]
        marks = [self._band, self._line, self._centre, *points, *self._handles]
        super().__init__(theme.figure(marks, [self._x_axis, self._y_axis]), values=y_label)
        self._held: Any = None  # the handle under the mouse
        self._callbacks: list[Callable[[float], None]] = []
        self._span = self._data_limits = (0.0, 1.0)
        self._counts, self._title, self._words, self._replaces = 0, "", "", False
        self._centre_is, self._varies = "median", False
        self._centre_value = self._sigma = self._threshold = float("nan")
        # Abscissae of the band, and what its centre and sigma are there.
        self._band_x = self._centres = self._sigmas = np.empty(0)
        self._found = self._band_x, self._centres, self._sigmas

    def on_threshold(self, callback: Callable[[float], None]) -> None:
        """Register a function of the threshold in sigma, called while an edge of the band is dragged."""
        self._callbacks.append(callback)

    def show(
        self,
        values: ArrayLike,
        *,
        centre: ArrayLike = float("nan"),
        sigma: ArrayLike = float("nan"),
        threshold: float | None = None,
        rejected: ArrayLike | None = None,
        replaced: ArrayLike | None = None,
        x: ArrayLike | None = None,
        x_label: str = "Frame",
        here: int | None = None,
        title: str = "",
        centre_is: str = "median",
    ) -> None:
        """Draw a series.

        Parameters
        ----------
        values : array, shape (n,)
            The pixel's values, NaN where there is none.
        centre, sigma : float or array, shape (n,)
            Median, or what else a value is compared with, and standard deviation that the rejection used: one for all
            values or one for each. Where they are NaN there is no band.
        threshold : float, optional
            Half width of the band in sigma. Without it no band is drawn.
        rejected : array of bool, shape (n,), optional
            True where a value is rejected.
        replaced : array, shape (n,), optional
            The series after that; drawn where a value is rejected.
        x : array, shape (n,), optional
            Abscissa; without it the number of the frame.
        x_label : str
            Its label, with unit.
        here : int, optional
            Index of the frame on display; it gets a ring.
        title : str
            For example which pixel it is.
        centre_is : str
            What the centre is.
        """
        y = np.asarray(values, dtype=float)
        x = np.arange(y.size, dtype=float) if x is None else np.asarray(x, dtype=float)
        out = np.zeros(y.size, dtype=bool) if rejected is None else np.asarray(rejected, dtype=bool)
        good = np.isfinite(y)
        self._threshold = float("nan") if threshold is None else float(threshold)
        self._span = span_of(x, pad=0.03)
        self._take_band(x, np.asarray(centre, dtype=float), np.asarray(sigma, dtype=float))
        self._x_axis.label = x_label
        set_axis(self._x_axis, *self._span)
        self._data_limits = span_of(y, self._centres, pad=0.0)
        self._fit()
        x_line, (y_line,) = break_gaps(x[good & ~out], y[good & ~out])
        update(self._line, x=x_line, y=y_line)
        update(self._kept, x=x[good & ~out], y=y[good & ~out])
        update(self._rejected, x=x[good & out], y=y[good & out])
        new = np.empty(0) if replaced is None else np.asarray(replaced, dtype=float)[good & out]
        update(self._new, x=x[good & out][: new.size], y=new)
        ring = [here] if here is not None and 0 <= here < y.size and good[here] else []
        update(self._here, x=[x[i] for i in ring], y=[y[i] for i in ring])
        update(self._centre, x=self._band_x, y=self._centres)
        self._draw_band()
        self._counts, self._title, self._replaces = int(out.sum()), title, new.size > 0
        self._words = f"{self.values} against {x_label}. {in_words('Kept', y[good & ~out])}"
        self._centre_is = centre_is
        self._write_heading()

    def _take_band(self, x: np.ndarray, centre: np.ndarray, sigma: np.ndarray) -> None:
        """Note where the band lies; the handles hold it at its right end."""
        if not centre.ndim and not sigma.ndim:
            x, centre, sigma = np.array(self._span), np.repeat(centre, 2), np.repeat(sigma, 2)
        centre, sigma = np.broadcast_to(centre, x.shape), np.broadcast_to(sigma, x.shape)
        known = np.isfinite(centre) & np.isfinite(sigma)
        self._found = x[known], centre[known], sigma[known]
        self._take_found()

    def _write_heading(self) -> None:
        keys = [Key("kept", theme.KEPT), Key(f"rejected: {self._counts}", theme.REJECTED, "cross")]
        if self._replaces:
            keys.append(Key("replaced by", theme.REJECTED, "diamond"))
        if np.isfinite(self._centre_value):
            value = "" if self._varies else f" {self._centre_value:.4g}"
            keys.append(Key(f"{self._centre_is}{value}", theme.CENTRE, "line"))
        if np.isfinite(self._half_width()):
            sigma = float(np.median(self._sigmas))
            keys.append(Key(f"± {self._threshold:.3g} σ (σ = {sigma:.3g})", theme.BAND, "dashed"))
        told = [self._words, *(f"{key.text}." for key in keys[1:] if key.text != "replaced by")]
        self.set_heading(self._title, keys, " ".join(told))

    def _half_width(self) -> float:
        return self._threshold * self._sigma

    def _fit(self) -> None:
        # Not while the mouse holds it: the edge would run away.
        if self._held is None:
            half = self._threshold * self._sigmas
            set_axis(
                self._y_axis,
                *span_of(self._data_limits, self._centres - half, self._centres + half),
                most=4,
            )

    def _take_found(self) -> None:
        # Not while the mouse holds an edge: a lower threshold rejects more, which makes sigma smaller. Measured in
        # that sigma, an edge that rests would be a higher threshold at each look.
        if self._held is None:
            self._band_x, self._centres, self._sigmas = self._found
            self._centre_value, self._sigma = (
                float(values[-1]) if values.size else float("nan") for values in (self._centres, self._sigmas)
            )
            self._varies = bool(np.ptp(self._centres) if self._centres.size else False)

    def _released(self) -> None:
        self._held = None
        self._take_found()
        self._fit()
        self._draw_band()
        self._write_heading()

    def _draw_band(self) -> None:
        half, centre = self._half_width(), self._centre_value
        shown = bool(np.isfinite(half) and np.isfinite(centre))
        if shown:
            edges = [self._centres + sign * self._threshold * self._sigmas for sign in (1, -1)]
            update(self._band, x=[self._band_x] * 2, y=edges, visible=True)
        else:
            self._band.visible = False
        first, last = self._span
        for handle, sign, aside in zip(self._handles, (1, -1), HANDLES_ASIDE, strict=True):
            at = last - aside * (last - first)
            # The browser owns the handle under the mouse: moving it from here would tear it away.
            if handle is not self._held:
                y = [centre + sign * half] if shown else []
                update(handle, x=[at] if shown else [], y=y, visible=shown)

    def _dragged(self, y: np.ndarray, sign: int) -> None:
        expected = self._centre_value + sign * self._half_width()
        if len(y) != 1 or not self._sigma > 0 or np.isclose(y[0], expected, rtol=1e-9, atol=0):
            return  # set from here, not by the mouse
        self._threshold = max(0.0, sign * float(y[0] - self._centre_value) / self._sigma)
        self._draw_band()
        self._write_heading()
        for callback in self._callbacks:
            callback(self._threshold)
