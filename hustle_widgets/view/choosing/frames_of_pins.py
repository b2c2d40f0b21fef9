"""Frames of two pins on the shared picture: one less the other, or both in turns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import State
from hustle_widgets.view.choosing.subject import ChoosingLike, ChoosingPart
from hustle_widgets.view.choosing.task import Task, row
from hustle_widgets.view.frame.frame_view import FrameView
from hustle_widgets.view.frame.player import Player

# Seconds that each of two frames is shown.
BLINK = 0.7


class FramesOfPins(ChoosingPart):
    """Two pins to choose, and two buttons that place their frames on the picture until released.

    Parameters
    ----------
    reduction : Reduction
    frames : FrameView
        The shared picture.
    draw : callable
        Draws it.

    Attributes
    ----------
    task : Task
        Makes the frames, and says how that goes.
    widget : ipywidgets.HBox
    """

    def __init__(self, reduction: ChoosingLike, frames: FrameView, draw: Callable[[], None]) -> None:
        super().__init__(reduction)
        self._frames, self._draw = frames, draw
        self.task = Task()
        self._states: dict[str, State] = {}
        self._blink = Player(self._swap, lambda heard: heard(), BLINK)
        self._second = False
        self.one, self.other = (
            w.Dropdown(tooltip=f"The {which} pin", layout=w.Layout(width="104px"))
            for which in ("first", "second")
        )
        self.minus = w.ToggleButton(
            description="Difference",
            tooltip="Show the frame of the first less that of the second on the picture",
        )
        self.blink = w.ToggleButton(
            description="Blink", tooltip="Show the frames of both in turns on the picture"
        )
        self.minus.add_class("hustle-pins-minus")
        self.blink.add_class("hustle-pins-blink")
        for toggle in (self.minus, self.blink):
            toggle.observe(self._toggled, "value")
        for choice in (self.one, self.other):
            choice.observe(self._chosen, "value")
        self.widget = row(
            w.Label("Frames of", tooltip="Frames of two pins"),
            self.one,
            w.Label("and"),
            self.other,
            self.minus,
            self.blink,
        )

    def offer(self, names: list[str]) -> None:
        """Let these pins be chosen."""
        if list(self.one.options) != names:
            # The two that were made last are what a person wants to compare.
            for choice, last in ((self.one, names[-2:-1] or names), (self.other, names[-1:])):
                choice.options = names
                if names:
                    choice.value = last[0]
        for toggle in (self.minus, self.blink):
            toggle.disabled = len(names) < 2

    def stop(self) -> None:
        """Show frames of the reduction again."""
        self.minus.value = self.blink.value = False

    @property
    def blinking(self) -> bool:
        """Whether both frames are shown in turns."""
        return self._blink.playing

    def _toggled(self, change: Any) -> None:
        toggle = change["owner"]
        if change["new"]:
            (self.blink if toggle is self.minus else self.minus).value = False
            self._begin()
        elif not (self.minus.value or self.blink.value):
            self._blink.stop()
            self._frames.instead = None
            self._states = {}
            self._draw()

    def _chosen(self, change: Any) -> None:
        if change["new"] is not None and (self.minus.value or self.blink.value):
            self._begin()

    def _begin(self) -> None:
        names = [self.one.value, self.other.value]
        self._blink.stop()

        def work() -> str:
            pins = self.reduction.pins
            self._states = {name: pins.state(name) for name in names}
            self._second = False
            if self.minus.value:
                self._frames.instead = self._difference
            elif self.blink.value:
                self._frames.instead = self._one_of_two
            self._draw()
            if self.blink.value:
                self._blink.start()
            return ""

        def ended() -> None:
            if not self._states:
                self.stop()

        self.task.start(work, f"The frames of {' and '.join(names)} are made.", ended)

    def _frame(self, name: str, number: int) -> NDArray[np.float32]:
        state = self._states[name]
        place = np.flatnonzero(state.kept_frames == number)
        if not place.size:
            return np.full(state.shape[1:], np.nan, np.float32)
        return state.frame(int(place[0]))

    def _difference(self, number: int) -> tuple[NDArray[np.float32], bool, str]:
        one, other = self.one.value, self.other.value
        picture = self._frame(one, number) - self._frame(other, number)
        differ = int(np.count_nonzero(np.nan_to_num(picture)))
        return picture, True, f"Frame {number}: {one} minus {other}, {differ:,} pixels differ"

    def _one_of_two(self, number: int) -> tuple[NDArray[np.float32], bool, str]:
        name = self.other.value if self._second else self.one.value
        return self._frame(name, number), False, f"Frame {number} of {name}"

    def _swap(self) -> None:
        self._second = not self._second
        if self._frames.instead is not None:
            self._draw()

    def close(self) -> None:
        """Stop, for good."""
        self._blink.stop()
        self._states = {}
