"""What edge detection found round by round, and where the next round must look."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.changes import differing, union
from hustle_widgets.algorithms.lazy_map import around
from hustle_widgets.algorithms.neighbours import window_offsets

__all__ = ["Earlier", "NearChanges", "Rounds", "WholeFrame"]

_GROWTH = 2  # how far from a hit its neighbours may be hits


class Rounds(NamedTuple):
    """What each round found in a frame.

    Attributes
    ----------
    hits : tuple of ndarray of int
        Flat indices of each round's hits, in order.
    values : tuple of ndarray of float32
        Their replacements [e-].
    protected : ndarray of int
        Flat indices of the pixels that could not be flagged.
    """

    hits: tuple[NDArray[np.intp], ...]
    values: tuple[NDArray[np.float32], ...]
    protected: NDArray[np.intp]

    def joined(self) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.int64]]:
        """Sorted indices and values of all hits, and how many each round found."""
        index = np.concatenate(self.hits)
        order = np.argsort(index)
        counts = np.array([hits.size for hits in self.hits], np.int64)
        return index[order], np.concatenate(self.values)[order], counts

    def round(self, number: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Hits and values of a round. A round that was not made has none: the frame was clean by then."""
        if number < len(self.hits):
            return self.hits[number], self.values[number]
        return np.empty(0, np.intp), np.empty(0, np.float32)


class Earlier(NamedTuple):
    """An earlier search of the same frame with the same settings, before some pixels changed.

    Attributes
    ----------
    rounds : Rounds
        What it found.
    changed : ndarray of int, shape (n,)
        Flat indices of the pixels that have changed since then, or of more.
    """

    rounds: Rounds
    changed: NDArray[np.intp]


class WholeFrame:
    """Where a search looks that knows nothing of the frame: everywhere, then near what was replaced.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the frame.
    pad : int
        Pixels on each side by which the search pads the frame, and how far away a pixel can matter.
    """

    def __init__(self, shape: tuple[int, ...], pad: int):
        self._columns, self._pad = shape[1], pad
        self._size = (shape[0] + 2 * pad) * (shape[1] + 2 * pad)
        self._window = window_offsets((2 * pad + 1, 2 * pad + 1), shape[1] + 2 * pad)
        self._near: NDArray[np.intp] | None = None

    def seeds(self, number: int) -> NDArray[np.intp] | None:
        """Tell where a round must look, as padded indices; None: everywhere."""
        return self._near

    def complete(self, hits: NDArray[np.intp], number: int) -> NDArray[np.intp]:
        """Return the hits of a round: all that were found. Padded indices."""
        return hits

    def add(self, number: int, index: NDArray[np.intp], values: NDArray[np.float32]) -> None:
        """Note what a round replaced: from now on a decision can only change near it."""
        self._near = around(padded(index, self._columns, self._pad), self._window, self._size)


class NearChanges:
    """Where a search can differ from an earlier one; elsewhere the hits of that one hold.

    Parameters
    ----------
    before : Rounds
        What the earlier search found, with the same settings.
    moved : ndarray of int, shape (n,)
        Flat indices of the pixels that have changed since then, or may now be flagged, or no longer.
    shape : (int, int)
        Rows and columns of the frame.
    pad : int
        Pixels on each side by which the search pads the frame, and how far away a pixel can matter.
    """

    def __init__(self, before: Rounds, moved: NDArray[np.intp], shape: tuple[int, ...], pad: int):
        self._before = before
        self._columns, self._pad = shape[1], pad
        self._width = shape[1] + 2 * pad
        self._map = np.zeros((shape[0] + 2 * pad) * self._width, bool)
        self._moved = np.empty(0, np.intp)
        self._move(moved)

    def seeds(self, number: int) -> NDArray[np.intp]:
        """Tell where a round must look: where it can differ, and at old hits that may grow to there. Padded.

        Parameters
        ----------
        number : int
            Of the round.
        """
        old = self._old(number)
        reach = around(self._moved, self._window(0), self._map.size)
        return union(reach, old[self._near(old, 2 * _GROWTH)])

    def complete(self, hits: NDArray[np.intp], number: int) -> NDArray[np.intp]:
        """Return the hits of a round: those found where it can differ, and elsewhere the earlier ones. Padded."""
        old = self._old(number)
        return union(hits[self._near(hits, _GROWTH)], old[~self._near(old, _GROWTH)])

    def add(self, number: int, index: NDArray[np.intp], values: NDArray[np.float32]) -> None:
        """Note what a round did differently: the next one can differ near it too."""
        self._move(differing(index, values, *self._before.round(number)))

    def _move(self, index: NDArray[np.intp]) -> None:
        moved = padded(index, self._columns, self._pad)
        self._map[moved] = True
        self._moved = union(self._moved, moved)

    def _old(self, number: int) -> NDArray[np.intp]:
        return padded(self._before.round(number)[0], self._columns, self._pad)

    def _window(self, further: int) -> NDArray[np.int64]:
        width = 2 * (self._pad + further) + 1
        return window_offsets((width, width), self._width)

    def _near(self, index: NDArray[np.intp], further: int) -> NDArray[np.bool_]:
        """Tell which pixels have moved ones within the pad's width and `further`."""
        place = index[:, None] + self._window(further)
        return np.any(self._map.take(place, mode="clip"), axis=1)


def padded(index: NDArray[np.intp], columns: int, pad: int) -> NDArray[np.intp]:
    """Return flat indices of a frame as those of the padded frame."""
    row, column = np.divmod(index, columns)
    return (row + pad) * (columns + 2 * pad) + column + pad
