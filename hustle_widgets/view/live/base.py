"""What every live view of a step can do, and the few ways to get at the numbers behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.chain import with_known
from hustle_widgets.engine.deltas import Outcome, Patch
from hustle_widgets.view.look import Look


class Live:
    """The plots of one step, beside its controls.

    Parameters
    ----------
    step : Step
        Of a Reduction.
    look : Look
        What is on display.

    Attributes
    ----------
    widget : ipywidgets.Widget
        What to place on the page.
    """

    widget: Any = None

    def __init__(self, step: Any, look: Look) -> None:
        self.step, self.look = step, look

    def update(self) -> None:
        """Draw what is known: the step has computed, or another frame or pixel is looked at."""

    def preview(self) -> Outcome | None:
        """Answer an edit at once, from little data; the full result follows.

        An outcome that is given back, in indices of the whole visit and true for the frame on display, is
        drawn on the shared frame image, which then says that it is a preview.
        """
        self.update()
        return None

    def decorate(self, image: Any) -> None:
        """Draw on the shared frame image: regions, positions, traces."""

    def undecorate(self, image: Any) -> None:
        """Take away from the shared frame image what `decorate` drew: another step's panel opens."""

    def clicked(self, column: float, row: float) -> bool:
        """Answer a click on the shared frame image; False leaves it to choose the pixel looked at."""
        return False

    def close(self) -> None:
        """Close the plots."""

    @property
    def reduction(self) -> Any:
        """The Reduction the step belongs to."""
        return self.step.reduction

    @property
    def state(self) -> State:
        """The visit as it enters the step."""
        return self.reduction.state(before=self.step.name)

    @property
    def outcome(self) -> Outcome | None:
        """What the step found with its present parameters, if it is known."""
        return self.reduction.outcomes().get(self.step.name)

    @property
    def hours(self) -> NDArray[np.float64]:
        """Time of each frame since the first one, hours."""
        times = self.state.column("exp_time")
        return (times - times[0]) * 24

    @property
    def hour(self) -> float:
        """Time of the frame on display, hours."""
        return float(self.hours[min(self.look.frame, self.hours.size - 1)])

    def computed_on(self, frames: slice, rows: slice) -> Outcome:
        """Return what the step does to a small part of the visit with its present parameters."""
        state, parameters = self.state, dict(self.step.setting(self.reduction.steps).parameters)
        kind = type(self.step)
        keywords = {**parameters, **with_known(kind.prepare, state, **parameters)}
        block = Block(state, frames, rows, kind.halo)
        return Outcome.of(with_known(kind.compute, block, **keywords))


def series_of(state: State, row: int, column: int) -> NDArray[np.float32]:
    """Return a pixel's values in all frames."""
    return state.images(rows=slice(row, row + 1))[:, 0, column]


def count_in_frames(patch: Patch) -> NDArray[np.int64]:
    """Return how many pixels a patch flags in each frame."""
    return patch.counts.sum(axis=0)
