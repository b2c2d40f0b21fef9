"""Figures of a step that declares none: of what its deltas hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hustle_widgets.steps.frame_names import middle_frame
from hustle_widgets.view import colors
from hustle_widgets.view.figures import base
from hustle_widgets.view.figures.base import Drawer, Maker, Page, Paper, StepResult
from hustle_widgets.view.figures.flagged import BeforeAfter, flagged_figures
from hustle_widgets.view.figures.frame_lines import draw_frame_lines

AXES = {"x": base.ROW, "y": base.COLUMN}
TAKEN = f"Taken off [{base.ELECTRONS}]"


def any_figures(result: StepResult) -> dict[str, Maker]:
    """Return the main figures of a step: of the pixels it flags, of what it takes off, of its table's columns."""
    figures: dict[str, Maker] = {}
    kind, outcome = result.kind, result.outcome
    if outcome.patch is not None:
        figures |= flagged_figures(result)
    if outcome.offset is not None:
        middle = middle_frame(result.state)
        figures[f"{kind.figure}_taken_off"] = partial(
            in_time, result, kind.title, TAKEN, outcome.offset.usual()
        )
        figures[f"{kind.figure}_before_after"] = lambda paper: TakenOff(result, paper).draw(middle)
    if kind.alters:
        for name, values in outcome.table.columns.items():
            unit, text, axes = kind.record(name)
            draw = partial(in_time, result, text.capitalize(), f"{name} [{unit}]")
            if values.ndim == 1 and not axes:
                figures[f"{kind.figure}_{name}"] = partial(draw, values)
            elif values.ndim == 2 and axes[0] in AXES:
                figures[f"{kind.figure}_{name}"] = partial(
                    picture, text.capitalize(), AXES[axes[0]], name, values
                )
    return figures


def any_frame(result: StepResult) -> tuple[str, Callable[[StepResult, Paper], Drawer]] | None:
    """Return name and drawer of a figure of every frame: the frame before and after the step."""
    kind = result.kind
    shared = any(other.figure == kind.figure for other in result.chain if other is not kind)
    name = f"{kind.figure}_{kind.name}" if shared else kind.figure
    if result.outcome.patch is not None:
        return name, BeforeAfter
    return (name, TakenOff) if result.outcome.offset is not None else None


def in_time(result: StepResult, title: str, label: str, values: NDArray[np.float64], paper: Paper) -> Figure:
    """Draw one number a frame in time."""
    page = Page(paper, [2.6], "One value of each frame; the line breaks between orbits.", right=0.3)
    (axes,) = page.axes
    axes.plot(*base.broken(result.hours, np.asarray(values, float)), "o-", color=colors.BLUE, ms=4, lw=1)
    base.curve_axes(axes, base.HOURS, label, title)
    return page.figure


def picture(title: str, along: str, name: str, values: NDArray[np.float64], paper: Paper) -> Figure:
    """Draw one value of each row or column of each frame."""
    page = Page(paper, [2.6], "A line of the picture is a frame.")
    (axes,) = page.axes
    draw_frame_lines(page, axes, values, along=along, name=name, title=title)
    return page.figure


class TakenOff:
    """One frame as it enters and as it leaves a step, and what was taken off it."""

    def __init__(self, result: StepResult, paper: Paper) -> None:
        self.result, self.paper = result, paper
        middle = middle_frame(result.state)
        before, after = result.before(middle), result.after(middle)
        height = base.image_height(paper, before.shape)
        self.page = Page(
            paper, [height] * 3, "The same frame before and after the step, and their difference."
        )
        norms = (*[base.frame_norm(before)] * 2, base.frame_norm(before - after))
        labels = (*[f"Signal [{base.ELECTRONS}]"] * 2, TAKEN)
        self.images = []
        for axes, norm, label in zip(self.page.axes, norms, labels, strict=True):
            self.images.append(base.show_frame(axes, before, paper, norm=norm))
            self.page.bar(axes, self.images[-1], label)
        for axes in self.page.axes[:2]:
            axes.set_xlabel("")
        self.titles = [base.title_of(axes) for axes in self.page.axes]
        self.moving: list[Artist] = [*self.images, *self.titles]

    def draw(self, frame: int) -> Figure:
        """Show a frame."""
        before, after = self.result.before(frame), self.result.after(frame)
        for shown, image in zip(self.images, (before, after, before - after), strict=True):
            base.change_frame(shown, image, self.paper)
        hours = f"({self.result.hours[frame]:.2f} h)"
        titles = (
            f"Frame {frame} {hours}, before: {self.result.kind.title}",
            f"Frame {frame}, after",
            "Taken off",
        )
        for text, title in zip(self.titles, titles, strict=True):
            text.set_text(title)
        return self.page.figure
