"""A step's figures at full size in the notebook, to zoom into: ipympl without pyplot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w
from ipympl.backend_nbagg import Canvas, FigureManager

from hustle_widgets.protocols import StepLike
from hustle_widgets.view.figures import figures_of
from hustle_widgets.view.figures.base import Maker, Paper, StepResult

PAPER = Paper(width=10.4, full=True)


class FullSize:
    """One of a step's figures, all pixels of it, with a list to choose another and a button to close it.

    Parameters
    ----------
    step : Step
        Of a Reduction; has computed.
    leave : callable, optional
        Called when the button is pressed, in place of `close`.

    Attributes
    ----------
    widget : ipywidgets.VBox
        What to place on the page.
    """

    def __init__(self, step: StepLike, leave: Callable[[], None] | None = None) -> None:
        result = StepResult.of(step)
        self._makers: dict[str, Maker] = {} if result is None else figures_of(result)
        self._canvas: Any = None
        self._manager: Any = None
        names = list(self._makers)
        self._choice = w.Dropdown(options=names, description="Figure", layout=w.Layout(width="420px"))
        self._button = w.Button(
            description="Back", icon="arrow-left", tooltip="Close the figure and free its memory"
        )
        text = "" if names else f"{step.title} has no figure yet: it has not computed, or it is off."
        self._message = w.Label(text)
        self._head = w.HBox([self._button, self._choice] if names else [self._message, self._button])
        self._place = w.VBox([], layout=w.Layout(overflow="auto"))
        self.widget = w.VBox([self._head, self._place], layout=w.Layout(width="100%"))
        self._choice.observe(lambda change: self._draw(change["new"]), names="value")
        self._button.on_click(lambda button: (leave or self.close)())
        if names:
            self._draw(names[0])

    def _draw(self, name: str) -> None:
        self._drop()
        figure = self._makers[name](PAPER)
        self._canvas = Canvas(figure)
        self._manager = FigureManager(self._canvas, 0)
        self._canvas.header_visible = self._canvas.footer_visible = False
        self._canvas.toolbar_visible, self._canvas.toolbar_position = "visible", "right"
        self._place.children = (self._canvas,)
        self._canvas.draw_idle()

    def _drop(self) -> None:
        """Let the figure go: `pyplot.close` would keep it."""
        if self._canvas is not None:
            self._place.children = ()
            self._canvas.toolbar.close()
            self._canvas.close()
            self._canvas.figure.clear()
            self._canvas = self._manager = None

    def close(self) -> None:
        """Take everything off the page."""
        self._drop()
        self.widget.children = ()
        for part in (self._choice, self._button, self._message, self._head, self._place, self.widget):
            part.close()
