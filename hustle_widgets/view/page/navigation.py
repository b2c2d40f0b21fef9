"""The list of steps: status and verdict, switch and name of each; a press opens its panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w

from hustle_widgets.assessment import Finding
from hustle_widgets.protocols import ReductionLike, StepLike
from hustle_widgets.view.page.alternatives import alternatives, sections
from hustle_widgets.view.page.status import LOOKS, VERDICTS, sign_html, verdict_sign
from hustle_widgets.view.page_part import PagePart

SETUP = "setup"


class Navigation(PagePart):
    """One row a step.

    Parameters
    ----------
    reduction : Reduction
    open_page : callable
        Called with the name of the step.

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(self, reduction: ReductionLike, open_page: Callable[[str], None]) -> None:
        super().__init__(reduction)
        self._open_page = open_page
        self._signs: dict[str, w.HTML] = {}
        self._rows: dict[str, w.HBox] = {}
        self._findings: Mapping[str, Finding] = {}
        for step in reduction.steps.values():
            self._rows[step.name] = self._row(step)
            step.observe(lambda change: self.show_sign(change["owner"].name), ["status", "error"])
            self.show_sign(step.name)
        signs = [f'<span class="{kind}">{sign}</span>&nbsp;{word}' for word, (sign, kind) in LOOKS.items()]
        signs += [
            f'<span class="{kind}">{sign}</span>&nbsp;{word}' for word, (sign, kind) in VERDICTS.items()
        ]
        key = w.HTML(f'<div class="hustle-quiet hustle-small">{" &ensp;".join(signs)}</div>')
        key.add_class("hustle-key")
        self.widget = w.VBox([*self._rows.values(), key])
        self.widget.add_class("hustle-steps")

    def _row(self, step: StepLike) -> w.HBox:
        same = alternatives(self.reduction, step)
        tip = f"Open {step.section} {step.title}"
        if same:
            tip += f"; of {sections(same)} one is mostly enough"
        button = w.Button(description=f"{step.section} {step.label}", tooltip=tip)
        button.add_class("hustle-step")
        button.on_click(lambda _: self._open_page(step.name))
        sign = self._signs[step.name] = w.HTML()
        sign.add_class("hustle-sign")
        parts: list[Any] = [sign, button]
        if step.switch:
            tip = f"{step.switch}: {step.switch_help}"
            switch = w.Checkbox(value=step.enabled, indent=False, tooltip=tip)
            w.link((step, "enabled"), (switch, "value"))
            parts.insert(1, switch)
        row = w.HBox(parts)
        row.add_class("hustle-row")
        if same:
            row.add_class("hustle-alternative")
        return row

    def mark_open(self, name: str) -> None:
        """Show which page is open."""
        for other, row in self._rows.items():
            (row.add_class if other == name else row.remove_class)("hustle-open")

    def show_sign(self, name: str) -> None:
        """Show the verdict on a step whose result is the present one, else its status."""
        step, found = self.reduction[name], self._findings.get(name)
        if step.status == "fresh" and found is not None:
            self._signs[name].value = verdict_sign(found.verdict, found.sentence)
        else:
            tip = f"{step.status}: {step.error}" if step.error else step.status
            self._signs[name].value = sign_html(*LOOKS[step.status], tip)

    def show_verdicts(self, findings: Mapping[str, Finding]) -> None:
        """Show what was found of each step; those not named wear no verdict."""
        self._findings = findings
        for name in self._rows:
            self.show_sign(name)
