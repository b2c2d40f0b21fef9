"""What the engine tells goes on to the steps of a Reduction: status, progress, time taken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

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
        self._steps, self._refresh, self._tell = steps, refresh, tell
        self._told = 0.0

    def running(self, name: str) -> None:
        """Mark the step, and start its progress."""
        self._steps[name].progress = 0.0
        self._refresh()
        self._tell("running", name)
        self.other.running(name)

    def progress(self, name: str, fraction: float) -> None:
        """Move the progress of the step."""
        # A message to the browser for every block would be more work than the blocks.
        now = time.monotonic()
        if now - self._told >= OFTEN:
            self._told = now
            self._steps[name].progress = fraction
            self._tell("progress", name)
        self.other.progress(name, fraction)

    def done(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Count the computation, and tell the views."""
        step = self._steps[name]
        step.compute_count += 1
        step.seconds = seconds
        self._refresh()
        self._tell("done", name)
        self.other.done(name, outcome, seconds)

    def reused(self, name: str, outcome: Outcome) -> None:
        """Tell the views."""
        self._tell("done", name)
        self.other.reused(name, outcome)

    def failed(self, name: str, error: Exception) -> None:
        """Keep the first error, and tell the views."""
        self.error = self.error or (name, error)
        self._refresh()
        self._tell("failed", name)
        self.other.failed(name, error)

    def unmet(self, name: str, message: str) -> None:
        """Tell the views."""
        self._refresh()
        self._tell("off", name)
        self.other.unmet(name, message)
