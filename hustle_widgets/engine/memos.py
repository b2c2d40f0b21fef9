"""What a step keeps of frames and of series, and which of them an edit before it has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.changes import differing, union
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Patch

_Replaced = tuple[Callable[[], Patch | None], NDArray[Any], NDArray[np.float32]]
_NOTHING: _Replaced = (lambda: None, np.empty(0, np.int32), np.empty(0, np.float32))


@dataclass(frozen=True, eq=False)
class FrameHistory:
    """All that the steps before did to one frame; small.

    Parameters
    ----------
    source : str
        Token of the visit.
    number : int
        The frame in the visit.
    shape : (int, int)
        Its rows and columns.
    patches : mapping of str to (reference, ndarray of int, ndarray of float32)
        By step, its patch, if that still exists, and the flat indices and values of the pixels it replaced.
    levels : mapping of str to (ndarray of float32, ndarray or None)
        By step, what it took off: the level, of shape (), (columns,) or (rows, 1), and its template.
    """

    source: str
    number: int
    shape: tuple[int, int]
    patches: Mapping[str, _Replaced] = field(default_factory=dict)
    levels: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32] | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State, frame: int) -> FrameHistory:
        """Note what has been done to a frame of a state."""
        _, n_rows, n_columns = state.shape
        patches, levels = {}, {}
        for name, outcome in state.outcomes.items():
            if outcome.patch is not None and outcome.patch.value is not None:
                patches[name] = _replaced(outcome.patch, frame, n_rows)
            if outcome.offset is not None:
                levels[name] = outcome.offset.level[frame], outcome.offset.template
        number = int(state.kept_frames[frame])
        return cls(state.source.token, number, (n_rows, n_columns), patches, levels)

    def changed(self, since: FrameHistory) -> NDArray[np.intp] | None:
        """Return the flat indices, sorted, of the pixels that may differ since then; None: any may."""
        if (self.source, self.number, self.shape) != (since.source, since.number, since.shape):
            return None
        if self.levels.keys() != since.levels.keys():
            return None
        columns = np.zeros(self.shape[1], bool)  # in which another level was taken off
        for name, (level, template) in self.levels.items():
            before, before_template = since.levels[name]
            if level.shape != before.shape or (template is None) != (before_template is None):
                return None
            if level.ndim == 2:  # of each row: what changes one changes all of its columns
                if not np.array_equal(level, before):
                    return None
            else:
                columns |= ~(level == before)
            if template is not None and not np.array_equal(template, before_template):  # type: ignore[arg-type]
                return None
        if columns.all():
            return None
        parts = []
        for name in self.patches.keys() | since.patches.keys():
            now, then = self.patches.get(name, _NOTHING), since.patches.get(name, _NOTHING)
            if now[0]() is None or now[0]() is not then[0]():
                parts.append(differing(*now[1:], *then[1:]))
        if columns.any():
            whole = np.arange(self.shape[0])[:, np.newaxis] * self.shape[1] + np.flatnonzero(columns)
            parts.append(whole.ravel())
        return union(*parts).astype(np.intp) if parts else np.empty(0, np.intp)


def _replaced(patch: Patch, frame: int, n_rows: int) -> _Replaced:
    assert patch.value is not None
    entries, inside = patch.find(slice(frame, frame + 1), slice(0, n_rows))
    return ref(patch), inside.astype(np.int32), patch.value[entries]


def changed_series(now: State, then: State) -> NDArray[np.intp] | None:
    """Return the flat indices (row, column) of the pixels that may differ in any frame; None: all may."""
    if now.source is not then.source or not np.array_equal(now.kept_frames, then.kept_frames):
        return None
    if any(outcome.offset is not None for state in (now, then) for outcome in state.outcomes.values()):
        return None
    plane = now.shape[1] * now.shape[2]
    changed = np.zeros(plane, bool)
    for name in now.outcomes.keys() | then.outcomes.keys():
        patches = [state.outcomes[name].patch if name in state.outcomes else None for state in (now, then)]
        if patches[0] is not patches[1]:
            sides = [
                _NOTHING[1:] if patch is None or patch.value is None else (patch.index, patch.value)
                for patch in patches
            ]
            changed[differing(*sides[0], *sides[1]) % plane] = True
    return np.flatnonzero(changed)


class Recalled(NamedTuple):
    """What a step knows of a frame before it computes.

    Attributes
    ----------
    history : FrameHistory
        Of the frame as it is now.
    settings : any
        Of the step, now.
    found : any
        What was found with these settings, None if nothing is of use.
    changed : ndarray of int, shape (n,), or None
        Sorted flat indices of the pixels that may have changed since that was found.
    """

    history: FrameHistory
    settings: Any
    found: Any
    changed: NDArray[np.intp] | None


class FrameMemo:
    """What a step found in each frame, of use to it once few pixels have been changed by an edit before it."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[FrameHistory, Any, Any]] = {}

    def recall(self, block: Block, settings: Any) -> Recalled:
        """Return what is known of a block's first frame.

        Parameters
        ----------
        block : Block
        settings : any
            What must be equal for what was found to be of use.
        """
        history = FrameHistory.of(block.state, block.frames.start)
        before, settings_before, found = self._found.get(history.number, (history, None, None))
        changed = history.changed(before) if settings == settings_before else None
        return Recalled(history, settings, None if changed is None else found, changed)

    def keep(self, recalled: Recalled, found: Any) -> None:
        """Keep what was found in the frame."""
        self._found[recalled.history.number] = recalled.history, recalled.settings, found


def frame_memo(state: State, previous: FrameMemo | None = None) -> FrameMemo:
    """Make a step's memo, or keep it: what it knows outlasts edits before the step."""
    return previous or FrameMemo()


class OfSeries(Protocol):
    """What is known of the series of a band of rows, flat (row, column)."""

    def forget(self, series: NDArray[np.intp]) -> None:
        """Forget these: they have changed."""


Known = TypeVar("Known", bound=OfSeries)


class BandMemo(Generic[Known]):
    """What a step knows of the series of a visit, in the bands of rows that it is cut into.

    Parameters
    ----------
    make : callable
        make(number of series) -> what is known of a band at first: nothing.
    state : State
        The visit as it enters the step.
    """

    def __init__(self, make: Callable[[int], Known], state: State) -> None:
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
        if changed is None:
            return False
        self._state = state
        columns = state.shape[2]
        for (start, stop), known in self._bands.items():
            first, last = np.searchsorted(changed, (start * columns, stop * columns))
            if last > first:
                known.forget(changed[first:last] - start * columns)
        return True


def band_memo(make: Callable[[int], Known]) -> Callable[..., BandMemo[Known]]:
    """Return a step's `memo`: what it knows of the series that no edit before the step has changed is kept."""

    def memo(state: State, previous: BandMemo[Known] | None = None) -> BandMemo[Known]:
        return previous if previous is not None and previous.follow(state) else BandMemo(make, state)

    return memo
