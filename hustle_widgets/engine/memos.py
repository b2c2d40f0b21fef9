"""Memos: what a step keeps of frames or series, and which pixels an edit before the step has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.changes import differing, union
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Patch


class Everything(Enum):
    """Says that any pixel may have changed; see EVERYTHING."""

    EVERYTHING = "everything"


EVERYTHING: Literal[Everything.EVERYTHING] = Everything.EVERYTHING
"""In place of the indices of changed pixels: any of them may have changed."""

Changed = NDArray[np.intp] | Literal[Everything.EVERYTHING]


@dataclass(frozen=True, eq=False)
class Replaced:
    """The pixels of a frame that a step replaced.

    Attributes
    ----------
    patch : callable
        Called without arguments; returns the patch they are of, None if it does not exist any more.
    index : ndarray of int, shape (n,)
        Flat indices of the pixels.
    value : ndarray of float32, shape (n,)
        What they became [e-].
    """

    patch: Callable[[], Patch | None]
    index: NDArray[Any]
    value: NDArray[np.float32]

    @classmethod
    def of(cls, patch: Patch, frame: int, n_rows: int) -> Replaced:
        """Return what a patch with values replaced in a frame."""
        assert patch.value is not None
        entries, inside = patch.find(slice(frame, frame + 1), slice(0, n_rows))
        return cls(ref(patch), inside.astype(np.int32), patch.value[entries])

    def is_that_of(self, other: Replaced) -> bool:
        """Tell whether both are of one patch."""
        patch = self.patch()
        return patch is not None and patch is other.patch()

    def differs(self, other: Replaced) -> NDArray[Any]:
        """Return the sorted flat indices of the pixels that only one has, or with other values."""
        return differing(self.index, self.value, other.index, other.value)


NOTHING_REPLACED = Replaced(lambda: None, np.empty(0, np.int32), np.empty(0, np.float32))


@dataclass(frozen=True, eq=False)
class TakenOff:
    """What a step subtracted from a frame.

    Attributes
    ----------
    level : ndarray of float32, shape (), (columns,) or (rows, 1)
        Of the frame, of each column or of each row [e-]; with a template, the factor of it.
    template : ndarray of float32, shape (rows, columns), or None
    """

    level: NDArray[np.float32]
    template: NDArray[np.float32] | None

    def changed_columns(self, before: TakenOff, n_columns: int) -> NDArray[np.bool_] | Everything:
        """Return in which columns something else was subtracted, or EVERYTHING."""
        if self.level.shape != before.level.shape:
            return EVERYTHING
        if self.template is None or before.template is None:
            if self.template is not before.template:
                return EVERYTHING
        elif not np.array_equal(self.template, before.template):
            return EVERYTHING
        if self.level.ndim == 2:  # of each row: what changes one changes all of its columns
            return np.zeros(n_columns, bool) if np.array_equal(self.level, before.level) else EVERYTHING
        return np.broadcast_to(~(self.level == before.level), (n_columns,))


@dataclass(frozen=True, eq=False)
class FrameHistory:
    """All that the steps before have done to one frame, in little memory.

    Parameters
    ----------
    source : str
        Token of the visit.
    number : int
        The frame in the visit.
    shape : (int, int)
        Its rows and columns.
    replaced : mapping of str to Replaced
        By step.
    taken_off : mapping of str to TakenOff
        By step.
    """

    source: str
    number: int
    shape: tuple[int, int]
    replaced: Mapping[str, Replaced] = field(default_factory=dict)
    taken_off: Mapping[str, TakenOff] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State, frame: int) -> FrameHistory:
        """Note what has been done to a frame of a state."""
        _, n_rows, n_columns = state.shape
        replaced, taken_off = {}, {}
        for name, outcome in state.outcomes.items():
            if outcome.patch is not None and outcome.patch.value is not None:
                replaced[name] = Replaced.of(outcome.patch, frame, n_rows)
            if outcome.offset is not None:
                taken_off[name] = TakenOff(outcome.offset.level[frame], outcome.offset.template)
        number = int(state.kept_frames[frame])
        return cls(state.source.token, number, (n_rows, n_columns), replaced, taken_off)

    def changed(self, since: FrameHistory) -> Changed:
        """Return the flat indices, sorted, of the pixels that may differ since then, or EVERYTHING."""
        if (self.source, self.number, self.shape) != (since.source, since.number, since.shape):
            return EVERYTHING
        if self.taken_off.keys() != since.taken_off.keys():
            return EVERYTHING
        columns = np.zeros(self.shape[1], bool)
        for name, taken_off in self.taken_off.items():
            changed = taken_off.changed_columns(since.taken_off[name], self.shape[1])
            if changed is EVERYTHING:
                return EVERYTHING
            columns |= changed
        if columns.all():
            return EVERYTHING
        parts = []
        for name in self.replaced.keys() | since.replaced.keys():
            now = self.replaced.get(name, NOTHING_REPLACED)
            then = since.replaced.get(name, NOTHING_REPLACED)
            if not now.is_that_of(then):
                parts.append(now.differs(then))
        if columns.any():
            whole = np.arange(self.shape[0])[:, np.newaxis] * self.shape[1] + np.flatnonzero(columns)
            parts.append(whole.ravel())
        return union(*parts).astype(np.intp) if parts else np.empty(0, np.intp)


def changed_series(now: State, then: State) -> Changed:
    """Return the flat indices (row, column) of the pixels that may differ in any frame, or EVERYTHING."""
    if now.source is not then.source or not np.array_equal(now.kept_frames, then.kept_frames):
        return EVERYTHING
    if any(outcome.offset is not None for state in (now, then) for outcome in state.outcomes.values()):
        return EVERYTHING
    plane = now.shape[1] * now.shape[2]
    changed = np.zeros(plane, bool)
    for name in now.outcomes.keys() | then.outcomes.keys():
        patches = [state.outcomes[name].patch if name in state.outcomes else None for state in (now, then)]
        if patches[0] is not patches[1]:
            sides = [
                (NOTHING_REPLACED.index, NOTHING_REPLACED.value)
                if patch is None or patch.value is None
                else (patch.index, patch.value)
                for patch in patches
            ]
            changed[differing(*sides[0], *sides[1]) % plane] = True
    return np.flatnonzero(changed)


Found = TypeVar("Found")


class FoundBefore(NamedTuple, Generic[Found]):
    """What was found in a frame by an earlier computation with the same settings.

    Attributes
    ----------
    found : any
    changed : ndarray of int, shape (n,)
        Sorted flat indices of the pixels that may have changed since then.
    """

    found: Found
    changed: NDArray[np.intp]


class Recalled(NamedTuple, Generic[Found]):
    """What a step knows of a frame before it computes.

    Attributes
    ----------
    history : FrameHistory
        Of the frame as it is now.
    settings : any
        Of the step, now.
    before : FoundBefore or None
        None: nothing is known that is of use, and all must be computed.
    """

    history: FrameHistory
    settings: Any
    before: FoundBefore[Found] | None


class Kept(NamedTuple, Generic[Found]):
    """What a step found in a frame, the frame's history then, and the settings it was found with."""

    history: FrameHistory
    settings: Any
    found: Found


class FrameMemo(Generic[Found]):
    """What a step found in each frame. It helps when an edit before the step has changed only few pixels."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept[Found]] = {}

    def recall(self, block: Block, settings: Any) -> Recalled[Found]:
        """Return what is known of a block's first frame.

        Parameters
        ----------
        block : Block
        settings : any
            What must be equal for what was found to be of use.
        """
        history = FrameHistory.of(block.state, block.frames.start)
        kept = self._kept.get(history.number)
        if kept is None or kept.settings != settings:
            return Recalled(history, settings, None)
        changed = history.changed(kept.history)
        return Recalled(
            history, settings, None if changed is EVERYTHING else FoundBefore(kept.found, changed)
        )

    def keep(self, recalled: Recalled[Found], found: Found) -> Found:
        """Keep what was found in the frame, and return it."""
        self._kept[recalled.history.number] = Kept(recalled.history, recalled.settings, found)
        return found


def frame_memo(state: State, previous: FrameMemo[Any] | None = None) -> FrameMemo[Any]:
    """Return the memo of a step: the previous one, which stays useful after edits before the step, or a new one."""
    return previous or FrameMemo()


class OfSeries(Protocol):
    """What is known of the series of a band of rows, flat (row, column)."""

    def forget(self, series: NDArray[np.intp]) -> None:
        """Forget these series: they have changed."""


Known = TypeVar("Known", bound=OfSeries)


class BandMemo(Generic[Known]):
    """What a step knows of the series of a visit, in the bands of rows that it is cut into.

    Parameters
    ----------
    make : callable
        make(number of series) -> what is known of a band at first: nothing.
    state : State
        The visit as it enters the step.

    Attributes
    ----------
    of_visit : dict
        What is known of the visit as a whole; forgotten when any series changes.
    """

    def __init__(self, make: Callable[[int], Known], state: State) -> None:
        self.of_visit: dict[Any, Any] = {}
        self._make = make
        self._state = state
        self._bands: dict[tuple[int, int], Known] = {}

    def of(self, block: Block) -> Known:
        """Return what is known of a band."""
        rows = block.rows.start, block.rows.stop
        if rows not in self._bands:
            self._bands[rows] = self._make((rows[1] - rows[0]) * block.state.shape[2])
        return self._bands[rows]

    def follow(self, state: State) -> bool:
        """Forget the series that are no longer the same; return False if all may be others."""
        changed = changed_series(state, self._state)
        if changed is EVERYTHING:
            return False
        self._state = state
        if changed.size:
            self.of_visit.clear()
        columns = state.shape[2]
        for (start, stop), known in self._bands.items():
            first, last = np.searchsorted(changed, (start * columns, stop * columns))
            if last > first:
                known.forget(changed[first:last] - start * columns)
        return True


def band_memo(make: Callable[[int], Known]) -> Callable[..., BandMemo[Known]]:
    """Return the `memo` of a step. It forgets only the series that an edit before the step has changed."""

    def memo(state: State, previous: BandMemo[Known] | None = None) -> BandMemo[Known]:
        return previous if previous is not None and previous.follow(state) else BandMemo(make, state)

    return memo
