"""A listener between a computation and another listener."""

from __future__ import annotations

from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.deltas import Outcome


class Passing(Listener):
    """Passes on what is told. To be extended: what a subclass overrides it passes on by itself.

    Parameters
    ----------
    other : Listener or None
    """

    def __init__(self, other: Listener | None) -> None:
        self.other = other or Listener()

    def running(self, name: str) -> None:
        """Pass it on."""
        self.other.running(name)

    def progress(self, name: str, fraction: float) -> None:
        """Pass it on."""
        self.other.progress(name, fraction)

    def done(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Pass it on."""
        self.other.done(name, outcome, seconds)

    def reused(self, name: str, outcome: Outcome) -> None:
        """Pass it on."""
        self.other.reused(name, outcome)

    def failed(self, name: str, error: Exception) -> None:
        """Pass it on."""
        self.other.failed(name, error)

    def unmet(self, name: str, message: str) -> None:
        """Pass it on."""
        self.other.unmet(name, message)
