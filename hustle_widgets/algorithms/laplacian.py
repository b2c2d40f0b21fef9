"""Laplacian edge detection of hot pixels, cold pixels and cosmic rays in single frames.

The method of van Dokkum (2001), in two dimensions. Two shortcuts change no flag: the Laplacian of the
subsampled image has a closed form, so that no subsampled image is made, and medians are computed only at
pixels where they can matter. Two things are added, for spectra that run along the rows: a hit must stand
out of its own row, and dark pixels are found as bright ones are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hustle_widgets.algorithms.edge_maps import PAD
from hustle_widgets.algorithms.edge_search import EdgeSearch, sides_of
from hustle_widgets.algorithms.edge_settings import MAX_ROUNDS, EdgeSettings, check_noise
from hustle_widgets.algorithms.neighbours import as_frame, fill_bad

__all__ = ["MAX_ROUNDS", "EdgeSettings", "detect_edges", "significance"]

_HALO = 10  # columns and rows around a region: a decision's reach, and neighbours that fill in for NaN


def detect_edges(
    image: ArrayLike,
    read_noise: float,
    *,
    protect: NDArray[np.bool_] | None = None,
    **settings: Any,
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.int64]]:
    """Find and replace hot, cold and cosmic-ray pixels of one frame by their sharp edges.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        The frame [e-]; it is not changed. NaN and infinite pixels are bad: never used, never hits.
    read_noise : float
        Read noise of a pixel [e-], above 0.
    protect : ndarray of bool, shape (rows, columns), optional
        True where nothing may be flagged, see :func:`~hustle_widgets.algorithms.bloom.bloom_mask`.
    **settings
        Thresholds and rounds, see :class:`~hustle_widgets.algorithms.edge_settings.EdgeSettings`.

    Returns
    -------
    mask : ndarray of bool, shape (rows, columns)
        True for every hit.
    values : ndarray of float32, shape (n,)
        The replacement [e-] of each hit in C order: the median of the good neighbours in its row, see
        :func:`~hustle_widgets.algorithms.neighbours.good_neighbour_median`.
    counts : ndarray of int64, shape (rounds,)
        New hits of each round made; the last is 0 if the frame was clean by then.

    Raises
    ------
    ValueError
        If a parameter is outside its range or a shape does not fit.

    Notes
    -----
    With L+ from :func:`~hustle_widgets.algorithms.edges.laplacian`, medians over squares of the given width,
    and rn the read noise,

    - noise N = sqrt(median5(image) + rn^2), significance S = L+ / (f N), and S' = S - median5(S), which takes
      off smooth structure;
    - fine structure F = median3 - median7(median3), at least 0.01 N; the contrast is S / (F / N).

    The kernel has the factor 1/4, so that thresholds are a quarter of those of L.A.Cosmic for the same pixel:
    led_threshold 2.5 and contrast_factor 1.25 are its sigclip 10 and objlim 5.

    Dark pixels are found with L- and -F. The neighbours of a bright pixel and the valley between two spectra
    have a large L- as well, and along the ridge of a spectrum S' is large everywhere, so that a growing hit
    would run along it. Both are told apart by the row: a hit must differ from the median of the 11 pixels
    around it in its row by led_threshold f^2 N (a lone pixel at the threshold does) plus 5 % of that median;
    a neighbour of a hit, by as much at its threshold. Bright pixels need not without `fine_structure`. In the
    first and last five columns the median is one-sided and protects a bright spectrum cut off there less.

    Where L < led_threshold f rn no median can make S exceed the threshold, and in later rounds only pixels
    near a replaced one can change. Everything else is computed at the few pixels left.

    References
    ----------
    van Dokkum, P. G. 2001, PASP, 113, 1420.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.full((20, 20), 12.0); image[5, 6] = 500.0
    >>> mask, values, counts = detect_edges(image, 3.1)
    >>> np.argwhere(mask).tolist(), values.tolist(), counts.tolist()
    ([[5, 6]], [12.0], [1, 0])
    """
    search = EdgeSearch(image, read_noise, EdgeSettings(**settings), protect)
    index, values, counts = search.run().joined()
    mask = np.zeros(np.shape(image), bool)
    mask.ravel()[index] = True
    return mask, values, counts


def significance(
    image: ArrayLike,
    read_noise: float,
    led_factor: int = EdgeSettings.led_factor,
    fine_structure: bool = True,
    region: tuple[int, int, int, int] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Map what the thresholds of :func:`detect_edges` apply to in its first round, for bright outliers.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        The frame [e-].
    read_noise : float
        Read noise of a pixel [e-], above 0.
    led_factor : int
        Subsampling factor, at least 2.
    fine_structure : bool, default True
        Whether to make the contrast map too.
    region : tuple of int, optional
        Row and column ranges (row0, row1, column0, column1), half open; None is the whole frame.

    Returns
    -------
    significance : ndarray of float32, shape (row1 - row0, column1 - column0)
        S'. NaN where the image is not finite.
    contrast : ndarray of float32 of the same shape, or None
        S / (F / N); None without `fine_structure`.

    Raises
    ------
    ValueError
        If a parameter is outside its range, or the region is empty or reaches outside the frame.
    """
    frame = as_frame(image)
    settings = EdgeSettings(led_factor=led_factor)
    check_noise(read_noise)
    row0, row1, column0, column1 = region or (0, frame.shape[0], 0, frame.shape[1])
    if not (0 <= row0 < row1 <= frame.shape[0] and 0 <= column0 < column1 <= frame.shape[1]):
        raise ValueError(f"region {region} is empty or reaches outside the frame of shape {frame.shape}.")
    top, left = max(row0 - _HALO, 0), max(column0 - _HALO, 0)
    work, bad = fill_bad(frame[top : row1 + _HALO, left : column1 + _HALO])
    bright, _ = sides_of(work, read_noise, settings, fine_structure=fine_structure)
    part = np.s_[row0 - top : row1 - top, column0 - left : column1 - left]
    wanted = np.zeros(work.shape, bool)
    wanted[part] = True
    index = np.flatnonzero(np.pad(wanted, PAD))
    shape = (row1 - row0, column1 - column0)
    maps = []
    for compute in (bright.significance, bright.contrast) if fine_structure else (bright.significance,):
        values = compute(index).reshape(shape)
        values[bad[part]] = np.nan
        maps.append(values)
    return maps[0], maps[1] if fine_structure else None
