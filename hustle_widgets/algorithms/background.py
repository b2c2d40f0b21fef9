"""Background of one frame from its own pixels: one level for the frame, or one a column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.histogram import Floats, Histogram, bin_values, fit_gaussian

MAD_TO_STD = 1.4826
#: Columns on each side that a column's estimate is compared with.
NEIGHBOURS = 15


def check_bounds(
    bounds: Sequence[Sequence[float]] | None, shape: tuple[int, int]
) -> list[tuple[int, int, int, int]]:
    """Regions as tuples of four ints, once they are known to lie on the frame.

    Parameters
    ----------
    bounds : sequence of [row0, row1, column0, column1], or None
        Half-open regions. None is the whole frame.
    shape : (int, int)
        Rows and columns of the frame.

    Returns
    -------
    list of (row0, row1, column0, column1)

    Raises
    ------
    ValueError
        When a region is malformed, empty, upside down or not on the frame. Names the region.
    """
    if bounds is None:
        return [(0, shape[0], 0, shape[1])]
    if len(bounds) == 0:
        raise ValueError("bounds holds no region. Give at least one, or None for the whole frame.")
    regions = []
    for number, region in enumerate(bounds):
        where = f"Region {number} of bounds, {region},"
        if np.shape(region) != (4,) or any(int(edge) != edge for edge in region):
            raise ValueError(f"{where} must be four whole numbers, [row0, row1, column0, column1].")
        row0, row1, col0, col1 = (int(edge) for edge in region)
        if row0 >= row1 or col0 >= col1:
            raise ValueError(f"{where} is empty or upside down: it needs row0 < row1 and column0 < column1.")
        if row0 < 0 or col0 < 0 or row1 > shape[0] or col1 > shape[1]:
            raise ValueError(f"{where} reaches outside the frame of {shape[0]} rows and {shape[1]} columns.")
        regions.append((row0, row1, col0, col1))
    return regions


def region_values(image: Floats, bounds: Sequence[Sequence[float]] | None) -> Floats:
    """Finite pixels of the union of some regions.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        One frame [e-].
    bounds : sequence of [row0, row1, column0, column1], or None
        See `check_bounds`. A pixel in several regions counts once.

    Returns
    -------
    ndarray, 1-D
    """
    regions = check_bounds(bounds, (image.shape[0], image.shape[1]))
    if len(regions) == 1:
        row0, row1, col0, col1 = regions[0]
        values = image[row0:row1, col0:col1].ravel()
    else:
        inside = np.zeros(image.shape, bool)
        for row0, row1, col0, col1 in regions:
            inside[row0:row1, col0:col1] = True
        values = image[inside]
    return values[np.isfinite(values)]


def histogram(
    image: Floats,
    *,
    bounds: Sequence[Sequence[float]] | None = None,
    hist_min: float | None = None,
    hist_max: float | None = None,
    hist_bins: int = 1000,
) -> Histogram:
    """Histogram of the background pixels of a frame.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        One frame [e-]. NaN is ignored.
    bounds : sequence of [row0, row1, column0, column1], or None
        Where pixels are taken from; a pixel in several regions counts once. None is the whole frame.
    hist_min, hist_max : float or None
        Range [e-]. None is the smallest (largest) value of the pixels taken.
    hist_bins : int
        Number of bins of equal width.

    Returns
    -------
    Histogram
        Pass it to `fit_gaussian` for the curve.

    Raises
    ------
    ValueError
        When the range is upside down, `hist_bins` is below 1, or no pixel lies in the range.
    """
    return bin_values(_in_range(image, bounds, hist_min, hist_max), hist_min, hist_max, hist_bins)


def _in_range(
    image: Floats, bounds: Sequence[Sequence[float]] | None, low: float | None, high: float | None
) -> Floats:
    """Finite values of the regions with low < v < high; None does not limit."""
    if low is not None and high is not None and low >= high:
        raise ValueError(f"hist_min, {low}, must be below hist_max, {high}.")
    values = region_values(image, bounds)
    if values.size == 0:
        raise ValueError("No background level: every pixel of the chosen regions is NaN.")
    keep = np.ones(values.size, bool)
    if low is not None:
        keep &= values > low
    if high is not None:
        keep &= values < high
    kept = values[keep]
    if kept.size == 0:
        raise ValueError(
            f"No background level: none of the {values.size} pixels lies between hist_min = {low} and "
            f"hist_max = {high}; they reach from {values.min():.6g} to {values.max():.6g} e-. "
            "Widen the range."
        )
    return kept


def uniform_level(
    image: Floats,
    *,
    fit: str | None = None,
    bounds: Sequence[Sequence[float]] | None = None,
    hist_min: float | None = None,
    hist_max: float | None = None,
    hist_bins: int = 1000,
    skew_corrected: bool = False,
) -> float:
    """One background level for a frame.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        One frame [e-]. NaN is ignored.
    fit : {None, 'Gaussian', 'median'}
        None: the mode, centre of the fullest bin. 'Gaussian': the mean of a Gaussian fitted to the peak of
        the histogram. 'median': the median of the values with hist_min < v < hist_max.
    bounds, hist_min, hist_max, hist_bins
        See `histogram`.
    skew_corrected : bool
        With 'median': add what the skewness of photon noise takes from it (see Notes).

    Returns
    -------
    float
        Level [e-].

    Raises
    ------
    ValueError
        When no pixel lies in the range, no Gaussian fits, or a parameter makes no sense.

    Notes
    -----
    For a sky of `b` electrons and noise `s` the distribution has skewness b / s**3. Its median lies
    b / (6 s**2) below its mean (0.09 e- for 12 e- and a read noise of 3.1 e-), its mode three times as far;
    the Gaussian fit is 0.02 e- below. The correction is s * skewness / 6, the skewness measured within 4 s.

    Examples
    --------
    >>> import numpy as np
    >>> sky = np.random.default_rng(0).normal(12, 4, (200, 200))
    >>> round(uniform_level(sky, fit="median", hist_min=-20, hist_max=50), 1)
    12.0
    """
    if fit not in (None, "Gaussian", "median"):
        raise ValueError(f"fit must be None, 'Gaussian' or 'median'. Got {fit!r}.")
    values = _in_range(image, bounds, hist_min, hist_max)
    if fit == "median":
        median = float(bn.median(values))
        return median + _mean_above_median(values, median) if skew_corrected else median
    hist = bin_values(values, hist_min, hist_max, hist_bins)
    return hist.mode if fit is None else fit_gaussian(hist, values).mean


def _mean_above_median(values: Floats, median: float) -> float:
    """How far the mean of the core lies above its median: std * skewness / 6 (Edgeworth)."""
    residual = values - median
    std = MAD_TO_STD * float(bn.median(np.abs(residual)))
    if std == 0:
        return 0.0
    z = residual[np.abs(residual) < 4 * std].astype(np.float64) / std
    return std * float(np.mean(z**3 - 3 * z)) / 6


@dataclass(frozen=True)
class ColumnPixels:
    """Which pixels are background, prepared once for all the frames of a visit.

    Attributes
    ----------
    rows : ndarray of int
        Rows in which any column has background.
    excluded : ndarray of bool, shape (columns, len(rows))
        True where a pixel of these rows is not background.
    """

    rows: NDArray[np.intp]
    excluded: NDArray[np.bool_]

    @classmethod
    def of(cls, background: NDArray[np.bool_]) -> ColumnPixels:
        """Prepare from a mask, shape (rows, columns), True where a pixel is background.

        Raises
        ------
        ValueError
            When no pixel is background.
        """
        rows = np.flatnonzero(background.any(axis=1))
        if rows.size == 0:
            raise ValueError("No column background: not one pixel of the frame counts as background.")
        return cls(rows, np.ascontiguousarray(~background[rows].T))

    def gather(self, image: Floats) -> NDArray[np.float32]:
        """Background pixels of a frame, shape (columns, len(rows)), NaN where a pixel is not background.

        A column is contiguous in memory: medians along it are several times faster that way.
        """
        first, last = self.rows[0], self.rows[-1] + 1
        rows = image[first:last] if last - first == self.rows.size else image[self.rows]
        gathered = np.array(rows.T, dtype=np.float32, order="C")
        np.copyto(gathered, np.nan, where=self.excluded)
        return gathered


def column_level(
    image: Floats, background: NDArray[np.bool_] | ColumnPixels, col_sigma: float = 3.0
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """One background level for each column of a frame.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        One frame [e-]. NaN is ignored.
    background : ndarray of bool, shape (rows, columns), or ColumnPixels
        True where a pixel counts as background. Prepare it with `ColumnPixels.of` for a series of frames.
    col_sigma : float
        Rejection threshold, for pixels in a column and for columns among their neighbours.

    Returns
    -------
    levels : ndarray of float32, shape (columns,)
        Level of each column [e-].
    interpolated : ndarray of bool, shape (columns,)
        True where no pixel was left or the column was rejected: the level is its neighbours'.

    Raises
    ------
    ValueError
        When `col_sigma` is not positive, shapes differ, or no column has a background pixel.

    Notes
    -----
    In a column, pixels further than `col_sigma` robust standard deviations (1.4826 times the median absolute
    deviation) from the median are dropped until none is left to drop. The level is the mean of the rest: it
    scatters less than their median and, since photon noise is skewed, is less biased. A level further than
    `col_sigma` standard deviations from the median of the 31 levels around it is replaced by that median;
    deviations are weighted by the square root of the number of pixels.
    """
    if not col_sigma > 0:
        raise ValueError(f"col_sigma must be above 0. Got {col_sigma}.")
    pixels = background if isinstance(background, ColumnPixels) else ColumnPixels.of(background)
    if image.shape[1] != len(pixels.excluded) or image.shape[0] <= pixels.rows[-1]:
        raise ValueError(f"The background mask does not fit a frame of shape {image.shape}.")
    levels, number = _clipped_means(pixels.gather(image), col_sigma)
    if not number.any():
        raise ValueError("No column background: every background pixel is NaN.")
    around = _running_median(levels)
    deviation = (levels - around) * np.sqrt(number)
    scatter = MAD_TO_STD * bn.nanmedian(np.abs(deviation))
    used = number > 0
    if scatter > 0:
        used &= ~(np.abs(deviation) > col_sigma * scatter)
    columns = np.arange(levels.size)
    smooth = _running_median(np.where(used, levels, np.nan))
    levels[~used] = np.interp(columns[~used], columns[used], smooth[used])
    return levels.astype(np.float32), ~used


def _clipped_means(values: NDArray[np.float32], sigma: float) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Mean and number of what is left of each row when outliers are dropped until it has none."""
    ordered = np.sort(values, axis=1)  # NaN last
    # The outliers of a sorted row are its ends, so what is kept are the places from `first` to before `last`.
    # Medians are then looked up and thresholds bisected: a tenth of the time of medians of all rows.
    first = np.zeros(len(ordered), np.intp)
    last = np.count_nonzero(~np.isnan(ordered), axis=1)
    active = np.flatnonzero(last)
    while active.size:
        rows = _SortedRows(ordered, active, first[active], last[active])
        std = MAD_TO_STD * rows.median_deviation()
        # Half the pixels alike, as in a noise-free simulation: the median deviation says nothing.
        for alike in np.flatnonzero(std == 0):
            row = active[alike]
            std[alike] = np.std(ordered[row, first[row] : last[row]], dtype=np.float64)
        first[active], last[active] = low, high = rows.within(sigma * std)
        active = active[((low > rows.low) | (high < rows.high)) & (low < high)]
    place = np.arange(ordered.shape[1])
    np.copyto(ordered, 0, where=(place < first[:, None]) | (place >= last[:, None]))
    number = last - first
    total = np.einsum("ij->i", ordered, dtype=np.float64)
    return np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0), number


class _SortedRows:
    """Some rows of a sorted array, each from a place `low` to before `high`, and their medians."""

    def __init__(
        self,
        ordered: NDArray[np.float32],
        rows: NDArray[np.intp],
        low: NDArray[np.intp],
        high: NDArray[np.intp],
    ) -> None:
        self.flat, self.start = ordered.ravel(), rows * ordered.shape[1]
        self.low, self.high = low, high
        self.median = (self.at((low + high - 1) // 2) + self.at((low + high) // 2)) / np.float32(2)

    def at(self, place: NDArray[np.intp]) -> NDArray[np.float32]:
        """Value of each row at its place."""
        return self.flat.take(self.start + place)

    def median_deviation(self) -> NDArray[np.float32]:
        """Median distance from the median."""
        # The nearest values lie side by side: a window of them is in place when its right end is as far
        # from the median as its left end, or the window one place before.
        number = self.high - self.low
        nearest = (number + 1) // 2
        last = self.high - nearest
        sum_of_middles = 2 * self.median
        place = _first_true(lambda i: self.at(i + nearest - 1) + self.at(i) >= sum_of_middles, self.low, last)
        before = np.maximum(place - 1, self.low)
        here, there = self._reach(place, nearest), self._reach(before, nearest)
        place = np.where(there < here, before, place)
        deviation = np.minimum(here, there)
        # Of an even number, half the way to the next nearest: the one on the left of the window, or on its right.
        left = np.where(place > self.low, self.median - self.at(np.maximum(place - 1, 0)), np.inf)
        right_place = np.minimum(place + nearest, self.high - 1)
        right = np.where(place + nearest < self.high, self.at(right_place) - self.median, np.inf)
        further = np.where(number % 2 == 0, np.minimum(left, right), deviation).astype(np.float32)
        return (deviation + further) / np.float32(2)

    def _reach(self, place: NDArray[np.intp], number: NDArray[np.intp]) -> NDArray[np.float32]:
        return np.maximum(self.median - self.at(place), self.at(place + number - 1) - self.median)

    def within(self, limit: NDArray[np.floating]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """First place, and place after the last, of the values no further than `limit` from the median."""
        low = _first_true(lambda i: self.median - self.at(i) <= limit, self.low, self.high)
        return low, _first_true(lambda i: self.at(i) - self.median > limit, low, self.high)


def _first_true(
    test: Callable[[NDArray[np.intp]], NDArray[np.bool_]], low: NDArray[np.intp], high: NDArray[np.intp]
) -> NDArray[np.intp]:
    """First place from `low` to before `high` from which on a test holds, by bisection; `high` if nowhere."""
    end = max(int(high.max()) - 1, 0)
    for _ in range(int((high - low).max()).bit_length()):
        middle = (low + high) >> 1
        holds = test(np.minimum(middle, end))  # those that are done may be at the end
        done = low >= high
        low, high = np.where(holds | done, low, middle + 1), np.where(holds, middle, high)
    return low


def _running_median(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over up to `NEIGHBOURS` columns to each side, NaN ignored."""
    padded = np.pad(levels, NEIGHBOURS, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1).copy()
    # A column further than two away needs its counterpart on the other side: at an end or a gap, a gradient
    # would count as deviation.
    far = np.abs(np.arange(-NEIGHBOURS, NEIGHBOURS + 1)) > 2
    windows[np.isnan(windows[:, ::-1]) & far] = np.nan
    return bn.nanmedian(windows, axis=1)
