"""What was found of each step, in its panel, with what can be tried; greyed when it is of other parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as w

from hustle_widgets.assessment import Finding
from hustle_widgets.protocols import StepLike
from hustle_widgets.view.page.assessment_view import sentences_of
from hustle_widgets.view.page.remedies import Remedies


class StepVerdicts:
    """The verdicts of all panels that have been opened.

    Attributes
    ----------
    findings : sequence of Finding
        The last ones.
    remedies : dict of str to Remedies
        By step.
    """

    def __init__(self) -> None:
        self.findings: Sequence[Finding] = ()
        self.remedies: dict[str, Remedies] = {}
        self._told: dict[str, tuple[StepLike, w.HTML]] = {}

    def of(self, step: StepLike) -> tuple[Any, ...]:
        """Make what is placed in the panel of a step."""
        told = w.HTML()
        self._told[step.name] = step, told
        remedies = self.remedies[step.name] = Remedies(step)
        self._write(step.name)
        return told, remedies.widget

    def show(self, findings: Sequence[Finding]) -> None:
        """Show findings of the present parameters."""
        self.findings = findings
        for name in self._told:
            self._write(name)
        self.grey()

    def grey(self) -> None:
        """Grey what was found of other parameters."""
        for step, told in self._told.values():
            (told.remove_class if step.status == "fresh" else told.add_class)("hustle-old")

    def _write(self, name: str) -> None:
        own = [finding for finding in self.findings if finding.step == name]
        self._told[name][1].value = sentences_of(own) if own else ""
        self.remedies[name].show(self.findings)
