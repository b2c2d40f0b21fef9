"""How much of a transit steps in time leave, measured: the series of the traces are clipped with a dip and without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.temporal import clip_fixed, clip_until_stable
from hustle_widgets.assessment.followed import Floats

# Depth of the dip that is made up where none was found, and the part of the visit that it takes.
DEPTH, PART = 0.01, 0.45


def made_up_dip(n_frames: int) -> Floats:
    """Return the shape of a dip in the middle of a visit: 0 out of it, 1 in it."""
    place = (np.arange(n_frames) + 0.5) / n_frames
    shape: Floats = (np.abs(place - 0.5) < PART / 2).astype(np.float64)
    return shape


def clips(values: Mapping[str, Any] | None, name: str) -> bool:
    """Tell whether what a step in time does to a series can be repeated: its parameters are known."""
    return (
        values is not None and {"fixed_iter": "fixed_sigmas", "free_iter": "free_sigma"}.get(name) in values
    )


def share_lost(
    series: NDArray[np.floating],
    star: Floats,
    shape: Floats,
    depth: float,
    present: bool,
    name: str,
    values: Mapping[str, Any],
    follows: bool,
) -> float:
    """Return which share of a dip is lost when series are clipped in time.

    Parameters
    ----------
    series : ndarray, shape (n_frames, n_pixels)
        As they enter the step [e-].
    star : ndarray, shape (n_frames, n_pixels)
        Light of the star in them, without the dip [e-].
    shape : ndarray, shape (n_frames,)
        Of the dip.
    depth : float
    present : bool
        Whether the dip is in the series; else it is put in.
    name : str
        Of the step, 'fixed_iter' or 'free_iter'.
    values : mapping of str to object
        Parameters by their keys in the config file.
    follows : bool
        Whether replaced values follow the star instead of being the median of their series.

    Returns
    -------
    float
        NaN where the dip covers no frame, or all of them.
    """
    if np.ptp(shape) == 0:
        return float("nan")
    dip = depth * shape[:, np.newaxis] * star
    with_dip = series if present else series - dip
    without = series + dip if present else series
    change = _clipped(with_dip, name, values, star - dip if follows else None)
    change -= _clipped(without, name, values, star if follows else None)
    # What each frame lost, by the shape of the dip; a level that is the same in all frames is no loss of depth.
    known = np.nan_to_num(change).sum(axis=1)
    true = -dip.sum(axis=1)
    away = shape - shape.mean()
    return float(1 - (away @ known) / (away @ true))


def _clipped(
    series: NDArray[np.floating], name: str, values: Mapping[str, Any], instead: Floats | None
) -> Floats:
    """Return series as a step leaves them, shape (n_frames, n_pixels)."""
    cube = np.ascontiguousarray(series, dtype=np.float32)[:, np.newaxis]
    if name == "fixed_iter":
        mask, replaced, _ = clip_fixed(cube, values["fixed_sigmas"], values.get("replacement"))
    else:
        mask, replaced, _ = clip_until_stable(cube, values["free_sigma"])
    result = series.astype(np.float64)
    hit = mask[:, 0]
    if instead is None:
        result[hit] = replaced
    else:
        # The sky and what the pixel holds besides is that of its usual frame.
        with np.errstate(invalid="ignore"):
            level = np.nanmedian(np.where(hit, np.nan, series - instead), axis=0)
        result[hit] = (instead + np.nan_to_num(level))[hit]
    return result
