"""Figures of the background steps: values in time, before and after, and the pixels they come from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hustle_widgets.algorithms.background import histogram
from hustle_widgets.algorithms.sky import fit_sky
from hustle_widgets.steps.column import background_region
from hustle_widgets.steps.frame_names import middle_frame
from hustle_widgets.view import colors
from hustle_widgets.view.figures import base
from hustle_widgets.view.figures.base import Maker, Page, Paper, StepResult
from hustle_widgets.view.figures.frame_lines import draw_frame_lines
from hustle_widgets.view.figures.models import scaling

SAMPLE = 60_000  # background pixels of a frame that are enough for its median
VALUES = f"Background [{base.ELECTRONS}]"


# Which pixels of a frame a step takes for background: called with its result, the frame's number and the frame.
MaskOf = Callable[[StepResult, int, NDArray[np.float32]], NDArray[np.bool_]]


def background_figures(result: StepResult, mask_of: MaskOf) -> dict[str, Maker]:
    """Return the figures that all background steps have."""
    return {
        f"bkg_values_{result.name}": partial(values_in_time, result),
        f"bkg_correction_{result.name}": partial(correction, result, mask_of),
    }


def uniform_figures(result: StepResult) -> dict[str, Maker]:
    """Return the figures of the uniform background."""
    middle = middle_frame(result.state)
    return {
        **background_figures(result, in_boxes),
        "bkg_histogram_uniform": lambda paper: HistogramOfFrame(result, paper).draw(middle),
        "bkg_region_uniform": partial(region, result, in_boxes),
    }


def column_figures(result: StepResult) -> dict[str, Maker]:
    """Return the figures of the background by columns."""
    middle = middle_frame(result.state)
    return {
        **background_figures(result, off_traces),
        "bkg_region_column": partial(region, result, off_traces),
        "bkg_columns_column": lambda paper: ColumnsOfFrame(result, paper).draw(middle),
    }


def sky_figures(result: StepResult) -> dict[str, Maker]:
    """Return the figures of the background by the sky image."""
    middle = middle_frame(result.state)
    figures = background_figures(result, off_sources)
    return {
        **figures,
        "bkg_mask_pagul": lambda paper: SkyMask(result, paper).draw(middle),
        "bkg_scaling_pagul": partial(scaling, result),
    }


def in_boxes(result: StepResult, frame: int, image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the pixels in the boxes of the uniform background."""
    boxes = result.prepared["bounds"]
    mask = np.full(image.shape, boxes is None)
    for row0, row1, column0, column1 in boxes or ():
        mask[row0:row1, column0:column1] = True
    return mask


def off_traces(result: StepResult, frame: int, image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the pixels that the background by columns is measured on."""
    names = ("rows", "mask_trace", "dist_from_trace", "location")
    return background_region(result.state, *(result.parameters[name] for name in names))[0]


def off_sources(result: StepResult, frame: int, image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return the pixels that the sky image is scaled to."""
    sky = result.prepared["sky"]
    return ~fit_sky(image, sky, result.parameters["mask_parameter"]).mask(image, sky)


def values_in_time(result: StepResult, paper: Paper) -> Figure:
    """Draw the background of each frame, and for columns all their values."""
    values = np.asarray(result.outcome.table.columns["bkg_vals"], dtype=float)
    if values.ndim == 1:
        page = Page(
            paper, [2.6], "Should be near the typical value of pixels away from the trace.", right=0.3
        )
        page.axes[0].plot(*base.broken(result.hours, values), "o-", color=colors.BLUE, ms=4, lw=1)
        title = f"{result.kind.title}, median {np.nanmedian(values):.3g} {base.ELECTRONS}"
        base.curve_axes(page.axes[0], base.HOURS, VALUES, title)
        return page.figure
    caption = (
        "Above: median over the columns of each frame. Below: every column of every frame; a streak across all "
        "frames is sky or light of a source, a single bright row of the picture is a frame that stands out."
    )
    page = Page(paper, [1.9, 2.4], caption)
    curve, picture = page.axes
    curve.plot(*base.broken(result.hours, np.nanmedian(values, axis=1)), "o-", color=colors.BLUE, ms=4, lw=1)
    base.curve_axes(curve, base.HOURS, VALUES, f"{result.kind.title}, median over columns")
    draw_frame_lines(page, picture, values, along=base.COLUMN, name=VALUES, title="Background of each column")
    return page.figure


def correction(result: StepResult, mask_of: MaskOf, paper: Paper) -> Figure:
    """Draw the median of the background pixels of each frame, before and after the step."""
    n_frames = result.state.shape[0]
    before, after = np.empty(n_frames), np.empty(n_frames)
    first = result.before(0)
    mask = mask_of(result, 0, first)
    places = np.flatnonzero(mask)
    places = places[:: max(1, places.size // SAMPLE)]
    for frame in range(n_frames):
        image = result.before(frame)
        before[frame] = np.nanmedian(image.reshape(-1)[places])
        result.outcome.apply(image[np.newaxis], slice(frame, frame + 1), slice(0, image.shape[0]))
        after[frame] = np.nanmedian(image.reshape(-1)[places])
    caption = (
        f"Median of {places.size:,} pixels that the step takes for background. "
        f"After correction it should be consistent with 0 {base.ELECTRONS}."
    )
    page = Page(paper, [1.7, 1.7], caption, right=0.3)
    label = f"Median [{base.ELECTRONS}]"
    for axes, values, color, marker, title in (
        (page.axes[0], before, colors.VERMILLION, "s", f"Before: {result.kind.title}"),
        (page.axes[1], after, colors.BLUE, "o", "After"),
    ):
        axes.plot(*base.broken(result.hours, values), marker=marker, color=color, ms=4, lw=1)
        base.curve_axes(axes, base.HOURS, label, title)
    reach = max(0.5, 1.15 * float(np.nanmax(np.abs(after), initial=0)))
    page.axes[1].set_ylim(-reach, reach)
    page.axes[1].axhline(0, color=colors.BLACK, lw=1)
    page.axes[0].set_xlabel("")
    return page.figure


def region(result: StepResult, mask_of: MaskOf, paper: Paper) -> Figure:
    """Draw the pixels that count as background, on the middle frame."""
    middle = middle_frame(result.state)
    image = result.before(middle)
    mask = mask_of(result, middle, image)
    share = 100 * mask.mean()
    caption = (
        f"Coloured pixels ({share:.1f} % of the frame) give the background; the others are left out. "
        "Neither a trace nor the 0th order should be coloured."
    )
    page = Page(paper, [base.image_height(paper, image.shape)], caption)
    (axes,) = page.axes
    shown = masked_frame(axes, image, mask, paper)
    base.title_of(axes, f"{result.kind.title}, background pixels on frame {middle}")
    page.bar(axes, shown, f"Signal [{base.ELECTRONS}]")
    return page.figure


def masked_frame(axes: Any, image: NDArray[np.float32], mask: NDArray[np.bool_], paper: Paper) -> Any:
    """Draw a frame in colour where the mask is True, and in pale grey elsewhere."""
    norm = base.frame_norm(image)
    base.show_frame(axes, image, paper, norm=norm, colors=base.pale())
    return base.show_frame(
        axes, np.where(mask, image, np.float32(np.nan)), paper, norm=norm, colors=base.clear(base.heat())
    )


class HistogramOfFrame:
    """The histogram that the uniform background is taken from."""

    def __init__(self, result: StepResult, paper: Paper) -> None:
        self.result = result
        fit = {None: "the fullest bin", "Gaussian": "a Gaussian fit", "median": "the median"}
        self.page = Page(
            paper,
            [2.6],
            f"Background pixels of one frame; the line is {fit[result.parameters['fit']]}. It should stand at the "
            "peak, and there should be one peak only.",
            right=0.3,
        )
        (self.axes,) = self.page.axes
        (self.steps,) = self.axes.plot([], [], drawstyle="steps-mid", color=colors.GREY, lw=1)
        self.level = self.axes.axvline(0, color=colors.VERMILLION, lw=1.8, label="background")
        base.curve_axes(self.axes, f"Signal [{base.ELECTRONS}]", "Pixels per bin")
        self.axes.legend(fontsize=9)
        self.title = base.title_of(self.axes)
        self.moving: list[Artist] = [self.steps, self.level, self.title]
        self.fixed = False

    def draw(self, frame: int) -> Figure:
        """Show a frame."""
        names = ("hist_min", "hist_max", "hist_bins")
        limits = {name: self.result.parameters[name] for name in names}
        found = histogram(self.result.before(frame), bounds=self.result.prepared["bounds"], **limits)
        centres = (found.edges[1:] + found.edges[:-1]) / 2
        level = float(self.result.outcome.table.columns["bkg_vals"][frame])
        self.steps.set_data(centres, found.counts)
        self.level.set_xdata([level, level])
        if not self.fixed:  # the same axes for all frames, so that they can be compared
            self.axes.set(xlim=(found.edges[0], found.edges[-1]), ylim=(0, 1.25 * max(found.counts.max(), 1)))
            self.fixed = True
        self.title.set_text(f"Frame {frame}: background {level:.2f} {base.ELECTRONS}")
        return self.page.figure


class ColumnsOfFrame:
    """The background of each column of a frame."""

    def __init__(self, result: StepResult, paper: Paper) -> None:
        self.result = result
        self.values = np.asarray(result.outcome.table.columns["bkg_vals"], dtype=float)
        caption = "Dark: this frame. Pale: the median of all frames. Sky varies slowly along the columns."
        self.page = Page(paper, [2.6], caption, right=0.3)
        (self.axes,) = self.page.axes
        self.axes.plot(
            np.nanmedian(self.values, axis=0), color=colors.SKY, lw=2.5, label="median of all frames"
        )
        (self.line,) = self.axes.plot(self.values[0], color=colors.BLACK, lw=0.8, label="this frame")
        low, high = np.nanpercentile(self.values, (0.2, 99.8))
        margin = max(0.1 * (high - low), 0.1)
        self.axes.set(xlim=(0, self.values.shape[1] - 1), ylim=(low - margin, high + margin))
        base.curve_axes(self.axes, base.COLUMN, VALUES)
        self.axes.legend(fontsize=9, loc="upper left")
        self.title = base.title_of(self.axes)
        self.moving: list[Artist] = [self.line, self.title]

    def draw(self, frame: int) -> Figure:
        """Show a frame."""
        self.line.set_ydata(self.values[frame])
        self.title.set_text(f"Frame {frame}: background of each column")
        return self.page.figure


class SkyMask:
    """The pixels of a frame that the sky image was scaled to."""

    def __init__(self, result: StepResult, paper: Paper) -> None:
        self.result, self.paper = result, paper
        image = result.before(middle_frame(result.state))
        caption = (
            "Coloured pixels give the scale of the sky image; sources are grey. mask_parameter is right when all "
            "sources are grey and enough sky is left."
        )
        self.page = Page(paper, [base.image_height(paper, image.shape)], caption)
        (self.axes,) = self.page.axes
        self.sources = base.show_frame(
            self.axes, image, paper, norm=base.frame_norm(image), colors=base.pale()
        )
        self.sky = base.show_frame(
            self.axes, image, paper, norm=base.frame_norm(image), colors=base.clear(base.heat())
        )
        self.page.bar(self.axes, self.sky, f"Signal [{base.ELECTRONS}]")
        self.title = base.title_of(self.axes)
        self.moving: list[Artist] = [self.sources, self.sky, self.title]

    def draw(self, frame: int) -> Figure:
        """Show a frame."""
        image = self.result.before(frame)
        mask = off_sources(self.result, frame, image)
        base.change_frame(self.sources, image, self.paper)
        base.change_frame(self.sky, np.where(mask, image, np.float32(np.nan)), self.paper)
        self.title.set_text(f"Frame {frame}: {100 * mask.mean():.1f} % of the pixels are sky")
        return self.page.figure
