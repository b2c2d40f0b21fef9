"""Between `.hustle` files and a Reduction: which key is which parameter, in the tutorial's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hustle_widgets.config import HustleConfig, template
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.parameters import Parameter

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


def values_of(config: HustleConfig, reduction: type[Reduction]) -> dict[str, Any]:
    """Return the values of a config file that are parameters of Stage 1; its other keys are left alone."""
    config.check()
    return {key: config[key] for key in known_keys(reduction) if key in config}


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
