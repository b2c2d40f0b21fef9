"""Where a saturated source has bled along its columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import label, maximum_filter

from hustle_widgets.algorithms.neighbours import as_frame

__all__ = ["bloom_mask"]

#: Columns on either side of a source in which its bloom is looked for.
REACH = 60


def bloom_mask(image: ArrayLike, position: tuple[float, float]) -> NDArray[np.bool_]:
    """Mask the core of a bright source and what bled from it along its columns.

    The steep ends and sides of a bloom look like outliers to Laplacian edge detection, and to a median filter
    along the rows; an unsaturated 0th order does not.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        The frame [e-].
    position : tuple of float
        (column, row) of the source, right to within 10 pixels.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        The connected pixels brighter than 0.3 of the peak, 2 pixels around them, and 15 pixels further along
        the columns, where a bloom fades. All False when there is nothing near the position.

    Notes
    -----
    The peak is the fifth brightest pixel within 10 pixels, so that no cosmic ray can be taken for it.
    """
    frame = as_frame(image)
    mask = np.zeros(frame.shape, bool)
    if not np.isfinite(position).all():
        return mask
    column, row = (round(value) for value in position)
    # A bloom is tall and narrow: all rows, but few of the columns, need be looked at.
    left = max(column - REACH, 0)
    band = np.s_[:, left : max(column + REACH + 1, 0)]
    pixels = frame[band]
    near = np.s_[max(row - 10, 0) : max(row + 11, 0), max(column - 10 - left, 0) : max(column + 11 - left, 0)]
    if pixels[near].size < 5:
        return mask
    peak = np.sort(np.nan_to_num(pixels[near], nan=0.0, posinf=0.0, neginf=0.0), axis=None)[-5]
    if not peak > 0:
        return mask
    labels, _ = label((pixels > 0.3 * peak) & (pixels < np.inf), np.ones((3, 3)))
    inside = labels[near]
    core = labels == np.bincount(inside[inside > 0]).argmax()
    down, across = 2 + 15, 2
    rows, columns = (np.flatnonzero(core.any(axis=axis)) for axis in (1, 0))
    part = np.s_[
        max(rows[0] - down, 0) : rows[-1] + down + 1, max(columns[0] - across, 0) : columns[-1] + across + 1
    ]
    size = (2 * down + 1, 2 * across + 1)
    mask[band][part] = maximum_filter(core[part].view(np.uint8), size=size, mode="constant").view(bool)
    return mask
