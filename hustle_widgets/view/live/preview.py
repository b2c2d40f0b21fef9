"""The small part of a visit from which an edit is answered at once, kept between two messages of a slider."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping
from typing import Any

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine import given
from hustle_widgets.engine.blocks import Block, Source, State
from hustle_widgets.engine.calling import asked
from hustle_widgets.engine.deltas import Outcome, Patch
from hustle_widgets.steps.base import Step
from hustle_widgets.view.frame.marks import Region

# Pixels of a frame whose series are kept, and the frames that tell what is usual for a pixel.
MOST_SERIES = 40_000
USUAL_FROM = 9
# Seconds a frame must stay on display before its series are gathered.
SETTLED = 0.3


class Upstream:
    """The visit as it enters a step, with what a preview needs of it made only once.

    Parameters
    ----------
    state : State
        The visit at that point of the chain.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._frames: dict[int, NDArray[np.float32]] = {}
        self._rows: dict[int, NDArray[np.float32]] = {}
        self._prepared: tuple[Any, dict[str, Any]] = (None, {})
        self._suspects: Suspects | None = None

    def is_of(self, state: State) -> bool:
        """Tell whether a state is the same visit after the same outcomes."""
        mine, others = list(self.state.outcomes.values()), list(state.outcomes.values())
        return (
            self.state.source is state.source
            and len(mine) == len(others)
            and all(one is other for one, other in zip(mine, others, strict=True))
        )

    def frame(self, number: int) -> NDArray[np.float32]:
        """Return a frame, shape (rows, columns); not to be changed."""
        if number not in self._frames:
            self._frames = {number: self.state.frame(number)}
        return self._frames[number]

    def row(self, row: int) -> NDArray[np.float32]:
        """Return a row in all frames, shape (frames, columns); not to be changed."""
        if row not in self._rows:
            self._rows = {row: self.state.images(rows=slice(row, row + 1))[:, 0]}
        return self._rows[row]

    def prepared(self, kind: type[Step], parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keywords of a step's compute; what `prepare` gives is made anew only when it must be."""
        named = inspect.signature(kind.prepare).parameters
        key = (kind, {name: value for name, value in parameters.items() if name in named})
        if key != self._prepared[0]:
            self._prepared = key, asked(kind.node(), "prepare", kind.prepare, self.state, **parameters)
        return {**parameters, **self._prepared[1]}

    def suspects(
        self, number: int, kind: type[Step], parameters: Mapping[str, Any], choice: tuple[float, int]
    ) -> Suspects:
        """Return the pixels of a frame that may be rejected in time; their series are gathered meanwhile."""
        if self._suspects is None or self._suspects.number != number:
            self.forget_suspects()
            self._suspects = Suspects(self.state, number, kind, parameters, choice)
        return self._suspects

    def forget_suspects(self) -> None:
        """Stop gathering."""
        if self._suspects is not None:
            self._suspects.stop.set()
        self._suspects = None


class Suspects:
    """The pixels of one frame that differ from other frames, with their whole series.

    A rejection in time can only flag these in this frame, so that clipping them alone shows at once what it
    does to the frame: to within few flags, of the faintest ones. Gathered on a thread of its own, which
    draws nothing.

    Parameters
    ----------
    state : State
        The visit as it enters the step.
    number : int
        The frame.
    kind : type of Step
        The step; if it has a `memo`, that is filled before the first edit.
    parameters : mapping
        Its parameters.
    choice : (float, int)
        See `clipped`.
    """

    def __init__(
        self,
        state: State,
        number: int,
        kind: type[Step],
        parameters: Mapping[str, Any],
        choice: tuple[float, int],
    ) -> None:
        self.number = number
        self._kind = kind
        self._memo: dict[str, Any] = {}
        self._chosen_by: tuple[float, int] | None = None
        self.stop = threading.Event()
        self.ready = threading.Event()
        self._index = self._chosen = np.zeros(0, np.intp)
        self._excess = np.zeros(0, np.float32)
        self._series = self._chosen_series = np.zeros((0, 0), np.float32)
        threading.Thread(
            target=self._gather, args=(state, dict(parameters), choice), name="hustle-preview", daemon=True
        ).start()

    def _gather(self, state: State, parameters: dict[str, Any], choice: tuple[float, int]) -> None:
        if self.stop.wait(SETTLED):
            return
        n_frames = state.shape[0]
        others = [k for k in np.linspace(0, n_frames - 1, USUAL_FROM).astype(int) if k != self.number]
        if not others:
            return
        usual = bn.nanmedian(np.stack([state.frame(k) for k in dict.fromkeys(others)]), axis=0)
        frame = state.frame(self.number)
        noise = np.sqrt(np.maximum(usual, 0) + float(state.column("read_noise")[self.number]) ** 2)
        excess = np.nan_to_num(np.abs(frame - usual) / noise, nan=0).ravel()
        index = np.flatnonzero(excess > 1)
        if index.size > MOST_SERIES:
            most = np.argpartition(excess[index], -MOST_SERIES)[-MOST_SERIES:]
            index = np.sort(index[most])
        series = np.empty((n_frames, index.size), np.float32)
        for k in range(n_frames):
            if self.stop.is_set():
                return
            series[k] = state.frame(k).ravel()[index]
        self._index, self._excess, self._series = index, excess[index], series
        if self._kind.memo is not None:
            self.clipped(state, parameters, choice)
        self.ready.set()

    def clipped(
        self, state: State, parameters: Mapping[str, Any], choice: tuple[float, int]
    ) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Return flat places and new values of those that the step rejects in the frame.

        Parameters
        ----------
        state : State
            The visit as it enters the step.
        parameters : mapping
            Of the step.
        choice : (float, int)
            How many sigma a pixel must be off to be clipped, and how many pixels, those farthest off, are.
        """
        if choice != self._chosen_by:
            self._choose(state, *choice)
            self._chosen_by = choice
        part = cut_visit(state, self._chosen_series, slice(None))
        patch = computed(self._kind, part, {**parameters, **self._memo}).patch
        assert patch is not None and patch.value is not None
        entries, inside = patch.find(slice(self.number, self.number + 1), slice(0, 1))
        return self._chosen[inside], patch.value[entries]

    def _choose(self, state: State, least: float, most: int) -> None:
        chosen = np.flatnonzero(self._excess > least)
        if chosen.size > most:
            chosen = np.sort(chosen[np.argpartition(self._excess[chosen], -most)[-most:]])
        self._chosen = self._index[chosen]
        # Where all are chosen, no copy is needed.
        all_of_them = chosen.size == self._index.size
        self._chosen_series = (self._series if all_of_them else self._series[:, chosen])[:, np.newaxis]
        if self._kind.memo is not None:
            self._memo = {"memo": self._kind.memo(cut_visit(state, self._chosen_series, slice(None)))}


def cut_visit(state: State, images: NDArray[np.float32], frames: slice, hst_dq: Any = None) -> State:
    """Return a small visit of its own: some frames of a state, cut to a part."""
    source = Source(
        images=images,
        errors=images,
        hst_dq=np.zeros(images.shape, np.uint16) if hst_dq is None else hst_dq,
        columns={name: state.column(name)[frames] for name in state.source.columns},
        facts=state.facts,
        token="part",
    )
    return State(source)


def computed(kind: type[Step], part: State, keywords: Mapping[str, Any]) -> Outcome:
    """Return what a step does to a small visit, taken as one block."""
    n_frames, n_rows, _ = part.shape
    block = Block(part, slice(0, n_frames), slice(0, n_rows))
    return computed_of(kind, block, keywords)


def computed_of(kind: type[Step], block: Block, keywords: Mapping[str, Any]) -> Outcome:
    """Return what a step does to a block of the visit."""
    return given.computed(kind.node(), block, keywords)


def flags_in_frame(patch: Patch, number: int) -> tuple[NDArray[np.int64], NDArray[np.float32] | None]:
    """Return the flat places flagged in one frame, in order, and their new values if they have any."""
    entries, inside = patch.find(slice(number, number + 1), slice(0, patch.shape[1]))
    return inside, None if patch.value is None else patch.value[entries]


def frame_patch(
    shape: tuple[int, int], index: NDArray[np.integer], value: NDArray[np.float32] | None
) -> Patch:
    """Return a patch of one frame of `shape` (rows, columns) from sorted flat places."""
    counts = np.array([[index.size]], np.int64)
    return Patch(index.astype(np.int64), value, counts, (1, *shape))


def put_into(shape: tuple[int, int], part: Region, new: Patch, old: Patch | None = None) -> Patch:
    """Return the patch of a frame: `new` of the part, and outside of it `old` of the whole frame.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the frame.
    part : (row0, row1, column0, column1)
        What `new`, a patch of one frame of the part's shape, was computed on.
    new, old : Patch
        Of one frame each.
    """
    row0, row1, column0, column1 = part
    rows, columns = np.divmod(new.index.astype(np.int64), column1 - column0)
    index = (rows + row0) * shape[1] + columns + column0
    value = new.value
    if old is not None and len(old) and (old.value is None) == (value is None):
        rows, columns = np.divmod(old.index.astype(np.int64), shape[1])
        outside = (rows < row0) | (rows >= row1) | (columns < column0) | (columns >= column1)
        index = np.concatenate([index, old.index[outside]])
        order = np.argsort(index, kind="stable")
        if value is not None and old.value is not None:
            value = np.concatenate([value, old.value[outside]])[order]
        index = index[order]
    return frame_patch(shape, index, value)
