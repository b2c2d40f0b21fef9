"""What a step declares, what is derived when it does not, and which declarations are refused."""

from __future__ import annotations

import numpy as np
import pytest
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.engine.deltas import Offset, Outcome, Patch, Table
from hustle_widgets.steps import Quicklook
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import loaded
from hustle_widgets.steps.parameters import Real, Switch
from hustle_widgets.steps.quicklook import subtracted_sky


def test_a_parameter_that_nothing_names_is_refused():
    with pytest.raises(TypeError, match="Forgetful has the parameter 'sigma', which its compute, prepare"):

        class Forgetful(Step):
            """Forget a parameter."""

            sigma = Real(3, "A threshold that is not used.", unit="sigma")

            @staticmethod
            def compute(block):
                return Table()


def test_a_parameter_for_display_is_refused_if_it_is_computed_with():
    with pytest.raises(TypeError, match="declares its parameter 'shown' for display only, but"):

        class Undecided(Step):
            """Compute with what is only shown."""

            shown = Switch(True, "Whether something is shown.", display=True)

            @staticmethod
            def compute(block, *, shown):
                return Table()


def test_a_borrowed_parameter_that_nothing_names_is_refused():
    with pytest.raises(TypeError, match="Greedy borrows 'location'"):

        class Greedy(Step):
            """Borrow for nothing."""

            borrows = ("zeroth_tracking.location",)

            @staticmethod
            def compute(block):
                return Table()


def test_a_parameter_may_be_named_by_any_function_of_the_step_or_be_for_display():
    class Fine(Step):
        """Use all."""

        first = Real(1, "Used by prepare.")
        second = Real(2, "Used by finish.")
        third = Switch(True, "Only shown.", display=True)

        @staticmethod
        def prepare(state, *, first):
            return {"made": first}

        @staticmethod
        def compute(block, *, made):
            return Table()

        @staticmethod
        def finish(outcome, state, *, second):
            return outcome

    step = Fine(third=False)
    assert step.setting(step.values()).parameters == {"first": 1.0, "second": 2.0}
    assert step.setting(step.values()).display == {"third": False}

    class Heir(Fine):
        """Take what the base declares."""

    assert list(Heir.parameters) == ["first", "second", "third"]


def test_what_is_not_declared_is_derived():
    class Plain(Step):
        """Do as little as can be. The rest is derived."""

        name, title, section, switch = "plain", "Little", "9", "do_plain"

        @staticmethod
        def compute(block):
            return Table()

    assert (Plain.doing, Plain.done, Plain.figure) == ("Little...", "Little complete.", "plain")
    assert Plain.heading == ("Step 9: Little",) and Plain.switch_help.startswith("Do as little")
    assert Plain.words(Outcome(), {}) == [] and not Plain.sky


def test_what_is_only_shown_is_not_computed_again_but_files_are_written_again():
    reduction = Reduction(tiny_visit())
    before = {task.node.name: task.token for task in reduction._chain.plan(reduction.request())}
    reduction.quicklook.include_hst_dq = False
    after = {task.node.name: task.token for task in reduction._chain.plan(reduction.request())}
    assert [name for name in before if before[name] != after[name]] == ["save"]
    assert Quicklook.parameters["include_hst_dq"].display


def test_only_light_of_the_sky_adds_photons():
    state = Reduction(tiny_visit(), do_uniform=False, do_column=False, do_Pagul=False).state()
    level = np.full(8, 100, np.float32)
    bias, sky = Outcome((Offset(level),)), Outcome((Offset(level),)).of_sky(True)
    for outcomes, expected in (({"bias": bias}, 0), ({"sky": sky}, 100), ({"bias": bias, "sky": sky}, 100)):
        state.outcomes.clear()
        state.outcomes.update(outcomes)
        np.testing.assert_array_equal(subtracted_sky(state), np.full(8, expected))


def test_words_follow_from_the_deltas():
    class Drift(Step):
        """Take something off."""

        name, title, flag = "drift", "A drift", 64

        @staticmethod
        def compute(block):
            return Table()

    mask = np.zeros((2, 3, 4), bool)
    mask[0, 1, 2] = True
    outcome = Outcome((Patch.where(mask, np.zeros(1)), Offset.of_rows(np.full((2, 3), 5))))
    assert Drift.words(outcome, {}) == [
        (2, "Bad pixels removed on iteration 0: 1"),
        (1, "A drift complete. Total pixels corrected: 1 out of 24"),
        (1, "A drift removed (drift): median 5.00 e- a pixel."),
    ]


def test_a_place_is_imported_when_it_is_asked_for():
    assert loaded("hustle_widgets.steps.quicklook:Quicklook") is Quicklook
    assert loaded(Quicklook) is Quicklook
    for wrong in ("hustle_widgets.steps.quicklook:Nothing", "no_such_module:Nothing", "nothing"):
        with pytest.raises(ImportError, match=f"There is no '{wrong}': name it as 'package.module:name'"):
            loaded(wrong)
