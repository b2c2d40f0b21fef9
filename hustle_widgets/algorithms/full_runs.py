"""Full pixels of a trace, taken together in their column: what runs over from one stays among them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.series import Floats

__all__ = ["FULL_WELL", "FullRuns", "full_in_two", "full_runs"]

FULL_WELL = 60_000.0  # [e-]; 63 000 to 72 000 over the detector (WFC3 IHB 5)


class FullRuns(NamedTuple):
    """Runs of full pixels, each in one column and without a gap.

    A full pixel does not follow the star, but the charge of a run does: it is that of the light that fell on it.

    Attributes
    ----------
    pixels : ndarray of int, shape (n_pixels,)
        Sorted flat indices into a frame.
    run : ndarray of int, shape (n_pixels,)
        Number of the run of each.
    size : ndarray of int, shape (n_runs,)
        Pixels of each run.
    light : ndarray, shape (n_runs, n_frames)
        Sum over a run, the sky taken off [e-]; NaN where a pixel has no value.
    full : ndarray, shape (n_runs, n_frames)
        The same over those of its pixels that are full in that frame; 0 where none is.
    whole : ndarray of bool, shape (n_runs,)
        Runs that end in the frame: what runs over its edge is not seen.
    """

    pixels: NDArray[np.intp]
    run: NDArray[np.intp]
    size: NDArray[np.intp]
    light: Floats
    full: Floats
    whole: NDArray[np.bool_]

    def any_of(self, marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell in which frames any pixel of a run is marked, from (n_pixels, n_frames) to (n_runs, n_frames)."""
        found = np.zeros(self.light.shape, bool)
        np.logical_or.at(found, self.run, marked)
        return found


def full_in_two(light: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which series, (n_pixels, n_frames), are full in two frames or more: one may be a cosmic ray's."""
    two = np.sort(light, axis=1)[:, -2] if light.shape[1] > 1 else light[:, 0]
    return np.asarray(two > FULL_WELL)


def full_runs(pixels: NDArray[np.intp], light: NDArray[np.float32], shape: tuple[int, int]) -> FullRuns:
    """Gather the runs of full pixels.

    Parameters
    ----------
    pixels : ndarray of int, shape (n_pixels,)
        Sorted flat indices of the full pixels and those beside them in their column.
    light : ndarray, shape (n_pixels, n_frames)
        Their values, the sky taken off [e-].
    shape : tuple of int
        (rows, columns) of a frame.

    Examples
    --------
    >>> import numpy as np
    >>> runs = full_runs(np.array([1, 3, 4, 9, 10]), np.ones((5, 2), np.float32), (4, 3))  # columns 1, 0, 1, 0, 1
    >>> runs.run, runs.size, runs.light[:, 0]
    (array([2, 0, 2, 1, 3]), array([1, 1, 2, 1]), array([1., 1., 2., 1.]))
    """
    row, column = np.divmod(pixels, shape[1])
    order = np.lexsort((row, column))
    apart = (np.diff(column[order]) != 0) | (np.diff(row[order]) != 1)
    run = np.empty(pixels.size, np.intp)
    run[order] = np.concatenate([np.zeros(min(1, pixels.size), np.intp), np.cumsum(apart)])
    size = np.bincount(run) if run.size else np.empty(0, np.intp)
    together, full = np.zeros((size.size, light.shape[1])), np.zeros((size.size, light.shape[1]))
    np.add.at(together, run, light)
    np.add.at(full, run, np.where(light > FULL_WELL, light, 0))
    whole = np.ones(size.size, bool)
    whole[run[((row == 0) | (row == shape[0] - 1)) & (light > FULL_WELL).any(axis=1)]] = False
    return FullRuns(pixels, run, size, together, full, whole)
