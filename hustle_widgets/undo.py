"""Undo and redo of edits: which parameter changed from what to what, and in which order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

# Longest pause [s] between two changes of a parameter that still belong to one drag. A slow kernel hears of the
# mouse late.
DRAG = 2.0


@dataclass(frozen=True)
class Edit:
    """One parameter's change.

    Parameters
    ----------
    step : str
        Name of the step, '' for the Reduction itself.
    parameter : str
        Name of the trait.
    old, new : object
        Its value before and after.
    """

    step: str
    parameter: str
    old: Any
    new: Any


class History:
    """The edits made so far, and those undone.

    Parameters
    ----------
    limit : int
        Acts kept; the oldest are forgotten.
    clock : callable
        Gives the time in seconds.

    Examples
    --------
    >>> history = History()
    >>> history.record("free_iter", "free_sigma", 3.5, 4.0)
    True
    >>> history.record("free_iter", "free_sigma", 4.0, 5.0)
    False
    >>> history.undo()
    [Edit(step='free_iter', parameter='free_sigma', old=5.0, new=3.5)]
    >>> history.can_undo, history.can_redo
    (False, True)
    """

    def __init__(self, limit: int = 200, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._done: list[list[Edit]] = []
        self._undone: list[list[Edit]] = []
        self._last = float("-inf")
        self._act: list[Edit] | None = None

    @property
    def can_undo(self) -> bool:
        """Whether there is an act to undo."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether there is an act to do again."""
        return bool(self._undone)

    @property
    def next_undo(self) -> str:
        """What `undo` would change, in words; '' if nothing."""
        return _words(self._done[-1], back=True) if self._done else ""

    @property
    def next_redo(self) -> str:
        """What `redo` would change, in words; '' if nothing."""
        return _words(self._undone[-1], back=False) if self._undone else ""

    def record(self, step: str, parameter: str, old: Any, new: Any) -> bool:
        """Note a change; one of the same parameter shortly after the last belongs to the same drag.

        Returns
        -------
        bool
            Whether an act begins with it.
        """
        edit = Edit(step, parameter, old, new)
        if self._act is not None:
            self._act.append(edit)
            return len(self._act) == 1
        now = self._clock()
        last = self._done[-1] if self._done else []
        same = len(last) == 1 and (last[0].step, last[0].parameter) == (step, parameter)
        same = same and _alike(last[0].old, last[0].new) and _alike(old, new)
        merges = same and not self._undone and now - self._last <= DRAG
        if merges:
            merged = replace(last[0], new=new)
            self._done[-1:] = [[merged]] if merged.old != merged.new else []
        else:
            self._keep([edit])
        self._undone.clear()
        self._last = now
        return not merges

    @contextmanager
    def together(self) -> Iterator[None]:
        """Take all changes recorded meanwhile as one act, such as the opening of a file."""
        if self._act is not None:
            yield
            return
        self._act = []
        try:
            yield
        finally:
            act, self._act = _shortened(self._act), None
            if act:
                self._keep(act)
                self._undone.clear()
                self._last = float("-inf")

    def undo(self) -> list[Edit]:
        """Return the changes that take the last act back, in the order to make them."""
        if not self._done:
            return []
        act = self._done.pop()
        self._undone.append(act)
        return [Edit(edit.step, edit.parameter, edit.new, edit.old) for edit in reversed(act)]

    def redo(self) -> list[Edit]:
        """Return the changes of the act that was undone last."""
        if not self._undone:
            return []
        act = self._undone.pop()
        self._keep(act)
        self._last = float("-inf")
        return list(act)

    def _keep(self, act: list[Edit]) -> None:
        self._done.append(act)
        del self._done[: -self._limit]


def _shortened(act: list[Edit]) -> list[Edit]:
    """Merge the changes of each parameter, and leave out those that came back to where they began."""
    merged: dict[tuple[str, str], Edit] = {}
    for edit in act:
        place = (edit.step, edit.parameter)
        merged[place] = replace(merged[place], new=edit.new) if place in merged else edit
    return [edit for edit in merged.values() if edit.old != edit.new]


def _alike(old: Any, new: Any) -> bool:
    """Tell whether a drag can lead from one value to the other: it adds nothing to a list and takes nothing away."""
    both = isinstance(old, tuple), isinstance(new, tuple)
    return len(old) == len(new) if all(both) else not any(both)


def _words(act: list[Edit], back: bool) -> str:
    if len(act) > 1:
        return f"{len(act)} parameters"
    (edit,) = act
    name = f"{edit.step}.{edit.parameter}" if edit.step else edit.parameter
    return f"{name} to {(edit.old if back else edit.new)!r}"
