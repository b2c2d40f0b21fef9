"""Outliers in time on the traces: what light and motion do not explain of a pixel's series.

Series are laid out (pixel, frame), the sky taken off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from hustle_widgets.algorithms.drift_fit import Layout, Motion
from hustle_widgets.algorithms.full_runs import FullRuns, full_in_two
from hustle_widgets.algorithms.series import Floats, row_medians

__all__ = ["FEWEST_FRAMES", "Followed", "off_model", "reject_off_model", "reject_off_runs", "saturated"]

FEWEST_FRAMES = 8
MAD_TO_SIGMA = 1.4826
ROUNDS = 10
FIRST_ROUNDS = 3  # before it is asked whether pixels share more than light and motion
START = 1.5  # times the threshold
GROWTH = 0.85  # of the threshold, beside a value that was rejected
REACH = 3  # pixels a hit grows by at most
OWN = 0.8  # of a pixel's own scatter counts at least
SPARE = 3  # values beyond the number of regressors that a pixel must keep
MODES = 3
NOTICEABLE = 1.3  # variance of a mode that pixels share, in units of that of noise
FRAMES_A_REGRESSOR = 6
PORTION = 2048  # pixels fitted at once: more need more memory and are not faster
SHARE_BELOW, FEW_BELOW = 0.001, 5  # of a frame, and pixels, that may be too faint by chance or a fault
MARGIN = 1.5  # where the model is too faint by something, it is too bright by up to so much more
WIDEST = 4.0  # times the noise: of such a frame the model tells nothing
GIVEN = 0.75  # standard deviations of a run, from which what was flagged in it is worth taking off
MOST_OF_RUN = 1 / 3  # of the frames: more are not cosmic rays
OUT_OF_MODEL = 0.1  # share of a frame rejected: it is not the pixels that are wrong, but the model

Mask = NDArray[np.bool_]


class Followed(NamedTuple):
    """What became of the series.

    `rejected` (n_pixels, n_frames). `model` (n_pixels, n_frames) [e-]. `sigma` (n_pixels, n_frames): what the
    threshold counts in [e-], NaN where nothing can be rejected. `modes` (n_modes, n_frames): courses in time
    that pixels share beside light and motion. `untold` (n_frames,): frames that the model does not describe, of
    which nothing is rejected.
    """

    rejected: Mask
    model: NDArray[np.float32]
    sigma: NDArray[np.float32]
    modes: Floats
    untold: Mask


class _Series(NamedTuple):
    """What is fitted: values [e-], which are there, the moved template, and the variance without light."""

    light: Floats
    known: Mask
    base: Floats
    floor: Floats


class _Fit(NamedTuple):
    """A model of the series, its noise, how far each value is off in it, what is kept, and what changed last.

    `own` is the robust scatter of each series in that noise; `scatter` what the threshold counts in.
    """

    model: Floats
    noise: Floats
    off: Floats
    own: Floats
    kept: Mask
    changed: Mask
    enough: Mask

    @property
    def scatter(self) -> Floats:
        return np.fmax(np.nanmedian(self.own), OWN * self.own)[:, None]


def saturated(light: NDArray[np.float32], layout: Layout) -> Mask:
    """Tell which pixels fill up in two frames or more, and those next to them in their column, (n_pixels,).

    Charge that runs over makes them follow others than their own light.
    """
    full = full_in_two(light)
    beside = [
        np.where(layout.around[:, row, 1] >= 0, full[layout.around[:, row, 1]], False) for row in (1, 3)
    ]
    return full | beside[0] | beside[1]


def reject_off_model(
    light: NDArray[np.float32],
    floor: Floats,
    layout: Layout,
    motion: Motion,
    threshold: float,
    pause: Callable[[], None] = lambda: None,
) -> Followed:
    """Reject values that neither the star's light nor the motion of the frames explains.

    Parameters
    ----------
    light : ndarray, shape (n_pixels, n_frames)
        Of the pixels of `layout`, the sky taken off [e-]; NaN where there is no value.
    floor : ndarray, shape (n_frames,)
        Variance of a pixel without light: sky and read noise [e-^2].
    layout : Layout
        Of the pixels.
    motion : Motion
        From `fit_motion`.
    threshold : float
        In standard deviations.
    pause : callable
        Called every few rounds; may raise to stop.

    Returns
    -------
    Followed

    Notes
    -----
    What a pixel differs from its moved template by is a weighted regression on light, column and row of the frames,
    and on up to three modes, the strongest courses in time of the residuals of all pixels: breathing, for example.
    A mode is used if its variance is 1.3 times that of the others.

    Noise is ``sqrt(model + floor) q``; q is the median of the robust scatter of all pixels, or 0.8 times that of the
    pixel itself if this is more. Residuals count over ``sqrt(1 - h)`` where a value is in the fit, over ``sqrt(1 + h)``
    where it is not, h its leverage. All values are tested again until none changes its side. Then the neighbours of
    rejected values are rejected beyond 0.85 of the threshold: a cosmic ray rarely hits one pixel alone.

    A cosmic ray adds light. Where more than a thousandth of a frame would be rejected for too little of it, the model
    is wrong there by as much: what the threshold counts in grows until that is no more so. Pixels that keep too few
    values are left alone, and so are frames of which more than a tenth is rejected, or of which the model is wrong by
    more than four times the noise.
    """
    seen = np.isfinite(motion.flux)
    known = np.isfinite(light) & seen
    base = np.where(known, motion.template[:, None] * motion.factor, 0)
    series = _Series(np.where(known, light, 0).astype(np.float64), known, base, floor)
    design = np.where(seen, np.stack([motion.flux, motion.column, motion.row]), 0)
    kept = _near_template(series, threshold)
    fit = _settled(series, design, kept, threshold, FIRST_ROUNDS)
    begun: _Fit | None = fit
    n_given = len(design)
    for _ in range(min(MODES, max(0, int(seen.sum()) // FRAMES_A_REGRESSOR - n_given))):
        pause()
        mode = _shared_course(fit)
        if mode is None:
            break
        design = np.vstack([design, mode])
        fit = begun = _settled(series, design, fit.kept, threshold, FIRST_ROUNDS)
    pause()
    fit = _settled(series, design, fit.kept, threshold, ROUNDS, begun)
    possible, scatter = known & fit.enough[:, None], fit.scatter
    z = np.where(possible, fit.off / scatter, np.nan)
    wider = _wider(z, threshold)
    rejected = off_model(z / wider, layout, threshold)
    untold = rejected.sum(axis=0) > OUT_OF_MODEL * np.maximum(possible.sum(axis=0), 1)
    untold |= wider > WIDEST
    rejected[:, untold] = False
    sigma = np.where(possible & ~untold, fit.noise * scatter * wider, np.nan).astype(np.float32)
    return Followed(rejected, fit.model.astype(np.float32), sigma, design[n_given:], untold | ~seen)


def reject_off_runs(
    runs: FullRuns, given: Mask, floor: Floats, motion: Motion, followed: Followed, threshold: float
) -> tuple[Mask, Floats]:
    """Reject sums of full pixels that light and motion do not explain.

    Parameters
    ----------
    runs : FullRuns
        Of the traces.
    given : ndarray of bool, shape (n_runs, n_frames)
        Sums that are known to hold what is not the star's: not used, and rejected from 0.75 standard deviations on; the
        worse the model, the more it takes. Less is less than the model's own error.
    floor, motion, threshold
        As for `reject_off_model`.
    followed : Followed
        From it, of the pixels that are not full.

    Returns
    -------
    rejected : ndarray of bool, shape (n_runs, n_frames)
    model : ndarray, shape (n_runs, n_frames)
        Of each sum [e-].

    Notes
    -----
    As for single pixels, from the median of the sums over the light of each frame on. A run that is not whole, or of
    which more than a third would be rejected, does not follow the star: it is left alone.
    """
    if not runs.size.size:
        return np.zeros(runs.light.shape, bool), runs.light
    seen = ~followed.untold
    known = np.isfinite(runs.light) & seen & ~given
    flux = np.where(seen, motion.flux, 1)
    level = row_medians(np.where(known, runs.light / flux, np.nan))
    base = np.nan_to_num(level)[:, None] * np.where(seen, flux, 0)
    series = _Series(np.where(known, runs.light, 0), known, base, runs.size[:, None] * floor)
    design = np.where(seen, np.stack([motion.flux, motion.column, motion.row]), 0)
    design = np.vstack([design, followed.modes])
    fit = _settled(series, design, _near_template(series, threshold), threshold, ROUNDS)
    hit = given & (np.nan_to_num(runs.light) - fit.model > GIVEN * fit.scatter**2 * fit.noise)
    rejected = fit.enough[:, None] & np.isfinite(runs.light) & seen & (hit | (~fit.kept & ~given))
    rejected[:, (rejected & ~given).sum(axis=0) > OUT_OF_MODEL * len(rejected)] = False
    rejected &= runs.whole[:, None]
    rejected[(rejected & ~given).sum(axis=1) > MOST_OF_RUN * seen.sum()] = False
    return rejected & (runs.light > 0), fit.model


def _wider(z: Floats, threshold: float) -> Floats:
    """Return by how much wider than noise the residuals of each frame are on the side where no cosmic ray is."""
    n_pixels = len(z)
    allowed = int(FEW_BELOW + n_pixels * (SHARE_BELOW + 2 * ndtr(-threshold)))
    if allowed >= n_pixels:
        return np.ones(z.shape[1])
    lowest = np.partition(np.nan_to_num(z), allowed, axis=0)[allowed]
    return np.where(-lowest > threshold, -MARGIN * lowest / threshold, 1.0)


def off_model(z: Floats, layout: Layout, threshold: float) -> Mask:
    """Tell which values are rejected, those beside others included.

    Parameters
    ----------
    z : ndarray, shape (n_pixels, n_frames)
        How far each value of the pixels of `layout` is off the model [sigma]; NaN where none can be rejected.
    layout : Layout
    threshold : float
        In standard deviations; a value brighter than the model beside one that is rejected needs 0.85 of it.
    """
    with np.errstate(invalid="ignore"):
        rejected = np.abs(z) >= threshold
    pixel, frame = np.nonzero(rejected)
    for _ in range(REACH):
        near = layout.around[pixel, 1:4].reshape(-1, 9)
        there = near >= 0
        frame = np.broadcast_to(frame[:, None], near.shape)[there]
        near = near[there]
        more = (z[near, frame] > GROWTH * threshold) & ~rejected[near, frame]
        pixel, frame = near[more], frame[more]
        rejected[pixel, frame] = True
    return rejected


def _near_template(series: _Series, threshold: float) -> Mask:
    """Return the values to begin with: those near the moved template, for the scatter of their pixel."""
    level = row_medians(np.where(series.known, series.light - series.base, np.nan))
    model = series.base + np.nan_to_num(level)[:, None]
    z = np.abs(series.light - model) / np.sqrt(np.maximum(model, 0) + series.floor)
    scale = np.fmax(1, MAD_TO_SIGMA * row_medians(np.where(series.known, z, np.nan)))
    return series.known & (z < START * threshold * scale[:, None])


def _settled(
    series: _Series, design: Floats, kept: Mask, threshold: float, rounds: int, begun: _Fit | None = None
) -> _Fit:
    """Fit and test until no value changes its side; from the third round on what has changed is fitted again.

    What was begun with the same design is gone on with.
    """
    left = series.light - series.base
    floor = np.broadcast_to(series.floor, left.shape)
    if begun is None:
        variance = np.maximum(series.base, 0) + floor
        model, noise, off = np.empty_like(left), np.empty_like(left), np.empty_like(left)
        own = np.empty(len(left))
        begun = _Fit(model, noise, off, own, kept, np.ones(len(left), bool), np.ones(len(left), bool))
        full = 2
    else:
        model, noise, off, own, *_ = begun
        variance = np.maximum(model, 0) + floor
        full = 0
    fit = begun
    for turn in range(rounds):
        if not fit.changed.any():
            break
        kept = fit.kept
        for rows in _portions(np.flatnonzero(fit.changed | (turn < full))):
            change, leverage = _regression(left[rows], kept[rows], variance[rows], design)
            model[rows] = series.base[rows] + change
            variance[rows] = np.maximum(model[rows], 0) + floor[rows]
            unit = np.where(kept[rows], np.maximum(1 - leverage, 0.05), 1 + leverage)
            noise[rows] = np.sqrt(variance[rows] * unit)
            off[rows] = (left[rows] - change) / noise[rows]
            own[rows] = MAD_TO_SIGMA * row_medians(np.where(kept[rows], np.abs(off[rows]), np.nan))
        enough = kept.sum(axis=1) >= len(design) + SPARE
        near = series.known & (np.abs(off) < threshold * fit.scatter)
        now = np.where(enough[:, None], near, kept)
        fit = _Fit(model, noise, off, own, now, (now != kept).any(axis=1), enough)
    return fit


def _portions(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp] | slice]:
    """Cut rows into portions; those that lie side by side are a slice, which copies nothing."""
    for begin in range(0, len(rows), PORTION):
        portion = rows[begin : begin + PORTION]
        first, last = int(portion[0]), int(portion[-1])
        yield slice(first, last + 1) if last - first + 1 == len(portion) else portion


def _regression(left: Floats, kept: Mask, variance: Floats, design: Floats) -> tuple[Floats, Floats]:
    """Weighted least squares of each series on the rows of `design`: fitted values and leverages."""
    size = len(design)
    first, second = np.triu_indices(size)
    products = design[first] * design[second]
    weight = np.where(kept, 1 / variance, 0)
    normal = np.empty((len(left), size, size))
    normal[:, first, second] = normal[:, second, first] = weight @ products.T
    scale = np.sqrt(np.maximum(np.einsum("kii->ki", normal), 1e-30))
    scales = scale[:, :, None] * scale[:, None, :]
    inverse = np.linalg.inv(normal / scales + 1e-9 * np.eye(size)) / scales
    coefficients = np.einsum("kij,kj->ki", inverse, (weight * left) @ design.T)
    twice = np.where(first == second, 1.0, 2.0)
    return coefficients @ design, ((inverse[:, first, second] * twice) @ products) / variance


def _shared_course(fit: _Fit) -> Floats | None:
    """Return the strongest course in time of the residuals, None when it does not stand out of noise."""
    use = np.where(fit.kept & fit.enough[:, None], fit.off / fit.scatter, 0)
    strength, courses = np.linalg.eigh(use.T @ use)
    usual = np.median(strength)
    return courses[:, -1] * np.sqrt(len(strength)) if strength[-1] > NOTICEABLE * usual > 0 else None
