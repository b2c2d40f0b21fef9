"""Between `.hustle` files and a Reduction: which key is which parameter, in the tutorial's order."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xarray as xr

from hustle_widgets.config import ConfigError, HustleConfig, format_value, template
from hustle_widgets.engine.plan import Request
from hustle_widgets.peer_configs import (
    check_stage,
    meant,
    names_today,
    older_names,
    remark_on,
)
from hustle_widgets.source import target_of
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step, unknown
from hustle_widgets.steps.parameter_base import shown
from hustle_widgets.steps.parameters import Parameter, ParameterError, as_lists
from hustle_widgets.steps.setup import SetUp

_MOST_REMARKS = 20
_ANY_SHAPE = (1_000_000, 1_000_000)  # larger than any frame, to check a file before its visit is known
# The key of a config that was written while something was injected into the visit.
INJECTED = "injected"
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
    written: set[str] = set()
    for kind in kinds:
        lines: Lines = []
        if kind.switch:
            lines.append((kind.switch, values[kind.switch], f"Bool. {kind.switch_help}"))
        found += [(line, []) for line in kind.heading[:-1]]
        # What several steps have in common stands with the first of them.
        own = {key: parameter for key, parameter in kind.parameters.items() if key not in written}
        written |= own.keys()
        found.append((kind.heading[-1], [*lines, *_lines(own, values)]))
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
            # `validate` needs only the name of the owner's class, so a stand-in will do.
            found[key] = parameter.validate(type(owner, (), {})(), value)
        elif isinstance(value, bool):
            found[key] = value
        else:
            raise ParameterError(f"The {key!r} switch must be True or False. Got {shown(value)} instead.")
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


def checked_values(
    config: HustleConfig, kinds: Kinds = STAGE_1, shape: tuple[int, int] | None = None
) -> dict[str, Any]:
    """Return the values of a config file that are parameters of Stage 1; its other keys are left alone.

    Values are read as HUSTLE-tools means them: 0 and 1 for a switch, text without quotes, None for what a step
    that is off needs, the keys of its older versions. A switch that is missing in a file with others is False.
    Rows and edges that are counted from the frame's end come out right when its `shape`, (rows, columns), is given.

    Raises
    ------
    ConfigError
        For a file of another stage, and for the first value that cannot be used, with file and line.
    """
    known = declared(kinds)
    check_stage(config, known)
    config.check()
    older = older_names(config, known)
    found: dict[str, Any] = {}
    for key in sorted(known, key=lambda key: known[key][1] is not None):  # the switches first
        entry = config.entry(older.get(key, key))
        if entry is None or (entry.value is None and _may_be_none(key, found, kinds)):
            continue
        try:
            found |= checked({key: meant(entry, known[key][1], shape or _ANY_SHAPE)}, kinds=kinds)
        except (ParameterError, ConfigError) as error:
            message = error.message if isinstance(error, ConfigError) else str(error)
            raise ConfigError(message, config.path, entry.line) from error
    return found | dict.fromkeys(_switched_off(found, kinds), False)


def _may_be_none(key: str, found: Mapping[str, Any], kinds: Kinds) -> bool:
    """Tell whether None stands for a parameter that is not needed: its step is off, or the visit knows better."""
    parameter = declared(kinds)[key][1]
    if parameter is None or parameter.optional:
        return False
    if key == "location":  # Stage 0 leaves it so before it has run: the header's is used
        return True
    owner = next((kind for kind in kinds if key in kind.parameters), None)
    switch = "" if owner is None else owner.switch
    return bool(switch) and not found.get(switch, switch not in _switched_off(found, kinds))


def _switched_off(found: Mapping[str, Any], kinds: Kinds) -> list[str]:
    """Return the switches that are missing in a file with others: its version of HUSTLE-tools had no such step.

    What is computed is always saved, unless the file says no.
    """
    switches = [kind.switch for kind in kinds if kind.switch and not kind.explicit]
    missing = [switch for switch in switches if switch not in found]
    return missing if len(missing) < len(switches) else []


def remarks(config: HustleConfig, kinds: Kinds = STAGE_1) -> list[str]:
    """Return what a person should know about a config file: keys that are not used, come twice or are older."""
    known = declared(kinds)
    today = names_today(config, known)
    taken = set(older_names(config, known).values())
    found = list(config.problems)
    found += [
        (line, f"{key} stands below # ENDPARSE, where nothing is read: move it above.")
        for line, key in config.below_end()
        if key in known
    ]
    hints = 0
    for entry in config.entries:
        if entry.key in known:
            continue
        if entry.key == INJECTED:
            text = f"{entry.value} It is not injected again; the result of that run was."
            found.append((entry.line or 0, text))
            continue
        text = remark_on(entry.key, today.get(entry.key, entry.key), taken)
        if not text:
            hints += 1
            text = f"{entry.key!r} is no parameter of Stage 1; it is kept."
            if hints <= _MOST_REMARKS and (close := difflib.get_close_matches(entry.key, known, n=1)):
                text += f" Did you mean {close[0]!r}?"
        found.append((entry.line or 0, text))
    lines = [f"line {line}: {message}" for line, message in sorted(found)]
    more = len(lines) - _MOST_REMARKS
    return lines if more <= 0 else [*lines[:_MOST_REMARKS], f"and {more} more lines of this kind."]


def absences(config: HustleConfig, kinds: Kinds = STAGE_1) -> list[str]:
    """Return which keys a config file does not have, and what is taken in their place.

    Raises
    ------
    ConfigError
        As `checked_values`.
    """
    found = checked_values(config, kinds)
    older = older_names(config, declared(kinds))
    present = {key for key in declared(kinds) if key in config or key in older}
    off = _switched_off(dict.fromkeys(present), kinds)
    lines = []
    if off:
        lines.append(
            f"Not in the file, so off, as in a version of HUSTLE-tools without such steps: {', '.join(off)}."
        )
    idle = {key for kind in kinds if not found.get(kind.switch, True) for key in kind.parameters}
    usual = tutorial_values(kinds)
    taken = [
        "location (the header's, or Stage 0's)"
        if key == "location"
        else f"{key} {format_value(as_lists(usual[key]))}"
        for key in usual
        if key not in found and key not in idle
    ]
    if taken:
        lines.append(f"Not in the file, so as in the tutorial: {', '.join(taken)}.")
    nones = [key for key in present if key not in found]
    if nones:
        lines.append(f"None in the file, where that is no value, and not used: {', '.join(nones)}.")
    return lines


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


def marked(config: HustleConfig, injected: str) -> HustleConfig:
    """Say in a config what is injected into the visit, '' for nothing; return the config."""
    config.remove(INJECTED)
    if injected:
        config.set(INJECTED, injected, "The result holds made-up light: it is for tests, not for science.")
    return config
