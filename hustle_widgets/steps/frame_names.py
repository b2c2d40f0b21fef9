"""How frames are called in what a person reads, and what failed in them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from hustle_widgets.engine.blocks import Source, State

_MANY = 8


def frame_name(source: Source, number: int) -> str:
    """Return the name of a frame of the visit: its number, as skip_frames takes it, and its file if known."""
    files = source.columns.get("file_names")
    file = str(files[number]) if files is not None else ""
    return f"Frame {number} ({file})" if file else f"Frame {number}"


def numbers_in_words(numbers: Iterable[int]) -> str:
    """Return frame numbers as a list that skip_frames takes."""
    return f"[{', '.join(str(int(number)) for number in numbers)}]"


def failed_frames(state: State) -> dict[int, str]:
    """Return what failed in frames of the visit, by their number, as step 1 found it."""
    outcome = state.outcomes.get("read_data")
    return dict(outcome.table.facts.get("frame_problems", {})) if outcome is not None else {}


def named(source: Source, problems: dict[int, str], ending: str) -> tuple[str, ...]:
    """Return a sentence a frame; of many, the first ones and the numbers of the rest."""
    shown = sorted(problems)[:_MANY]
    lines = [f"{frame_name(source, number)}: {problems[number]}{ending}" for number in shown]
    rest = sorted(problems)[_MANY:]
    if rest:
        lines.append(f"So are {len(rest)} more frames: {numbers_in_words(rest)}.")
    return tuple(lines)


def filled_from_neighbours(values: np.ndarray) -> np.ndarray:
    """Return values a frame with NaN ones interpolated between those of the frames around; the ends are held.

    Parameters
    ----------
    values : ndarray of float, shape (frames, ...)
        A frame is NaN where any of its values is.

    Returns
    -------
    ndarray, same shape
        As it was where no frame is known.
    """
    known = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if known.all() or not known.any():
        return values
    frames = np.arange(len(values))
    filled = values.copy()
    flat, good = filled.reshape(len(values), -1), frames[known]
    for column in range(flat.shape[1]):
        flat[~known, column] = np.interp(frames[~known], good, flat[known, column])
    return filled
