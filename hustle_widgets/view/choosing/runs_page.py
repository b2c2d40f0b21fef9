"""What sweep and search have in common: a long computation with a bar, and points that can be applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as w

from hustle_widgets.view.choosing.page import ChoosingPage
from hustle_widgets.view.choosing.subject import ChoosingLike
from hustle_widgets.view.choosing.task import button
from hustle_widgets.view.plots.curve_plot import CurvePlot


class RunsPage(ChoosingPage):
    """A button that begins, one that stops, progress, and one of the points to apply.

    Parameters
    ----------
    reduction : Reduction
    tabs : Widget
        Ways to the other pages of this kind.
    text, tip : str
        The button that begins.

    Attributes
    ----------
    begin, cancel, bar, point, apply : Widget
        To be placed.
    """

    plots: CurvePlot

    def __init__(self, reduction: ChoosingLike, tabs: Any, text: str, tip: str) -> None:
        super().__init__(reduction, tabs, CurvePlot("", ""))
        kind = text.lower()
        self.begin = button(text, tip, self._begin, kind, style="primary")
        self.cancel = button(
            "Cancel", "Stop; what is computed by then is shown", self.reduction.cancel, f"stop-{kind}"
        )
        self.cancel.disabled = True
        self.bar = w.FloatProgress(min=0, max=1, layout=w.Layout(display="none", width="96%"))
        self.point = w.Dropdown(description="Point", options=[], tooltip=f"Point of the {kind}")
        self.point.add_class(f"hustle-{kind}-point")
        self.apply = button(
            "Apply",
            "Set the parameters of this point: one edit",
            self.apply_point,
            f"apply-{kind}",
            icon="check",
        )
        self.apply.disabled = True
        self.plots.on_point = self.picked
        self._points: list[dict[str, Any]] = []

    # --- what subclasses define ---------------------------------------------------------------------

    def work(self, progress: Callable[[float], None]) -> str:
        """Compute in a thread, and return what to say; ValueError for what is refused."""
        raise NotImplementedError

    def picked(self, name: str, x: float, y: float) -> None:
        """Answer a click on a point of the plot."""

    # --- acts ---------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self.task.busy:
            self.task.say("The last act is still under way.")
            return
        self.bar.value, self.bar.layout.display = 0.0, None
        self.begin.disabled, self.cancel.disabled = True, False

        def progress(fraction: float) -> None:
            self.bar.value = fraction

        def ended() -> None:
            self.bar.layout.display = "none"
            self.begin.disabled, self.cancel.disabled = False, True

        self.task.start(lambda: self.work(progress), "Only what the parameters touch is computed.", ended)

    def offer(self, points: Sequence[Mapping[str, Any]], chosen: int = 0) -> None:
        """Let one of these points be applied: parameters as 'step.parameter' or by key."""
        self._points = [dict(point) for point in points]
        options = [(f"{k + 1}: {in_words(point)}", k) for k, point in enumerate(self._points)]
        self.point.index = None
        self.point.options = options
        self.point.index = chosen if options else None
        self.apply.disabled = not options

    def apply_point(self) -> None:
        """Set the parameters of the point that is chosen: one edit."""
        if self.point.value is None:
            return
        point = self._points[self.point.value]

        def act() -> str:
            self.reduction.set_point(**point)
            return f"Applied: {in_words(point)}. Undo takes it back."

        self.task.attempt(act)


def in_words(point: Mapping[str, Any]) -> str:
    """Return parameters and their values in words."""
    return ", ".join(f"{name} = {value}" for name, value in point.items())
