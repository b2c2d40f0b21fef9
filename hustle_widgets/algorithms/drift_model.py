"""Outliers in time on the traces: what light and drift leave of a pixel's series."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.drift_fit import Motion
from hustle_widgets.algorithms.series import Floats, row_medians

__all__ = ["Followed", "reject_off_model"]

ROUNDS = 10
MAD_TO_SIGMA = 1.4826
GROW = 0.85
START = 1.5  # times the threshold
OWN = 0.8  # of a pixel's own scatter counts at least
MODES = 3  # at most so many more that all pixels share
NOTICEABLE = 1.3  # variance of a mode, in units of that of noise
FRAMES_A_REGRESSOR = 6
GROUP = 4096  # pixels at once


class Followed(NamedTuple):
    """What became of the series: `rejected` and `model` (n_pixels, n_frames), `modes` found (n_modes, n_frames)."""

    rejected: NDArray[np.bool_]
    model: NDArray[np.float32]
    modes: Floats


class _Fit(NamedTuple):
    """The model of some series and how well each of its values is known."""

    model: Floats
    variance: Floats
    leverage: Floats
    enough: NDArray[np.bool_]


def reject_off_model(
    light: NDArray[np.float32], floor: Floats, motion: Motion, threshold: float, layout=None
) -> Followed:
    known = np.isfinite(light) & np.isfinite(motion.flux)
    light = np.where(known, light, 0).astype(np.float64)
    base = motion.expected
    design = np.stack([motion.flux, motion.column, motion.row])
    design = np.where(np.isfinite(design), design, 0)
    kept = _start(light, known, floor, base, threshold)
    modes = np.empty((0, light.shape[1]))
    fit, z, kept = _settle(light, known, floor, base, design, kept, threshold, rounds=3)
    most = min(MODES, max(0, light.shape[1] // FRAMES_A_REGRESSOR - len(design)))
    for _ in range(most):
        mode = _common_mode(z, kept, fit.enough)
        if mode is None:
            break
        modes = np.vstack([modes, mode])
        fit, z, kept = _settle(light, known, floor, base, np.vstack([design, modes]), kept, threshold, rounds=3)
    fit, z, kept = _settle(light, known, floor, base, np.vstack([design, modes]), kept, threshold, ROUNDS)
    rejected = known & ~kept & fit.enough[:, None]
    if layout is not None:
        rejected = _grown(rejected, z, layout, threshold) & fit.enough[:, None] & known
    return Followed(rejected, fit.model.astype(np.float32), modes)


def _grown(rejected, z, layout, threshold):
    """Neighbours of what was rejected, in the same frame."""
    rejected = rejected.copy()
    pixel, frame = np.nonzero(rejected)
    for _ in range(3):
        near = layout.around[pixel].reshape(len(pixel), -1)
        frames = np.broadcast_to(frame[:, None], near.shape)[near >= 0]
        near = near[near >= 0]
        more = (z[near, frames] > GROW * threshold) & ~rejected[near, frames]
        pixel, frame = near[more], frames[more]
        if not pixel.size:
            break
        rejected[pixel, frame] = True
    return rejected


def _start(light, known, floor, base, threshold):
    """First guess: values that are near what the template says."""
    level = row_medians(np.where(known, light - base, np.nan))
    model = base + level[:, None]
    z = (light - model) / np.sqrt(np.maximum(model, 0) + floor)
    scale = np.maximum(1, MAD_TO_SIGMA * row_medians(np.where(known, np.abs(z), np.nan)))
    return known & (np.abs(z) < START * threshold * scale[:, None])


def _regress(left, kept, variance, design):
    size = len(design)
    i, j = np.triu_indices(size)
    products = design[i] * design[j]
    weight = np.where(kept, 1 / variance, 0)
    upper = weight @ products.T
    normal = np.empty((len(left), size, size))
    normal[:, i, j] = normal[:, j, i] = upper
    right = (weight * left) @ design.T
    enough = kept.sum(axis=1) >= size + 3
    scale = np.sqrt(np.maximum(np.einsum("kii->ki", normal), 1e-30))
    normal = normal / (scale[:, :, None] * scale[:, None, :]) + 1e-9 * np.eye(size)
    inverse = np.linalg.inv(normal) / (scale[:, :, None] * scale[:, None, :])
    coefficients = np.einsum("kij,kj->ki", inverse, right)
    twice = np.where(i == j, 1.0, 2.0)
    leverage = (inverse[:, i, j] * twice) @ products / variance
    return _Fit(coefficients @ design, variance, leverage, enough)


def _settle(light, known, floor, base, design, kept, threshold, rounds):
    left = light - base
    variance = np.maximum(base, 0) + floor
    for _ in range(rounds):
        fit = _regress(left, kept, variance, design)
        model = base + fit.model
        variance = np.maximum(model, 0) + floor
        unit = np.where(kept, np.sqrt(np.maximum(1 - fit.leverage, 0.05)), np.sqrt(1 + fit.leverage))
        z = (light - model) / np.sqrt(variance) / unit
        own = MAD_TO_SIGMA * row_medians(np.where(kept, np.abs(z), np.nan))
        scale = np.maximum(np.nanmedian(own), OWN * own)[:, None]
        z /= scale
        now = np.where(fit.enough[:, None], known & (np.abs(z) < threshold), kept)
        if np.array_equal(now, kept):
            break
        kept = now
    return fit._replace(model=model), z, kept


def _common_mode(z, kept, enough):
    """The strongest course in time that residuals share, or None when it does not rise above noise."""
    use = np.where(kept & enough[:, None], z, 0).astype(np.float32)
    share = (use.T @ use) / max(1, enough.sum())
    values, vectors = np.linalg.eigh(share.astype(np.float64))
    if values[-1] < NOTICEABLE * np.median(values):
        return None
    return vectors[:, -1] * np.sqrt(len(values))
