"""Where the mouse is over a figure; bqplot itself only tells of clicks and drags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets


class Pointer(anywidget.AnyWidget):
    """Reports the place of the mouse over a figure. It shows nothing itself and need not be displayed.

    Parameters
    ----------
    figure : bqplot.Figure
        Gets a CSS class of its own, by which the browser finds it.

    Attributes
    ----------
    position : list of float
        Fractions (x, y) of the plot area from its lower left corner, or empty when the mouse is elsewhere.
    """

    # Its text: for a path anywidget would keep every instance, to send the file when it changes.
    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    figure_class = traitlets.Unicode().tag(sync=True)
    position = traitlets.List(traitlets.Float()).tag(sync=True)

    def __init__(self, figure: Any) -> None:
        name = f"pointed-{figure.model_id}"
        figure.add_class(name)
        super().__init__(figure_class=name)
        figure.observe(self._follow, "comm")

    def _follow(self, change: Any) -> None:
        """Close with the figure: it is in no box whose closing would reach it."""
        if change["new"] is None:
            self.close()
