"""The door from reductions and steps to the view.

A Reduction and its steps are shown by the view, which knows them. They know the view by this module alone, which
imports it when something is first shown. So a run without a page loads no plots, and imports make no circle.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

from hustle_widgets.protocols import ReductionLike

#: The module that makes what is shown. It has the functions of `View`.
VIEW = "hustle_widgets.view.entry"


class ShownPage(Protocol):
    """The page of a Reduction or of one step, as the one that is shown keeps it."""

    @property
    def children(self) -> tuple[Any, ...]:
        """Widgets to place in the Reduction's box."""

    def close(self) -> None:
        """Close every widget of the page."""


class WholePage(ShownPage, Protocol):
    """That of a Reduction."""

    def begin(self) -> None:
        """Compute what the page shows; in a notebook, once its first frame is on the screen."""


class View(Protocol):
    """What the view can make."""

    def page_of(self, reduction: ReductionLike) -> WholePage:
        """Make the page of a Reduction."""

    def campaign_page_of(self, campaign: Any) -> Any:
        """Make the page of a campaign."""

    def panel_of(self, step: Any) -> ShownPage:
        """Make the page of a step that is shown by itself."""


def view() -> View:
    """Return the view, imported at the first call."""
    return cast(View, import_module(VIEW))
