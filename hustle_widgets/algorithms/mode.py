"""Mode of a frame: the value that most of its pixels have, those of the sky."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.histogram import Floats

#: Pixels that are enough for the mode: of a larger frame, only every second, third ... row is looked at.
MODE_PIXELS = 250_000
#: Pixels that are enough to tell where to look for the mode.
START_PIXELS = 16_000


def sky_mode(image: Floats) -> tuple[float, float]:
    """Mode of a frame, and the scatter of the sky around it.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        One frame [e-]. NaN is ignored.

    Returns
    -------
    mode, scatter : float
        Fullest bin of the histogram, and robust standard deviation of what lies below it, which sources do
        not reach [e-].

    Raises
    ------
    ValueError
        When every pixel is NaN.

    Notes
    -----
    A histogram from the faintest to the brightest pixel has bins of tens of electrons. It is made anew
    around its fullest bins until they are narrow against the scatter; three bins are then summed to one.
    """
    values = image[:: max(1, image.size // MODE_PIXELS)]
    values = values[np.isfinite(values)]
    if values.size == 0:
        values = image[np.isfinite(image)]
    if values.size == 0:
        raise ValueError("No sky level: every pixel is NaN.")
    # A part of the pixels is enough to tell where the mode lies.
    mode, scatter = _narrowed(values[:: max(1, values.size // START_PIXELS)])
    return _narrowed(_near(values, mode, 12 * scatter))


def _narrowed(values: Floats) -> tuple[float, float]:
    while True:
        mode, scatter, width = _peak(values)
        if scatter > 10 * width or width < 1e-3:
            return mode, scatter
        near = _near(values, mode, 25 * width + 8 * scatter)
        if near.size == values.size:
            return mode, scatter
        values = near


def _near(values: Floats, centre: float, distance: float) -> Floats:
    near = values[np.abs(values - np.float32(centre)) <= distance]
    return near if near.size else values


def _peak(values: Floats) -> tuple[float, float, float]:
    """Fullest of 300 bins, smoothed, the scatter of what lies below it, and the width of a bin."""
    counts, edges = _counts(values, 300)
    width = float(edges[1] - edges[0])
    centres = edges[:-3] + 1.5 * width
    summed = np.convolve(counts, np.ones(3), "valid")
    mode = float(centres[summed.argmax()]) if values.size > 1 else float(values[0])
    # Half of what lies below the mode lies within 0.6745 standard deviations of it.
    below = np.cumsum(counts[: int(np.searchsorted(edges, mode))][::-1])
    scatter = width * float(np.searchsorted(below, below[-1] / 2)) / 0.6745 if below.size else 0.0
    return mode, scatter, width


def _counts(values: Floats, bins: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Histogram from the smallest to the largest value; one on an edge may count for either of its bins.

    A third of the time of numpy.histogram, which puts each value on the right side of its edge.
    """
    first, last = float(values.min()), float(values.max())
    if first == last:
        first, last = first - 0.5, last + 0.5
    places = (values - values.dtype.type(first)) * values.dtype.type(bins / (last - first))
    counts = np.bincount(np.minimum(places.ravel().astype(np.intp), bins - 1), minlength=bins)
    return counts, np.linspace(first, last, bins + 1)
