"""What these panels ask of a Reduction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, cast

import xarray as xr

from hustle_widgets.choosing.explain import Explanation
from hustle_widgets.choosing.injecting import Injected
from hustle_widgets.choosing.pins import Pin, Pins
from hustle_widgets.choosing.recovery import Recovery
from hustle_widgets.choosing.search import SearchResult
from hustle_widgets.choosing.subject import Subject
from hustle_widgets.protocols import ReductionLike
from hustle_widgets.steps.base import Step
from hustle_widgets.view.page_part import PagePart


class ChoosingLike(ReductionLike, Subject, Protocol):
    """A Reduction that can be chosen with. `hustle_widgets.choosing.mixin` says more."""

    @property
    def steps(self) -> Mapping[str, Step]: ...  # noqa: D102
    @property
    def pins(self) -> Pins: ...  # noqa: D102
    def pin(self, name: str) -> Pin: ...  # noqa: D102
    def go_back(self, name: str) -> None: ...  # noqa: D102
    def pins_folder(self) -> Path: ...  # noqa: D102
    def free_pin_name(self) -> str: ...  # noqa: D102
    def save_pins(self, folder: str | PathLike[str] | None = ...) -> Path: ...  # noqa: D102
    def load_pins(self, path: str | PathLike[str] | None = ...) -> Pins: ...  # noqa: D102
    def explain(self, frame: int, order: str | None = ..., *, against: str | None = ...) -> Explanation: ...  # noqa: D102
    def inject(self, depth: float = ..., **options: Any) -> Injected: ...  # noqa: D102
    def take_out(self) -> None: ...  # noqa: D102
    def recover(self) -> Recovery: ...  # noqa: D102
    def sweep(self, parameters: Mapping[str, Sequence[Any]], **options: Any) -> xr.Dataset: ...  # noqa: D102
    def search(self, ranges: Mapping[str, Any], **options: Any) -> SearchResult: ...  # noqa: D102
    def set_point(self, **coordinates: Any) -> None: ...  # noqa: D102
    def export(self, folder: str | PathLike[str], *, formats: Iterable[str] = ...) -> list[Path]: ...  # noqa: D102
    def bundle(self, path: str | PathLike[str]) -> Path: ...  # noqa: D102


class ChoosingPart(PagePart):
    """A part of the page that shows what a Reduction offers to choose with."""

    @property
    def reduction(self) -> ChoosingLike:
        """The Reduction shown."""
        return cast(ChoosingLike, super().reduction)
