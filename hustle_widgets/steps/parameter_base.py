"""The base of the parameter kinds: what each trait knows, and how values of any kind and size are taken apart.

Lists are never made longer than they may be: what is given could have no end.
"""

from __future__ import annotations

import itertools
import math
import numbers
import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from traitlets import Bool, TraitError, TraitType

MOST = 100_000  # entries of a list


class ParameterError(TraitError, ValueError, TypeError):
    """A value that a parameter does not accept."""


class Refused(Exception):
    """Raised by `convert` for a value of the wrong kind."""


class TooMany(Exception):
    """Raised for a list of more entries than may be."""


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
    common : bool
        Whether other steps may declare it too: they all have one value, under one key of the config file.
    advice : str
        When to raise or lower it, or what to choose: the second half of the help on the page.
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
        common: bool = False,
        advice: str = "",
    ) -> None:
        self.unit, self.soft, self.optional, self.advice = unit, soft, optional, advice
        self.added, self.display, self.common = added, display, common
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
        """Return the value in its canonical form or raise `Refused`."""
        raise NotImplementedError

    def on_frame(self, value: Any, shape: tuple[int, int]) -> Any:
        """Return a value of a config file for frames of a shape (rows, columns), with no place counted from the end.

        What is no such value comes back as it is, for `validate` to refuse.
        """
        return value

    def accepts(self) -> str:
        """Say in words what is accepted, e.g. 'a float > 0'."""
        return self.kind + (" or None" if self.optional else "")

    def validate(self, obj: Any, value: Any) -> Any:
        """Refuse a value with a sentence that names the parameter, its step and what it accepts."""
        if value is None and self.optional:
            return None
        try:
            return self.convert(value)
        except TooMany as refused:
            raise ParameterError(
                f"The {self.name!r} parameter of {type(obj).__name__} must be {self.accepts()}, of at most "
                f"{refused} entries. Got {shown(value)} instead."
            ) from None
        except (Refused, TypeError, ValueError, OverflowError):
            raise ParameterError(
                f"The {self.name!r} parameter of {type(obj).__name__} must be {self.accepts()}. "
                f"Got {shown(value)} instead."
            ) from None


class OnOff(Bool):
    """True or False, and no number that is taken for one."""

    def validate(self, obj: Any, value: Any) -> bool:
        """Refuse anything else, with a sentence that says of what."""
        if isinstance(value, (bool, np.bool_)):
            return bool(value)
        raise ParameterError(
            f"{self.name!r} of {type(obj).__name__} must be True or False. Got {shown(value)} instead."
        )


def as_lists(value: Any) -> Any:
    """Return nested tuples as nested lists, which is how the tutorial writes them."""
    return [as_lists(item) for item in value] if isinstance(value, tuple) else value


class Listed(Parameter):
    """Base of lists, which are kept as tuples and written as lists."""

    def written(self, value: Any) -> Any:
        """Return the value as the tutorial writes it."""
        return as_lists(value)


class _Short(reprlib.Repr):
    """Text of a value of any size, made in a short time."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxset = self.maxdict = 20
        self.maxstring = self.maxother = self.maxlong = 80


def shown(value: Any) -> str:
    """Return a value for a message: short, and also for one that cannot show itself."""
    try:
        text = _Short().repr(value)
    except Exception:
        text = f"an object of type {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."


def number_of(value: Any) -> float:
    """Return a finite number that is no bool, or raise `Refused`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, np.number)):
        raise Refused
    if not math.isfinite(value):
        raise Refused
    return float(value)


def whole_of(value: Any) -> int:
    """Return a whole number, or raise `Refused`."""
    number = number_of(value)
    if number != int(number):
        raise Refused
    return int(number)


def items_of(value: Any, most: int = MOST) -> list[Any]:
    """Return the entries of a list of any kind, or raise `Refused`, or `TooMany`."""
    if isinstance(value, (str, bytes, dict)) or not isinstance(value, (Iterable, np.ndarray)):
        raise Refused
    # Never more than may be is taken out of it: it could have no end.
    found = list(itertools.islice(iter(value), most + 1))
    if len(found) > most:
        raise TooMany(f"{most:_}".replace("_", " ")) if most == MOST else Refused
    return found
