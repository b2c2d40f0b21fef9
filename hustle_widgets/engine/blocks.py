"""How a visit is cut into blocks, and how the frames of a block are made from the deltas before a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.deltas import Outcome, Shape
from hustle_widgets.engine.injection import Injection

Cut = Literal["rows", "frames", "visit"]

# Series in a block of rows: they fit the cache of one core, and take little time when a newer request waits.
SERIES = 16_000
# A block with a halo computes its halo twice, so it is made taller.
ROWS_WITH_HALO = 48


class CubeLike(Protocol):
    """Anything that is indexed like an array (frame, row, column), such as an ndarray."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames, rows and columns."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a value."""

    def __getitem__(self, key: Any, /) -> NDArray[Any]:
        """Index by numbers and slices; frames also by an array of numbers."""


@dataclass(frozen=True, eq=False)
class Source:
    """What a chain starts from; never modified.

    Parameters
    ----------
    images : ndarray of float32, shape (frames, rows, columns)
        Electrons.
    errors : CubeLike of float32, same shape
        Electrons; may be read when it is indexed.
    hst_dq : CubeLike of int, same shape
        Data quality of calwf3, sums of bits; may be kept small.
    columns : mapping of str to ndarray, shape (frames, ...)
        One entry a frame: exp_time, orbit_numbers, read_noise, exp_duration.
    facts : mapping
        What belongs to the visit as a whole: direct_image, subarr_coords, target, chip, folder.
    token : str
        Tells the content of one source from that of another.
    injection : Injection, optional
        Made-up light that goes into the frames before all steps.
    """

    images: NDArray[np.float32]
    errors: CubeLike
    hst_dq: CubeLike
    columns: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any]
    token: str
    injection: Injection | None = None


@dataclass(frozen=True, eq=False)
class State:
    """The visit at one point of a chain: the source and the outcomes of the steps before."""

    source: Source
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)

    @cached_property
    def kept_frames(self) -> NDArray[np.intp]:
        """Indices of the source's frames that are worked on."""
        chosen = [
            outcome.kept_frames for outcome in self.outcomes.values() if outcome.kept_frames is not None
        ]
        return chosen[-1].frames if chosen else np.arange(self.source.images.shape[0])

    @property
    def shape(self) -> Shape:
        """Frames, rows and columns worked on."""
        _, rows, columns = self.source.images.shape
        return self.kept_frames.size, rows, columns

    @property
    def facts(self) -> Mapping[str, Any]:
        """Facts of the visit as a whole."""
        return self.source.facts

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of the visit, such as 'exp_time': one entry for each frame worked on."""
        return self.source.columns[name][self.kept_frames]

    def cut(self, cube: CubeLike, frames: slice, rows: slice) -> NDArray[Any]:
        """Return the part of a source cube that lies in a block, as a view where that is possible."""
        chosen = self.kept_frames[frames]
        if chosen.size and chosen[-1] - chosen[0] + 1 == chosen.size:
            return cube[chosen[0] : chosen[-1] + 1, rows]
        return cube[chosen, rows]

    def images(self, frames: slice | None = None, rows: slice | None = None) -> NDArray[np.float32]:
        """Return a fresh array of the frames of a block as the steps before left them."""
        frames = slice(0, self.shape[0]) if frames is None else frames
        rows = slice(0, self.shape[1]) if rows is None else rows
        images = np.array(self.cut(self.source.images, frames, rows), dtype=np.float32, order="C")
        if self.source.injection is not None:
            self.source.injection.apply(images, self.kept_frames[frames], rows)
        for outcome in self.outcomes.values():
            outcome.apply(images, frames, rows)
        return images

    def frame(self, number: int) -> NDArray[np.float32]:
        """Return one frame, shape (rows, columns), as the steps before left it."""
        return self.images(slice(number, number + 1))[0]


@dataclass(frozen=True, eq=False)
class Block:
    """Some frames and rows of the visit as the steps before left them. `compute` of a step gets one.

    Parameters
    ----------
    state : State
        The visit at this point of the chain.
    frames, rows : slice
        The block wanted.
    halo : int
        Rows beyond the block that `images` and the cubes hold as well, where the frame has them.
    """

    state: State
    frames: slice
    rows: slice
    halo: int = 0

    @cached_property
    def _tall(self) -> slice:
        return slice(
            max(0, self.rows.start - self.halo), min(self.state.shape[1], self.rows.stop + self.halo)
        )

    @cached_property
    def images(self) -> NDArray[np.float32]:
        """Frames in electrons, shape (frames, rows + halo, columns); an array of its own."""
        return self.state.images(self.frames, self._tall)

    @property
    def errors(self) -> NDArray[np.float32]:
        """Uncertainties in electrons, shaped as `images`."""
        return self.state.cut(self.state.source.errors, self.frames, self._tall)

    @property
    def hst_dq(self) -> NDArray[Any]:
        """Data quality of calwf3, shaped as `images`."""
        return self.state.cut(self.state.source.hst_dq, self.frames, self._tall)

    @property
    def core(self) -> slice:
        """Rows of `images` that are not halo."""
        return slice(self.rows.start - self._tall.start, self.rows.stop - self._tall.start)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column of the visit, such as 'read_noise': one entry for each frame of the block."""
        return self.state.column(name)[self.frames]


def cut_blocks(state: State, by: Cut, halo: int = 0, series: int = SERIES) -> Sequence[Block]:
    """Cut the visit into the blocks of a step: bands of rows, single frames, or all of it."""
    n_frames, n_rows, n_columns = state.shape
    everything, height = slice(0, n_frames), slice(0, n_rows)
    if by == "visit":
        return [Block(state, everything, height)]
    if by == "frames":
        return [Block(state, slice(i, i + 1), height) for i in range(n_frames)]
    band = max(1, series // n_columns, ROWS_WITH_HALO if halo else 1)
    return [
        Block(state, everything, slice(start, min(start + band, n_rows)), halo)
        for start in range(0, n_rows, band)
    ]
