"""What a step declares beside its parameters, and whether the declaration holds together."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, NamedTuple

from hustle_widgets.steps.parameters import Parameter

# What a person reads of a step, each with the verbosity from which it is said.
Lines = list[tuple[int, str]]


class Column(NamedTuple):
    """A column of a step's table.

    Attributes
    ----------
    unit : str
        As in a FITS header, '1' for none.
    text : str
        What it is, in a few words.
    axes : tuple of str
        What its axes behind the first, the frames, are: 'x' the rows, 'y' the columns, 'xy' a position
        (column, row), or a name of the step's own.
    """

    unit: str
    text: str
    axes: tuple[str, ...] = ()


def loaded(declared: Any) -> Any:
    """Return what a step declares by its place, 'package.module:name'; anything else as it is.

    A step names its plots by their place so that they are imported when they are first shown.

    Raises
    ------
    ImportError
        When there is no such module, or no such name in it.
    """
    if not isinstance(declared, str):
        return declared
    module, _, name = declared.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ImportError(
            f"There is no {declared!r}: name it as 'package.module:name'. {error}", name=module
        ) from error


def keywords_of(*functions: Callable[..., Any]) -> tuple[set[str], bool]:
    """Return the names that functions take by keyword, and whether one of them takes any."""
    named: set[str] = set()
    takes_any = False
    for function in functions:
        for name, parameter in inspect.signature(function).parameters.items():
            takes_any |= parameter.kind is inspect.Parameter.VAR_KEYWORD
            named.add(name)
    return named, takes_any


def refuse_dead_parameters(
    owner: str, parameters: dict[str, Parameter], borrowed: Iterable[str], functions: Iterable[Any]
) -> None:
    """Raise TypeError for a parameter that none of a step's functions names: its slider would change nothing."""
    named, takes_any = keywords_of(*functions)
    if takes_any:
        return
    for name, parameter in parameters.items():
        if name in named and parameter.display:
            raise TypeError(
                f"{owner} declares its parameter {name!r} for display only, but its compute, prepare or finish "
                "names it: leave display=True out."
            )
        if name not in named and not parameter.display:
            raise TypeError(
                f"{owner} has the parameter {name!r}, which its compute, prepare and finish do not name: it would "
                "change nothing. Name it in one of them, or declare it with display=True if it only changes what "
                "is shown."
            )
    for name in borrowed:
        if name not in named:
            raise TypeError(f"{owner} borrows {name!r}, which its compute, prepare and finish do not name.")
