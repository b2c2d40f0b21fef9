"""Background of one frame as a scaled image of the sky (Pagul et al. 2023)."""

from __future__ import annotations

from typing import Any, NamedTuple

import bottleneck as bn
import numpy as np
from numpy.typing import ArrayLike, NDArray

from hustle_widgets.algorithms.histogram import Floats
from hustle_widgets.algorithms.mode import sky_mode
from hustle_widgets.algorithms.orbit_trend import expected_of_others, has_trend
from hustle_widgets.algorithms.sky_sums import BLOCK, BlockSums, without_repeats

GROSS = 10.0  # times the limit
MAD_TO_STD = 1.4826
#: Narrowest window around the model, in standard deviations of the sky, that pixels are fitted in.
NARROWEST = 3.5
#: Pixels this close to the edge of the window, in standard deviations of the sky, are remembered.
EDGE = 0.25
#: A block further than this many robust standard deviations from the median block is dropped.
BLOCK_SIGMA = 2.5


def cut_sky(sky: Floats, subarr_coords: ArrayLike, shape: tuple[int, int]) -> Floats:
    """Cut the sky image of a chip at the subarray.

    Parameters
    ----------
    sky : ndarray, shape (rows of the chip, columns of the chip)
        Sky image. One that has the frame's shape already is taken as cut.
    subarr_coords : sequence of 4 numbers
        left, right, bottom, top edge of the subarray on the chip: first pixel is 1, last one included.
    shape : (int, int)
        Rows and columns of a frame.

    Returns
    -------
    ndarray, shape `shape`
        A view of `sky`.

    Raises
    ------
    ValueError
        When the subarray does not lie on the sky image, or is not of the frame's shape.
    """
    if np.ndim(sky) != 2:
        raise ValueError(f"The sky image must have rows and columns. Its shape is {np.shape(sky)}.")
    if sky.shape == tuple(shape):
        return sky
    left, right, bottom, top = (int(edge) for edge in np.asarray(subarr_coords))
    if (top - bottom + 1, right - left + 1) != tuple(shape):
        raise ValueError(
            f"The subarray, columns {left} to {right} and rows {bottom} to {top}, "
            f"does not have the shape of the frames, {tuple(shape)}."
        )
    if left < 1 or bottom < 1 or right > sky.shape[1] or top > sky.shape[0]:
        raise ValueError(
            f"The sky image, {sky.shape[0]} rows x {sky.shape[1]} columns, does not cover the subarray: "
            f"columns {left} to {right}, rows {bottom} to {top}. Give the sky image of the whole chip, "
            f"or one of the frames' shape, {shape}."
        )
    return sky[bottom - 1 : top, left - 1 : right]


def median_columns(sky: Floats) -> NDArray[np.float32]:
    """Return an image whose rows all hold the median of each column of a sky image.

    Parameters
    ----------
    sky : ndarray, shape (rows, columns)
        NaN is ignored. A column of nothing else takes the value between its neighbours.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Read-only: the rows share their memory.

    Raises
    ------
    ValueError
        When every pixel is NaN.
    """
    medians = bn.nanmedian(np.ascontiguousarray(sky.T, dtype=np.float32), axis=1)
    good = np.isfinite(medians)
    if not good.any():
        raise ValueError("The sky image holds no number.")
    columns = np.arange(medians.size)
    medians = np.interp(columns, columns[good], medians[good]).astype(np.float32)
    return np.broadcast_to(medians, sky.shape)


def sky_mask(image: Floats, mask_parameter: float) -> NDArray[np.bool_]:
    """Mask the sources of a frame: pixels far from its mode.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        One frame [e-].
    mask_parameter : float
        How far, in standard deviations of the whole frame, sources included. Smaller masks more.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        True where a pixel is masked; NaN is.

    Raises
    ------
    ValueError
        When `mask_parameter` is not positive or every pixel is NaN.
    """
    mode, _ = sky_mode(image)
    return ~(np.abs(image - np.float32(mode)) <= _half_width(_std(image)[0], mask_parameter))


def _half_width(std: float, mask_parameter: float) -> float:
    if not mask_parameter > 0:
        raise ValueError(f"mask_parameter must be above 0. Got {mask_parameter}.")
    return mask_parameter * std


def _std(image: Floats) -> tuple[float, bool]:
    """Return the standard deviation of the finite pixels, and whether all are known to be finite."""
    # A row at a time in float32, the rows in float64: the time that std takes to copy the frame, and no copy.
    square = float(np.einsum("ij,ij->i", image, image).sum(dtype=np.float64)) / max(image.size, 1)
    mean = float(image.sum(axis=1).sum(dtype=np.float64)) / max(image.size, 1)
    variance = square - mean**2
    if np.isfinite(variance) and variance > 1e-3 * square:
        return float(np.sqrt(variance)), True
    finite = image[np.isfinite(image)]
    return float(finite.std(dtype=np.float64)) if finite.size else 0.0, finite.size == image.size


def sky_scale(image: Floats, sky: Floats, mask: NDArray[np.bool_]) -> float:
    """Least-squares factor of the sky image, in closed form.

    Parameters
    ----------
    image, sky : ndarray, shape (rows, columns)
        One frame [e-] and the sky image.
    mask : ndarray of bool, shape (rows, columns)
        True where a pixel is left out.

    Returns
    -------
    float
        sum(image * sky) / sum(sky**2) over the pixels kept.

    Raises
    ------
    ValueError
        When no pixel is kept, or the sky image is zero on all of them.
    """
    keep = ~mask & np.isfinite(image) & np.isfinite(sky)
    kept = sky[keep].astype(np.float64)
    norm = float(kept @ kept)
    if norm == 0:
        raise ValueError(
            "No pixel is left to scale the sky image to. Raise mask_parameter, or check the sky image."
        )
    return float(kept @ image[keep]) / norm


class SkyFit(NamedTuple):
    """Factor of the sky image in a frame, and which pixels it was fitted to.

    Attributes
    ----------
    scale : float
        The factor.
    centre : float
        Pixels within `half_width` of `centre` times the sky image were used.
    half_width : float
        [e-].
    good : ndarray of bool, shape (blocks of rows, blocks of columns)
        Blocks of `BLOCK` x `BLOCK` pixels that were used.
    """

    scale: float
    centre: float
    half_width: float
    good: NDArray[np.bool_]

    def mask(self, image: Floats, sky: Floats) -> NDArray[np.bool_]:
        """Return where a pixel was left out of the fit, from the frame and the sky image it was made of."""
        keep = np.abs(image - sky * np.float32(self.centre)) <= self.half_width  # NaN is not
        rows, columns = (np.arange(size) // BLOCK for size in image.shape)
        return ~(keep & self.good[np.ix_(rows, columns)])


def fit_sky(image: Floats, sky: Floats, mask_parameter: float) -> SkyFit:
    """Factor of the sky image in a frame, with its sources masked.

    Parameters
    ----------
    image, sky : ndarray, shape (rows, columns)
        One frame [e-] and the sky image, cut at the subarray. NaN is ignored in both.
    mask_parameter : float
        See `sky_mask`.

    Returns
    -------
    SkyFit

    Raises
    ------
    ValueError
        When no pixel is left to fit.

    Notes
    -----
    `sky_mask` cuts the values symmetrically around one number. A sky that varies over the frame is then cut
    on one side where it is bright and on the other where it is faint, and the factor comes out wrong by per
    cents. So that mask is only where this starts. After it

    1. the window is centred on scale * sky, and no narrower than 3.5 standard deviations of the sky: with
       the default `mask_parameter` it may well be narrower than the noise, and the fit then finds the mode
       of the noise, not its mean;
    2. sums over blocks of 32 x 32 pixels find what a pixel alone does not show, the wings of traces and
       stars: blocks that ask for another factor than the median block are left out. A block is weighed by
       its statistical error;

    until the factor is stable to 1e-4 of itself or of the scatter.
    """
    mode, scatter = sky_mode(image)
    std, finite = _std(image)
    half_width = max(_half_width(std, mask_parameter), NARROWEST * scatter)
    pixels, template, usable = image, sky, image.size
    if not (finite and np.isfinite(without_repeats(sky)).all()):
        good_pixels = np.isfinite(image) & np.isfinite(sky)
        pixels, template = (
            np.where(good_pixels, values, 0).astype(np.float32, copy=False) for values in (image, sky)
        )
        usable = max(1, int(np.count_nonzero(good_pixels)))
    level = float(template.sum(axis=1).sum(dtype=np.float64)) / usable
    if level == 0:
        raise ValueError("No pixel is left to scale the sky image to: it is zero or NaN there.")
    scale = mode / level
    sums = BlockSums(pixels, template, half_width, EDGE * scatter)
    step, good = np.inf, np.zeros((0, 0), bool)
    for _ in range(20):
        products, norms = sums.at(scale)
        last_good, good = good, _good_blocks(products, norms)
        norm = float(norms[good].sum())
        if norm == 0:
            raise ValueError("No pixel is left to scale the sky image to. Raise mask_parameter.")
        last, scale = scale, float(products[good].sum()) / norm
        last_step, step = step, abs(scale - last)
        # With the same blocks each step is a constant factor shorter than the last: this is the sum of those to come.
        left = step if not np.array_equal(good, last_good) else step * step / max(last_step - step, step)
        # The second limit is a tenth of the error that noise leaves, for a sky that is off already.
        if left <= max(1e-4 * abs(scale), 1e-4 * scatter / abs(level)):
            break
    return SkyFit(scale, last, half_width, good)


def _good_blocks(products: NDArray[np.float64], norms: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the blocks whose own factor agrees with that of the others."""
    good = norms > 0
    factor = np.divide(products, norms, out=np.zeros_like(products), where=good)
    weight = np.sqrt(norms)
    for _ in range(10):
        deviation = np.abs(factor - bn.median(factor[good])) * weight
        scatter = MAD_TO_STD * bn.median(deviation[good])
        if scatter == 0:
            break
        kept = good & (deviation <= BLOCK_SIGMA * scatter)
        if np.count_nonzero(kept) == np.count_nonzero(good):
            break
        good = kept
    return good


def smooth_scales(
    scales: ArrayLike,
    smoothing_param: float,
    times: NDArray[np.float64] | None = None,
    orbits: NDArray[np.integer] | None = None,
) -> NDArray[np.float64]:
    """Replace factors that are far from the visit's median by the median: the background must not flicker.

    Parameters
    ----------
    scales : array_like, shape (frames,)
        A factor a frame; NaN counts as far away.
    smoothing_param : float
        How far, in robust standard deviations of the factors (1.4826 times the median absolute deviation).
    times : ndarray, shape (frames,), optional
        When each frame was taken.
    orbits : ndarray of int, shape (frames,), optional
        Number of the orbit of each frame. With both, a sky that rises and falls within orbits is followed: factors are
        then compared with, and replaced by, what is expected from other frames, see `orbit_trend`.

    Returns
    -------
    ndarray of float64, shape (frames,)

    Raises
    ------
    ValueError
        When `smoothing_param` is not positive or no factor is a number.
    """
    if not smoothing_param > 0:
        raise ValueError(f"smoothing_param must be above 0. Got {smoothing_param}.")
    values: NDArray[Any] = np.array(scales, dtype=np.float64)
    if not np.isfinite(values).any():
        raise ValueError("No frame has a sky factor to smooth.")
    values[~np.isfinite(values)] = np.nan
    nearest = middle = np.full(values.shape, np.nanmedian(values))
    if times is not None and orbits is not None and has_trend(values, times, orbits):
        nearest, middle = (
            np.where(np.isfinite(x), x, nearest) for x in expected_of_others(values, times, orbits)
        )
    limit = smoothing_param * MAD_TO_STD * np.nanmedian(np.abs(values - middle))
    away = np.abs(values - nearest)
    # What lies far from all that is expected is no guide to which of it is right.
    return np.where(away <= limit, values, np.where(away <= GROSS * limit, nearest, middle))
