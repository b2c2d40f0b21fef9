"""The frame on display: which one, at which point of the chain, with flags on top and a read-out."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as w
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.detector import HST_FLAGS
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Outcome, Patch
from hustle_widgets.protocols import ReductionLike
from hustle_widgets.view.frame.flagged_walk import FlaggedWalk, by_change, next_place
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.page_part import PagePart
from hustle_widgets.view.selection import Selection, select_pixel

# Rows and columns of no pixel.
NOTHING = (np.empty(0, np.int64), np.empty(0, np.int64))
Instead = Callable[[int], tuple[NDArray[np.float32], bool, str]]


class FrameView(PagePart):
    """Frame image with the controls of what is shown on it.

    Parameters
    ----------
    reduction : Reduction
    selection : Selection
        What is on display; the controls set it and follow it.

    Attributes
    ----------
    widget : ipywidgets.VBox
    image : FrameImage
    instead : callable or None
        instead(number) -> picture, whether it is a difference, title: shown in place of the reduction's frame of that
        number in the visit.
    """

    def __init__(self, reduction: ReductionLike, selection: Selection) -> None:
        super().__init__(reduction)
        self.selection = selection
        self.instead: Instead | None = None
        self._patch: Patch | None = None  # of the open step, as it is drawn
        frames, rows, columns = reduction.state().shape
        self.image = FrameImage((rows, columns), title="Frame")
        self.image.describe_pixels(self._describe)
        last = max(frames - 1, 0)
        self._frame = w.IntSlider(description="Frame", min=0, max=last)
        self._frame.add_class("hustle-frame-number")
        self._play = w.Button(icon="play", tooltip="Play the frames, and pause (p)")
        self._play.add_class("hustle-icon")
        points = self._points()
        self._shown = w.Dropdown(
            options=points,
            tooltip="The point of the chain whose frame is shown",
        )
        self._minus = w.Dropdown(
            options=[("minus nothing", ""), *((f"minus {text}", name) for text, name in points)],
            tooltip="The point of the chain that is taken away from it: their difference is shown",
        )
        self.overlay = w.Checkbox(
            value=True, description="flags", indent=False, tooltip="Mark the pixels that this step flags"
        )
        for trait, control in (("frame", self._frame), ("shown", self._shown), ("minus", self._minus)):
            w.link((selection, trait), (control, "value"))
        self._walk = FlaggedWalk(self._look_at_flagged)
        controls = w.HBox(
            [self._play, self._frame, self._shown, self._minus, self.overlay, self._walk.widget]
        )
        controls.add_class("hustle-frame-controls")
        # A line of its own, always there: the picture must not jump under the mouse.
        self.widget = w.VBox([self.image.widget, self.image.toolbar.readout, controls])
        self.widget.add_class("hustle-frame")

    def step_by(self, frames: int, around: bool = False) -> None:
        """Show a frame further on, or back; at the end the first one again, if `around`."""
        last = self._frame.max
        number = self.selection.frame + frames
        self.selection.frame = number % (last + 1) if around else min(max(number, 0), last)

    def on_play(self, play: Callable[[], None]) -> None:
        """Call a function when a person presses play or pause."""
        self._play.on_click(lambda _: play())

    def show_playing(self, playing: bool) -> None:
        """Show what the next press does."""
        self._play.icon = "pause" if playing else "play"

    def _points(self) -> list[tuple[str, str]]:
        steps = [step for step in self.reduction.steps.values() if step.alters]
        named = [(f"after {step.section} {step.label}", step.name) for step in steps[1:]]
        return [
            ("after this step", "after"),
            ("before this step", "before"),
            ("as read", steps[0].name),
            *named,
        ]

    def state_at(self, point: str, preview: Outcome | None = None) -> State:
        """Return the visit at a point of the chain, as far as it is computed.

        Parameters
        ----------
        point : str
            'before' or 'after' the open step, or the name of a step for the visit as it leaves it.
        preview : Outcome, optional
            In place of what the open step has found.
        """
        reduction, opened = self.reduction, self.selection.step
        name = opened if point in ("before", "after") else point
        first = next(iter(reduction.steps))
        state = reduction.state(before=name)
        if point == "before" and name != first:
            return state
        outcome = reduction.outcomes().get(name)
        if name == opened and preview is not None:
            outcome = preview
        return state if outcome is None else State(state.source, {**state.outcomes, name: outcome})

    def depth(self) -> int:
        """Return how many steps of the chain, from the first on, what is drawn depends on."""
        names = list(self.reduction.steps)
        selection = self.selection
        points = {selection.step, *(point for point in (selection.shown, selection.minus) if point in names)}
        return 1 + max(names.index(point) for point in points)

    def draw(self, preview: Outcome | None = None) -> None:
        """Draw what is looked at, with the open step's `preview` in place of its result if given."""
        self._fit()
        selection, reduction = self.selection, self.reduction
        if self.instead is not None:
            self._draw_instead(self.instead)
            return
        shown = self.state_at(selection.shown, preview)
        number = min(selection.frame, shown.shape[0] - 1)
        picture = shown.frame(number)
        title = f"Frame {number} {self._words(selection.shown)}"
        if selection.minus:
            picture = picture - self.state_at(selection.minus, preview).frame(number)
            title += f" minus {self._words(selection.minus)}"
        if preview is not None:
            title = f"Preview: {title}"
        self.image.show_frame(picture, difference=bool(selection.minus), title=title)
        outcome = preview if preview is not None else reduction.outcomes().get(selection.step)
        patch = self._patch = None if outcome is None else outcome.patch
        rows, columns = NOTHING if patch is None else patch.frame_pixels(number)
        self._walk.enable(rows.size > 0)
        if patch is not None and self.overlay.value:
            self.image.show_overlay("flagged", rows, columns, label="flagged here")
        else:
            self.image.hide_overlay("flagged")
        self.image.set_points("pixel", [(selection.column, selection.row)])

    def _draw_instead(self, instead: Instead) -> None:
        kept = self.reduction.state().kept_frames
        picture, difference, title = instead(int(kept[min(self.selection.frame, kept.size - 1)]))
        self._walk.enable(False)
        self.image.hide_overlay("flagged")
        self.image.show_frame(picture, difference=difference, title=title)
        self.image.set_points("pixel", [(self.selection.column, self.selection.row)])

    def _look_at_flagged(self, step: int) -> None:
        """Look at the next pixel that the open step flags in the frame on display."""
        selection = self.selection
        with self.reduction.frozen():
            state = self.reduction.state(before=selection.step)
            number = min(selection.frame, state.shape[0] - 1)
            places = np.empty(0, np.intp) if self._patch is None else by_change(self._patch, state, number)
            if places.size:
                here = selection.row * state.shape[2] + selection.column
                row, column = divmod(next_place(places, here, step), state.shape[2])
                self.image.bring_into_view(row, column)
                select_pixel(selection, column, row, state.shape[1:])

    def _fit(self) -> None:
        """Let the slider reach the frames that are worked on."""
        last = max(self.reduction.state().shape[0] - 1, 0)
        if self._frame.max != last:
            self._frame.max = last

    def _words(self, point: str) -> str:
        name = self.selection.step if point in ("before", "after") else point
        step = self.reduction[name]
        if not step.alters:
            return f"at {step.section} {step.label}"
        return f"{'before' if point == 'before' else 'after'} {step.section} {step.label}"

    def _describe(self, column: int, row: int) -> str:
        """Tell which steps and which HST bits flag a pixel of the frame on display."""
        reduction = self.reduction
        state = reduction.state()
        number = min(self.selection.frame, state.shape[0] - 1)
        place = np.ravel_multi_index((number, row, column), state.shape)
        by = []
        for name, outcome in state.outcomes.items():
            if outcome.patch is not None and len(outcome.patch):
                at = np.searchsorted(outcome.patch.index, place)
                if at < len(outcome.patch) and outcome.patch.index[at] == place:
                    by.append(name)
        value = int(state.source.hst_dq[state.kept_frames[number], row, column])
        bits = [f"{bit} {flag.meaning}" for bit, flag in HST_FLAGS.items() if value & bit]
        flags = f"flagged by {', '.join(by)}" if by else "not flagged"
        return f"{flags}; HST DQ {' + '.join(bits) or '0'}"
