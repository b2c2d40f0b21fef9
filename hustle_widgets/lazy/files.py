"""Errors and flags of a visit, left in its files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from numpy.typing import NDArray

from hustle_widgets.lazy.arrays import FrameArray
from hustle_widgets.reading.planes import FilesGoneError, ImageSet

_from_memory: ContextVar[bool] = ContextVar("flags are taken from memory", default=False)


@contextmanager
def kept_flags() -> Iterator[None]:
    """Within it, flags are those that were kept when the visit was loaded: its files need not be there."""
    token = _from_memory.set(True)
    try:
        yield
    finally:
        _from_memory.reset(token)


class FileFrames(FrameArray):
    """The errors or the flags of a visit, read from its files.

    Parameters
    ----------
    what : {'errors', 'flags'}
    sets : sequence of ImageSet
        One a frame.
    dtype : dtype
    flags : FlaggedPixels, optional
        What was kept of the flags, for who needs them without the files.
    """

    def __init__(self, what: str, sets: Sequence[ImageSet], dtype: Any, flags: Any = None) -> None:
        super().__init__((len(sets), *sets[0].science.shape), dtype)
        self.what, self.sets, self.flags = what, tuple(sets), flags

    def frame(self, number: int, rows: slice) -> NDArray[Any]:
        """Read a band of rows of one frame."""
        if self.flags is not None and _from_memory.get():
            return self.flags[number, rows].astype(self.dtype, copy=False)
        source = self.sets[number]
        source.check()
        try:
            return getattr(source, self.what)(rows).astype(self.dtype, copy=False)
        except OSError as error:
            raise FilesGoneError(f"{source.path} cannot be read any more: {error}.") from error
