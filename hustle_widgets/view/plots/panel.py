"""What all live plots have in common: a heading with legend above a figure, and an end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, NamedTuple

import bqplot
import ipywidgets
import numpy as np

from hustle_widgets.view.plots.closing import close_tree

_GLYPHS = {
    "circle": "●",
    "square": "■",
    "diamond": "◆",
    "triangle-up": "▲",
    "triangle-down": "▼",
    "cross": "✚",
    "line": "━",
    "dashed": "┅",
}


class Key(NamedTuple):
    """One entry of a legend: a glyph of that shape and colour before a text."""

    text: str
    color: str
    shape: str = "circle"


def heading_html(title: str, keys: Iterable[Key] = (), sentence: str = "", values: str = "") -> str:
    """Title and legend as one line of HTML; it wraps when narrow and is never cut by a plot's margin.

    Parameters
    ----------
    title : str
    keys : iterable of Key
        The legend.
    sentence : str
        What the plot shows, for those who hear the page; not seen.
    values : str
        What the upright axis has, with unit: beside a low plot its name would be cut.
    """
    spans = [f"<b>{escape(title)}</b>"] if title else []
    if values:
        spans.append(f'<span class="hustle-quiet">{escape(values)}</span>')
    for key in keys:
        glyph = _GLYPHS.get(key.shape, "●")
        spans.append(
            f'<span><span style="color:{escape(key.color)}" aria-hidden="true">{glyph}</span> {escape(key.text)}</span>'
        )
    if sentence:
        spans.append(f'<span class="hustle-sr">{escape(sentence)}</span>')
    return f'<div class="hustle-heading">{"".join(spans)}</div>'


def in_words(name: str, values: Any) -> str:
    """Return how many values a curve has and between which it lies, as a sentence."""
    numbers = np.asarray(values, dtype=float)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return f"{name}: no values."
    return f"{name}: {numbers.size} values from {numbers.min():.5g} to {numbers.max():.5g}."


class PlotPanel:
    """A heading above a figure, which fills the room that the page leaves.

    Parameters
    ----------
    figure : bqplot.Figure
        The plot; its marks, axes and scales belong to this part and end with it.
    *controls : ipywidgets.Widget
        Placed between heading and figure.
    values : str
        What the upright axis has, with unit.

    Attributes
    ----------
    widget : ipywidgets.VBox
        What to place on the page.
    """

    def __init__(self, figure: Any, *controls: Any, values: str = "") -> None:
        self.figure, self.values = figure, values
        self.heading = ipywidgets.HTML(layout=ipywidgets.Layout(margin="0"))
        self.widget = ipywidgets.VBox([self.heading, *controls, figure])
        self.widget.add_class("hustle-plot-box")

    def set_heading(self, title: str, keys: Iterable[Key] = (), sentence: str = "") -> None:
        """Write title and legend above the figure, and what it shows in words."""
        self.heading.value = heading_html(title, keys, sentence, self.values)

    def close(self) -> None:
        """Close every widget made for this part; it cannot be shown again."""
        close_tree(self.widget)


class PicturePanel(PlotPanel):
    """A heading above a picture whose pixels stay square, as large as the room that the page leaves allows.

    Parameters
    ----------
    figure : bqplot.Figure
    aspect : float
        Width over height of the picture, without the margins of the figure.
    *controls : ipywidgets.Widget
        Placed between heading and figure.
    values : str
        What the axes have, with unit.
    """

    def __init__(self, figure: Any, aspect: float, *controls: Any, values: str = "") -> None:
        super().__init__(figure, *controls, values=values)
        self._box = ipywidgets.Box([figure])
        self._box.add_class("hustle-picture")
        self.widget.children = [self.heading, *controls, self._box]
        self.set_aspect(aspect)

    def set_aspect(self, aspect: float) -> None:
        """Keep the picture in this shape: width over height."""
        margin = self.figure.fig_margin
        across, upright = margin["left"] + margin["right"], margin["top"] + margin["bottom"]
        width = f"min(100cqw, calc((100cqh - {upright}px) * {aspect:.4f} + {across}px))"
        height = f"min(100cqh, calc((100cqw - {across}px) / {aspect:.4f} + {upright}px))"
        layout = self.figure.layout
        if (layout.width, layout.height) != (width, height):
            with layout.hold_sync():
                layout.width, layout.height = width, height


def span_of(*arrays: Any, pad: float = 0.06) -> tuple[float, float]:
    """Smallest and largest finite value with a margin, for the limits of an axis; (0, 1) without any."""
    lows, highs = [], []
    for array in arrays:
        values = np.asarray(array, dtype=float).ravel()
        values = values[np.isfinite(values)]
        if values.size:
            lows.append(values.min())
            highs.append(values.max())
    if not lows:
        return 0.0, 1.0
    low, high = float(min(lows)), float(max(highs))
    margin = (high - low) * pad if high > low else max(abs(high) * 0.05, 0.5)
    return low - margin, high + margin


def set_scale(scale: Any, low: float, high: float) -> None:
    """Give a scale both limits in one message; nothing is sent when they are as before."""
    if (scale.min, scale.max) != (low, high):
        with scale.hold_sync():
            scale.min, scale.max = low, high


def nice_ticks(low: float, high: float, most: int = 8) -> np.ndarray:
    """Round numbers from low to high, at most so many; bqplot draws ten or, when told a number, odd values."""
    if not high > low:
        return np.array([low])
    power = 10.0 ** np.floor(np.log10((high - low) / most))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (power * factor) < most)
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def set_axis(axis: Any, low: float, high: float, most: int = 7) -> None:
    """Give an axis' scale both limits, and the axis few round ticks."""
    set_scale(axis.scale, low, high)
    axis.tick_values = nice_ticks(low, high, most)


def update(mark: Any, **values: Any) -> None:
    """Set several traits of a mark in one message, coordinates as float64.

    Integer arrays would truncate a dragged point in the browser. Observers hear of it when all are set, or
    they would take a new x with an old y for an act of the mouse.
    """
    data: dict[str, np.ndarray] = {
        name: np.asarray(values[name], dtype=np.float64) for name in ("x", "y") if name in values
    }
    if isinstance(mark, bqplot.Lines) and len(data) == 2:
        data = _without_open_end(data)
    with mark.hold_sync(), mark.hold_trait_notifications():
        for name, value in (values | data).items():
            setattr(mark, name, value)


def _without_open_end(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Cut NaN off the end of lines: bqplot puts a label at the last point and complains without one."""
    good = np.ones(data["x"].shape[-1], dtype=bool)
    for values in data.values():
        good &= np.isfinite(np.atleast_2d(values)).all(axis=0)
    end = int(np.flatnonzero(good)[-1]) + 1 if good.any() else 0
    return {name: values[..., :end] for name, values in data.items()}


def break_gaps(x: Any, *columns: Any, factor: float = 4.0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Insert NaN where x jumps by more than `factor` median steps, so that no line crosses an orbit gap."""
    x = np.asarray(x, dtype=float)
    values: Sequence[np.ndarray] = [np.asarray(column, dtype=float) for column in columns]
    if x.size < 3:
        return x, list(values)
    steps = np.diff(x)
    typical = np.nanmedian(np.abs(steps))
    cuts = np.flatnonzero(np.abs(steps) > factor * typical) + 1
    if typical == 0 or not cuts.size:
        return x, list(values)
    middle = (x[cuts - 1] + x[cuts]) / 2
    return np.insert(x, cuts, middle), [np.insert(column, cuts, np.nan) for column in values]
