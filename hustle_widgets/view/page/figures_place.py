"""Where a step's figures at full size are shown, over its panel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hustle_widgets.protocols import StepLike
from hustle_widgets.view.page.layout import area


class FiguresPlace:
    """Shows the figures of one step at a time.

    Attributes
    ----------
    widget : ipywidgets.VBox
    shown : FullSize or None
        What is shown.
    """

    def __init__(self) -> None:
        self.widget = area("figures")
        self.shown: Any = None

    def open(self, step: StepLike, back: Callable[[], None]) -> None:
        """Show a step's figures, until they are closed; `back` is called when a person has seen enough."""
        from hustle_widgets.view.figures.full_size import FullSize  # half a second, and few ask for it

        self.close()
        self.shown = FullSize(step, back)
        self.widget.children = (self.shown.widget,)

    def close(self) -> None:
        """Show none."""
        figures, self.shown = self.shown, None
        self.widget.children = ()
        if figures is not None:
            figures.close()
