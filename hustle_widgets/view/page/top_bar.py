"""Run, cancel, undo and redo, and one line that says what is going on."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as w

from hustle_widgets.protocols import ReductionLike
from hustle_widgets.undo import History
from hustle_widgets.view.page.status import badge
from hustle_widgets.view.page_part import PagePart


class TopBar(PagePart):
    """The buttons of the whole Reduction, and its state.

    Parameters
    ----------
    reduction : Reduction
    undo, redo, set_up : callable
        Called without arguments when their button is pressed.

    Attributes
    ----------
    widget : ipywidgets.HBox
    previewed : bool
        Whether the frame on display is a preview.
    """

    def __init__(self, reduction: ReductionLike, undo: Any, redo: Any, set_up: Any) -> None:
        super().__init__(reduction)
        self.previewed = False

        def button(text: str, icon: str, width: str, act: Any, tip: str = "", style: str = "") -> w.Button:
            layout = w.Layout(width=width, flex="0 0 auto")
            made = w.Button(description=text, icon=icon, tooltip=tip, button_style=style, layout=layout)
            made.on_click(lambda _: act())
            return made

        run_tip = "Compute every step that is stale, and write the outputs"
        self._run = button("Run and save", "play", "142px", self._start, run_tip, "primary")
        stop_tip = "Stop computing; what is done is kept"
        self._cancel = button("Cancel", "stop", "90px", lambda: self.reduction.cancel(), stop_tip)
        self._undo = button("Undo", "undo", "80px", undo)
        self._redo = button("Redo", "repeat", "80px", redo)
        setup_tip = "Folder and name of the run; save and open config files"
        self._setup = button("Set-up", "cog", "92px", set_up, setup_tip)
        self._auto = w.Checkbox(
            description="compute at every edit", indent=False, layout=w.Layout(width="172px", flex="0 0 auto"),
            tooltip="Off: an edit makes steps stale until you run",
        )  # fmt: skip
        w.link((reduction, "auto"), (self._auto, "value"))
        self._bar = w.FloatProgress(
            min=0, max=1, layout=w.Layout(width="70px", height="16px", flex="0 0 auto")
        )
        self._said = w.HTML(layout=w.Layout(flex="1 1 auto", margin="0 0 0 6px"))
        self._said.add_class("hustle-bar-said")
        self.widget = w.HBox(
            [self._run, self._cancel, self._undo, self._redo, self._setup, self._auto, self._said, self._bar],
            layout=w.Layout(align_items="center", width="100%", height="38px", overflow="hidden"),
        )
        self.widget.add_class("hustle-bar")
        self.show_history(History())
        self.say_state()

    def _start(self) -> None:
        self.reduction.compute(save=True)

    def show_history(self, history: History) -> None:
        """Say what undo and redo would do."""
        for button, word, what in (
            (self._undo, "Undo", history.next_undo),
            (self._redo, "Redo", history.next_redo),
        ):
            button.disabled = not what
            button.tooltip = f"{word}: {what}" if what else f"Nothing to {word.lower()}"

    def say_running(self, name: str) -> None:
        """Say which step is computed, and how far it is."""
        step = self.reduction[name]
        self._cancel.disabled = False
        self._bar.layout.visibility = "visible"
        self._bar.value = step.progress
        self._say("running", f": {step.section} {step.title}, {100 * step.progress:.0f} %")

    def say_state(self, idle: bool = True) -> None:
        """Say whether all is computed, or what is not."""
        if idle:
            self._bar.layout.visibility = "hidden"
            self._cancel.disabled = True
        steps = self.reduction.steps.values()
        failed = [step for step in steps if step.status == "failed"]
        stale = [step for step in steps if step.status == "stale" and not step.explicit]
        if failed:
            self._say("failed", f": {failed[0].section} {failed[0].title}. {failed[0].error}")
        elif stale and idle:
            self._say("stale", f": {len(stale)} step{'s' * (len(stale) > 1)} to compute")
        elif idle:
            self._say("fresh", ": all steps are computed")

    def _say(self, status: str, text: str) -> None:
        preview = ' · <b class="hustle-preview">the frame shown is a preview</b>' if self.previewed else ""
        # Two lines at most, or the picture would jump under the mouse; all of it in the tooltip and on the step.
        self._said.value = (
            f'<div title="{escape(text)}" class="hustle-said-top" style="font-size:13px;line-height:17px;'
            f"max-height:34px;overflow:hidden;display:-webkit-box;-webkit-line-clamp:2;"
            f'-webkit-box-orient:vertical">{badge(status, text)}{preview}</div>'
        )

    def say_preview(self, previewed: bool) -> None:
        """Say whether the frame on display is a preview."""
        if previewed != self.previewed:
            self.previewed = previewed
            busy = next((s.name for s in self.reduction.steps.values() if s.status == "running"), "")
            if busy:
                self.say_running(busy)
            else:
                self.say_state()
