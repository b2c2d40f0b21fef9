"""What is called for others while a chain is computed, and how a computation is stopped."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any


class Cancelled(Exception):
    """A newer request took the place of this one, or a person pressed cancel."""


def safely(callback: Callable[..., Any], *values: Any) -> None:
    """Call back; what goes wrong there is told, with its traceback, and is no error of what is computed.

    `Cancelled`, which a callback may raise to stop the computation, and Ctrl-C go through.
    """
    try:
        callback(*values)
    except Cancelled:
        raise
    except Exception:  # said where an uncaught one would be
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))


class Guarded:
    """Passes every call on to another object, `safely`."""

    def __init__(self, other: Any) -> None:
        self._other = other

    def __getattr__(self, name: str) -> Callable[..., None]:
        method = getattr(self._other, name)
        return lambda *values: safely(method, *values)


class Stop:
    """Whether a computation is to end: it was cancelled, or something else broke it off, such as Ctrl-C."""

    def __init__(self, cancelled: threading.Event | None = None) -> None:
        self._cancelled = cancelled or threading.Event()
        self._broken = False

    def __call__(self) -> None:
        """Raise `Cancelled` if so; called a few times a second by every computation that takes long."""
        if self._broken or self._cancelled.is_set():
            raise Cancelled

    def break_off(self) -> None:
        """End the computation although nobody cancelled it."""
        self._broken = True
