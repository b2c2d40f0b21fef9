"""Between the engine and the steps of a Reduction: edits one way, status and progress the other."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.worker import OFTEN

if TYPE_CHECKING:
    from hustle_widgets.reduction import Reduction


def edits_of(me: weakref.ref[Reduction]) -> Callable[[Any], None]:
    """Return an observer that does not keep the Reduction alive."""

    def observer(change: Any) -> None:
        reduction = me()
        if reduction is not None:
            with reduction._lock:
                if reduction.auto:
                    reduction._worker.cancel()  # the preview shall have the processor for itself
                reduction._on_edit(change["owner"].name)

    return observer


class StatusListener(Listener):
    """Passes what the engine says on to the steps, and to another listener."""

    def __init__(self, reduction: Reduction, other: Listener | None = None) -> None:
        self.reduction, self.other = reduction, other or Listener()
        self.error: tuple[str, Exception] | None = None
        self._told = 0.0

    def running(self, name: str) -> None:
        """Mark the step, and start its progress."""
        with self.reduction._lock:
            self.reduction[name].progress = 0.0
            self.reduction[name].status = "running"
        self.reduction._tell("running", name)
        self.other.running(name)

    def progress(self, name: str, fraction: float) -> None:
        """Move the progress of the step."""
        # A message to the browser for every block would be more work than the blocks.
        now = time.monotonic()
        if now - self._told >= OFTEN:
            self._told = now
            self.reduction[name].progress = fraction
            self.reduction._tell("progress", name)
        self.other.progress(name, fraction)

    def done(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Count the computation, and tell the views."""
        step = self.reduction[name]
        with self.reduction._lock:
            step.compute_count += 1
            step.seconds = seconds
        self.reduction._refresh()
        self.reduction._tell("done", name)
        self.other.done(name, outcome, seconds)

    def reused(self, name: str, outcome: Outcome) -> None:
        """Tell the views."""
        self.reduction._tell("done", name)
        self.other.reused(name, outcome)

    def failed(self, name: str, error: Exception) -> None:
        """Keep the first error, and tell the views."""
        self.error = self.error or (name, error)
        self.reduction._refresh()
        self.reduction._tell("failed", name)
        self.other.failed(name, error)

    def unmet(self, name: str, message: str) -> None:
        """Tell the views."""
        self.reduction._refresh()
        self.reduction._tell("off", name)
        self.other.unmet(name, message)
