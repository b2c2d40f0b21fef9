"""Figures of step 6: the target in the direct image, the 0th order, background stars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from hustle_widgets.steps.frame_names import first_sound
from hustle_widgets.steps.reference import reference_frame, without_failed
from hustle_widgets.view import colors
from hustle_widgets.view.figures import base
from hustle_widgets.view.figures.base import Maker, Page, Paper, StepResult

DIRECT_HALF = 30  # pixels around the target
ZEROTH_HALF = 60
SIGNAL = f"Signal [{base.ELECTRONS}]"


def location_figures(result: StepResult) -> dict[str, Maker]:
    """Return the figure of the target's location."""
    return {"target_location": partial(target_location, result)}


def zeroth_figures(result: StepResult) -> dict[str, Maker]:
    """Return the main figures of the tracking of the 0th order."""
    moved, first = without_failed(result.outcome.table, "0th_order_disp"), first_sound(result.state)
    return {
        "0th_order_window": lambda paper: ZerothWindow(result, paper).draw(first),
        "0th_order_displacement": partial(displacement, result.hours, {"0th order": moved}),
    }


def star_figures(result: StepResult) -> dict[str, Maker]:
    """Return the main figures of the tracking of background stars."""
    table, first = result.outcome.table, first_sound(result.state)
    moves = {
        name.removesuffix("_disp"): without_failed(table, name)
        for name in table.columns
        if name.endswith("_disp")
    }
    moves["mean of stars"] = moves.pop("meanstar")
    for other in result.chain:
        tracked = result.state.outcomes.get(other.name)
        if other.follows is not None and tracked is not None and other is not result.kind:
            column, what = other.follows
            if column in tracked.table.columns:
                moves[what] = without_failed(tracked.table, column)
    return {
        "bkg_stars_location": lambda paper: StarWindows(result, paper).draw(first),
        "bkg_stars_displacement": partial(displacement, result.hours, moves),
    }


def cutout(
    image: NDArray[np.float32], place: Sequence[float], half: int
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Return a window of 2 half + 1 pixels, NaN outside of the frame, and its first (column, row)."""
    column, row = (int(round(number)) for number in place)
    padded = np.full((2 * half + 1, 2 * half + 1), np.nan, dtype=np.float32)
    row0, column0 = max(0, row - half), max(0, column - half)
    part = image[row0 : max(0, row + half + 1), column0 : max(0, column + half + 1)]
    down, across = row0 - (row - half), column0 - (column - half)
    if part.size:
        padded[down : down + part.shape[0], across : across + part.shape[1]] = part
    return padded, (column - half, row - half)


def show_window(axes: Axes, part: NDArray[np.float32], corner: tuple[int, int]) -> AxesImage:
    """Draw a window of a frame, every pixel of it."""
    return base.show_frame(axes, part, Paper(full=True), norm=base.frame_norm(part), corner=corner)


def mark(axes: Axes, place: Sequence[float], color: str, marker: str, label: str) -> None:
    """Mark a position (column, row), with a light rim so that it shows on dark and bright."""
    axes.plot(*place, marker=marker, ms=13, mfc="none", mec="white", mew=4, ls="none")
    axes.plot(*place, marker=marker, ms=13, mfc="none", mec=color, mew=2, ls="none", label=label)


def target_location(result: StepResult, paper: Paper) -> Figure:
    """Draw the target in the direct image, where it was expected and where it was found."""
    facts = result.outcome.table.facts
    place = facts["target_posx"], facts["target_posy"]
    guess = result.parameters["location"]
    image = result.state.facts["direct_image"]
    caption = (
        f"Given: column {guess[0]:.2f}, row {guess[1]:.2f}. Found: column {place[0]:.2f}, row {place[1]:.2f}. "
        "Above the direct image, below the surroundings of the target."
    )
    height = base.image_height(paper, image.shape)
    page = Page(paper, [height, 3.4], caption)
    whole, near = page.axes
    part, corner = cutout(image, place, DIRECT_HALF)
    norm = base.frame_norm(part)
    base.show_frame(whole, image, paper, norm=norm)
    shown = base.show_frame(near, part, Paper(full=True), norm=norm, corner=corner)
    near.set_position((base.LEFT / paper.width, near.get_position().y0, 3.4 / paper.width, 3.4 / page.height))
    page.bar(near, shown, SIGNAL)
    base.outline(
        whole, (corner[1], corner[1] + part.shape[0], corner[0], corner[0] + part.shape[1]), colors.ORANGE
    )
    mark(near, guess, colors.SKY, "s", "given")
    mark(near, place, colors.VERMILLION, "+", "found")
    near.legend(fontsize=9, loc="upper right", labelspacing=0.9)
    base.title_of(whole, "Direct image")
    base.title_of(near, "Target")
    return page.figure


class ZerothWindow:
    """The 0th order of a frame and its centroid."""

    def __init__(self, result: StepResult, paper: Paper) -> None:
        self.result = result
        self.places = result.outcome.table.columns["0th_order_pos"]
        caption = "The 0th order is often saturated and bleeds along its columns; the cross should be at its middle."
        self.page = Page(Paper(6.2, paper.full), [4.2], caption, squares=1)
        (self.axes,) = self.page.axes
        seen = np.isfinite(self.places).all(axis=1).any()
        reference = reference_frame(self.places, result.state)
        centre = self.places[reference] if seen else result.prepared["expected"]
        self.centre = (float(centre[0]), float(centre[1]))
        part, corner = cutout(result.before(reference), self.centre, ZEROTH_HALF)
        self.shown = show_window(self.axes, part, corner)
        limits = self.axes.get_xlim(), self.axes.get_ylim()
        mark(self.axes, result.prepared["expected"], colors.SKY, "s", "expected")
        mark(self.axes, self.centre, colors.VERMILLION, "+", "found")
        self.axes.set(xlim=limits[0], ylim=limits[1])
        self.crosses = self.axes.lines[-2:]
        legend = self.axes.legend(fontsize=9, loc="upper right", labelspacing=0.9)
        self.page.bar(self.axes, self.shown, SIGNAL)
        self.title = base.title_of(self.axes)
        self.moving: list[Artist] = [self.shown, *self.axes.lines, legend, self.title]

    def draw(self, frame: int) -> Figure:
        """Show a frame."""
        part, _ = cutout(self.result.before(frame), self.centre, ZEROTH_HALF)
        self.shown.set_data(part)
        column, row = self.places[frame]
        for cross in self.crosses:
            cross.set_data([column], [row])
        place = f"at column {column:.2f}, row {row:.2f}" if np.isfinite(column + row) else "not found"
        self.title.set_text(f"Frame {frame}: 0th order {place}")
        return self.page.figure


class StarWindows:
    """The windows of the background stars of a frame, and their centroids."""

    MOST = 4  # as many as fit side by side

    def __init__(self, result: StepResult, paper: Paper) -> None:
        self.result = result
        self.half = int(result.parameters["bkg_window"])
        self.given = result.parameters["bkg_stars_loc"]
        self.stars = list(range(len(self.given)))[: self.MOST]
        size = min((paper.width - base.LEFT) / len(self.stars) - base.RIGHT, 3.0)
        left_out = len(self.given) - len(self.stars)
        caption = "The cross is the star's centroid, the square its given place."
        caption += f" {left_out} more are tracked too." if left_out else ""
        self.page = Page(paper, [size], caption, squares=len(self.stars))
        image = result.before(first_sound(result.state))
        self.shown: list[AxesImage] = []
        self.crosses = []
        for star, axes in zip(self.stars, self.page.axes, strict=True):
            place = self.given[star]
            part, corner = cutout(image, place, self.half)
            self.shown.append(show_window(axes, part, corner))
            mark(axes, place, colors.SKY, "s", "given")
            mark(axes, place, colors.VERMILLION, "+", "found")
            self.crosses.append(axes.lines[-2:])
        self.titles = [base.title_of(axes) for axes in self.page.axes]
        lines = [line for axes in self.page.axes for line in axes.lines]
        self.moving: list[Artist] = [*self.shown, *lines, *self.titles]

    def draw(self, frame: int) -> Figure:
        """Show a frame."""
        image = self.result.before(frame)
        table = self.result.outcome.table.columns
        for number, star in enumerate(self.stars):
            part, _ = cutout(image, self.given[star], self.half)
            self.shown[number].set_data(part)
            column, row = table[f"star{star}_pos"][frame]
            for cross in self.crosses[number]:
                cross.set_data([column], [row])
            self.titles[number].set_text(f"Star {star}, frame {frame}")
        return self.page.figure


def displacement(
    hours: NDArray[np.float64], moves: Mapping[str, NDArray[np.float64]], paper: Paper
) -> Figure:
    """Draw how the frames moved, in columns and rows."""
    caption = (
        "Motion relative to the first sound frame. It should be a fraction of a pixel to a few pixels, and all sources "
        "should move alike."
    )
    right = 1.6 if len(moves) > 1 else 0.3
    page = Page(paper, [1.8, 1.8], caption, right=right)
    for number, (axes, along) in enumerate(zip(page.axes, ("Columns", "Rows"), strict=True)):
        for (name, move), color, marker in zip(
            moves.items(),
            colors.CYCLE * (1 + len(moves) // len(colors.CYCLE)),
            "os^DvP*" * (1 + len(moves) // 7),
            strict=False,
        ):
            axes.plot(
                *base.broken(hours, move[:, number]), marker=marker, color=color, ms=4, lw=1, label=name
            )
        base.curve_axes(axes, base.HOURS, "Displacement [px]", f"{along} moved by")
    page.axes[0].set_xlabel("")
    if len(moves) > 1:
        page.axes[0].legend(fontsize=9, loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return page.figure
