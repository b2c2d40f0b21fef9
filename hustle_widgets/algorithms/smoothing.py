"""Rejection of hot, cold and dead pixels by comparison with a smoothed frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import bottleneck as bn
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import correlate1d

from hustle_widgets.algorithms.box_median import box_median
from hustle_widgets.algorithms.detector import READ_NOISE
from hustle_widgets.algorithms.neighbours import as_frame, fill_bad, medians_at, pad_reflect, window_offsets

__all__ = ["SMTH_TYPES", "check_smoothing", "reject_by_smoothing", "smooth_model"]

SMTH_TYPES = ("1D_smooth", "2D_smooth", "polyfit")

Region = tuple[int, int, int, int]

_FITS = 4  # polynomials fitted to a window at most, each without what the one before rejected
_SCATTER_WINDOWS = ((1, 7), (3, 5))
_SCATTER_REACH = (1, 3)
_MAD_TO_SIGMA = 1.4826
_CHUNK = 16_384


def check_smoothing(
    shape: tuple[int, int],
    smth_type: str,
    smth_kernel: int | Sequence[int],
    smth_bounds: Sequence[Sequence[float]] | None = None,
    smth_order: int = 2,
) -> tuple[tuple[int, int], list[Region]]:
    """Check the parameters of spatial smoothing against a frame, and return them in one form.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the frame.
    smth_type : {'1D_smooth', '2D_smooth', 'polyfit'}
        Kind of model.
    smth_kernel : int or pair of int
        Odd width in columns; for '2D_smooth' a pair of odd numbers, rows and columns.
    smth_bounds : sequence of [row0, row1, column0, column1], optional
        Regions, half open; None is the whole frame.
    smth_order : int, default 2
        Order of the polynomial of 'polyfit'.

    Returns
    -------
    kernel : tuple of int
        Rows and columns of the kernel.
    regions : list of tuple of int
        (row0, row1, column0, column1) of each region.

    Raises
    ------
    ValueError
        If a parameter is outside its range; the message names it.
    """
    if smth_type not in SMTH_TYPES:
        raise ValueError(f"smth_type must be one of {', '.join(SMTH_TYPES)}. Got {smth_type!r} instead.")
    two = smth_type == "2D_smooth"
    widths = np.atleast_1d(np.asarray(smth_kernel))
    odd = widths.dtype.kind in "iuf" and bool(np.all((widths >= 1) & (widths % 2 == 1)))
    if not odd or np.shape(smth_kernel) != ((2,) if two else ()):
        wanted = "two odd whole numbers (rows, columns)" if two else "one odd whole number"
        raise ValueError(f"smth_kernel must be {wanted} for {smth_type}. Got {smth_kernel!r} instead.")
    kernel = (int(widths[0]) if two else 1, int(widths[-1]))
    if kernel[0] > shape[0] or kernel[1] > shape[1]:
        raise ValueError(f"smth_kernel {smth_kernel!r} is larger than the frame of {shape[0]} x {shape[1]}.")
    if smth_type == "polyfit" and not 0 <= smth_order <= kernel[1] - 2:
        raise ValueError(
            f"smth_order must be from 0 to {kernel[1] - 2} with a smth_kernel of {kernel[1]}. "
            f"Got {smth_order!r} instead."
        )
    if smth_bounds is None:
        return kernel, [(0, shape[0], 0, shape[1])]
    return kernel, [_region(bounds, shape) for bounds in smth_bounds]


def _region(bounds: Sequence[float], shape: tuple[int, int]) -> Region:
    if np.ndim(bounds) != 1 or len(bounds) != 4 or any(value % 1 for value in bounds):
        raise ValueError(
            "smth_bounds must be a list of regions [row0, row1, column0, column1] in whole numbers, or None. "
            f"Got {bounds!r} instead of a region."
        )
    row0, row1, column0, column1 = (int(value) for value in bounds)
    if row0 >= row1 or column0 >= column1:
        raise ValueError(
            f"smth_bounds {list(bounds)} is empty or upside down: each region is "
            "[row0, row1, column0, column1] with row0 < row1 and column0 < column1."
        )
    if row0 < 0 or column0 < 0 or row1 > shape[0] or column1 > shape[1]:
        raise ValueError(
            f"smth_bounds {list(bounds)} reaches outside the frame of {shape[0]} rows and {shape[1]} columns."
        )
    return row0, row1, column0, column1


def smooth_model(
    image: ArrayLike,
    smth_type: str,
    smth_kernel: int | Sequence[int],
    poly_order: int = 2,
    *,
    smth_threshold: float = 5,
    read_noise: float = READ_NOISE,
) -> NDArray[np.float32]:
    """Smooth a frame.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        The frame [e-]. NaN and infinite pixels are bridged.
    smth_type : {'1D_smooth', '2D_smooth', 'polyfit'}
        Running median along the row, running median in two dimensions, or a polynomial fitted to the
        window around each pixel in its row.
    smth_kernel : int or pair of int
        Odd width of the window in columns; for '2D_smooth' a pair, rows and columns.
    poly_order : int, default 2
        Order of the polynomial.
    smth_threshold : float, default 5
        Pixels this many times the scatter off the running median, and then off the polynomial, are left out
        of the fit.
    read_noise : float
        Read noise of a pixel [e-].

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        The model [e-]. The frame is mirrored at its edges for the medians; a polynomial there is fitted to
        the part of its window inside the frame.

    Raises
    ------
    ValueError
        If a parameter is outside its range.
    """
    filled, bad = fill_bad(as_frame(image))
    kernel, _ = check_smoothing(filled.shape, smth_type, smth_kernel, None, poly_order)
    return _model(filled, bad, smth_type, kernel, poly_order, smth_threshold, read_noise)


def _model(
    image: NDArray[np.float32],
    bad: NDArray[np.bool_],
    smth_type: str,
    kernel: tuple[int, int],
    order: int,
    threshold: float,
    read_noise: float,
    pause: Callable[[], None] | None = None,
) -> NDArray[np.float32]:
    if smth_type == "2D_smooth":
        return box_median(image, kernel, pause=pause)
    width = kernel[1]
    padded = np.pad(image, ((0, 0), (width // 2, width // 2)), mode="symmetric")
    model = bn.move_median(padded, width, axis=1)[:, width - 1 :]
    if smth_type == "1D_smooth":
        return model
    median, left_out = model, None
    for _ in range(_FITS):
        reject = bad | _outliers(image, model, threshold, read_noise)
        if left_out is not None and np.array_equal(reject, left_out):
            break
        left_out = reject
        model = _polynomial(image, reject, width, order, median, pause or (lambda: None))
    return model


def _polynomial(
    image: NDArray[np.float32],
    reject: NDArray[np.bool_],
    width: int,
    order: int,
    fallback: NDArray[np.float32],
    pause: Callable[[], None],
) -> NDArray[np.float32]:
    """Value at each pixel of the polynomial fitted to the window around it, without the rejected pixels.

    Where all pixels of a window are used the fit is a fixed weighted sum; elsewhere the normal equations are
    solved, or the fallback is taken if fewer than order + 2 pixels are left.
    """
    half = width // 2
    powers = (np.arange(-half, half + 1) / max(half, 1))[:, None] ** np.arange(order + 1)
    model = correlate1d(image, np.linalg.pinv(powers)[0], axis=1, mode="nearest")
    used = np.pad(~reject, ((0, 0), (half, half)))
    complete = bn.move_sum(used.astype(np.float32), width, axis=1)[:, width - 1 :] > width - 0.5
    index = np.flatnonzero(~complete)
    values = np.pad(image, ((0, 0), (half, half))).ravel()
    weights = used.ravel().astype(np.float64)
    row, column = np.divmod(index, image.shape[1])
    centre = row * used.shape[1] + column + half
    for start in range(0, index.size, _CHUNK):
        pause()
        part = slice(start, start + _CHUNK)
        window = centre[part, None] + np.arange(-half, half + 1)
        weight = weights.take(window)
        enough = weight.sum(axis=1) >= order + 2
        weight, window, target = weight[enough], window[enough], index[part][enough]
        normal = np.einsum("nw,wj,wk->njk", weight, powers, powers, optimize=True)
        right = (weight * values.take(window)) @ powers
        model.ravel()[target] = np.linalg.solve(normal, right[..., None])[:, 0, 0]
        rest = index[part][~enough]
        model.ravel()[rest] = fallback.ravel()[rest]
    return model


def _outliers(
    image: NDArray[np.float32], model: NDArray[np.float32], threshold: float, read_noise: float
) -> NDArray[np.bool_]:
    """Pixels further than threshold times the scatter from the model."""
    away = np.abs(image - model)
    noise = np.sqrt(np.maximum(model, 0) + np.float32(read_noise**2))
    mask = away > np.float32(threshold) * noise
    index = np.flatnonzero(mask)
    reach = max(_SCATTER_REACH)
    padded = pad_reflect(away, reach)
    row, column = np.divmod(index, image.shape[1])
    centre = (row + reach) * padded.shape[1] + column + reach
    for window in _SCATTER_WINDOWS:
        scatter = medians_at(padded.ravel(), centre, window_offsets(window, padded.shape[1]))
        mask.ravel()[index] &= away.ravel()[index] > np.float32(threshold * _MAD_TO_SIGMA) * scatter
    return mask


def reject_by_smoothing(
    image: ArrayLike,
    *,
    smth_type: str = "1D_smooth",
    smth_kernel: int | Sequence[int] = 11,
    smth_threshold: float = 5,
    smth_bounds: Sequence[Sequence[float]] | None = None,
    smth_order: int = 2,
    read_noise: float = READ_NOISE,
    protect: NDArray[np.bool_] | None = None,
    pause: Callable[[], None] | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Replace the pixels of one frame that differ from a smooth model of it.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        The frame [e-]; it is not changed. NaN and infinite pixels are never used and never hits.
    smth_type, smth_kernel, smth_order
        The model, see :func:`smooth_model`.
    smth_threshold : float, default 5
        Least distance from the model in units of the scatter, above 0.
    smth_bounds : sequence of [row0, row1, column0, column1], optional
        Regions to correct, half open; they may overlap. Pixels outside count as neighbours. None is the
        whole frame.
    read_noise : float
        Read noise of a pixel [e-], above 0.
    protect : ndarray of bool, shape (rows, columns), optional
        True where nothing may be flagged, see :func:`~hustle_widgets.algorithms.bloom.bloom_mask`.
    pause : callable, optional
        Called a few times a second where a large kernel takes long; an exception that it raises ends the work.

    Returns
    -------
    mask : ndarray of bool, shape (rows, columns)
        True for every hit.
    values : ndarray of float32, shape (n,)
        The model [e-] at each hit in C order.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    The scatter of a pixel is the largest of its noise, sqrt(model + read noise^2), and of 1.4826 times the
    median of |image - model| over 1 x 7 and over 3 x 5 pixels around it (rows x columns). One number for the
    frame is either the error of the model on the spectra, 2000 e- on a bright star, or flags the spectra. The
    noise alone flags them as well, because a median along a tilted trace is off by several per cent. A lone
    pixel does not raise its medians; a trace or a star that the model misses does.

    On simulated frames (kernel 11, threshold 5) the noise alone flags 1 % of the good pixels on the traces,
    5 % of those on background stars; the medians 1e-4 and none, and they still find 0.998 of the hot pixels
    above 100 e-. They cost part of the cosmic-ray tracks along the row. 'polyfit' follows a trace to 1.2
    times its noise, the running median to 2.5 times.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.full((5, 30), 12.0); image[2, 8] = 90.0
    >>> mask, values = reject_by_smoothing(image, smth_kernel=11)
    >>> np.argwhere(mask).tolist(), values.tolist()
    ([[2, 8]], [12.0])
    """
    frame = as_frame(image)
    kernel, regions = check_smoothing(frame.shape, smth_type, smth_kernel, smth_bounds, smth_order)
    if not smth_threshold > 0:
        raise ValueError(f"smth_threshold must be above 0. Got {smth_threshold!r} instead.")
    if not (np.isfinite(read_noise) and read_noise > 0):
        raise ValueError(f"read_noise must be a finite number of e- above 0. Got {read_noise!r} instead.")
    if protect is not None and protect.shape != frame.shape:
        raise ValueError(f"protect has the shape {protect.shape}, the image {frame.shape}.")
    filled: NDArray[np.float32] | None = None
    mask = np.zeros(frame.shape, bool)
    replacement = np.zeros(frame.shape, np.float32)
    # how far away a pixel can matter: a region gives what the whole frame gives
    passes = _FITS + 1 if smth_type == "polyfit" else 1
    halo = [passes * (size // 2 + reach) for size, reach in zip(kernel, _SCATTER_REACH, strict=True)]
    for row0, row1, column0, column1 in regions:
        top, left = max(row0 - halo[0], 0), max(column0 - halo[1], 0)
        around = np.s_[top : row1 + halo[0], left : column1 + halo[1]]
        inside = np.s_[row0 - top : row1 - top, column0 - left : column1 - left]
        region = np.s_[row0:row1, column0:column1]
        crop = np.ascontiguousarray(frame[around], np.float32)
        bad = ~np.isfinite(crop)
        if bad.any():  # what a bad pixel is bridged with may lie outside
            filled = fill_bad(frame)[0] if filled is None else filled
            crop = filled[around]
        model = _model(crop, bad, smth_type, kernel, smth_order, smth_threshold, read_noise, pause)
        hits = _outliers(crop, model, smth_threshold, read_noise)[inside] & ~bad[inside]
        if protect is not None:
            hits &= ~protect[region]
        mask[region] |= hits
        replacement[region][hits] = model[inside][hits]
    return mask, replacement[mask]
