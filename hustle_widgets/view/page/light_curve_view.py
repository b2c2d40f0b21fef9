"""The light curve that the reduction leads to, beside the one before the last edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.photometry import local_trend, relative
from hustle_widgets.protocols import ReductionLike
from hustle_widgets.steps.quicklook import light_table
from hustle_widgets.view.page_part import PagePart
from hustle_widgets.view.plots.light_curve_plot import LightCurvePlot
from hustle_widgets.view.selection import Selection


@dataclass(frozen=True)
class Curves:
    """White light curves by order, their times [h] and scatters [ppm]."""

    hours: NDArray[np.float64]
    fluxes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    ppm: Mapping[str, float] = field(default_factory=dict)

    def residuals(self, of: Curves, orbits: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Return what is left of these curves behind the trend of `of`, which is of the same frames [ppm]."""
        return {
            order: 1e6 * (flux - local_trend(of.fluxes[order], orbits))
            for order, flux in self.fluxes.items()
            if order in of.fluxes and flux.shape == of.fluxes[order].shape
        }


class LightCurveView(PagePart):
    """Light curves, always in sight.

    Attributes
    ----------
    widget : ipywidgets.Widget
    previous : Curves or None
        Those before the last edit.
    """

    def __init__(self, reduction: ReductionLike, selection: Selection) -> None:
        super().__init__(reduction)
        self.selection = selection
        self._plot = LightCurvePlot()
        self.widget = self._plot.widget
        self.widget.add_class("hustle-curve")
        self.shown: Curves | None = None
        self.previous: Curves | None = None
        self._drawn: tuple[Any, Any, int] = (None, None, -1)

    def on_point(self, callback: Callable[[int], None]) -> None:
        """Have `callback` told of a click on a point: the number of its frame among those worked on."""

        def clicked(hour: float) -> None:
            if self.shown is not None and self.shown.hours.size:
                callback(int(np.nanargmin(np.abs(self.shown.hours - hour))))

        self._plot.on_click(clicked)

    def remember(self) -> None:
        """Keep what is shown for comparison: an edit begins."""
        if self.shown is not None:
            self.previous = self.shown

    def draw(self) -> None:
        """Draw the light curves, if they are known."""
        table = light_table(self.reduction.outcomes())
        of, beside, frame = self._drawn
        if table is None or (table is of and beside is self.previous and frame == self.selection.frame):
            return
        self._drawn = table, self.previous, self.selection.frame
        times = self.reduction.state().column("exp_time")
        hours = (times - times[0]) * 24
        fluxes = {
            name.removeprefix("flux_"): relative(values)
            for name, values in table.columns.items()
            if name.startswith("flux_") and name != "flux_total"
        }
        self.shown = Curves(hours, fluxes, table.facts.get("scatter_ppm", {}))
        before = self.previous or Curves(hours)
        orbits = self.reduction.state().column("orbit_numbers")
        residuals = {"now": self.shown.residuals(self.shown, orbits)}
        if before.hours.size == hours.size and before.fluxes:
            residuals["before"] = before.residuals(self.shown, orbits)
        self._plot.show(
            hours,
            fluxes,
            residuals=residuals,
            limits=table.facts.get("expected_ppm", {}),
            scatter_ppm=self.shown.ppm,
            previous=before.fluxes,
            previous_hours=before.hours,
            previous_ppm=before.ppm,
            here=float(hours[min(self.selection.frame, hours.size - 1)]),
        )
