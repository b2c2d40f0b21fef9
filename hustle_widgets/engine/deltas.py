"""Deltas: what a step changes, kept small. Patches of pixels, offsets of frames, tables of numbers.

A cube of 74 x 600 x 2100 pixels is 373 MB; a patch of 0.5 % of its pixels is a few MB. The frames at any
point of a chain are the visit's frames with the deltas of the steps before it applied in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.sky_sums import without_repeats

Shape = tuple[int, int, int]


def _index_type(shape: Shape) -> type:
    return np.int32 if np.prod(shape, dtype=np.int64) < 2**31 else np.int64


@dataclass(frozen=True)
class Patch:
    """Pixels that a step flags and, unless `value` is None, replaces.

    Parameters
    ----------
    index : ndarray of int, shape (n,)
        Sorted flat indices into a cube of `shape` (frame, row, column).
    value : ndarray of float32, shape (n,), or None
        New values in electrons; None flags the pixels and leaves them as they are.
    counts : ndarray of int, shape (iterations, frames)
        Newly flagged pixels in each iteration and frame.
    shape : tuple of int
        Shape of the cube.
    """

    index: NDArray[Any]
    value: NDArray[np.float32] | None
    counts: NDArray[np.int64]
    shape: Shape

    @classmethod
    def where(
        cls,
        mask: NDArray[np.bool_],
        values: NDArray[np.float32] | None,
        counts: NDArray[np.int64] | None = None,
    ) -> Patch:
        """Make a patch from a mask of (frame, row, column) and the values of its True pixels in C order."""
        if np.ndim(mask) != 3 or np.asarray(mask).dtype != bool:
            raise ValueError(
                "The mask of a patch must hold True and False, shape (frames, rows, columns). Got "
                f"{np.asarray(mask).dtype} of shape {np.shape(mask)}."
            )
        if counts is None:
            counts = mask.sum(axis=(1, 2), dtype=np.int64)[np.newaxis]
        return cls.at(np.flatnonzero(mask), values, counts, mask.shape)

    @classmethod
    def at(
        cls, index: NDArray[Any], values: NDArray[np.float32] | None, counts: NDArray[np.int64], shape: Shape
    ) -> Patch:
        """Make a patch from sorted flat indices and the values of these pixels."""
        if values is not None:
            values = np.ascontiguousarray(values, dtype=np.float32)
            if values.shape != index.shape:
                raise ValueError(f"A patch of {index.size} pixels was given {values.size} values.")
        index = index.astype(_index_type(shape), copy=False)
        return cls(index, values, np.atleast_2d(np.asarray(counts, dtype=np.int64)), shape)

    @property
    def nbytes(self) -> int:
        """Memory the patch holds."""
        return self.index.nbytes + self.counts.nbytes + (0 if self.value is None else self.value.nbytes)

    def __len__(self) -> int:
        return self.index.size

    def find(self, frames: slice, rows: slice) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Return which entries lie in a block, and their flat indices inside that block."""
        _, n_rows, n_columns = self.shape
        plane = n_rows * n_columns
        first = np.arange(frames.start, frames.stop, dtype=np.int64) * plane
        # The limits get the type of the index; otherwise searchsorted would convert the whole index.
        low, high = (
            np.searchsorted(self.index, (first + row * n_columns).astype(self.index.dtype))
            for row in (rows.start, rows.stop)
        )
        if (rows.start, rows.stop) == (0, n_rows):
            entries = np.arange(low[0], high[-1]) if low.size else np.arange(0)
            return entries, self.index[entries].astype(np.int64) - frames.start * plane
        entries = concatenated_ranges(low, high)
        frame = np.repeat(np.arange(low.size), high - low)
        height = rows.stop - rows.start
        inside = self.index[entries].astype(np.int64) - frames.start * plane - rows.start * n_columns
        return entries, inside - frame * (n_rows - height) * n_columns

    def apply(self, images: NDArray[np.float32], frames: slice, rows: slice) -> None:
        """Replace the patched pixels of a block of frames and rows, in place."""
        if self.value is None or not len(self):
            return
        entries, inside = self.find(frames, rows)
        images.reshape(-1)[inside] = self.value[entries]

    def mask(self, frames: slice, rows: slice) -> NDArray[np.bool_]:
        """Return which pixels of a block the patch flags, shape (frames, rows, columns)."""
        size = (frames.stop - frames.start, rows.stop - rows.start, self.shape[2])
        flagged = np.zeros(size, dtype=bool)
        flagged.reshape(-1)[self.find(frames, rows)[1]] = True
        return flagged

    def frame_pixels(self, frame: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and columns of the pixels flagged in one frame."""
        _, inside = self.find(slice(frame, frame + 1), slice(0, self.shape[1]))
        rows, columns = np.divmod(inside, self.shape[2])
        return rows, columns

    def placed(self, frames: slice, rows: slice, shape: Shape) -> Patch:
        """Return the patch of a block as a patch of the cube the block was cut from."""
        _, height, n_columns = self.shape
        frame, rest = np.divmod(self.index.astype(np.int64), height * n_columns)
        index = (frame + frames.start) * shape[1] * shape[2] + rows.start * n_columns + rest
        counts = np.zeros((self.counts.shape[0], shape[0]), dtype=np.int64)
        counts[:, frames] = self.counts
        return Patch(index.astype(_index_type(shape)), self.value, counts, shape)

    @staticmethod
    def merged(parts: Sequence[Patch]) -> Patch:
        """Join patches of disjoint blocks of one cube."""
        index = np.concatenate([part.index for part in parts])
        values = [part.value for part in parts if part.value is not None]
        value = np.concatenate(values) if values else None
        if index.size and np.any(np.diff(index) < 0):
            order = np.argsort(index, kind="stable")
            index = index[order]
            value = None if value is None else value[order]
        counts = np.zeros((max(part.counts.shape[0] for part in parts), parts[0].shape[0]), dtype=np.int64)
        for part in parts:
            counts[: part.counts.shape[0]] += part.counts
        return Patch(index, value, counts, parts[0].shape)


@dataclass(frozen=True)
class Offset:
    """What a step subtracts from every frame.

    Parameters
    ----------
    level : ndarray of float32, shape (frames,), (frames, columns) or (frames, rows, 1)
        Electrons a pixel, or with `template` the factor the template is multiplied by: one number a frame, one
        of each column, or one of each row. ``Offset.of_rows`` makes the last from an array (frames, rows).
    template : ndarray of float32, shape (rows, columns), or None
        Spatial shape of what is taken off.
    sky : bool
        Whether it is light of the sky, whose photons are noise still. The engine sets it as the step declares.
    """

    level: NDArray[np.float32]
    template: NDArray[np.float32] | None = None
    sky: bool = False

    @classmethod
    def of_rows(cls, level: NDArray[Any], template: NDArray[np.float32] | None = None) -> Offset:
        """Return an offset with a level of each row of each frame, shape (frames, rows)."""
        rows = np.asarray(level, dtype=np.float32)
        if rows.ndim != 2:
            raise ValueError(f"The level of each row has the shape (frames, rows). Got {rows.shape}.")
        return cls(rows[:, :, np.newaxis], template)

    @property
    def nbytes(self) -> int:
        """Memory the offset holds."""
        return self.level.nbytes + (0 if self.template is None else without_repeats(self.template).nbytes)

    @property
    def by_rows(self) -> bool:
        """Whether the level is one of each row."""
        return self.level.ndim == 3

    @property
    def usual_template(self) -> float:
        """The template's median; 1 without one."""
        return 1.0 if self.template is None else float(np.nanmedian(without_repeats(self.template)))

    def usual(self) -> NDArray[np.float64]:
        """Return the median of what is taken off the pixels of each frame, electrons, shape (frames,)."""
        level = self.level.astype(float).reshape(len(self.level), -1)
        return (level[:, 0] if level.shape[1] == 1 else np.nanmedian(level, axis=1)) * self.usual_template

    def apply(self, images: NDArray[np.float32], frames: slice, rows: slice) -> None:
        """Subtract it from a block of frames and rows, in place."""
        spread = None if self.template is None else without_repeats(self.template[rows])
        level = self.level[frames, rows] if self.by_rows else self.level[frames]
        for image, one in zip(images, level, strict=True):
            image -= one if spread is None else one * spread

    def placed(self, frames: slice, rows: slice, shape: Shape) -> Offset:
        """Return itself: parts of a visit that was cut by frames are joined in order.

        Raises
        ------
        ValueError
            When the visit was cut by rows: no band of rows knows the level of the others.
        """
        if (rows.start, rows.stop) != (0, shape[1]):
            raise ValueError("A step that gives an Offset must be cut by frames: declare by = 'frames'.")
        return self

    @staticmethod
    def merged(parts: Sequence[Offset]) -> Offset:
        """Join the offsets of consecutive frames."""
        return replace(parts[0], level=np.concatenate([part.level for part in parts]))


@dataclass(frozen=True)
class Table:
    """Numbers that a step found without changing a frame: small arrays and remarks by name.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (frames, ...)
        One entry a frame.
    facts : mapping
        What belongs to the visit as a whole.
    notes : tuple of str
        Remarks a person should see.
    """

    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def nbytes(self) -> int:
        """Memory the table holds."""
        arrays = [*self.columns.values(), *self.facts.values()]
        return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))

    def apply(self, images: NDArray[np.float32], frames: slice, rows: slice) -> None:
        """Change nothing."""

    def placed(self, frames: slice, rows: slice, shape: Shape) -> Table:
        """Return itself: parts of a visit that was cut by frames are joined in order."""
        return self

    @staticmethod
    def merged(parts: Sequence[Table]) -> Table:
        """Join the tables of consecutive frames; facts of later parts win, remarks are said once."""
        columns = {
            name: np.concatenate([np.asarray(part.columns[name]) for part in parts])
            for name in parts[0].columns
        }
        facts = {name: value for part in parts for name, value in part.facts.items()}
        notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
        return Table(columns, facts, notes)


@dataclass(frozen=True)
class KeptFrames:
    """The frames of the visit that a chain works on, as increasing indices."""

    frames: NDArray[np.intp]

    @property
    def nbytes(self) -> int:
        """Memory the selection holds."""
        return self.frames.nbytes

    def apply(self, images: NDArray[np.float32], frames: slice, rows: slice) -> None:
        """Change nothing: frames are selected when a block is cut."""

    def placed(self, frames: slice, rows: slice, shape: Shape) -> KeptFrames:
        """Return itself."""
        return self

    @staticmethod
    def merged(parts: Sequence[KeptFrames]) -> KeptFrames:
        """Return the only part."""
        (part,) = parts
        return part


Delta = Patch | Offset | Table | KeptFrames


@dataclass(frozen=True)
class Outcome:
    """All deltas of one step: `engine.given` joins those that it gave to at most one of each kind."""

    deltas: tuple[Delta, ...] = ()

    @property
    def nbytes(self) -> int:
        """Memory the deltas hold."""
        return sum(delta.nbytes for delta in self.deltas)

    @property
    def patch(self) -> Patch | None:
        """The patch, if the step flags pixels."""
        return next((delta for delta in self.deltas if isinstance(delta, Patch)), None)

    @property
    def offset(self) -> Offset | None:
        """The offset, if the step takes a background off."""
        return next((delta for delta in self.deltas if isinstance(delta, Offset)), None)

    @property
    def table(self) -> Table:
        """The table, empty if the step made none."""
        return next((delta for delta in self.deltas if isinstance(delta, Table)), Table())

    @property
    def kept_frames(self) -> KeptFrames | None:
        """The frames selected, if the step selects."""
        return next((delta for delta in self.deltas if isinstance(delta, KeptFrames)), None)

    def apply(self, images: NDArray[np.float32], frames: slice, rows: slice) -> None:
        """Change a block of frames and rows as the step does, in place."""
        for delta in self.deltas:
            delta.apply(images, frames, rows)

    def sealed(self) -> Outcome:
        """Make its arrays read-only: results, plots and later computations share them."""
        for delta in self.deltas:
            _seal(vars(delta))
        return self

    def of_sky(self, sky: bool) -> Outcome:
        """Return itself, with what it takes off marked as light of the sky or not."""
        marked = (replace(delta, sky=sky) if isinstance(delta, Offset) else delta for delta in self.deltas)
        return self if self.offset is None or self.offset.sky == sky else Outcome(tuple(marked))

    def placed(self, frames: slice, rows: slice, shape: Shape) -> Outcome:
        """Return the outcome of a block as one of the whole cube."""
        return Outcome(tuple(delta.placed(frames, rows, shape) for delta in self.deltas))


def _seal(held: Any, depth: int = 6) -> None:
    """Make the arrays that something holds read-only: those of mappings, sequences and dataclasses."""
    if isinstance(held, np.ndarray):
        held.flags.writeable = False
    elif depth and isinstance(held, Mapping):
        for one in held.values():
            _seal(one, depth - 1)
    elif depth and isinstance(held, (list, tuple)):
        for one in held:
            _seal(one, depth - 1)
    elif depth and is_dataclass(held) and hasattr(held, "__dict__") and not isinstance(held, type):
        _seal(vars(held), depth - 1)


def concatenated_ranges(low: NDArray[Any], high: NDArray[Any]) -> NDArray[np.int64]:
    """Return low[0], ..., high[0]-1, low[1], ..., high[1]-1, ... as one array."""
    lengths = high - low
    starts = np.repeat(low - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    return np.arange(int(lengths.sum()), dtype=np.int64) + starts
