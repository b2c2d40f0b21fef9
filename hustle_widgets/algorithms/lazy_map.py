"""Maps of a frame that are computed only where they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .changes import distinct
from .neighbours import medians_at

__all__ = ["LazyMap", "around"]

_FEW = 16_384  # pixels that are sooner sorted than marked on the whole map

_rooms = threading.local()


def _room(name: str, size: int, kind: DTypeLike) -> NDArray[Any]:
    """Return memory that this thread uses again for the next frame: new pages take a third of the time."""
    rooms = vars(_rooms)
    if name not in rooms or rooms[name].size < size:
        rooms[name] = np.empty(size, kind)
    return rooms[name][:size]


class LazyMap:
    """A map of which a pixel's value is computed when it is first asked for.

    Parameters
    ----------
    name : str
        A thread has one map of each name at a time: the next one takes over its memory.
    size : int
        Pixels.
    compute : callable
        compute(index) -> values at flat indices.
    """

    def __init__(self, name: str, size: int, compute: Callable[[NDArray[np.intp]], NDArray]):
        self._values = _room(f"{name} values", size, np.float32)
        self._known = _room(f"{name} known", size, bool)
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
    marked = _room("around", size + 2 * margin, bool)
    marked.fill(False)
    for offset in offsets:
        marked[index + (offset + margin)] = True
    return np.flatnonzero(marked[margin : size + margin])
