"""Plays the frames of a visit one after the other, as fast as the browser takes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Seconds a frame is shown, and the longest that an answer of the browser is waited for.
INTERVAL = 0.1
PATIENCE = 2.0


class Player:
    """A thread that asks for the next frame until it is stopped.

    Parameters
    ----------
    show_next : callable
        Shows the next frame. Called from the player's thread.
    ask : callable
        ask(heard) calls `heard` when the browser has got what was sent, so that no frames pile up on a slow link.
    interval : float
        Seconds between two frames.
    """

    def __init__(
        self,
        show_next: Callable[[], None],
        ask: Callable[[Callable[[], None]], None],
        interval: float = INTERVAL,
    ) -> None:
        self._show_next, self._ask, self.interval = show_next, ask, interval
        self._stop: threading.Event | None = None

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._stop is not None

    def start(self) -> None:
        """Begin to play; nothing happens if it plays already."""
        if self._stop is None:
            self._stop = threading.Event()
            threading.Thread(target=self._play, args=(self._stop,), name="hustle-player", daemon=True).start()

    def stop(self) -> None:
        """Stop behind the frame that is being shown."""
        stop, self._stop = self._stop, None
        if stop is not None:
            stop.set()

    def _play(self, stop: threading.Event) -> None:
        arrived = threading.Event()
        due = time.monotonic()
        while not stop.is_set():
            self._show_next()
            arrived.clear()
            self._ask(arrived.set)
            arrived.wait(PATIENCE)
            # By a clock, so that small delays do not add up; what a slow frame has cost is not made up for.
            due = max(due + self.interval, time.monotonic())
            stop.wait(due - time.monotonic())
