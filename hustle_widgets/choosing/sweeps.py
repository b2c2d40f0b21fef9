"""Figures of merit over the values of some parameters; only what a parameter touches is computed."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from hustle_widgets.algorithms.transits import Transit
from hustle_widgets.choosing.evaluation import (
    ALL_FIGURES,
    Cancelled,
    Evaluation,
    Place,
    checked_value,
    place_of,
)
from hustle_widgets.choosing.subject import Subject
from hustle_widgets.engine.chain import Listener

MOST = 10_000  # points of a sweep


def sweep(
    reduction: Subject,
    parameters: Mapping[str, Sequence[Any]],
    *,
    transit: Transit | None = None,
    order: str | None = None,
    progress: Callable[[float], None] | None = None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> xr.Dataset:
    """Return the figures of merit over a grid of values.

    Parameters
    ----------
    reduction : Reduction
        Its parameters stay as they are.
    parameters : mapping of str to sequence
        Values of each parameter, e.g. ``{"free_iter.free_sigma": [3, 3.5, 4, 5]}``. 'led.enabled' is a switch.
    transit : Transit, optional
        Where depths are measured, the same for all points.
    order : str, optional
        Whose light; the first of `traces_included` by default.
    progress : callable, optional
        Called with the fraction done, 0..1.
    listener : Listener, optional
        Told of every step.
    stop : threading.Event, optional
        Ends it early.

    Returns
    -------
    xarray.Dataset
        A dimension for each parameter, in the order of the chain, and a variable for each figure of merit. NaN
        where a step cannot be computed, and for what was not reached; `attrs` say so.
    """
    places = [place_of(reduction, name) for name in parameters]
    given = dict(zip(places, parameters.values(), strict=True))
    steps = list(reduction.steps)
    # What is early in the chain changes last: what follows from it is then computed once.
    places.sort(key=lambda place: steps.index(place.step))
    axes = [_axis(place, given[place], reduction) for place in places]
    shape = tuple(len(axis) for axis in axes)
    total = int(np.prod(shape))
    if total > MOST:
        raise ValueError(f"A sweep of {total} points is too long: at most {MOST} are computed.")
    evaluate = Evaluation(reduction, transit, order)
    found = {name: np.full(shape, np.nan) for name in ALL_FIGURES}
    remarks: list[str] = []
    done = 0
    try:
        for where in itertools.product(*(range(n) for n in shape)):
            changes = {place.key: axis[k] for place, axis, k in zip(places, axes, where, strict=True)}
            try:
                for name, value in evaluate(changes, stop, listener).items():
                    found[name][where] = value
            except ValueError as error:
                remarks.append(f"{_words(places, axes, where)}: {error}")
            done += 1
            if progress is not None:
                progress(done / total)
    except Cancelled:
        remarks.append(f"Stopped: {done} of {total} points are computed.")
    dataset = _dataset(reduction, places, axes, found)
    dataset.attrs.update(remarks="\n".join(remarks), computed=done, points=total)
    if reduction.injected is not None:
        dataset.attrs["injected"] = reduction.injected.words
    return dataset


def _axis(place: Place, values: Sequence[Any], reduction: Subject) -> list[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, np.ndarray)) or not len(values):
        raise ValueError(f"Give a list with one or more values of {place.name}. Got {values!r} instead.")
    return [checked_value(place, value, reduction) for value in values]


def _words(places: Sequence[Place], axes: Sequence[list[Any]], where: Sequence[int]) -> str:
    return ", ".join(f"{place.name} {axis[k]!r}" for place, axis, k in zip(places, axes, where, strict=True))


def _dataset(
    reduction: Subject, places: Sequence[Place], axes: Sequence[list[Any]], found: Mapping[str, Any]
) -> xr.Dataset:
    names = [place.name for place in places]
    coords = {}
    for place, axis in zip(places, axes, strict=True):
        unit = place.parameter.unit if place.parameter is not None else ""
        values = reduction.values()[place.key]
        usual = True if place.parameter is None else place.parameter.tutorial
        attrs = {"units": unit or "1", "present": str(values), "tutorial": str(usual), "key": place.key}
        coords[place.name] = (place.name, coordinate(axis), attrs)
    variables = {
        name: (names, values, {"units": ALL_FIGURES[name].unit, "long_name": ALL_FIGURES[name].text})
        for name, values in found.items()
        if name in ("scatter", "depth") or np.isfinite(values).any()
    }
    return xr.Dataset(variables, coords)


def coordinate(values: Sequence[Any]) -> np.ndarray:
    """Return values as a coordinate: numbers as numbers, anything else as the text a person would type."""
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return np.array(values)
    return np.array([str(value) for value in values])


def marginal(dataset: xr.Dataset, figure: str, parameter: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a figure of merit against one parameter, the median over the others: (values, figures)."""
    others = [str(name) for name in dataset[figure].dims if name != parameter]
    along = dataset[figure].median(others) if others else dataset[figure]
    return along[parameter].values, along.values
