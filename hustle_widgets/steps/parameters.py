"""Parameter kinds. A step declares each of its parameters once; all else follows from the declaration.

Each kind is a traitlets trait that knows its hard bounds (values outside are refused), its soft bounds
(they only shape the slider), its unit and its help, and that says in words what it accepts.
Lists are kept as tuples, so that every change is an assignment and is noticed.
"""

from __future__ import annotations

import numbers
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from hustle_widgets.steps.parameter_base import (
    Listed,
    Parameter,
    ParameterError,
    Refused,
    as_lists,
    items_of,
    number_of,
    whole_of,
)

__all__ = [
    "Choice",
    "Kernel",
    "Orders",
    "Parameter",
    "ParameterError",
    "Position",
    "Positions",
    "Real",
    "Reals",
    "Regions",
    "Switch",
    "Text",
    "Whole",
    "Wholes",
    "as_lists",
]


class _Bounded(Parameter):
    def __init__(
        self,
        default: Any,
        help: str,
        *,
        min: float | None = None,
        above: float | None = None,
        max: float | None = None,
        **keywords: Any,
    ) -> None:
        self.min, self.above, self.max = min, above, max
        super().__init__(default, help, **keywords)

    def bounded(self, number: Any) -> Any:
        if (
            (self.min is not None and number < self.min)
            or (self.above is not None and number <= self.above)
            or (self.max is not None and number > self.max)
        ):
            raise Refused
        return number

    def bounds_in_words(self) -> str:
        words = []
        if self.above is not None:
            words.append(f"> {self.above:g}")
        if self.min is not None:
            words.append(f">= {self.min:g}")
        if self.max is not None:
            words.append(f"<= {self.max:g}")
        return " and ".join(words)

    def accepts(self) -> str:
        words = f"{self.kind} {self.bounds_in_words()}".rstrip()
        return words + (" or None" if self.optional else "")


class Real(_Bounded):
    """A finite float."""

    kind = "a float"
    word = "Float"

    def convert(self, value: Any) -> float:
        """Take any real number but NaN and infinity."""
        return self.bounded(number_of(value))


class Whole(_Bounded):
    """An int."""

    kind = "an int"
    word = "Int"

    def convert(self, value: Any) -> int:
        """Take any whole number."""
        return self.bounded(whole_of(value))


class Switch(Parameter):
    """True or False."""

    kind = "True or False"
    word = "Bool"

    def convert(self, value: Any) -> bool:
        """Take a bool only, so that a misplaced number is noticed."""
        if not isinstance(value, (bool, np.bool_)):
            raise Refused
        return bool(value)


class Choice(Parameter):
    """One of a few values."""

    word = "Str"

    def __init__(self, default: Any, options: Sequence[Any], help: str, **keywords: Any) -> None:
        self.options = tuple(options)
        super().__init__(default, help, optional="as listed" if None in self.options else "", **keywords)

    def convert(self, value: Any) -> Any:
        """Take one of the options."""
        for option in self.options:
            # Other objects may compare in ways of their own.
            if value is option or (isinstance(value, (str, numbers.Number)) and value == option):
                return option
        raise Refused

    def accepts(self) -> str:
        """List the options."""
        return "one of " + ", ".join(repr(option) for option in self.options)


class Text(Parameter):
    """A string, or a path given as one."""

    word = "Str"

    def __init__(
        self, default: str, help: str, *, pattern: str = "", rule: str = "a string", **keywords: Any
    ) -> None:
        self.pattern, self.kind = pattern, rule
        super().__init__(default, help, **keywords)

    def convert(self, value: Any) -> str:
        """Take a string or a path that follows the pattern."""
        if not hasattr(value, "__fspath__") and not isinstance(value, str):
            raise Refused
        text = str(value)
        if "\n" in text or "\0" in text or (self.pattern and not re.fullmatch(self.pattern, text)):
            raise Refused
        return text


class _Several(_Bounded, Listed):
    item = staticmethod(number_of)

    def convert(self, value: Any) -> tuple[Any, ...]:
        return tuple(self.bounded(self.item(entry)) for entry in items_of(value))


class Reals(_Several):
    """Floats in order."""

    kind = "a list of floats"
    word = "Lst of float"


class Wholes(_Several):
    """Ints in order."""

    kind = "a list of ints"
    word = "Lst of int"
    item = staticmethod(whole_of)

    def __init__(self, default: Any, help: str, *, rows: bool = False, **keywords: Any) -> None:
        self.rows = rows  # whether they are rows of the frame
        super().__init__(default, help, **keywords)

    def on_frame(self, value: Any, shape: tuple[int, int]) -> Any:
        """Count negative rows from the end, as HUSTLE-tools does."""
        if not self.rows or not isinstance(value, (list, tuple)):
            return value
        return [row + shape[0] if _is_negative(row) else row for row in value]


class Kernel(Parameter):
    """An odd int, or two of them (rows, columns)."""

    kind = "an odd int, or a pair of odd ints (rows, columns)"
    word = "Int or tuple"

    def convert(self, value: Any) -> int | tuple[int, int]:
        """Take one odd number or a pair."""
        if isinstance(value, (numbers.Real, np.number)):
            return _odd(value)
        rows, columns = items_of(value, 2)
        return _odd(rows), _odd(columns)


def _odd(value: Any) -> int:
    size = whole_of(value)
    if size < 1 or size % 2 == 0:
        raise Refused
    return size


class Regions(Listed):
    """Boxes [row0, row1, column0, column1], the ends not included."""

    kind = "a list of [row0, row1, column0, column1] with 0 <= row0 < row1 and 0 <= column0 < column1"
    word = "Lst of lst of int"

    def convert(self, value: Any) -> tuple[tuple[int, int, int, int], ...]:
        """Take boxes that are the right way up."""
        boxes = []
        for entry in items_of(value):
            row0, row1, column0, column1 = (whole_of(edge) for edge in items_of(entry, 4))
            if not (0 <= row0 < row1 and 0 <= column0 < column1):
                raise Refused
            boxes.append((row0, row1, column0, column1))
        return tuple(boxes)

    def on_frame(self, value: Any, shape: tuple[int, int]) -> Any:
        """Count negative edges from the end; HUSTLE-tools writes the whole frame as [0, -1, 0, -1]."""
        if not isinstance(value, (list, tuple)):
            return value
        sizes = (shape[0], shape[0], shape[1], shape[1])
        return [
            [
                _edge(edge, size, place % 2 == 1)
                for place, (edge, size) in enumerate(zip(entry, sizes, strict=True))
            ]
            if isinstance(entry, (list, tuple)) and len(entry) == 4
            else entry
            for entry in value
        ]


def _edge(place: Any, size: int, end: bool) -> Any:
    if not _is_negative(place):
        return place
    return size if end and place == -1 else place + size


def _is_negative(number: Any) -> bool:
    return isinstance(number, (int, float)) and number < 0


class Position(Listed):
    """A place [column, row] on the frame, in pixels."""

    kind = "a position [column, row]"
    word = "Lst of float"

    def convert(self, value: Any) -> tuple[float, float]:
        """Take two finite numbers."""
        column, row = (number_of(entry) for entry in items_of(value, 2))
        return column, row


class Positions(Listed):
    """Places [column, row] on the frame, in pixels."""

    kind = "a list of positions [[column, row], ...]"
    word = "Lst of lst of float"

    def convert(self, value: Any) -> tuple[tuple[float, float], ...]:
        """Take pairs of finite numbers."""
        positions = []
        for entry in items_of(value):
            column, row = (number_of(number) for number in items_of(entry, 2))
            positions.append((column, row))
        return tuple(positions)


class Orders(Parameter):
    """Names of spectral orders."""

    word = "Lst of str"

    def __init__(self, default: Any, options: Sequence[str], help: str, **keywords: Any) -> None:
        self.options = tuple(options)
        super().__init__(default, help, **keywords)

    def convert(self, value: Any) -> tuple[str, ...]:
        """Take one or more of the known orders, each once."""
        orders = tuple(dict.fromkeys([value] if isinstance(value, str) else items_of(value)))
        if not orders or any(order not in self.options for order in orders):
            raise Refused
        return tuple(str(order) for order in orders)

    def accepts(self) -> str:
        """List the orders."""
        return "a list with one or more of " + ", ".join(repr(option) for option in self.options)
