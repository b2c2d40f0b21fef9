"""A small map of the pixels around the clicked one, in their true coordinates."""

from __future__ import annotations

import bqplot
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.view import encode, theme
from hustle_widgets.view.frame.marks import Region
from hustle_widgets.view.frame.picture import Picture
from hustle_widgets.view.plots.panel import Key, PlotPanel, in_words, set_axis, update


class MapPlot(PlotPanel):
    """Picture of a few hundred pixels, with those over a threshold crossed and the chosen one ringed."""

    def __init__(self) -> None:
        self._x_scale = bqplot.LinearScale(allow_padding=False)
        self._y_scale = bqplot.LinearScale(allow_padding=False)
        scales = {"x": self._x_scale, "y": self._y_scale}
        self._picture = Picture(scales)
        self._over = bqplot.Scatter(
            scales=scales, colors=[theme.VERMILLION], marker="cross", default_size=70, stroke_width=0
        )
        self._pixel = bqplot.Scatter(
            scales=scales, colors=["#ffffff00"], stroke=theme.VERMILLION, stroke_width=2, marker="circle",
            default_size=260,
        )  # fmt: skip
        self._x_axis, self._y_axis = theme.axes(self._x_scale, self._y_scale, "", grid=False)
        marks = [self._picture.mark, self._over, self._pixel]
        margin = {**theme.MARGIN, "left": 54, "right": 12, "bottom": 22}
        super().__init__(theme.figure(marks, [self._x_axis, self._y_axis], fig_margin=margin), values="[px]")

    def show(
        self,
        values: NDArray[np.floating],
        region: Region,
        pixel: tuple[int, int],
        *,
        high: float,
        over: NDArray[np.bool_],
        title: str,
        over_label: str,
    ) -> None:
        """Draw a map.

        Parameters
        ----------
        values : ndarray, shape (rows, columns)
            The map of a region.
        region : (row0, row1, column0, column1)
            Where it lies on the frame.
        pixel : (row, column)
            The chosen pixel.
        high : float
            Value of the brightest colour; the darkest is 0.
        over : ndarray of bool, shape (rows, columns)
            Pixels to cross.
        title, over_label : str
            Heading, and what the crosses are.
        """
        row0, row1, column0, column1 = region
        set_axis(self._x_axis, column0 - 0.5, column1 - 0.5, 3)
        set_axis(self._y_axis, row0 - 0.5, row1 - 0.5, 3)
        indices = encode.stretch(values, 0.0, high if high > 0 else 1.0)
        self._picture.show(encode.png(indices, encode.palette("viridis")), region)
        rows, columns = np.nonzero(over)
        update(self._over, x=columns + column0, y=rows + row0)
        update(self._pixel, x=[pixel[1]], y=[pixel[0]])
        told = (
            f"Rows {row0} to {row1 - 1}, columns {column0} to {column1 - 1}. {in_words('Values', values)} "
            f"{over_label}: {rows.size}. Chosen: row {pixel[0]}, column {pixel[1]}."
        )
        self.set_heading(title, [Key(f"{over_label}: {rows.size}", theme.VERMILLION, "cross")], told)
