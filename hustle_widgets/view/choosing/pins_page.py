"""The page on which reductions are pinned and compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from hustle_widgets.user_paths import user_path
from hustle_widgets.view.choosing.frames_of_pins import FramesOfPins
from hustle_widgets.view.choosing.page import ChoosingPage
from hustle_widgets.view.choosing.pins_plots import PinsPlots
from hustle_widgets.view.choosing.pins_table import table_html
from hustle_widgets.view.choosing.subject import ChoosingLike
from hustle_widgets.view.choosing.task import button, row
from hustle_widgets.view.plots.closing import close_tree

TEXT = (
    "Nothing is pinned yet. A pin keeps parameters, light curves and figures of merit of a reduction, in the run's "
    "folder too. Pin one, change a parameter, pin again: here they stand side by side."
)
# Pins that are compared at first; more make the table narrow.
MOST = 4


class PinsPage(ChoosingPage):
    """Pins side by side, and ways back to them.

    Parameters
    ----------
    reduction : Reduction
    tabs : Widget
        Ways to the other pages of this kind.
    frames : FramesOfPins
        Places frames of pins on the shared picture.
    told : callable
        Called when there are other pins than before.
    """

    def __init__(
        self, reduction: ChoosingLike, tabs: Any, frames: FramesOfPins, told: Callable[[], None]
    ) -> None:
        super().__init__(reduction, tabs, PinsPlots(), frames.task)
        self._told = told
        self._chosen: list[str] = []
        self._rows: dict[str, Any] = {}
        self.frames = frames
        self.name = w.Text(placeholder="name", tooltip="Name of the pin", continuous_update=False)
        self.name.add_class("hustle-pin-name")
        self.list = w.VBox()
        self.list.add_class("hustle-pins-list")
        self.table = w.HTML()
        self.path = w.Text(
            placeholder="pins.json or its folder", tooltip="File of pins to load", continuous_update=False
        )
        self.place(
            row(self.name, button("Pin what is shown", "Keep the present reduction under this name", self.pin_named,
                                  "pin-now", icon="thumb-tack")),
            self.task.widget,
            self.list,
            self.frames.widget,
            self.table,
            row(self.path, button("Load", "Take in the pins of this file or folder", self._load),
                button("Spread as CSV", "Write the systematic error of each point into the run's folder",
                       self._write_spread)),
        )  # fmt: skip
        self.show()

    # --- acts ---------------------------------------------------------------------------------------

    def pin_named(self) -> None:
        """Keep the present reduction under the name that is typed, or a free one."""
        self.pin(self.name.value.strip())

    def pin(self, name: str = "") -> None:
        """Keep the present reduction, under a free name if none is given."""
        reduction = self.reduction
        name = name or reduction.free_pin_name()

        def work() -> str:
            try:
                reduction.pin(name)
            finally:
                if name in reduction.pins:
                    self._choose(name)
                    self.name.value = ""
                    self.refresh()
            return f"Pinned as {name!r}."

        self.task.start(work, "The reduction is completed, to be pinned.")

    def _choose(self, name: str) -> None:
        self._chosen = [*[other for other in self._chosen if other != name], name][-MOST:]

    def _go_back(self, name: str) -> None:
        def act() -> str:
            self.reduction.go_back(name)
            return f"All parameters are those of {name!r} again; one undo takes that back."

        self.task.attempt(act)

    def _remove(self, name: str) -> None:
        def act() -> str:
            self.frames.stop()
            self.reduction.pins.remove(name)
            self.reduction.save_pins()
            self.refresh()
            return f"{name!r} is no longer pinned."

        self.task.attempt(act)

    def _load(self) -> None:
        def act() -> str:
            text = self.path.value.strip()
            self.reduction.load_pins(user_path(text) if text else None)
            self._chosen = list(self.reduction.pins)[-MOST:]
            self.refresh()
            return f"There are {len(self.reduction.pins)} pins."

        self.task.attempt(act)

    def _write_spread(self) -> None:
        def act() -> str:
            self.reduction.check_folder()
            folder = self.reduction.pins_folder()
            folder.mkdir(parents=True, exist_ok=True)
            return f"Written: {self.reduction.pins.write_spread(folder / 'spread.csv', self._chosen)}"

        self.task.attempt(act)

    # --- what is shown ------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the pins there are."""
        with self.reduction.frozen():
            self.show()
        self._told()

    def show(self) -> None:
        """Draw list, table and plots."""
        pins = self.reduction.pins
        names = list(pins)
        if not self._rows and not self._chosen:
            self._chosen = names[-MOST:]
        self._chosen = [name for name in names if name in self._chosen]
        gone = [self._rows.pop(name) for name in [*self._rows] if name not in names]
        for name in names:
            if name not in self._rows:
                self._rows[name] = self._row(name, pins[name].made)
            self._rows[name].children[0].value = name in self._chosen
        self.list.children = [self._rows[name] for name in names]
        close_tree(*gone)
        self.frames.offer(names)
        self.frames.widget.layout.display = None if names else "none"
        if pins.troubles:
            self.task.refuse(ValueError(" ".join(pins.troubles[:3])))
        elif not names:
            self.task.say(TEXT)
        self._draw()

    def _row(self, name: str, made: str) -> Any:
        shown = w.Checkbox(description=name, indent=False, tooltip=f"Compare {name}, pinned {made}")
        shown.observe(lambda change: self._toggled(name, change["new"]), "value")
        back = button(
            "Go back", f"Set all parameters as in {name}: one edit", lambda: self._go_back(name), icon="reply"
        )
        away = button("", f"Forget {name}", lambda: self._remove(name), icon="trash")
        return row(shown, back, away, name="hustle-pin-row")

    def _toggled(self, name: str, shown: bool) -> None:
        if shown != (name in self._chosen):
            names = list(self.reduction.pins)
            self._chosen = [n for n in names if (n in self._chosen) != (n == name)]
            with self.reduction.frozen():
                self._draw()

    def _draw(self) -> None:
        pins = self.reduction.pins
        try:
            self.table.value = table_html(pins, self._chosen)
            self.plots.show(pins, self._chosen)
        except ValueError as error:  # e.g. pins without a frame in common
            self.task.refuse(error)

    def close(self) -> None:
        """Stop what goes on, and close all widgets."""
        self.frames.close()
        super().close()
