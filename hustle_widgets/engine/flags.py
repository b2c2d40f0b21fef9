"""Data quality flags of a visit, kept small: most pixels have none."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Flat indices and values of the flagged pixels of a frame, or, with many of them, None and all values.
_Kept = tuple[NDArray[np.int32] | None, NDArray[Any]]


class FlaggedPixels:
    """A cube of flags of which the flagged pixels are kept, a frame each.

    It is indexed as an array of (frame, row, column) is: by numbers and slices, the frames by an array of
    numbers too. What it gives is a fresh array.

    Parameters
    ----------
    frames : sequence of ndarray
        What `keep_flagged` made of each frame.
    shape : (int, int, int)
        Frames, rows and columns.
    """

    def __init__(self, frames: Sequence[_Kept], shape: tuple[int, ...]) -> None:
        self._frames = tuple(frames)
        self.shape = tuple(shape)
        kinds = {values.dtype for _, values in self._frames}
        self.dtype = np.result_type(*kinds) if kinds else np.dtype(np.uint16)

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        return sum(values.nbytes + (0 if index is None else index.nbytes) for index, values in self._frames)

    @property
    def digest(self) -> str:
        """A checksum of the flags."""
        found = zlib.crc32(repr((self.shape, self.dtype.str)).encode())
        for index, values in self._frames:
            if index is not None:
                found = zlib.crc32(index.data, found)
            found = zlib.crc32(values.data, found)
        return f"{found:08x}"

    def __getitem__(self, key: Any) -> NDArray[Any]:
        key = key if isinstance(key, tuple) else (key,)
        frames = np.arange(self.shape[0])[key[0]]
        rows, *columns = key[1:] or (slice(None),)
        bands = [self._band(int(number), rows)[..., *columns] for number in np.atleast_1d(frames)]
        if frames.ndim == 0:
            return bands[0]
        if not bands:
            return np.zeros((0, *self.shape[1:]), self.dtype)[:, rows][..., *columns]
        return np.stack(bands)

    def _band(self, number: int, rows: int | slice) -> NDArray[Any]:
        """Return some rows of a frame."""
        index, values = self._frames[number]
        n_rows, n_columns = self.shape[1:]
        if index is None:
            return values.reshape(n_rows, n_columns)[rows].astype(self.dtype)
        band = range(n_rows)[rows]
        start, stop = (band, band + 1) if isinstance(band, int) else (band.start, band.stop)
        if not isinstance(band, int) and band.step != 1:
            return self._band(number, slice(None))[rows]
        first, last = np.searchsorted(index, np.array([start, stop], index.dtype) * np.int32(n_columns))
        found = np.zeros((max(stop - start, 0), n_columns), self.dtype)
        found.reshape(-1)[index[first:last] - start * n_columns] = values[first:last]
        return found[0] if isinstance(band, int) else found


def keep_flagged(frame: NDArray[Any]) -> _Kept:
    """Keep the flagged pixels of one frame, or all of it where that is less.

    Parameters
    ----------
    frame : ndarray of int, shape (rows, columns)
    """
    flat = frame.reshape(-1)
    index = np.flatnonzero(flat != 0).astype(np.int32)
    if index.size * (4 + flat.itemsize) >= flat.nbytes:
        return None, flat.copy()
    return index, flat[index]
