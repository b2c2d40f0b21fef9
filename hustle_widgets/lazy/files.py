"""Errors and flags of a visit, left in its files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.lazy.arrays import FrameArray
from hustle_widgets.reading.planes import FilesGoneError, ImageSet


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
        source = self.sets[number]
        source.check()
        try:
            return getattr(source, self.what)(rows).astype(self.dtype, copy=False)
        except OSError as error:
            raise FilesGoneError(f"{source.path} cannot be read any more: {error}.") from error

    def digest(self, numbers: NDArray[np.intp]) -> str:
        """Tell the values of some frames from others, without reading them."""
        return ",".join(self.sets[number].checksum for number in numbers)
