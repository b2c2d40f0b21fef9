"""Compute, save, cancel, undo and redo, and a line that says what is going on and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from typing import Any

import ipywidgets as w

from hustle_widgets.protocols import ReductionLike, StepLike
from hustle_widgets.run_names import free_name, holds_another
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
    more : iterable of Widget
        Further buttons.

    Attributes
    ----------
    widget : ipywidgets.HBox
    state : tuple of Widget
        What is going on, and a question that a person is asked.
    previewed : bool
        Whether the frame on display is a preview.
    """

    def __init__(
        self, reduction: ReductionLike, undo: Any, redo: Any, set_up: Any, more: Iterable[Any] = ()
    ) -> None:
        super().__init__(reduction)
        self.previewed = False
        # Whether outputs are being written, were to be written by the last act, and whether they were.
        self._saving = self._asked = self._saved = False

        def button(
            name: str, text: str, icon: str, act: Callable[[], None], tip: str, style: str = ""
        ) -> w.Button:
            made = w.Button(description=text, icon=icon, tooltip=tip, button_style=style)
            made.add_class(f"hustle-{name}")
            if icon and not text:
                made.add_class("hustle-icon")
            made.on_click(lambda _: act())
            return made

        self._compute = button(
            "compute",
            "Compute",
            "play",
            self._start_computing,
            "Compute every step that is stale; nothing is written",
        )
        self._run = button(
            "run", "Run and save", "save", self._start_saving,
            "Compute every step that is stale, and write clean_obs.nc and the config file", "primary",
        )  # fmt: skip
        self._cancel = button(
            "cancel",
            "Cancel",
            "stop",
            lambda: self.reduction.cancel(),
            "Stop computing; what is done is kept",
        )
        self._undo = button("undo", "", "undo", undo, "Nothing to undo")
        self._redo = button("redo", "", "repeat", redo, "Nothing to redo")
        self._setup = button(
            "setup",
            "Set-up",
            "cog",
            set_up,
            "Folder and name of the run, presets; save and open config files",
        )
        self._full = button("full", "", "arrows-alt", lambda: None, "The whole window, and back (f, Escape)")
        self._keys = button("show-keys", "?", "", lambda: None, "The keys of this page")
        self._auto = w.Checkbox(
            description="compute at every edit",
            indent=False,
            tooltip="Off: an edit makes steps stale until you compute",
        )
        self._auto.add_class("hustle-auto")
        w.link((reduction, "auto"), (self._auto, "value"))
        reduction.observe(self._auto_chosen, "auto")
        self._said = w.HTML()
        self._said.add_class("hustle-said-top")
        # Asked before the outputs of other parameters are replaced.
        self._as_new = button(
            "as-new", "", "", self._save_as_new, "Keep what is there, and save under a new name"
        )
        self._over = button("over", "Replace", "", self._save_over, "Replace what is there")
        self._leave = button("leave", "Do not save", "", self._stop_asking, "Nothing is written")
        self._question = w.HBox([self._as_new, self._over, self._leave], layout=w.Layout(display="none"))
        self._question.add_class("hustle-question")
        self.widget = w.HBox(
            [
                self._compute, self._run, self._cancel, self._undo, self._redo, self._setup, *more, self._auto,
                self._full, self._keys,
            ]
        )  # fmt: skip
        self.state = (self._said, self._question)
        self.widget.add_class("hustle-bar")
        self._name = ""
        self.show_history(History())
        self.say_state()

    # --- acts ---------------------------------------------------------------------------------------

    def _start_computing(self) -> None:
        self._saving = self._asked = self._saved = False
        self.reduction.compute()

    def _auto_chosen(self, change: Any) -> None:
        if change["new"]:
            self.reduction.compute()

    def _start_saving(self) -> None:
        reduction = self.reduction
        folder = reduction.output_folder()
        if holds_another(folder, reduction.values(), reduction.steps.values()):
            self._name = free_name(folder)
            self._as_new.description = f"Save as {self._name}"
            self._ask(f"{folder.name} holds a reduction with other parameters.")
        else:
            self._save_over()

    def _ask(self, text: str) -> None:
        """Ask what is to become of a run that is there; nothing else is said meanwhile."""
        self._question.layout.display = ""
        self._said.add_class("hustle-asking")
        self._said.value = f'<div role="alert" class="hustle-bad"><b>?</b> {escape(text)}</div>'

    def _save_as_new(self) -> None:
        self.reduction.output_run = self._name
        self._save_over()

    def _save_over(self) -> None:
        self._stop_asking()
        self._saving, self._asked, self._saved = True, False, False
        self.reduction.compute(save=True)

    def _stop_asking(self) -> None:
        self._question.layout.display = "none"
        self._said.remove_class("hustle-asking")
        self.say_state()

    # --- words --------------------------------------------------------------------------------------

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
        self._say("running", f": {step.section} {step.label}, {100 * step.progress:.0f} %")

    def say_state(self, idle: bool = True) -> None:
        """Say whether all is computed and saved as asked, or what is not."""
        steps = self.reduction.steps.values()
        if idle:
            self._cancel.disabled = True
        failed = [step for step in steps if step.status == "failed"]
        unsaved = self._unsaved()
        stale = [step for step in steps if step.status == "stale" and not step.explicit]
        lacking = [step for step in steps if step.status == "off" and step.enabled and step.error]
        off = [step.section for step in steps if not (step.enabled or step.explicit)]
        if failed:
            self._say("failed", f": {failed[0].section} {failed[0].title}. {failed[0].error}")
        elif stale and idle:
            self._say("stale", f": {len(stale)} step{'s' * (len(stale) > 1)} to compute")
        elif unsaved and idle:
            why = unsaved[0].error or "it is switched off" * (not unsaved[0].enabled) or "it was stopped"
            self._say("failed", f": nothing is saved: {why}")
        elif self._saved and idle:
            self._say("fresh", f": saved to {self.reduction.output_folder().absolute()}")
        elif off and idle:
            self._say("fresh", f": all steps that are on are computed; off: {', '.join(off)}")
        elif lacking and idle:
            name = f"{lacking[0].section} {lacking[0].label}"
            self._say("fresh", f": all steps are computed; {name} is left out: {lacking[0].error}")
        elif idle:
            self._say("fresh", ": all steps are computed")

    def _unsaved(self) -> list[StepLike]:
        """Return the steps that were asked to save in the last act, and have not."""
        if not self._asked:
            return []
        return [step for step in self.reduction.steps.values() if step.explicit and step.status != "fresh"]

    def finished(self) -> None:
        """Note that a computation has ended, and say what became of it."""
        self._asked, self._saving = self._asked or self._saving, False
        self._saved = self._asked and not self._unsaved()
        self.say_state()

    def forget_saved(self) -> None:
        """Note an edit: what was saved is no longer what is shown."""
        self._saved = self._asked = False

    def _say(self, status: str, text: str) -> None:
        if self._question.layout.display != "none":
            return  # a person is asked something
        preview = ' · <b class="hustle-preview">the frame shown is a preview</b>' if self.previewed else ""
        # One line, or the picture would jump under the mouse; all of it in the tooltip and on the step.
        role = "alert" if status == "failed" else "status"
        self._said.value = (
            f'<div title="{escape(text.removeprefix(": "))}" role="{role}" class="hustle-one-line">'
            f"{badge(status, text)}{preview}</div>"
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
