"""Named curves against time or column, with error bands, on common axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import bqplot
import numpy as np
from numpy.typing import ArrayLike

from hustle_widgets.view import theme
from hustle_widgets.view.plots.panel import Key, PlotPanel, break_gaps, in_words, set_axis, span_of, update

# A marker is an element of its own in the page: with more points than this only the line is drawn.
MAX_MARKERS = 400
# Ticks of the upright axis, at most: plots are low.
TICKS = 4


@dataclass(frozen=True)
class Curve:
    """A named curve.

    Parameters
    ----------
    name : str
        What it is: a curve shown again under the same name is updated in place.
    x, y : array, shape (n,)
        Coordinates. NaN in y makes a gap.
    error : array, shape (n,), or float, optional
        Half height of a band around y.
    color : str
        CSS colour; without it the next of the colour-blind safe cycle.
    marker : str
        Shape of the points, or '' for none.
    line : {'solid', 'dashed', 'dotted', ''}
        Style of the connecting line, or '' for none.
    ghost : bool
        Drawn pale and behind the others, for comparison; left out of the limits' choice.
    label : str
        What the legend says, if not the name: for what changes with every edit.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    error: ArrayLike | None = None
    color: str = ""
    marker: str = "circle"
    line: str = "solid"
    ghost: bool = False
    label: str = ""


class CurvePlot(PlotPanel):
    """Plot of named curves; the lines break at orbit gaps.

    Parameters
    ----------
    x_label, y_label : str
        Labels of the axes, with units.
    low : bool
        Whether there is little room below: then the name of the abscissa stands in the heading too.

    Attributes
    ----------
    ticks : int
        At most so many on the value axis.
    on_click : callable or None
        Told of a click on a point: the abscissa of the point.
    on_point : callable or None
        Told the name of the curve, and both coordinates of the point.
    """

    ticks = TICKS
    on_click: Callable[[float], None] | None = None
    on_point: Callable[[str, float, float], None] | None = None

    def __init__(self, x_label: str, y_label: str, low: bool = False) -> None:
        self._x_scale, self._y_scale = (
            bqplot.LinearScale(allow_padding=False),
            bqplot.LinearScale(allow_padding=False),
        )
        self._scales = {"x": self._x_scale, "y": self._y_scale}
        self.x_axis, self.y_axis = theme.axes(self._x_scale, self._y_scale, "" if low else x_label)
        figure = theme.figure([], [self.x_axis, self.y_axis])
        if low:
            figure.fig_margin = {**theme.MARGIN, "bottom": 18}
        super().__init__(figure, values=f"{y_label}, {x_label}" if low else y_label)
        self._marks: dict[str, tuple[Any, Any, Any]] = {}

    def show(
        self,
        *curves: Curve,
        title: str = "",
        y_limits: tuple[float, float] | None = None,
        vertical: Sequence[float] = (),
    ) -> None:
        """Draw these curves and no others.

        Parameters
        ----------
        *curves : Curve
            Later ones are drawn over earlier ones.
        title : str
            Heading.
        y_limits : (float, float), optional
            Limits of the value axis; without them those of the data.
        vertical : sequence of float
            Abscissae of thin upright lines, for example the frame on display.
        """
        keys = []
        colored = 0
        for curve in curves:
            color = curve.color or (theme.GHOST if curve.ghost else theme.CYCLE[colored % len(theme.CYCLE)])
            colored += not (curve.color or curve.ghost)
            self._draw(curve, color)
            if curve.name:
                keys.append(Key(curve.label or curve.name, color, curve.marker or "line"))
        self._hide_all_but({curve.name for curve in curves})
        main = [curve for curve in curves if not curve.ghost] or list(curves)
        set_axis(self.x_axis, *span_of(*(curve.x for curve in main), pad=0.03))
        edges: list[Any] = []
        for curve in main:
            y, error = np.asarray(curve.y, dtype=float), curve.error
            half = 0.0 if error is None else np.nan_to_num(np.asarray(error, dtype=float))
            edges += [y - half, y + half]
        set_axis(self.y_axis, *(y_limits or span_of(*edges)), most=self.ticks)
        self._draw_vertical(vertical)
        if len(keys) == 1 and title:
            keys = []  # the title tells what the only curve is
        self.set_heading(title, keys, self.sentence(curves))

    def sentence(self, curves: Sequence[Curve]) -> str:
        """Return what the plot shows in words."""
        told = [
            in_words(curve.label or curve.name, curve.y) for curve in curves if curve.name and not curve.ghost
        ]
        if not told:
            return "Nothing is drawn."
        against = f" against {self.x_axis.label}" if self.x_axis.label else ""
        return f"{self.values}{against}. {' '.join(told)}"

    def _draw(self, curve: Curve, color: str) -> None:
        band, line, points = self._marks_of(curve.name, behind=curve.ghost)
        x, y = np.asarray(curve.x, dtype=float), np.asarray(curve.y, dtype=float)
        opacity = 0.45 if curve.ghost else 1.0
        half = np.zeros_like(y) if curve.error is None else np.broadcast_to(curve.error, y.shape)
        x_line, (y_line, low, high) = break_gaps(x, y, y - half, y + half)
        if curve.error is None:
            band.visible = False
        else:
            update(band, x=[x_line] * 2, y=[high, low], colors=[color], fill_colors=[color], visible=True)
        if curve.line:
            update(
                line, x=x_line, y=y_line, colors=[color], line_style=curve.line, opacities=[opacity],
                visible=True,
            )  # fmt: skip
        else:
            line.visible = False
        good = np.isfinite(x) & np.isfinite(y)
        if curve.marker and np.count_nonzero(good) <= MAX_MARKERS:
            update(
                points, x=x[good], y=y[good], colors=[color], marker=curve.marker, opacities=[opacity],
                visible=True,
            )  # fmt: skip
        else:
            points.visible = False

    def _marks_of(self, name: str, behind: bool = False) -> tuple[Any, Any, Any]:
        if name not in self._marks:
            band = bqplot.Lines(
                scales=self._scales, fill="between", fill_opacities=[0.2, 0.2], opacities=[0.0, 0.0]
            )
            line = bqplot.Lines(scales=self._scales, stroke_width=1.8)
            points = bqplot.Scatter(scales=self._scales, default_size=30, stroke_width=0)
            points.on_element_click(self._clicked)
            self._marks[name] = band, line, points
            others, new = list(self.figure.marks), [band, line, points]
            self.figure.marks = new + others if behind else others + new
        return self._marks[name]

    def _clicked(self, points: Any, event: dict[str, Any]) -> None:
        index = (event.get("data") or {}).get("index")
        if index is None or not 0 <= index < len(points.x):
            return
        if self.on_click is not None:
            self.on_click(float(points.x[index]))
        if self.on_point is not None:
            name = next(name for name, marks in self._marks.items() if points in marks)
            self.on_point(name, float(points.x[index]), float(points.y[index]))

    def _hide_all_but(self, names: set[str]) -> None:
        for name, marks in self._marks.items():
            if name not in names:
                for mark in marks:
                    mark.visible = False

    def _draw_vertical(self, positions: Sequence[float]) -> None:
        name = "\0vertical"
        if not positions and name not in self._marks:
            return
        _, line, _ = self._marks_of(name)
        low, high = self._y_scale.min, self._y_scale.max
        x = np.array([[at, at, np.nan] for at in positions]).ravel()
        y = np.tile([low, high, np.nan], len(positions))
        update(
            line, x=x, y=y, colors=[theme.GREY], line_style="dotted", stroke_width=1.5,
            visible=bool(positions),
        )  # fmt: skip
