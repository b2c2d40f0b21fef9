"""Made-up light that goes into a visit before all steps: a scaling of the target, and electrons at known places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.deltas import concatenated_ranges


@dataclass(frozen=True, eq=False)
class Injection:
    """A scaling and a patch, applied to whichever frames are asked for; no second cube.

    Parameters
    ----------
    factor : ndarray of float, shape (frames,)
        What the target's light is multiplied by in each frame of the visit.
    light : ndarray of bool, shape (rows, columns)
        Where there is light of the target.
    level : ndarray of float, shape (frames,)
        Light of a pixel that is not the target's and stays: the sky [e-].
    index : ndarray of int, shape (n,)
        Sorted flat indices into the visit (frame, row, column), each once.
    electrons : ndarray of float32, shape (n,)
        What is added there.
    token : str
        Tells one injection from another.
    words : str
        What was injected, for people: it goes wherever the result goes.
    origin : object
        The source of the visit as it was observed.
    """

    factor: NDArray[np.float64]
    light: NDArray[np.bool_]
    level: NDArray[np.float64]
    index: NDArray[np.int64]
    electrons: NDArray[np.float32]
    token: str
    words: str
    origin: object = None

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        arrays = (self.factor, self.light, self.level, self.index, self.electrons)
        return sum(array.nbytes for array in arrays)

    def apply(self, images: NDArray[np.float32], numbers: NDArray[np.intp], rows: slice) -> None:
        """Put the light into a block, in place.

        Parameters
        ----------
        images : ndarray, shape (frames, rows, columns)
            Frames of the visit as they were read.
        numbers : ndarray of int, shape (frames,)
            Which frames of the visit they are.
        rows : slice
            Which rows.
        """
        light = self.light[rows]
        lit = np.flatnonzero(light.any(axis=0))
        if lit.size:
            columns = slice(int(lit[0]), int(lit[-1]) + 1)
            share = light[:, columns].astype(np.float32)
            for image, number in zip(images, numbers, strict=True):
                dimmed = np.float32(1 - self.factor[number])
                if dimmed:
                    part = image[:, columns]
                    part -= dimmed * share * (part - np.float32(self.level[number]))
        n_rows, n_columns = self.light.shape
        height = images.shape[1]
        first = np.asarray(numbers, dtype=np.int64) * n_rows * n_columns + rows.start * n_columns
        low, high = (
            np.searchsorted(self.index, first),
            np.searchsorted(self.index, first + height * n_columns),
        )
        entries = concatenated_ranges(low, high)
        shift = np.repeat(np.arange(len(images)) * height * n_columns - first, high - low)
        images.reshape(-1)[self.index[entries] + shift] += self.electrons[entries]
