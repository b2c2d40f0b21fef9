"""Which steps a chain has: the tutorial's, with steps of a person's own among them."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Sequence
from typing import Any

from hustle_widgets.steps.base import Step
from hustle_widgets.steps.own_file import module_of
from hustle_widgets.steps.promised import OPEN

MOST_BITS = 32  # of data_quality


def inserted(kinds: Sequence[type[Step]], added: Iterable[type[Step]]) -> tuple[type[Step], ...]:
    """Return steps with others among them, each behind the one that its `after` names.

    Raises
    ------
    ValueError
        When a step does not say where it belongs, or names one that is not there.
    """
    found = list(kinds)
    for kind in added:
        names = [other.name for other in found]
        if kind.after not in names:
            raise ValueError(
                f"{kind.__name__} must say behind which step it belongs: declare `after` as one of "
                f"{', '.join(names)}. Got {kind.after!r} instead."
            )
        place = names.index(kind.after) + 1
        while place < len(found) and found[place].after == kind.after:  # those given before it stay before it
            place += 1
        found.insert(place, kind)
    return tuple(found)


def checked_line_up(kinds: Iterable[type[Step]], taken: Iterable[str] = ()) -> tuple[type[Step], ...]:
    """Return the steps of a chain, if they can work together.

    Parameters
    ----------
    kinds : iterable of type of Step
    taken : iterable of str
        Names that steps and parameters cannot have.

    Raises
    ------
    TypeError
        For what is no class of a step.
    ValueError
        When two share a name, a parameter, a switch or a flag, or when one borrows a parameter that is not there.
    """
    line_up = tuple(kinds)
    names = dict.fromkeys(taken, "the Reduction")
    keys = dict(names)
    flags: dict[int, str] = {}
    common: set[str] = set()
    for kind in line_up:
        own = getattr(kind, "__name__", repr(kind))
        if not (inspect.isclass(kind) and issubclass(kind, Step) and hasattr(kind, "compute")):
            raise TypeError(f"`steps` takes classes of steps that define `compute`. Got {kind!r} instead.")
        if not kind.name.isidentifier() or kind.name.startswith("_") or not kind.title:
            raise ValueError(f"{own} needs a `name` that Python takes for one, and a `title`.")
        own_keys = [*filter(None, [kind.switch]), *kind.parameters]
        for word, owners in [(kind.name, names), *((key, keys) for key in own_keys)]:
            if word in common and word in kind.parameters and kind.parameters[word].common:
                continue
            if word in owners:
                raise ValueError(
                    f"{own} has {word!r}, which {owners[word]} has already: give it another name."
                )
            owners[word] = own
        common |= {name for name, parameter in kind.parameters.items() if parameter.common}
        if kind.flag:
            if kind.flag & (kind.flag - 1) or not 0 < kind.flag < 2**MOST_BITS:
                raise ValueError(
                    f"The `flag` of {own} must be one bit: 1, 2, 4, ... 2**31. Got {kind.flag} instead."
                )
            if kind.flag in flags:
                free = next(2**bit for bit in range(MOST_BITS) if all(2**bit != k.flag for k in line_up))
                raise ValueError(
                    f"{own} has the `flag` {kind.flag}, which {flags[kind.flag]} has already: {free} is free."
                )
            flags[kind.flag] = own
    known = {f"{kind.name}.{name}" for kind in line_up for name in kind.parameters}
    for kind in line_up:
        for place in kind.borrows:
            if place not in known and not has_default(kind, place.partition(".")[2]):
                raise ValueError(f"{kind.__name__} borrows {place!r}, and no step of this chain has it.")
    _check_needs(line_up)
    _check_columns(line_up)
    return line_up


def _check_needs(line_up: Sequence[type[Step]]) -> None:
    """Raise ValueError when a step reads what is not before it, or what no step at all is called.

    A chain may be shorter than that of the tutorial, so that a step goes without what it would read.
    """
    names = [kind.name for kind in line_up]
    for number, kind in enumerate(line_up):
        for name in kind.needs:
            if name in names[number:]:
                raise ValueError(
                    f"{kind.__name__} needs {name!r}, which does not stand before it in this chain: put it behind."
                )
            if name not in ("*", *names) and name not in (known := _names_of_all(Step)):
                close = difflib.get_close_matches(name, known, n=1)
                hint = f" Did you mean {close[0]!r}?" if close else ""
                raise ValueError(f"{kind.__name__} needs {name!r}, and there is no step of that name.{hint}")


def _names_of_all(base: type[Step]) -> set[str]:
    """Return the names of all steps there are."""
    return {base.name, *(name for kind in base.__subclasses__() for name in _names_of_all(kind))} - {""}


def _check_columns(line_up: Sequence[type[Step]]) -> None:
    """Raise ValueError when two steps record a column of one name: the clean visit would hold one of them."""
    owners: dict[str, str] = {}
    for kind in line_up:
        for column in kind.records.keys() - OPEN:
            if column in owners:
                raise ValueError(
                    f"{kind.__name__} records the column {column!r}, which {owners[column]} has already: give it "
                    "another name."
                )
            owners[column] = kind.__name__


def has_default(kind: type[Step], name: str) -> bool:
    """Tell whether the functions of a step do without what they name."""
    named = [
        inspect.signature(function).parameters[name]
        for function in (kind.compute, kind.prepare, kind.finish)
        if name in inspect.signature(function).parameters
    ]
    return all(parameter.default is not parameter.empty for parameter in named)


def named_step(place: str) -> type[Step]:
    """Return the step at a place 'package.module:Class' or 'file.py:Class'.

    Raises
    ------
    ValueError
        When there is no such class, or when its file cannot be imported: why, and in which line.
    """
    module, _, name = place.rpartition(":")
    try:
        found: Any = module_of(module)
        if not hasattr(found, name):
            there = [own for own, value in vars(found).items() if _is_step(value) and not own.startswith("_")]
            raise AttributeError(f"There is no {name!r} in it; steps in it: {', '.join(there) or 'none'}.")
        if not _is_step(getattr(found, name)):
            raise AttributeError(f"{name!r} in it is no class of a step with a `name`.")
    except (ImportError, AttributeError, OSError) as error:
        raise ValueError(
            f"There is no step {place!r}: give it as package.module:Class or file.py:Class. {error}"
        ) from error
    return checked_line_up([getattr(found, name)])[0]


def _is_step(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, Step) and bool(value.name)
