"""Sums over the pixels of a frame that lie close to a scaled sky image, for one factor after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.histogram import Floats

#: Side of the square blocks that are summed.
BLOCK = 32
#: Rows worked on at once, in blocks: few enough for the cache, and enough that threads rarely meet.
BAND = 4 * BLOCK

Sums = tuple[NDArray[np.float64], NDArray[np.float64]]


def without_repeats(template: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the first row of an image that is one row repeated, as `median_columns` makes it, else the image."""
    return template[:1] if template.strides[0] == 0 else template


class BlockSums:
    """Sums of pixel times template, and of template squared, over blocks of BLOCK x BLOCK pixels.

    Only of pixels within `half_width` of the template times a factor. The sums for a factor close to the one
    before differ by the pixels at the edge of the window: those alone are looked at again.

    Parameters
    ----------
    pixels, template : ndarray of float32, shape (rows, columns)
        A pixel that is 0 with its template adds nothing.
    half_width : float
        [e-].
    edge : float
        How close to the edge of the window a pixel is remembered [e-].
    """

    def __init__(self, pixels: Floats, template: Floats, half_width: float, edge: float) -> None:
        self._pixels, self._template = pixels, template
        self._half_width, self._edge = half_width, edge
        self._brightest = float(np.abs(without_repeats(template)).max(initial=0))
        self._scale = np.inf  # of the sums that are there

    def at(self, scale: float) -> Sums:
        """Return the two sums for a factor, each of shape (blocks of rows, blocks of columns)."""
        if not abs(scale - self._scale) * self._brightest < self._edge:
            self._sum(scale)
            self._scale = scale
            return self._sums
        inside = np.abs(self._near - self._near_sky * np.float32(scale)) <= self._half_width
        moved = np.flatnonzero(inside != self._inside)
        sky = self._near_sky[moved].astype(np.float64) * np.where(inside[moved], 1, -1)
        block = self._near_block[moved]
        products, norms = (
            total + np.bincount(block, sky * values[moved], total.size).reshape(total.shape)
            for total, values in zip(self._sums, (self._near, self._near_sky), strict=True)
        )
        return products, norms

    def _sum(self, scale: float) -> None:
        """Look at all pixels."""
        pixels, template = self._pixels, self._template
        n_rows, n_columns = pixels.shape
        alike = len(without_repeats(template)) == 1
        sums = np.empty((2, -(-n_rows // BLOCK), n_columns))
        room = np.empty((2, BAND, n_columns), np.float32)
        masks = np.empty((3, BAND, n_columns), bool)
        limits = [np.float32(self._half_width + further) for further in (0, -self._edge, self._edge)]
        close, inside = [], []
        for start in range(0, n_rows, BAND):
            band, sky = pixels[start : start + BAND], template[start : start + BAND]
            product, other = room[:, : len(band)]
            within, surely, nearly = masks[:, : len(band)]
            np.multiply(sky[:1] if alike else sky, np.float32(scale), out=other[:1] if alike else other)
            np.subtract(band, other[:1] if alike else other, out=product)
            np.abs(product, out=product)
            for limit, mask in zip(limits, (within, surely, nearly), strict=True):
                np.less_equal(product, limit, out=mask)
            near = np.flatnonzero(np.not_equal(surely, nearly, out=nearly))
            close.append(near + start * n_columns)
            inside.append(within.reshape(-1)[near])
            np.multiply(band, within, out=product)
            if not alike:
                product *= sky
                np.multiply(sky, within, out=other)
                other *= sky
            for row in range(0, len(band), BLOCK):
                block, rows = (start + row) // BLOCK, slice(row, row + BLOCK)
                sums[0, block] = product[rows].sum(axis=0)
                # Of a sky whose rows are alike it is enough to count.
                sums[1, block] = (
                    within[rows].view(np.uint8).sum(axis=0, dtype=np.uint8)
                    if alike
                    else other[rows].sum(axis=0)
                )
        if alike:
            sums[0] *= template[0]
            sums[1] *= template[0].astype(np.float64) ** 2
        products, norms = np.add.reduceat(sums, np.arange(0, n_columns, BLOCK), axis=2)
        self._sums: Sums = (products, norms)
        rows_near, columns = np.divmod(np.concatenate(close), n_columns)
        self._near, self._near_sky = pixels[rows_near, columns], template[rows_near, columns]
        self._near_block = rows_near // BLOCK * products.shape[1] + columns // BLOCK
        self._inside = np.concatenate(inside)
