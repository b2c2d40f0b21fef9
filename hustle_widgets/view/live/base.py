"""What every live view of a step can do, and the few ways to get at the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

import ipywidgets as w
import numpy as np
from numpy.typing import NDArray
from traitlets import TraitError

from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Patch
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.protocols import ReductionLike
from hustle_widgets.steps.base import Step
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.frame.marks import Region
from hustle_widgets.view.live.preview import Upstream, computed_of, flags_in_frame, frame_patch
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.selection import Selection
from hustle_widgets.view.words import alert

S = TypeVar("S", bound=Step)


class Live(Generic[S]):
    """The plots of one step, beside its controls.

    Everything that draws is called with the Reduction's lock held.

    Parameters
    ----------
    step : Step
        Of a Reduction.
    selection : Selection
        What is on display.

    Attributes
    ----------
    widget : ipywidgets.Widget
        What to place on the page.
    image : FrameImage or None
        The shared frame image, since it was first decorated.
    decorations : tuple of str
        Names under which the step draws on it, taken away by `undecorate`.
    said : ipywidgets.HTML
        Where an act of the mouse is answered that a parameter does not accept.
    """

    widget: Any = None
    decorations: tuple[str, ...] = ()

    def __init__(self, step: S, selection: Selection) -> None:
        self.step, self.selection = step, selection
        self.image: FrameImage | None = None
        self.said = w.HTML()
        self._upstream: Upstream | None = None
        self._glimpse_key: Any = None
        self._glimpsed: Outcome | None = None
        self._kept: tuple[Upstream, Outcome] | None = None

    def boxed(self, *parts: Any) -> Any:
        """Return a column of widgets with the line for refusals below; to be the `widget`."""
        column = w.VBox([*parts, self.said])
        column.add_class("hustle-plots")
        return column

    # --- what subclasses define ---------------------------------------------------------------------

    def update(self) -> None:
        """Draw what is known: the step has computed, or another frame or pixel is looked at."""

    def redraw(self) -> None:
        """Draw what can be told at once after an edit, from little data."""
        self.update()

    def look_ahead(self) -> Outcome | None:
        """Compute what the step does to the frame on display, from so little that it takes some 40 ms.

        Returns
        -------
        Outcome or None
            Of the whole visit, true for that frame. None: nothing can be shown before the full result.
        """
        return None

    def decorate(self, image: FrameImage) -> None:
        """Draw on the shared frame image: regions, positions, traces. Called after each frame."""
        self.image = image

    # --- what the view calls ------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw what is known, as far as the parameters allow it."""
        with self._left_to_the_step():
            self.update()

    @contextmanager
    def _left_to_the_step(self) -> Iterator[None]:
        """Leave undrawn what the present parameters do not allow: the computation says it on the step."""
        try:
            yield
        except (ValueError, Unmet):
            if self.outcome is not None:  # it was computed: the error is one of the plot
                raise

    def preview(self) -> Outcome | None:
        """Answer an edit at once, from little data; the full result follows.

        An outcome that is given back, in indices of the whole visit and true for the frame on display, is
        drawn on the shared frame image, which then says that it is a preview.
        """
        with self._left_to_the_step():
            self.redraw()
        if self.image is not None:
            self.decorate(self.image)
        return self.glimpse()

    def clicked(self, column: float, row: float) -> bool:
        """Answer a click on the shared frame image; False leaves it to choose the pixel looked at."""
        return False

    def glimpse(self) -> Outcome | None:
        """Return what the step does to the frame on display, as far as that is known at once.

        It stands for the full result until that arrives, and the page says so.
        """
        if not self.step.enabled:
            return None
        region = None if self.image is None else self.image.region
        key = (self.upstream, self.parameters, self.number, region, self.selection.row, self._waits())
        if key != self._glimpse_key:
            self._glimpse_key, self._glimpsed = key, None
            with suppress(ValueError, Unmet):  # the computation that follows says it on the step
                self._glimpsed = self.look_ahead()
        return self._glimpsed

    def _waits(self) -> Any:
        """Return what a preview may still wait for; when it has come, the preview is made anew."""

    def undecorate(self, image: FrameImage) -> None:
        """Take away what `decorate` has drawn: another step is opened."""
        for name in self.decorations:
            image.remove(name)
            image.hide_overlay(name)
        if self._upstream is not None:
            self._upstream.forget_suspects()

    def close(self) -> None:
        """Close the plots."""
        if self._upstream is not None:
            self._upstream.forget_suspects()
        close_tree(self.widget, self.said)

    # --- numbers ------------------------------------------------------------------------------------

    @property
    def reduction(self) -> ReductionLike:
        """The Reduction the step belongs to."""
        found = self.step.reduction
        if found is None:
            raise RuntimeError("The Reduction of this step is gone: run its cell again.")
        return found

    @property
    def state(self) -> State:
        """The visit as it enters the step."""
        return self.reduction.state(before=self.step.name)

    @property
    def upstream(self) -> Upstream:
        """The same, with frames and rows kept until something before the step changes."""
        state = self.state
        if self._upstream is None or not self._upstream.is_of(state):
            if self._upstream is not None:
                self._upstream.forget_suspects()
            self._upstream = Upstream(state)
        return self._upstream

    @property
    def outcome(self) -> Outcome | None:
        """What the step found with its present parameters, if it is known."""
        outcome = self.reduction.outcomes().get(self.step.name)
        if outcome is not None:
            self._kept = self.upstream, outcome
        return outcome

    @property
    def known(self) -> Outcome | None:
        """What the step found, with its present parameters or with earlier ones on the same frames."""
        if self.outcome is None and (self._kept is None or self._kept[0] is not self.upstream):
            return None
        return None if self._kept is None else self._kept[1]

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The step's parameters, borrowed ones included."""
        return self.step.setting(self.reduction.values()).parameters

    @property
    def number(self) -> int:
        """Number of the frame on display."""
        return min(self.selection.frame, self.upstream.state.shape[0] - 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        _, rows, columns = self.reduction.visit["images"].shape
        return rows, columns

    @property
    def hours(self) -> NDArray[np.float64]:
        """Time of each frame since the first one, hours."""
        times = self.state.column("exp_time")
        return (times - times[0]) * 24

    @property
    def hour(self) -> float:
        """Time of the frame on display, hours."""
        return float(self.hours[min(self.selection.frame, self.hours.size - 1)])

    def computed_on(self, frames: slice, rows: slice) -> Outcome:
        """Return what the step does to a small part of the visit with its present parameters."""
        upstream, kind = self.upstream, type(self.step)
        keywords = upstream.prepared(kind, self.parameters)
        block = Block(upstream.state, frames, rows, kind.halo)
        return computed_of(kind, block, keywords)

    def part(self, most: int) -> Region:
        """Return what a preview computes: what is on view, or a band of it around the pixel clicked.

        Parameters
        ----------
        most : int
            Pixels it may hold; at least eight rows are taken.
        """
        rows, columns = self.shape
        row0, row1, column0, column1 = (0, rows, 0, columns) if self.image is None else self.image.region
        height = min(row1 - row0, max(8, most // (column1 - column0)))
        start = int(np.clip(self.selection.row - height // 2, row0, row1 - height))
        return start, start + height, column0, column1

    def placed(self, patch: Patch) -> Outcome:
        """Return a patch of the frame on display as an outcome of the whole visit."""
        frames = slice(self.number, self.number + 1)
        return Outcome((patch.placed(frames, slice(0, self.shape[0]), self.upstream.state.shape),))

    def known_in_frame(self) -> Patch | None:
        """Return the last known patch of the frame on display."""
        known = self.known
        if known is None or known.patch is None:
            return None
        return frame_patch(self.shape, *flags_in_frame(known.patch, self.number))

    # --- acts of the mouse --------------------------------------------------------------------------

    def act(self, **values: Any) -> None:
        """Set parameters as the mouse asks for; what they do not accept is said under the plots."""
        try:
            for name, value in values.items():
                setattr(self.step, name, value)
        except TraitError as error:
            self.say(str(error))
        else:
            self.say("")

    def say(self, message: str) -> None:
        """Write the line under the plots."""
        self.said.value = alert(message)


def side_by_side(*parts: Any) -> Any:
    """Return plots that share one row."""
    row = w.HBox(list(parts))
    row.add_class("hustle-pair")
    return row


def series_of(state: State, row: int, column: int) -> NDArray[np.float32]:
    """Return a pixel's values in all frames."""
    return state.images(rows=slice(row, row + 1))[:, 0, column]


def count_in_frames(patch: Patch) -> NDArray[np.int64]:
    """Return how many pixels a patch flags in each frame."""
    return patch.counts.sum(axis=0)
