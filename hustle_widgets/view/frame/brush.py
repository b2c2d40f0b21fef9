"""A rectangle that a person drags over a picture, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bqplot

from hustle_widgets.view.colors import SKY
from hustle_widgets.view.frame.marks import Region


class Brush:
    """What the next drag over a picture does.

    Parameters
    ----------
    figure : bqplot.Figure
    scales : dict
        Its 'x' and 'y' scale, in pixels.
    shape : (int, int)
        Rows and columns of the picture.
    """

    def __init__(self, figure: Any, scales: dict[str, Any], shape: tuple[int, int]) -> None:
        self._figure, self._scales, self._shape = figure, scales, shape
        self._selector: Any = None
        self._done: Callable[[Region], None] | None = None
        self._armed: Callable[[bool], None] | None = None

    @property
    def active(self) -> bool:
        """Whether the next drag does something."""
        return self._selector is not None

    def start(self, done: Callable[[Region], None], armed: Callable[[bool], None] | None = None) -> None:
        """Wait for a drag.

        Parameters
        ----------
        done : callable
            Called with the region [row0, row1, column0, column1], half open, that was dragged.
        armed : callable, optional
            Called with True now, and with False when the drag is over or is given up.
        """
        self.stop()
        self._done, self._armed = done, armed
        self._selector = bqplot.interacts.BrushSelector(
            x_scale=self._scales["x"], y_scale=self._scales["y"], marks=[], color=SKY
        )
        self._selector.observe(self._brushed, "brushing")
        self._figure.interaction = self._selector
        if armed is not None:
            armed(True)

    def stop(self) -> None:
        """Wait no longer."""
        selector, self._selector = self._selector, None
        if selector is not None:
            self._figure.interaction = None
            selector.close()
        armed, self._armed = self._armed, None
        if armed is not None:
            armed(False)

    def _brushed(self, change: dict[str, Any]) -> None:
        selector, done = self._selector, self._done
        if change["new"] or selector is None or done is None or selector.selected_x is None:
            return
        (x0, x1), (y0, y1) = sorted(selector.selected_x), sorted(selector.selected_y)
        self.stop()
        rows, columns = self._shape
        row0, column0 = max(round(float(y0) + 0.5), 0), max(round(float(x0) + 0.5), 0)
        row1, column1 = min(round(float(y1) + 0.5), rows), min(round(float(x1) + 0.5), columns)
        if row1 > row0 and column1 > column0:
            done((row0, row1, column0, column1))
