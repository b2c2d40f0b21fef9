"""The steps of a chain and all parameters by their keys: what a Reduction is to people and config files."""

from __future__ import annotations

from typing import Any

from hustle_widgets.engine.callbacks import safely
from hustle_widgets.steps.base import Step, unknown
from hustle_widgets.steps.parameter_base import shown
from hustle_widgets.steps.parameters import ParameterError
from hustle_widgets.steps.setup import SetUp


class ParameterAccess(SetUp):
    """Steps by name, parameters and switches by their keys in the config file.

    Attributes
    ----------
    steps : dict of str to Step
        In order.
    """

    steps: dict[str, Step]

    @property
    def kinds(self) -> tuple[type[Step], ...]:
        """The classes of the steps, in order."""
        return tuple(type(step) for step in self.steps.values())

    def __getitem__(self, name: str) -> Step:
        try:
            return self.steps[name]
        except KeyError:
            raise KeyError(f"No step {name!r}. The steps are {', '.join(self.steps)}.") from None

    def __getattr__(self, name: str) -> Step:
        steps = self.__dict__.get("steps", {})
        if name in steps:
            return steps[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.steps]

    def cannot_set(self, name: str) -> str:
        """Say where a parameter of a step is set, or which of the Reduction's own may have been meant."""
        if name in self.steps:
            return f"A step is not replaced; set its parameters or its switch, e.g. reduction.{name}.enabled."
        owner, trait = self.parameter_owners().get(name, (None, ""))
        if owner is not None:
            return f"{name!r} belongs to a step: set reduction.{owner.name}.{trait}."
        return unknown(name, [*self.setup_parameters(), "auto"], "Reduction")

    def parameter_owners(self) -> dict[str, tuple[Any, str]]:
        """Return where each key of the config file lives: (object, trait)."""
        found: dict[str, tuple[Any, str]] = {name: (self, name) for name in self.setup_parameters()}
        for step in self.steps.values():
            if step.switch:
                found[step.switch] = (step, "enabled")
            found.update({name: (step, name) for name in step.parameters})
        return found

    def set(self, **parameters: Any) -> None:
        """Set several parameters and switches, by their keys in the config file: all, or none if one is bad."""
        owners = self.parameter_owners()
        before = {}
        try:
            for key, value in parameters.items():
                if key not in owners:
                    raise TypeError(unknown(key, owners, "Reduction"))
                owner, trait = owners[key]
                before[key] = getattr(owner, trait)
                if trait == "enabled" and not isinstance(value, bool):
                    raise ParameterError(
                        f"The {key!r} switch must be True or False. Got {shown(value)} instead."
                    )
                setattr(owner, trait, value)
        except Exception:
            for key, value in before.items():
                safely(
                    setattr, owners[key][0], owners[key][1], value
                )  # whatever an observer raises, all go back
            raise

    def values(self) -> dict[str, Any]:
        """Return all parameters and switches by their keys in the config file."""
        return {key: getattr(owner, trait) for key, (owner, trait) in self.parameter_owners().items()}
