"""What every step must satisfy, one check after the other.

Each check is a function of a `Trial`: the class of a step, and a chain with it that has run. It raises AssertionError
with a sentence that says what is wrong.
"""

from __future__ import annotations

import math
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hustle_widgets.config import format_value, parse_value
from hustle_widgets.engine.blocks import Block
from hustle_widgets.engine.calling import StepFault, with_known
from hustle_widgets.engine.given import finished, of_blocks
from hustle_widgets.reduction import Reduction
from hustle_widgets.script import reduce
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import loaded
from hustle_widgets.steps.line_up import checked_line_up
from hustle_widgets.steps.parameters import Choice, ParameterError, Reals, Switch, Wholes
from hustle_widgets.testing.trial import Trial
from hustle_widgets.testing.values import accepted, made_of_plain_python, refused

BANDS = (3, 17, 10_000)  # rows of a block


def check_declaration(trial: Trial) -> None:
    """Check that it says what it is, shares no name with another step, and its plots can be imported."""
    kind = trial.kind
    checked_line_up(trial.kinds, Reduction.setup_parameters())
    for what in ("name", "title", "doing", "done", "heading"):
        assert getattr(kind, what), f"{kind.__name__} has no {what}."
    assert kind.__doc__, f"{kind.__name__} has no docstring: its first paragraph is what a person reads."
    assert kind.compute.__doc__, f"compute of {kind.__name__} has no docstring."
    assert not kind.switch or kind.switch_help, f"{kind.__name__} does not say what its switch does."
    for place in (kind.live, kind.figures, *(kind.every_frame or ())[1:]):
        if place:
            loaded(place)


def check_switch(trial: Trial) -> None:
    """Check that it can be switched off if it has a switch; without one it cannot."""
    step = trial.kind()
    assert step.enabled, f"{trial.kind.__name__} is off as it is made."
    try:
        step.enabled = False
    except ParameterError:
        assert not trial.kind.switch, f"{trial.kind.__name__} has a switch and cannot be switched off."
    else:
        assert trial.kind.switch, f"{trial.kind.__name__} has no switch and can be switched off."


def check_help(trial: Trial) -> None:
    """Check that each parameter is explained in a sentence, and its slider reaches no value that is refused."""
    for name, parameter in trial.kind.parameters.items():
        text = parameter.meaning.rstrip()
        assert len(text) > 15 and text.endswith((".", ")")), f"The help of {name!r} is no sentence: {text!r}."
        assert parameter.accepts(), f"{name!r} does not say what it accepts."
        if parameter.soft is not None:
            low, high = parameter.soft
            assert low < high, f"The soft bounds of {name!r} are the wrong way round."
            for edge in (low, high):
                several = isinstance(parameter, (Reals, Wholes))
                parameter.validate(trial.kind(), [edge] if several else edge)


def check_refusals(trial: Trial) -> None:
    """Check that a value that cannot be is refused with a sentence, and nothing changes."""
    for name, parameter in trial.kind.parameters.items():
        step = trial.kind()
        for value in refused(parameter):
            message = _refusal(step, name, value)
            start = f"The {name!r} parameter of {trial.kind.__name__} must be {parameter.accepts()}. Got "
            assert message.startswith(start) and message.endswith(" instead."), (
                f"{name} = {value!r}: {message!r}"
            )
            assert getattr(step, name) == parameter.tutorial, (
                f"{name!r} changed though {value!r} was refused."
            )


def _refusal(step: Step, name: str, value: Any) -> str:
    try:
        setattr(step, name, value)
    except ParameterError as error:
        return str(error)
    raise AssertionError(f"{type(step).__name__} takes {value!r} for {name!r}.")


def check_values(trial: Trial) -> None:
    """Check that a value is kept in one form, whichever way it is written, and comes back from a config file."""
    for name, parameter in trial.kind.parameters.items():
        step = trial.kind()
        for value, canonical in accepted(parameter):
            setattr(step, name, value)
            kept = getattr(step, name)
            assert kept == canonical and made_of_plain_python(kept), (
                f"{name} = {value!r} is kept as {kept!r}."
            )
            setattr(step, name, parse_value(format_value(parameter.written(kept))))
            assert getattr(step, name) == kept, f"{name} = {value!r} does not come back from a config file."
        step.reset(name)
        assert getattr(step, name) == parameter.tutorial, f"{name!r} is not reset."


def check_config(trial: Trial) -> None:
    """Check that all values come back from a config file that a Reduction with the step has written."""
    reduction = trial.reduction(**_changed(trial.kind))
    with TemporaryDirectory() as folder:
        path = reduction.write_config(Path(folder) / "stage_1_check.hustle")
        again = Reduction.from_config(path, trial.visit, steps=trial.kinds)
    assert again[trial.kind.name].values() == reduction[trial.kind.name].values()
    assert again[trial.kind.name].enabled == reduction[trial.kind.name].enabled


def check_script(trial: Trial) -> None:
    """Check that the script of a Reduction names the step, and `reduce` gives what it gives."""
    if trial.kind.explicit:
        return
    script = trial.done.to_script()
    compile(script, "script", "exec")
    if trial.kind not in STAGE_1:
        assert f"import {trial.kind.__name__}" in script, "The script does not import the step."
    found = reduce(trial.visit, steps=trial.kinds, **trial.settings)
    clean = trial.done.result
    assert clean is not None
    for name in ("images", "data_quality"):
        np.testing.assert_array_equal(found[name].values, clean[name].values)


def check_outcome(trial: Trial) -> None:
    """Check that it gives what it declares: flags, changes, columns."""
    kind, outcome = trial.kind, trial.outcome
    own = kind.__name__
    assert (outcome.patch is not None) == bool(kind.flag), (
        f"{own} declares {'a' if kind.flag else 'no'} `flag` and gives {'no' if kind.flag else 'a'} Patch."
    )
    if not kind.alters:
        assert outcome.patch is None and outcome.offset is None, f"{own} declares alters = False, and alters."
    if kind.sky:
        assert outcome.offset is not None, f"{own} declares sky = True and gives no Offset."
    frames, rows, columns = trial.done.state().shape
    sizes = {"x": rows, "y": columns, "xy": 2}
    for name, values in outcome.table.columns.items():
        unit, text, axes = kind.record(name)
        assert unit and text and text != name, f"{own} does not say in `records` what its column {name!r} is."
        expected = (
            frames,
            *(sizes.get(axis, size) for axis, size in zip(axes, values.shape[1:], strict=False)),
        )
        assert values.shape == expected and len(axes) == values.ndim - 1, (
            f"The column {name!r} of {own} has the shape {values.shape}; declared are the axes (frames, "
            f"{', '.join(axes)}), {expected}."
        )
    for _, line in kind.words(outcome, trial.done[kind.name].values()):
        assert line.strip(), f"{own} has nothing to say in a line of `words`."
    if kind.follows is not None:
        # A column that is described may be left out: some are given with some parameters only.
        given = {*outcome.table.columns, *kind.records}
        assert kind.follows[0] in given, f"{own} follows a column that it does not give."


def check_pure(trial: Trial) -> None:
    """Check that it gives the same twice, and leaves the visit as it was."""
    if trial.kind.explicit:
        return
    before = {name: trial.visit[name].values.copy() for name in trial.visit.data_vars}
    keywords = trial.keywords()
    state = trial.done.state(trial.kind.name)
    frames, rows, _ = state.shape
    whole = (slice(0, 1 if trial.kind.by == "frames" else frames), slice(0, rows))
    first, second = (trial.block(Block(state, *whole, trial.kind.halo), keywords) for _ in range(2))
    assert same(first.deltas, second.deltas), f"{trial.kind.__name__} gives something else the second time."
    for name, values in before.items():
        assert same(values, trial.visit[name].values), f"{trial.kind.__name__} changes {name!r} of the visit."


def check_blocks(trial: Trial) -> None:
    """Check that the result is the same however the visit is cut, whichever part is computed first."""
    kind = trial.kind
    if kind.explicit:
        return
    state, keywords = trial.done.state(kind.name), trial.keywords()
    frames, rows, _ = shape = state.shape
    everything = slice(0, frames)
    for band in BANDS if kind.by == "rows" else BANDS[:1]:
        if kind.by == "rows":
            cut = [(everything, slice(row, min(row + band, rows))) for row in range(0, rows, band)]
        elif kind.by == "frames":
            cut = [(slice(frame, frame + 1), slice(0, rows)) for frame in range(frames)]
        else:
            cut = [(everything, slice(0, rows))]
        parts = {}
        for number in reversed(range(len(cut))):
            found = trial.block(Block(state, *cut[number], kind.halo), keywords)
            parts[number] = found.placed(*cut[number], shape)
        node = kind.node()
        joined = of_blocks(node, [parts[number] for number in sorted(parts)])
        outcome = finished(node, with_known(kind.finish, joined, state, **keywords), joined, state)
        assert same(trial.outcome.deltas, node.look(outcome, state).of_sky(kind.sky).deltas), (
            f"{kind.__name__} gives something else in blocks of {band} rows, or computed in another order: is its "
            "`halo` large enough?"
        )


def check_edges(trial: Trial) -> None:
    """Check that it computes, or refuses with a sentence, at the ends of each slider and with each choice."""
    if trial.kind.explicit:
        return
    for name, parameter in trial.kind.parameters.items():
        if parameter.display:
            continue
        several = isinstance(parameter, (Reals, Wholes))
        values = [[edge] if several else edge for edge in parameter.soft or ()]
        if isinstance(parameter, (Choice, Switch)):
            values = [value for value, _ in accepted(parameter)]
        for value in values:
            _check_sentence(trial, trial.refusal(trial.visit, **{name: value}), f"with {name} = {value!r}")


def check_odd_visits(trial: Trial) -> None:
    """Check that it computes, or refuses with a sentence, a visit of few frames, and frames without anything."""
    if trial.kind.explicit:
        return
    for value, what in ((np.nan, "of NaN"), (0, "of zeros")):
        odd = trial.visit.copy()
        images = odd["images"].values.copy()
        images[len(images) // 2] = value
        _check_sentence(
            trial, trial.refusal(odd.assign(images=(odd["images"].dims, images))), f"with a frame {what}"
        )
    for number in (1, 2):
        few = trial.visit.isel(exp_time=slice(0, number))
        _check_sentence(trial, trial.refusal(few), f"of {number} frame(s)")


def _check_sentence(trial: Trial, error: Exception | None, what: str) -> None:
    """Check that an error was raised on purpose, by this package or the step, to be read by a person."""
    if error is None:
        return
    last = traceback.extract_tb(error.__traceback__)[-1]
    library = "site-packages" in last.filename and "hustle_widgets" not in last.filename
    meant = isinstance(error, ValueError) and not isinstance(error, StepFault) and not library
    assert meant and (last.line or "raise").lstrip().startswith("raise"), (
        f"{trial.kind.__name__} fails {what}: {type(error).__name__}: {error} (line {last.lineno} of {last.filename}). "
        "Let it compute, or raise ValueError with a sentence on what to do."
    )


def check_pickle(trial: Trial) -> None:
    """Check that what it gives can be pickled."""
    again = pickle.loads(pickle.dumps(trial.outcome))
    assert same(trial.outcome.deltas, again.deltas), (
        f"What {trial.kind.__name__} gives is another when pickled."
    )


def _changed(kind: type[Step]) -> dict[str, Any]:
    """Return a value of each parameter that is not its default, where one is known."""
    found = {}
    for name, parameter in kind.parameters.items():
        others = [value for _, value in accepted(parameter) if value != parameter.tutorial]
        found.update({name: others[0]} if others else {})
    return found


def same(first: Any, second: Any) -> bool:
    """Tell whether two values are equal to the last bit; NaN equals NaN."""
    if isinstance(first, np.ndarray):
        return (
            isinstance(second, np.ndarray)
            and first.dtype == second.dtype
            and first.shape == second.shape
            and np.array_equal(first, second, equal_nan=first.dtype.kind in "fc")
        )
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (tuple, list)):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, float):
        return first == second or (math.isnan(first) and math.isnan(second))
    if hasattr(first, "__dataclass_fields__"):
        return same(vars(first), vars(second))
    return bool(first == second)


CHECKS: tuple[Callable[[Trial], None], ...] = (
    check_declaration,
    check_switch,
    check_help,
    check_refusals,
    check_values,
    check_config,
    check_outcome,
    check_pure,
    check_blocks,
    check_edges,
    check_odd_visits,
    check_pickle,
    check_script,
)
