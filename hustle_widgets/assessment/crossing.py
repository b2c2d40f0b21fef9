"""Rows beside a trace that the trace of another source crosses: they tell nothing of the sky."""

from __future__ import annotations

import math
from typing import Any

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, grey_opening

from hustle_widgets.algorithms.photometry import MAD_TO_SIGMA

# A trace with its wings is no wider than so many rows; a slope or a step of the sky is none.
WIDEST = 41
# A row is crossed when it stands out of the lowest on its two sides by so many times their scatter; so are
# those near it, which hold its wings.
STANDS_OUT, WINGS = 8.0, 14
# Fewer rows show no ridge as a whole.
FEWEST = 8


def crossed_rows(image: NDArray[np.floating[Any]], sky: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Find the rows of a part of a frame in which a compact ridge runs along the columns.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        Median of a few frames [e-].
    sky : ndarray of bool, same shape
        Pixels that hold no light of the target: rows on its two sides.

    Returns
    -------
    ndarray of bool, shape (rows,)
    """
    crossed = np.zeros(len(image), bool)
    rows = np.flatnonzero(sky.mean(axis=1) > 0.25)
    if rows.size < FEWEST:
        return crossed
    profile = bn.nanmedian(np.where(sky[rows], image[rows], np.nan), axis=1)
    profile = np.where(np.isfinite(profile), profile, bn.nanmedian(profile))
    noise = MAD_TO_SIGMA * float(bn.median(np.abs(np.diff(profile)))) / math.sqrt(2)
    if not noise > 0:
        return crossed
    for side in np.split(np.arange(rows.size), np.flatnonzero(np.diff(rows) > 1) + 1):
        if side.size < FEWEST:  # one flank at the edge of the frame
            crossed[rows[side]] = np.ptp(profile[side]) > STANDS_OUT * noise
            continue
        above = profile[side] - grey_opening(profile[side], WIDEST, mode="reflect")
        high = np.pad(above > STANDS_OUT * noise, 1)
        high &= np.roll(high, 1) | np.roll(high, -1)  # a single row is a fault of the detector
        crossed[rows[side]] = binary_dilation(high[1:-1], iterations=WINGS)
    return crossed


def rows_in_words(rows: NDArray[np.intp]) -> str:
    """Return sorted rows as '12 to 20 and 31 to 40'."""
    gaps = np.flatnonzero(np.diff(rows) > 1)
    ends = zip(rows[np.r_[0, gaps + 1]], rows[np.r_[gaps, rows.size - 1]], strict=True)
    return " and ".join(f"{low} to {high}" if high > low else f"{low}" for low, high in ends)
