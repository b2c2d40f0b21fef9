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
ROUGH = 0.3  # bend of the logarithm of a spectrum from column to column that only a fault has
DIM = 1.0  # [e-], the least a template holds where its logarithm is taken


class Layout(NamedTuple):
    """Where the pixels of the traces lie.

    `pixels` (n,): sorted flat indices into a frame. `around` (n, 5, 3): the places in `pixels` of a pixel and of
    those up to two rows and a column from it, -1 where there is none.
    """

    pixels: NDArray[np.intp]
    around: NDArray[np.intp]


class Motion(NamedTuple):
    """What is common to all pixels of a frame, and what that makes of each of them.

    `flux` (n_frames,): light over the mean. `column`, `row` (n_frames,): displacement from the median frame [px].
    `template` (n_pixels,): light of a pixel in the mean frame [e-]. `factor` (n_pixels, n_frames): what light and
    motion make of it. All but the template are NaN where a frame shows no trace.
    """

    flux: Floats
    column: Floats
    row: Floats
    template: Floats
    factor: NDArray[np.float32]


def lay_out(mask: NDArray[np.bool_]) -> Layout:
    """Find the pixels of a mask, shape (rows, columns), and their neighbours."""
    rows, columns = mask.shape
    place = np.full((rows + 4, columns + 2), -1, np.intp)
    pixels = np.flatnonzero(mask)
    place[2:-2, 1:-1][mask] = np.arange(pixels.size)
    row, column = np.divmod(pixels, columns)
    around = place[row[:, None, None] + np.arange(5)[:, None], column[:, None, None] + np.arange(3)]
    return Layout(pixels, around)


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
    A frame is a weighted fit of ``f M exp(A g_x + B g_y + (A^2 h_x + B^2 h_y) / 2)`` to all pixels brighter than the
    noise without light, with M the template and g (minus the slope) and h (the bend) of its logarithm from the
    neighbours: exact, however far a Gaussian profile moves. Pixels that a fault makes unlike their neighbours are left
    out. Values farther than 3 sigma count as if they were 3 sigma away. M begins as the median in time, and becomes
    the mean of the values within 6 sigma, four times; that of pixels which are fainter and beside fainter ones once.
    """
    n_pixels, n_frames = light.shape
    template = np.nan_to_num(row_medians(light))
    if not n_pixels:
        return _nothing(template, n_frames)
    known = np.isfinite(light)
    lit = template > np.median(template)
    start = np.array([_median(light[lit & known[:, k], k]) for k in range(n_frames)])
    usual = float(np.median(start)) if n_frames else 0.0
    seen = start > FAINTEST * usual
    found = np.zeros((3, n_frames))
    whole = _followed(template, layout.around) & (template > np.median(floor))
    if usual <= 0 or not whole.any() or not seen.any():
        return _nothing(template, n_frames)
    found[0] = 1
    # Single precision: a hundred thousandth of a pixel's light is far below its photon noise.
    values = np.where(known, light, np.float32(0))
    floor_single = floor.astype(np.float32)
    fitted = np.flatnonzero(whole)
    of_fitted, known_fitted = values[fitted], known[fitted]
    beside = np.unique(layout.around[fitted])  # slopes are those of the template there
    beside = beside[beside >= 0]
    for turn in range(TURNS):
        slope, bend = _logarithmic(template, layout.around[fitted])
        for _ in range(2):
            model = template[fitted, None].astype(np.float32) * _factor(slope, bend, found)
            left = of_fitted - model
            variance = model + floor_single
            far = np.abs(left) / np.sqrt(variance)
            # Bounded, not cut: what has moved most says most about the motion.
            bounded = np.minimum(np.float32(1), np.float32(BOUND) / np.maximum(far, np.float32(1e-9)))
            weight = np.where(known_fitted, bounded / variance, np.float32(0))
            step = _steps(model, slope, found, weight, left)
            found[:, seen] += np.clip(step, -1, 1)[:, seen]
            found[0] = np.maximum(found[0], FAINTEST / 2)
        chosen = beside if turn < TURNS - 1 else np.arange(n_pixels)
        factor = _factors(template, layout.around, whole, found, chosen)
        _improve(template, values, known & seen, floor_single, factor, chosen)
    seen &= (np.abs(found[1:]) < FARTHEST).all(axis=0)
    if not seen.any():
        return _nothing(template, n_frames)
    mean = found[0, seen].mean()
    found[0] /= mean
    made = _factors(template, layout.around, whole, found, np.arange(n_pixels))
    found[:, ~seen], made[:, ~seen] = np.nan, np.nan
    column, row = (moved - np.median(moved[seen]) for moved in found[1:])
    return Motion(found[0], column, row, template * mean, made)


def _nothing(template: Floats, n_frames: int) -> Motion:
    """Return that no frame shows a trace."""
    none = np.full(n_frames, np.nan)
    return Motion(none, none, none, template, np.full((len(template), n_frames), np.nan, np.float32))


def _median(values: NDArray[np.float32]) -> float:
    return float(np.median(values)) if values.size else 0.0


def _followed(template: Floats, around: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Tell which pixels have all their neighbours and, as these, no fault that stands still: a spectrum is smooth."""
    whole: NDArray[np.bool_] = np.all(around[:, 1:4] >= 0, axis=(1, 2))
    height = np.log(np.maximum(template, DIM))
    rough = np.abs(height[around[:, 2, 0]] + height[around[:, 2, 2]] - 2 * height) > ROUGH
    smooth: NDArray[np.bool_] = whole & ~rough
    return smooth if np.count_nonzero(smooth) > np.count_nonzero(whole) / 3 else whole


def _logarithmic(template: Floats, around: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Minus the slope and the bend of the template's logarithm along columns and rows, each (2, n).

    Along rows, where the profile is narrow, from two pixels on either side where there are so many.
    """
    height = np.log(np.maximum(template, DIM))[around]
    middle, left, right = height[:, 2, 1], height[:, 2, 0], height[:, 2, 2]
    below, above = height[:, 1, 1], height[:, 3, 1]
    far = np.where((around[:, [0, 4], 1] >= 0).all(axis=1), 1, 0)
    slope, bend = (below - above) / 2, below + above - 2 * middle
    slope += far * (2 * (below - above) - (height[:, 0, 1] - height[:, 4, 1])) / 12
    bend += far * (4 * (below + above) - 6 * middle - height[:, 0, 1] - height[:, 4, 1]) / 12
    return np.stack([(left - right) / 2, slope]), np.stack([left + right - 2 * middle, bend])


def _factor(slope: Floats, bend: Floats, found: Floats) -> NDArray[np.float32]:
    """Return what light and motion make of a pixel of the template, (n, n_frames)."""
    terms, moved = np.concatenate([slope, bend]), np.concatenate([found[1:], found[1:] ** 2 / 2])
    exponent = terms.T.astype(np.float32) @ moved.astype(np.float32)
    return np.exp(np.clip(exponent, -2, 2, out=exponent), out=exponent) * found[0].astype(np.float32)


def _factors(
    template: Floats,
    around: NDArray[np.intp],
    whole: NDArray[np.bool_],
    found: Floats,
    chosen: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Return what light, and where it is known motion, make of some pixels, (n_chosen, n_frames)."""
    made = np.repeat(found[:1].astype(np.float32), len(chosen), axis=0)
    moves = whole[chosen]
    made[moves] = _factor(*_logarithmic(template, around[chosen[moves]]), found)
    return made


def _improve(
    template: Floats,
    values: NDArray[np.float32],
    usable: NDArray[np.bool_],
    floor: NDArray[np.float32],
    factor: NDArray[np.float32],
    chosen: NDArray[np.intp],
) -> None:
    """Make some pixels of the template the mean of their values that are not far off it, in place."""
    values, model = values[chosen], template[chosen, None].astype(np.float32) * factor
    far = (values - model) ** 2 > (2 * BOUND) ** 2 * (np.maximum(model, 0) + floor)
    use = usable[chosen] & ~far
    total = np.where(use, factor, np.float32(0)).sum(axis=1, dtype=np.float64)
    held = np.where(use, values, np.float32(0)).sum(axis=1, dtype=np.float64)
    template[chosen] = np.where(total > 0, held / np.where(total > 0, total, 1), template[chosen])


def _steps(
    model: NDArray[np.float32],
    slope: Floats,
    found: Floats,
    weight: NDArray[np.float32],
    left: NDArray[np.float32],
) -> Floats:
    """Weighted least squares of each frame: changes of flux, column and row, (3, n_frames)."""
    weighted = weight * model
    residual = weighted * left
    weighted *= model
    basis = np.stack([np.ones(slope.shape[1]), *slope], axis=1).astype(np.float32)
    products = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), -1)
    normal = (weighted.T @ products).reshape(-1, 3, 3).astype(np.float64)
    scale = np.sqrt(np.maximum(np.einsum("kii->ki", normal), 1e-30))
    normal = normal / (scale[:, :, None] * scale[:, None, :]) + 1e-9 * np.eye(3)
    step = np.linalg.solve(normal, (residual.T @ basis / scale)[:, :, None])[:, :, 0] / scale
    step[:, 0] *= found[0]
    return step.T
