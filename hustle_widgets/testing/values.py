"""Values that a parameter must refuse, and values that it must accept: what people and config files write."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from hustle_widgets.steps.parameters import (
    Choice,
    Kernel,
    Orders,
    Parameter,
    Position,
    Positions,
    Real,
    Reals,
    Regions,
    Switch,
    Text,
    Whole,
    Wholes,
)


def refused(parameter: Parameter) -> list[Any]:
    """Return values of the wrong type or outside the bounds."""
    nan, inf = math.nan, math.inf
    values: list[Any] = [object(), 1j, {}, b"3"]
    if not parameter.optional:
        values.append(None)
    if isinstance(parameter, (Real, Whole)):
        values += [True, np.True_, nan, inf, -inf, np.float32("nan"), "3", [3], ""]
        values += [parameter.min - 1] if parameter.min is not None else []
        values += [parameter.above, parameter.above - 1] if parameter.above is not None else []
        values += [parameter.max + 1, np.int64(parameter.max + 1)] if parameter.max is not None else []
        values += [2.5] if isinstance(parameter, Whole) else []
    if isinstance(parameter, (Reals, Wholes)):
        values += [True, 3, "3", [True], [nan], [inf], ["3"], [None], [[3]], np.array([nan])]
        values += [[parameter.min - 1]] if parameter.min is not None else []
        values += [[parameter.above]] if parameter.above is not None else []
        values += [[1.5]] if isinstance(parameter, Wholes) else []
    if isinstance(parameter, Switch):
        values += [0, 1, "True", 1.0, [True]]
    if isinstance(parameter, Kernel):
        values += [0, 4, -3, True, 3.5, nan, "3", (3, 4), (3,), (3, 3, 3), [True, 3]]
    if isinstance(parameter, Regions):
        upside_down = [[30, 10, 0, 5], [0, 10, 5, 0], [3, 3, 0, 5], [-1, 10, 0, 5]]
        values += [[box] for box in upside_down]
        values += [[0, 1, 2, 3], [[0, 1, 2]], [[0, 1, 2, 3, 4]], [[0, 1.5, 2, 3]], [[0, nan, 2, 3]], "x", 3]
    if isinstance(parameter, Position):
        values += [3, [1], [1, 2, 3], [nan, 2], ["1", 2], [True, 2], "12", [[1, 2]]]
    if isinstance(parameter, Positions):
        values += [3, [1, 2], [[1]], [[1, 2, 3]], [[1, nan]], [["1", 2]], [[True, 2]], "12"]
    if isinstance(parameter, Choice):
        values += ["no such option", 0, 1, True, ["median"], str(parameter.options[0]).upper() + "?"]
    if isinstance(parameter, Orders):
        values += [[], "+9", ["+1", "x"], [1], 1]
    if isinstance(parameter, Text):
        values += [1, ["a"], "two\nlines"]
    return values


def accepted(parameter: Parameter) -> list[tuple[Any, Any]]:
    """Return pairs (value, canonical form) of notations that people and config files use."""
    pairs: list[tuple[Any, Any]] = [(parameter.tutorial, parameter.tutorial)]
    if parameter.optional and not isinstance(parameter, Choice):
        pairs.append((None, None))
    if isinstance(parameter, (Real, Whole)):
        low = parameter.min if parameter.min is not None else (parameter.above or 0)
        high = parameter.max if parameter.max is not None else low + 8
        number = int(math.floor((low + high) / 2)) or (low + high) / 2
        if number == int(number):
            pairs += [(kind(number), number) for kind in (int, np.int32, np.int64, np.float64, float)]
        pairs.append((np.float64(number), number))
        if isinstance(parameter, Real):
            pairs.append((np.float32(0.75), 0.75))
    if isinstance(parameter, (Reals, Wholes)):
        pairs += [([4, 3], (4, 3)), (np.array([4, 3]), (4, 3)), ((np.float32(4), np.int8(3)), (4, 3))]
        pairs += [(range(1, 4), (1, 2, 3)), ([], ())]
    if isinstance(parameter, Switch):
        pairs += [(True, True), (False, False), (np.True_, True), (np.False_, False)]
    if isinstance(parameter, Kernel):
        pairs += [(3, 3), (np.int64(5), 5), (7.0, 7), ([3, 5], (3, 5)), (np.array([3, 5]), (3, 5))]
    if isinstance(parameter, Regions):
        box = (0, 5, 2, 9)
        pairs += [([[0, 5, 2, 9]], (box,)), (np.array([box, box]), (box, box)), ([[0.0, 5, 2, 9]], (box,))]
    if isinstance(parameter, Position):
        pairs += [([3, 4.5], (3, 4.5)), (np.array([3, 4]), (3, 4)), ((np.float32(3), 4), (3, 4))]
    if isinstance(parameter, Positions):
        pairs += [([[3, 4.5], [1, 2]], ((3, 4.5), (1, 2))), (np.array([[3, 4]]), ((3, 4),)), ([], ())]
    if isinstance(parameter, Choice):
        pairs += [(option, option) for option in parameter.options]
    if isinstance(parameter, Orders):
        pairs += [("-1", ("-1",)), (["-1", "+1", "-1"], ("-1", "+1")), (np.array(["+1", "-1"]), ("+1", "-1"))]
    if isinstance(parameter, Text):
        pairs += [("some/place", "some/place"), (Path("some/place"), "some/place")]
    return pairs


def made_of_plain_python(value: Any) -> bool:
    """Tell whether a value holds tuples, numbers and strings only."""
    if type(value) is tuple:
        return all(map(made_of_plain_python, value))
    return type(value) in (int, float, bool, str, type(None))
