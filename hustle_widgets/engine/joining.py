"""Deltas of one step joined: several that it gave for a block to one of each kind, and those of all blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hustle_widgets.engine.calling import Refuse
from hustle_widgets.engine.deltas import Delta, KeptFrames, Offset, Outcome, Patch, Table


def joined(deltas: list[Delta], refuse: Refuse) -> tuple[Delta, ...]:
    """Return at most one delta of each kind that does what they all do, in the place of the first of its kind."""
    kinds = [type(delta) for delta in deltas]
    if len(set(kinds)) == len(kinds):
        return tuple(deltas)
    for kind in (Offset, KeptFrames):
        if kinds.count(kind) > 1:
            refuse(
                f"{kinds.count(kind)} {kind.__name__}{'s' * (kind is Offset)}",
                "One is taken: make one of them, or a step of each.",
            )
    patches = [delta for delta in deltas if isinstance(delta, Patch)]
    if len(patches) > 1:
        places = [number for number, kind in enumerate(kinds) if kind is Patch]
        if Offset in kinds[places[0] : places[-1]]:
            refuse(
                "an Offset between two Patches",
                "Give the Patches one after the other, or make a step of each.",
            )
        if len({patch.value is None for patch in patches if len(patch)}) > 1:
            refuse(
                "a Patch that replaces pixels and one that does not",
                "badpix_mask tells those that are replaced from the others by their step: make a step of each.",
            )
    tables = [delta for delta in deltas if isinstance(delta, Table)]
    names = [name for table in tables for name in table.columns]
    for name in names:
        if names.count(name) > 1:
            refuse(f"the column {name!r} in two Tables", "Give it once.")
    first: dict[type, Delta] = {}
    for delta in deltas:
        first.setdefault(type(delta), delta)
    if len(patches) > 1:
        first[Patch] = _one_after_the_other(patches)
    if len(tables) > 1:
        columns = {name: values for table in tables for name, values in table.columns.items()}
        facts = {name: fact for table in tables for name, fact in table.facts.items()}
        notes = tuple(dict.fromkeys(note for table in tables for note in table.notes))
        first[Table] = Table(columns, facts, notes)
    return tuple(first.values())


def _one_after_the_other(patches: list[Patch]) -> Patch:
    """Return the patch that flags what any of them does, with the values of the last one that does."""
    first = patches[0]
    for then in patches[1:]:
        index = np.concatenate([first.index, then.index])
        order = np.argsort(index, kind="stable")
        index = index[order]
        last = np.append(index[1:] != index[:-1], True) if index.size else np.zeros(0, bool)
        values = [patch.value for patch in (first, then) if patch.value is not None]
        value = np.concatenate(values)[order][last] if values else None
        again = np.isin(then.index, first.index, assume_unique=True)
        counts = then.counts
        if again.any():  # those are not newly flagged, and nobody knows in which iteration they were
            plane = first.shape[1] * first.shape[2]
            new = np.bincount(then.index[~again] // plane, minlength=first.shape[0])
            counts = new[np.newaxis]
        first = Patch.at(index[last], value, np.concatenate([first.counts, counts]), first.shape)
    return first


def of_all_blocks(parts: Sequence[Outcome], refuse: Refuse) -> tuple[Delta, ...]:
    """Return the deltas of a visit from those of its blocks, placed and in their order."""
    found: list[Delta] = []
    for kind in _order(parts, refuse):
        same: list[Any] = [delta for part in parts for delta in part.deltas if type(delta) is kind]
        if kind is Patch:
            same = [patch for patch in same if len(patch)] or sorted(same, key=lambda one: one.value is None)[
                :1
            ]
            if len({patch.value is None for patch in same}) > 1:
                refuse(
                    "a Patch with values for some blocks and without for others",
                    "Its pixels are replaced in all blocks or in none.",
                )
            counts = [patch for part in parts for patch in [part.patch] if patch is not None]
            found.append(_counted(Patch.merged(same), counts))
            continue
        if kind is Offset:
            _check_alike(parts, same, refuse)
        if kind is Table:
            _check_columns_alike(parts, refuse)
        found.append(kind.merged(same))
    return tuple(found)


def _order(parts: Sequence[Outcome], refuse: Refuse) -> list[Any]:
    """Return the kinds of delta that blocks gave; a Patch and an Offset are in the order of all blocks."""
    kinds = [[type(delta) for delta in part.deltas] for part in parts]
    changing = {tuple(kind for kind in some if kind in (Patch, Offset)) for some in kinds}
    both = [order for order in changing if len(order) == 2]
    if len(both) > 1:
        refuse(
            "a Patch before an Offset for some blocks and behind it for others",
            "What is taken off is taken off the pixels of a Patch before it too: give them in one order.",
        )
    return list(dict.fromkeys([*(both[0] if both else ()), *(kind for some in kinds for kind in some)]))


def _counted(patch: Patch, parts: Sequence[Patch]) -> Patch:
    """Return a patch with the counts of all parts, those without a pixel too: they tell of iterations."""
    counts = np.zeros((max(part.counts.shape[0] for part in parts), patch.shape[0]), dtype=np.int64)
    for part in parts:
        counts[: part.counts.shape[0]] += part.counts
    return Patch(patch.index, patch.value, counts, patch.shape)


def _check_alike(parts: Sequence[Outcome], offsets: Sequence[Offset], refuse: Refuse) -> None:
    if len(offsets) < len(parts):
        refuse(
            "an Offset for some blocks and none for others",
            "Give one for each, with a level of 0 where nothing is taken off.",
        )
    first = offsets[0]
    for offset in offsets:
        if offset.level.shape[1:] != first.level.shape[1:]:
            refuse(
                f"Offsets with levels of shape {first.level.shape} and {offset.level.shape}",
                "Give one of them for all blocks.",
            )
        same = offset.template is first.template or (
            offset.template is not None
            and first.template is not None
            and np.array_equal(offset.template, first.template, equal_nan=True)
        )
        if not same:
            refuse("Offsets with unlike templates", "One template is kept: make it in prepare.")


def _check_columns_alike(parts: Sequence[Outcome], refuse: Refuse) -> None:
    first = parts[0].table.columns
    for part in parts:
        columns = part.table.columns
        if columns.keys() != first.keys():
            name = next(iter(columns.keys() ^ first.keys()))
            refuse(
                f"the column {name!r} for some blocks and not for others",
                "Give it for each, NaN where none is.",
            )
        for name, values in columns.items():
            of_numbers = [array.dtype.kind in "biuf" for array in (values, first[name])]
            if values.shape[1:] != first[name].shape[1:] or of_numbers[0] != of_numbers[1]:
                refuse(
                    f"the column {name!r} as {first[name].dtype} of shape {first[name].shape} and as {values.dtype} of "
                    f"shape {values.shape}",
                    "Its entries must be of one kind and shape for all frames.",
                )
