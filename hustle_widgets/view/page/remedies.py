"""Buttons that do what a verdict advises, in the panel of the step that it is about."""

from __future__ import annotations

from collections.abc import Iterable

import ipywidgets as w
from traitlets import TraitError

from hustle_widgets.assessment import Finding
from hustle_widgets.assessment.finding import Remedy
from hustle_widgets.config import format_value
from hustle_widgets.protocols import StepLike
from hustle_widgets.view.words import alert, quiet

# Remedies that get a line each.
MOST = 2


class Remedies:
    """What can be tried with one step.

    Parameters
    ----------
    step : Step

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(self, step: StepLike) -> None:
        self._step = step
        self._shown: list[Remedy] = []
        self._words = [w.HTML() for _ in range(MOST)]
        self._buttons = [w.Button(icon="magic") for _ in range(MOST)]
        for number, button in enumerate(self._buttons):
            button.add_class("hustle-remedy")
            button.on_click(lambda _, number=number: self._try(number))
        self._said = w.HTML()
        lines = [w.VBox(list(pair)) for pair in zip(self._words, self._buttons, strict=True)]
        self.widget = w.VBox([*lines, self._said])
        self.show(())

    def show(self, findings: Iterable[Finding]) -> None:
        """Show the remedies of findings, of this step or another, that are done in this step."""
        wanted = [found.remedy for found in findings if found.verdict != "good" and found.remedy is not None]
        own = [remedy for remedy in wanted if remedy.step == self._step.name]
        self._shown = list({(r.parameter, str(r.value)): r for r in own}.values())[:MOST]
        self._said.value = ""
        for number, (words, button) in enumerate(zip(self._words, self._buttons, strict=True)):
            there = number < len(self._shown)
            words.value = quiet(f"To try: {self._shown[number].words}") if there else ""
            words.layout.display = "" if there else "none"
            ready = there and self._can_be_set(self._shown[number])
            button.layout.display = "" if ready else "none"
            if ready:
                remedy = self._shown[number]
                button.description = f"{remedy.parameter} = {format_value(remedy.value)}"
                button.tooltip = remedy.words

    def _can_be_set(self, remedy: Remedy) -> bool:
        if remedy.parameter is None or remedy.direction != "set":
            return False
        return getattr(self._step, remedy.parameter, remedy.value) != remedy.value

    def _try(self, number: int) -> None:
        remedy = self._shown[number]
        assert remedy.parameter is not None
        try:
            setattr(self._step, remedy.parameter, remedy.value)
        except TraitError as error:
            self._said.value = alert(str(error))
