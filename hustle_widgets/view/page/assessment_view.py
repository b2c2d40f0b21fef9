"""The tutorial's criteria of success: what to look at next in one line, all of them on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Any

import ipywidgets as w

from hustle_widgets.assessment import VERDICTS as ORDER
from hustle_widgets.assessment import Finding
from hustle_widgets.assessment.finding import worst_of_titles
from hustle_widgets.view.page.status import VERDICTS, verdict_sign

# Findings that are not good and get a button; the list has all.
MOST = 3


def line_of(finding: Finding) -> str:
    """Return one criterion as a line of HTML."""
    kind = VERDICTS[finding.verdict][1]
    return (
        f"<div>{verdict_sign(finding.verdict, finding.sentence)} "
        f'<b class="{kind}">{finding.verdict}</b> {escape(finding.title)}: {escape(finding.figure)}. '
        f'<span class="hustle-quiet">{escape(finding.sentence)}'
        f"{escape(' ' + finding.remedy.words) if finding.remedy else ''}</span></div>"
    )


class AssessmentView:
    """A line that says what to try next, and a list of all criteria that opens below it.

    Parameters
    ----------
    open_step : callable
        Called with the name of the step that a finding is about.
    label_of : callable
        label_of(name) -> what the list of steps calls a step.

    Attributes
    ----------
    widgets : tuple of Widget
        What to place on one line, the list among it.
    details : ipywidgets.HTML
        The list; shown over the page when asked for.
    """

    def __init__(self, open_step: Callable[[str], None], label_of: Callable[[str], str]) -> None:
        self._open_step, self._label_of = open_step, label_of
        self._summary = w.HTML()
        self._more = w.ToggleButton(description="all", tooltip="Every criterion with its sentence")
        self._more.observe(self._toggled, "value")
        self._buttons = [w.Button(layout=w.Layout(display="none")) for _ in range(MOST)]
        self._steps = [""] * MOST
        for number, button in enumerate(self._buttons):
            button.add_class(f"hustle-advice-{number + 1}")
            button.on_click(lambda _, number=number: self._open_step(self._steps[number]))
        self.details = w.HTML(layout=w.Layout(display="none"))
        self.details.add_class("hustle-assessment")
        self.widgets = (self._summary, *self._buttons, self._more, self.details)
        self._say("Assessment", "follows when all steps are computed")

    def _say(self, head: str, text: str, kind: str = "") -> None:
        self._summary.value = f'<span class="{kind}"><b>{escape(head)}</b> {escape(text)}</span>'

    def show(self, findings: Sequence[Finding]) -> None:
        """Show the worst finding of each criterion, those that are not good as buttons that go there."""
        kept = worst_of_titles(findings)
        doubtful = sorted((f for f in kept if f.verdict != "good"), key=lambda f: -ORDER.index(f.verdict))
        good = len(kept) - len(doubtful)
        if doubtful:
            self._say("Look at:", "")
        elif kept:
            self._say("●", f"all {good} criteria are good", "hustle-good")
        else:
            self._say("Assessment", "nothing to judge yet")
        for number, button in enumerate(self._buttons):
            if number < len(doubtful):
                found = doubtful[number]
                sign, kind = VERDICTS[found.verdict]
                remedy = found.remedy
                self._steps[number] = found.step if remedy is None else remedy.step
                to = self._label_of(self._steps[number])
                button.description = f"{sign} {found.title}: {found.figure} → {to}"
                advice = "" if remedy is None else f" {remedy.words}"
                button.tooltip = f"{found.verdict}: {found.sentence}{advice}"
                for other in VERDICTS.values():
                    button.remove_class(other[1])
                button.add_class(kind)
            button.layout.display = "" if number < len(doubtful) else "none"
        self._more.description = f"{good} good, all {len(kept)}"
        self.details.value = "".join(line_of(finding) for finding in kept)
        self._grey(False)

    def out_of_date(self) -> None:
        """Grey what is told: it is of other parameters."""
        self._grey(True)

    def _grey(self, old: bool) -> None:
        for part in (self._summary, self.details, *self._buttons):
            (part.add_class if old else part.remove_class)("hustle-old")

    def _toggled(self, change: Any) -> None:
        self.details.layout.display = "" if change["new"] else "none"


def sentences_of(findings: Iterable[Finding]) -> str:
    """Return the findings on one step, with their sentences, as HTML for its panel."""
    findings = list(findings)
    lines = [
        f"<div>{verdict_sign(f.verdict, f.sentence)} <b>{f.verdict}</b>: {escape(f.sentence)}</div>"
        for f in findings
        if f.verdict != "good"
    ]
    # What is good needs a glance only; the sentence is the sign's.
    good = [f for f in findings if f.verdict == "good"]
    if good:
        told = " &ensp;".join(
            f"{verdict_sign(f.verdict, f.sentence)} {escape(f.title)}: {escape(f.figure)}" for f in good
        )
        lines.append(f"<div>{told}</div>")
    return f'<div class="hustle-verdict hustle-small">{"".join(lines)}</div>'
