"""Between `.hustle` files and a Reduction: which key is which parameter, in the tutorial's order."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xarray as xr

from hustle_widgets.config import ConfigError, HustleConfig, template
from hustle_widgets.engine.plan import Request
from hustle_widgets.outputs import target_of
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step, unknown
from hustle_widgets.steps.parameters import Parameter, ParameterError
from hustle_widgets.steps.setup import SetUp

TITLE = "HUSTLE-tools config file for launching Stage 1: Reduction"

Kinds = Sequence[type[Step]]
Lines = list[tuple[str, Any, str]]


def sections(values: Mapping[str, Any], kinds: Kinds = STAGE_1) -> list[tuple[str, Lines]]:
    """Return the lines of a config file: (heading, [(key, value, comment), ...]), as the steps declare them.

    Parameters
    ----------
    values : mapping of str to object
        All parameters and switches by their keys.
    kinds : sequence of type of Step
        The steps of the chain, in order.
    """
    found: list[tuple[str, Lines]] = [(TITLE, [])]
    found.append(("Setup for Stage 1", _lines(SetUp.setup_parameters(), values)))
    for kind in kinds:
        lines: Lines = []
        if kind.switch:
            lines.append((kind.switch, values[kind.switch], f"Bool. {kind.switch_help}"))
        found += [(line, []) for line in kind.heading[:-1]]
        found.append((kind.heading[-1], [*lines, *_lines(kind.parameters, values)]))
    return found


def _lines(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> Lines:
    return [
        (name, parameter.written(values[name]), parameter.comment) for name, parameter in parameters.items()
    ]


def declared(kinds: Kinds = STAGE_1) -> dict[str, tuple[str, Parameter | None]]:
    """Return who declares each key of the config file, and how; None for a switch. In the file's order."""
    found: dict[str, tuple[str, Parameter | None]] = {}
    found.update({key: ("Reduction", parameter) for key, parameter in SetUp.setup_parameters().items()})
    for kind in kinds:
        if kind.switch:
            found[kind.switch] = (kind.__name__, None)
        found.update({key: (kind.__name__, parameter) for key, parameter in kind.parameters.items()})
    return found


def tutorial_values(kinds: Kinds = STAGE_1) -> dict[str, Any]:
    """Return the tutorial's value of every key of the config file, in its order."""
    return {
        key: True if parameter is None else parameter.tutorial
        for key, (_, parameter) in declared(kinds).items()
    }


def step_values(steps: Iterable[Step]) -> dict[str, Any]:
    """Return parameters and switches of steps by their keys in the config file."""
    found: dict[str, Any] = {}
    for step in steps:
        if step.switch:
            found[step.switch] = step.enabled
        found.update(step.values())
    return found


def values_of_visit(visit: xr.Dataset) -> dict[str, Any]:
    """Return what a visit says of parameters that the tutorial can only guess: its folder, and its target."""
    found: dict[str, Any] = {}
    if visit.attrs.get("toplevel_dir"):
        found["toplevel_dir"] = visit.attrs["toplevel_dir"]
    target = target_of(visit)
    if target is not None:
        found["location"] = (round(target[0], 2), round(target[1], 2))
    return found


def checked(values: Mapping[str, Any], where: str = "reduce", kinds: Kinds = STAGE_1) -> dict[str, Any]:
    """Return values as the parameters keep them.

    Raises
    ------
    TypeError
        For a key that is no parameter.
    ParameterError
        For a value that is not accepted; says what is.
    """
    known, found = declared(kinds), {}
    for key, value in values.items():
        if key not in known:
            raise TypeError(unknown(key, known, where))
        owner, parameter = known[key]
        if parameter is not None:
            # Only the name of its owner's class is asked for, so none has to be made.
            found[key] = parameter.validate(type(owner, (), {})(), value)
        elif isinstance(value, bool):
            found[key] = value
        else:
            raise ParameterError(f"The {key!r} switch must be True or False. Got {value!r} instead.")
    return found


def request_of(values: Mapping[str, Any], kinds: Kinds = STAGE_1) -> Request:
    """Return switches and parameters as the engine wants them, with what steps borrow from others.

    Parameters
    ----------
    values : mapping of str to object
        All parameters and switches by their keys in the config file.
    kinds : sequence of type of Step
        The steps of the chain, in order.
    """
    return {kind.name: kind.setting(values) for kind in kinds}


def checked_values(config: HustleConfig, kinds: Kinds = STAGE_1) -> dict[str, Any]:
    """Return the values of a config file that are parameters of Stage 1; its other keys are left alone.

    Raises
    ------
    ConfigError
        For the first value that cannot be used, with file and line.
    """
    config.check()
    found: dict[str, Any] = {}
    for key in declared(kinds):
        if key in config:
            try:
                found |= checked({key: config[key]}, kinds=kinds)
            except ParameterError as error:
                raise ConfigError(str(error), config.path, config.line(key)) from error
    return found


def remarks(config: HustleConfig, kinds: Kinds = STAGE_1) -> list[str]:
    """Return what a person should know about a config file: keys that are not used or come twice."""
    known = list(declared(kinds))
    found = list(config.problems)
    for entry in config.entries:
        if entry.key not in known:
            close = difflib.get_close_matches(entry.key, known, n=1, cutoff=0.6)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            found.append((entry.line or 0, f"{entry.key!r} is no parameter of Stage 1; it is kept.{hint}"))
    return [f"line {line}: {message}" for line, message in sorted(found)]


def config_of(
    values: Mapping[str, Any], base: HustleConfig | None = None, kinds: Kinds = STAGE_1
) -> HustleConfig:
    """Return all parameters as a config file: the tutorial's template, or the file they came from, updated."""
    config = template(sections(values, kinds))
    if base is not None:
        for entry in config.entries:
            base.set(entry.key, entry.value, entry.comment)
        config = base
    return config
