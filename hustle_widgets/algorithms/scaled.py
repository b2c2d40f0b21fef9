"""Replacements that follow the star: medians in time of values over what light and motion make of the pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.drift_fit import Layout, Motion
from hustle_widgets.algorithms.series import Floats, row_medians

__all__ = ["light_of_neighbours", "scaled_medians"]

LEAST = 1e-3  # factor below which a frame has no light to scale by
AT_ONCE = 8192  # windows at once


def scaled_medians(
    light: NDArray[np.float32],
    usable: NDArray[np.bool_],
    factor: NDArray[np.float32],
    pixel: NDArray[np.intp],
    frame: NDArray[np.intp],
    half_width: int | None = None,
) -> Floats:
    """Give replacements of values of a series that changes in a known way.

    Parameters
    ----------
    light : ndarray, shape (n_pixels, n_frames)
        Values, the sky taken off [e-].
    usable : ndarray of bool, same shape
        Which of them a median may be made of.
    factor : ndarray, same shape
        What light and motion make of each pixel in each frame; NaN where that is not known.
    pixel, frame : ndarray of int, shape (n,)
        Which values are wanted.
    half_width : int, optional
        Only frames k - half_width..k + half_width count.

    Returns
    -------
    ndarray of float, shape (n,)
        ``median(light / factor)`` over the usable frames, times the factor of the frame wanted [e-]; NaN where there
        is no usable frame.

    Examples
    --------
    >>> import numpy as np
    >>> flux = np.float32([[1.0, 0.99, 1.0]])
    >>> usable = np.array([[True, False, True]])
    >>> round(float(scaled_medians(1000 * flux, usable, flux, np.array([0]), np.array([1]))[0]), 2)
    990.0
    """
    with np.errstate(invalid="ignore"):
        fine = usable & np.isfinite(light) & (factor > LEAST)
    level = np.divide(light, factor, out=np.full(light.shape, np.nan, np.float32), where=fine)
    if half_width is None:
        rows, back = np.unique(pixel, return_inverse=True)
        medians = row_medians(level[rows])[back] if rows.size else np.empty(0)
        return medians * factor[pixel, frame]
    n_frames = light.shape[1]
    offsets = np.arange(-min(half_width, n_frames), min(half_width, n_frames) + 1)
    medians = np.empty(len(pixel))
    for start in range(0, len(pixel), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        at = frame[part, None] + offsets
        window = level[pixel[part, None], np.clip(at, 0, n_frames - 1)]
        window[(at < 0) | (at >= n_frames)] = np.nan
        medians[part] = row_medians(window)
    return medians * factor[pixel, frame]


def light_of_neighbours(layout: Layout, motion: Motion, faulty: NDArray[np.intp]) -> Floats:
    """Give the light that pixels would hold were they like those beside them along the dispersion.

    Parameters
    ----------
    layout : Layout
        Of the pixels of the traces.
    motion : Motion
        Their template, and what light and motion make of it.
    faulty : ndarray of int, shape (n,)
        Sorted places of those that hold other light than their own.

    Returns
    -------
    ndarray of float, shape (n, n_frames)
        Geometric mean of the template a column to the left and to the right, times that of the factors two columns to
        either side, whose slopes no fault bends [e-]. NaN where one of these is faulty too, or no pixel of a trace.
    """
    bad = np.zeros(len(motion.template) + 1, bool)
    bad[faulty] = bad[-1] = True  # -1 stands for no pixel
    around = layout.around
    left, right = around[faulty, 2, 0], around[faulty, 2, 2]
    beyond_left, beyond_right = around[left, 2, 0], around[right, 2, 2]
    lacking = bad[left] | bad[right] | bad[beyond_left] | bad[beyond_right]
    level = np.sqrt(np.maximum(motion.template[left], 0) * np.maximum(motion.template[right], 0))
    factor = np.sqrt(np.maximum(motion.factor[beyond_left] * motion.factor[beyond_right], 0))
    return np.where(lacking[:, None], np.nan, level[:, None] * factor)
