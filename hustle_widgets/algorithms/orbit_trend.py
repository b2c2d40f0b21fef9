"""Values that change smoothly within each orbit, and those among them that stand out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.series import Floats

__all__ = ["expected_of_others", "has_trend"]

MAD_TO_STD = 1.4826
HIGHEST_DEGREE = 3
FRAMES_A_DEGREE = 3
ITERATIONS = 30
CLEARER = 0.5  # scatter about a trend over that about the median, from which on there is one


def has_trend(values: Floats, times: Floats, orbits: NDArray[np.integer]) -> bool:
    """Tell whether values follow a course within orbits; noise about one level has none.

    Parameters
    ----------
    values : ndarray, shape (frames,)
        NaN where there is none.
    times : ndarray, shape (frames,)
        In any unit.
    orbits : ndarray of int, shape (frames,)
        Number of the orbit of each frame.
    """
    known = np.isfinite(values)
    trend, bent_by = _polynomials(values, times, orbits)
    about_median = np.median(np.abs(values[known] - np.median(values[known])))
    # As many values as a fit has parameters lie on it, and say nothing.
    above = min(1.0, 0.5 + 0.5 * bent_by / known.sum())
    scatter = [np.quantile(np.abs(values[known] - trend[known]), above)]
    for guess in (_beside(values, orbits), _at_the_same_place(values, orbits)):
        away = np.abs(values - guess)
        if np.isfinite(away).sum() > known.sum() / 2:
            scatter.append(np.nanmedian(away))
    return bool(min(scatter) < CLEARER * about_median)


def expected_of_others(values: Floats, times: Floats, orbits: NDArray[np.integer]) -> tuple[Floats, Floats]:
    """Return what is expected of each frame from others: the nearest of three guesses to its own value, and the middle.

    A polynomial of its orbit, drawn so that single values do not bend it; the frames beside it; and the frames at
    the same place in other orbits, on its orbit's level. What is near none of them stands out.

    Parameters
    ----------
    values, times, orbits : ndarray, shape (frames,)
        As in `has_trend`.

    Returns
    -------
    nearest, middle : ndarray, shape (frames,)
    """
    guesses = np.stack(
        [_polynomials(values, times, orbits)[0], _beside(values, orbits), _at_the_same_place(values, orbits)]
    )
    away = np.where(np.isfinite(guesses), np.abs(guesses - values), np.inf)
    unknown = ~np.isfinite(values)
    away[:, unknown] = np.where(np.isfinite(guesses[:, unknown]), 0, np.inf)
    nearest = guesses[away.argmin(axis=0), np.arange(values.size)]
    middle = np.full(values.size, np.nan)
    some = np.isfinite(guesses).any(axis=0)
    middle[some] = np.nanmedian(guesses[:, some], axis=0)
    return nearest, middle


def _polynomials(values: Floats, times: Floats, orbits: NDArray[np.integer]) -> tuple[Floats, int]:
    """Fit each orbit by least absolute deviations; also how many parameters that takes."""
    expected, parameters = np.full(values.size, np.nan), 0
    for orbit in np.unique(orbits):
        here = np.flatnonzero(orbits == orbit)
        known = here[np.isfinite(values[here])]
        if not known.size:
            continue
        parameters += 1
        degree = min(HIGHEST_DEGREE, (known.size - 1) // FRAMES_A_DEGREE)
        parameters += degree
        span = max(float(np.ptp(times[here])), 1e-12)
        design = np.vander((times[here] - times[here].mean()) / span, degree + 1)
        rows = np.isin(here, known)
        weight = np.ones(known.size)
        least = 1e-6 * float(np.abs(values[known]).max(initial=1e-12))
        for _ in range(ITERATIONS if degree else 0):
            root = np.sqrt(weight)[:, None]
            found = np.linalg.lstsq(design[rows] * root, values[known] * root[:, 0], rcond=None)[0]
            weight = 1 / np.maximum(np.abs(values[known] - design[rows] @ found), least)
        expected[here] = design @ found if degree else np.median(values[known])
    return expected, parameters


def _beside(values: Floats, orbits: NDArray[np.integer]) -> Floats:
    """Continue the values before and behind a frame of its orbit, and what lies between: the middle of these."""
    expected = np.full(values.size, np.nan)
    for orbit in np.unique(orbits):
        here = np.flatnonzero(orbits == orbit)
        padded = np.concatenate([[np.nan] * 3, values[here], [np.nan] * 3])
        before, second, third = padded[2:-4], padded[1:-5], padded[:-6]
        behind, fourth, fifth = padded[4:-2], padded[5:-1], padded[6:]
        guesses = np.stack(
            [
                (before + behind) / 2,
                2 * before - second,
                2 * behind - fourth,
                3 * before - 3 * second + third,
                3 * behind - 3 * fourth + fifth,
            ]
        )
        some = np.isfinite(guesses).any(axis=0)
        expected[here[some]] = np.nanmedian(guesses[:, some], axis=0)
    return expected


def _at_the_same_place(values: Floats, orbits: NDArray[np.integer]) -> Floats:
    """Return the median of other orbits at the same place, over the level of the orbit."""
    numbers = np.unique(orbits)
    groups = [np.flatnonzero(orbits == orbit) for orbit in numbers]
    longest = max(group.size for group in groups)
    table = np.full((len(groups), longest), np.nan)
    for row, group in zip(table, groups, strict=True):
        row[: group.size] = values[group]
    expected = np.full(values.size, np.nan)
    if len(groups) < 3:
        return expected
    with np.errstate(invalid="ignore", divide="ignore"):
        levels = np.array([np.nanmedian(row) if np.isfinite(row).any() else np.nan for row in table])
        shapes = table / levels[:, None]
    for number, group in enumerate(groups):
        others = np.delete(shapes, number, axis=0)[:, : group.size]
        some = np.isfinite(others).any(axis=0)
        expected[group[some]] = np.nanmedian(others[:, some], axis=0) * levels[number]
    return expected
