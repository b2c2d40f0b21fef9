"""Pixels' time series in groups small enough for the processor's cache, their medians, and hits among them.

A group is laid out (series, time). Medians come from a full ``numpy.sort`` of the rows: for some tens of frames
it is about four times faster than a partition, and it releases the interpreter lock.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Floats",
    "Hits",
    "as_cube",
    "by_groups",
    "in_place",
    "joined",
    "moments",
    "places",
    "row_medians",
    "series_of",
]

Floats = NDArray[np.float64]
# series, frame, replacement and round (from 0) of every hit of a group of series
Hits = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32], NDArray[np.intp]]

_GROUP = 4096  # series a group: with 74 frames, 1.2 MB as float32


def as_cube(images: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the frames as a cube, or raise an error that says why they are none."""
    cube = np.asarray(images)
    if cube.ndim != 3 or cube.dtype.kind not in "fiu":
        raise ValueError(
            f"images must be numbers of shape (frame, row, column). Got {cube.dtype} of shape {cube.shape}."
        )
    return cube


def series_of(cube: NDArray[np.floating]) -> int:
    """Return how many series the frames hold."""
    return cube.shape[1] * cube.shape[2]


def by_groups(
    cube: NDArray[np.floating],
    work: Callable[[NDArray[np.float32]], Hits],
    chosen: NDArray[np.intp] | None = None,
) -> Hits:
    """Call `work` with a copy (series, time) of each group of pixels, and join the hits it returns."""
    flat = cube.reshape(len(cube), series_of(cube))
    some = None if chosen is None or chosen.size == flat.shape[1] else chosen
    number = flat.shape[1] if some is None else some.size
    hits: list[Hits] = []
    for start in range(0, number if len(cube) else 0, _GROUP):
        part = slice(start, start + _GROUP) if some is None else some[start : start + _GROUP]
        series = np.array(flat[:, part].T, dtype=np.float32, order="C")
        finite = np.isfinite(series)
        if not finite.all():
            series[~finite] = np.nan
        which, frame, value, rounds = work(series)
        hits.append((which + start if some is None else some[start + which], frame, value, rounds))
    return joined(hits)


def joined(hits: list[Hits]) -> Hits:
    """Put the hits of disjoint series together."""
    if not hits:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0, np.float32), np.empty(0, np.intp)
    which, frame, value, rounds = (np.concatenate(column) for column in zip(*hits, strict=True))
    return which, frame, value, rounds


def in_place(
    hits: Hits, shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.int64]]:
    """Return hits as mask, values in C order, and counts by round and frame."""
    which, frame, value, rounds = hits
    n_frames, n_rows, n_columns = shape
    n_rounds = int(rounds.max(initial=-1)) + 1
    counts = np.bincount(rounds * n_frames + frame, minlength=n_rounds * n_frames).reshape(n_rounds, n_frames)
    mask = np.zeros(shape, np.bool_)
    place = frame * (n_rows * n_columns) + which
    mask.reshape(-1)[place] = True
    return mask, value[np.argsort(place)], counts.astype(np.int64, copy=False)


def places(mask: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the True elements, as ``numpy.nonzero`` does but in half the time."""
    row, column = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return row, column


def row_medians(values: NDArray[np.floating]) -> Floats:
    """Give the median of the values of each row that are not NaN.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        Rows of values, NaN where there is none.

    Returns
    -------
    ndarray of float64, shape (n,)
        Medians; NaN for a row of NaN. The mean of the two middle values is taken in double precision.
    """
    if values.shape[1] == 0:
        return np.full(len(values), np.nan)
    ordered = np.sort(values, axis=1)
    return _middle(ordered, np.count_nonzero(~np.isnan(ordered), axis=1))


def _middle(ordered: NDArray[np.floating], number: NDArray[np.intp]) -> Floats:
    """Median of the first `number` values of each sorted row; NaN where there are none."""
    rows = np.arange(len(ordered))
    low = ordered[rows, np.maximum(number - 1, 0) // 2].astype(np.float64)
    return (low + ordered[rows, np.minimum(number // 2, ordered.shape[1] - 1)]) / 2


def moments(series: NDArray[np.float32]) -> tuple[Floats, Floats, Floats]:
    """Median, population standard deviation and largest deviation from the median of each series."""
    ordered = np.sort(series, axis=1)  # NaN last
    number = np.full(len(series), series.shape[1])
    with_nan = np.isnan(ordered[:, -1])
    if with_nan.any():
        number[with_nan] = np.count_nonzero(~np.isnan(ordered[with_nan]), axis=1)
    median = _middle(ordered, number)
    last = ordered[np.arange(len(series)), np.maximum(number - 1, 0)]
    peak = np.maximum(median - ordered[:, 0], last - median)
    # Sums of deviations from the median lose nothing: mean and median are within one standard deviation.
    deviation = ordered - median[:, None]
    if with_nan.any():
        deviation[np.isnan(deviation)] = 0
    total = np.einsum("ij->i", deviation)
    squares = np.einsum("ij,ij->i", deviation, deviation)
    counted = np.maximum(number, 1)
    spread = np.sqrt(np.maximum(squares - total * total / counted, 0) / counted)
    return median, spread, peak
