"""Maps of a frame that are computed only where they are asked for."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from hustle_widgets.algorithms.changes import distinct
from hustle_widgets.algorithms.neighbours import medians_at

__all__ = ["LazyMap", "around"]

_FEW = 16_384  # pixels that are sooner sorted than marked on the whole map


class _Memory(threading.local):
    """Memory that a thread uses again for the next frame: new pages take a third of the time.

    What is taken belongs to one user until it is put back, so that two users never share it.
    """

    def __init__(self) -> None:
        self.free: list[NDArray[Any]] = []

    def take(self, size: int, kind: DTypeLike) -> NDArray[Any]:
        """Return an array of at least this size, not initialized."""
        fitting = [array for array in self.free if array.dtype == kind]
        for array in fitting:
            if array.size >= size:
                self._drop(array)
                return array
        for array in fitting:  # frames have become larger
            self._drop(array)
        return np.empty(size, kind)

    def _drop(self, array: NDArray[Any]) -> None:
        self.free[:] = [other for other in self.free if other is not array]


_memory = _Memory()


class LazyMap:
    """A map whose values are computed when they are first asked for.

    When nobody refers to the map any more, its memory serves another one.

    Parameters
    ----------
    size : int
        Pixels.
    compute : callable
        compute(index) -> values at flat indices.
    """

    def __init__(self, size: int, compute: Callable[[NDArray[np.intp]], NDArray]):
        values, known = _memory.take(size, np.float32), _memory.take(size, bool)
        weakref.finalize(self, _memory.free.extend, (values, known)).atexit = False
        self._values, self._known = values[:size], known[:size]
        self._known.fill(False)
        self._compute = compute

    def at(self, index: NDArray[np.intp]) -> NDArray[np.float32]:
        """Values at flat indices."""
        missing = index[~self._known.take(index)]
        if missing.size:
            self._values[missing] = self._compute(missing)
            self._known[missing] = True
        return self._values.take(index)

    def medians(self, index: NDArray[np.intp], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
        """Median of the map in the window around each pixel."""
        self.at(around(index, offsets, self._values.size))
        return medians_at(self._values, index, offsets)

    def forget(self, index: NDArray[np.intp]) -> None:
        """Compute these anew when they are asked for."""
        self._known[index] = False


def around(index: NDArray[np.intp], offsets: NDArray[np.int64], size: int) -> NDArray[np.intp]:
    """Flat indices of all pixels in the windows around `index`, each once, in order."""
    if index.size * offsets.size <= _FEW:
        near = distinct((index[:, None] + offsets).ravel())
        return near[np.searchsorted(near, 0) : np.searchsorted(near, size)]
    margin = int(np.abs(offsets).max())
    taken = _memory.take(size + 2 * margin, bool)
    marked = taken[: size + 2 * margin]
    marked.fill(False)
    for offset in offsets:
        marked[index + (offset + margin)] = True
    found = np.flatnonzero(marked[margin : size + margin])
    _memory.free.append(taken)
    return found
