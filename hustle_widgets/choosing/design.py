"""Which values of parameters a search tries, and which of the results are the best compromises."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.steps.parameter_base import Parameter, shown
from hustle_widgets.steps.parameters import Choice, Kernel, Real, Switch, Whole

Point = tuple[Any, ...]


class Axis(NamedTuple):
    """What may be tried of one parameter.

    Attributes
    ----------
    name : str
    low, high : float or None
        Range of a number; None where there are options.
    step : int
        1 where only whole numbers are meant, 2 where only odd ones are, 0 for all numbers.
    options : tuple
        Values in order, where it is no range.
    """

    name: str
    low: float | None
    high: float | None
    step: int
    options: tuple[Any, ...]

    def at(self, share: float) -> Any:
        """Return the value at a share 0..1 of the range, or the option there."""
        if self.low is None or self.high is None:
            return self.options[min(int(share * len(self.options)), len(self.options) - 1)]
        return self.rounded(self.low + share * (self.high - self.low))

    def rounded(self, value: float) -> Any:
        """Return the nearest number that may be tried, of few digits, in the range."""
        assert self.low is not None and self.high is not None
        if self.step:
            return int(self.low) + self.step * round((value - self.low) / self.step)
        # A narrow range far from 0 needs more digits than a wide one.
        far = max(abs(self.low), abs(self.high)) / (self.high - self.low)
        digits = min(15, 4 + max(0, int(np.log10(far))))
        return min(max(float(f"{value:.{digits}g}"), self.low), self.high)

    def levels(self, number: int) -> list[Any]:
        """Return some values from end to end."""
        if self.low is None:
            return list(self.options)
        shares = np.linspace(0, 1, max(2, number))
        return list(dict.fromkeys(self.at(float(share)) for share in shares))

    def at_edge(self, value: Any) -> bool:
        """Tell whether a number lies at an end of its range."""
        return self.low is not None and value in (self.at(0.0), self.at(1.0))


def first_points(axes: Sequence[Axis], number: int, seed: int) -> list[Point]:
    """Return points spread over all parameters, early steps changing last.

    A grid where at least three levels of each fit, else a Latin hypercube. A grid in the order of the chain costs
    little: what follows from an early parameter is computed once for all the others.
    """
    ranges = [axis for axis in axes if axis.low is not None]
    fixed = math.prod(len(axis.options) for axis in axes if axis.low is None)
    each = int((number / fixed) ** (1 / len(ranges)) + 1e-9) if ranges else 1
    if each >= 3 if ranges else fixed <= number:
        return list(itertools.product(*(axis.levels(each) for axis in axes)))[:number]
    from scipy.stats import qmc  # here: it takes a good part of the time of the first import

    shares = qmc.LatinHypercube(len(axes), seed=np.random.default_rng(seed)).random(number)
    points = [tuple(axis.at(float(s)) for axis, s in zip(axes, row, strict=True)) for row in shares]
    return sorted(dict.fromkeys(points), key=lambda point: tuple(map(str, point)))


def between(axes: Sequence[Axis], known: Sequence[Point], good: Sequence[int], most: int) -> list[Point]:
    """Return new points halfway from the best compromises to their neighbours, one parameter at a time."""
    new: dict[Point, None] = {}
    for number in good:
        for k, axis in enumerate(axes):
            if axis.low is None:
                continue
            here = known[number][k]
            others = sorted({point[k] for point in known})
            place = others.index(here)
            for other in others[max(0, place - 1) : place] + others[place + 1 : place + 2]:
                value = axis.rounded((here + other) / 2)
                point = (*known[number][:k], value, *known[number][k + 1 :])
                if point not in known:
                    new[point] = None
    return list(new)[:most]


def along_axes(axes: Sequence[Axis], centre: Point, number: int) -> list[Point]:
    """Return points on lines through a centre, one for each parameter."""
    return [
        (*centre[:k], value, *centre[k + 1 :])
        for k, axis in enumerate(axes)
        for value in dict.fromkeys([*axis.levels(number), centre[k]])
    ]


def pareto(costs: NDArray[np.float64]) -> list[int]:
    """Return the rows that no other row beats: as good in every column and better in one.

    Parameters
    ----------
    costs : ndarray, shape (runs, aims)
        The smaller the better; rows that are not finite are left out.

    Examples
    --------
    >>> pareto(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 3.0], [np.nan, 0.0]]))
    [0, 1]
    """
    whole = np.isfinite(costs).all(axis=1)
    found = []
    for number in np.flatnonzero(whole):
        others = costs[whole]
        beaten = (others <= costs[number]).all(axis=1) & (others < costs[number]).any(axis=1)
        if not beaten.any():
            found.append(int(number))
    return found


def middle_of(costs: NDArray[np.float64], good: Sequence[int]) -> int:
    """Return the compromise that is nearest to the best of each aim, in units of the spread of the compromises."""
    chosen = costs[list(good)]
    spread = np.ptp(chosen, axis=0)
    scaled = (chosen - chosen.min(axis=0)) / np.where(spread > 0, spread, 1)
    return int(good[int(np.linalg.norm(scaled, axis=1).argmin())])


def as_axis(name: str, given: Any, parameter: Parameter | None, checked: Callable[[Any], Any]) -> Axis:
    """Return what may be tried of a parameter, from (low, high) or a list of values.

    Parameters
    ----------
    name : str
    given : tuple or list
    parameter : Parameter or None
        None for a switch.
    checked : callable
        Returns a value as the parameter keeps it, or raises ValueError.

    Raises
    ------
    ValueError
        For anything else, naming the parameter.
    """
    if isinstance(given, (np.ndarray, range)) and np.ndim(given):
        given = list(given)
    # Without an order, and so without a range, a tuple can only be meant as a list.
    if isinstance(given, tuple) and (parameter is None or isinstance(parameter, (Switch, Choice))):
        given = list(given)
    if isinstance(given, list) and given:
        return Axis(name, None, None, 0, tuple(dict.fromkeys(checked(value) for value in given)))
    if not isinstance(given, tuple) or len(given) != 2:
        raise ValueError(
            f"Give (low, high) or a list of values to try of {name}. Got {shown(given)} instead."
        )
    if not isinstance(parameter, (Real, Whole, Kernel)):
        raise ValueError(
            f"{name} is no number and has no range: give a list of values. Got {shown(given)} instead."
        )
    step = 1 if isinstance(parameter, Whole) else 2 if isinstance(parameter, Kernel) else 0
    number = (int, float, np.integer, np.floating)
    fine = all(isinstance(end, number) and not isinstance(end, bool) for end in given)
    if not fine or not given[0] < given[1]:
        raise ValueError(
            f"The range of {name} must be (low, high) with low < high. Got {shown(given)} instead."
        )
    low, high = given
    if step == 2 and np.isfinite(given).all():  # between even ends lie odd numbers
        low, high = low + (low % 2 == 0), high - (high % 2 == 0)
    low, high = checked(low), checked(high)
    if not low < high:
        raise ValueError(
            f"Only {low} lies in the range of {name}: widen it, or give the list [{low}]. Got {shown(given)} instead."
        )
    return Axis(name, low, high, step, ())
