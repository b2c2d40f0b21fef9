"""Centroid of one source under a Gaussian window, with its cutout, sky and peak."""

from __future__ import annotations

from collections.abc import Sequence

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates, maximum_filter, median_filter

from hustle_widgets.algorithms.histogram import Floats

Position = tuple[float, float]

MAD_TO_STD = 1.4826
#: Standard deviation of the Gaussian window [pixels]; the PSF's is 0.7 to 0.9 (WFC3 IHB 6).
WINDOW_SIGMA = 1.5
#: Least signal of a source in units of the noise of the sky.
LEAST_SIGNAL = 5.0


class NoSignal(ValueError):
    """A frame has nothing to be centred on. Another frame may have it."""


def windowed_centroid(
    values: Floats,
    start: Position,
    noise: float,
    where: str,
    sigma: float = WINDOW_SIGMA,
    symmetric: bool = True,
) -> Position:
    """Centroid under a Gaussian window that moves along until it is centred.

    Parameters
    ----------
    values : ndarray, shape (rows, columns)
        Cutout with the sky taken off [e-]. NaN is filled in.
    start : (column, row)
        On the cutout, within two pixels of the centre.
    noise : float
        Of the sky [e-].
    where : str
        What messages call the source.
    sigma : float
        Of the window [pixels].
    symmetric : bool
        The source is point-symmetric: what is much brighter than the pixel opposite is something else.

    Returns
    -------
    column, row : float
        On the cutout.

    Raises
    ------
    NoSignal
        A ValueError: when the signal under the window is below 5 times the noise, or the window wanders off.

    Notes
    -----
    ``centre += 1.4 * sum(w * v * (x - centre)) / sum(w * v)``, with the window `w` centred on `centre`, until the
    step is below 1e-4 pixels. The factor only sets how fast: at the end the weighted sum vanishes, which for a
    symmetric source is its centre whatever its profile, and a star that moves by one pixel moves by one pixel.
    A plain centre of mass needs the sky to be exact; here it cancels.

    Missing pixels take the value found opposite the centre. After the first convergence so do pixels far
    brighter than their opposite: cosmic rays and neighbours.

    References
    ----------
    Bertin & Arnouts 1996, A&AS 117, 393; the windowed positions of the SExtractor manual.
    """
    rows, columns = np.indices(values.shape)
    missing = ~np.isfinite(values)
    column, row = start
    for _ in range(3):
        filled = np.where(missing, 0, values)
        for _ in range(100):
            if missing.any():
                filled = _fill_opposite(values, missing, filled, column, row)
            weights = np.exp(-((columns - column) ** 2 + (rows - row) ** 2) / (2 * sigma**2))
            light = weights * filled
            total = float(light.sum())
            if total < LEAST_SIGNAL * noise * float(np.sqrt((weights**2).sum())) or total <= 0:
                raise NoSignal(f"{where} shows no signal above the sky.")
            step_x = 1.4 * float((light * (columns - column)).sum()) / total
            step_y = 1.4 * float((light * (rows - row)).sum()) / total
            column, row = column + step_x, row + step_y
            if abs(column - start[0]) > 3 * sigma or abs(row - start[1]) > 3 * sigma:
                raise NoSignal(f"{where} has no centre: the centroid runs off to its surroundings.")
            if abs(step_x) < 1e-4 and abs(step_y) < 1e-4:
                break
        if not symmetric:
            break
        dx, dy = np.asarray(columns - column), np.asarray(rows - row)
        lopsided = ~missing & brighter_than_opposite(filled, noise, dx, dy)
        if not lopsided.any():
            break
        missing = missing | lopsided
    return column, row


def _opposite(values: Floats, dx: Floats, dy: Floats, order: int) -> Floats:
    """Values at the points opposite the centre that pixels are `dx`, `dy` away from."""
    rows, columns = np.indices(values.shape)
    return map_coordinates(values, [rows - 2 * dy, columns - 2 * dx], order=order, mode="constant", cval=0)


def _fill_opposite(
    values: Floats, missing: NDArray[np.bool_], filled: Floats, column: float, row: float
) -> Floats:
    """Give a missing pixel the value of the opposite pixel; where both are missing, give 0 to both."""
    rows, columns = np.indices(values.shape)
    dx, dy = np.asarray(columns - column), np.asarray(rows - row)
    alone = _opposite(missing.astype(np.float64), dx, dy, 1) > 0.5
    filled = np.where(missing, _opposite(filled, dx, dy, 3), values)
    filled[missing & alone] = 0
    return filled


def brighter_than_opposite(values: Floats, noise: float, dx: Floats, dy: Floats) -> NDArray[np.bool_]:
    """Pixels that stand out over the point opposite. The core, too sharp to be interpolated, is left alone."""
    opposite = np.maximum(_opposite(values, dx, dy, 1), 0)
    allowed = 6 * np.sqrt(noise**2 + opposite) + 0.5 * opposite
    return (values - opposite > allowed) & (np.hypot(dx, dy) > 2)


def cutout(image: Floats, centre: Sequence[float], half: int) -> NDArray[np.float64]:
    """Square of 2 * half + 1 pixels around a position, NaN where it reaches over the frame."""
    values = np.full((2 * half + 1, 2 * half + 1), np.nan)
    col0, row0 = round(centre[0]) - half, round(centre[1]) - half
    part = image[max(0, row0) : max(0, row0 + 2 * half + 1), max(0, col0) : max(0, col0 + 2 * half + 1)]
    top, left = max(0, -row0), max(0, -col0)
    values[top : top + part.shape[0], left : left + part.shape[1]] = part
    return values


def measure_sky(values: Floats) -> tuple[float, float]:
    """Median and robust standard deviation after clipping at 3, NaN ignored."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size == 0:
        raise NoSignal("Every pixel of the window is NaN.")
    for _ in range(5):
        median = float(bn.median(finite))
        std = MAD_TO_STD * float(bn.median(np.abs(finite - median)))
        kept = finite[np.abs(finite - median) <= 3 * std]
        if kept.size in (0, finite.size):
            break
        finite = kept
    return median, std


def find_peak(values: Floats, noise: float, where: str) -> Position:
    """Pixel of the brightest source. A median over 3 x 3 pixels keeps a star and drops a cosmic ray."""
    smooth = median_filter(np.nan_to_num(values), size=3)
    # On the flank of a trace the brightest pixel lies on the rim; that of a star has fainter pixels around it.
    highest = smooth == maximum_filter(smooth, size=5)
    highest[[0, -1], :] = highest[:, [0, -1]] = False
    smooth[~highest] = -np.inf
    row, column = np.unravel_index(int(smooth.argmax()), smooth.shape)
    if not smooth[row, column] > 3 * noise:
        raise NoSignal(f"{where} shows no signal above the sky.")
    near = np.nan_to_num(values[row - 1 : row + 2, column - 1 : column + 2])
    up, right = np.unravel_index(int(near.argmax()), near.shape)
    return float(column + right - 1), float(row + up - 1)
