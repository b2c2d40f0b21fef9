"""Steps of one's own that give what cannot be: they are refused, and it is they that are named."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import xarray as xr
from visits import tiny_visit

from hustle_widgets import Reduction, reduce
from hustle_widgets.engine.deltas import KeptFrames, Offset, Outcome, Patch, Table
from hustle_widgets.steps import FreeIteration, HSTFlags, ReadData, with_step
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Column
from hustle_widgets.steps.line_up import checked_line_up
from hustle_widgets.steps.parameters import Real
from hustle_widgets.testing import check_step

FRAMES, ROWS, COLUMNS = 4, 12, 20
NUMBERS = np.zeros(1, np.int64)


@pytest.fixture(scope="module")
def visit() -> xr.Dataset:
    return tiny_visit(FRAMES, (ROWS, COLUMNS))


def step(gives: Any = None, **changes: Any) -> type[Step]:
    """A step whose compute gives something, a function of the block, or raises it."""

    def compute(block):
        """Give it."""
        return gives(block) if callable(gives) else gives

    own = {"__doc__": "Be wrong.", "name": "mine", "title": "My step", "after": "hst_flags", "flag": 64}
    own |= {"compute": staticmethod(compute), **changes}
    return type("Mine", (Step,), own)


def patch(index: Any, value: Any = None, shape: Any = (1, ROWS, COLUMNS), counts: Any = None) -> Patch:
    return Patch(np.asarray(index), value, np.zeros((1, 1), np.int64) if counts is None else counts, shape)


def level(*shape: int) -> Offset:
    return Offset(np.zeros(shape, np.float32))


def some(block: Any) -> bool:
    return block.frames.start == 2


def every(number: Any, give: Any, other: Any) -> Any:
    """Give one thing for frame 2 and another for the others."""
    return lambda block: give if some(block) else other


GIVEN = {
    "an array": (np.zeros(3), "compute gave an array of shape \\(3,\\) for frame 0. It must give Patch"),
    "a dict": ({}, "gave a dict for frame 0"),
    "a text": ("flag", "gave a str for frame 0"),
    "a delta and more": ((Table(), None), "gave None among 2 things for frame 0"),
    "a level of two frames": (level(2), "level is an array of shape \\(2,\\).* \\(1,\\), one a frame, \\(1, 20\\)"),
    "a level of fewer columns": (level(1, 19), "shape \\(1, 19\\) for frame 0"),
    "a level of more rows": (level(1, 13, 1), "shape \\(1, 13, 1\\) for frame 0"),
    "a level of texts": (Offset(np.array(["a"])), "of <U1"),
    "a number": (Offset(5.0), "whose level is a float"),
    "a template of another shape": (Offset(np.zeros(1), np.zeros((COLUMNS, ROWS))), "template is an.*\\(20, 12\\)"),
    "a patch of the visit": (patch([0], shape=(4, ROWS, COLUMNS)), "Patch of shape \\(4, 12, 20\\).*\\(1, 12, 20\\)"),
    "a place outside": (patch([0, 240]), "whose index holds 240.*0 to 239"),
    "a place before": (patch([-1, 3]), "whose index holds -1"),
    "places out of order": (patch([3, 1]), "whose index is not in order"),
    "a place twice": (patch([3, 3]), "whose index is not in order"),
    "places between": (patch([0.5]), "whose index is an array"),
    "values of other places": (patch([0, 1], np.zeros(1)), "whose value is an array.*for each of its 2 pixels"),
    "counts of other frames": (patch([0], counts=np.zeros((1, 4), int)), "counts are an array.*\\(iterations, 1\\)"),
    "a column of another length": (Table({"a": np.zeros(3)}), "column 'a' has the shape \\(3,\\).*each of 1 frame"),
    "a number as a column": (Table({"a": 3}), "column 'a' has the shape \\(\\)"),
    "objects": (Table({"a": np.array([None])}), "column 'a' is of object"),
    "a note that is no tuple": (Table(notes=("One remark")), "notes are a str.*with a comma"),
    "notes of numbers": (Table(notes=(3,)), "notes are a tuple"),
    "facts that are no dict": (Table(facts=[1]), "facts are a list"),
    "columns without a name": (Table({0: np.zeros(1)}), "columns are a dict"),
    "two offsets": ((level(1), level(1)), "gave 2 Offsets for frame 0. One is taken"),
    "an offset between": ((patch([0]), level(1), patch([1])), "an Offset between two Patches"),
    "some replaced": ((patch([0]), patch([1], np.zeros(1, np.float32))), "one that does not.*a step of each"),
    "a column twice": ((Table({"a": NUMBERS}), Table({"a": NUMBERS})), "the column 'a' in two Tables"),
    "frames of a frame": (KeptFrames(np.arange(3)), "KeptFrames for frame 0.*by = 'visit'"),
    "one offset in four": (every(2, level(1), None), "an Offset for some blocks and none for others"),
    "unlike levels": (every(2, level(1), level(1, COLUMNS)), "levels of shape"),
    "unlike templates": (
        every(2, Offset(np.zeros(1), np.ones((ROWS, COLUMNS))), Offset(np.zeros(1), np.zeros((ROWS, COLUMNS)))),
        "unlike templates",
    ),
    "a column at times": (every(2, Table({"a": NUMBERS}), Table()), "the column 'a' for some blocks and not"),
    "a column of kinds": (every(2, Table({"a": np.array(["x"])}), Table({"a": NUMBERS})), "the column 'a' as"),
    "some blocks replaced": (
        every(2, patch([0]), patch([0], np.zeros(1, np.float32))), "a Patch with values for some blocks",
    ),
    "an order at times": (
        every(2, (patch([0]), level(1)), (level(1), patch([0]))), "a Patch before an Offset for some blocks",
    ),
    "a variable of the visit": (Table({"orbit_numbers": NUMBERS}), "column 'orbit_numbers'.*has a variable"),
    "a variable of the result": (Table({"badpix_mask": NUMBERS}), "column 'badpix_mask'.*has a variable"),
    "an axis not declared": (Table({"a": np.zeros((1, 3))}), "'a' with the shape \\(4, 3\\).*axes \\(frames\\)"),
    "an attribute of the result": (Table(facts={"chip": 7}), "fact 'chip'.*attribute of that name"),
    "variables that are none": (Table(facts={"variables": 3}), "fact 'variables'"),
}  # fmt: skip


@pytest.mark.parametrize(("gives", "message"), GIVEN.values(), ids=GIVEN)
def test_what_cannot_be_is_refused_and_its_step_named(visit, gives, message):
    with pytest.raises(ValueError, match=rf"mine: My step \(Mine\).*{message}"):
        reduce(visit, steps=[ReadData, step(gives), FreeIteration])


FUNCTIONS = {
    "nothing prepared": ({"prepare": lambda state: None}, None, "prepare gave None. It must return a dict"),
    "a dead slider": (
        {"prepare": lambda state: {"level": 3}, "level": Real(1, "A level that is used.")}, lambda block, level: None,
        "prepare gave the keyword 'level'. That is a parameter",
    ),
    "the engine's word": ({"prepare": lambda state: {"pause": 3}}, None, "prepare gave the keyword 'pause'"),
    "a word that nobody gives": ({}, lambda block, *, levle: None, "compute names 'levle', which is no parameter"),
    "a word of prepare": ({"prepare": lambda state, *, x: {}}, None, "prepare names 'x'"),
    "a word of finish": ({"finish": lambda outcome, state, x: outcome}, None, "finish names 'x'"),
    "no outcome": ({"finish": lambda outcome, state: None}, None, "finish gave None. It must return an Outcome"),
    "finish is checked too": (
        {"finish": lambda outcome, state: Outcome((level(3),))}, None, "finish gave an Offset whose level.*\\(4,\\)",
    ),
    "an offset by rows": ({"by": "rows"}, lambda block: level(4), "an Offset for rows 0 to 11.*by = 'frames'"),
    "a column by rows": ({"by": "rows"}, lambda block: Table({"a": np.zeros(4)}), "the column 'a' for rows 0 to 11"),
    "its halo": (
        {"by": "rows", "halo": 3}, lambda block: Patch.where(np.zeros((4, ROWS + 3, COLUMNS), bool), None),
        "Patch of shape \\(4, 15, 20\\) for rows",
    ),
    "no frame": ({"by": "visit"}, lambda block: KeptFrames(np.arange(0)), "KeptFrames that are not so"),
    "frames that are not there": ({"by": "visit"}, lambda block: KeptFrames(np.array([1, 9])), "numbers of 4 frames"),
    "no flag": ({"flag": 0}, lambda block: patch([0]), "declares no `flag` and gives a Patch"),
    "no change": ({"alters": False}, lambda block: level(1), "gave an Offset.*It declares alters = False, and alters"),
    "a mistake": ({}, lambda block: block.nothing, "compute failed in line \\d+ of .*test_wrong_steps.py: Attr"),
    "a missing key": ({}, lambda block: {}["x"], "compute failed in line \\d+ of .*: KeyError: 'x'"),
    "a mask of a plane": ({}, lambda block: Patch.where(block.images[0] > 0, None), "The mask of a patch must hold"),
    "a level of rows": ({}, lambda block: Offset.of_rows(np.zeros(ROWS)), "The level of each row has the shape"),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "compute", "message"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_that_do_not_fit_are_refused(visit, changes, compute, message):
    own = {key: staticmethod(value) if callable(value) else value for key, value in changes.items()}
    own |= {} if compute is None else {"compute": staticmethod(compute)}
    with pytest.raises(ValueError, match=f"^mine: .*{message}"):
        reduce(visit, steps=[ReadData, step(**own), FreeIteration])


# --- several deltas of a kind ---------------------------------------------------------------------------


def first_then(block: Any) -> tuple[Any, ...]:
    """Two patches that share a pixel, and two tables."""
    masks = np.zeros((2, *block.images.shape), bool)
    masks[0, 0, 3, [4, 5]] = masks[1, 0, 3, [5, 6]] = True
    first = Patch.where(masks[0], np.array([40, 50]))
    then = Patch.where(masks[1], np.array([500, 600]))
    number = np.array([block.frames.start])
    return (
        first,
        Table({"one": number}, {"fact_1": np.float32(1.5)}, ("First.",)),
        then,
        Table({"two": 2 * number}, {"fact_2": "b"}, ("Then.", "First.")),
    )


def test_several_patches_and_tables_count_in_all_that_is_told(visit, tmp_path):
    kind = step(first_then, records={"one": Column("1", "first number"), "two": Column("1", "second number")})
    reduction = Reduction(visit, steps=[ReadData, kind], toplevel_dir=str(tmp_path))
    clean = reduction.run()
    np.testing.assert_array_equal(clean["images"][2, 3, 4:7], [40, 500, 600])
    np.testing.assert_array_equal(clean["data_quality"][2, 3, 3:8], [0, 64, 64, 64, 0])
    assert int((clean["data_quality"] > 0).sum()) == 3 * FRAMES and not clean["badpix_mask"].any()
    np.testing.assert_array_equal(clean["one"], [0, 1, 2, 3])
    np.testing.assert_array_equal(clean["two"], [0, 2, 4, 6])
    assert clean.attrs["fact_1"] == 1.5 and clean.attrs["fact_2"] == "b"
    assert reduction["mine"].notes == "First.\nThen."
    outcome = reduction.outcomes()["mine"]
    np.testing.assert_array_equal(outcome.patch.counts, [[2] * FRAMES, [1] * FRAMES])
    assert [type(delta) for delta in outcome.deltas] == [Patch, Table]
    assert reduction.state().frame(2)[3, 5] == 500


def test_patches_without_values_join_and_blocks_may_find_nothing(visit):
    def flags(block):
        if block.frames.start == 1:
            return None
        mask = np.zeros((2, *block.images.shape), bool)
        mask[0, 0, 0, 0] = mask[1, 0, 0, 1] = True
        return Patch.where(mask[0], None), Patch.where(mask[1], None)

    clean = reduce(visit, steps=[ReadData, step(flags)])
    np.testing.assert_array_equal(clean["badpix_mask"].sum(("x", "y")), [2, 0, 2, 2])
    np.testing.assert_array_equal(clean["images"], visit["images"])


def test_what_is_taken_off_behind_or_before_a_patch_keeps_its_order_when_frames_are_odd(visit):
    """The note on a frame of which a step changes too much leaves the deltas in their order."""
    for first in (Patch, Offset):

        def both(block, first=first):
            mask = np.zeros(block.images.shape, bool)
            mask[0, : 9 if some(block) else 0] = True
            found = [Patch.where(mask, np.full(mask.sum(), 7.0)), Offset(np.array([100.0], np.float32))]
            return found if first is Patch else found[::-1]

        reduction = Reduction(visit, steps=[ReadData, step(both)])
        reduction.compute()
        assert reduction.wait(60) and "of its pixels" in reduction["mine"].notes
        assert reduction.state().frame(2)[0, 0] == (-93 if first is Patch else 7)


# --- what ends programs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()], ids=repr)
@pytest.mark.parametrize("where", ["compute", "prepare", "finish", "memo"])
def test_a_step_that_would_end_the_program_has_failed(visit, error, where):
    def ends(*values, **keywords):
        raise error

    changes = {} if where == "compute" else {where: staticmethod(ends)}
    reduction = Reduction(
        visit, steps=[ReadData, step(ends if where == "compute" else None, **changes), HSTFlags]
    )
    reduction.compute()
    assert reduction.wait(20)
    mine = reduction["mine"]
    assert mine.status == "failed" and f"My step (Mine): {where} raised {type(error).__name__}" in mine.error
    assert "Let it raise ValueError" in mine.error
    if where == "compute":
        with pytest.raises(ValueError, match="compute raised"):
            reduction.run()
    mine.enabled = True
    reduction.compute()
    assert reduction.wait(20) and not reduction.busy


def test_a_job_that_ends_threads_does_not_hold_up_the_next(visit, monkeypatch):
    told = []
    monkeypatch.setattr("threading.excepthook", lambda given: told.append(given.exc_value))
    reduction = Reduction(visit, steps=[ReadData])
    reduction.watch(lambda event, name: sys.exit(2) if event == "idle" else None)
    for _ in range(2):
        reduction.compute()
        assert reduction.wait(20)
    assert len(told) == 2 and all("SystemExit(2)" in str(error) for error in told)


# --- classes --------------------------------------------------------------------------------------------


CLASSES = {
    "status": ({"status": Real(1, "A parameter.")}, "has the parameter 'status', a name that every step has"),
    "layout": ({"layout": Real(1, "A parameter.")}, "has the parameter 'layout'"),
    "pause": ({"pause": Real(1, "A parameter.")}, "has the parameter 'pause'"),
    "private": ({"_mine": Real(1, "A parameter.")}, "has the parameter '_mine'"),
    "needs": ({"needs": "free_iter"}, "`needs` of Mine must be a tuple of texts.*Got 'free_iter'"),
    "borrows": ({"borrows": "led.led_threshold"}, "`borrows` of Mine must be a tuple"),
    "by": ({"by": "row"}, "`by` of Mine must be one of rows, frames, visit. Got 'row'"),
    "halo": ({"halo": -1}, "`halo` of Mine must be a whole number"),
    "flag": ({"flag": "64"}, "`flag` of Mine must be a whole number"),
    "records": ({"records": {"a": ("e-", "text")}}, "'a' in the `records` of Mine must be Column"),
    "axes": ({"records": {"a": Column("e-", "text", "xy")}}, "'a' in the `records` of Mine must be Column"),
    "a reserved column": ({"records": {"images": Column("e-", "text")}}, "records the column 'images'"),
    "a reserved axis": ({"records": {"a": Column("e-", "b", ("index",))}}, "has the axis 'index'"),
    "its own axis": ({"records": {"a": Column("e-", "b", ("a",))}}, "has the axis 'a'"),
    "self": ({"compute": lambda self, block: None}, "compute of Mine takes 'self': write @staticmethod"),
}


@pytest.mark.parametrize(("changes", "message"), CLASSES.values(), ids=CLASSES)
def test_a_class_that_cannot_be_is_refused_when_it_is_made(changes, message):
    with pytest.raises(TypeError, match=message):
        step(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"needs": ("free_itre",)}, "needs 'free_itre', and there is no step of that name. Did you mean 'free_iter'"),
        ({"needs": ("free_iter",)}, "Mine needs 'free_iter', which does not stand before it"),
        ({"needs": ("mine",)}, "Mine needs 'mine', which does not stand before it"),
        ({"records": {"sky_scale": Column("1", "A scale")}}, "records the column 'sky_scale', which Mine has already"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_chain_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        checked_line_up(with_step(step(**changes)))


def test_axes_of_one_name_and_of_two_lengths_are_refused(visit):
    kinds = [
        step(
            Table({name: np.zeros((1, size))}),
            name=name,
            flag=0,
            records={name: Column("1", "A row.", ("along",))},
        )
        for name, size in (("one", 3), ("two", 5))
    ]
    with pytest.raises(
        ValueError, match="^two: the axis 'along' of its column 'two' has 5 entries, that of 'one' 3"
    ):
        reduce(visit, steps=[ReadData, *kinds])


def test_a_short_chain_may_lack_what_a_step_would_read():
    checked_line_up([step(needs=("free_iter", "*"))])


@pytest.mark.parametrize(
    "gives", [level(2), (level(1), level(1)), np.zeros(3)], ids=["length", "two", "array"]
)
def test_the_checks_tell_what_is_given(visit, gives):
    with pytest.raises(AssertionError, match="Mine cannot compute: My step"):
        check_step(step(gives, flag=0), visit)
