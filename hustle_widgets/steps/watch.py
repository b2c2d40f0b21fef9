"""A check of every step that flags pixels: whether it would replace most of a frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import Cut, State
from hustle_widgets.engine.deltas import Outcome, Patch, Table
from hustle_widgets.steps.frame_names import failed_frames, frame_name, numbers_in_words

#: Share of a frame's pixels from which on it is compared with the others, and how many times theirs is odd.
LEAST, TIMES = 0.005, 5.0
#: Share of a frame's pixels that is odd in any case, unless most frames have half of it.
MOST = 0.3
_MANY = 5


def looked_at(by: Cut, outcome: Outcome, state: State) -> Outcome:
    """Name the frames of which a step changes an implausible share; leave those that failed as they are.

    Parameters
    ----------
    by : {'rows', 'frames', 'visit'}
        How the step is cut: by rows, its values come from other frames.
    outcome : Outcome
    state : State

    Returns
    -------
    Outcome
        With a note a frame. A step that works by rows changes no pixel of a frame of which it would change an
        implausible share, if the frame is known to have failed, or if it is so much that no shower of cosmic rays
        explains it: the frame would look like the others, and its sky would not be that under the traces.
    """
    patch = outcome.patch
    if patch is None or patch.shape[0] < 3 or not len(patch):
        return outcome
    shares = _shares(patch)
    usual = float(np.median(shares))
    odd = np.flatnonzero((shares > max(LEAST, TIMES * usual)) | ((shares > MOST) & (usual < MOST / 2)))
    if not odd.size:
        return outcome
    failed = failed_frames(state)
    spared, notes = [], []
    for k in odd:
        number = int(state.kept_frames[k])
        what = f"{shares[k]:.1%} of its pixels, {usual:.2%} in a usual frame"
        name, leave = (
            frame_name(state.source, number),
            f"leave it out with skip_frames = {numbers_in_words([number])}",
        )
        if by == "rows" and number in failed and patch.value is not None:
            spared.append(int(k))
            notes.append(
                f"{name}: {failed[number]}. This step would replace {what}, and make the frame anew from the "
                f"others; it leaves the frame as it is. Better {leave}."
            )
        elif by == "rows" and shares[k] > MOST and patch.value is not None:
            spared.append(int(k))
            notes.append(
                f"{name}: its pixels are unlike those of the other frames, its sky for example. This step would "
                f"replace {what}; it leaves the frame as it is. Look at it, and {leave} if it failed."
            )
        else:
            verb = "flagged" if patch.value is None else "replaced"
            notes.append(f"{name}: this step {verb} {what}. Look at it, and {leave} if it failed.")
    if len(notes) > _MANY:
        rest = numbers_in_words(state.kept_frames[odd[_MANY:]])
        notes = [*notes[:_MANY], f"The same holds for {odd.size - _MANY} more frames: {rest}."]
    return _with(outcome, _without(patch, spared) if spared else patch, tuple(notes))


def _shares(patch: Patch) -> NDArray[np.float64]:
    """Share of the pixels of each frame that a patch holds."""
    n_frames, n_rows, n_columns = patch.shape
    plane = n_rows * n_columns
    edges = (np.arange(n_frames + 1, dtype=np.int64) * plane)[:-1].astype(patch.index.dtype)
    first = np.append(np.searchsorted(patch.index, edges), len(patch))
    return np.diff(first) / plane


def _without(patch: Patch, frames: list[int]) -> Patch:
    plane = patch.shape[1] * patch.shape[2]
    keep = ~np.isin(patch.index // plane, frames)
    counts = patch.counts.copy()
    counts[:, frames] = 0
    value = None if patch.value is None else patch.value[keep]
    return Patch(patch.index[keep], value, counts, patch.shape)


def _with(outcome: Outcome, patch: Patch, notes: tuple[str, ...]) -> Outcome:
    table = outcome.table
    noted = replace(table, notes=(*table.notes, *notes))
    # In their order: what is subtracted behind a patch is subtracted from its values too.
    rest = [
        patch if isinstance(delta, Patch) else delta
        for delta in outcome.deltas
        if not isinstance(delta, Table)
    ]
    return Outcome((*rest, noted))
