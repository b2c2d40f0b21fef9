"""The pages beside those of the steps, and what of choosing is seen on every page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hustle_widgets.view.choosing.pins_page import PinsPage
from hustle_widgets.view.choosing.subject import ChoosingLike, ChoosingPart
from hustle_widgets.view.choosing.task import button, row
from hustle_widgets.view.frame.frame_view import FrameView

# Names of the pages: no step can have one, each is an attribute of a Reduction.
PAGES = {"pins": "Pins"}


class ChoosingPages(ChoosingPart):
    """Makes the pages when they are first opened.

    Parameters
    ----------
    reduction : Reduction
    frames : FrameView
        The shared picture.
    open_page : callable
        Called with the name of a page.
    draw : callable
        Draws the shared picture.

    Attributes
    ----------
    buttons : tuple of Widget
        For the bar.
    """

    def __init__(
        self,
        reduction: ChoosingLike,
        frames: FrameView,
        open_page: Callable[[str], None],
        draw: Callable[[], None],
    ) -> None:
        super().__init__(reduction)
        self._frames, self._open, self._draw = frames, open_page, draw
        self._made: dict[str, Any] = {}
        self.compare = button(
            "Compare", "Pins side by side; inject and recover, sweeps, tables", lambda: open_page("pins"), "compare",
            icon="columns",
        )  # fmt: skip
        self.buttons = (
            button(
                "Pin",
                "Keep the present reduction, to compare it and to come back",
                self._pin,
                "pin",
                icon="thumb-tack",
            ),
            self.compare,
        )
        self._count()

    def __contains__(self, name: object) -> bool:
        return name in PAGES

    def open(self, name: str) -> tuple[Any, tuple[Any, ...]]:
        """Make a page; return what belongs into the panel, and beside it."""
        page = self.page(name)
        return page.settings, (page.plots.widget,)

    def page(self, name: str) -> Any:
        """Return a page, made when it is first asked for."""
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def _make(self, name: str) -> Any:
        return PinsPage(self.reduction, self._frames, self._draw, self._tabs(name), self._count)

    def _tabs(self, name: str) -> Any:
        buttons = []
        for other, text in PAGES.items():
            tab = button(text, f"Open {text}", lambda other=other: self._open(other), "tab")  # type: ignore[misc]
            if other == name:
                tab.add_class("mod-active")
            buttons.append(tab)
        return row(*buttons, name="hustle-tabs")

    def _pin(self) -> None:
        self.page("pins").pin()

    def _count(self) -> None:
        number = len(self.reduction.pins)
        self.compare.description = f"Compare ({number})" if number else "Compare"

    def opened(self, name: str) -> None:
        """Note that a page is shown: what belongs to another one ends."""
        if name != "pins" and "pins" in self._made:
            self._made["pins"].frames.stop()

    def close(self) -> None:
        """Stop what goes on."""
        for page in self._made.values():
            page.close()
