"""Pixels that the HST pipeline flagged: which they are, and what replaces them.

DQ values are sums of bits. The FITS files hold them as signed integers, so bit 15 shows as a negative number;
here they are always read as bits.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.series import row_medians

__all__ = ["FIRST_TEMPORAL", "HALO", "count_bits", "flagged", "replace_flagged"]

FIRST_TEMPORAL = 4096  # flags from here on mark cosmic rays: the pixel itself is good in other frames
HALO = 3  # rows needed on each side: the neighbourhood is 7 x 7

_AT_ONCE = 4096  # neighbourhoods or series gathered at once


def count_bits(hst_dq: NDArray[np.integer]) -> dict[int, int]:
    """Count the pixels that carry each flag.

    Parameters
    ----------
    hst_dq : ndarray of int, shape (frame, row, column) or any other
        DQ values.

    Returns
    -------
    dict of int to int
        Number of pixels of each flag that occurs, by increasing flag.

    Raises
    ------
    ValueError
        If `hst_dq` is not made of integers.

    Examples
    --------
    >>> import numpy as np
    >>> count_bits(np.array([0, 16, 16 + 4096, -32768], dtype=np.int16))
    {16: 2, 4096: 1, 32768: 1}
    """
    bits = np.atleast_1d(_as_bits(hst_dq))
    counts: dict[int, int] = {}
    for frame in bits:
        present = int(np.bitwise_or.reduce(frame, axis=None))
        for exponent in range(present.bit_length()):
            flag = 1 << exponent
            if present & flag:
                counts[flag] = counts.get(flag, 0) + int(np.count_nonzero(frame & bits.dtype.type(flag)))
    return dict(sorted(counts.items()))


def flagged(hst_dq: NDArray[np.integer], hst_flags: Iterable[int]) -> NDArray[np.bool_]:
    """Tell which pixels carry at least one of the given flags.

    Parameters
    ----------
    hst_dq : ndarray of int
        DQ values of any shape.
    hst_flags : iterable of int
        Flags, each a power of two or a sum of some; 0 is no flag.

    Returns
    -------
    ndarray of bool, shape of `hst_dq`

    Raises
    ------
    ValueError
        If a flag is not an int >= 0, or `hst_dq` is not made of integers.
    """
    bits = _as_bits(hst_dq)
    return _carry(bits, _union(hst_flags))


def replace_flagged(
    images: NDArray[np.floating],
    hst_dq: NDArray[np.integer],
    hst_flags: Iterable[int],
    core: slice = slice(None),
) -> tuple[NDArray[np.bool_], NDArray[np.float32], int]:
    """Replace flagged pixels by a median of unflagged ones, in space or in time.

    Parameters
    ----------
    images : ndarray, shape (frame, row, column)
        All frames of a band of rows [e-], with `HALO` more rows on each side where the frame has them.
    hst_dq : ndarray of int, same shape
        DQ values.
    hst_flags : iterable of int
        Flags to correct, each a power of two or a sum of some.
    core : slice
        The rows to correct; the others only serve as neighbours.

    Returns
    -------
    mask : ndarray of bool, shape (frame, rows in core, column)
        The pixels that were replaced.
    values : ndarray of float32, shape (number of True in mask,)
        Their replacements [e-], in C order of `mask`.
    unrepaired : int
        Flagged pixels of the core left as they were, because no unflagged pixel could replace them.

    Raises
    ------
    ValueError
        If shapes differ, a flag is not an int >= 0, or `hst_dq` is not made of integers.

    Notes
    -----
    A pixel with a flag below 4096 (bad, hot, saturated: the same in every frame) takes the median of the
    unflagged pixels of the 7 x 7 around it in its own frame, also when it has a higher flag as well. Where
    all of these are flagged, and for the flags from 4096 on (cosmic rays), it takes the median of the frames
    in which it is unflagged. "Unflagged" means finite and without any of `hst_flags`.

    Examples
    --------
    >>> import numpy as np
    >>> images, dq = np.ones((3, 5, 5), np.float32), np.zeros((3, 5, 5), np.int16)
    >>> images[1, 2, 2], dq[1, 2, 2] = 900, 4096
    >>> mask, values, unrepaired = replace_flagged(images, dq, [16, 4096])
    >>> np.argwhere(mask), values, unrepaired
    (array([[1, 2, 2]]), array([1.], dtype=float32), 0)
    """
    images, bits = np.asarray(images), _as_bits(hst_dq)
    if images.ndim != 3 or images.shape != bits.shape:
        raise ValueError(
            "images and hst_dq must have the same shape (frame, row, column). "
            f"Got {images.shape} and {bits.shape}."
        )
    union = _union(hst_flags)
    bad = _carry(bits, union)
    mask = bad[:, core].copy()
    first_row = core.indices(images.shape[1])[0]
    frame, row, column = np.nonzero(mask)
    row += first_row
    values = np.full(len(frame), np.nan, np.float32)
    in_space = np.flatnonzero(_carry(bits[frame, row, column], union & (FIRST_TEMPORAL - 1)))
    first = np.searchsorted(frame[in_space], np.arange(len(images) + 1))
    for k in range(len(images)):
        part = in_space[first[k] : first[k + 1]]
        if len(part):
            values[part] = _medians_in_space(_only_good(images[k], bad[k]), row[part], column[part])
    in_time = np.flatnonzero(np.isnan(values))
    values[in_time] = _medians_in_time(images, bad, row[in_time], column[in_time])
    repaired = np.isfinite(values)
    mask[mask] = repaired
    return mask, values[repaired], int(np.count_nonzero(~repaired))


def _medians_in_space(
    good: NDArray[np.float32], row: NDArray[np.intp], column: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the median of the 7 x 7 pixels around each pixel. Flagged pixels are NaN and are left out."""
    padded = np.pad(good, HALO, constant_values=np.nan)
    offset = np.arange(2 * HALO + 1)
    around = (offset[:, None] * padded.shape[1] + offset).ravel()
    corner = row * padded.shape[1] + column
    medians = np.empty(len(row))
    for start in range(0, len(row), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        medians[part] = row_medians(padded.ravel().take(corner[part, None] + around))
    return medians


def _medians_in_time(
    images: NDArray[np.floating], bad: NDArray[np.bool_], row: NDArray[np.intp], column: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the median of each pixel over the frames in which it has no flag."""
    n_columns = images.shape[2]
    series, back = np.unique(row * n_columns + column, return_inverse=True)
    medians = np.empty(len(series))
    for start in range(0, len(series), _AT_ONCE):
        rows, columns = np.divmod(series[start : start + _AT_ONCE], n_columns)
        values = _only_good(images[:, rows, columns], bad[:, rows, columns])
        medians[start : start + _AT_ONCE] = row_medians(np.ascontiguousarray(values.T))
    return medians[back]


def _only_good(values: NDArray[np.floating], bad: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the values, NaN where a pixel is flagged or not finite."""
    return np.where(bad | ~np.isfinite(values), np.float32(np.nan), values.astype(np.float32, copy=False))


def _as_bits(hst_dq: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
    """DQ values as unsigned integers of the same size, without a copy."""
    values = np.asarray(hst_dq)
    if values.dtype.kind not in "iu":
        raise ValueError(f"hst_dq must be made of integers. Got {values.dtype} instead.")
    return values.view(values.dtype.str.replace("i", "u"))


def _union(hst_flags: Iterable[int]) -> int:
    """All given flags in one number."""
    union = 0
    for flag in hst_flags:
        if isinstance(flag, bool) or not isinstance(flag, (int, np.integer)) or flag < 0:
            raise ValueError(f"hst_flags must be made of ints >= 0. Got {flag!r} instead.")
        union |= int(flag)
    return union


def _carry(bits: NDArray[np.unsignedinteger], union: int) -> NDArray[np.bool_]:
    """Tell which values have a bit in common with `union`. A bit that their type does not have cannot be set."""
    return (bits & bits.dtype.type(union & np.iinfo(bits.dtype).max)) != 0
