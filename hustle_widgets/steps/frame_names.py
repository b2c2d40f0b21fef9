"""How frames are called in what a person reads, and what failed in them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

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


def sound_frames(state: State) -> NDArray[np.bool_]:
    """Tell which of the frames that are worked on did not fail: all of them, where every one did."""
    sound: NDArray[np.bool_] = ~np.isin(state.kept_frames, list(failed_frames(state)))
    return sound if sound.any() else np.ones_like(sound)


def first_sound(state: State) -> int:
    """Return the first frame of those worked on that did not fail."""
    return int(sound_frames(state).argmax())


def middle_frame(state: State) -> int:
    """Return the middle frame of those worked on, or the one nearest to it that did not fail."""
    middle, sound = state.shape[0] // 2, np.flatnonzero(sound_frames(state))
    return int(sound[np.argmin(np.abs(sound - middle))])


def named(source: Source, problems: dict[int, str], ending: str) -> tuple[str, ...]:
    """Return a sentence a frame; of many, the first ones and the numbers of the rest."""
    shown = sorted(problems)[:_MANY]
    lines = [f"{frame_name(source, number)}: {problems[number]}{ending}" for number in shown]
    rest = sorted(problems)[_MANY:]
    if rest:
        lines.append(f"The same holds for {len(rest)} more frames: {numbers_in_words(rest)}.")
    return tuple(lines)
