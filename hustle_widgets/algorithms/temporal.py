"""Outliers of each pixel's time series: fixed iteration and iteration until stable.

Both work on small groups of series, laid out (series, time).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.series import (
    Floats,
    Hits,
    as_cube,
    by_groups,
    in_place,
    joined,
    moments,
    places,
    row_medians,
    series_of,
)

__all__ = ["Peaks", "Settled", "clip_fixed", "clip_until_stable", "farthest_lone_outlier"]

_WINDOWS = 8192  # running windows gathered at once
# Deviations this close to the threshold (relative) are tested with numpy's own standard deviation, whose
# rounding differs from that of the sums used here.
_TIE = 1e-10
_CLOSE = 1e-6  # thresholds this close (relative) to a deviation kept as float32 are not told from it


class Peaks:
    """How far the farthest value of each series lies. The next call of :func:`clip_fixed` makes use of it.

    No iteration changes a series that has no value beyond the smallest threshold.

    Parameters
    ----------
    n_series : int
        Rows times columns of the frames.

    Attributes
    ----------
    deviation : ndarray of float32, shape (n_series,)
        From the median, in standard deviations; NaN where it is not known yet.
    """

    def __init__(self, n_series: int) -> None:
        self.deviation = np.full(n_series, np.nan, np.float32)

    def reaching(self, sigma: float) -> NDArray[np.intp]:
        """Return the series with a value that far away, and those not known yet."""
        return np.flatnonzero(~(self.deviation < sigma * (1 - _CLOSE)))

    def forget(self, series: NDArray[np.intp]) -> None:
        """Look at these series again at the next call: they have changed."""
        self.deviation[series] = np.nan


def clip_fixed(
    images: NDArray[np.floating],
    fixed_sigmas: Sequence[float],
    replacement: int | None = None,
    peaks: Peaks | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.int64]]:
    """Replace outliers in time, once for each given threshold.

    Parameters
    ----------
    images : ndarray, shape (frame, row, column)
        Frames [e-]. Values that are not finite are ignored and never flagged.
    fixed_sigmas : sequence of float
        Threshold of each iteration, in standard deviations.
    replacement : int or None
        None: a flagged value becomes the median of its whole series. An int n: the median of the unflagged
        values of frames k-n..k+n, without frame k, clipped at the ends of the visit; where all of these are
        flagged, the median of all unflagged values of the series.
    peaks : Peaks, optional
        Of an earlier call with the same images: only series that reach a threshold are looked at again. Is
        brought up to date.

    Returns
    -------
    mask : ndarray of bool, shape (frame, row, column)
        The values that were replaced.
    values : ndarray of float32, shape (number of True in mask,)
        Their replacements [e-], in C order of `mask`.
    counts : ndarray of int64, shape (len(fixed_sigmas), frame)
        Values flagged for the first time, by iteration and frame.

    Raises
    ------
    ValueError
        If a threshold is not a positive number, `replacement` is no int above 0, or `images` is no cube.

    Notes
    -----
    Each iteration takes median m and population standard deviation s of each series as the iteration before
    left it (double precision), and flags ``abs(x - m) > sigma * s``. "Unflagged" counts this iteration and
    all earlier ones, so that a running median is made of measured values only. A constant series has s = 0
    and is left alone.

    With N frames a lone outlier reaches at most ``N / sqrt(N - 1)`` standard deviations.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.tile(np.float32([[[1]], [[2]], [[3]]]), (4, 1, 1))
    >>> images[5] = 900
    >>> mask, values, counts = clip_fixed(images, [3])
    >>> np.flatnonzero(mask), values, counts.sum()
    (array([5]), array([2.], dtype=float32), np.int64(1))
    """
    sigmas = [_positive("fixed_sigmas", sigma) for sigma in fixed_sigmas]
    if replacement is not None:
        whole = isinstance(replacement, (int, np.integer)) and not isinstance(replacement, bool)
        if not whole or replacement < 1:
            raise ValueError(f"replacement must be None or an int > 0. Got {replacement!r} instead.")
    cube = as_cube(images)
    peaks = peaks or Peaks(series_of(cube))
    again = peaks.reaching(min(sigmas, default=np.inf))
    deviations: list[Floats] = []

    def work(series: NDArray[np.float32]) -> Hits:
        hits, deviation = _fixed(series, sigmas, replacement)
        deviations.append(deviation)
        return hits

    hits = by_groups(cube, work, again)
    if deviations:
        peaks.deviation[again] = np.concatenate(deviations)
    mask, values, counts = in_place(hits, cube.shape)
    missing = len(sigmas) - len(counts)
    return mask, values, np.pad(counts, ((0, missing), (0, 0)))


class Settled:
    """How the series of a visit ended in :func:`clip_until_stable`. The next call, with another threshold, uses it.

    A series is clipped in the same way by all thresholds between the largest deviation that was kept, in any
    round, and the smallest that was rejected: it need not be clipped again.

    Parameters
    ----------
    n_series : int
        Rows times columns of the frames.

    Attributes
    ----------
    low, high : ndarray of float32, shape (n_series,)
        Those deviations in standard deviations; NaN where the series was not clipped yet.
    hits : Hits
        What was rejected.
    """

    def __init__(self, n_series: int) -> None:
        self.low = np.full(n_series, np.nan, np.float32)
        self.high = np.full(n_series, np.nan, np.float32)
        self.hits = joined([])

    def differs(self, sigma: float) -> NDArray[np.intp]:
        """Return the series that this threshold may clip in another way."""
        return np.flatnonzero(~((self.low < sigma * (1 - _CLOSE)) & (self.high > sigma * (1 + _CLOSE))))

    def forget(self, series: NDArray[np.intp]) -> None:
        """Clip these series again at the next call: they have changed."""
        self.take(series, joined([]), np.nan, np.nan)

    def take(self, series: NDArray[np.intp], hits: Hits, low: Floats | float, high: Floats | float) -> None:
        """Replace what is known of some series."""
        again = np.zeros(self.low.size, bool)
        again[series] = True
        stay = ~again[self.hits[0]]
        which, frame, value, rounds = self.hits
        self.hits = joined([(which[stay], frame[stay], value[stay], rounds[stay]), hits])
        self.low[series], self.high[series] = low, high


def clip_until_stable(
    images: NDArray[np.floating],
    free_sigma: float,
    settled: Settled | None = None,
    apart: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.int64]]:
    """Reject outliers in time until the number of kept values no longer changes.

    Parameters
    ----------
    images : ndarray, shape (frame, row, column)
        Frames [e-]. Values that are not finite are ignored and never flagged.
    free_sigma : float
        Threshold in standard deviations.
    settled : Settled, optional
        Of an earlier call with the same images: only series that come out differently are clipped again.
        Is brought up to date.
    apart : ndarray of bool, shape (row, column), optional
        Pixels whose series nothing is rejected of.

    Returns
    -------
    mask : ndarray of bool, shape (frame, row, column)
        The values that were rejected.
    values : ndarray of float32, shape (number of True in mask,)
        Their replacements [e-]: the last median of their series, in C order of `mask`.
    counts : ndarray of int64, shape (rounds, frame)
        Rejected values by frame and by the round since which they have been rejected; the sum over rounds is
        the number of rejected values of each frame.

    Raises
    ------
    ValueError
        If `free_sigma` is not a positive number or `images` is no cube.

    Notes
    -----
    Each round takes median m and population standard deviation s of the kept values of each series (double
    precision) and keeps ``abs(x - m) < free_sigma * s``, tested on all values again. A series is finished
    when the number kept has not changed, or after as many rounds as there are frames. A round that would keep
    nothing is not applied and ends the series: so a constant series is left alone, and a lone outlier on a
    constant series is replaced by the constant.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.tile(np.float32([[[1]], [[2]], [[3]]]), (4, 1, 1))
    >>> images[5], images[7] = 900, 60
    >>> mask, values, counts = clip_until_stable(images, 3)
    >>> np.flatnonzero(mask), values, counts.sum(axis=1)
    (array([5, 7]), array([2., 2.], dtype=float32), array([1, 1]))
    """
    sigma = _positive("free_sigma", free_sigma)
    cube = as_cube(images)
    settled = settled or Settled(series_of(cube))
    again = settled.differs(sigma)
    bounds: list[tuple[Floats, Floats]] = []

    def work(series: NDArray[np.float32]) -> Hits:
        hits, low, high = _until_stable(series, sigma)
        bounds.append((low, high))
        return hits

    hits = by_groups(cube, work, again)
    if bounds:
        low, high = (np.concatenate(part) for part in zip(*bounds, strict=True))
        settled.take(again, hits, low, high)
    hits = settled.hits
    if apart is not None:
        stay = ~apart.reshape(-1)[hits[0]]
        hits = (hits[0][stay], hits[1][stay], hits[2][stay], hits[3][stay])
    return in_place(hits, cube.shape)


def farthest_lone_outlier(n_frames: int) -> float:
    """Return how many standard deviations a lone outlier lies off the median of n frames, however large it is."""
    return n_frames / float(np.sqrt(n_frames - 1)) if n_frames > 1 else 0.0


def _exact_limits(limit: Floats, distance: Floats, sigma: float, used: NDArray[np.float32]) -> Floats:
    """Thresholds of the series, with numpy's standard deviation where a value lies on the threshold."""
    # Few values reach the threshold, and only these can lie on it.
    which, frame = places(distance > (limit * (1 - _TIE))[:, None])
    on_it = distance[which, frame] < (limit * (1 + _TIE))[which]
    for row in np.unique(which[on_it]):
        values = used[row].astype(np.float64)
        limit[row] = sigma * np.std(values[~np.isnan(values)])
    return limit


def _fixed(series: NDArray[np.float32], sigmas: list[float], half_width: int | None) -> tuple[Hits, Floats]:
    """Run the fixed iterations on a group of series, changing them in place; also how far each one reaches."""
    born = np.zeros(series.shape, np.uint16)  # 1 + the iteration of the first hit
    median, spread, peak = moments(series)
    deviation = _in_sigmas(peak, spread)
    for iteration, sigma in enumerate(sigmas):
        # A series that the last iteration left alone has the same median and spread, so its peak is still right.
        rows = np.flatnonzero((peak > 0) & (peak >= sigma * spread * (1 - _TIE)))
        current = np.take(series, rows, axis=0)
        distance = np.abs(current - median[rows, None])
        hit = distance > _exact_limits(sigma * spread[rows], distance, sigma, current)[:, None]
        any_hit = hit.any(axis=1)
        rows, hit, current = rows[any_hit], hit[any_hit], current[any_hit]
        which, frame = places(hit)
        first = np.take(born, rows, axis=0)
        first[hit & (first == 0)] = iteration + 1
        born[rows] = first
        if half_width is None:
            current[hit] = median[rows[which]]
        else:
            measured = np.where(first == 0, current, np.float32(np.nan))
            current[hit] = _running_medians(measured, which, frame, half_width, median[rows])
        series[rows] = current
        if iteration + 1 < len(sigmas):
            median[rows], spread[rows], peak[rows] = moments(current)
    which, frame = places(born > 0)
    return (which, frame, series[which, frame], born[which, frame].astype(np.intp) - 1), deviation


def _in_sigmas(peak: Floats, spread: Floats) -> Floats:
    """Return the largest deviation of each series; 0 of a constant one, or one without a value."""
    return np.divide(peak, spread, out=np.zeros_like(peak), where=(peak > 0) & (spread > 0))


def _running_medians(
    measured: NDArray[np.float32],
    which: NDArray[np.intp],
    frame: NDArray[np.intp],
    half_width: int,
    otherwise: Floats,
) -> Floats:
    """Medians about the given frames; of the whole series, then `otherwise`, where a window is empty.

    `measured` is NaN where flagged, so in the middle of each window as well.
    """
    n_frames = measured.shape[1]
    offsets = np.arange(-min(half_width, n_frames), min(half_width, n_frames) + 1)
    result = np.empty(len(which))
    for start in range(0, len(which), _WINDOWS):
        part = slice(start, start + _WINDOWS)
        place = frame[part, None] + offsets
        inside = (place >= 0) & (place < n_frames)
        window = measured[which[part, None], np.where(inside, place, 0)]
        window[~inside] = np.nan
        result[part] = row_medians(window)
    empty = np.isnan(result)
    if empty.any():
        rows, back = np.unique(which[empty], return_inverse=True)
        whole = row_medians(measured[rows])
        result[empty] = np.where(np.isnan(whole), otherwise[rows], whole)[back]
    return result


def _until_stable(series: NDArray[np.float32], sigma: float) -> tuple[Hits, Floats, Floats]:
    """Reject rounds of outliers of a group of series, each leaving when it is finished.

    Also between which thresholds each series comes out the same, see `Settled`.
    """
    n_frames = series.shape[1]
    median, spread, peak = moments(series)
    low = _in_sigmas(peak, spread)
    high = np.full(low.shape, np.inf)
    active = np.flatnonzero((peak > 0) & (peak >= sigma * spread * (1 - _TIE)))
    low[active] = 0
    series, median, spread = np.take(series, active, axis=0), median[active], spread[active]
    kept = series  # with NaN for the rejected ones
    number = np.count_nonzero(~np.isnan(series), axis=1)
    born = np.zeros(series.shape, np.uint16)  # 1 + the round since which a value is rejected
    hits: list[Hits] = []
    for turn in range(1, n_frames + 1):
        distance = np.abs(series - median[:, None])
        keep = distance < _exact_limits(sigma * spread, distance, sigma, kept)[:, None]
        number_now = np.count_nonzero(keep, axis=1)
        farthest = np.where(keep, distance, 0).max(axis=1)
        nearest = np.where(keep | np.isnan(distance), np.inf, distance).min(axis=1)
        nothing = number_now == 0
        unsure = nothing | (spread == 0)
        spread[unsure], farthest[unsure] = 1, np.inf  # not to be told from the deviations
        low[active] = np.maximum(low[active], farthest / spread)
        high[active] = np.minimum(high[active], nearest / spread)
        keep[nothing] = ~np.isnan(kept[nothing])
        number_now[nothing] = number[nothing]
        born = np.where(keep, np.uint16(0), np.where(born == 0, np.uint16(turn), born))
        done = (number_now == number) | (turn == n_frames)
        which, frame = places((born[done] > 0) & ~np.isnan(series[done]))
        rounds = born[done][which, frame].astype(np.intp) - 1
        hits.append((active[done][which], frame, median[done][which].astype(np.float32), rounds))
        go_on = np.flatnonzero(~done)
        if not len(go_on):
            break
        active, born, number = active[go_on], np.take(born, go_on, axis=0), number_now[go_on]
        series = np.take(series, go_on, axis=0)
        kept = np.where(np.take(keep, go_on, axis=0), series, np.float32(np.nan))
        median, spread, _ = moments(kept)
    return joined(hits), low, high


def _positive(name: str, value: float) -> float:
    """Return the threshold as a float, or say what is wrong with it."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not np.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be made of numbers > 0. Got {value!r} instead.")
    return float(value)
