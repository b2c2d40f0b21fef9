"""A search over some parameters with several aims at once: the best compromises, not one winner."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets.algorithms.transits import Transit
from hustle_widgets.choosing import arguments
from hustle_widgets.choosing.asked import MOST, asked_of, check_run, refuse_idle
from hustle_widgets.choosing.design import (
    Axis,
    Point,
    along_axes,
    as_axis,
    between,
    first_points,
    middle_of,
    pareto,
)
from hustle_widgets.choosing.evaluation import (
    ALL_FIGURES,
    RECOVERED,
    Cancelled,
    Evaluation,
    checked_value,
)
from hustle_widgets.choosing.subject import Subject
from hustle_widgets.choosing.sweeps import NO_LIGHT, OF_LIGHT, coordinate, lacking, told_once
from hustle_widgets.engine.chain import Listener
from hustle_widgets.steps.parameter_base import shown

AIMS = ("scatter", "light_kept", "background_left")
# Differences of a figure that nobody chooses by.
MATTERS = {
    "scatter": 0.01,
    "scatter_ppm": 2.0,
    "light_kept": 5e-4,
    "background_left": 0.05,
    "flagged_on": 1e-3,
    "flagged_off": 1e-3,
    "depth": 2e-5,
    "depth_error": 2e-6,
    "depth_ratio": 0.005,
    "depth_bias": 0.1,
}
TUNED, HELD = "tuned", "held_out"
LEVELS = 4  # values of each parameter that tell whether it matters


@dataclass(frozen=True, eq=False, repr=False)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    runs : xarray.Dataset
        Along 'run': the parameters, and the figures of merit, those of the light curve on the orbits that the
        compromises were chosen by ('scatter_tuned') and on the others ('scatter_held_out').
    pareto : xarray.Dataset
        The best compromises among them: no other run is as good in all aims and better in one.
    aims : tuple of str
    remarks : tuple of str
        What a person should know: parameters that do not matter, values at the edge of their range, a choice that
        does not hold on the other orbits.
    """

    runs: xr.Dataset
    pareto: xr.Dataset
    aims: tuple[str, ...]
    remarks: tuple[str, ...]
    points: tuple[dict[str, Any], ...]

    def changes(self, run: int) -> dict[str, Any]:
        """Return the parameters of a run by their keys in the config file, for ``reduction.set(**changes)``."""
        return dict(self.points[run])

    def figure(self, aim: str, part: str = TUNED) -> NDArray[np.float64]:
        """Return a figure of all runs on the orbits that chose ('tuned') or the others ('held_out').

        Where these have too few frames to tell it, it is that of all orbits; NaN for what is not known at all.
        """
        unknown = np.full(len(self.points), np.nan)
        whole = self.runs[aim].values if aim in self.runs else unknown
        there = self.runs[f"{aim}_{part}"].values if f"{aim}_{part}" in self.runs else whole
        found: NDArray[np.float64] = np.where(np.isfinite(there), there, whole)
        return found

    def text(self) -> str:
        """Return the compromises and remarks in words."""
        lines = [f"{self.pareto.sizes['run']} best compromises of {self.runs.sizes['run']} runs:"]
        for run in self.pareto["run"].values:
            values = ", ".join(f"{key} {value!r}" for key, value in self.points[int(run)].items())
            figures = ", ".join(f"{aim} {self.figure(aim)[int(run)]:.4g}" for aim in self.aims)
            lines.append(f"  run {int(run)}: {values}: {figures}")
        return "\n".join([*lines, *self.remarks])

    def __repr__(self) -> str:
        return self.text()


def search(
    reduction: Subject,
    ranges: Mapping[str, Any],
    *,
    aims: Sequence[str] = AIMS,
    runs: int = 40,
    seed: int = 0,
    transit: Transit | None = None,
    order: str | None = None,
    progress: Callable[[float], None] | None = None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> SearchResult:
    """Look for the best compromises between several aims.

    Parameters
    ----------
    reduction : Reduction
        Its parameters stay as they are.
    ranges : mapping of str to (low, high) or list
        What may be tried, e.g. ``{"free_iter.free_sigma": (2.5, 8), "led.enabled": [True, False]}``. In a range of
        a kernel's size only odd numbers are tried.
    aims : sequence of str
        Figures of merit, each better the nearer it is to that of a perfect reduction; 'depth_ratio' while
        something is injected.
    runs : int
        Reductions that are computed at most.
    seed : int
        The same seed gives the same runs.
    transit, order, progress, listener, stop
        As for a sweep.

    Returns
    -------
    SearchResult

    Raises
    ------
    ValueError, TypeError
        As a sweep, and for a range that has no values between its ends.

    Notes
    -----
    Half of the runs are spread over all parameters, in the order of the chain so that little is computed twice;
    most of the others halve the distance between the compromises and their neighbours; the last tell, along a line
    through the middle compromise, which parameters matter. Compromises are chosen by every second orbit, from the
    first one; the scores of the others tell whether the choice holds.
    """
    aims = _checked_aims(reduction, aims)
    runs, seed = arguments.whole("runs", runs, 4, MOST), arguments.whole("seed", seed, 0)
    asked = asked_of(reduction, ranges, '{"free_iter.free_sigma": (2.5, 8)}')
    places = [one.place for one in asked]
    check_run(
        reduction, places, transit=transit, order=order, progress=progress, listener=listener, stop=stop
    )
    axes = [
        as_axis(name, tried, place.parameter, partial(checked_value, place, reduction=reduction))
        for name, place, tried in asked
    ]
    on = [place.key for place, axis in zip(places, axes, strict=True) if True in axis.options]
    refuse_idle(reduction, places, on)
    orbits = np.unique(reduction.state().column("orbit_numbers"))
    parts = {TUNED: orbits[::2], HELD: orbits[1::2]} if orbits.size > 1 else {}
    evaluate = Evaluation(reduction, transit, order)
    found: dict[Point, dict[str, float]] = {}
    remarks: list[str] = []
    failed: list[tuple[str, str]] = []

    def compute(points: Sequence[Point]) -> None:
        for point in points:
            if point in found or len(found) >= runs:
                continue
            changes = {place.key: value for place, value in zip(places, point, strict=True)}
            try:
                found[point] = evaluate(changes, stop, listener, parts)
            except ValueError as error:
                found[point] = {}
                failed.append((", ".join(f"{key} {value!r}" for key, value in changes.items()), str(error)))
            if progress is not None:
                progress(min(1.0, len(found) / runs))

    centre: Point | None = None
    try:
        # Between options there is nothing to look for later.
        whole = all(axis.low is None for axis in axes) and math.prod(len(a.options) for a in axes) <= runs
        compute(first_points(axes, runs if whole else max(4, runs // 2), seed))
        spare = len(axes) * LEVELS
        while len(found) < runs - spare:
            good = pareto(_costs(list(found.values()), aims))
            new = between(axes, list(found), good, runs - spare - len(found))
            if not new:
                break
            compute(new)
        costs = _costs(list(found.values()), aims)
        good = pareto(costs)
        if good:
            centre = list(found)[middle_of(costs, good)]
            compute(along_axes(axes, centre, LEVELS))
    except Cancelled:
        remarks.append(f"Stopped after {len(found)} of {runs} runs.")
    if progress is not None:
        progress(1.0)
    points = list(found)
    dataset = _dataset(axes, points, list(found.values()), evaluate)
    good = pareto(_costs(list(found.values()), aims))
    remarks += _remarks(axes, found, good, centre, aims, bool(parts))
    remarks = [
        *told_once(failed),
        *remarks,
        *filter(None, [evaluate.trouble]),
        *lacking(places, evaluate.unmet),
    ]
    keyed = tuple({place.key: v for place, v in zip(places, p, strict=True)} for p in points)
    return SearchResult(dataset, dataset.isel(run=good), aims, tuple(remarks), keyed)


def _checked_aims(reduction: Subject, aims: Any) -> tuple[str, ...]:
    """Return what is aimed at, each once; ValueError for what cannot be."""
    known = ", ".join(name for name, figure in ALL_FIGURES.items() if np.isfinite(figure.aim))
    found = [aims] if isinstance(aims, str) else list(aims) if isinstance(aims, (Sequence, Set)) else []
    if not found:
        raise ValueError(f"'aims' must be one or more of {known}. Got {shown(aims)} instead.")
    for aim in found:
        if not isinstance(aim, str) or aim not in ALL_FIGURES or not np.isfinite(ALL_FIGURES[aim].aim):
            raise ValueError(f"{shown(aim)} is nothing to aim at. Choose among {known}.")
        if aim in RECOVERED and reduction.injected is None:
            raise ValueError(f"{aim!r} is of what is injected, and nothing is: reduction.inject(0.01) first.")
    return tuple(dict.fromkeys(found))


def _figure(figures: Mapping[str, float], aim: str, part: str = TUNED) -> float:
    value = figures.get(f"{aim}_{part}", figures.get(aim, np.nan))
    return value if np.isfinite(value) else figures.get(aim, np.nan)


def _costs(figures: Sequence[Mapping[str, float]], aims: Sequence[str], part: str = TUNED) -> Any:
    rows = [[abs(_figure(one, aim, part) - ALL_FIGURES[aim].aim) for aim in aims] for one in figures]
    return np.array(rows, dtype=float).reshape(len(figures), len(aims))


def _dataset(
    axes: Sequence[Axis],
    points: Sequence[Point],
    figures: Sequence[Mapping[str, float]],
    evaluate: Evaluation,
) -> xr.Dataset:
    variables: dict[str, Any] = {}
    for k, axis in enumerate(axes):
        variables[axis.name] = ("run", coordinate([point[k] for point in points]))
    names = list(dict.fromkeys(name for one in figures for name in one))
    for name in names:
        values: NDArray[np.float64] = np.array([one.get(name, np.nan) for one in figures])
        base = name.removesuffix(f"_{TUNED}").removesuffix(f"_{HELD}")
        what = ALL_FIGURES[base]
        on = {name.removeprefix(base): ""}.get("", name.removeprefix(base).strip("_").replace("_", " "))
        text = f"{what.text}, orbits {on}" if on else what.text
        variables[name] = ("run", values, {"units": what.unit, "long_name": text})
    injected = evaluate.injected
    attrs = {} if injected is None else {"injected": injected.words}
    return xr.Dataset(variables, {"run": np.arange(len(points))}, attrs)


def _remarks(
    axes: Sequence[Axis],
    found: Mapping[Point, Mapping[str, float]],
    good: Sequence[int],
    centre: Point | None,
    aims: Sequence[str],
    held_out: bool,
) -> list[str]:
    points, figures = list(found), list(found.values())
    remarks = []
    if not good:
        if not points:
            return []
        costs = _costs(figures, aims)
        never = [aim for aim, column in zip(aims, costs.T, strict=True) if not np.isfinite(column).any()]
        known = f"none has {', '.join(never)}. " if never else ""
        remarks.append(f"No run has all the figures that were aimed at: {known or 'look at `runs`.'}".strip())
        if any(figures) and not any(
            np.isfinite(one.get(name, np.nan)) for one in figures for name in OF_LIGHT
        ):
            remarks.append(NO_LIGHT)
        return remarks
    for k, axis in enumerate(axes):
        if centre is not None:
            line = [
                one
                for point, one in found.items()
                if point[:k] == centre[:k] and point[k + 1 :] == centre[k + 1 :]
            ]
            costs = _costs(line, aims)
            spread = (
                np.ptp(costs[np.isfinite(costs).all(axis=1)], axis=0) if len(line) > 1 else np.array([np.inf])
            )
            if len(line) > 1 and (spread <= [MATTERS.get(aim, 0) for aim in aims]).all():
                remarks.append(f"The result does not depend on {axis.name} in this range: leave it as it is.")
                continue
        edges = [number for number in good if axis.at_edge(points[number][k])]
        if edges:
            remarks.append(
                f"{len(edges)} of {len(good)} compromises have {axis.name} at the edge of its range, "
                f"{axis.low:g} to {axis.high:g}: widen it, unless there is a reason for it."
            )
    every = _costs(figures, aims)
    for column, aim in enumerate(aims):
        known = every[np.isfinite(every[:, column]), column]
        if len(aims) > 1 and known.size > 1 and np.ptp(known) <= MATTERS.get(aim, 0):
            remarks.append(
                f"All runs have the same {aim} but for what nobody chooses by: leave this aim out."
            )
    if not held_out:
        remarks.append("The visit has one orbit: the scores are of the frames that the choice was made by.")
        return remarks
    here, there = _costs(figures, aims), _costs(figures, aims, HELD)
    for column, aim in enumerate(aims):
        best = good[int(here[good, column].argmin())]
        fair = np.nanmedian(there[:, column])
        if there[best, column] > fair + MATTERS.get(aim, 0):
            remarks.append(
                f"The compromise that is best in {aim} is worse than the usual run on the orbits that it was not "
                "chosen by: it fits noise."
            )
    return remarks
