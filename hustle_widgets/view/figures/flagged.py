"""Figures of steps that flag pixels: where, how many in each frame, and a frame before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.ndimage import generate_binary_structure, maximum_filter

from hustle_widgets.engine.deltas import Patch
from hustle_widgets.steps.frame_names import middle_frame
from hustle_widgets.view import colors
from hustle_widgets.view.figures import base
from hustle_widgets.view.figures.base import Maker, Page, Paper, StepResult
from hustle_widgets.view.figures.models import model_figures
from hustle_widgets.view.flag_colors import flag_colors

NEIGHBOURS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))
TEMPORAL = ("fixed_iter", "free_iter")
PREFIX = {
    "hst_flags": "HST_flags",
    "fixed_iter": "CR",
    "free_iter": "CR",
    "led": "LED",
    "smooth": "spatial_smoothing",
}
LOCATION = {"CR": "CR_location", "LED": "LED_location_of_all_corrected_pixels"}
WHAT = {
    "HST_flags": "Pixels flagged by calwf3",
    "CR": "Cosmic rays rejected in time",
    "LED": "Pixels rejected by Laplacian edge detection",
    "spatial_smoothing": "Pixels rejected by spatial smoothing",
}
COLORS = {
    "hst_flags": colors.PURPLE,
    "fixed_iter": colors.ORANGE,
    "free_iter": colors.VERMILLION,
    "led": colors.BLUE,
    "smooth": colors.GREEN,
}
# The same order of colours must also be told apart without colours.
STYLES = {"hst_flags": ":", "fixed_iter": "--", "free_iter": "-", "led": "-", "smooth": "--"}


def flagged_figures(
    result: StepResult, location: str = "", drawer: type[BeforeAfter] | None = None
) -> dict[str, Maker]:
    """Return the main figures of a step that flags pixels.

    Parameters
    ----------
    result : StepResult
    location : str
        Name of the figure of where they are, if not that of the step's figures with '_location'.
    drawer : type, optional
        Draws a frame before and after; `BeforeAfter` does.
    """
    kind = result.kind
    # A visit's cosmic rays are those of both iterations: the later one's figures show them together.
    patches = {
        other.name: result.state.outcomes[other.name].patch
        for other in result.chain
        if other.figure == kind.figure and other.name in result.state.outcomes
    }
    together = {name: patch for name, patch in patches.items() if patch is not None}
    together[result.name] = result.patch
    counts = result.patch.counts.sum(axis=0)
    make = drawer or BeforeAfter
    return {
        location or f"{kind.figure}_location": partial(location_map, kind.flags_what, together),
        f"{kind.figure}_per_frame": partial(per_frame, result, together),
        f"{kind.figure}_before_after": lambda paper: make(result, paper).draw(int(counts.argmax())),
    }


def edge_figures(result: StepResult) -> dict[str, Maker]:
    """Return the figures of edge detection, under the tutorial's names."""
    return {**flagged_figures(result, "LED_location_of_all_corrected_pixels"), **model_figures(result)}


def boxed_figures(result: StepResult) -> dict[str, Maker]:
    """Return the figures of a step that looks at boxes of the frame only."""
    return flagged_figures(result, drawer=BeforeAfterInBoxes)


def location_map(what: str, patches: Mapping[str, Patch], paper: Paper) -> Figure:
    """Draw where pixels were flagged in all frames."""
    shape = next(iter(patches.values())).shape
    plane = shape[1] * shape[2]
    hits = np.zeros(plane, dtype=np.int64)
    for patch in patches.values():
        hits += np.bincount(patch.index.astype(np.int64) % plane, minlength=plane)
    image = hits.reshape(shape[1:])
    factor = paper.factor(shape[1:])
    block = block_sum(image, factor)
    sparse = np.count_nonzero(block) < block.size / 100
    if sparse:  # single points would hardly be seen
        block = maximum_filter(block, footprint=generate_binary_structure(2, 1))
    total, pixels = int(hits.sum()), int(np.count_nonzero(hits))
    caption = (
        f"{total:,} pixels in {shape[0]} frames ({100 * total / (shape[0] * plane):.3f} %), at {pixels:,} places. "
        "They should lie at random: where the trace stands out dark, the rejection is too strict "
        "(pale is normal: on bright pixels only strong hits are found). "
        "The bright 0th order and its bloom may show." + (" Points are enlarged." if sparse else "")
    )
    page = Page(paper, [base.image_height(paper, shape[1:])], caption)
    (axes,) = page.axes
    norm, colors, edges = base.count_norm(int(block.max(initial=0)))
    shown = axes.imshow(
        block,
        origin="lower",
        extent=(-0.5, block.shape[1] * factor - 0.5, -0.5, block.shape[0] * factor - 0.5),
        norm=norm,
        cmap=colors,
        interpolation="nearest",
        aspect="auto",
    )
    axes.set(xlim=(-0.5, shape[2] - 0.5), ylim=(-0.5, shape[1] - 0.5), xlabel=base.COLUMN, ylabel=base.ROW)
    base.title_of(axes, f"{what}, all frames")
    label = "Times flagged" if factor == 1 else f"Times flagged, {factor} x {factor} px"
    page.bar(axes, shown, label, ticks=edges[:-1], spacing="uniform")
    return page.figure


def block_sum(image: NDArray[np.int64], factor: int) -> NDArray[np.int64]:
    """Sum over blocks, fewer pixels at the upper and right edge."""
    rows = np.add.reduceat(image, np.arange(0, image.shape[0], factor), axis=0)
    return np.add.reduceat(rows, np.arange(0, image.shape[1], factor), axis=1)


def per_frame(result: StepResult, patches: Mapping[str, Patch], paper: Paper) -> Figure:
    """Draw how many pixels were flagged in each frame."""
    caption = "A frame with many more than the others may have lost guiding or crossed the radiation belt."
    page = Page(paper, [2.4], caption, right=0.3)
    (axes,) = page.axes
    size = int(np.prod(next(iter(patches.values())).shape[1:]))
    colors = flag_colors(result.chain or (result.kind,))
    lines = {kind.name: kind.line for kind in (*result.chain, result.kind)}
    for name, patch in patches.items():
        share = 100 * patch.counts.sum(axis=0) / size
        curve = base.broken(result.hours, share)
        axes.plot(*curve, "o", ls=lines[name], color=colors[name], ms=4, label=name)
    base.curve_axes(axes, base.HOURS, "Flagged [% of a frame]", f"{result.kind.flags_what}, per frame")
    axes.set_ylim(bottom=0)
    if len(patches) > 1:
        axes.legend(fontsize=9)
    return page.figure


class BeforeAfter:
    """One frame as it enters and as it leaves a step, and what was flagged in it."""

    def __init__(self, result: StepResult, paper: Paper) -> None:
        self.result, self.paper = result, paper
        _, n_rows, n_columns = result.state.shape
        boxes = self.boxes()
        self.part = (0, n_rows, 0, n_columns)
        if boxes:  # a small region would be lost on the whole frame
            rows0, rows1, columns0, columns1 = zip(*boxes, strict=True)
            self.part = (min(rows0), max(rows1), min(columns0), max(columns1))
        shape = (self.part[1] - self.part[0], self.part[3] - self.part[2])
        height = base.image_height(paper, shape)
        caption = (
            "The same frame before and after the step; flagged pixels below, enlarged by one pixel so that they are "
            "seen. The trace must look the same in both."
        )
        self.page = Page(paper, [height] * 3, caption)
        middle = self.cut(result.before(middle_frame(result.state)))
        norm = base.frame_norm(middle)
        corner = (self.part[2], self.part[0])
        self.images = [
            base.show_frame(axes, middle, paper, norm=norm, corner=corner) for axes in self.page.axes[:2]
        ]
        flags = np.zeros(shape, dtype=np.float32)
        colors = ListedColormap(["white", flag_colors(result.chain or (result.kind,))[result.name]])
        self.images.append(
            base.show_frame(
                self.page.axes[2], flags, paper, norm=Normalize(0, 1), colors=colors, corner=corner
            )
        )
        for axes, image in zip(self.page.axes[:2], self.images[:2], strict=True):
            self.page.bar(axes, image, f"Signal [{base.ELECTRONS}]")
            axes.set_xlabel("")
        self.titles = [base.title_of(axes) for axes in self.page.axes]
        self.moving: list[Artist] = [*self.images, *self.titles]

    def boxes(self) -> Sequence[Sequence[int]] | None:
        """Return the boxes (row0, row1, column0, column1) that the step looks at, None for all of the frame."""
        return None

    def cut(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the part of a frame that is shown."""
        row0, row1, column0, column1 = self.part
        return image[row0:row1, column0:column1]

    def draw(self, frame: int) -> Figure:
        """Show a frame."""
        result = self.result
        before = result.before(frame)
        after = before.copy()
        result.outcome.apply(after[np.newaxis], slice(frame, frame + 1), slice(0, after.shape[0]))
        n_rows, n_columns = before.shape
        flags = np.zeros((n_rows, n_columns), dtype=np.float32)
        rows, columns = result.patch.frame_pixels(frame)
        for down, across in NEIGHBOURS:
            flags[np.clip(rows + down, 0, n_rows - 1), np.clip(columns + across, 0, n_columns - 1)] = 1
        for shown, image in zip(self.images, (before, after, flags), strict=True):
            base.change_frame(shown, self.cut(image), self.paper)
        share = 100 * rows.size / before.size
        titles = (
            f"Frame {frame} ({result.hours[frame]:.2f} h), before: {result.kind.title}",
            f"Frame {frame}, after",
            f"Flagged: {rows.size:,} pixels, {share:.3f} % of the frame",
        )
        for text, title in zip(self.titles, titles, strict=True):
            text.set_text(title)
        return self.page.figure


class BeforeAfterInBoxes(BeforeAfter):
    """The same of a step that looks at boxes of the frame only."""

    def boxes(self) -> Sequence[Sequence[int]] | None:
        """Return the step's boxes, as they were fitted to the frame."""
        boxes: Sequence[Sequence[int]] | None = self.result.prepared["smth_bounds"]
        return boxes
