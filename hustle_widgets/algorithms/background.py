"""Background of one frame from its own pixels: one level for the frame."""

from __future__ import annotations

from collections.abc import Sequence

import bottleneck as bn
import numpy as np

from hustle_widgets.algorithms.histogram import Floats, Histogram, bin_values, fit_gaussian

MAD_TO_STD = 1.4826


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


def share_in_range(
    image: Floats, bounds: Sequence[Sequence[float]] | None, hist_min: float | None, hist_max: float | None
) -> float:
    """Share of the finite pixels of some regions with hist_min < v < hist_max.

    Parameters
    ----------
    image, bounds, hist_min, hist_max
        See `histogram`.

    Returns
    -------
    float
        0 where no pixel is finite.
    """
    values = region_values(image, bounds)
    low, high = (-np.inf if hist_min is None else hist_min), (np.inf if hist_max is None else hist_max)
    return float(np.count_nonzero((values > low) & (values < high))) / max(values.size, 1)


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
