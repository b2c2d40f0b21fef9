"""The page on which parameters are swept over values, and the best of them taken."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import ipywidgets as w
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets.choosing.evaluation import ALL_FIGURES
from hustle_widgets.view.choosing.pins_table import SHORT
from hustle_widgets.view.choosing.runs_page import RunsPage
from hustle_widgets.view.choosing.subject import ChoosingLike
from hustle_widgets.view.choosing.task import row
from hustle_widgets.view.choosing.tried import NONE, Tried, as_values, chosen, usual_parameter, values_in
from hustle_widgets.view.plots.curve_plot import Curve

MOST = 500  # points that a person can choose among
HINT = "values, separated by commas, e.g. 3, 3.5, 4"


class SweepPage(RunsPage):
    """One or two parameters, their values and a figure of merit; a plot whose points can be taken.

    Parameters
    ----------
    reduction : Reduction
    tabs : Widget
        Ways to the other pages of this kind.

    Attributes
    ----------
    found : xarray.Dataset or None
        What was swept last.
    given : dict of str to list
        Its values of each parameter.
    """

    def __init__(self, reduction: ChoosingLike, tabs: Any) -> None:
        super().__init__(reduction, tabs, "Sweep", "Compute all these values; parameters stay as they are")
        self.found: xr.Dataset | None = None
        self.given: dict[str, list[Any]] = {}
        usual = usual_parameter(reduction)
        self.tried = [
            Tried(reduction, text, name, as_values, hint=HINT, kind=kind)
            for text, name, kind in (("Parameter", usual, "sweep-first"), ("and", NONE, "sweep-second"))
        ]
        self.figure = w.Dropdown(
            description="Plot", options=[(SHORT.get(name, (name,))[0], name) for name in ALL_FIGURES],
            tooltip="Figure of merit that is plotted",
        )  # fmt: skip
        self.figure.add_class("hustle-sweep-figure")
        self.figure.observe(lambda _: self._draw(), "value")
        self.place(
            *(tried.widget for tried in self.tried),
            row(self.begin, self.cancel, self.figure),
            self.bar,
            self.task.widget,
            row(self.point, self.apply),
        )
        self.plots.show(title="Nothing is swept yet")

    def work(self, progress: Callable[[float], None]) -> str:
        """Sweep, and show it."""
        given = {name: values_in(text, name) for name, text in chosen(*self.tried).items()}
        if (number := math.prod(map(len, given.values()))) > MOST:
            raise ValueError(
                f"{number} points on the page are too many, at most {MOST}: use reduction.sweep(...)."
            )
        found = self.reduction.sweep(given, progress=progress)
        with self.reduction.frozen():
            if not self.closed:
                self.given = given
                self._take(found)
        told = f"{found.attrs['computed']} of {found.attrs['points']} points are computed."
        return " ".join(filter(None, (told, found.attrs["remarks"], "Click a point to apply it.")))

    def _take(self, found: xr.Dataset) -> None:
        self.found = found
        names = [str(name) for name in found["scatter"].dims]
        grid = itertools.product(*(self.given[name] for name in names))
        self.offer([dict(zip(names, values, strict=True)) for values in grid])
        self._draw()

    def picked(self, name: str, x: float, y: float) -> None:
        """Apply the point of a curve that was clicked."""
        found = self.found
        if found is None:
            return
        along, across = self._axes(found)
        column = int(np.argmin(np.abs(positions(found[along].values) - x)))
        names = self._names_of(found, across) if across else [name]
        if name in names:
            place = {along: column, across: names.index(name)}
            dims = [str(dim) for dim in found["scatter"].dims]
            where = tuple(place[dim] for dim in dims)
            self.point.index = int(np.ravel_multi_index(where, [found.sizes[dim] for dim in dims]))
            self.apply_point()

    # --- what is shown ------------------------------------------------------------------------------

    @staticmethod
    def _axes(found: xr.Dataset) -> tuple[str, str]:
        """Return what lies along the plot, and what tells its curves apart ('' for nothing)."""
        names = [str(name) for name in found["scatter"].dims]
        return names[-1], names[0] if len(names) > 1 else ""

    @staticmethod
    def _names_of(found: xr.Dataset, across: str) -> list[str]:
        return [f"{across.rpartition('.')[2]} = {value}" for value in found[across].values]

    def _draw(self) -> None:
        found, figure = self.found, self.figure.value
        if found is None:
            return
        text, _, factor = SHORT.get(figure, (figure, "", 1))
        self.plots.values = text
        along, across = self._axes(found)
        if figure not in found:
            self.plots.show(title=f"{text} cannot be told: " + ALL_FIGURES[figure].text)
            return
        axis = found[along].values
        x = positions(axis)
        self.plots.x_axis.label = along
        values = found[figure].transpose(*([across] if across else []), along).values.reshape(-1, axis.size)
        names = self._names_of(found, across) if across else [text]
        curves = [Curve(name, x, factor * line) for name, line in zip(names, values, strict=True)]
        present = self.reduction.values()[found[along].attrs["key"]]
        here = [float(at) for at, value in zip(x, self.given[along], strict=True) if value == present]
        told = "dotted: the present value" if here else ""
        self.plots.show(*curves, title=told, vertical=here)
        texts = axis.dtype.kind not in "if"
        ticks = {} if not texts else {str(int(at)): str(value) for at, value in zip(x, axis, strict=True)}
        self.plots.x_axis.tick_labels = ticks or None
        if texts:
            self.plots.x_axis.tick_values = x


def positions(axis: NDArray[Any]) -> NDArray[np.float64]:
    """Return where values lie along the plot: numbers where they are, others side by side."""
    return axis.astype(float) if axis.dtype.kind in "if" else np.arange(axis.size, dtype=float)
