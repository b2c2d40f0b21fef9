"""Saved figures, by step. Matplotlib without pyplot: nothing is kept once a figure is let go."""

from __future__ import annotations

from hustle_widgets.steps.declaration import loaded
from hustle_widgets.view.figures.any_step import any_figures, any_frame
from hustle_widgets.view.figures.base import Drawer, Maker, Paper, StepResult

__all__ = ["Drawer", "Maker", "Paper", "StepResult", "every_frame_of", "figures_of"]


def figures_of(result: StepResult) -> dict[str, Maker]:
    """Return the main figures of a step by file name, not yet drawn: those it declares, or those of its deltas."""
    declared = result.kind.figures
    figures: dict[str, Maker] = loaded(declared)(result) if declared else any_figures(result)
    return figures


def every_frame_of(result: StepResult, paper: Paper) -> tuple[str, Drawer] | None:
    """Return name and drawer of the figure that a step has of every frame, if it has one."""
    if result.outcome.patch is not None and not len(result.outcome.patch):
        return None  # nothing to see in any frame
    found = result.kind.every_frame or any_frame(result)
    return None if found is None else (found[0], loaded(found[1])(result, paper))
