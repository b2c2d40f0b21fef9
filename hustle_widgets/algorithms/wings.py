"""Position of a saturated source from the columns beside its bloom."""

from __future__ import annotations

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.histogram import Floats
from hustle_widgets.algorithms.windowed import LEAST_SIGNAL, NoSignal, Position, brighter_than_opposite

#: Columns on each side of the bloom that are used.
BESIDE = 8


def saturated_source(values: Floats, saturation: float, noise: float) -> Position | None:
    """Rough place of the largest saturated source in sky-free `values`; None when nothing is saturated.

    A bloom says nothing of the row: charge spills up and down as it likes. The columns beside it do.
    """
    counts, groups = _blooms(values, saturation)
    if not groups:
        return None
    return _place_of(values, max(groups, key=lambda members: counts[members].sum()), counts, noise)


def saturated_sources(
    values: Floats, saturation: float, noise: float
) -> list[tuple[Position, NDArray[np.intp]]]:
    """Rough places of all saturated sources in sky-free `values`, and the columns of their blooms."""
    counts, groups = _blooms(values, saturation)
    placed = [(_place_of(values, group, counts, noise), group) for group in groups]
    return [(place, group) for place, group in placed if place is not None]


def _blooms(values: Floats, saturation: float) -> tuple[NDArray[np.intp], list[NDArray[np.intp]]]:
    """Saturated pixels of each column, and the columns of each bloom."""
    counts = (values >= saturation).sum(axis=0)
    columns = np.flatnonzero(counts)
    if columns.size == 0:
        return counts, []
    return counts, np.split(columns, np.flatnonzero(np.diff(columns) > 3) + 1)


def _place_of(
    values: Floats, group: NDArray[np.intp], counts: NDArray[np.intp], noise: float
) -> Position | None:
    """Rough place of the source that blooms in some columns; None for a hot pixel or a cosmic ray."""
    column = float(np.average(group, weights=counts[group]))
    beside = np.r_[group[0] - 5 : group[0], group[-1] + 1 : group[-1] + 6]
    beside = beside[(beside >= 0) & (beside < values.shape[1])]
    if beside.size == 0:
        return None
    profile = bn.nanmean(values[:, beside], axis=1)
    smooth = bn.move_mean(np.nan_to_num(np.pad(profile, 2)), 5)[4:]
    if smooth.max() < LEAST_SIGNAL * noise:  # a hot pixel or a cosmic ray: nothing around it
        return None
    return column, float(smooth.argmax())


def wing_position(
    values: Floats,
    start: Position,
    saturation: float,
    noise: float,
    where: str,
    sigma: float,
    symmetric: bool,
) -> Position:
    """Centre of a source from its wings, without the columns in which it is saturated.

    Parameters
    ----------
    values : ndarray, shape (rows, columns)
        Cutout with the sky taken off [e-]. NaN is bridged along the column.
    start : (column, row)
        From `saturated_source`.
    saturation : float
        A column of the source with a pixel above this [e-] is left out from top to bottom: charge spills along
        columns, and the end of a bloom looks like any other pixel. The next column is not touched by it.
    noise : float
        Of the sky [e-].
    where : str
        What messages call the source.
    sigma : float
        Of the window along the row axis [pixels]: large against the source, see Notes.
    symmetric : bool
        The source is point-symmetric: what is much brighter than the pixel opposite is a cosmic ray.

    Returns
    -------
    column, row : float
        On the cutout.

    Raises
    ------
    NoSignal
        A ValueError: when the columns beside the bloom have no signal, or are off the frame on one side, or no pixel
        of `values` is saturated.

    Notes
    -----
    The row is the windowed centroid of the mean of 8 columns on each side. The column is where the profile
    across the bloom mirrors itself: the mean over d of log Q(c + d) - log Q(c - d) vanishes at c. The logarithm of
    a wing is smooth enough for a cubic spline, and no model of the wing is needed. The 0th order
    is drawn out unevenly in rows, and the wings far out are smoother than those near; a wide window makes their
    centroids the same.
    """
    saturated = np.flatnonzero((values >= saturation).any(axis=0))
    if not saturated.size:
        raise NoSignal(
            f"{where} is not where pixels are full: were full pixels replaced, by step 2 with flag 256 for example?"
        )
    groups = np.split(saturated, np.flatnonzero(np.diff(saturated) > 2) + 1)
    bloom = min(groups, key=lambda group: np.abs(group - start[0]).min())
    left, right = int(bloom[0]) - 1, int(bloom[-1]) + 1
    if left < 3 or right > values.shape[1] - 4:
        raise NoSignal(f"{where} blooms up to the edge of the frame or of its window.")
    bad = ~np.isfinite(values) | (values >= saturation)
    bad[:, bloom] = True
    beside = np.r_[max(0, left - BESIDE + 1) : left + 1, right : min(values.shape[1], right + BESIDE)]
    columns, rows = np.arange(values.shape[1])[None, :], np.arange(values.shape[0])[:, None]
    column, row = start
    for _ in range(3):
        wings = _bridge(values, bad)
        row = _centroid(bn.nanmean(wings[:, beside], axis=1), row, sigma, noise / np.sqrt(beside.size), where)
        near = slice(max(0, round(row - 2 * sigma)), round(row + 2 * sigma) + 1)
        profile = bn.nanmean(wings[near], axis=0)
        column = _mirror(profile, left, right, noise / np.sqrt(len(wings[near])), where)
        if not symmetric:
            break
        dx, dy = np.broadcast_arrays(columns - column, rows - row)
        lopsided = ~bad & brighter_than_opposite(np.where(bad, 1e9, values), noise, dx, dy)
        if not lopsided.any():
            break
        bad = bad | lopsided
    return column, row


def _bridge(values: Floats, bad: NDArray[np.bool_]) -> Floats:
    """Interpolate bad pixels along their columns. A column without a good pixel becomes NaN."""
    bridged = values.copy()
    rows = np.arange(len(values))
    for column in np.flatnonzero(bad.any(axis=0)):
        good = ~bad[:, column]
        if good.any():
            bridged[:, column] = np.interp(rows, rows[good], values[good, column])
        else:
            bridged[:, column] = np.nan
    return bridged


def _centroid(profile: Floats, start: float, sigma: float, noise: float, where: str) -> float:
    """Centroid of a profile under a Gaussian window that moves along."""
    rows = np.arange(profile.size)
    profile = np.nan_to_num(profile)
    centre = start
    for _ in range(200):
        weights = np.exp(-((rows - centre) ** 2) / (2 * sigma**2))
        total = float(weights @ profile)
        if not total > LEAST_SIGNAL * noise * np.sqrt(float(weights @ weights)):
            raise NoSignal(f"{where} shows no signal beside its saturated columns.")
        step = 1.4 * float((weights * profile) @ (rows - centre)) / total
        centre += step
        if abs(step) < 1e-4:
            break
    if abs(centre - start) > 3 * sigma:
        raise NoSignal(f"{where} has no centre: the centroid runs off to its surroundings.")
    return centre


def _mirror(profile: Floats, left: int, right: int, noise: float, where: str) -> float:
    """Return the point about which a profile is symmetric outside of left..right."""
    sides = []
    for inner, step in ((left, -1), (right, 1)):
        side = np.arange(inner, inner + step * BESIDE, step)
        side = side[(side >= 0) & (side < profile.size)]
        seen = ~(profile[side] > 3 * noise)
        side = side[: int(seen.argmax()) if seen.any() else None]
        sides.append(side)
    counts = [side.size for side in sides]
    if min(counts) < 1 or sum(counts) < 3:
        raise NoSignal(f"{where} shows too little signal beside its saturated columns.")
    if min(counts) < 3:  # wings that end at once: a Gaussian, a parabola in the logarithm
        seen_columns = np.concatenate(sides)
        signal = profile[seen_columns]
        a, b, _ = np.polyfit(seen_columns, np.log(signal), 2, w=np.sqrt(signal))
        if a >= 0:
            raise NoSignal(f"{where} has no centre: its wings do not fall off.")
        return float(-b / (2 * a))
    # Here: these take a good part of the time of the first import.
    from scipy.interpolate import CubicSpline
    from scipy.optimize import brentq

    left_wing, right_wing = (CubicSpline(np.sort(side), np.log(profile[np.sort(side)])) for side in sides)
    middle = (left + right) / 2

    def lopsidedness(centre: float) -> float:
        near = max(centre - left, right - centre)
        far = min(centre - sides[0][-1], sides[1][-1] - centre)
        distances = np.linspace(near, max(near, far), 4 * BESIDE)
        on_left, on_right = left_wing(centre - distances), right_wing(centre + distances)
        # The square root of the flux: weights by the flux let the innermost pixel decide, and which one that is
        # changes as the source moves.
        return float(np.average(on_right - on_left, weights=np.exp((on_left + on_right) / 4)))

    for reach in (1, 2, 3):  # a lopsided source may be centred beside the middle of its bloom
        if lopsidedness(middle - reach) * lopsidedness(middle + reach) < 0:
            return float(brentq(lopsidedness, middle - reach, middle + reach, xtol=1e-4))
    raise NoSignal(f"{where} has no centre: its wings do not mirror each other.")
