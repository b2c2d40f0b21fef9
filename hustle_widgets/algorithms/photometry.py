"""Light curves from apertures that follow a trace, and how much they scatter."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from hustle_widgets.algorithms.geometry import Trace
from hustle_widgets.algorithms.transits import Transit, find_transit, shape_of, trend_terms

MAD_TO_SIGMA = 1.4826


class Aperture(NamedTuple):
    """Pixels around a trace, one column of the arrays for each column of the trace."""

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    weights: NDArray[np.float64]


def trace_aperture(trace: Trace, half_width: float, shape: tuple[int, int]) -> Aperture:
    """Lay an aperture along a trace.

    Parameters
    ----------
    trace : Trace
        In frame coordinates.
    half_width : float
        Rows on either side of the trace [px]; the aperture is ``2 half_width + 1`` rows high.
    shape : (rows, columns)
        Shape of a frame; parts outside get no weight.

    Returns
    -------
    Aperture
        rows (m, n), columns (n,), weights (m, n): the share of each pixel inside, 0..1.

    Examples
    --------
    >>> line = Trace(np.array([3]), np.array([5.25]), np.array([np.nan]))
    >>> trace_aperture(line, 1, (10, 10)).weights.ravel().tolist()
    [0.0, 0.75, 1.0, 1.0, 0.25]
    """
    if not half_width >= 0:
        raise ValueError(f"'half_width' must be a number of rows >= 0. Got {half_width!r} instead.")
    reach = int(np.ceil(half_width)) + 1
    rows = np.rint(trace.rows).astype(np.int64) + np.arange(-reach, reach + 1)[:, None]
    weights = np.clip(half_width + 1 - np.abs(rows - trace.rows), 0, 1)
    outside = (rows < 0) | (rows >= shape[0]) | (trace.columns < 0) | (trace.columns >= shape[1])
    weights[outside] = 0
    columns = np.clip(trace.columns, 0, shape[1] - 1)
    return Aperture(np.clip(rows, 0, shape[0] - 1), columns, weights)


def spectrum(image: ArrayLike, aperture: Aperture) -> NDArray[np.float64]:
    """Sum a frame over the aperture, column by column.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        One frame [e-].
    aperture : Aperture
        From `trace_aperture`.

    Returns
    -------
    ndarray of float, shape (n,)
        [e-]. A NaN pixel counts as the interpolation of its neighbours in the same row; NaN only where the
        whole row is NaN.
    """
    frame = np.asarray(image)
    light = frame[aperture.rows, aperture.columns].astype(float)
    bad = np.isnan(light) & (aperture.weights > 0)
    # Along a row the two sides of a sloping trace cancel; along the trace, rounded to rows, they do not.
    for row in np.unique(aperture.rows[bad]):
        known = np.flatnonzero(~np.isnan(frame[row]))
        here = bad & (aperture.rows == row)
        if len(known):
            columns = np.broadcast_to(aperture.columns, here.shape)[here]
            light[here] = np.interp(columns, known, frame[row, known])
    return np.where(aperture.weights > 0, light * aperture.weights, 0).sum(axis=0)


def light_curve(
    images: Iterable[ArrayLike], traces: Iterable[Trace], half_width: float, shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Total flux of the orders in each frame, the white light curve.

    Parameters
    ----------
    images : iterable of array_like, each (rows, columns)
        Frames [e-]; a cube will do, and so will a generator.
    traces : iterable of Trace
        Orders to sum, in frame coordinates.
    half_width : float
        As in `trace_aperture`.
    shape : (rows, columns)
        Shape of a frame.

    Returns
    -------
    ndarray of float, shape (n_frames,)
        [e-].
    """
    apertures = [trace_aperture(line, half_width, shape) for line in traces]
    return np.array([sum(float(spectrum(image, a).sum()) for a in apertures) for image in images])


class Scatter(NamedTuple):
    """Scatter of a light curve from point to point, and how well it is known.

    Attributes
    ----------
    ppm : float
        Of the median flux; NaN where it cannot be told, also of a light curve whose median is not above 0.
    freedom : float
        Degrees of freedom it has: ``freedom (ppm / truth)^2`` is about chi-squared distributed.
    """

    ppm: float
    freedom: float


# Bends that overlap are correlated: n of white noise tell as much as n / 1.944 independent ones.
_BENDS_PER_FREEDOM = 35 / 18
# Bends next to those that touch a contact are left out as well, unless fewer than this are left.
_ENOUGH_BENDS = 6
# Where all points are near a contact the scatter is hardly known: degrees of freedom.
AT_CONTACTS = 1.0
TELL_A_DIP = 12


def scatter_of(
    flux: ArrayLike,
    orbit_numbers: ArrayLike | None = None,
    times: ArrayLike | None = None,
    transit: Transit | None = None,
) -> Scatter:
    """Scatter of a light curve from each point's distance to the mean of its two neighbours.

    Robust against outliers, and blind to trends and to a transit that is known.

    Parameters
    ----------
    flux : array_like, shape (n_frames,)
        Light curve.
    orbit_numbers : array_like of int, shape (n_frames,), optional
        Only neighbours within an orbit are compared.
    times : array_like, shape (n_frames,), optional
        The numbers of the frames by default.
    transit : Transit, optional
        In the unit of the times. Its dip, limb darkening included, is fitted and divided out. Points at a contact,
        where a fit of few frames is wrong, do not count.

    Returns
    -------
    Scatter
        NaN with fewer than two points that have neighbours.

    Notes
    -----
    ``std(d) / sqrt(6)`` for ``d = f[i-1] - 2 f[i] + f[i+1]``, leaving out those further than four times
    ``1.4826 median|d - median d|`` from their median.
    """
    values = np.asarray(flux, dtype=float)
    moments = np.arange(values.size, dtype=float) if times is None else np.asarray(times, dtype=float)
    orbits = np.zeros(values.size, int) if orbit_numbers is None else np.asarray(orbit_numbers)
    middle = usual_light(values)
    within = orbits[2:] == orbits[:-2]
    spent = 0.0
    # In so few points a dip is not told from scatter.
    most = AT_CONTACTS if transit is None and np.isfinite(values).sum() < TELL_A_DIP else np.inf
    if transit is not None:
        values, away, clear = _without_dip(values, orbits, moments, transit, within)
        within, spent = within & away, 0.5
        most = np.inf if clear else AT_CONTACTS
    bends = np.diff(values, 2)[within]
    bends = bends[np.isfinite(bends)]
    if len(bends) < 2:
        return Scatter(float("nan"), 0.0)
    distance = np.abs(bends - np.median(bends))
    kept = bends[distance <= 4 * MAD_TO_SIGMA * np.median(distance)]
    ppm = float(1e6 * np.std(kept) / np.sqrt(6) / middle) if middle > 0 else float("nan")
    return Scatter(ppm, min(max(len(kept) / _BENDS_PER_FREEDOM - spent, 0.5), most))


def _without_dip(
    values: NDArray[np.float64],
    orbits: NDArray[np.int64],
    moments: NDArray[np.float64],
    transit: Transit,
    within: NDArray[np.bool_],
) -> tuple[NDArray[np.float64], NDArray[np.bool_], bool]:
    """Return a light curve without its dip, which bends are away from the contacts, and whether enough are."""
    shape = shape_of(moments, transit)
    across = (moments - transit.middle) / (transit.duration / 2)
    terms = trend_terms(moments, orbits)
    # The second term of the dip is the darker limb: few frames of a bright star show it.
    design = np.column_stack([terms, shape, shape * across**2])
    known = np.isfinite(values)
    found, *_ = np.linalg.lstsq(design[known], values[known], rcond=1e-9)
    trend, model = terms @ found[: terms.shape[1]], design @ found
    with np.errstate(divide="ignore", invalid="ignore"):
        flat = np.where(model > 0, values * trend / model, np.nan)
    changes = np.diff(shape) != 0
    touch = changes[1:] | changes[:-1]
    wide = touch.copy()
    wide[1:] |= touch[:-1]
    wide[:-1] |= touch[1:]
    for left_out in (wide, touch):
        if np.count_nonzero(within & ~left_out) >= (_ENOUGH_BENDS if left_out is wide else 3):
            return flat, ~left_out, left_out is wide
    return flat, np.ones(touch.size, bool), False


def point_scatter(
    flux: ArrayLike, orbit_numbers: ArrayLike | None = None, times: ArrayLike | None = None
) -> float:
    """Scatter of a light curve from point to point, see `scatter_of`; a transit is looked for.

    Parameters
    ----------
    flux, orbit_numbers, times
        As for `scatter_of`.

    Returns
    -------
    float
        [ppm] of the median flux; NaN with fewer than two points that have neighbours.
    """
    values = np.asarray(flux, dtype=float)
    moments = np.arange(values.size, dtype=float) if times is None else times
    return scatter_of(values, orbit_numbers, moments, find_transit(moments, values, orbit_numbers)).ppm


def scatter_range(freedom: float, chance: float) -> tuple[float, float]:
    """Return between which multiples of the truth a scatter lies, but for a chance on either side.

    Parameters
    ----------
    freedom : float
        See `Scatter`; infinite where the scatter is known.
    chance : float
        Of a scatter below the lower end, and of one above the upper end.

    Examples
    --------
    >>> [round(end, 2) for end in scatter_range(10.0, 0.01)]
    [0.51, 1.52]
    """
    if not np.isfinite(freedom):
        return 1.0, 1.0
    low, high = gammaincinv(freedom / 2, [chance, 1 - chance]) * 2 / freedom
    return float(np.sqrt(low)), float(np.sqrt(high))


def local_trend(flux: ArrayLike, orbit_numbers: ArrayLike, window: int = 7) -> NDArray[np.float64]:
    """Smooth a light curve within its orbits, to see what is left of it: not a model of a transit.

    Parameters
    ----------
    flux : array_like, shape (n_frames,)
        Light curve.
    orbit_numbers : array_like of int, shape (n_frames,)
        No orbit knows of another.
    window : int
        Points that a parabola is fitted to; where an orbit has fewer, all of them.

    Returns
    -------
    ndarray of float, shape (n_frames,)
        The fitted parabola at each point; NaN where the flux is NaN. In an orbit of three points or fewer their
        median, for a parabola would leave nothing.

    Notes
    -----
    Savitzky & Golay (1964), with the ends of an orbit on the parabola of its last window.
    """
    # Here: it loads scipy.stats, a good part of the time of the first import.
    from scipy.signal import savgol_filter

    values, orbits = np.asarray(flux, dtype=float), np.asarray(orbit_numbers)
    trend = np.full(values.shape, np.nan)
    for orbit in np.unique(orbits):
        here = np.flatnonzero((orbits == orbit) & np.isfinite(values))
        if here.size > 3:
            width = min(window, here.size)
            width -= width % 2 == 0
            trend[here] = savgol_filter(values[here], width, min(2, width - 2))
        elif here.size:
            trend[here] = np.median(values[here])
    return trend


def frames_for(share: float, chance: float) -> int:
    """Return how many frames in a row it takes to tell a scatter of so small a share of the truth from chance.

    Examples
    --------
    >>> frames_for(0.5, 0.003)
    30
    """
    freedom = 1
    while scatter_range(freedom, chance)[0] < share:
        freedom += 1
    return int(np.ceil(freedom * _BENDS_PER_FREEDOM)) + 2


def usual_light(flux: ArrayLike) -> float:
    """Return the median of a light curve, NaN where it holds no number."""
    values = np.asarray(flux, dtype=float)
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def relative(flux: ArrayLike) -> NDArray[np.float64]:
    """Return a light curve over its median; NaN where that is not above 0: a share of no light is none.

    Examples
    --------
    >>> relative([2.0, 4.0, 6.0]).tolist(), relative([-1.0, -2.0]).tolist()
    ([0.5, 1.0, 1.5], [nan, nan])
    """
    values, usual = np.asarray(flux, dtype=float), usual_light(flux)
    return values / usual if usual > 0 else np.full(values.shape, np.nan)


def standard_scatter(flux: ArrayLike, use: ArrayLike | None = None) -> float:
    """Relative standard deviation (n - 1) of a light curve, in ppm.

    Parameters
    ----------
    flux : array_like, shape (n_frames,)
        Light curve.
    use : array_like of bool, shape (n_frames,), optional
        Frames that count, those out of transit for example.

    Returns
    -------
    float
        [ppm]; NaN with fewer than two frames.
    """
    values = np.asarray(flux, dtype=float)
    values = values[np.isfinite(values) & (True if use is None else np.asarray(use, dtype=bool))]
    if len(values) < 2:
        return float("nan")
    return float(1e6 * np.std(values, ddof=1) / np.mean(values))


def expected_scatter(flux: ArrayLike, sky: ArrayLike, read_noise: ArrayLike, n_pixels: float) -> float:
    """Scatter expected from photons, sky and read noise, in ppm.

    Parameters
    ----------
    flux : array_like, shape (n_frames,) or float
        Light of the target in the aperture, sky taken off [e-].
    sky : array_like or float
        Sky (and dark) in a pixel [e-].
    read_noise : array_like or float
        Read noise of a pixel [e-].
    n_pixels : float
        Pixels in the aperture, the sum of its weights.

    Returns
    -------
    float
        ``1e6 sqrt(F + n (sky + rn^2)) / F``, the mean over frames with light [ppm]; NaN without any. Frames with less
        than a tenth of the usual light do not count: the shutter stayed closed.
    """
    light = np.asarray(flux, dtype=float)
    light, error = np.broadcast_arrays(light, flux_error(light, sky, read_noise, n_pixels))
    lit = light > 0
    if not lit.any():
        return float("nan")
    lit &= light > 0.1 * np.median(light[lit])
    return float(1e6 * np.mean(error[lit] / light[lit]))


def flux_error(
    flux: ArrayLike, sky: ArrayLike, read_noise: ArrayLike, n_pixels: float
) -> NDArray[np.float64]:
    """Error of each point of a light curve from photons, sky and read noise.

    Parameters
    ----------
    flux, sky, read_noise, n_pixels
        As for `expected_scatter`.

    Returns
    -------
    ndarray of float
        ``sqrt(F + n (sky + rn^2))`` [e-]; shaped as its arguments broadcast.
    """
    variance = np.asarray(flux, dtype=float) + n_pixels * (
        np.asarray(sky, dtype=float) + np.asarray(read_noise, dtype=float) ** 2
    )
    return np.sqrt(np.clip(variance, 0, None))
