"""The page on which a parameter is swept over values, and the best of them taken."""

from __future__ import annotations

import itertools
from typing import Any

import ipywidgets as w
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets.choosing.evaluation import ALL_FIGURES
from hustle_widgets.choosing.sensitivity import values_around
from hustle_widgets.config import format_value, parse_value
from hustle_widgets.steps.parameters import Choice, Real, Switch, Whole, as_lists
from hustle_widgets.view.choosing.pins_table import SHORT
from hustle_widgets.view.choosing.subject import ChoosingLike, ChoosingPart
from hustle_widgets.view.choosing.task import Task, button, row
from hustle_widgets.view.page.step_panel import settings_box
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.plots.panel import close_tree

NONE = ""


class SweepPage(ChoosingPart):
    """Parameter, values and a figure of merit; a plot whose points can be taken.

    Parameters
    ----------
    reduction : Reduction
    tabs : Widget
        Ways to the other pages of this kind.

    Attributes
    ----------
    settings, plots : Widget
        What to place on the page.
    found : xarray.Dataset or None
        What was swept last.
    given : dict of str to list
        Its values of each parameter.
    """

    def __init__(self, reduction: ChoosingLike, tabs: Any) -> None:
        super().__init__(reduction)
        self.task = Task()
        self.found: xr.Dataset | None = None
        self.given: dict[str, list[Any]] = {}
        names = parameters_of(reduction)
        usual = "free_iter.free_sigma" if "free_iter.free_sigma" in names else names[0]
        self.first, self.first_values = self._choice("Parameter", names, usual, "sweep-first")
        self.second, self.second_values = self._choice(
            "and", [("nothing else", NONE), *zip(names, names, strict=True)], NONE, "sweep-second"
        )
        self.figure = w.Dropdown(
            description="Plot", options=[(SHORT.get(name, (name,))[0], name) for name in ALL_FIGURES],
            tooltip="Figure of merit that is plotted",
        )  # fmt: skip
        self.figure.observe(lambda _: self._draw(), "value")
        self.point = w.Dropdown(description="Point", options=[], tooltip="Point of the sweep")
        self.point.add_class("hustle-sweep-point")
        self.bar = w.FloatProgress(min=0, max=1, layout=w.Layout(display="none", width="96%"))
        self.apply = button(
            "Apply", "Set the parameters of this point: one edit", self._apply, "apply-point", icon="check"
        )
        self.apply.disabled = True
        self.plots = CurvePlot("", "")
        self.plots.on_point = self._picked
        self.settings = settings_box([
            tabs,
            row(self.first, self.first_values),
            row(self.second, self.second_values),
            row(button("Sweep", "Compute all these values; parameters stay as they are", self._start, "sweep",
                       style="primary"),
                button("Cancel", "Stop; what is computed by then is shown", self._stop, "stop-sweep"),
                self.figure),
            self.bar,
            self.task.widget,
            row(self.point, self.apply),
        ])  # fmt: skip
        self.plots.show(title="Nothing is swept yet")

    def _choice(self, text: str, options: Any, value: str, name: str) -> tuple[Any, Any]:
        choice = w.Dropdown(description=text, options=options, value=value, tooltip="Parameter that is swept")
        values = w.Text(
            placeholder="values, separated by commas", tooltip=f"Values of '{text}', e.g. 3, 3.5, 4"
        )
        choice.add_class(f"hustle-{name}")
        values.add_class(f"hustle-{name}-values")
        choice.observe(lambda change: self._suggest(values, change["new"]), "value")
        self._suggest(values, value)
        return choice, values

    def _suggest(self, entry: Any, name: str) -> None:
        if name == NONE:
            entry.value = ""
            return
        step, _, key = name.partition(".")
        owner = self.reduction.steps[step]
        tried = (
            [False, True] if key == "enabled" else values_around(owner.parameters[key], getattr(owner, key))
        )
        entry.value = ", ".join(format_value(as_lists(value)) for value in tried)

    def _stop(self) -> None:
        self.reduction.cancel()

    # --- acts ---------------------------------------------------------------------------------------

    def _start(self) -> None:
        chosen = {self.first.value: self.first_values.value}
        if self.second.value not in (NONE, self.first.value):
            chosen[self.second.value] = self.second_values.value
        reduction = self.reduction

        def progress(fraction: float) -> None:
            self.bar.value = fraction

        def work() -> str:
            given = {name: values_in(text, name) for name, text in chosen.items()}
            self.given = given
            self.bar.value, self.bar.layout.display = 0.0, None
            found = reduction.sweep(given, progress=progress)
            with reduction.frozen():
                self._take(found)
            told = f"{found.attrs['computed']} of {found.attrs['points']} points are computed."
            remarks = found.attrs["remarks"]
            return f"{told} {remarks}".strip() + " Click a point to apply it."

        def ended() -> None:
            self.bar.layout.display = "none"

        self.task.start(work, "Only what the parameter touches is computed.", ended)

    def _take(self, found: xr.Dataset) -> None:
        self.found = found
        names = [str(name) for name in found["scatter"].dims]
        axes = [found[name].values for name in names]
        options = []
        for where in itertools.product(*(range(axis.size) for axis in axes)):
            point = {name: axis[k] for name, axis, k in zip(names, axes, where, strict=True)}
            options.append((", ".join(f"{name} = {value}" for name, value in point.items()), where))
        self.point.index = None
        self.point.options = options
        self.point.index = 0 if options else None
        self.apply.disabled = not options
        self._draw()

    def _apply(self) -> None:
        found, where = self.found, self.point.value
        if found is None or where is None:
            return

        def act() -> str:
            names = [str(name) for name in found["scatter"].dims]
            values = {name: self.given[name][k] for name, k in zip(names, where, strict=True)}
            self.reduction.set_point(**values)
            return (
                "Applied: "
                + ", ".join(f"{name} = {value}" for name, value in values.items())
                + ". Undo takes it back."
            )

        self.task.attempt(act)

    def _picked(self, name: str, x: float) -> None:
        """Apply the point of a curve that was clicked."""
        found = self.found
        if found is None:
            return
        along, across = self._axes(found)
        column = int(np.argmin(np.abs(positions(found[along].values) - x)))
        rows = [f"{across} = {value}" for value in found[across].values] if across else [name]
        if name in rows:
            row_number = rows.index(name)
            place = {along: column, across: row_number}
            self.point.value = tuple(place[str(d)] for d in found["scatter"].dims)
            self._apply()

    # --- what is shown ------------------------------------------------------------------------------

    @staticmethod
    def _axes(found: xr.Dataset) -> tuple[str, str]:
        """Return what lies along the plot, and what tells its curves apart ('' for nothing)."""
        names = [str(name) for name in found["scatter"].dims]
        return names[-1], names[0] if len(names) > 1 else ""

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
        rows = [f"{across} = {value}" for value in found[across].values] if across else [text]
        curves = [Curve(name, x, factor * line) for name, line in zip(rows, values, strict=True)]
        present = self.reduction.values()[found[along].attrs["key"]]
        here = [float(at) for at, value in zip(x, self.given[along], strict=True) if value == present]
        self.plots.show(
            *curves, title="" if across else "the dotted line is the present value", vertical=here
        )
        texts = axis.dtype.kind not in "if"
        ticks = {} if not texts else {str(int(at)): str(value) for at, value in zip(x, axis, strict=True)}
        self.plots.x_axis.tick_labels = ticks or None
        if texts:
            self.plots.x_axis.tick_values = x

    def close(self) -> None:
        """Close the page."""
        self.plots.close()
        close_tree(self.settings)


def parameters_of(reduction: ChoosingLike) -> list[str]:
    """Return the parameters that can be swept, as 'step.parameter', switches of steps among them."""
    found = []
    for step in reduction.steps.values():
        if step.explicit:
            continue
        if step.switch and step.alters:
            found.append(f"{step.name}.enabled")
        found += [
            f"{step.name}.{key}"
            for key, parameter in step.parameters.items()
            if isinstance(parameter, (Real, Whole, Choice, Switch)) and not parameter.display
        ]
    return found


def values_in(text: str, name: str) -> list[Any]:
    """Return the values that a person typed, separated by commas."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise ValueError(f"Give values of {name}, separated by commas, such as 3, 3.5, 4.")
    return [parse_value(part) for part in parts]


def positions(axis: NDArray[Any]) -> NDArray[np.float64]:
    """Return where values lie along the plot: numbers where they are, others side by side."""
    return axis.astype(float) if axis.dtype.kind in "if" else np.arange(axis.size, dtype=float)
