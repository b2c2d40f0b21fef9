"""Draws what a page shows as one picture, by matplotlib."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from hustle_widgets.view import colors
from hustle_widgets.view.encode import shrink
from hustle_widgets.view.figures.base import frame_norm
from hustle_widgets.view.page.light_curve_view import Curves

WIDTH, HEIGHT, DPI = 9.4, 4.3, 100


def draw_still(frame: NDArray[Any], title: str, curves: Curves | None) -> bytes:
    """Return a PNG of a frame above its light curves.

    Parameters
    ----------
    frame : ndarray, shape (rows, columns)
        Electrons.
    title : str
        What the frame is.
    curves : Curves or None
    """
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, height_ratios=(5, 4))
    rows, columns = frame.shape
    drawn = shrink(frame, -(-columns // 900), by="max")
    extent = (-0.5, columns - 0.5, -0.5, rows - 0.5)
    above.imshow(drawn, norm=frame_norm(frame), origin="lower", extent=extent, aspect="equal", cmap="viridis")
    above.set_title(title, fontsize=9, loc="left")
    for order, flux in ({} if curves is None else curves.fluxes).items():
        assert curves is not None
        below.plot(
            curves.hours,
            flux,
            "o",
            ms=3,
            color=colors.TRACE_COLORS.get(order, colors.BLACK),
            label=f"order {order}",
        )
    if curves is not None and curves.fluxes:
        below.legend(fontsize=8, frameon=False)
    below.set_xlabel("Time since first frame [h]", fontsize=8)
    below.set_ylabel("Normalised flux", fontsize=8)
    for axes in (above, below):
        axes.tick_params(labelsize=7)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    file = io.BytesIO()
    Image.fromarray(pixels).quantize(128, dither=Image.Dither.NONE).save(file, format="png", optimize=False)
    return file.getvalue()
