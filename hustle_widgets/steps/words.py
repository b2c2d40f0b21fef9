"""What a run says of a step's outcome, as far as its deltas tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from hustle_widgets.engine.deltas import Outcome, Patch
from hustle_widgets.steps.declaration import Lines
from hustle_widgets.steps.reference import without_failed


class Spoken(Protocol):
    """What a class of steps declares and its words are made of."""

    name: str
    title: str
    sky: bool
    follows: tuple[str, str] | None
    done: str


def words_of(kind: Spoken, outcome: Outcome) -> Lines:
    """Return what the deltas of a step tell: pixels flagged, a level taken off, a displacement followed."""
    lines: Lines = []
    if outcome.patch is not None:
        lines += pixels(kind, outcome.patch)
    if outcome.offset is not None:
        what = "Background" if kind.sky else kind.title
        level = float(np.nanmedian(outcome.offset.level)) * outcome.offset.usual_template
        lines.append((1, f"{what} removed ({kind.name}): median {level:.2f} e- a pixel."))
    if kind.follows is not None:
        lines += displacement(*kind.follows, outcome)
    return lines


def pixels(
    kind: Spoken, patch: Patch, of_iteration: Callable[[int], str] | None = lambda iteration: ""
) -> Lines:
    """Return how many pixels were flagged, iteration by iteration if `of_iteration` says more of each."""
    lines: Lines = []
    if of_iteration is not None:
        for iteration, counts in enumerate(patch.counts):
            more = of_iteration(iteration)
            lines.append((2, f"Bad pixels removed on iteration {iteration}{more}: {counts.sum()}"))
    verb = "flagged" if patch.value is None else "corrected"
    total = int(np.prod(patch.shape, dtype=np.int64))
    return [*lines, (1, f"{kind.done} Total pixels {verb}: {len(patch)} out of {total}")]


def displacement(column: str, what: str, outcome: Outcome) -> Lines:
    """Return in how many frames something was followed, and how far it moved."""
    if column not in outcome.table.columns:  # it was not asked for
        return []
    seen = int(np.isfinite(outcome.table.columns[column]).all(axis=1).sum())
    move = without_failed(outcome.table, column)
    if not np.isfinite(move).all(axis=1).any():
        return [(1, f"Tracked {what} in {seen} frames.")]
    span = np.nanmax(move, axis=0) - np.nanmin(move, axis=0)
    return [
        (1, f"Tracked {what} in {seen} frames."),
        (2, f"They moved by {span[0]:.2f} columns and {span[1]:.2f} rows in all."),
    ]
