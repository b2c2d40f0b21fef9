"""Live view of a step that declares none: what its deltas hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from hustle_widgets.engine.deltas import Offset, Table
from hustle_widgets.steps.base import Step
from hustle_widgets.view import theme
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.live.flagged import FlaggedLive
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.selection import Selection

HOURS = "Time since first frame [h]"
ALONG = {"x": "Row", "y": "Column"}


class TakenOffLive(Live[Step]):
    """What is taken off each frame, its profile on the frame on display, and the columns of the table."""

    def __init__(self, step: Step, selection: Selection) -> None:
        super().__init__(step, selection)
        self.plots: dict[str, CurvePlot] = {}
        self.widget = self.boxed()

    def update(self) -> None:
        """Draw what the last result holds."""
        outcome = self.outcome
        if outcome is None:
            return
        if outcome.offset is not None:
            self._draw_offset(outcome.offset)
        if self.step.alters:
            self._draw_table(outcome.table)

    def redraw(self) -> None:
        """Leave the plots: they come with the full result."""

    def plot(self, name: str, x_label: str, y_label: str) -> CurvePlot:
        """Return the plot of a name, made when it is first drawn."""
        if name not in self.plots:
            self.plots[name] = CurvePlot(x_label, y_label)
            self.widget.children = (
                *self.own_parts(),
                *(plot.widget for plot in self.plots.values()),
                self.said,
            )
        return self.plots[name]

    def own_parts(self) -> tuple[Any, ...]:
        """Return what is placed above the plots."""
        return ()

    def _draw_offset(self, offset: Offset) -> None:
        level = Curve("taken off", self.hours, offset.usual(), color=theme.KEPT)
        title = "Taken off, median of each frame"
        self.plot("level", HOURS, "Taken off [e⁻]").show(level, title=title, vertical=(self.hour,))
        profile = offset.level[self.number].reshape(-1)
        if profile.size > 1:
            along, here = ("Row", self.selection.row) if offset.by_rows else ("Column", self.selection.column)
            curve = Curve("profile", np.arange(profile.size), profile, color=theme.KEPT, marker="")
            plot = self.plot("profile", f"{along} [px]", "Taken off [e⁻]")
            plot.show(curve, title=f"Of each {along.lower()} of frame {self.number}", vertical=(here,))

    def _draw_table(self, table: Table) -> None:
        for name, values in table.columns.items():
            unit, text, axes = self.step.record(name)
            if values.ndim == 1:
                curve = Curve(name, self.hours, values.astype(float), color=theme.KEPT)
                self.plot(name, HOURS, f"{name} [{unit}]").show(curve, title=text, vertical=(self.hour,))
            elif values.ndim == 2 and axes[0] in ALONG and (name, axes[0]) not in self._shown_as_profile():
                curve = Curve(name, np.arange(values.shape[1]), values[self.number].astype(float), marker="")
                plot = self.plot(name, f"{ALONG[axes[0]]} [px]", f"{name} [{unit}]")
                plot.show(curve, title=f"{text}, frame {self.number}")

    def _shown_as_profile(self) -> set[tuple[str, str]]:
        """Return the columns that repeat the profile of what is taken off."""
        outcome = self.outcome
        if outcome is None or outcome.offset is None or outcome.offset.level.ndim == 1:
            return set()
        axis = "x" if outcome.offset.by_rows else "y"
        level = outcome.offset.level.reshape(len(outcome.offset.level), -1)
        same = (name for name, values in outcome.table.columns.items() if values.shape == level.shape)
        return {(name, axis) for name in same}

    def close(self) -> None:
        """Close the plots."""
        for plot in self.plots.values():
            plot.close()
        super().close()


class AnyFlaggedLive(FlaggedLive, TakenOffLive):
    """The same for a step that flags pixels, below their number in each frame."""

    def __init__(self, step: Step, selection: Selection) -> None:
        super().__init__(step, selection)
        self.widget.children = (*self.own_parts(), self.said)

    def update(self) -> None:
        """Draw the counts, and what else there is."""
        FlaggedLive.update(self)
        TakenOffLive.update(self)

    def own_parts(self) -> tuple[Any, ...]:
        """Place the counts."""
        return (self.counts.widget,)
