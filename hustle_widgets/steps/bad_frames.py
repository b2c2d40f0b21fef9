"""Frames whose background cannot be estimated: they take that of their neighbours, and are named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Table
from hustle_widgets.steps.frame_names import named

#: Column of a table that says why a frame has no value, '' for one that has; taken out when the visit is joined.
REASON = "reason"
#: Share of a frame's pixels that must be numbers.
LEAST = 0.05


def estimated(
    image: NDArray[np.float32], estimate: Callable[[], NDArray[np.floating[Any]]], size: tuple[int, ...]
) -> tuple[NDArray[Any], str]:
    """Estimate something of one frame: return it and '', or NaN of its shape and why it cannot be estimated.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        The frame.
    estimate : callable
        Raises ValueError for a frame that it can make nothing of.
    size : tuple of int
        Shape of the estimate.
    """
    share = float(np.isfinite(image).mean())
    if share < LEAST:  # those that are numbers may be what an earlier step took from other frames
        return np.full(size, np.nan, dtype=np.float32), f"only {share:.1%} of its pixels are numbers"
    try:
        return estimate(), ""
    except ValueError as error:
        return np.full(size, np.nan, dtype=np.float32), str(error)


def without_reason(
    table: Table, column: str
) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_], dict[int, str]]:
    """Take the reasons out of the joined table of a visit.

    Parameters
    ----------
    table : Table
        With the column `REASON`.
    column : str
        That holds the estimates.

    Returns
    -------
    columns : dict of str to ndarray
        The others.
    known : ndarray of bool, shape (frames,)
        Whether a frame was estimated.
    reasons : dict of int to str
        By number of the frame among those worked on.

    Raises
    ------
    ValueError
        When no frame could be estimated: the parameters are to blame, not the frames.
    """
    columns = dict(table.columns)
    reasons = {k: str(why) for k, why in enumerate(columns.pop(REASON)) if why}
    finite = np.isfinite(columns[column]).reshape(len(columns[column]), -1).all(axis=1)
    if reasons and len(reasons) == finite.size:
        raise ValueError(reasons[0])
    known = finite.copy()
    known[list(reasons)] = False
    return columns, known, reasons


def notes_of(state: State, reasons: dict[int, str], instead: str) -> tuple[str, ...]:
    """Name the frames that were not estimated, and say what they take instead."""
    # The advice behind the first sentence is for the whole visit; the other frames need none.
    problems = {int(state.kept_frames[k]): why.split(". ")[0].rstrip(".") for k, why in reasons.items()}
    return named(state.source, problems, f". {instead}")


def filled_from_neighbours(values: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """Interpolate unknown values between those of the frames around; at both ends they are constant.

    Parameters
    ----------
    values : ndarray of float, shape (frames, ...)
    known : ndarray of bool, shape (frames,)

    Returns
    -------
    ndarray, same shape and type
    """
    if known.all() or not known.any():
        return values
    frames = np.arange(len(values))
    filled = values.copy()
    flat = filled.reshape(len(values), -1)
    for column in range(flat.shape[1]):
        flat[~known, column] = np.interp(frames[~known], frames[known], flat[known, column])
    return filled
