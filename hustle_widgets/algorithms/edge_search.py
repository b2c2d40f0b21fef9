"""The search for edges in one frame, round by round."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hustle_widgets.algorithms.changes import union
from hustle_widgets.algorithms.edge_maps import PAD, PaddedFrame, Side
from hustle_widgets.algorithms.edge_rounds import Earlier, NearChanges, Rounds, WholeFrame
from hustle_widgets.algorithms.edge_settings import EdgeSettings, check_noise
from hustle_widgets.algorithms.edges import steep_at, steep_pixels
from hustle_widgets.algorithms.lazy_map import around
from hustle_widgets.algorithms.neighbours import as_frame, fill_bad, good_neighbour_median

__all__ = ["EdgeSearch", "sides_of"]

_FEW = 0.002  # part of a frame's pixels up to which looking only near them is faster


def sides_of(
    image: NDArray[np.float32], read_noise: float, settings: EdgeSettings, *, fine_structure: bool
) -> tuple[Side, Side]:
    """Return the bright and the dark side of a frame without NaN."""
    frame = PaddedFrame(image, read_noise, settings.factor)
    # The neighbours of every bright pixel have a large L-: dark pixels are always guarded.
    return Side(frame, 1, fine_structure), Side(frame, -1, True)


class EdgeSearch:
    """One frame that is searched for edges; each round starts from the frame as the round before left it.

    Indices are flat, of the frame itself or, where it is said, of the frame padded by `PAD` pixels.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        The frame [e-]; it is not changed.
    read_noise : float
        [e-], above 0.
    settings : EdgeSettings
    protect : ndarray of bool, shape (rows, columns), optional
        True where nothing may be flagged.
    """

    def __init__(
        self,
        image: ArrayLike,
        read_noise: float,
        settings: EdgeSettings,
        protect: NDArray[np.bool_] | None = None,
    ) -> None:
        check_noise(read_noise)
        self._settings = settings
        self._work, self._bad = fill_bad(as_frame(image))
        if protect is None:
            protect = np.zeros(self._work.shape, bool)
        elif protect.shape != self._work.shape:
            raise ValueError(f"protect has the shape {protect.shape}, the image {self._work.shape}.")
        self._protected = np.flatnonzero(protect)
        self._mask = self._bad.copy()  # what no replacement is made of
        self._sides = sides_of(self._work, read_noise, settings, fine_structure=settings.fine_structure)
        self._frame = self._sides[0].frame
        inside = np.zeros(self._frame.padded.shape, bool)
        inside[PAD:-PAD, PAD:-PAD] = ~self._bad & ~protect
        self._allowed = inside.ravel()
        self._least = self._frame.least_step(settings.led_threshold)

    def run(self, earlier: Earlier | None = None) -> Rounds:
        """Search round by round, until a round finds nothing or all are made.

        Parameters
        ----------
        earlier : Earlier, optional
            The search is then made only where it can differ, which changes nothing but the time it takes.
        """
        area = self._area(earlier)
        hits: list[NDArray[np.intp]] = []
        values: list[NDArray[np.float32]] = []
        for number in range(self._settings.most_rounds):
            found = area.complete(self._search(area.seeds(number)), number)  # padded
            row, column = np.divmod(found, self._frame.width)
            index = (row - PAD) * self._work.shape[1] + column - PAD
            self._mask.ravel()[index] = True
            replaced = good_neighbour_median(self._work, self._mask, index)
            hits.append(index)
            values.append(replaced)
            if not index.size or number == self._settings.most_rounds - 1:
                break
            self._replace(found, index, replaced)
            area.add(number, index, replaced)
        return Rounds(tuple(hits), tuple(values), self._protected)

    def _area(self, earlier: Earlier | None) -> WholeFrame | NearChanges:
        """Return where to look: near what has changed, if that is little."""
        shape = self._work.shape
        if earlier is not None:
            protection = np.setxor1d(earlier.rounds.protected, self._protected, assume_unique=True)
            # What bad pixels were filled with is not known any more.
            moved = union(earlier.changed, protection, np.flatnonzero(self._bad))
            if moved.size <= _FEW * self._work.size:
                return NearChanges(earlier.rounds, moved, shape, PAD)
        return WholeFrame(shape, PAD)

    def _search(self, near: NDArray[np.intp] | None) -> NDArray[np.intp]:
        """Return the hits of one round, bright and dark; looked for at some pixels or, None, at all. Padded."""
        frame = self._frame
        if near is None:
            steep = steep_pixels(frame.padded, self._least)
        else:
            near = near[self._allowed[near]]
            near = near[steep_at(frame.flat, near, frame.width, self._least)]
            steep = near, near
        return union(*(self._hits(side, index) for side, index in zip(self._sides, steep, strict=True)))

    def _hits(self, side: Side, near: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return one side's hits: of the pixels `near` those over the thresholds, then their neighbours. Padded."""
        settings, allowed = self._settings, self._allowed
        threshold, growth = settings.led_threshold, settings.led_growth
        index = side.candidates(near, allowed, threshold)
        if side.guarded:
            index = index[side.stands_out(index, threshold)]
        if settings.contrast is not None:
            index = index[side.contrast(index) > settings.contrast]
        index = index[side.significance(index) > threshold]
        if growth is None or not index.size:
            return index
        for level in (threshold, growth * threshold):
            ring = around(index, side.frame.window3, allowed.size)
            ring = ring[allowed[ring]]
            if side.guarded:
                ring = ring[side.stands_out(ring, level)]
            index = union(index, ring[side.significance(ring) > level])
        return index

    def _replace(self, found: NDArray[np.intp], index: NDArray[np.intp], values: NDArray[np.float32]) -> None:
        """Take the replacements over into the frame, for the next round. `found` is `index`, padded."""
        self._work.ravel()[index] = values
        self._allowed[found] = False
        touched = self._frame.change(found, values)
        for side in self._sides:
            side.raw.forget(touched)
