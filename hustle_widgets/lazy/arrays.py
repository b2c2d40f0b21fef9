"""A cube that is made frame by frame, and xarray variables of it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing


class FrameArray(BackendArray):
    """A cube (frame, row, column) of which frames are made when they are asked for.

    Every part that is indexed is a fresh array, so that nothing done to it reaches what it was made of. Several
    threads may index at once.

    Parameters
    ----------
    shape : (int, int, int)
        Frames, rows and columns.
    dtype : dtype
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape = tuple(int(size) for size in shape)
        self.dtype = np.dtype(dtype)

    @abstractmethod
    def frame(self, number: int, rows: slice) -> NDArray[Any]:
        """Make a band of rows of one frame, shape (rows, columns); an array of its own."""

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        if isinstance(key, (indexing.BasicIndexer, indexing.OuterIndexer)):
            return self._of_axes(key.tuple)
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._of_axes
        )

    def _of_axes(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Index each axis on its own: by a number, a slice, or an array of numbers."""
        frames, rows, columns = (np.arange(n)[part] for n, part in zip(self.shape, key, strict=True))
        if not (frames.size and rows.size and columns.size):
            return np.empty(frames.shape + rows.shape + columns.shape, self.dtype)
        band = slice(int(rows.min()), int(rows.max()) + 1)
        inside = key[1] if band == slice(0, self.shape[1]) else rows - band.start
        found = None
        for place, number in enumerate(frames.ravel()):
            part = self.frame(int(number), band)[inside][..., key[2]]
            if frames.ndim == 0:
                return part
            if found is None:
                found = np.empty((frames.size, *part.shape), self.dtype)
            found[place] = part
        assert found is not None
        return found


class VariableFrames(FrameArray):
    """The cube of a variable, of which every part is copied when it is indexed."""

    def __init__(self, variable: xr.Variable) -> None:
        super().__init__(variable.shape, variable.dtype)
        self.variable = variable

    def frame(self, number: int, rows: slice) -> NDArray[Any]:
        """Copy a band of rows of one frame."""
        return np.array(self.variable[number, rows].values)


class Cube:
    """A variable as the engine indexes it: only what is indexed is read.

    Parameters
    ----------
    variable : Variable
        Of (frame, row, column).
    digest : str
        Tells its values from others, '' if only they can tell.
    """

    def __init__(self, variable: xr.Variable, digest: str = "") -> None:
        self.variable, self.digest = variable, digest
        self.shape, self.dtype = variable.shape, variable.dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        return np.asarray(self.variable[key].values)


def lazy_variable(
    dims: Sequence[Hashable], array: FrameArray, attrs: Mapping[str, Any] | None = None
) -> xr.Variable:
    """Return a variable of a cube that is not made yet; to write to it makes a copy that is its own."""
    lazy: Any = indexing.LazilyIndexedArray(array)
    return xr.Variable(dims, indexing.CopyOnWriteArray(lazy), dict(attrs or {}))


def in_memory(variable: xr.Variable) -> bool:
    """Tell whether the values of a cube are an array already: two looks at them are at the same memory."""
    if variable.chunks or not variable.size:
        return not variable.chunks
    try:
        first, second = (variable[:1, :1, :1].data for _ in range(2))
    except OSError:  # its file has gone
        return False
    return bool(np.shares_memory(first, second))


def frame_runs(variable: xr.Variable) -> Iterator[slice]:
    """Yield slices of frames to read at once: dask's chunks, or single frames."""
    sizes = variable.chunks[0] if variable.chunks else (1,) * variable.shape[0]
    start = 0
    for size in sizes:
        yield slice(start, start + size)
        start += size
