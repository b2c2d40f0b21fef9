"""Small windows of one frame side by side, each with the centroid found in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import bqplot
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.windowed import cutout
from hustle_widgets.view import encode, theme
from hustle_widgets.view.frame.picture import Picture
from hustle_widgets.view.plots.panel import Key, PicturePanel, set_scale, update

# Columns between two windows, as a part of a window.
GAP = 0.12
# Room for the names, above the windows, as a part of a window: bqplot cuts off what is in a margin.
NAMES = 0.24
# Margins of the figure [screen px].
EDGE, LEFT = 4, 12


class Window(NamedTuple):
    """A cut-out of a frame around a place, and where the source was found, (column, row); NaN if it was not."""

    name: str
    frame: NDArray[np.floating]
    middle: tuple[float, float]
    found: tuple[float, float]


class WindowsPlot(PicturePanel):
    """Cut-outs of a frame, each stretched by itself."""

    def __init__(self) -> None:
        self._x_scale = bqplot.LinearScale(allow_padding=False)
        self._y_scale = bqplot.LinearScale(allow_padding=False)
        scales = {"x": self._x_scale, "y": self._y_scale}
        self._picture = Picture(scales)
        self._found = bqplot.Scatter(
            scales=scales, colors=["#ffffff00"], stroke=theme.VERMILLION, stroke_width=2, default_size=170
        )
        self._names = bqplot.Label(
            scales=scales, colors=[theme.BLACK], default_size=theme.FONT_PX, align="middle"
        )
        figure = theme.figure([self._picture.mark, self._found, self._names], [])
        figure.fig_margin = {"top": EDGE, "right": EDGE, "bottom": EDGE, "left": LEFT}
        super().__init__(figure, 3.0)

    def show(self, windows: Sequence[Window], half: int, title: str) -> None:
        """Draw windows.

        Parameters
        ----------
        windows : sequence of Window
            What is followed.
        half : int
            Half width of the windows [px].
        title : str
            Heading.
        """
        side = 2 * half + 1
        pitch = side + max(1, round(GAP * side))
        width = max(pitch * len(windows) - (pitch - side), 1)
        mosaic = np.full((side, width), 255, dtype=np.uint8)
        x, y, at = [], [], []
        for number, window in enumerate(windows):
            part = cutout(window.frame, window.middle, half)
            low, high = encode.auto_limits(part)
            left = number * pitch
            mosaic[:, left : left + side] = encode.stretch(part, low, high, "asinh")
            at.append(left + half)
            place = np.subtract(window.found, np.round(window.middle)) + half
            if np.isfinite(place).all() and (place > -0.5).all() and (place < side - 0.5).all():
                x.append(left + place[0])
                y.append(place[1])
        colors = np.array(encode.palette("viridis"))
        opacity = [255] * 255 + [0]
        self._picture.show(encode.png(mosaic, colors, opacity), (0, side, 0, width))
        set_scale(self._x_scale, -0.5, width - 0.5)
        tall = (1 + NAMES) * side
        set_scale(self._y_scale, -0.5, tall - 0.5)
        self.set_aspect(width / tall)
        update(self._found, x=x, y=y)
        names = np.array([window.name for window in windows], dtype=str)
        update(self._names, x=at, y=[(1 + NAMES / 2) * side - 0.5] * len(at), text=names)
        told = [f"{window.name}: {_place(window.found)}." for window in windows]
        self.set_heading(title, [Key("centroid", theme.VERMILLION)], f"Centroids. {' '.join(told)}")


def _place(found: tuple[float, float]) -> str:
    """Return a place in words."""
    column, row = found
    return f"column {column:.2f}, row {row:.2f}" if np.isfinite(found).all() else "not found"
