"""A process that is forked while a Reduction computes has its locks, but not its threads."""

from __future__ import annotations

import os
import weakref
from typing import Any

_computing: weakref.WeakSet[Any] = weakref.WeakSet()
_cut_off: weakref.WeakSet[Any] = weakref.WeakSet()


def noted(computation: Any) -> None:
    """Note what is computing, which has a property `computes`, to be known again in a forked process."""
    _computing.add(computation)


def check_not_cut_off(computation: Any) -> None:
    """Raise RuntimeError in a process that was forked while this was computing: it would wait for ever."""
    if computation in _cut_off:
        raise RuntimeError(
            "This process was forked while the Reduction computed, and has none of its threads: make a new "
            "Reduction here, or fork when wait() has returned."
        )


def _after_fork() -> None:
    for computation in tuple(_computing):
        if computation.computes:
            _cut_off.add(computation)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
