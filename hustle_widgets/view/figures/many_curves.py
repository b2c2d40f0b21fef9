"""The light curves of many visits on one figure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hustle_widgets.algorithms.photometry import relative
from hustle_widgets.view import colors
from hustle_widgets.view.figures.base import DPI

Floats = NDArray[np.float64]
COLORS = {"good": colors.GREEN, "check": colors.ORANGE, "bad": colors.VERMILLION}
MARKERS = {"good": "o", "check": "^", "bad": "s"}
ACROSS, WIDTH, HEIGHT = 5, 2.3, 1.5  # panels, inches of each


def many_curves(curves: Mapping[str, tuple[Floats, Floats]], verdicts: Mapping[str, str]) -> Figure:
    """Draw a small panel for each visit: its light, as the change from the median.

    Parameters
    ----------
    curves : mapping of str to (ndarray, ndarray)
        Times [MJD] and light [e-] by the visit's name.
    verdicts : mapping of str to str
        Give colour and marker.

    Raises
    ------
    ValueError
        When there is no light curve.
    """
    if not curves:
        raise ValueError("No visit of this campaign has a light curve: set do_quicklook to True.")
    across = min(ACROSS, len(curves))
    down = -(-len(curves) // across)
    figure = Figure(figsize=(0.9 + across * WIDTH, 0.8 + down * HEIGHT), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(down, across, squeeze=False).ravel()
    for axes, (name, (times, light)) in zip(grid, curves.items(), strict=False):
        verdict = verdicts.get(name, "")
        color, marker = COLORS.get(verdict, colors.BLACK), MARKERS.get(verdict, "o")
        hours = 24 * (times - np.nanmin(times))
        axes.plot(hours, 100 * (relative(light) - 1), marker, color=color, ms=2.5)
        printed = name.encode("utf-8", "replace").decode()  # a path may hold bytes that are no character
        axes.set_title(f"{printed}  {verdict}", fontsize=8, loc="left")
        axes.tick_params(labelsize=7)
    for axes in grid[len(curves) :]:
        axes.set_visible(False)
    figure.supxlabel("Time since first frame [h]", fontsize=9)
    figure.supylabel("Change of light [%]", fontsize=9)
    return figure
