"""Where the target, its 0th order and background stars are on a frame, to hundredths of a pixel.

Positions are [column, row], pixel centres at whole numbers. Every function takes one frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hustle_widgets.algorithms.histogram import Floats
from hustle_widgets.algorithms.sources import Source, sources_near, without_spikes
from hustle_widgets.algorithms.windowed import (
    WINDOW_SIGMA,
    NoSignal,
    Position,
    cutout,
    find_peak,
    measure_sky,
    windowed_centroid,
)
from hustle_widgets.algorithms.wings import saturated_source, wing_position

#: Full well of WFC3/UVIS is 63 to 72 ke- (arXiv:2510.00097); above this a pixel is taken as saturated [e-].
SATURATION = 60_000.0
#: Windows for a saturated target and for the 0th order, which is drawn out over some ten pixels [pixels].
TARGET_SIGMA, ZEROTH_SIGMA = 2.5, 8.0
#: The target lies within this many pixels of where it is expected, in column and row.
SEARCH = 25
#: If nothing is there but sources fainter than this part of the brightest one further off, it is sought so far.
SEARCH_FAR, FAINTER = 40, 0.02
#: Half width of the cutout around a saturated source [pixels].
WING_WINDOW = 25
#: Stars closer than this are the same star [pixels].
LEAST_SEPARATION = 1.0


def target_position(
    direct_image: Floats, guess: Sequence[float], box: int = SEARCH, saturation: float = SATURATION
) -> Position:
    """Position of the target in the direct image.

    Parameters
    ----------
    direct_image : ndarray, shape (rows, columns)
        In e-. NaN is ignored; cosmic rays may be left in it.
    guess : (column, row)
        Where the target is expected.
    box : int
        The target is the source nearest to `guess` of those within this many pixels, in column and row, that have
        at least a tenth of the light of the brightest of them. Where there is none, nor any that has 2 % of the light
        of a source within 40 pixels, that one is the target.
    saturation : float
        Columns with a pixel above this [e-] are not used.

    Returns
    -------
    column, row : float

    Raises
    ------
    ValueError
        When `guess` is off the image or there is no star in the box.

    See Also
    --------
    hustle_widgets.algorithms.windowed.windowed_centroid : what is done when nothing is saturated.
    hustle_widgets.algorithms.wings.wing_position : what is done otherwise.
    """
    return target_among(direct_image, guess, box, saturation)[0]


class Target(NamedTuple):
    """A target, and what else lies around.

    Attributes
    ----------
    position : (float, float)
        Column and row.
    source : Source
        The target as it was found, to a pixel.
    others : list of Source
        Other sources that it could have been, the nearest first.
    """

    position: Position
    source: Source
    others: list[Source]


def target_among(
    direct_image: Floats, guess: Sequence[float], box: int = SEARCH, saturation: float = SATURATION
) -> Target:
    """Position of the target, and the other sources that it could be; see `target_position`."""
    where = f"The target, expected at column {guess[0]:g}, row {guess[1]:g},"
    _check_inside(direct_image, guess, where)
    if box == SEARCH and _lies_further_off(direct_image, guess, saturation):
        box = SEARCH_FAR
    reach = box + WING_WINDOW
    rows, columns = (slice(max(0, round(place) - reach), round(place) + reach + 1) for place in guess[::-1])
    near = direct_image[rows, columns]
    corner = columns.start, rows.start
    place = guess[0] - corner[0], guess[1] - corner[1]
    inner = tuple(slice(max(0, round(at) - box), round(at) + box + 1) for at in place[::-1])
    sky, noise = measure_sky(near[inner])
    clean = without_spikes(near, sky, noise)
    sources = sources_near(clean, place, box, saturation)
    problem: NoSignal | None = None
    for number, source in enumerate(sources):
        start = source.column, source.row
        try:
            if source.saturated:
                column, row = _from_wings(clean, start, sky, noise, saturation, TARGET_SIGMA, True, where)
            else:
                column, row = _star_at(clean, start, box, where)
        except NoSignal as error:  # no star after all: the next one may be the target
            problem = problem or error
            continue
        found, *others = (one.moved(*corner) for one in (source, *sources[:number], *sources[number + 1 :]))
        return Target((column + corner[0], row + corner[1]), found, others)
    raise problem or NoSignal(f"{where} shows no signal above the sky.")


def _lies_further_off(image: Floats, guess: Sequence[float], saturation: float) -> bool:
    """Tell whether the sources within `SEARCH` of a place are nothing beside one within `SEARCH_FAR`."""
    corner = [max(0, round(place) - SEARCH_FAR - WING_WINDOW) for place in guess]
    far = [round(place) + SEARCH_FAR + WING_WINDOW + 1 for place in guess]
    near = image[corner[1] : far[1], corner[0] : far[0]]
    place = guess[0] - corner[0], guess[1] - corner[1]
    sky, noise = measure_sky(near)
    sources = sources_near(without_spikes(near, sky, noise), place, SEARCH_FAR, saturation, FAINTER)
    inside = [
        source
        for source in sources
        if max(abs(source.column - place[0]), abs(source.row - place[1])) <= SEARCH
    ]
    return bool(sources) and not inside


def star_position(
    image: Floats, location: Sequence[float], bkg_window: int = 15, name: str = "star"
) -> Position:
    """Position of an unsaturated star on a frame.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        One frame [e-]. NaN is ignored, and pixels off the frame count as NaN.
    location : (column, row)
        Where the star is expected.
    bkg_window : int
        Half-width of the square window in which the brightest source is the star and the rest is its sky.
    name : str
        What messages call the star.

    Returns
    -------
    column, row : float

    Raises
    ------
    ValueError
        When the star is off the frame, the window does not fit on it, or no star is there.

    Examples
    --------
    >>> import numpy as np
    >>> row, column = np.mgrid[:40, :50]
    >>> image = 12 + 800 * np.exp(-((column - 20.3) ** 2 + (row - 17.6) ** 2) / 2)
    >>> column, row = star_position(image, (21, 18), bkg_window=10)
    >>> print(f"{column:.2f} {row:.2f}")
    20.30 17.60
    """
    where = f"The {name} at column {location[0]:g}, row {location[1]:g},"
    check_window(bkg_window, image.shape)
    _check_inside(image, location, where)
    values = cutout(image, location, bkg_window)
    sky, noise = measure_sky(values)
    peak = find_peak(values - sky, noise, where)
    start = peak[0] + round(location[0]) - bkg_window, peak[1] + round(location[1]) - bkg_window
    return _star_at(image, start, bkg_window, where)


def track_stars(image: Floats, locations: ArrayLike, bkg_window: int = 15) -> NDArray[np.float64]:
    """Positions of several stars on a frame.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        One frame [e-].
    locations : array_like, shape (stars, 2)
        [column, row] of each, as `check_stars` accepts them.
    bkg_window : int
        See `star_position`.

    Returns
    -------
    ndarray, shape (stars, 2)
        [column, row]; NaN where a star cannot be seen in this frame.

    Raises
    ------
    ValueError
        From `check_stars`.
    """
    stars = check_stars(locations, image.shape, bkg_window)
    positions = np.full(stars.shape, np.nan)
    for number, location in enumerate(stars):
        try:
            positions[number] = star_position(image, location, bkg_window)
        except NoSignal:  # one lost frame is no reason to lose the visit; `displacements` reports a lost star
            continue
    return positions


def displacements(positions: Floats) -> NDArray[np.float64]:
    """Motion of stars relative to the first frame they are seen in.

    Parameters
    ----------
    positions : ndarray, shape (frames, stars, 2)
        From `track_stars`; NaN where a star was not seen.

    Returns
    -------
    ndarray, shape (frames, stars, 2)
        [column, row] in pixels. Its mean over the stars is the motion of the telescope.

    Raises
    ------
    ValueError
        When a star was seen in no frame. Names the star.
    """
    seen = np.asarray(np.isfinite(positions).all(axis=-1))
    for number in range(positions.shape[1]):
        if not seen[:, number].any():
            raise ValueError(
                f"Star {number + 1} was found in no frame: nothing stands out of the sky at its place. "
                "Check bkg_stars_loc, or widen bkg_window."
            )
    first = seen.argmax(axis=0)
    return np.asarray(positions - positions[first, np.arange(positions.shape[1])], np.float64)


def check_stars(locations: ArrayLike, shape: tuple[int, ...], bkg_window: int) -> NDArray[np.float64]:
    """Star locations as an array, once they are known to be of use.

    Parameters
    ----------
    locations : array_like, shape (stars, 2)
        [column, row] of each.
    shape : (int, int)
        Rows and columns of a frame.
    bkg_window : int
        Half-width of the window.

    Returns
    -------
    ndarray, shape (stars, 2)

    Raises
    ------
    ValueError
        When there is no star, one is off the frame, two are closer than a pixel, or the window does not fit.
        Names the star, counted from 0 as in star0_disp.
    """
    check_window(bkg_window, shape)
    stars = np.asarray(locations, np.float64)
    if stars.ndim != 2 or stars.shape[1:] != (2,) or len(stars) == 0:
        raise ValueError("bkg_stars_loc must hold a [column, row] for each star, at least one.")
    for number, (column, row) in enumerate(stars):
        _check_inside(shape, (column, row), f"Star {number}, at column {column:g}, row {row:g},")
        distances = np.hypot(*(stars[:number] - stars[number]).T)
        if (distances < LEAST_SEPARATION).any():
            raise ValueError(
                f"Stars {int(distances.argmin())} and {number} are both at column {column:g}, row {row:g}. "
                "Give each star once."
            )
    return stars


def check_window(bkg_window: int, shape: tuple[int, ...]) -> None:
    """Refuse a window that a frame cannot hold.

    Raises
    ------
    ValueError
        When 2 * `bkg_window` + 1 is larger than the frame, or `bkg_window` is too small for a star.
    """
    if bkg_window < 3:
        raise ValueError(f"bkg_window, {bkg_window}, is too small for a star and its sky. Give 3 or more.")
    if 2 * bkg_window + 1 > min(shape):
        raise ValueError(
            f"bkg_window {bkg_window} makes a window of {2 * bkg_window + 1} pixels, larger than the frame "
            f"of {shape[0]} rows and {shape[1]} columns."
        )


def zeroth_order_position(
    image: Floats,
    expected: Sequence[float],
    search: tuple[int, int] = (70, 70),
    saturation: float = SATURATION,
) -> Position:
    """Position of the 0th order, usually saturated and bloomed along its columns.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        One frame [e-]. NaN is ignored.
    expected : (column, row)
        Where it is expected.
    search : (int, int)
        It is the brightest source within this many columns and rows of `expected`.
    saturation : float
        Columns with a pixel above this [e-] are not used.

    Returns
    -------
    column, row : float

    Raises
    ------
    ValueError
        When no part of the search window is on the frame, or no source is in it.
    """
    where = f"The 0th order, expected at column {expected[0]:g}, row {expected[1]:g},"
    col0, row0 = (max(0, round(place) - half) for place, half in zip(expected, search, strict=True))
    col1, row1 = (max(0, round(place) + half + 1) for place, half in zip(expected, search, strict=True))
    part = image[row0:row1, col0:col1]
    if min(part.shape) < 5:
        raise ValueError(
            f"{where} is outside the frame of {image.shape[0]} rows and {image.shape[1]} columns."
        )
    sky, noise = measure_sky(part)
    start = saturated_source(part - sky, saturation - sky, noise)
    if start is not None:
        start = start[0] + col0, start[1] + row0
        return _from_wings(image, start, sky, noise, saturation, ZEROTH_SIGMA, False, where)
    peak = find_peak(part - sky, noise, where)
    return _under_window(image, (peak[0] + col0, peak[1] + row0), sky, noise, ZEROTH_SIGMA, False, where)


def _from_wings(
    image: Floats,
    start: Position,
    sky: float,
    noise: float,
    saturation: float,
    sigma: float,
    symmetric: bool,
    where: str,
) -> Position:
    """Position of a saturated source near `start`."""
    half = WING_WINDOW
    values = cutout(image, start, half) - sky
    corner = round(start[0]) - half, round(start[1]) - half
    near = start[0] - corner[0], start[1] - corner[1]
    column, row = wing_position(values, near, saturation - sky, noise, where, sigma, symmetric)
    return column + corner[0], row + corner[1]


def _under_window(
    image: Floats, start: Position, sky: float, noise: float, sigma: float, symmetric: bool, where: str
) -> Position:
    """Windowed centroid around the pixel `start`."""
    half = int(np.ceil(4 * sigma)) + 2
    values = cutout(image, start, half) - sky
    column, row = windowed_centroid(values, (half, half), noise, where, sigma, symmetric)
    return column + round(start[0]) - half, row + round(start[1]) - half


def _star_at(image: Floats, start: Position, window: int, where: str) -> Position:
    """Windowed centroid around the pixel `start`, sky taken from up to `window` pixels away."""
    values = cutout(image, start, window)
    distance2 = np.add.outer(*2 * (np.arange(-window, window + 1.0) ** 2,))
    around = values[distance2 > 16]
    sky, noise = measure_sky(around if np.isfinite(around).sum() > 20 else values)
    return _under_window(image, start, sky, noise, WINDOW_SIGMA, True, where)


def _check_inside(image: Floats | tuple[int, ...], location: Sequence[float], where: str) -> None:
    shape = image if isinstance(image, tuple) else image.shape
    if not (0 <= location[0] <= shape[1] - 1 and 0 <= location[1] <= shape[0] - 1):
        raise ValueError(f"{where} is outside the frame of {shape[0]} rows and {shape[1]} columns.")
