"""What is asked of a Reduction here."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from hustle_widgets.choosing.injecting import Injected
from hustle_widgets.engine.blocks import Source, State
from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.plan import Request
from hustle_widgets.steps.base import Step


class Subject(Protocol):
    """A Reduction that is judged; `hustle_widgets.Reduction` says more."""

    @property
    def steps(self) -> Mapping[str, Step]: ...  # noqa: D102
    @property
    def kinds(self) -> tuple[type[Step], ...]: ...  # noqa: D102
    @property
    def injected(self) -> Injected | None: ...  # noqa: D102
    @property
    def busy(self) -> bool: ...  # noqa: D102

    def values(self) -> dict[str, Any]:
        """Return all parameters and switches by their keys in the config file."""

    def state(self, before: str = "") -> State:
        """Return the visit as it enters a step, or leaves the chain, as far as it is computed."""

    def observed_source(self) -> Source:
        """Return the visit as it was observed."""

    def computed(
        self,
        request: Request | None = None,
        *,
        whole: bool = False,
        listener: Listener | None = None,
        source: Source | None = None,
        stop: threading.Event | None = None,
    ) -> State:
        """Return the visit behind the last step, computed as far as it is not known."""

    def watch(self, callback: Callable[[str, str], None]) -> None:
        """Call `callback(event, step)` at every event."""

    def unwatch(self, callback: Callable[[str, str], None]) -> None:
        """Call `callback` no more."""

    def at_rest(self, job: Callable[[threading.Event], None]) -> None:
        """Call `job` in a thread of its own, until somebody edits."""

    def rest_no_more(self) -> None:
        """Stop the job of `at_rest`."""

    def forget_beside(self) -> None:
        """Free what steps remember of other values than the present ones."""
