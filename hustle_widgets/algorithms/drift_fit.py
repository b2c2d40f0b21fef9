"""How bright the traces are in each frame and how far they have moved: one template for all frames.

Light is laid out (pixel, frame), the sky taken off.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.series import Floats, row_medians

__all__ = ["Layout", "Motion", "fit_motion", "lay_out"]

TURNS = 4
BOUND = 3.0  # sigma, beyond which a value has no more influence on its frame
FAINTEST = 0.2  # of the usual light: a frame with less shows no trace to follow
FARTHEST = 3.0  # [px]: beyond it the template's slopes say nothing
DIM = 1.0  # [e-], the least a template holds where its logarithm is taken


class Layout(NamedTuple):
    """Where the pixels of the traces lie.

    `index` (n,): sorted flat indices into a frame. `around` (n, 3, 3): the places in `index` of a pixel and its
    neighbours (row, column), -1 where there is none.
    """

    index: NDArray[np.intp]
    around: NDArray[np.intp]


class Motion(NamedTuple):
    """What is common to all pixels of a frame, and what that makes of each of them.

    `flux` (n_frames,): light over the mean. `column`, `row` (n_frames,): displacement from the median frame [px].
    All NaN where a frame shows no trace. `expected` (n_pixels, n_frames): the moved template [e-].
    """

    flux: Floats
    column: Floats
    row: Floats
    expected: Floats


def lay_out(mask: NDArray[np.bool_]) -> Layout:
    """Find the pixels of a mask, shape (rows, columns), and their neighbours."""
    rows, columns = mask.shape
    place = np.full((rows + 2, columns + 2), -1, np.intp)
    index = np.flatnonzero(mask)
    place[1:-1, 1:-1][mask] = np.arange(index.size)
    row, column = np.divmod(index, columns)
    step = np.arange(3)
    return Layout(index, place[row[:, None, None] + step[:, None], column[:, None, None] + step])


def fit_motion(light: NDArray[np.float32], floor: Floats, layout: Layout) -> Motion:
    """Fit light and displacement of each frame.

    Parameters
    ----------
    light : ndarray, shape (n_pixels, n_frames)
        Of the pixels of `layout`, the sky taken off [e-]; NaN where there is no value.
    floor : ndarray, shape (n_frames,)
        Variance of a pixel without light: sky and read noise [e-^2].
    layout : Layout
        Of the pixels.

    Returns
    -------
    Motion

    Notes
    -----
    A frame is a weighted fit of ``f M exp(A g_x + B g_y + (A^2 h_x + B^2 h_y) / 2)`` to all pixels, with M the
    template and g (minus the slope) and h (the bend) of its logarithm from the neighbours: exact, however far a
    Gaussian profile moves and however few pixels it has. Values farther than 3 sigma count as if they
    were 3 sigma away. M begins as the median in time, and becomes the mean of what is left of the values, four times.
    """
    n_frames = light.shape[1]
    template = np.nan_to_num(row_medians(light))
    known = np.isfinite(light)
    lit = template > np.median(template)
    start = np.array([_median(light[lit & known[:, k], k]) for k in range(n_frames)])
    usual = float(np.median(start))
    seen = start > FAINTEST * usual
    found = np.zeros((3, n_frames))
    whole = (layout.around >= 0).all(axis=(1, 2)) & (template > np.median(floor))
    if usual <= 0 or not whole.any() or not seen.any():
        nothing = np.full(n_frames, np.nan)
        return Motion(nothing, nothing, nothing, np.zeros(light.shape))
    found[0] = 1
    values = np.where(known, light, 0).astype(np.float64)
    around = layout.around[whole]
    for _ in range(TURNS):
        slope, bend = _logarithmic(template, around)
        for _ in range(2):
            factor = _factor(slope, bend, found)
            model = template[whole, None] * factor
            left = values[whole] - model
            variance = model + floor
            far = np.abs(left) / np.sqrt(variance)
            # Bounded, not cut: what has moved most says most about the motion.
            weight = np.where(known[whole], np.minimum(1, BOUND / np.maximum(far, 1e-9)) / variance, 0)
            step = _steps(model, slope, found, weight, left)
            found[:, seen] += np.clip(step, -1, 1)[:, seen]
            found[0] = np.maximum(found[0], FAINTEST / 2)
        usable = known & seen
        usable[whole] &= far < 2 * BOUND
        spread = np.where(usable, found[0], 0)
        spread[whole] = np.where(usable[whole], factor, 0)
        total = spread.sum(axis=1)
        np.divide(np.where(usable, values, 0).sum(axis=1), total, out=template, where=total > 0)
    seen &= (np.abs(found[1:]) < FARTHEST).all(axis=0)
    expected = template[:, None] * found[0]
    expected[whole] = template[whole, None] * _factor(slope, bend, found)
    mean = found[0, seen].mean()
    flux = np.where(seen, found[0] / mean, np.nan)
    column, row = (np.where(seen, moved - np.median(moved[seen]), np.nan) for moved in found[1:])
    return Motion(flux, column, row, expected)


def _median(values: NDArray[np.float32]) -> float:
    return float(np.median(values)) if values.size else 0.0


def _logarithmic(template: Floats, around: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Minus the slope and the bend of the template's logarithm along columns and rows, each (2, n)."""
    height = np.log(np.maximum(template, DIM))[around]
    middle, left, right = height[:, 1, 1], height[:, 1, 0], height[:, 1, 2]
    below, above = height[:, 0, 1], height[:, 2, 1]
    slope = np.stack([left - right, below - above]) / 2
    return slope, np.stack([left + right, below + above]) - 2 * middle


def _factor(slope: Floats, bend: Floats, found: Floats) -> Floats:
    """What light and motion make of a pixel of the template, (n, n_frames)."""
    exponent = slope.T @ found[1:] + bend.T @ (found[1:] ** 2 / 2)
    return found[0] * np.exp(np.clip(exponent, -2, 2))


def _steps(model: Floats, slope: Floats, found: Floats, weight: Floats, left: Floats) -> Floats:
    """Weighted least squares of each frame: changes of flux, column and row, (3, n_frames)."""
    weighted, residual = weight * model**2, weight * model * left
    basis = np.stack([np.ones(slope.shape[1]), *slope], axis=1)
    products = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
    normal = (weighted.T @ products).reshape(-1, 3, 3)
    scale = np.sqrt(np.maximum(np.einsum("kii->ki", normal), 1e-30))
    normal = normal / (scale[:, :, None] * scale[:, None, :]) + 1e-9 * np.eye(3)
    step = np.linalg.solve(normal, (residual.T @ basis / scale)[:, :, None])[:, :, 0] / scale
    step[:, 0] *= found[0]
    return step.T
