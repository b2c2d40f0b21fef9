"""What all saved figures share: a page with stacked panels, frame images, colour bars, captions."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import AsinhNorm, BoundaryNorm, Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.chain import with_known
from hustle_widgets.engine.deltas import Outcome, Patch
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
    """A figure that shows one frame at a time; drawing another frame changes it."""

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
    """

    kind: type[Step]
    parameters: Mapping[str, Any]
    state: State
    outcome: Outcome

    @classmethod
    def of(cls, step: Step) -> StepResult | None:
        """Return the result of a Reduction's step, or None when it is not known."""
        reduction = step.reduction
        outcome = None if reduction is None else reduction.outcomes().get(step.name)
        if outcome is None:
            return None
        parameters = dict(step.setting(reduction.steps).parameters)
        return cls(type(step), parameters, reduction.state(before=step.name), outcome)

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
        return with_known(self.kind.prepare, self.state, **self.parameters)

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
    """

    def __init__(
        self, paper: Paper, heights: Sequence[float], caption: str = "", *, right: float = RIGHT
    ) -> None:
        self.paper, self.right = paper, right
        lines = textwrap.wrap(caption, int((paper.width - 0.4) * 14.0))
        foot = 0.12 + CAPTION_LINE * len(lines) if lines else 0.0
        self.height = sum(heights) + len(heights) * (TOP + BOTTOM) + foot
        self.figure = Figure(figsize=(paper.width, self.height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self.figure)
        self.axes: list[Axes] = []
        top = self.height
        for height in heights:
            top -= TOP + height
            self.axes.append(self.place(LEFT, top, paper.width - LEFT - right, height))
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
    colors = ListedColormap(palette("cividis")[at] / 255)
    colors.set_bad(BACKGROUND)
    return colors


def pale() -> Colormap:
    """Return washed-out greys, for what is left out."""
    shade = np.linspace(0.93, 0.72, 32)
    colors = ListedColormap(np.column_stack([shade] * 3))
    colors.set_bad(BACKGROUND)
    return colors


def clear(colors: Colormap) -> Colormap:
    """Return the colours with nothing where there is no value."""
    colors = colors.copy()
    colors.set_bad((0, 0, 0, 0))
    return colors


def frame_norm(image: NDArray[Any]) -> Normalize:
    """Return a stretch that shows sky and trace."""
    low, high = auto_limits(image)
    high = float(np.nanpercentile(image[::3, ::3], 99.8)) if np.isfinite(image).any() else high
    high = max(high, low + 1.0)
    return AsinhNorm(linear_width=max((high - low) / 30, 1e-3), vmin=low, vmax=high)


def count_norm(highest: int) -> tuple[BoundaryNorm, Colormap, list[int]]:
    """Return stretch, colours and ticks for counts: white is none, and every colour twice the one before."""
    edges = [0, 1]
    while edges[-1] <= highest:
        edges.append(edges[-1] * 2)
    if len(edges) == 2:
        edges.append(2)
    steps = np.linspace(215, 0, max(len(edges) - 2, 1)).astype(int)
    colors = ListedColormap(np.vstack([[[1, 1, 1]], palette("cividis")[steps] / 255]))
    return BoundaryNorm(edges, colors.N), colors, edges


def curve_axes(axes: Axes, x_label: str, y_label: str, title: str = "") -> None:
    """Label axes of curves."""
    axes.set_xlabel(x_label, fontsize=10)
    axes.set_ylabel(y_label, fontsize=10)
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    if title:
        axes.set_title(title, fontsize=11, loc="left")


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
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]
