"""A step in a chain of its own, and what it does there."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import Any

import xarray as xr

from hustle_widgets.engine.blocks import Block
from hustle_widgets.engine.calling import prepared, with_known
from hustle_widgets.engine.chain import Chain, Listener
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.given import of_block
from hustle_widgets.reduction import Reduction
from hustle_widgets.script import defaults_for
from hustle_widgets.settings import checked, request_of
from hustle_widgets.source import visit_source
from hustle_widgets.steps import STAGE_1, with_step
from hustle_widgets.steps.base import Step


class Trial:
    """A step in a chain of its own.

    Parameters
    ----------
    kind : type of Step
    visit : xarray.Dataset
    parameters : mapping of str to object
        With which the step finds what it needs.
    """

    def __init__(self, kind: type[Step], visit: xr.Dataset, parameters: dict[str, Any]) -> None:
        self.kind, self.visit, self.parameters = kind, visit, parameters
        self.kinds = STAGE_1 if kind in STAGE_1 else with_step(kind)
        # What the step does not build on is off: the checks are of this step.
        wanted = {kind.name, *kind.needs}
        off = {k.switch: False for k in self.kinds if k.switch and not {k.name, "*"} & wanted}
        self.settings: dict[str, Any] = {**parameters, **off}

    def reduction(self, **changes: Any) -> Reduction:
        """Return a Reduction with the step."""
        return Reduction(self.visit, steps=self.kinds, **{**self.settings, **changes})

    @cached_property
    def done(self) -> Reduction:
        """A Reduction that has computed the step."""
        reduction = self.reduction()
        reduction.compute(save=self.kind.explicit)
        reduction.wait()
        own, step = self.kind.__name__, reduction[self.kind.name]
        if any(other.status == "failed" for other in reduction.steps.values()):
            errors = _Errors()
            with suppress(ValueError):
                reduction.run(errors)
            raise AssertionError(f"{own} cannot compute: {step.error}") from errors.first
        assert step.status == "fresh", (
            f"{own} is {step.status}: {step.error} Give check_step a visit and parameters with which it finds what "
            "it needs."
        )
        return reduction

    @property
    def outcome(self) -> Outcome:
        """What the step found."""
        return self.done.outcomes()[self.kind.name]

    def keywords(self) -> dict[str, Any]:
        """Return what its compute is given: parameters, borrowed ones, and what it prepares."""
        state = self.done.state(self.kind.name)
        parameters = dict(self.done.request()[self.kind.name].parameters)
        return prepared(self.kind.node(), state, parameters)

    def block(self, block: Block, keywords: dict[str, Any]) -> Outcome:
        """Return what its compute gives for a block."""
        return of_block(self.kind.node(), with_known(self.kind.compute, block, **keywords), block)

    def refusal(self, visit: xr.Dataset, **changes: Any) -> Exception | None:
        """Compute the step of another visit, or with other values; return what it raised, None for nothing."""
        values = {
            **defaults_for(visit, self.kinds),
            **checked({**self.settings, **changes}, kinds=self.kinds),
        }
        errors = _Errors()
        chain = Chain(visit_source(visit), [kind.node() for kind in self.kinds])
        chain.execute(request_of(values, self.kinds), errors)
        return errors.of.get(self.kind.name)


class _Errors(Listener):
    def __init__(self) -> None:
        self.of: dict[str, Exception] = {}

    @property
    def first(self) -> Exception | None:
        return next(iter(self.of.values()), None)

    def failed(self, name: str, error: Exception) -> None:
        self.of.setdefault(name, error)
