"""The page on which a search over some parameters gives the best compromises between several aims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import ipywidgets as w
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.choosing.evaluation import ALL_FIGURES, RECOVERED
from hustle_widgets.choosing.search import AIMS, SearchResult
from hustle_widgets.config import format_value
from hustle_widgets.steps.parameters import as_lists
from hustle_widgets.view import theme
from hustle_widgets.view.choosing.pins_table import SHORT, best_of, written
from hustle_widgets.view.choosing.runs_page import RunsPage
from hustle_widgets.view.choosing.subject import ChoosingLike
from hustle_widgets.view.choosing.task import row
from hustle_widgets.view.choosing.tried import NONE, Tried, as_range, chosen, range_in, usual_parameter
from hustle_widgets.view.plots.curve_plot import Curve
from hustle_widgets.view.words import quiet

HINT = "a range, e.g. 2.5 to 8, or values, e.g. True, False"
TEXT = (
    "Several aims at once have no winner but a set of compromises: none of them is beaten in all aims. Every second "
    "orbit chooses, the others judge. Parameters stay as they are until you apply one."
)
AIMED = {"scatter": "scatter", "light_kept": "light kept", "background_left": "background left",
         "depth_ratio": "depth recovered"}  # fmt: skip
DEPTH = "depth_ratio"
BEST, OTHERS = "compromises", "beaten runs"
SHOWN = 12  # compromises in the table


class SearchPage(RunsPage):
    """Up to three parameters, aims, a number of runs; the compromises as plot and table, each to be applied.

    Parameters
    ----------
    reduction : Reduction
    tabs : Widget
        Ways to the other pages of this kind.

    Attributes
    ----------
    found : SearchResult or None
        What was found last.
    """

    def __init__(self, reduction: ChoosingLike, tabs: Any) -> None:
        super().__init__(reduction, tabs, "Search", "Look for the best compromises between these aims")
        self.found: SearchResult | None = None
        names = (usual_parameter(reduction), NONE, NONE)
        texts = ("Parameter", "and", "and also")
        self.tried = [
            Tried(reduction, text, name, as_range, hint=HINT, kind=f"search-{number}")
            for number, (text, name) in enumerate(zip(texts, names, strict=True))
        ]
        self.aims = {
            aim: w.ToggleButton(value=aim in AIMS, description=text, tooltip=_tip(aim))
            for aim, text in AIMED.items()
        }
        for button in self.aims.values():
            button.add_class("hustle-aim")
        self.runs = w.BoundedIntText(
            value=24, min=4, max=400, description="Runs", tooltip="Reductions that are computed at most"
        )
        self.runs.add_class("hustle-runs")
        self.across, self.up = (
            w.Dropdown(description=text, options=[], tooltip=f"What is plotted {way}")
            for text, way in (("Across", "across"), ("Up", "upright"))
        )
        for axis in (self.across, self.up):
            axis.observe(lambda _: self._draw(), "value")
        self.axes = row(self.across, self.up)
        self.axes.layout.display = "none"
        self.table = w.HTML(quiet(TEXT))
        self.table.add_class("hustle-compromises")
        self.place(
            *(tried.widget for tried in self.tried),
            row(w.Label("Aims"), *self.aims.values()),
            row(self.runs, self.begin, self.cancel),
            self.bar,
            self.task.widget,
            row(self.point, self.apply),
            self.table,
            self.axes,
        )
        self.plots.show(title="Nothing is searched yet")

    def work(self, progress: Callable[[float], None]) -> str:
        """Search, and show what was found."""
        ranges = {name: range_in(text, name) for name, text in chosen(*self.tried).items()}
        aims = [aim for aim, button in self.aims.items() if button.value]
        if not aims:
            raise ValueError("Choose an aim, or several: a search without one finds nothing.")
        found = self.reduction.search(ranges, aims=aims, runs=self.runs.value, progress=progress)
        with self.reduction.frozen():
            if not self.closed:
                self._take(found)
        return f"{_counted(found)} of {len(found.points)} runs. Click one to apply it."

    def _take(self, found: SearchResult) -> None:
        self.found = None  # nothing is drawn while the axes change
        self.table.value = search_html(found)
        if not found.points:  # it was stopped before
            self.offer([])
            self.axes.layout.display = "none"
            self.plots.show(title="No run is computed")
            return
        names = _names(found)
        good = [int(run) for run in found.pareto["run"].values]
        self.across.options = [(_text(name), name) for name in (*found.aims, *names)]
        self.up.options = [(_text(name), name) for name in found.aims]
        self.across.value = found.aims[0] if len(found.aims) > 1 else names[0]
        self.up.value = found.aims[1] if len(found.aims) > 1 else found.aims[0]
        self.axes.layout.display = None
        self.found = found
        self.offer([found.changes(run) for run in range(len(found.points))], good[0] if good else 0)
        self._draw()

    def picked(self, name: str, x: float, y: float) -> None:
        """Apply the run that was clicked."""
        if self.found is None:
            return
        off = np.hypot(*(_scaled(values, at) for values, at in zip(self._drawn(), (x, y), strict=True)))
        if np.isfinite(off).any():
            self.point.index = int(np.nanargmin(off))
            self.apply_point()

    # --- what is shown ------------------------------------------------------------------------------

    def _drawn(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where each run lies on the plot."""
        assert self.found is not None
        return _values(self.found, self.across.value), _values(self.found, self.up.value)

    def _draw(self) -> None:
        found = self.found
        if found is None or self.across.value is None or self.up.value is None:
            return
        x, y = self._drawn()
        good = np.isin(np.arange(x.size), found.pareto["run"].values)
        order = np.flatnonzero(good)[np.argsort(x[good], kind="stable")]
        line = "solid" if self.across.value in found.aims else ""
        self.plots.values = _text(self.up.value)
        self.plots.x_axis.label = _text(self.across.value)
        self.plots.show(
            Curve(OTHERS, x[~good], y[~good], color=theme.GREY, marker="circle", line=""),
            Curve(BEST, x[order], y[order], color=theme.VERMILLION, marker="diamond", line=line),
        )
        texts = _texts(found, self.across.value)
        self.plots.x_axis.tick_labels = {str(k): text for k, text in enumerate(texts)} or None
        if texts:
            self.plots.x_axis.tick_values = np.arange(len(texts))


def _tip(aim: str) -> str:
    tips = {
        "scatter": "Scatter from point to point over the photon limit: the lower the better, alone it cleans too much",
        "light_kept": "Light of the trace that the steps leave: the nearer to all of it the better",
        "background_left": "Background that is left off the traces: the nearer to 0 the better",
        DEPTH: "Depth out over depth in, of what is injected: inject first",
    }
    return tips[aim]


def _counted(found: SearchResult) -> str:
    number = found.pareto.sizes["run"]
    return f"{number} best compromise{'s' * (number != 1)}"


def _names(found: SearchResult) -> list[str]:
    """Return the parameters as 'step.parameter', in the order of the chain."""
    return [str(name) for name in found.runs.data_vars][: len(found.points[0]) if found.points else 0]


def _text(name: str) -> str:
    return SHORT[name][0] if name in SHORT else AIMED.get(name, name)


def _factor(name: str) -> float:
    return SHORT[name][2] if name in SHORT else 1.0


def _texts(found: SearchResult, name: str) -> list[str]:
    """Return the values of a parameter that are no numbers, in order."""
    if name in found.aims or found.runs[name].dtype.kind in "if":
        return []
    return sorted({str(value) for value in found.runs[name].values})


def _values(found: SearchResult, name: str) -> NDArray[np.float64]:
    if name in found.aims:
        return _factor(name) * found.figure(name)
    texts, values = _texts(found, name), found.runs[name].values
    return np.array([texts.index(str(value)) for value in values] if texts else values, dtype=float)


def _scaled(values: NDArray[np.float64], at: float) -> NDArray[np.float64]:
    known = values[np.isfinite(values)]
    span = np.ptp(known) if known.size else 0.0
    scaled: NDArray[np.float64] = (values - at) / (span or 1.0)
    return scaled


def search_html(found: SearchResult) -> str:
    """Return what a person should know, and the compromises as a table: parameters, aims, those of other orbits."""
    remarks = "".join(f"<li>{escape(remark)}</li>" for remark in found.remarks)
    told = f'<ul class="hustle-remarks hustle-small">{remarks}</ul>' if remarks else ""
    good = [int(run) for run in found.pareto["run"].values]
    if not good:
        return told
    names = _names(found)
    heads = [name.replace(".", ".\u200b") for name in names] + [_text(aim) for aim in found.aims]
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in ("", *heads))
    body = "".join(_row(found, run, good) for run in good[:SHOWN])
    held = any(f"{aim}_held_out" in found.runs for aim in found.aims)
    below = ["In brackets: on the orbits that did not choose."] if held else []
    if len(good) > SHOWN:
        below.append(f"{SHOWN} of {len(good)} are listed.")
    table = f'<table class="hustle-pins-table hustle-search-table hustle-small"><tr>{head}</tr>{body}</table>'
    return f"{told}{table}{quiet(' '.join(below))}"


def _row(found: SearchResult, run: int, good: Sequence[int]) -> str:
    cells = [escape(format_value(as_lists(value))) for value in found.points[run].values()]
    for aim in found.aims:
        values = found.figure(aim)
        text = escape(_written(aim, values[run]))
        if len(good) > 1 and best_of(values[list(good)], ALL_FIGURES[aim]) == list(good).index(run):
            text = f"<b>{text}</b>"
        if f"{aim}_held_out" in found.runs:
            text += f" ({escape(_written(aim, found.figure(aim, 'held_out')[run]))})"
        cells.append(text)
    told = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{run + 1}</th>{told}</tr>'


def _written(aim: str, value: float) -> str:
    return format(value, ".4f") if aim in RECOVERED and np.isfinite(value) else written(aim, value)
