"""Parameter kinds. A step declares each of its parameters once; all else follows from the declaration.

Each kind is a traitlets trait that knows its hard bounds (values outside are refused), its soft bounds
(they only shape the slider), its unit and its help, and that says in words what it accepts.
Lists are kept as tuples, so that every change is an assignment and is noticed.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from traitlets import TraitError, TraitType


class ParameterError(TraitError, ValueError, TypeError):
    """A value that a parameter does not accept."""


class _Refused(Exception):
    """Raised by `convert` for a value of the wrong kind."""


class Parameter(TraitType[Any, Any]):
    """Base of all kinds.

    Parameters
    ----------
    default : object
        The tutorial's value.
    help : str
        One or two sentences for tooltips, the config file's comment and the docs.
    unit : str
        Unit of the value, '' for none.
    soft : tuple of two numbers, optional
        Range of the slider.
    optional : str
        What None stands for; '' where None is not accepted.
    added : bool
        Whether it is none of the tutorial's. Its default keeps the tutorial's behaviour.
    display : bool
        Whether it only changes what is shown, so that nothing is computed again.
    """

    kind = "value"
    word = "Value"

    def __init__(
        self,
        default: Any,
        help: str,
        *,
        unit: str = "",
        soft: Any = None,
        optional: str = "",
        added: bool = False,
        display: bool = False,
    ) -> None:
        self.unit, self.soft, self.optional = unit, soft, optional
        self.added, self.display = added, display
        self.tutorial = default if default is None else self.convert(default)
        super().__init__(default_value=self.tutorial, allow_none=bool(optional), help=help)

    @property
    def meaning(self) -> str:
        """The help, with what None stands for."""
        none = "" if self.optional in ("", "as listed") else f" None: {self.optional}."
        return f"{self.help}{none}"

    @property
    def comment(self) -> str:
        """The comment behind its value in the config file."""
        return f"{self.word}. {self.meaning}"

    def written(self, value: Any) -> Any:
        """Return the value as the config file shows it."""
        return value

    def convert(self, value: Any) -> Any:
        """Return the value in its canonical form or raise `_Refused`."""
        raise NotImplementedError

    def accepts(self) -> str:
        """Say in words what is accepted, e.g. 'a float > 0'."""
        return self.kind + (" or None" if self.optional else "")

    def validate(self, obj: Any, value: Any) -> Any:
        """Refuse a value with a sentence that names the parameter, its step and what it accepts."""
        if value is None and self.optional:
            return None
        try:
            return self.convert(value)
        except (_Refused, TypeError, ValueError, OverflowError):
            raise ParameterError(
                f"The {self.name!r} parameter of {type(obj).__name__} must be {self.accepts()}. "
                f"Got {_shown(value)} instead."
            ) from None


def as_lists(value: Any) -> Any:
    """Return nested tuples as nested lists, which is how the tutorial writes them."""
    return [as_lists(item) for item in value] if isinstance(value, tuple) else value


class _Listed(Parameter):
    def written(self, value: Any) -> Any:
        return as_lists(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _number(value: Any) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, np.number)):
        raise _Refused
    if not math.isfinite(value):
        raise _Refused
    return float(value)


def _whole(value: Any) -> int:
    number = _number(value)
    if number != int(number):
        raise _Refused
    return int(number)


def _items(value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, dict)) or not isinstance(value, (Iterable, np.ndarray)):
        raise _Refused
    return list(value)


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
            raise _Refused
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
        return self.bounded(_number(value))


class Whole(_Bounded):
    """An int."""

    kind = "an int"
    word = "Int"

    def convert(self, value: Any) -> int:
        """Take any whole number."""
        return self.bounded(_whole(value))


class Switch(Parameter):
    """True or False."""

    kind = "True or False"
    word = "Bool"

    def convert(self, value: Any) -> bool:
        """Take a bool only, so that a misplaced number is noticed."""
        if not isinstance(value, (bool, np.bool_)):
            raise _Refused
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
            if value is option or (option is not None and bool(value == option)):
                return option
        raise _Refused

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
            raise _Refused
        text = str(value)
        if "\n" in text or "\0" in text or (self.pattern and not re.fullmatch(self.pattern, text)):
            raise _Refused
        return text


class _Several(_Bounded, _Listed):
    item = staticmethod(_number)

    def convert(self, value: Any) -> tuple[Any, ...]:
        return tuple(self.bounded(self.item(entry)) for entry in _items(value))


class Reals(_Several):
    """Floats in order."""

    kind = "a list of floats"
    word = "Lst of float"


class Wholes(_Several):
    """Ints in order."""

    kind = "a list of ints"
    word = "Lst of int"
    item = staticmethod(_whole)


class Kernel(Parameter):
    """An odd int, or two of them (rows, columns)."""

    kind = "an odd int, or a pair of odd ints (rows, columns)"
    word = "Int or tuple"

    def convert(self, value: Any) -> int | tuple[int, int]:
        """Take one odd number or a pair."""
        if isinstance(value, (numbers.Real, np.number)):
            return _odd(value)
        rows, columns = _items(value)
        return _odd(rows), _odd(columns)


def _odd(value: Any) -> int:
    size = _whole(value)
    if size < 1 or size % 2 == 0:
        raise _Refused
    return size


class Regions(_Listed):
    """Boxes [row0, row1, column0, column1], the ends not included."""

    kind = "a list of [row0, row1, column0, column1] with 0 <= row0 < row1 and 0 <= column0 < column1"
    word = "Lst of lst of int"

    def convert(self, value: Any) -> tuple[tuple[int, int, int, int], ...]:
        """Take boxes that are the right way up."""
        boxes = []
        for entry in _items(value):
            row0, row1, column0, column1 = (_whole(edge) for edge in _items(entry))
            if not (0 <= row0 < row1 and 0 <= column0 < column1):
                raise _Refused
            boxes.append((row0, row1, column0, column1))
        return tuple(boxes)


class Position(_Listed):
    """A place [column, row] on the frame, in pixels."""

    kind = "a position [column, row]"
    word = "Lst of float"

    def convert(self, value: Any) -> tuple[float, float]:
        """Take two finite numbers."""
        column, row = (_number(entry) for entry in _items(value))
        return column, row


class Positions(_Listed):
    """Places [column, row] on the frame, in pixels."""

    kind = "a list of positions [[column, row], ...]"
    word = "Lst of lst of float"

    def convert(self, value: Any) -> tuple[tuple[float, float], ...]:
        """Take pairs of finite numbers."""
        positions = []
        for entry in _items(value):
            column, row = (_number(number) for number in _items(entry))
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
        orders = tuple(dict.fromkeys([value] if isinstance(value, str) else _items(value)))
        if not orders or any(order not in self.options for order in orders):
            raise _Refused
        return tuple(str(order) for order in orders)

    def accepts(self) -> str:
        """List the orders."""
        return "a list with one or more of " + ", ".join(repr(option) for option in self.options)
