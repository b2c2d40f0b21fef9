"""Running median of a frame in a box, at a cost that hardly depends on the size of the box."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

__all__ = ["box_median"]

_SLIM = 12  # a box of fewer rows, or columns, is sooner done row by row
_TILE = 64  # pixels along a side, at least
_COARSE: tuple[float, ...] = (
    0.25,
    0.4,
    0.45,
    0.48,
    0.5,
    0.52,
    0.55,
    0.6,
    0.75,
)  # of a tile's pixels are below the first limits
_FINE = tuple(k / 10 for k in range(1, 10))
_ROOM = 2**21  # elements of an array on the way
_FEW = 500  # pixels among which no further limits are worth their while


def box_median(
    image: NDArray[np.float32], size: tuple[int, int], *, pause: Callable[[], None] | None = None
) -> NDArray[np.float32]:
    """Median of the box around each pixel.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Without NaN. It is continued at its edges as its mirror image, the edge pixel repeated.
    size : (int, int)
        Rows and columns of the box, both odd.
    pause : callable, optional
        Called a few times a second; an exception that it raises ends the work.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        What ``scipy.ndimage.median_filter(image, size)`` gives, to the bit.

    Notes
    -----
    A slim box is a running window over the pixels of a band of rows, taken column by column. Otherwise the
    frame is cut into tiles. All medians of a tile lie close together among its sorted pixels: sums over the
    box of the pixels below a few of them, taken as limits, tell between which two each median lies. The
    limits are chosen anew between the lowest and the highest; then the few pixels between two limits are
    counted one by one. On a frame of 600 x 2100 pixels of a spectrum and noise a box of 31 x 31 takes a fifteenth
    of scipy's time, and one of 151 x 151 hardly more; memory is that of a few tiles.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((9, 9), np.float32); image[4, 4] = 100; image[:, 7:] = 5
    >>> box_median(image, (3, 3))[4].tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 5.0]
    """
    pause = pause or (lambda: None)
    if min(size) < _SLIM:
        if size[1] < size[0]:
            return np.ascontiguousarray(_by_rows(image.T, (size[1], size[0]), pause).T)
        return _by_rows(image, size, pause)
    half = size[0] // 2, size[1] // 2
    padded = np.pad(image, [(width, width) for width in half], mode="symmetric")
    medians = np.empty(image.shape, np.float32)
    side = max(_TILE, (size[0] + size[1]) // 3)
    for top in range(0, image.shape[0], side):
        for left in range(0, image.shape[1], side):
            pause()
            part = medians[top : top + side, left : left + side]
            tall, wide = part.shape
            part[...] = _of_tile(
                padded[top : top + tall + 2 * half[0], left : left + wide + 2 * half[1]], size
            )
    return medians


def _by_rows(
    image: NDArray[np.float32], size: tuple[int, int], pause: Callable[[], None]
) -> NDArray[np.float32]:
    rows, columns = size
    padded = np.pad(image, ((rows // 2,) * 2, (columns // 2,) * 2), mode="symmetric")
    medians = np.empty(image.shape, np.float32)
    for row in range(image.shape[0]):
        pause()
        band = np.ascontiguousarray(padded[row : row + rows].T).ravel()
        medians[row] = bn.move_median(band, rows * columns)[rows * columns - 1 :: rows]
    return medians


def _of_tile(tile: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Medians of all boxes that lie inside a tile."""
    wanted = size[0] * size[1] // 2 + 1  # of that many sorted pixels of a box, the last is the median
    flat = tile.ravel()
    shape = tile.shape[0] - size[0] + 1, tile.shape[1] - size[1] + 1
    base: NDArray[np.int32] = np.zeros(shape, np.int32)
    inside = np.arange(flat.size)
    quantiles = _COARSE
    while True:
        values = flat[inside]
        ranks = np.unique((np.asarray(quantiles) * values.size).astype(np.intp))
        limits = np.partition(values, ranks)[ranks]
        counts = _counts(
            np.searchsorted(limits, flat).astype(np.int16).reshape(tile.shape), limits.size, size
        )
        # Limits that are below all medians, and above all.
        low = (counts.max(axis=(0, 1)) < wanted).sum() - 1
        high = (counts.min(axis=(0, 1)) < wanted).sum()
        keep = np.ones(values.size, bool)
        if low >= 0:
            keep &= values > limits[low]
            base = counts[..., low]
        if high < limits.size:
            keep &= values <= limits[high]
        inside = inside[keep]
        if inside.size < _FEW or inside.size > values.size / 2:
            break
        quantiles = _FINE
    order = inside[np.argsort(flat[inside], kind="stable")]
    # So many pixels in a group that to count the groups costs about as much as to look into one.
    each = max(1, round((order.size * flat.size / (shape[0] * shape[1])) ** 0.5))
    groups = -(-order.size // each)
    # Which group a pixel is in; behind all of them what is no median.
    digits = np.full(flat.shape, groups, np.int16)
    digits[order] = np.arange(order.size) // each
    counts = _counts(digits.reshape(tile.shape), groups, size)
    left = wanted - base
    group = (counts < left[..., np.newaxis]).sum(axis=2)
    before = np.take_along_axis(counts, np.maximum(group - 1, 0)[..., np.newaxis], axis=2)[..., 0]
    left = left - np.where(group > 0, before, 0)
    return _in_group(flat, order, each, tile.shape[1], group, left, size)


def _counts(digits: NDArray[np.int16], groups: int, size: tuple[int, int]) -> NDArray[np.int32]:
    """How many pixels of each box have a digit of at most 0, 1, ... groups - 1; shape (rows, columns, groups)."""
    shape = [length - width + 1 for length, width in zip(digits.shape, size, strict=True)]
    counts = np.empty((*shape, groups), np.int32)
    # The sums may run over, their differences do not.
    kind = np.uint16 if size[0] * size[1] < 2**16 else np.uint32
    several = max(1, _ROOM // digits.size)
    for first in range(0, groups, several):
        some = np.arange(first, min(first + several, groups), dtype=np.int16)
        below: NDArray[Any] = digits[..., np.newaxis] <= some
        for axis, width in enumerate(size):
            ends: NDArray[Any] = np.moveaxis(np.cumsum(below, axis=axis, dtype=kind), axis, 0)
            ends[width:] = ends[width:] - ends[:-width]
            below = np.moveaxis(ends[width - 1 :], 0, axis)
        counts[..., some] = below
    return counts


def _in_group(
    flat: NDArray[np.float32],
    index: NDArray[np.intp],
    each: int,
    row_length: int,
    group: NDArray[np.intp],
    wanted: NDArray[np.integer],
    size: tuple[int, int],
) -> NDArray[np.float32]:
    """For each box the wanted-th of its pixels in one group of `each` sorted pixels."""
    groups = -(-index.size // each)
    padded = np.full(groups * each, index[-1])
    padded[: index.size] = index
    rows, columns = (place.reshape(groups, each).astype(np.int32) for place in np.divmod(padded, row_length))
    tops, lefts = (place.reshape(-1, 1).astype(np.int32) for place in np.indices(group.shape))
    shape, group, wanted = group.shape, group.ravel(), wanted.reshape(-1, 1)
    place = np.empty(group.size, np.intp)
    several = max(1, _ROOM // each)
    for first in range(0, group.size, several):
        part = slice(first, first + several)
        inside = (rows[group[part]] - tops[part]).view(np.uint32) < size[0]
        inside &= (columns[group[part]] - lefts[part]).view(np.uint32) < size[1]
        place[part] = (np.cumsum(inside, axis=1, dtype=np.int32) < wanted[part]).sum(axis=1)
    return flat[padded[group * each + place]].reshape(shape)
