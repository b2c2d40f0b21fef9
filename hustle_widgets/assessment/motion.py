"""Whether the frames move as a telescope does, and whether all that is followed agrees."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.assessment.finding import Finding, Remedy, judge
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.following import FOLLOWS

# Where 'good' ends and where 'bad' begins.
MOTION = (1.0, 10.0)  # pixels
AGREEMENT = (0.25, 1.0)  # pixels between trackers


def motion(
    state: State,
    kinds: Sequence[type[Step]],
    every: Sequence[type[Step]] = (),
    failed: Sequence[int] = (),
) -> list[Finding]:
    """Judge whether the frames move by less than a pixel, and whether what is followed agrees.

    Parameters
    ----------
    state : State
    kinds : sequence of type of Step
        Those that follow something.
    every : sequence of type of Step
        The whole chain: one of its steps may know how to follow the motion.
    failed : sequence of int
        Frames of the source that say nothing.
    """
    sound = ~np.isin(state.kept_frames, np.asarray(failed, dtype=int))
    followed = []
    trackers: dict[str, NDArray[np.float64]] = {}
    for kind in kinds:
        outcome, (column, what) = state.outcomes.get(kind.name), kind.follows or ("", "")
        if outcome is None or column not in outcome.table.columns:
            continue
        columns = {name: np.asarray(values)[sound] for name, values in outcome.table.columns.items()}
        move = from_first(np.asarray(columns[column], dtype=float))
        columns[column] = move
        trackers |= displacements(columns, column, what)
        far = float(np.nanmax(np.hypot(*move.T))) if np.isfinite(move).any() else float("nan")
        followed.append((kind, what, far))
    agreement = _agreement(followed[-1][0] if followed else None, trackers)
    agree = bool(agreement) and agreement[0].verdict == "good"
    return [*(_moves(state, kind, what, far, agree, every) for kind, what, far in followed), *agreement]


def from_first(move: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return displacements, (frame, xy), from the first frame that has one: an earlier one may have failed."""
    seen = np.isfinite(move).all(axis=-1)
    return move - move[seen.argmax()] if seen.any() else move


def _moves(
    state: State, kind: type[Step], what: str, far: float, agree: bool, every: Sequence[type[Step]]
) -> Finding:
    verdict = judge(far, MOTION)
    sentence = f"By the {what} the frames move by up to {far:.2f} px"
    remedy = None
    if verdict == "good":
        sentence += ": below a pixel."
    elif agree and far <= MOTION[1]:
        # All that is followed moves alike: so did the telescope.
        remedy = _follow(state, every)
        verdict = "good" if remedy is None else "check"
        sentence += ", and all trackers agree: the telescope moved"
        sentence += ", and the rejection in time follows it." if remedy is None else f": {remedy.words}"
    else:
        remedy = _window(kind, "look at the windows, it may have followed a cosmic ray or another source.")
        sentence += f": {remedy.words}"
    return Finding(kind.name, "Displacement", far, f"{far:.2f} px", verdict, sentence, remedy)


def _follow(state: State, every: Sequence[type[Step]]) -> Remedy | None:
    """Propose to reject what does not follow the motion; None where this is done."""
    if any(out.table.facts.get(FOLLOWS) == "model" for out in state.outcomes.values()):
        return None
    kind = next((kind for kind in every if "free_model" in kind.parameters), None)
    if kind is None or kind.name not in state.outcomes:
        return None
    words = "set free_model to 'drift', so that motion is not taken for outliers."
    return Remedy(kind.name, "free_model", "set", "drift", words)


def _window(kind: type[Step], words: str) -> Remedy:
    """Propose a smaller window, where a step has one."""
    name = next((name for name in kind.parameters if name.endswith("_window")), None)
    return Remedy(kind.name, name, "lower" if name else "set", None, words)


def displacements(
    columns: Mapping[str, NDArray[Any]], column: str, what: str
) -> dict[str, NDArray[np.float64]]:
    """Return what a step followed, by name: its single sources (star0_disp, ...), or all together if it has one."""
    single = {
        re.sub(r"([a-z])(\d)", r"\1 \2", name.removesuffix("_disp")): np.asarray(values, dtype=float)
        for name, values in columns.items()
        if name.endswith("_disp") and name != column
    }
    return single or {what: np.asarray(columns[column], dtype=float)}


def _agreement(kind: type[Step] | None, moves: Mapping[str, NDArray[np.float64]]) -> list[Finding]:
    if len(moves) < 2 or kind is None:
        return []
    every = np.stack(list(moves.values()))
    # Each tracker is compared with the middle of all. Its displacements all contain the noise of the first frame.
    away = every - bn.nanmedian(every, axis=0)
    away -= bn.nanmedian(away, axis=1)[:, np.newaxis]
    rms = np.sqrt(np.nanmean(away**2, axis=(1, 2)))
    last = int(np.nanargmax(rms)) if np.isfinite(rms).any() else 0
    name, value = list(moves)[last], float(rms[last])
    verdict = judge(value, AGREEMENT)
    sentence = f"{len(moves)} trackers agree to {value:.2f} px (rms of the furthest, {name})"
    remedy = None if verdict == "good" else _window(kind, f"look at the window of {name}, or leave it out.")
    sentence += "." if remedy is None else f": {remedy.words}"
    return [Finding(kind.name, "Trackers agree", value, f"{value:.2f} px", verdict, sentence, remedy)]
