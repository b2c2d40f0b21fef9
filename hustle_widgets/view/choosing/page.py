"""What the pages beside those of the steps have in common."""

from __future__ import annotations

from typing import Any

from hustle_widgets.view.choosing.subject import ChoosingLike, ChoosingPart
from hustle_widgets.view.choosing.task import Task
from hustle_widgets.view.page.step_panel import settings_box
from hustle_widgets.view.plots.closing import close_tree


class ChoosingPage(ChoosingPart):
    """A column of controls, plots beside it, and a line that says how it goes.

    Parameters
    ----------
    reduction : Reduction
    tabs : Widget
        Ways to the other pages of this kind.
    plots : object
        With a `widget`, and `close`.
    task : Task, optional
        Another one than its own.

    Attributes
    ----------
    task : Task
        What is done now.
    settings, plots : Widget
        What to place on the page.
    closed : bool
        Whether nothing is to be drawn any more.
    """

    def __init__(self, reduction: ChoosingLike, tabs: Any, plots: Any, task: Task | None = None) -> None:
        super().__init__(reduction)
        self.task = task or Task()
        self.plots = plots
        self.settings = settings_box([tabs])
        self.closed = False

    def place(self, *parts: Any) -> None:
        """Place controls below the tabs."""
        self.settings.children = (*self.settings.children, *parts)

    def close(self) -> None:
        """Close all widgets."""
        self.closed = True
        self.plots.close()
        close_tree(self.settings)
