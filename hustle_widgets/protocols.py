"""What a Reduction and a step offer to each other and to the view that shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

import xarray as xr

from hustle_widgets.config import HustleConfig
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.plan import Request, Setting
from hustle_widgets.steps.parameters import Parameter


class Observable(Protocol):
    """An object with traits."""

    def observe(self, handler: Callable[[Any], None], names: Any = ..., type: Any = ...) -> None:
        """Call `handler` when one of the named traits changes."""

    def unobserve(self, handler: Callable[[Any], None], names: Any = ..., type: Any = ...) -> None:
        """Call it no more."""


class StepLike(Observable, Protocol):
    """A step, as it is shown. `hustle_widgets.steps.base.Step` says what each attribute is."""

    enabled: bool

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def title(self) -> str: ...  # noqa: D102
    @property
    def section(self) -> str: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def tour(self) -> str: ...  # noqa: D102
    @property
    def switch(self) -> str: ...  # noqa: D102
    @property
    def switch_help(self) -> str: ...  # noqa: D102
    @property
    def alters(self) -> bool: ...  # noqa: D102
    @property
    def sky(self) -> bool: ...  # noqa: D102
    @property
    def explicit(self) -> bool: ...  # noqa: D102
    @property
    def in_sight(self) -> bool: ...  # noqa: D102
    @property
    def opens(self) -> bool: ...  # noqa: D102
    @property
    def follows(self) -> tuple[str, str] | None: ...  # noqa: D102
    @property
    def flag(self) -> int: ...  # noqa: D102
    @property
    def live(self) -> Any: ...  # noqa: D102
    @property
    def borrows(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def parameters(self) -> Mapping[str, Parameter]: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def error(self) -> str: ...  # noqa: D102
    @property
    def notes(self) -> str: ...  # noqa: D102
    @property
    def compute_count(self) -> int: ...  # noqa: D102
    @property
    def seconds(self) -> float: ...  # noqa: D102
    @property
    def progress(self) -> float: ...  # noqa: D102
    @property
    def reduction(self) -> ReductionLike | None: ...  # noqa: D102

    def setting(self, values: Mapping[str, Any]) -> Setting:
        """Return switch and parameters, borrowed ones included, out of those of all steps."""

    def soft(self, name: str) -> tuple[float, float] | None:
        """Return the range in which a parameter can matter for this visit."""

    def reset(self, *names: str) -> None:
        """Set the named parameters, all if none is named, to the tutorial's values."""


class ReductionLike(Observable, Protocol):
    """A Reduction, as its steps and the view know it. `hustle_widgets.Reduction` says more."""

    auto: bool
    output_run: str
    config: HustleConfig | None

    @property
    def config_remarks(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def visit(self) -> xr.Dataset: ...  # noqa: D102
    @property
    def steps(self) -> Mapping[str, StepLike]: ...  # noqa: D102
    @property
    def kinds(self) -> tuple[type[Any], ...]: ...  # noqa: D102
    @property
    def toplevel_dir(self) -> str: ...  # noqa: D102
    @property
    def busy(self) -> bool: ...  # noqa: D102

    def __getitem__(self, name: str) -> StepLike:
        """Return a step by its name."""

    def join_edits(self, joined: Callable[[], AbstractContextManager[None]]) -> None:
        """Have `joined` entered around edits that belong together."""

    def frozen(self) -> AbstractContextManager[Any]:
        """Keep other threads from drawing meanwhile."""

    def setup_parameters(self) -> dict[str, Parameter]:
        """Return the parameters that belong to no step."""

    def parameter_owners(self) -> dict[str, tuple[Any, str]]:
        """Return where each key of the config file lives: (object, trait)."""

    def values(self) -> dict[str, Any]:
        """Return all parameters and switches by their keys in the config file."""

    def set(self, **parameters: Any) -> None:
        """Set several parameters and switches by their keys, all or none."""

    def request(self) -> Request:
        """Return all switches and parameters, frozen."""

    def state(self, before: str = ...) -> State:
        """Return the visit as it enters a step, or leaves the chain, as far as it is computed."""

    def outcomes(self) -> dict[str, Outcome]:
        """Return what is known of the present parameters, by step."""

    def known_tokens(self, steps: int | None = ...) -> tuple[str, ...]:
        """Return the tokens of the first steps that are on, or of all; '' for an outcome not yet known."""

    def compute(self, save: bool = ..., after: float = ...) -> None:
        """Compute in the background what is not known yet."""

    def cancel(self) -> None:
        """Stop what is being computed."""

    def watch(self, callback: Callable[[str, str], None]) -> None:
        """Call `callback(event, step)` at every event."""

    def unwatch(self, callback: Callable[[str, str], None]) -> None:
        """Call it no more."""

    def recommend(self) -> dict[str, str]:
        """Set what was measured to be best for a visit like this one; return why, by key."""

    def reset(self) -> None:
        """Set all steps to the tutorial's values."""

    def save_figures(self, progress: Callable[[float], None] | None = ...) -> Path:
        """Draw figures and quicklooks of the last result into the run's folder."""

    def output_folder(self) -> Path:
        """Return the folder of this run."""

    def check_folder(self) -> None:
        """Raise ValueError when the visit's folder is not there."""

    def write_config(self, path: str | PathLike[str]) -> Path:
        """Write all parameters as a `.hustle` file."""

    def close(self) -> None:
        """Take the view off the page and stop computing."""


class CampaignLike(Protocol):
    """Visits that were reduced together. `hustle_widgets.campaign.Campaign` says more."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]: ...  # noqa: D102
    @property
    def names(self) -> tuple[str, ...]: ...  # noqa: D102

    def summary(self) -> str:
        """Say in a few lines what became of the visits."""

    def number(self, number: int, name: str) -> float:
        """Return a number of a row by its column; NaN for none."""

    def light_curves(self, order: str | None = ...) -> dict[str, Any]:
        """Return times and light of each visit by its name."""

    def figure(self, order: str | None = ...) -> Any:
        """Draw the light curves of all visits on one figure."""

    def open(self, name: str) -> Any:
        """Open a visit as widgets."""
