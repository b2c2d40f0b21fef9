"""One displacement from those of several sources, which are not all equally sure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.series import Floats

__all__ = ["mean_track"]

MAD_TO_SIGMA = 1.4826
FAR = 6.0  # sigma, from which on a source was not followed but something else
LEAST_FAR = 0.05  # [px], and of one or two sources, whose motion is not known otherwise
LEAST_JUMP = 0.5  # [px]
SUREST = 0.001  # [px]
LEAST_SHARE = 0.1  # of what a source scatters by that is its own error at least
TURNS = 6


def mean_track(positions: Floats) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """Average the motion of several sources.

    Parameters
    ----------
    positions : ndarray, shape (frames, sources, 2)
        Of each source (column, row) [px]; NaN where it was not found.

    Returns
    -------
    track : ndarray, shape (frames, 2)
        Displacement from the first frame in which a source was seen [px]; NaN where none is of use.
    used : ndarray of bool, shape (frames, sources)
        Which positions it was made of: those that were found and do not stand out.
    errors : ndarray, shape (sources,)
        Error of a position of each source on one axis [px].

    Notes
    -----
    The mean is weighted by the errors, which come from the scatter of a source about the mean of the others; of two
    sources, from the scatter about their own neighbours in time. Positions farther than 6 errors, and 0.05 px, from
    the others are left out: a cosmic ray in its window moves a star by pixels. One or two sources are compared with
    the frames before and after, and left out from 0.5 px on.
    """
    moved = positions - _median_of_frames(positions)
    seen: NDArray[np.bool_] = np.all(np.isfinite(moved), axis=2)
    used, errors = seen.copy(), np.ones(moved.shape[1])
    together = moved.shape[1] > 2
    for turn in range(TURNS):
        expected = _of_others(moved, used, errors) if together else _of_neighbours(moved, used)
        away = np.where(seen[:, :, None], moved - expected, np.nan)
        away -= np.nan_to_num(_median_of_frames(np.where(used[:, :, None], away, np.nan)))
        spread = MAD_TO_SIGMA * _median_of_frames(np.abs(np.where(used[:, :, None], away, np.nan)))[0]
        spread = np.fmax(SUREST, np.nan_to_num(np.sqrt((spread**2).mean(axis=1)), nan=SUREST))
        limit = np.maximum(FAR * spread, LEAST_FAR if together else LEAST_JUMP)
        # What the others scatter by is no error of this one.
        theirs = 1 / np.maximum((1 / errors**2).sum() - 1 / errors**2, 1e-9) if together and turn else 0.0
        errors = np.sqrt(np.maximum(spread**2 - theirs, (LEAST_SHARE * spread) ** 2))
        with np.errstate(invalid="ignore"):
            used = seen & ~np.any(np.abs(away) > limit[:, None], axis=2)
    weight = np.where(used, 1 / errors**2, 0)
    total = weight.sum(axis=1)
    track = np.full(moved.shape[::2], np.nan)
    some = total > 0
    track[some] = (weight[:, :, None] * np.nan_to_num(moved)).sum(axis=1)[some] / total[some, None]
    if some.any():
        track -= track[some.argmax()]
    return track, used, errors


def _median_of_frames(values: Floats) -> Floats:
    """Return the median in time, shape (1, sources, 2); NaN where a source is never seen."""
    result = np.full((1, *values.shape[1:]), np.nan)
    some = np.any(np.isfinite(values), axis=0)
    result[0, some] = np.nanmedian(values[:, some], axis=0)
    return result


def _of_others(moved: Floats, used: NDArray[np.bool_], errors: Floats) -> Floats:
    """Weighted mean of the other sources; the median where their errors are not known yet."""
    expected = np.full(moved.shape, np.nan)
    for source in range(moved.shape[1]):
        others = np.delete(np.arange(moved.shape[1]), source)
        if np.ptp(errors) == 0:
            values = np.where(used[:, others, None], moved[:, others], np.nan)
            some = np.any(np.all(np.isfinite(values), axis=2), axis=1)
            expected[some, source] = np.nanmedian(values[some], axis=1)
            continue
        weight = np.where(used[:, others], 1 / errors[others] ** 2, 0)
        total = weight.sum(axis=1)
        some = total > 0
        mean = (weight[:, :, None] * np.nan_to_num(moved[:, others])).sum(axis=1)
        expected[some, source] = mean[some] / total[some, None]
    return expected


def _of_neighbours(moved: Floats, used: NDArray[np.bool_]) -> Floats:
    """Median of two frames before and two behind."""
    values = np.where(used[:, :, None], moved, np.nan)
    padded = np.concatenate(
        [np.full((2, *moved.shape[1:]), np.nan), values, np.full((2, *moved.shape[1:]), np.nan)]
    )
    around = np.stack([padded[:-4], padded[1:-3], padded[3:-1], padded[4:]])
    expected = np.full(moved.shape, np.nan)
    some = np.any(np.isfinite(around), axis=0)
    expected[some] = np.nanmedian(around[:, some], axis=0)
    return expected
