"""Two buttons that go from one flagged pixel of a frame to the next: a dot of one pixel is hard to click."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Patch


class FlaggedWalk:
    """Buttons "previous" and "next" flagged pixel.

    Parameters
    ----------
    walk : callable
        walk(1) or walk(-1) when a button is pressed.

    Attributes
    ----------
    widget : ipywidgets.HBox
    """

    def __init__(self, walk: Callable[[int], None]) -> None:
        self._buttons = []
        for step, icon, word in ((-1, "step-backward", "previous"), (1, "step-forward", "next")):
            button = w.Button(
                icon=icon,
                tooltip=f"Look at the {word} flagged pixel of this frame; the most changed comes first",
            )
            button.add_class("hustle-icon")
            button.on_click(lambda _, step=step: walk(step))
            self._buttons.append(button)
        self.widget = w.HBox(self._buttons)
        self.widget.add_class("hustle-walk")

    def enable(self, there: bool) -> None:
        """Let the buttons be pressed if a pixel is flagged."""
        for button in self._buttons:
            button.disabled = not there


def by_change(patch: Patch, before: State, number: int) -> NDArray[np.intp]:
    """Return the flat places (row, column) that a patch flags in a frame, the one it changes most first.

    Parameters
    ----------
    patch : Patch
    before : State
        The visit as it enters the step.
    number : int
        The frame.
    """
    entries, places = patch.find(slice(number, number + 1), slice(0, patch.shape[1]))
    if patch.value is None:
        return places
    change = np.abs(patch.value[entries] - before.frame(number).reshape(-1)[places])
    return places[np.argsort(-np.nan_to_num(change, nan=np.inf), kind="stable")]


def next_place(places: NDArray[np.intp], at: int, step: int) -> int:
    """Return the place `step` further than `at`, around the end; from elsewhere, the first or the last one."""
    here = np.flatnonzero(places == at)
    number = int(here[0]) + step if here.size else (0 if step > 0 else -1)
    return int(places[number % places.size])
