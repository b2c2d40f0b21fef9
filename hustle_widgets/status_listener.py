"""What the engine tells goes on to the steps of a Reduction: status, progress, time taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from hustle_widgets.engine.callbacks import Cancelled, safely
from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.worker import OFTEN
from hustle_widgets.steps.base import Step


class StatusListener(Listener):
    """Passes what the engine tells on to the steps, to a Reduction's watchers, and to another listener.

    Parameters
    ----------
    steps : mapping of str to Step
    refresh : callable
        Called without arguments; gives each step the status that follows from what is known.
    tell : callable
        Called as ``tell(event, step)``; tells the watchers.
    other : Listener, optional
        Told of everything too, after the steps.

    Attributes
    ----------
    error : (str, Exception) or None
        Name and error of the first step that failed.
    trouble : Exception or None
        What the other listener raised first. The steps are computed all the same.
    """

    def __init__(
        self,
        steps: Mapping[str, Step],
        refresh: Callable[[], None],
        tell: Callable[[str, str], None],
        other: Listener | None = None,
    ) -> None:
        self.other = other or Listener()
        self.error: tuple[str, Exception] | None = None
        self.trouble: Exception | None = None
        self._steps, self._refresh, self._tell = steps, refresh, tell
        self._told = 0.0

    def _set(self, name: str, **values: float) -> None:
        for trait, value in values.items():
            safely(setattr, self._steps[name], trait, value)  # which calls a person's observers

    def _pass_on(self, what: str, *values: Any) -> None:
        try:
            getattr(self.other, what)(*values)
        except Cancelled:
            raise
        except Exception as error:
            self.trouble = self.trouble or error

    def running(self, name: str) -> None:
        """Mark the step, and start its progress."""
        self._set(name, progress=0.0)
        self._refresh()
        self._tell("running", name)
        self._pass_on("running", name)

    def progress(self, name: str, fraction: float) -> None:
        """Move the progress of the step."""
        # A message to the browser for every block would be more work than the blocks.
        now = time.monotonic()
        if now - self._told >= OFTEN:
            self._told = now
            self._set(name, progress=fraction)
            self._tell("progress", name)
        self._pass_on("progress", name, fraction)

    def done(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Count the computation, and tell the views."""
        self._set(name, compute_count=self._steps[name].compute_count + 1, seconds=seconds)
        self._refresh()
        self._tell("done", name)
        self._pass_on("done", name, outcome, seconds)

    def reused(self, name: str, outcome: Outcome) -> None:
        """Tell the views."""
        self._tell("done", name)
        self._pass_on("reused", name, outcome)

    def failed(self, name: str, error: Exception) -> None:
        """Keep the first error, and tell the views."""
        self.error = self.error or (name, error)
        self._refresh()
        self._tell("failed", name)
        self._pass_on("failed", name, error)

    def unmet(self, name: str, message: str) -> None:
        """Tell the views."""
        self._refresh()
        self._tell("off", name)
        self._pass_on("unmet", name, message)
