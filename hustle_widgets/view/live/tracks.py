"""Live views of the displacement: windows around what is followed, and all trackers against time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.steps.frame_names import sound_frames
from hustle_widgets.steps.reference import without_failed
from hustle_widgets.steps.stars import BackgroundStarTracking
from hustle_widgets.steps.targets import expected_zeroth
from hustle_widgets.steps.zeroth_tracking import ZerothOrderTracking
from hustle_widgets.view import colors, theme
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.live.base import Live, S, side_by_side
from hustle_widgets.view.live.windows import Window, WindowsPlot
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.selection import Selection
from hustle_widgets.view.words import quiet

AXES = ("column", "row")
# Half width [px] of the window shown around the 0th order.
ZEROTH = 30


class TracksLive(Live[S]):
    """Columns and rows the frames moved by, of all trackers together."""

    title = ""

    def __init__(self, step: S, selection: Selection) -> None:
        super().__init__(step, selection)
        self.windows = WindowsPlot()
        self.moves = [CurvePlot("time [h]", f"{axis.capitalize()}s [px]", low=True) for axis in AXES]
        self.widget = self.boxed(self.windows.widget, side_by_side(*(plot.widget for plot in self.moves)))

    def close(self) -> None:
        """Close the plots, the windows too when they are not shown."""
        super().close()
        close_tree(self.windows.widget)

    def followed(self) -> tuple[list[Window], int]:
        """Return what is followed on the frame on display, and the half width of its windows."""
        raise NotImplementedError

    def update(self) -> None:
        """Draw windows and displacements."""
        windows, half = self.followed()
        if windows:
            self.windows.show(windows, half, self.title)
        # Not hidden: a figure without room complains each time the page is opened.
        rest = tuple(child for child in self.widget.children if child is not self.windows.widget)
        shown = (self.windows.widget, *rest) if windows else rest
        if shown != self.widget.children:
            self.widget.children = shown
        tracks = self.tracks()
        for number, plot in enumerate(self.moves):
            curves = [
                Curve(name, self.hours[: len(move)], move[:, number], color=theme.BLACK if name == "mean" else "",
                      line="dashed" if name == "mean" else "solid", marker="" if name == "mean" else "circle")
                for name, move in tracks.items()
            ]  # fmt: skip
            plot.show(*curves, title="Moved by", vertical=(self.hour,))

    def tracks(self) -> dict[str, NDArray[np.float64]]:
        """Return the displacements (column, row) of every tracker that is known, NaN in frames that failed."""
        found = {}
        for step in self.reduction.steps.values():
            outcome: Outcome | None = self.reduction.outcomes().get(step.name) if step.follows else None
            for name in () if outcome is None else outcome.table.columns:
                if outcome is not None and name.endswith("_disp"):
                    found[readable(name.removesuffix("_disp"))] = without_failed(outcome.table, name)
        if "mean" in found and len([name for name in found if name.startswith("star ")]) < 2:
            del found["mean"]  # of one star it is that star
        return found

    def position(self, name: str, number: int) -> tuple[float, float]:
        """Return where a tracker of this step was found on a frame, NaN if it is not known."""
        outcome = self.outcome
        column = None if outcome is None else outcome.table.columns.get(name)
        if column is None or len(column) <= number:
            return float("nan"), float("nan")
        return float(column[number][0]), float(column[number][1])


class ZerothLive(TracksLive[ZerothOrderTracking]):
    """The 0th order, on the frame on display beside the first and the last one that did not fail."""

    title = "0th order"
    decorations = ("zeroth",)

    def __init__(self, step: ZerothOrderTracking, selection: Selection) -> None:
        super().__init__(step, selection)
        self._ends: tuple[Any, dict[int, NDArray[np.float32]]] = (None, {})

    def followed(self) -> tuple[list[Window], int]:
        """Return windows around the 0th order."""
        expected = expected_zeroth(self.state, self.step.location)
        sound = np.flatnonzero(sound_frames(self.upstream.state))
        first, last = int(sound[0]), int(sound[-1])
        windows = []
        for number in sorted({first, self.number, last}):
            found = self.position("0th_order_pos", number)
            middle = self.position("0th_order_pos", first)
            middle = middle if np.isfinite(middle).all() else expected or found
            if np.isfinite(middle).all():
                name = f"frame {number}" + " (shown)" * (number == self.number)
                windows.append(Window(name, self._frame(number), middle, found))
        return windows, ZEROTH

    def _frame(self, number: int) -> NDArray[np.float32]:
        if number == self.number:
            return self.upstream.frame(number)
        if self._ends[0] is not self.upstream:
            self._ends = self.upstream, {}
        if number not in self._ends[1]:
            self._ends[1][number] = self.upstream.state.frame(number)
        return self._ends[1][number]

    def decorate(self, image: FrameImage) -> None:
        """Mark the 0th order."""
        super().decorate(image)
        found = self.position("0th_order_pos", self.number)
        points = [found] if np.isfinite(found).all() else []
        image.set_points("zeroth", points, color=colors.SKY, labels=("0th order",) * len(points))


class StarsLive(TracksLive[BackgroundStarTracking]):
    """Background stars: placed, moved and removed on the frame."""

    title = "Stars on the frame shown"
    decorations = ("stars",)

    @property
    def places(self) -> tuple[tuple[float, float], ...]:
        """The given places, none while they are the tutorial's empty ones."""
        given = self.step.bkg_stars_loc
        return () if given == self.step.parameters["bkg_stars_loc"].tutorial else given

    def followed(self) -> tuple[list[Window], int]:
        """Return the windows around the stars."""
        windows = []
        for number, place in enumerate(self.places):
            found = self.position(f"star{number}_pos", self.number)
            windows.append(Window(f"star {number}", self.upstream.frame(self.number), place, found))
        return windows, self.step.bkg_window

    def decorate(self, image: FrameImage) -> None:
        """Mark the stars where they are given; the marks can be dragged."""
        super().decorate(image)
        labels = [f"star {number}" for number in range(len(self.places))]
        image.set_points(
            "stars", self.places, color=colors.SKY, marker="circle", draggable=True, on_change=self._moved,
            on_click=self._remove, labels=labels,
        )  # fmt: skip
        how = "Click on the frame to place a star, on a star to remove it; drag a star to move it."
        if not self.said.value or how in self.said.value:
            self.said.value = quiet(how)

    def clicked(self, column: float, row: float) -> bool:
        """Place a star."""
        self._set((*self.places, (round(column, 1), round(row, 1))))
        return True

    def _moved(self, points: list[tuple[float, float]]) -> None:
        self._set(tuple((round(column, 1), round(row, 1)) for column, row in points))

    def _remove(self, number: int) -> None:
        places = list(self.places)
        if number < len(places):
            del places[number]
            self._set(tuple(places))

    def _set(self, places: tuple[tuple[float, float], ...]) -> None:
        # The tutorial's value says that no star has been chosen.
        self.act(bkg_stars_loc=places or self.step.parameters["bkg_stars_loc"].tutorial)

    def redraw(self) -> None:
        """Show the new places at once."""
        if self.image is not None:
            self.decorate(self.image)
        self.update()


def readable(name: str) -> str:
    """Return the name of a tracker as a person reads it."""
    if name == "meanstar":
        return "mean"
    if name == "trace":
        return "traces"
    return name.replace("0th_order", "0th order").replace("star", "star ")
