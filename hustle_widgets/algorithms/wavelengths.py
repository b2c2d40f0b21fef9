"""Light curves by wavelength: columns of a trace put into bins, and how each bin compares with its photons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hustle_widgets.algorithms.photometry import expected_scatter, scatter_of
from hustle_widgets.algorithms.transits import Transit, fit_depth, shape_of, trend_terms

__all__ = ["Bins", "ByWavelength", "deviation_map", "light_by_wavelength", "wavelength_bins"]

Floats = NDArray[np.float64]


class Bins(NamedTuple):
    """Which columns of a trace make up which wavelength bin.

    Attributes
    ----------
    edges : ndarray of float, shape (bins + 1,)
        Wavelengths, ascending [Angstrom].
    of_column : ndarray of int, shape (n,)
        Bin of each column of the trace; -1 where it belongs to none.
    """

    edges: Floats
    of_column: NDArray[np.int64]

    @property
    def centres(self) -> Floats:
        """Middle of each bin [Angstrom]."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    def sums(self, values: ArrayLike) -> Floats:
        """Sum values of shape (..., n) over the columns of each bin, shape (..., bins)."""
        along = np.asarray(values, dtype=float)
        inside = self.of_column >= 0
        member = np.zeros((self.of_column.size, self.edges.size - 1))
        member[np.flatnonzero(inside), self.of_column[inside]] = 1
        return along @ member


class ByWavelength(NamedTuple):
    """Light curves in wavelength bins, and how good they are.

    Attributes
    ----------
    edges : ndarray of float, shape (bins + 1,)
        [Angstrom].
    flux : ndarray of float, shape (frames, bins)
        [e-].
    scatter_ppm, expected_ppm : ndarray of float, shape (bins,)
        Scatter from point to point, and that of photons, sky and read noise.
    depth, depth_error : ndarray of float, shape (bins,)
        By `fit_depth` with the white light curve's transit; NaN without one.
    """

    edges: Floats
    flux: Floats
    scatter_ppm: Floats
    expected_ppm: Floats
    depth: Floats
    depth_error: Floats

    @property
    def centres(self) -> Floats:
        """Middle of each bin [Angstrom]."""
        return (self.edges[1:] + self.edges[:-1]) / 2


def wavelength_bins(wavelengths: ArrayLike, number: int) -> Bins | None:
    """Cut a trace into bins of equal width in wavelength.

    Parameters
    ----------
    wavelengths : array_like, shape (n,)
        Of each column of the trace [Angstrom], in any order.
    number : int
        How many bins.

    Returns
    -------
    Bins or None
        From the bluest to the reddest column; each column as a whole belongs to the bin of its centre. None
        without a calibration (NaN), with fewer than two columns, or for no bins.

    Examples
    --------
    >>> bins = wavelength_bins([2000.0, 3000.0, 4000.0, 6000.0], 2)
    >>> bins.edges.tolist(), bins.of_column.tolist()
    ([2000.0, 4000.0, 6000.0], [0, 0, 1, 1])
    """
    along = np.asarray(wavelengths, dtype=float)
    if number < 1 or np.count_nonzero(np.isfinite(along)) < 2:
        return None
    low, high = float(np.nanmin(along)), float(np.nanmax(along))
    if high <= low:
        return None
    edges = np.linspace(low, high, number + 1)
    which = np.clip(np.searchsorted(edges, along, side="right") - 1, 0, number - 1)
    return Bins(edges, np.where(np.isfinite(along), which, -1).astype(np.int64))


def light_by_wavelength(
    spectra: ArrayLike,
    bins: Bins,
    *,
    times: ArrayLike,
    orbits: ArrayLike,
    sky: ArrayLike,
    read_noise: ArrayLike,
    pixels: ArrayLike,
    transit: Transit | None = None,
    used: ArrayLike | None = None,
) -> ByWavelength:
    """Sum spectra into wavelength bins, and measure each bin's scatter and depth.

    Parameters
    ----------
    spectra : array_like, shape (frames, n)
        Light of each column of a trace [e-].
    bins : Bins
    times : array_like, shape (frames,)
    orbits : array_like of int, shape (frames,)
    sky, read_noise : array_like, shape (frames,)
        Sky in a pixel and read noise of a pixel [e-].
    pixels : array_like, shape (n,)
        Pixels that were summed in each column.
    transit : Transit, optional
        Of the white light curve, in the unit of the times.
    used : array_like of bool, shape (frames,), optional
        Frames that scatter and depth are measured in; all by default.

    Returns
    -------
    ByWavelength
    """
    flux, per_bin = bins.sums(spectra), bins.sums(pixels)
    number = per_bin.size
    scatter, expected, depth, error = (np.full(number, np.nan) for _ in range(4))
    terms = trend_terms(times, orbits)
    shape = None if transit is None else shape_of(times, transit)
    for k in range(number):
        if per_bin[k] == 0:
            flux[:, k] = np.nan
            continue
        curve = flux[:, k] if used is None else np.where(used, flux[:, k], np.nan)
        expected[k] = expected_scatter(curve, sky, read_noise, float(per_bin[k]))
        scatter[k] = scatter_of(curve, orbits, times, transit).ppm
        if shape is not None:
            fit = fit_depth(curve, shape, terms)
            depth[k], error[k] = fit.depth, fit.error
    return ByWavelength(bins.edges, flux, scatter, expected, depth, error)


def deviation_map(light: ByWavelength) -> Floats:
    """Return how far each bin lies from the white light curve at each time, in units of its photon limit.

    A cosmic ray that was left is a bright cell, a bad column a line along time, a background that is off a
    slope along wavelength.

    Returns
    -------
    ndarray of float, shape (frames, bins)
        NaN for bins without light.
    """
    relative = light.flux / _medians(light.flux)
    white = np.nansum(light.flux, axis=1)
    middle = np.median(white)
    white = white / middle if middle else np.full_like(white, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (relative - white[:, None]) / (1e-6 * light.expected_ppm)


def _medians(flux: Floats) -> Floats:
    middle = np.full(flux.shape[1], np.nan)
    lit = np.isfinite(flux).any(axis=0)
    middle[lit] = np.nanmedian(flux[:, lit], axis=0)
    middle[middle == 0] = np.nan
    return middle
