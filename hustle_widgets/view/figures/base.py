"""What all saved figures share: a page with stacked panels, frame images, colour bars, captions."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import AsinhNorm, BoundaryNorm, Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.calling import asked
from hustle_widgets.engine.deltas import Outcome, Patch
from hustle_widgets.protocols import StepLike
from hustle_widgets.steps.base import Step
from hustle_widgets.view.encode import auto_limits, palette, shrink

COLUMN, ROW = "Column [px]", "Row [px]"
HOURS = "Time since first frame [h]"
ELECTRONS = "e$^-$"

DPI = 100
LEFT, RIGHT, TOP, BOTTOM = 0.8, 1.05, 0.36, 0.52  # inches around each panel
CAPTION_LINE = 0.17
BACKGROUND = "#ececec"  # where an image has no value


@dataclass(frozen=True)
class Paper:
    """What a figure is drawn for.

    Attributes
    ----------
    width : float
        Inches.
    full : bool
        Whether images keep every pixel, to zoom into; a saved figure shows the maximum of small blocks.
    """

    width: float = 9.0
    full: bool = False

    def factor(self, shape: Sequence[int]) -> int:
        """Return how many pixels of a frame of (rows, columns) become one of the picture."""
        if self.full:
            return 1
        return max(1, int(np.ceil(shape[1] / ((self.width - LEFT - RIGHT) * DPI))))


Maker = Callable[[Paper], Figure]


class Drawer(Protocol):
    """A figure that shows one frame at a time; drawing another frame changes it.

    Attributes
    ----------
    moving : list of Artist
        What changes from frame to frame, in the order to draw it.
    """

    moving: list[Artist]

    def draw(self, frame: int) -> Figure:
        """Show a frame."""


@dataclass(frozen=True)
class StepResult:
    """A step that has computed, as its figures need it.

    Attributes
    ----------
    kind : type of Step
    parameters : mapping of str to object
        With which it has computed, borrowed ones included.
    state : State
        The visit as it enters the step.
    outcome : Outcome
        What the step found.
    chain : tuple of type of Step
        All steps of the chain, in order.
    """

    kind: type[Step]
    parameters: Mapping[str, Any]
    state: State
    outcome: Outcome
    chain: tuple[type[Step], ...] = ()

    @classmethod
    def of(cls, step: StepLike) -> StepResult | None:
        """Return the result of a Reduction's step, or None when it is not known."""
        reduction = step.reduction
        outcome = None if reduction is None else reduction.outcomes().get(step.name)
        if reduction is None or outcome is None:
            return None
        parameters = dict(step.setting(reduction.values()).parameters)
        before, chain = reduction.state(before=step.name), reduction.kinds
        return cls(cast(type[Step], type(step)), parameters, before, outcome, chain)

    @property
    def name(self) -> str:
        """Name of the step."""
        return self.kind.name

    @property
    def patch(self) -> Patch:
        """The pixels it flagged."""
        assert self.outcome.patch is not None
        return self.outcome.patch

    @cached_property
    def prepared(self) -> dict[str, Any]:
        """What the step's `prepare` gives."""
        return asked(self.kind.node(), "prepare", self.kind.prepare, self.state, **self.parameters)

    @property
    def hours(self) -> NDArray[np.float64]:
        """Time of each frame since the first one."""
        times = self.state.column("exp_time")
        return (times - times[0]) * 24

    def before(self, frame: int) -> NDArray[np.float32]:
        """Return a frame as it enters the step."""
        return self.state.frame(frame)

    def after(self, frame: int) -> NDArray[np.float32]:
        """Return a frame as it leaves the step."""
        image = self.before(frame)
        self.outcome.apply(image[np.newaxis], slice(frame, frame + 1), slice(0, image.shape[0]))
        return image


class Page:
    """A figure of panels one above the other, each with a title, and a caption below.

    Parameters
    ----------
    paper : Paper
    heights : sequence of float
        Of the panels, inches, without titles and labels.
    caption : str
        What is shown and what to look for.
    right : float
        Inches to the right of the panels, for colour bars and legends.
    squares : int
        Instead of one panel, so many squares side by side, of the given height.
    """

    def __init__(
        self,
        paper: Paper,
        heights: Sequence[float],
        caption: str = "",
        *,
        right: float = RIGHT,
        squares: int = 0,
    ) -> None:
        self.paper, self.right = paper, right
        lines = textwrap.wrap(caption, int((paper.width - 0.4) * 15.8))
        foot = 0.12 + CAPTION_LINE * len(lines) if lines else 0.0
        self.height = sum(heights) + len(heights) * (TOP + BOTTOM) + foot
        self.figure = Figure(figsize=(paper.width, self.height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self.figure)
        self.axes: list[Axes] = []
        top = self.height
        for height in heights:
            top -= TOP + height
            for number in range(squares or 1):
                left = LEFT + number * (height + right)
                self.axes.append(
                    self.place(left, top, height if squares else paper.width - LEFT - right, height)
                )
            top -= BOTTOM
        if lines:
            self.figure.text(
                0.2 / paper.width,
                0.08 / self.height,
                "\n".join(lines),
                fontsize=8.5,
                color="#333333",
                va="bottom",
            )

    def place(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Add axes at a place in inches."""
        full_width, full_height = self.paper.width, self.height
        axes = self.figure.add_axes(
            (left / full_width, bottom / full_height, width / full_width, height / full_height)
        )
        axes.tick_params(labelsize=9)
        return axes

    def bar(self, axes: Axes, shown: ScalarMappable, label: str, **options: Any) -> None:
        """Add a colour bar to the right of axes."""
        box = axes.get_position()
        beside = self.figure.add_axes(
            (box.x1 + 0.1 / self.paper.width, box.y0, 0.14 / self.paper.width, box.height)
        )
        if isinstance(shown.norm, AsinhNorm):
            options["ticks"] = asinh_ticks(shown.norm)
            options["format"] = "{x:,.0f}"
        bar = self.figure.colorbar(shown, cax=beside, **options)
        bar.set_label(label, fontsize=9)
        bar.ax.tick_params(labelsize=8)
        bar.ax.minorticks_off()


def image_height(paper: Paper, shape: Sequence[int]) -> float:
    """Return the height of a panel that shows a frame of (rows, columns) with square pixels, inches."""
    return min(max((paper.width - LEFT - RIGHT) * shape[0] / shape[1], 0.8), 6.0)


def show_frame(
    axes: Axes,
    image: NDArray[Any],
    paper: Paper,
    *,
    norm: Normalize,
    colors: Colormap | None = None,
    by: str = "max",
    corner: tuple[int, int] = (0, 0),
) -> AxesImage:
    """Draw a frame, or the part of it that starts at `corner` (column, row)."""
    factor = paper.factor(image.shape)
    drawn = shrink(image, factor, by=by)
    column, row = corner
    edges = (
        column - 0.5,
        column + drawn.shape[1] * factor - 0.5,
        row - 0.5,
        row + drawn.shape[0] * factor - 0.5,
    )
    shown = axes.imshow(
        drawn,
        origin="lower",
        extent=edges,
        norm=norm,
        cmap=colors or heat(),
        interpolation="nearest",
        aspect="auto",
    )
    axes.set(
        xlim=(column - 0.5, column + image.shape[1] - 0.5),
        ylim=(row - 0.5, row + image.shape[0] - 0.5),
        xlabel=COLUMN,
        ylabel=ROW,
    )
    axes.set_aspect("equal", anchor="W") if image.shape[0] > image.shape[1] else None
    return shown


def change_frame(shown: AxesImage, image: NDArray[Any], paper: Paper, by: str = "max") -> None:
    """Put another frame of the same shape in place."""
    shown.set_data(shrink(image, paper.factor(image.shape), by=by))


def heat(levels: int = 64) -> Colormap:
    """Return the colours of frame images; few levels make small files."""
    at = np.linspace(0, 254, levels).astype(int)
    return ListedColormap(palette("cividis")[at] / 255).with_extremes(bad=BACKGROUND)


def pale() -> Colormap:
    """Return washed-out greys, for what is left out."""
    shade = np.linspace(0.93, 0.72, 32)
    return ListedColormap(np.column_stack([shade] * 3)).with_extremes(bad=BACKGROUND)


def clear(colors: Colormap) -> Colormap:
    """Return the colours with nothing where there is no value."""
    return colors.with_extremes(bad=(0, 0, 0, 0))


def frame_norm(image: NDArray[Any]) -> AsinhNorm:
    """Return a stretch that shows the sky's noise and the trace's light."""
    sample = image[::3, ::3]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return AsinhNorm(vmin=0, vmax=1)
    low, _ = auto_limits(image)
    sigma = 1.4826 * float(np.median(np.abs(sample - np.median(sample))))
    high = max(float(np.percentile(sample, 99.8)), low + 1.0)
    return AsinhNorm(linear_width=max(3 * sigma, (high - low) / 1000, 1e-3), vmin=low, vmax=high)


def asinh_ticks(norm: AsinhNorm) -> list[float]:
    """Return 0 and the powers of ten that lie far enough from it to be told apart."""
    low, high, width = float(norm.vmin or 0), float(norm.vmax or 1), float(norm.linear_width)
    if high < 6 * width:
        return [float(tick) for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]
    powers = [10.0**power for power in range(-3, 9) if 1.5 * width < 10.0**power <= high]
    return ([0.0] if low <= 0 else []) + powers


def count_norm(highest: int) -> tuple[BoundaryNorm, Colormap, list[int]]:
    """Return stretch, colours and ticks for counts: white is none, and every colour twice the one before."""
    edges = [0, 1, 2]
    while edges[-1] <= highest:
        edges.append(edges[-1] * 2)
    blues = np.array([[0x56, 0xB4, 0xE9], [0x00, 0x72, 0xB2], [0x00, 0x30, 0x60], [0, 0, 0]]) / 255
    at = np.linspace(0, 3, max(len(edges) - 2, 2))[: len(edges) - 2]
    shades = np.column_stack([np.interp(at, range(4), channel) for channel in blues.T])
    colors = ListedColormap(np.vstack([[[1, 1, 1]], shades]))
    return BoundaryNorm(edges, colors.N), colors, edges


def broken(
    hours: NDArray[np.float64], values: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a curve with NaN put into the gaps between orbits, so that no line crosses them."""
    steps = np.diff(hours)
    gaps = 1 + np.flatnonzero(steps > 5 * np.median(steps)) if steps.size else np.arange(0)
    return np.insert(hours, gaps, np.nan), np.insert(np.asarray(values, dtype=float), gaps, np.nan)


def curve_axes(axes: Axes, x_label: str, y_label: str, title: str = "") -> None:
    """Label axes of curves."""
    axes.set_xlabel(x_label, fontsize=10)
    axes.set_ylabel(y_label, fontsize=10)
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    if title:
        title_of(axes, title)


def title_of(axes: Axes, text: str = "") -> Text:
    """Put a title at the left."""
    return axes.set_title(text, fontsize=11, loc="left")


def outline(axes: Axes, box: Sequence[float], color: str, label: str = "") -> None:
    """Draw a box [row0, row1, column0, column1], half open."""
    row0, row1, column0, column1 = box
    axes.plot(
        np.array([column0, column1, column1, column0, column0]) - 0.5,
        np.array([row0, row0, row1, row1, row0]) - 0.5,
        color=color,
        linewidth=1.8,
        label=label or None,
    )


def pixels_of(figure: Figure) -> NDArray[np.uint8]:
    """Render a figure, shape (height, width, 3)."""
    canvas = canvas_of(figure)
    canvas.draw()
    return np.array(np.asarray(canvas.buffer_rgba())[..., :3])


def pixels_of_every(drawer: Drawer, frames: Sequence[int]) -> Iterator[NDArray[np.uint8]]:
    """Render a figure of each frame; axes and labels are drawn once, which takes most of the time."""
    figure = drawer.draw(frames[0])
    canvas = canvas_of(figure)
    for artist in drawer.moving:
        artist.set_animated(True)
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    covered = dict.fromkeys(a.axes for a in drawer.moving if isinstance(a, AxesImage) and a.axes is not None)
    spines = [spine for axes in covered for spine in axes.spines.values()]
    for frame in frames:
        drawer.draw(frame)
        canvas.restore_region(background)
        for artist in [*drawer.moving, *spines]:
            figure.draw_artist(artist)
        yield np.array(np.asarray(canvas.buffer_rgba())[..., :3])


def canvas_of(figure: Figure) -> FigureCanvasAgg:
    """Return the canvas of a figure of ours."""
    assert isinstance(figure.canvas, FigureCanvasAgg)
    return figure.canvas
