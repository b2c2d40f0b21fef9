"""From which frame displacements count: the first one that did not fail."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Table
from hustle_widgets.steps.frame_names import frame_name, sound_frames

Floats = NDArray[np.float64]
#: Fact of a table: which of its frames failed, a tuple of places; only there when some did.
FAILED = "failed_frames"


def reference_frame(positions: Floats, state: State) -> int:
    """Return the first frame, among those worked on, that did not fail and has a position, else the first that has.

    Parameters
    ----------
    positions : ndarray, shape (frames, xy)
        NaN where nothing was found; somewhere something was.
    state : State
    """
    seen = np.isfinite(positions).all(axis=1)
    sound = seen & sound_frames(state)
    return int((sound if sound.any() else seen).argmax())


def from_reference(positions: Floats, state: State) -> Floats:
    """Return displacements from the reference frame, shape (frames, xy); a frame that failed keeps its own."""
    return np.asarray(positions - positions[reference_frame(positions, state)])


def reference_notes(state: State, positions: dict[str, Floats]) -> tuple[str, ...]:
    """Say from which frame the displacements of some sources count, where that is not the first frame."""
    by_frame: dict[int, list[str]] = {}
    for name, place in positions.items():
        if np.isfinite(place).all(axis=1).any():
            by_frame.setdefault(reference_frame(place, state), []).append(name)
    by_frame.pop(0, None)
    notes = []
    for number, names in sorted(by_frame.items()):
        of = f" of {', '.join(names)}" if len(positions) > 1 else ""
        frame = frame_name(state.source, int(state.kept_frames[number])).replace("Frame", "frame", 1)
        notes.append(f"Displacements{of} count from {frame}: the first one that did not fail and shows it.")
    return tuple(notes)


def failed_fact(state: State) -> dict[str, Any]:
    """Return the fact that tells which frames of a table failed; nothing where none did, or all."""
    failed = np.flatnonzero(~sound_frames(state))
    return {FAILED: tuple(failed.tolist())} if failed.size else {}


def without_failed(table: Table, column: str) -> Floats:
    """Return a displacement with NaN in frames that failed: what they show is no motion of the telescope."""
    moved = np.array(table.columns[column], dtype=float)
    moved[list(table.facts.get(FAILED, ()))] = np.nan
    return moved
