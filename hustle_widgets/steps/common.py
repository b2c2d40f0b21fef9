"""Parameters that several steps have in common: one key of the config file, one value."""

from __future__ import annotations

from collections.abc import Iterable

from traitlets import link

from hustle_widgets.steps.base import Step


def join_common_parameters(steps: Iterable[Step]) -> None:
    """Let a parameter that several steps declare have one value: set in one of them, it is set in all."""
    first: dict[str, Step] = {}
    for step in steps:
        for name, parameter in step.parameters.items():
            if not parameter.common:
                continue
            if name in first:
                link((first[name], name), (step, name))
            else:
                first[name] = step
