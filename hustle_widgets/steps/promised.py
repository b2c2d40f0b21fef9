"""Whether a step gave what it declares: columns with their axes, names that are free, a bit for what it flags."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any, get_args

import numpy as np

from hustle_widgets.clean_format import ATTRIBUTES, VARIABLES
from hustle_widgets.engine.blocks import Cut, State
from hustle_widgets.engine.calling import ENGINES, refusal
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.steps.declaration import Column

#: Variables of the clean visit that a step may give.
OPEN = {"bkg_vals", "0th_order_pos", "meanstar_disp"}
#: Names that no column of a step may have: other variables of the clean visit, and its axes.
RESERVED = {*VARIABLES, *(dim for variable in VARIABLES.values() for dim in variable.dims)} - OPEN
RESERVED |= {"x_direct", "y_direct"}
#: Attributes of the clean visit that no fact of a step may take.
_ATTRIBUTES = {*ATTRIBUTES} - {"target_posx", "target_posy"}
# The fact that holds more variables of the clean visit, by name: (dims, values, attributes).
VARIABLES_FACT = "variables"


def check_declared(kind: Any, own: Collection[str], attributes: Collection[str]) -> None:
    """Raise TypeError for what a class of steps declares and no step can be made of.

    Parameters
    ----------
    kind : type of Step
    own : collection of str
        Names of the parameters that it declares itself.
    attributes : collection of str
        What every step has as attributes.
    """
    name = kind.__name__
    for word in own:
        if word in attributes or word in ENGINES or word.startswith("_"):
            raise TypeError(
                f"{name} has the parameter {word!r}, a name that every step has for something else, or that begins "
                "with _: give it another."
            )
    for what in ("needs", "borrows"):
        held = getattr(kind, what)
        if not isinstance(held, (tuple, list)) or not all(isinstance(word, str) for word in held):
            raise TypeError(
                f"The `{what}` of {name} must be a tuple of texts, ('one',). Got {held!r} instead."
            )
    if kind.by not in get_args(Cut):
        raise TypeError(
            f"The `by` of {name} must be one of {', '.join(get_args(Cut))}. Got {kind.by!r} instead."
        )
    for what in ("halo", "flag"):
        held = getattr(kind, what)
        if isinstance(held, bool) or not isinstance(held, int) or held < 0:
            raise TypeError(f"The `{what}` of {name} must be a whole number >= 0. Got {held!r} instead.")
    if not isinstance(kind.records, Mapping):
        raise TypeError(
            f"The `records` of {name} must be a dict, column: Column(...). Got {kind.records!r} instead."
        )
    for column, about in kind.records.items():
        _check_record(name, column, about)
    for what in ("compute", "prepare", "finish"):
        if "self" in inspect.signature(getattr(kind, what)).parameters:
            raise TypeError(
                f"{what} of {name} takes 'self': write @staticmethod above it and leave 'self' out."
            )


def _check_record(name: str, column: Any, about: Any) -> None:
    if not isinstance(about, Column) or not isinstance(about.axes, tuple):
        raise TypeError(
            f"{column!r} in the `records` of {name} must be Column(unit, text, axes), axes as a tuple: ('x',). Got "
            f"{about!r} instead."
        )
    if column in RESERVED:
        raise TypeError(
            f"{name} records the column {column!r}, a variable of the clean visit: give it another name."
        )
    for axis in about.axes:
        if axis == column or axis in RESERVED - {"x", "y", "xy"}:
            raise TypeError(
                f"The column {column!r} in the `records` of {name} has the axis {axis!r}, which the clean visit has "
                "for something else: give it another name."
            )


def check_promises(kind: Any, outcome: Outcome, state: State) -> None:
    """Raise StepFault when an outcome is not what its step declares."""
    refuse = refusal(f"{kind.title} ({kind.__name__})")
    if outcome.patch is not None and not kind.flag:
        refuse(
            "declares no `flag` and gives a Patch",
            "data_quality would not tell its pixels: declare `flag` as a bit that is free.",
        )
    frames, rows, columns = state.shape
    sizes = {"x": rows, "y": columns, "xy": 2}
    for name, values in outcome.table.columns.items():
        if name in RESERVED:
            refuse(
                f"gives the column {name!r}", "The clean visit has a variable of that name: give it another."
            )
        for other, before in state.outcomes.items():
            if name in before.table.columns and name not in OPEN:
                refuse(
                    f"gives the column {name!r}", f"The step {other!r} has one of that name: give it another."
                )
        axes = kind.record(name).axes
        expected = (
            frames,
            *(sizes.get(axis, size) for axis, size in zip(axes, values.shape[1:], strict=False)),
        )
        if values.shape != expected or len(axes) != values.ndim - 1:
            refuse(
                f"gives the column {name!r} with the shape {values.shape}",
                f"In `records` declared are the axes ({', '.join(['frames', *axes])})"
                + (f", {expected}." if len(axes) == values.ndim - 1 else "."),
            )
    for name, value in outcome.table.facts.items():
        if name == VARIABLES_FACT and not _variables(value):
            refuse(
                f"gives the fact {name!r}",
                "It holds variables of the clean visit, name: (dims, values, attributes): give it another name.",
            )
        if (name in _ATTRIBUTES or name in kind.parameters) and np.isscalar(value):
            refuse(
                f"gives the fact {name!r}",
                "The clean visit has an attribute of that name: give it another.",
            )


def _variables(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(one, tuple) and 2 <= len(one) <= 4 for one in value.values()
    )
