"""A parameter and what is to be tried of it, as a person chooses and types them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ipywidgets as w

from hustle_widgets.choosing.sensitivity import values_around
from hustle_widgets.config import format_value, parse_value
from hustle_widgets.steps.parameters import Choice, Real, Switch, Whole, as_lists
from hustle_widgets.view.choosing.subject import ChoosingLike
from hustle_widgets.view.choosing.task import row

NONE = ""


class Tried:
    """A list of parameters, and a line for values.

    Parameters
    ----------
    reduction : Reduction
    text : str
        Label.
    name : str
        What is chosen at first, '' for nothing.
    suggest : callable
        Called with values around the present one; returns what to write into the line.
    hint : str
        What can be written into it.
    kind : str
        Class of the widgets.

    Attributes
    ----------
    widget : ipywidgets.HBox
    """

    def __init__(
        self,
        reduction: ChoosingLike,
        text: str,
        name: str,
        suggest: Callable[[list[Any]], str],
        *,
        hint: str,
        kind: str,
    ) -> None:
        self._steps, self._suggest = reduction.steps, suggest
        names = parameters_of(reduction)
        free = [] if name else [("nothing else", NONE)]
        self._choice = w.Dropdown(
            description=text,
            options=[*free, *zip(names, names, strict=True)],
            value=name,
            tooltip="Parameter that is tried",
        )
        self._line = w.Text(placeholder=hint, tooltip=f"What is tried of '{text}': {hint}")
        self._choice.add_class(f"hustle-{kind}")
        self._line.add_class(f"hustle-{kind}-values")
        self._choice.observe(lambda _: self._fill(), "value")
        self._fill()
        self.widget = row(self._choice, self._line)

    @property
    def name(self) -> str:
        """The parameter as 'step.parameter', '' for none."""
        return str(self._choice.value)

    @property
    def text(self) -> str:
        """What is typed."""
        return str(self._line.value)

    def _fill(self) -> None:
        self._line.disabled = self.name == NONE
        self._line.value = "" if self.name == NONE else self._suggest(self._around())

    def _around(self) -> list[Any]:
        step, _, key = self.name.partition(".")
        owner = self._steps[step]
        return (
            [False, True] if key == "enabled" else values_around(owner.parameters[key], getattr(owner, key))
        )


def usual_parameter(reduction: ChoosingLike) -> str:
    """Return what a person tries first."""
    names = parameters_of(reduction)
    return "free_iter.free_sigma" if "free_iter.free_sigma" in names else names[0]


def parameters_of(reduction: ChoosingLike) -> list[str]:
    """Return the parameters that can be swept, as 'step.parameter', switches of steps among them."""
    found = []
    for step in reduction.steps.values():
        if step.explicit:
            continue
        if step.switch and step.alters:
            found.append(f"{step.name}.enabled")
        found += [
            f"{step.name}.{key}"
            for key, parameter in step.parameters.items()
            if isinstance(parameter, (Real, Whole, Choice, Switch)) and not parameter.display
        ]
    return found


def chosen(*tried: Tried) -> dict[str, str]:
    """Return what is typed for each parameter that is chosen.

    Raises
    ------
    ValueError
        When one is chosen twice.
    """
    found: dict[str, str] = {}
    for one in tried:
        if one.name in found:
            raise ValueError(f"{one.name} is chosen twice: choose another parameter, or 'nothing else'.")
        if one.name != NONE:
            found[one.name] = one.text
    return found


def as_values(around: list[Any]) -> str:
    """Return values as a person types them, separated by commas."""
    return ", ".join(format_value(as_lists(value)) for value in around)


def as_range(around: list[Any]) -> str:
    """Return the range of numbers as 'low to high', other values separated by commas."""
    if len(around) > 1 and all(type(value) in (int, float) for value in around):
        return f"{format_value(around[0])} to {format_value(around[-1])}"
    return as_values(around)


def values_in(text: str, name: str) -> list[Any]:
    """Return the values that a person typed, separated by commas."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise ValueError(f"Give values of {name}, separated by commas, such as 3, 3.5, 4.")
    return [_value(part, name) for part in parts]


def range_in(text: str, name: str) -> tuple[float, float] | list[Any]:
    """Return (low, high) of 'low to high', or the values that a person typed."""
    ends = re.fullmatch(r"\s*(\S+)\s+to\s+(\S+)\s*", text)
    if ends is None:
        if not text.strip():
            raise ValueError(f"Give a range of {name} such as 2.5 to 8, or values separated by commas.")
        return values_in(text, name)
    low, high = (_value(end, name) for end in ends.groups())
    return low, high


def _value(text: str, name: str) -> Any:
    try:
        return parse_value(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
