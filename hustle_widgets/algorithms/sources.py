"""Sources of a direct image around a place, and cosmic rays told from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, median_filter
from scipy.special import ndtr

from hustle_widgets.algorithms.histogram import Floats
from hustle_widgets.algorithms.windowed import measure_sky
from hustle_widgets.algorithms.wings import BESIDE, saturated_sources

#: A source counts from this share of the light of the brightest one on.
LEAST_LIGHT = 0.1
#: A pixel is a cosmic ray or hot when it is this many times as bright as the median of its eight neighbours; the
#: sharpest star of WFC3/UVIS, on the middle of a pixel, has 3 to 4 (WFC3 IHB 6).
SPIKE = 8.0
#: Radius within which the light of a source is summed, and within which two peaks are one source [pixels].
APERTURE = 4
#: Of a Gaussian that is as wide as a star of WFC3/UVIS at half its height (WFC3 IHB 6.6.1) [pixels].
PSF_SIGMA = 0.8


class Source(NamedTuple):
    """A source near a place.

    Attributes
    ----------
    column, row : float
        On the image, to a pixel.
    distance : float
        From the place [pixels].
    light : float
        Above the sky [e-].
    saturated : bool
    """

    column: float
    row: float
    distance: float
    light: float
    saturated: bool

    def moved(self, columns: int, rows: int) -> Source:
        """Return the source as it is called on an image of which this one is a part."""
        return self._replace(column=self.column + columns, row=self.row + rows)


def without_spikes(image: Floats, sky: float, noise: float) -> NDArray[np.float64]:
    """Return an image in which lone bright pixels, of cosmic rays or hot, are NaN.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        [e-]. NaN stays.
    sky, noise : float
        Its level and scatter [e-].

    Returns
    -------
    ndarray of float64, same shape

    Examples
    --------
    >>> import numpy as np
    >>> row, column = np.mgrid[:15, :15]
    >>> image = 5 + 900 * np.exp(-((column - 7) ** 2 + (row - 7) ** 2) / 1.3)
    >>> image[3, 4:6] = 5000
    >>> np.argwhere(np.isnan(without_spikes(image, 5.0, 3.0))).tolist()
    [[3, 4], [3, 5]]
    """
    values = np.array(image, dtype=np.float64)
    above = np.nan_to_num(values - sky)
    padded = np.pad(values - sky, 1, constant_values=np.nan)
    rows, columns = values.shape
    shifted = [
        padded[up : up + rows, right : right + columns]
        for up in range(3)
        for right in range(3)
        if (up, right) != (1, 1)
    ]
    around = np.nan_to_num(bn.nanmedian(np.stack(shifted), axis=0))
    values[above > SPIKE * np.maximum(around, 3 * noise)] = np.nan
    return values


def sources_near(
    image: Floats, place: Sequence[float], radius: int, saturation: float, least: float = LEAST_LIGHT
) -> list[Source]:
    """Find the sources around a place, the nearest first.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        [e-]. NaN is ignored; take cosmic rays out with `without_spikes` before.
    place : (column, row)
    radius : int
        How far from it, in column and in row [pixels].
    saturation : float
        A pixel above this is saturated [e-].

    least : float
        Sources have at least this part of the light of the brightest.

    Returns
    -------
    list of Source
    """
    corner = max(0, round(place[0]) - radius), max(0, round(place[1]) - radius)
    part = image[corner[1] : round(place[1]) + radius + 1, corner[0] : round(place[0]) + radius + 1]
    sky, noise = measure_sky(part)
    values = np.asarray(part, dtype=np.float64) - sky
    filled = np.nan_to_num(values)
    found: list[tuple[float, float, float, bool]] = []
    taken = np.zeros(values.shape, bool)
    for (column, row), columns in saturated_sources(values, saturation - sky, noise):
        beside = slice(max(0, columns[0] - BESIDE), columns[-1] + BESIDE + 1)
        found.append((column, row, float(filled[:, beside].sum()), True))
        taken[:, beside] = True  # its bloom and its wings have peaks of their own
    for column, row in _peaks(filled, noise):
        if not taken[row, column]:
            rows = slice(max(0, row - APERTURE), row + APERTURE + 1)
            columns_near = slice(max(0, column - APERTURE), column + APERTURE + 1)
            found.append((column, row, float(filled[rows, columns_near].sum()), False))
    brightest = max((light for *_, light, _ in found), default=0.0)
    sources = [
        Source(
            column + corner[0],
            row + corner[1],
            float(np.hypot(column + corner[0] - place[0], row + corner[1] - place[1])),
            light,
            saturated,
        )
        for column, row, light, saturated in found
        if light >= least * brightest
    ]
    return sorted(sources, key=lambda source: source.distance)


def unblended_light(sources: Sequence[Source]) -> NDArray[np.float64]:
    """Return the light of each source without what the others add where it was summed [e-], shape (n_sources,).

    Parameters
    ----------
    sources : sequence of Source
        Of one image, none saturated.

    Notes
    -----
    The sums of all are solved for together; a source is a Gaussian of `PSF_SIGMA`.

    Examples
    --------
    >>> import numpy as np
    >>> one = Source(50.0, 50.0, 0.0, 1000.0, False)
    >>> beside = Source(55.0, 50.0, 5.0, 500.0, False)
    >>> np.round(unblended_light([one, beside])).tolist()
    [933.0, 252.0]
    """
    place = np.array([[source.column, source.row] for source in sources]).reshape(-1, 2)
    apart = place[:, np.newaxis] - place
    edge = APERTURE + 0.5
    inside = (ndtr((apart + edge) / PSF_SIGMA) - ndtr((apart - edge) / PSF_SIGMA)).prod(axis=-1)
    return np.linalg.solve(inside, np.array([source.light for source in sources]))


def _peaks(values: NDArray[np.float64], noise: float) -> list[tuple[int, int]]:
    """Pixels (column, row) that are peaks, the brightest first, none near a brighter one."""
    smooth = median_filter(values, size=3)  # keeps a star and drops a cosmic ray
    highest = smooth == maximum_filter(smooth, size=5)
    # The flank of something outside has its maximum on the rim; a star's is surrounded by fainter pixels.
    highest[[0, -1], :] = highest[:, [0, -1]] = False
    highest &= smooth > max(3 * noise, 0.0)
    rows, columns = np.nonzero(highest)
    peaks: list[tuple[int, int]] = []
    for k in np.argsort(-smooth[rows, columns], kind="stable"):
        near = values[rows[k] - 1 : rows[k] + 2, columns[k] - 1 : columns[k] + 2]
        up, right = np.unravel_index(int(near.argmax()), near.shape)
        column, row = int(columns[k] + right - 1), int(rows[k] + up - 1)
        if all(max(abs(column - c), abs(row - r)) > APERTURE for c, r in peaks):
            peaks.append((column, row))
    return peaks
