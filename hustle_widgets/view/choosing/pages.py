"""The pages beside those of the steps, and what of choosing is seen on every page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hustle_widgets.view.choosing.frames_of_pins import FramesOfPins
from hustle_widgets.view.choosing.inject_page import InjectedWarning, InjectPage
from hustle_widgets.view.choosing.pins_page import PinsPage
from hustle_widgets.view.choosing.responses import Responses
from hustle_widgets.view.choosing.search_page import SearchPage
from hustle_widgets.view.choosing.subject import ChoosingLike, ChoosingPart
from hustle_widgets.view.choosing.sweep_page import SweepPage
from hustle_widgets.view.choosing.tables_page import TablesPage
from hustle_widgets.view.choosing.task import button, row
from hustle_widgets.view.choosing.why import Why
from hustle_widgets.view.frame.frame_view import FrameView
from hustle_widgets.view.selection import Selection

# Names of the pages: no step can have one, each is an attribute of a Reduction.
PAGES = {
    "pins": "Pins",
    "inject": "Inject and recover",
    "sweep": "Sweep",
    "search": "Search",
    "export": "Tables",
}


class ChoosingPages(ChoosingPart):
    """Makes the pages when they are first opened.

    Parameters
    ----------
    reduction : Reduction
    selection : Selection
        What is on display.
    frames : FrameView
        The shared picture.
    open_page : callable
        Called with the name of a page.
    draw : callable
        Draws the shared picture.
    shut : callable
        Called when the table of `why` is to make room for the plots of the open page.

    Attributes
    ----------
    buttons : tuple of Widget
        For the bar.
    warning : InjectedWarning
        For the bar.
    responses : Responses
        Plots under the sliders.
    why : Why
        Tells why a point of the light curve is where it is.
    """

    def __init__(
        self,
        reduction: ChoosingLike,
        selection: Selection,
        frames: FrameView,
        open_page: Callable[[str], None],
        draw: Callable[[], None],
        shut: Callable[[], None],
    ) -> None:
        super().__init__(reduction)
        self._frames, self._open, self._draw = frames, open_page, draw
        self._made: dict[str, Any] = {}
        self.why = Why(reduction, selection, frames.image, open_page, shut)
        selection.observe(lambda _: self.why.forget_marks(), "frame")
        self.compare = button(
            "Compare", "Pins side by side; injections, sweeps, search, tables", lambda: open_page("pins"), "compare",
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
        self.responses = Responses(reduction)
        self.warning = InjectedWarning(reduction, self._taken_out)
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
        tabs = self._tabs(name)
        if name == "pins":
            frames = FramesOfPins(self.reduction, self._frames, self._draw)
            return PinsPage(self.reduction, tabs, frames, self._count)
        kinds: dict[str, Any] = {
            "inject": InjectPage, "sweep": SweepPage, "search": SearchPage, "export": TablesPage,
        }  # fmt: skip
        return kinds[name](self.reduction, tabs)

    def _tabs(self, name: str) -> Any:
        buttons = []
        for other, text in PAGES.items():
            tab = button(text, f"Open {text}", lambda other=other: self._open(other), "tab")  # type: ignore[misc]
            if other == name:
                tab.add_class("mod-active")
            buttons.append(tab)
        return row(*buttons, name="hustle-tabs")

    @property
    def widgets(self) -> list[Any]:
        """All there are, those out of sight included."""
        pages = [[page.settings, page.plots.widget] for page in self._made.values()]
        return [self.why.widget, pages]

    def _pin(self) -> None:
        self.page("pins").pin()

    def _taken_out(self) -> None:
        if "inject" in self._made:
            self._made["inject"].taken_out()

    def _count(self) -> None:
        number = len(self.reduction.pins)
        self.compare.description = f"Compare ({number})" if number else "Compare"

    def opened(self, name: str) -> None:
        """Note that a page is shown: what belongs to another one ends."""
        self.why.forget_marks()
        self.responses.open(name if name in self.reduction.steps else "")
        if name != "pins" and "pins" in self._made:
            self._made["pins"].frames.stop()

    def of_step(self, name: str) -> dict[str, Any]:
        """Return what belongs into the panel of a step: keywords of `settings_of`."""
        return {"tools": self.responses.tools(name), "under": self.responses.under(name)}

    def happened(self, event: str, shown: Any) -> None:
        """Answer what is told of the reduction.

        Parameters
        ----------
        event : str
            As of `Reduction.watch`.
        shown : tuple of Widget
            What is beside the panel.
        """
        self.warning.show()
        self.responses.happened(event)
        if event == "edited":
            self.why.forget_marks()
        elif event == "idle" and self.why.widget in shown:
            self.why.again()

    def close(self) -> None:
        """Stop what goes on."""
        self.responses.close()
        for page in self._made.values():
            page.close()
