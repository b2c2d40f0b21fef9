"""The Laplacian whose peaks are edges too steep for the telescope: of a whole image, or at a few pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["edges_at", "laplacian", "steep_at", "steep_pixels"]

_BAND = 64  # rows at a time, and
_CHUNK = 32_768  # pixels at a time: temporaries stay in the cache


def laplacian(image: NDArray[np.floating], led_factor: int) -> tuple[NDArray, NDArray]:
    """Clipped Laplacian of the subsampled image, rebinned: L+ and its counterpart for dark pixels, L-.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        The image [e-], without NaN.
    led_factor : int
        Subsampling factor f, at least 2.

    Returns
    -------
    positive, negative : ndarray, shape (rows - 2, columns - 2)
        L+ and L- [e-] of all pixels but the outermost.

    Notes
    -----
    In an image whose pixels are each cut in f x f equal ones, a subpixel inside has a Laplacian of zero, one
    at a side of its pixel differs from one neighbour, one in a corner from two. With a, b the vertical and
    the horizontal neighbour minus the pixel, and the kernel's factor 1/4,

    ``L+ = [sum over corners of max(0, -(a + b)) + (f - 2) * sum over sides of max(0, -a)] / (4 f^2)``

    L- is the same with the signs of a and b turned.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((3, 3)); image[1, 1] = 8.0
    >>> [float(side[0, 0]) for side in laplacian(image, 2)]
    [4.0, 0.0]
    """
    columns = image.shape[1]
    flat = np.ascontiguousarray(image).ravel()
    inside = np.arange(image.size).reshape(image.shape)[1:-1, 1:-1]
    positive, negative = (edges_at(flat, inside.ravel(), columns, led_factor, sign) for sign in (1, -1))
    return positive.reshape(inside.shape), negative.reshape(inside.shape)


def edges_at(
    flat: NDArray[np.floating], index: NDArray[np.intp], width: int, factor: int, sign: int
) -> NDArray[np.floating]:
    """Return L+ (sign 1) or L- (sign -1) at chosen pixels of a flattened image, of which none is outermost."""
    edges = np.empty(index.size, flat.dtype)
    scale = flat.dtype.type(1 / (4 * factor**2))
    for start in range(0, index.size, _CHUNK):
        part = index[start : start + _CHUNK]
        pixel = flat.take(part)
        up, down, left, right = (flat.take(part + step) for step in (-width, width, -1, 1))
        for neighbour in (up, down, left, right):
            if sign > 0:
                np.subtract(pixel, neighbour, out=neighbour)
            else:
                neighbour -= pixel
        total = np.zeros_like(pixel)
        for vertical in (up, down):
            for horizontal in (left, right):
                np.add(vertical, horizontal, out=pixel)
                total += np.maximum(pixel, 0, out=pixel)
        if factor > 2:
            for side in (up, down, left, right):
                np.maximum(side, 0, out=side)
                side *= factor - 2
                total += side
        total *= scale
        edges[start : start + _CHUNK] = total
    return edges


def steep_at(
    flat: NDArray[np.floating], index: NDArray[np.intp], width: int, least: float
) -> NDArray[np.bool_]:
    """Tell which of some pixels differ from one of their four neighbours by more than `least`, up or down."""
    steep = np.empty(index.size, bool)
    for start in range(0, index.size, _CHUNK):
        part = index[start : start + _CHUNK]
        pixel = flat.take(part)
        low = flat.take(part - width)
        high = low.copy()
        for step in (width, -1, 1):
            neighbour = flat.take(part + step)
            np.minimum(low, neighbour, out=low)
            np.maximum(high, neighbour, out=high)
        steep[start : start + _CHUNK] = (pixel - low > least) | (high - pixel > least)
    return steep


def steep_pixels(image: NDArray[np.floating], least: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Find the pixels that differ from one of their four neighbours by more than `least`; not the outermost.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        The image [e-], without NaN.
    least : float
        [e-].

    Returns
    -------
    above, below : ndarray of int
        Pixels that exceed a neighbour, and those that a neighbour exceeds; sorted.
    """
    above, below = np.zeros((2, *image.shape), bool)
    room = np.empty((_BAND, image.shape[1]), image.dtype)
    for start in range(0, image.shape[0], _BAND):
        here, stop = slice(start, start + _BAND), min(start + _BAND, image.shape[0] - 1)
        for first, second in (
            (np.s_[start:stop], np.s_[start + 1 : stop + 1]),
            (np.s_[here, :-1], np.s_[here, 1:]),
        ):
            pixel = image[first]
            step = np.subtract(image[second], pixel, out=room[: pixel.shape[0], : pixel.shape[1]])
            rises, falls = step > least, step < -least
            above[second] |= rises
            below[first] |= rises
            above[first] |= falls
            below[second] |= falls
    for found in (above, below):
        found[[0, -1]] = found[:, [0, -1]] = False
    return np.flatnonzero(above), np.flatnonzero(below)
