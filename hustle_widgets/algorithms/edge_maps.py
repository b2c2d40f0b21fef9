"""The quantities by which edge detection decides, computed only at the pixels that are asked for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.changes import union
from hustle_widgets.algorithms.edges import edges_at
from hustle_widgets.algorithms.lazy_map import LazyMap, around
from hustle_widgets.algorithms.neighbours import medians_at, pad_reflect, window_offsets

__all__ = ["PAD", "PaddedFrame", "Side"]

PAD = 5  # a decision depends on pixels up to 5 away
_ROW = 11  # columns of the row median that a hit must stand out of
_ROW_ERROR = 0.05  # how well, as a fraction, that median knows a curved and tilted trace
_FLOOR = 0.01  # of the noise: the least fine structure


class PaddedFrame:
    """What bright and dark outliers share: the padded image, its noise and its smoothed image."""

    def __init__(self, image: NDArray[np.float32], read_noise: float, led_factor: int):
        self.padded = pad_reflect(image, PAD)
        flat = self.flat = self.padded.ravel()
        self.factor = led_factor
        self.read_noise = np.float32(read_noise)
        self.width = width = self.padded.shape[1]
        window3, window5, self.window7 = (window_offsets((n, n), width) for n in (3, 5, 7))
        self.window3, self.window5 = window3, window5
        self.row = window_offsets((1, _ROW), width)
        # The functions do not refer to self: a cycle would keep these large maps until garbage is collected.
        self.level = LazyMap(flat.size, lambda index: medians_at(flat, index, window5))
        self.smooth = LazyMap(flat.size, lambda index: medians_at(flat, index, window3))

    def noise(self, index: NDArray[np.intp]) -> NDArray[np.float32]:
        """N = sqrt(median5(image) + read noise^2), of at least the read noise."""
        return np.sqrt(np.maximum(self.level.at(index), 0) + self.read_noise**2)

    def least_edge(self, threshold: float) -> float:
        """Return the L below which no S exceeds the threshold."""
        return 0.999 * threshold * float(self.factor * self.read_noise)

    def least_step(self, threshold: float) -> float:
        """Return the step to a neighbour that S needs to exceed the threshold: L is at most 1/f of the highest step."""
        return self.factor * self.least_edge(threshold)

    def change(self, hits: NDArray[np.intp], values: NDArray[np.float32]) -> NDArray[np.intp]:
        """Take new values of pixels; return the flat indices of all pixels whose maps may have changed."""
        rows, columns = self.padded.shape
        copies = []
        # Each pixel changes, and so do its mirror images beyond the edges.
        for row in _mirrored(hits // columns, rows):
            for column in _mirrored(hits % columns, columns):
                inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
                copies.append((row * columns + column)[inside])
                self.flat[copies[-1]] = values[inside]
        changed = union(*copies)
        touched = around(changed, self.window5, self.flat.size)
        self.level.forget(touched)
        self.smooth.forget(touched)
        return touched


def _mirrored(place: NDArray[np.intp], size: int) -> tuple[NDArray[np.intp], ...]:
    """Return the rows (or columns) of a padded image that mirror each other at an edge. Some lie outside of it."""
    return place, 2 * PAD - 1 - place, 2 * (size - PAD) - 1 - place


class Side:
    """Outliers of one sign: bright (1) or dark (-1)."""

    def __init__(self, frame: PaddedFrame, sign: int, guarded: bool):
        self.frame = frame
        self.sign = sign
        self.guarded = guarded

        def raw(index: NDArray[np.intp]) -> NDArray[np.float32]:
            edges = edges_at(frame.flat, index, frame.width, frame.factor, sign)
            return edges / (np.float32(frame.factor) * frame.noise(index))

        self.raw = LazyMap(frame.flat.size, raw)

    def significance(self, index: NDArray[np.intp]) -> NDArray[np.float32]:
        """S' = S - median5(S), with S = L / (f N)."""
        return self.raw.at(index) - self.raw.medians(index, self.frame.window5)

    def contrast(self, index: NDArray[np.intp]) -> NDArray[np.float32]:
        """S / (F / N), with F = median3 - median7(median3)."""
        smooth = self.frame.smooth
        fine = (smooth.at(index) - smooth.medians(index, self.frame.window7)) * self.sign
        return self.raw.at(index) / np.maximum(fine / self.frame.noise(index), np.float32(_FLOOR))

    def stands_out(self, index: NDArray[np.intp], threshold: float) -> NDArray[np.bool_]:
        """Tell which pixels differ from their row by as much as gives a lone pixel S = threshold."""
        frame = self.frame
        row = medians_at(frame.flat, index, frame.row)
        excess = (frame.flat.take(index) - row) * self.sign
        needed = np.float32(threshold * frame.factor**2) * frame.noise(index)
        return excess > needed + np.float32(_ROW_ERROR) * np.maximum(row, 0)

    def candidates(
        self, index: NDArray[np.intp], allowed: NDArray[np.bool_], threshold: float
    ) -> NDArray[np.intp]:
        """Return those of some pixels that have S > threshold. N is at least the read noise, so most need no median."""
        frame = self.frame
        index = index[allowed.take(index)]
        edges = edges_at(frame.flat, index, frame.width, frame.factor, self.sign)
        index = index[edges > frame.least_edge(threshold)]
        return index[self.raw.at(index) > threshold]
