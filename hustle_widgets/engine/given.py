"""What a step gave, checked before another one builds on it, and joined to one delta of each kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.calling import Refuse, asked, called, kind_of, refusal
from hustle_widgets.engine.deltas import Delta, KeptFrames, Offset, Outcome, Patch, Shape, Table
from hustle_widgets.engine.joining import joined, of_all_blocks
from hustle_widgets.engine.plan import Node

KINDS = (Patch, Offset, Table, KeptFrames)
_CHANGING = {Patch: "a Patch", Offset: "an Offset", KeptFrames: "KeptFrames"}


def computed(node: Node, block: Block, keywords: Mapping[str, Any]) -> Outcome:
    """Call a step's `compute` for a block; return its outcome, see `of_block`."""
    return of_block(node, asked(node, "compute", node.compute, block, **keywords), block)


def of_block(node: Node, result: Any, block: Block) -> Outcome:
    """Return what `compute` gave for a block as an outcome of that block, if it can be.

    Raises
    ------
    StepFault
        For what is no delta, and for deltas that do not fit the block or the step's declaration.
    """
    frames, rows = block.frames, block.rows
    shape = (frames.stop - frames.start, rows.stop - rows.start, block.state.shape[2])
    refuse = refusal(f"{called(node)}: compute gave", _place(node, block))
    outcome = _outcome(result, shape, refuse)
    if node.by == "rows" and outcome.offset is not None:
        refuse("an Offset", "No band of rows knows the level of the others: declare by = 'frames'.")
    if node.by == "rows" and outcome.table.columns:
        refuse(
            f"the column {next(iter(outcome.table.columns))!r}",
            "Each band of rows would give one: declare by = 'frames' or 'visit', or give columns in finish.",
        )
    if node.by != "visit" and outcome.kept_frames is not None:
        refuse("KeptFrames", "Frames are selected of the whole visit: declare by = 'visit'.")
    _check_alters(node, outcome, block.state, refuse)
    return outcome


def of_blocks(node: Node, parts: Sequence[Outcome]) -> Outcome:
    """Join what `compute` gave for all blocks of a visit, given in the order of the blocks and placed.

    Raises
    ------
    StepFault
        When blocks gave deltas that are unlike each other.
    """
    return Outcome(of_all_blocks(parts, refusal(f"{called(node)}: compute gave")))


def finished(node: Node, result: Any, before: Outcome, state: State) -> Outcome:
    """Return what `finish` gave, if it fits the visit; see `of_block`."""
    refuse = refusal(f"{called(node)}: finish gave")
    if not isinstance(result, Outcome):
        refuse(
            kind_of(result), "It must return an Outcome: the one that it was given, or Outcome((delta, ...))."
        )
    if result is before:
        return result
    outcome = _outcome(result.deltas, state.shape, refuse, known=before.deltas)
    _check_alters(node, outcome, state, refuse)
    return outcome


def _place(node: Node, block: Block) -> str:
    if node.by == "frames":
        return f" for frame {block.state.kept_frames[block.frames.start]}"
    return f" for rows {block.rows.start} to {block.rows.stop - 1}" if node.by == "rows" else ""


def _outcome(result: Any, shape: Shape, refuse: Refuse, known: Sequence[Delta] = ()) -> Outcome:
    """Return checked deltas, at most one of each kind; those that are `known` were checked before."""
    if result is None:
        return Outcome()
    deltas = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    for delta in deltas:
        if type(delta) not in KINDS:
            among = "" if delta is result else f" among {len(deltas)} things"
            refuse(f"{kind_of(delta)}{among}", "It must give Patch, Offset, Table, several of them, or None.")
    return Outcome(
        joined(
            [
                delta if any(delta is one for one in known) else _checked(delta, shape, refuse)
                for delta in deltas
            ],
            refuse,
        )
    )


def _checked(delta: Delta, shape: Shape, refuse: Refuse) -> Delta:
    if isinstance(delta, Patch):
        _check_patch(delta, shape, refuse)
    elif isinstance(delta, Offset):
        _check_offset(delta, shape, refuse)
    elif isinstance(delta, Table):
        return _checked_table(delta, shape, refuse)
    return delta


def _check_patch(patch: Patch, shape: Shape, refuse: Refuse) -> None:
    index, size = patch.index, math.prod(shape)
    if tuple(patch.shape) != shape:
        refuse(
            f"a Patch of shape {tuple(patch.shape)}",
            f"Expected are the frames, rows and columns of the block without its halo, {shape}.",
        )
    if not isinstance(index, np.ndarray) or index.ndim != 1 or index.dtype.kind not in "iu":
        refuse(
            f"a Patch whose index is {kind_of(index)}", "Expected is an array of whole numbers, shape (n,)."
        )
    if index.size and not (index[0] >= 0 and index[-1] < size and bool((index[1:] > index[:-1]).all())):
        wrong = index[(index < 0) | (index >= size)]
        refuse(
            f"a Patch whose index holds {wrong[0]}" if wrong.size else "a Patch whose index is not in order",
            f"Expected are flat places from 0 to {size - 1}, each once, in rising order; Patch.where makes them.",
        )
    value, counts = patch.value, patch.counts
    if value is not None and (
        not isinstance(value, np.ndarray) or value.shape != index.shape or value.dtype.kind not in "fiu"
    ):
        refuse(
            f"a Patch whose value is {kind_of(value)}",
            f"Expected is a number for each of its {index.size} pixels, or None.",
        )
    if not isinstance(counts, np.ndarray) or counts.ndim != 2 or counts.shape[1] != shape[0]:
        refuse(
            f"a Patch whose counts are {kind_of(counts)}",
            f"Expected is a number for each iteration and frame, shape (iterations, {shape[0]}).",
        )


def _check_offset(offset: Offset, shape: Shape, refuse: Refuse) -> None:
    n_frames, n_rows, n_columns = shape
    fitting = ((n_frames,), (n_frames, n_columns), (n_frames, n_rows, 1))
    level, template = offset.level, offset.template
    if not isinstance(level, np.ndarray) or level.shape not in fitting or level.dtype.kind not in "fiu":
        kind = f" of {level.dtype}" if isinstance(level, np.ndarray) and level.shape in fitting else ""
        refuse(
            f"an Offset whose level is {kind_of(level)}{kind}",
            f"Expected are numbers of shape {fitting[0]}, one a frame, {fitting[1]}, one a column, or "
            f"{fitting[2]}, one a row.",
        )
    if template is not None and (
        not isinstance(template, np.ndarray)
        or template.shape != shape[1:]
        or template.dtype.kind not in "fiu"
    ):
        refuse(
            f"an Offset whose template is {kind_of(template)}",
            f"Expected are numbers of the frames' rows and columns, {shape[1:]}, or None.",
        )


def _checked_table(table: Table, shape: Shape, refuse: Refuse) -> Table:
    for what, held in (("columns", table.columns), ("facts", table.facts)):
        if not isinstance(held, Mapping) or not all(isinstance(name, str) and name for name in held):
            refuse(f"a Table whose {what} are {kind_of(held)}", "Expected is a dict whose keys are names.")
    notes = table.notes
    if not isinstance(notes, (tuple, list)) or not all(isinstance(note, str) for note in notes):
        refuse(
            f"a Table whose notes are {kind_of(notes)}",
            "Expected is a tuple of texts: notes=('One remark.',) with a comma.",
        )
    columns = {name: np.asarray(values) for name, values in table.columns.items()}
    for name, values in columns.items():
        if values.shape[:1] != shape[:1]:
            refuse(
                f"a Table whose column {name!r} has the shape {values.shape}",
                f"Expected is one entry for each of {shape[0]} frame(s): ({shape[0]}, ...).",
            )
        if values.dtype.kind not in "biufUSMm" or (
            values.dtype.kind == "f" and values.itemsize not in (4, 8)
        ):
            refuse(
                f"a Table whose column {name!r} is of {values.dtype}, which no netCDF file holds",
                "Expected are numbers or texts.",
            )
    if isinstance(notes, tuple) and all(columns[name] is table.columns[name] for name in columns):
        return table
    return Table(columns, table.facts, tuple(notes))


def _check_alters(node: Node, outcome: Outcome, state: State, refuse: Refuse) -> None:
    changing = [_CHANGING[type(delta)] for delta in outcome.deltas if not isinstance(delta, Table)]
    if changing and not node.alters:
        refuse(
            changing[0],
            "It declares alters = False, and alters: steps behind it would not be computed anew. Leave that out.",
        )
    if outcome.kept_frames is None:
        return
    chosen = outcome.kept_frames.frames
    if not (
        isinstance(chosen, np.ndarray)
        and chosen.ndim == 1
        and chosen.size
        and chosen.dtype.kind in "iu"
        and bool((chosen[1:] > chosen[:-1]).all())
        and np.isin(chosen, state.kept_frames).all()
    ):
        refuse(
            "KeptFrames that are not so", f"Expected are numbers of {state.shape[0]} frames, in rising order."
        )
    if chosen.size != state.shape[0]:
        for name, before in state.outcomes.items():
            if before.patch is not None or before.offset is not None or before.table.columns:
                refuse("KeptFrames", f"The step {name!r} before it has worked on other frames: put it first.")
