"""Steps that are ways to the same: said on their panels, with a button that leaves the others out."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from hustle_widgets.protocols import ReductionLike, StepLike
from hustle_widgets.view.page.step_panel import Together
from hustle_widgets.view.page_part import PagePart
from hustle_widgets.view.words import quiet


def alternatives(reduction: ReductionLike, step: StepLike) -> list[StepLike]:
    """Return the steps that do the same as a step, in the order of the chain and itself among them; or none."""
    steps = [other for other in reduction.steps.values() if other.sky and other.switch] if step.sky else []
    return steps if len(steps) > 1 else []


def sections(steps: list[StepLike]) -> str:
    """Return the numbers of steps in words: '5a, 5b and 5c'."""
    *first, last = (step.section for step in steps)
    return f"{', '.join(first)} and {last}"


class Alternatives(PagePart):
    """A remark, and a button that leaves one step on and the others off.

    Parameters
    ----------
    reduction : Reduction
    step : Step
    together : callable
        Context in which all switches are set.

    Attributes
    ----------
    widgets : tuple of Widget
        To be placed in the panel; none for a step that has no alternative.
    """

    def __init__(self, reduction: ReductionLike, step: StepLike, together: Together) -> None:
        super().__init__(reduction)
        steps = alternatives(reduction, step)
        self.widgets: tuple[Any, ...] = ()
        if not steps:
            return
        self._names, self._name, self._together = [other.name for other in steps], step.name, together
        only = w.Button(description=f"Only {step.section}", tooltip="Leave the others out; can be undone")
        only.on_click(lambda _: self._choose())
        told = f"{sections(steps)} are ways to the same, mostly one is enough: each takes off what is left before it."
        row = w.HBox([w.HTML(quiet(told)), only])
        row.add_class("hustle-alternatives")
        self.widgets = (row,)

    def _choose(self) -> None:
        with self._together():
            for name in self._names:
                self.reduction[name].enabled = name == self._name
