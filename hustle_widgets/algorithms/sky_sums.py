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
        self._one_row = len(without_repeats(template)) == 1  # all rows of the template are alike
        self._scale = np.inf  # of the sums that are there

    def at(self, scale: float) -> Sums:
        """Return the two sums for a factor, each of shape (blocks of rows, blocks of columns).

        A factor close to the last one that was summed over all pixels moves only pixels at the edge of the
        window in or out.
        """
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
        """Sum over all pixels, and remember those near the edge of the window."""
        n_rows, n_columns = self._pixels.shape
        by_column = np.empty((2, -(-n_rows // BLOCK), n_columns))  # sums over the rows of each block
        bands = _Bands(n_columns)
        near, inside = [], []
        for start in range(0, n_rows, BAND):
            pixels, sky = self._pixels[start : start + BAND], self._template[start : start + BAND]
            limits = (self._half_width, self._half_width - self._edge, self._half_width + self._edge)
            within, surely, nearly = bands.compare(pixels, self._distinct(sky), scale, limits)
            at_edge = np.flatnonzero(np.not_equal(surely, nearly, out=nearly))
            near.append(at_edge + start * n_columns)
            inside.append(within.reshape(-1)[at_edge])
            blocks = slice(start // BLOCK, -(-(start + len(pixels)) // BLOCK))
            if self._one_row:
                bands.add_plain(pixels, within, by_column[:, blocks])
            else:
                bands.add_products(pixels, sky, within, by_column[:, blocks])
        if self._one_row:  # the template is a factor of each column's sum
            by_column[0] *= self._template[0]
            by_column[1] *= self._template[0].astype(np.float64) ** 2
        products, norms = np.add.reduceat(by_column, np.arange(0, n_columns, BLOCK), axis=2)
        self._sums: Sums = (products, norms)
        rows, columns = np.divmod(np.concatenate(near), n_columns)
        self._near, self._near_sky = self._pixels[rows, columns], self._template[rows, columns]
        self._near_block = rows // BLOCK * products.shape[1] + columns // BLOCK
        self._inside = np.concatenate(inside)

    def _distinct(self, sky: Floats) -> Floats:
        """Return a band of the template, only its first row where all are alike."""
        return sky[:1] if self._one_row else sky


class _Bands:
    """Memory for one band of rows after the other, and what is done there.

    Parameters
    ----------
    n_columns : int
    """

    def __init__(self, n_columns: int) -> None:
        self._values = np.empty((2, BAND, n_columns), np.float32)
        self._masks = np.empty((3, BAND, n_columns), bool)

    def compare(
        self, pixels: Floats, sky: Floats, scale: float, limits: tuple[float, ...]
    ) -> NDArray[np.bool_]:
        """Tell which pixels are within each of three distances [e-] of the scaled sky; shape (3, rows, columns)."""
        distance, scaled = self._values[:, : len(pixels)]
        scaled = scaled[: len(sky)]
        np.multiply(sky, np.float32(scale), out=scaled)
        np.subtract(pixels, scaled, out=distance)
        np.abs(distance, out=distance)
        masks = self._masks[:, : len(pixels)]
        for limit, mask in zip(limits, masks, strict=True):
            np.less_equal(distance, np.float32(limit), out=mask)
        return masks

    def add_products(
        self, pixels: Floats, sky: Floats, within: NDArray[np.bool_], sums: NDArray[np.float64]
    ) -> None:
        """Sum pixel times sky, and sky squared, over the rows of each block, into (2, blocks, columns)."""
        products, squares = self._values[:, : len(pixels)]
        np.multiply(pixels, within, out=products)
        products *= sky
        np.multiply(sky, within, out=squares)
        squares *= sky
        for block, rows in enumerate(_blocks(len(pixels))):
            sums[0, block] = products[rows].sum(axis=0)
            sums[1, block] = squares[rows].sum(axis=0)

    def add_plain(self, pixels: Floats, within: NDArray[np.bool_], sums: NDArray[np.float64]) -> None:
        """Sum the pixels, and count them, over the rows of each block, into (2, blocks, columns)."""
        kept = self._values[0, : len(pixels)]
        np.multiply(pixels, within, out=kept)
        for block, rows in enumerate(_blocks(len(pixels))):
            sums[0, block] = kept[rows].sum(axis=0)
            sums[1, block] = within[rows].view(np.uint8).sum(axis=0, dtype=np.uint8)


def _blocks(n_rows: int) -> list[slice]:
    """Return the rows of a band that belong to each of its blocks."""
    return [slice(row, row + BLOCK) for row in range(0, n_rows, BLOCK)]
