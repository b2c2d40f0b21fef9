"""Between `.hustle` files and a Reduction: which key is which parameter, in the tutorial's order."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hustle_widgets.config import ConfigError, HustleConfig, template
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import unknown
from hustle_widgets.steps.parameters import Parameter, ParameterError

if TYPE_CHECKING:
    from hustle_widgets.reduction import Reduction

TITLE = "HUSTLE-tools config file for launching Stage 1: Reduction"


def sections(reduction: type[Reduction] | Reduction) -> list[tuple[str, list[tuple[str, Any, str]]]]:
    """Return the lines of a config file: (heading, [(key, value, comment), ...]), as the steps declare them.

    Given a Reduction the values are its own, given the class they are the tutorial's.
    """
    found: list[tuple[str, list[tuple[str, Any, str]]]] = [(TITLE, [])]
    instance: Any = None if isinstance(reduction, type) else reduction
    found.append(("Setup for Stage 1", _lines(reduction.setup_parameters(), instance)))
    for kind in STAGE_1:
        step = None if instance is None else instance[kind.name]
        enabled = True if step is None else step.enabled
        switch = [(kind.switch, enabled, f"Bool. {kind.switch_help}")] if kind.switch else []
        found += [(line, []) for line in kind.heading[:-1]]
        found.append((kind.heading[-1], [*switch, *_lines(kind.parameters, step)]))
    return found


def _lines(parameters: Mapping[str, Parameter], owner: Any) -> list[tuple[str, Any, str]]:
    def value(name: str, parameter: Parameter) -> Any:
        return parameter.written(parameter.tutorial if owner is None else getattr(owner, name))

    return [(name, value(name, parameter), parameter.comment) for name, parameter in parameters.items()]


def declared() -> dict[str, tuple[str, Parameter | None]]:
    """Return who declares each key of the config file, and how; None for a switch."""
    from hustle_widgets.reduction import Reduction

    found: dict[str, tuple[str, Parameter | None]] = {}
    found.update({key: ("Reduction", parameter) for key, parameter in Reduction.setup_parameters().items()})
    for kind in STAGE_1:
        if kind.switch:
            found[kind.switch] = (kind.__name__, None)
        found.update({key: (kind.__name__, parameter) for key, parameter in kind.parameters.items()})
    return found


def tutorial_values() -> dict[str, Any]:
    """Return the tutorial's value of every key of the config file, in its order."""
    return {
        key: True if parameter is None else parameter.tutorial for key, (_, parameter) in declared().items()
    }


def checked(values: Mapping[str, Any], where: str = "reduce") -> dict[str, Any]:
    """Return values as the parameters keep them.

    Raises
    ------
    TypeError
        For a key that is no parameter.
    ParameterError
        For a value that is not accepted; says what is.
    """
    known, found = declared(), {}
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


def no_such_attribute(reduction: Reduction, name: str) -> str:
    """Say where a parameter of a step is set, or which of the Reduction's own may have been meant."""
    if name in reduction.steps:
        return f"A step is not replaced; set its parameters or its switch, e.g. reduction.{name}.enabled."
    owner, trait = reduction.parameter_owners().get(name, (None, ""))
    if owner is not None:
        return f"{name!r} belongs to a step: set reduction.{owner.name}.{trait}."
    return unknown(name, [*reduction.setup_parameters(), "auto"], "Reduction")


def checked_values(config: HustleConfig, reduction: type[Reduction]) -> dict[str, Any]:
    """Return the values of a config file that are parameters of Stage 1; its other keys are left alone.

    Raises
    ------
    ConfigError
        For the first value that cannot be used, with file and line.
    """
    config.check()
    found: dict[str, Any] = {}
    for key in known_keys(reduction):
        if key in config:
            try:
                found |= checked({key: config[key]})
            except ParameterError as error:
                raise ConfigError(str(error), config.path, config.line(key)) from error
    return found


def remarks(config: HustleConfig, reduction: type[Reduction]) -> list[str]:
    """Return what a person should know about a config file: keys that are not used or come twice."""
    known = known_keys(reduction)
    found = list(config.problems)
    for entry in config.entries:
        if entry.key not in known:
            close = difflib.get_close_matches(entry.key, known, n=1, cutoff=0.6)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            found.append((entry.line or 0, f"{entry.key!r} is no parameter of Stage 1; it is kept.{hint}"))
    return [f"line {line}: {message}" for line, message in sorted(found)]


def config_of(reduction: Reduction, base: HustleConfig | None = None) -> HustleConfig:
    """Return all parameters as a config file: the tutorial's template, or the file they came from, updated."""
    config = template(sections(reduction))
    if base is not None:
        for entry in config.entries:
            base.set(entry.key, entry.value, entry.comment)
        config = base
    return config


def known_keys(reduction: type[Reduction] | Reduction) -> list[str]:
    """Return every key of the config file, in order."""
    return [key for _, keys in sections(reduction) for key, _, _ in keys]
