"""Depths of a transit by plain least squares: a box or trapezoid, with a trend over the visit and the orbit.

Good enough to compare reductions of one visit. It is no fit of a planet: no limb darkening, no systematics
but two straight lines, and errors that take the residuals for white noise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["DepthFit", "Transit", "find_transit", "fit_depth", "shape_of", "trend_terms"]

Floats = NDArray[np.float64]

# What is tried to find a transit: places along the visit, and lengths as shares of the visit.
_PLACES, _SHARES = 48, np.linspace(0.08, 0.75, 14)
_INGRESS = np.array([0.12])  # of the duration, at first
# A dip is taken for a transit from this many times its error.
SIGNIFICANT = 5.0
_ROUNDS = 4


class Transit(NamedTuple):
    """When a transit happens, in the unit of the times it is used with.

    Attributes
    ----------
    middle : float
        Mid-transit.
    duration : float
        From first to last contact.
    ingress : float
        Length of the ingress, as long as the egress; 0 is a box, half the duration a triangle.
    """

    middle: float
    duration: float
    ingress: float = 0.0


class DepthFit(NamedTuple):
    """A light curve as level x trend x (1 - depth x shape).

    Attributes
    ----------
    depth, error : float
        Depth, and its error from the scatter of the residuals; both NaN where it cannot be told.
    model : ndarray of float, shape (n,)
        The fitted light curve, in the unit of the flux.
    trend : ndarray of float, shape (n,)
        The same without the transit.
    """

    depth: float
    error: float
    model: Floats
    trend: Floats


def shape_of(times: ArrayLike, transit: Transit) -> Floats:
    """Return how much of the full depth is reached at each time.

    Parameters
    ----------
    times : array_like, shape (n,)
    transit : Transit
        In the unit of the times.

    Returns
    -------
    ndarray of float, shape (n,)
        A trapezoid: 0 outside, 1 between second and third contact.

    Examples
    --------
    >>> shape_of([0, 1, 1.5, 2, 5], Transit(2, 2, 1)).tolist()
    [0.0, 0.0, 0.5, 1.0, 0.0]
    """
    away = np.abs(np.asarray(times, dtype=float) - transit.middle)
    left = transit.duration / 2 - away
    if transit.ingress <= 0:
        return (left >= 0).astype(float)
    return np.clip(left / transit.ingress, 0, 1)


def trend_terms(times: ArrayLike, orbits: ArrayLike | None = None) -> Floats:
    """Return the terms of the trend: a constant, a line over the visit, and a line over the orbit.

    Parameters
    ----------
    times : array_like, shape (n,)
    orbits : array_like of int, shape (n,), optional
        Orbit of each frame. The line over the orbit, the same in all, is left out with a single orbit.

    Returns
    -------
    ndarray of float, shape (n, 2 or 3)
        Each term but the constant has mean 0 and reaches at most 1.
    """
    moments = np.asarray(times, dtype=float)
    terms = [np.ones_like(moments), _unit(moments)]
    if orbits is not None:
        numbers = np.asarray(orbits)
        within = moments.copy()
        for number in np.unique(numbers):
            within[numbers == number] -= moments[numbers == number].min()
        if np.unique(numbers).size > 1 and np.ptp(within) > 0:
            terms.append(_unit(within))
    return np.stack(terms, axis=1)


def _unit(values: Floats) -> Floats:
    centred = values - values.mean() if values.size else values
    reach = np.abs(centred).max(initial=0)
    return centred / reach if reach > 0 else centred


def fit_depth(flux: ArrayLike, shape: ArrayLike, terms: Floats) -> DepthFit:
    """Fit the depth of a transit of known shape.

    Parameters
    ----------
    flux : array_like, shape (n,)
        Light curve; NaN is left out.
    shape : array_like, shape (n,)
        From `shape_of`.
    terms : ndarray, shape (n, k)
        From `trend_terms`.

    Returns
    -------
    DepthFit
        ``flux = (terms @ c) (1 - depth shape)``, solved as a linear problem a few times over since the trend
        multiplies the transit. The error is that of the linear problem, from the residuals' scatter.
    """
    light, dip = np.asarray(flux, dtype=float), np.asarray(shape, dtype=float)
    known = np.isfinite(light)
    nothing = DepthFit(np.nan, np.nan, np.full(light.shape, np.nan), np.full(light.shape, np.nan))
    n_terms = terms.shape[1]
    if np.count_nonzero(known) < n_terms + 1 or np.ptp(dip[known]) == 0:
        return nothing
    trend = np.full(light.shape, np.median(light[known]))
    design = np.empty((light.size, n_terms + 1))
    for _ in range(_ROUNDS):
        design[:, :-1], design[:, -1] = terms, -trend * dip
        found, *_, rank, _ = _solved(design[known], light[known])
        if rank <= n_terms:  # the trend alone can be the transit: nothing tells one from the other
            return nothing
        trend = terms @ found[:-1]
    depth = float(found[-1])
    model = trend * (1 - depth * dip)
    freedom = np.count_nonzero(known) - n_terms - 1
    error = np.nan
    if freedom > 0:
        variance = np.sum((light - model)[known] ** 2) / freedom
        design[:, -1] = -trend * dip
        error = float(np.sqrt(variance * np.linalg.inv(design[known].T @ design[known])[-1, -1]))
    return DepthFit(depth, error, model, trend)


def _solved(design: Floats, light: Floats) -> tuple[Floats, int, None]:
    scale = np.linalg.norm(design, axis=0)
    scale[scale == 0] = 1
    found, _, rank, _ = np.linalg.lstsq(design / scale, light, rcond=1e-9)
    return found / scale, int(rank), None


def find_transit(times: ArrayLike, flux: ArrayLike, orbits: ArrayLike | None = None) -> Transit | None:
    """Find the dip of a light curve that a trapezoid with a trend fits best.

    Parameters
    ----------
    times, flux : array_like, shape (n,)
    orbits : array_like of int, shape (n,), optional
        As in `trend_terms`.

    Returns
    -------
    Transit or None
        None when no dip is deeper than five times its error. Contacts that fall between orbits are not known
        better than the gap.
    """
    light = np.asarray(flux, dtype=float)
    moments = np.asarray(times, dtype=float)
    known = np.isfinite(light) & np.isfinite(moments)
    moments, light = moments[known], light[known]
    terms = trend_terms(moments, None if orbits is None else np.asarray(orbits)[known])
    if not light.size or light.size < terms.shape[1] + 4 or np.ptp(moments) == 0:
        return None
    span = float(np.ptp(moments))
    middles = np.linspace(moments.min(), moments.max(), _PLACES)
    best = _best(moments, light, terms, middles, span * _SHARES, _INGRESS)
    step_middle, step_length = span / _PLACES, span * (_SHARES[1] - _SHARES[0])
    for _ in range(3):
        near = np.linspace(-1, 1, 5)
        best = _best(
            moments,
            light,
            terms,
            best.middle + step_middle * near,
            best.duration + step_length * near,
            np.clip(best.ingress / best.duration + 0.12 * near, 0, 0.5),
        )
        step_middle, step_length = step_middle / 3, step_length / 3
    fit = fit_depth(light, shape_of(moments, best), terms)
    return best if fit.error > 0 and fit.depth > SIGNIFICANT * fit.error else None


def _best(
    times: Floats, light: Floats, terms: Floats, middles: Floats, durations: Floats, shares: Floats
) -> Transit:
    """Return the trapezoid that lowers the sum of squares most, of those that are dips."""
    durations = durations[durations > 0]
    middle, duration, share = (a.ravel() for a in np.meshgrid(middles, durations, shares, indexing="ij"))
    ingress = share * duration
    left = duration[:, None] / 2 - np.abs(times - middle[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        shapes = np.where(ingress[:, None] > 0, np.clip(left / ingress[:, None], 0, 1), left >= 0)
    basis, _ = np.linalg.qr(terms)
    rest = light - basis @ (basis.T @ light)
    shapes = shapes - (shapes @ basis) @ basis.T
    power = np.einsum("ij,ij->i", shapes, shapes)
    along = shapes @ rest
    gain = np.where((along < 0) & (power > 1e-6), along**2 / np.maximum(power, 1e-12), 0)
    place = int(gain.argmax())
    return Transit(float(middle[place]), float(duration[place]), float(ingress[place]))
