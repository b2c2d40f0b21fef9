"""The peak of a histogram of pixel values: its mode, and a Gaussian fitted to it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Half width, in standard deviations, of the part of a histogram the Gaussian is fitted to.
CORE = 3.0

Floats = NDArray[np.floating[Any]]


class Histogram(NamedTuple):
    """Histogram of the background pixels of a frame, as a view draws it.

    Attributes
    ----------
    counts : ndarray of int, shape (hist_bins,)
    edges : ndarray of float, shape (hist_bins + 1,)
        Bin edges [e-].
    mode : float
        Centre of the fullest bin [e-]; the lowest one when several are equally full.
    """

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]
    mode: float


class Gaussian(NamedTuple):
    """A Gaussian fitted to a histogram: ``height * exp(-((v - mean) / std)**2 / 2)``.

    Attributes
    ----------
    mean, std : float
        In e-.
    height : float
        In pixels a bin.
    """

    mean: float
    std: float
    height: float

    def __call__(self, values: Floats) -> Floats:
        """Evaluate at `values` [e-]."""
        return self.height * np.exp(-(((values - self.mean) / self.std) ** 2) / 2)


def bin_values(values: Floats, low: float | None, high: float | None, bins: int) -> Histogram:
    """Histogram of finite values.

    Parameters
    ----------
    values : ndarray
        Finite, at least one.
    low, high : float or None
        Range [e-]; None is the smallest (largest) value.
    bins : int
        Number of bins of equal width.

    Returns
    -------
    Histogram

    Raises
    ------
    ValueError
        When `bins` is below 1.
    """
    if bins < 1:
        raise ValueError(f"hist_bins must be at least 1. Got {bins}.")
    first = float(values.min()) if low is None else float(low)
    last = float(values.max()) if high is None else float(high)
    # One value only (a flat simulation): numpy widens such a range by half a unit to each side.
    counts, edges = np.histogram(values, bins, range=(first, last))
    fullest = int(counts.argmax())
    return Histogram(counts, edges, float(edges[fullest] + edges[fullest + 1]) / 2)


def fit_gaussian(hist: Histogram, values: Floats | None = None) -> Gaussian:
    """Fit a Gaussian to the peak of a histogram.

    Parameters
    ----------
    hist : Histogram
    values : ndarray, optional
        The pixels it was made of. Where its bins are wider than the peak (a range up to the brightest star),
        they are binned again around the mode; the height is still for a bin of `hist`.

    Returns
    -------
    Gaussian

    Raises
    ------
    ValueError
        When the histogram has no peak wider than a bin, or the fit fails.

    Notes
    -----
    Only bins within 3 standard deviations of the mean take part, so that sources and cosmic rays, which are
    all on one side, do not. The start is the mode and the scatter below it, which they do not reach. Bins are
    weighted by the counts the previous fit expects in them (not by those found, which would pull the fit to
    low bins): the maximum-likelihood solution, whatever the bin width, also where only every tenth bin can
    hold a whole number of electrons.
    """
    counts, edges = hist.counts.astype(float), hist.edges
    centres = (edges[:-1] + edges[1:]) / 2
    width = float(edges[1] - edges[0])
    mean, std, height = _start(hist.mode, counts, centres)
    if std < 2 * width and values is not None:
        near = values[np.abs(values - hist.mode) < 3 * width]
        fine = bin_values(near, None, None, counts.size)
        if fine.edges[1] - fine.edges[0] < width / 2:
            fitted = fit_gaussian(fine, near)
            return fitted._replace(height=fitted.height * width / float(fine.edges[1] - fine.edges[0]))
    if counts.sum() < 10 or std < width:
        raise ValueError(
            f"No Gaussian fits the histogram: its peak at {hist.mode:.6g} e- is not wider than a bin of "
            f"{width:.3g} e-, or holds too few pixels. Use more bins, a narrower range, or fit = 'median'."
        )
    # Here: it takes a good part of the time of the first import.
    from scipy.optimize import curve_fit

    for _ in range(20):
        core = np.abs(centres - mean) < CORE * std
        x = centres[core]
        last = Gaussian(mean, std, height)
        try:
            (mean, std, height), _ = curve_fit(
                lambda v, *p: Gaussian(*p)(v), x, counts[core], last, sigma=np.sqrt(last(x)), maxfev=200
            )
        except (RuntimeError, TypeError) as problem:
            raise ValueError(f"No Gaussian fits the histogram: {problem} Use fit = 'median'.") from problem
        std = abs(float(std))
        if not (edges[0] < mean < edges[-1] and width / 2 < std < edges[-1] - edges[0] and height > 0):
            raise ValueError(
                f"No Gaussian fits the histogram: the fit runs off to {mean:.6g} +- {std:.3g} e-, outside "
                f"{edges[0]:.6g} to {edges[-1]:.6g} e-. Narrow the range, or use fit = 'median'."
            )
        if abs(mean - last.mean) < 1e-4 * std and abs(std - last.std) < 1e-4 * std:
            break
    return Gaussian(float(mean), std, float(height))


def _start(mode: float, counts: Floats, centres: Floats) -> tuple[float, float, float]:
    """Return mean, std and height to start from. They come from wide bins: the fullest fine bin is chance."""
    below = centres <= mode
    cumulated = np.cumsum(counts[below][::-1])  # from the mode downwards
    std = mode - float(centres[below][::-1][np.searchsorted(cumulated, 0.6827 * cumulated[-1])])
    near = np.abs(centres - mode) <= std
    mean = float(np.average(centres[near], weights=counts[near])) if counts[near].any() else mode
    return mean, std, float(counts[near].mean())
