"""Figures of merit over the values of some parameters; only what a parameter touches is computed."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from hustle_widgets.algorithms.transits import Transit
from hustle_widgets.choosing.asked import MOST, asked_of, check_run, listed, refuse_idle
from hustle_widgets.choosing.evaluation import (
    ALL_FIGURES,
    Cancelled,
    Evaluation,
    Place,
    checked_value,
)
from hustle_widgets.choosing.subject import Subject
from hustle_widgets.engine.chain import Listener

# Figures of the light curve, and what is said where none of them can be told.
OF_LIGHT = ("scatter", "depth")
NO_LIGHT = (
    "Nothing can be told of the light curve: do_quicklook is off, there is no light in the aperture, or there are too "
    "few frames."
)


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

    Raises
    ------
    ValueError, TypeError
        For what cannot be swept: a parameter that is none, comes twice or belongs to a step that is off, a value
        that it does not accept, and any other argument of the wrong kind.
    """
    # What is early in the chain changes last: what follows from it is then computed once.
    asked = asked_of(reduction, parameters, '{"free_iter.free_sigma": [3, 4, 5]}')
    places = [one.place for one in asked]
    check_run(
        reduction, places, transit=transit, order=order, progress=progress, listener=listener, stop=stop
    )
    refuse_idle(reduction, places, [place.key for place in places])
    lists = [listed(one.place, one.given) for one in asked]
    total = math.prod(map(len, lists))
    if total > MOST:
        raise ValueError(f"A sweep of {total} points is too long: at most {MOST} are computed.")
    axes = [
        [checked_value(place, value, reduction) for value in values]
        for place, values in zip(places, lists, strict=True)
    ]
    shape = tuple(len(axis) for axis in axes)
    evaluate = Evaluation(reduction, transit, order)
    found = {name: np.full(shape, np.nan) for name in ALL_FIGURES}
    remarks: list[str] = []
    failed: list[tuple[str, str]] = []
    done = 0
    try:
        for where in itertools.product(*(range(n) for n in shape)):
            changes = {place.key: axis[k] for place, axis, k in zip(places, axes, where, strict=True)}
            try:
                for name, value in evaluate(changes, stop, listener).items():
                    found[name][where] = value
            except ValueError as error:
                failed.append((_words(places, axes, where), str(error)))
            done += 1
            if progress is not None:
                progress(done / total)
    except Cancelled:
        remarks.append(f"Stopped: {done} of {total} points are computed.")
    if done > len(failed) and not any(np.isfinite(found[name]).any() for name in OF_LIGHT):
        remarks.append(NO_LIGHT)
    remarks = [
        *told_once(failed),
        *remarks,
        *filter(None, [evaluate.trouble]),
        *lacking(places, evaluate.unmet),
    ]
    dataset = _dataset(reduction, places, axes, found)
    dataset.attrs.update(remarks="\n".join(remarks), computed=done, points=total)
    if evaluate.injected is not None:
        dataset.attrs["injected"] = evaluate.injected.words
    return dataset


def _words(places: Sequence[Place], axes: Sequence[list[Any]], where: Sequence[int]) -> str:
    return ", ".join(f"{place.name} {axis[k]!r}" for place, axis, k in zip(places, axes, where, strict=True))


def told_once(failed: Iterable[tuple[str, str]]) -> list[str]:
    """Return each error once, with the first of the values that it comes from, of (values, error)."""
    values: dict[str, list[str]] = {}
    for words, error in failed:
        values.setdefault(error, []).append(words)
    return [
        f"{words[0]}{f' and {len(words) - 1} more' if len(words) > 1 else ''}: {error}"
        for error, words in values.items()
    ]


def lacking(places: Iterable[Place], unmet: Mapping[str, str]) -> list[str]:
    """Say which parameters changed nothing since their step lacks something."""
    return [
        f"{place.name} changes nothing where its step is off for want of something: {unmet[place.step]}"
        for place in places
        if place.step in unmet
    ]


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


def from_coordinate(place: Place, value: Any) -> Any:
    """Return what a coordinate of `coordinate` stands for; any other value as it is."""
    for option in (True, False) if place.parameter is None else getattr(place.parameter, "options", ()):
        if isinstance(value, str) and value == str(option):
            return option
    return value


def marginal(dataset: xr.Dataset, figure: str, parameter: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a figure of merit against one parameter, the median over the others: (values, figures)."""
    others = [str(name) for name in dataset[figure].dims if name != parameter]
    along = dataset[figure].median(others) if others else dataset[figure]
    return along[parameter].values, along.values
