"""Steps that are off, ways to the same, and the end of a step that is shown by itself."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.view.page.alternatives import Alternatives
from hustle_widgets.view.page.other_state import CLASSES
from hustle_widgets.view.page.reduction_view import ReductionView
from hustle_widgets.view.page.step_view import StepView

FITTED = {"smth_bounds": None, "bounds": None, "mask_trace": False, "rows": [0, 1, 2]}


@pytest.fixture
def shown(tmp_path: Path) -> Any:
    made = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    made._page = ReductionView(made)
    made.auto = True
    made.compute()
    assert made.wait(60)
    yield made
    made.close()


def worn(widget: Any) -> set[str]:
    """Return what says that a plot is of another state."""
    return set(widget._dom_classes) & set(CLASSES.values())


def test_one_press_leaves_one_of_the_ways_to_the_same_on_and_is_one_act_of_undo(shown: Any):
    view = shown._page
    (row,) = Alternatives(shown, shown.column, view.together).widgets
    told, only = row.children
    assert "5a, 5b and 5c" in told.value and only.description == "Only 5b"
    before = [shown[name].enabled for name in ("uniform", "column", "pagul")]
    only.click()
    assert [shown[name].enabled for name in ("uniform", "column", "pagul")] == [False, True, False]
    view.undo()
    assert [shown[name].enabled for name in ("uniform", "column", "pagul")] == before
    assert Alternatives(shown, shown.led, view.together).widgets == ()


def test_plots_of_a_step_that_is_off_or_of_other_parameters_say_so(shown: Any):
    view = shown._page
    view.open_step("free_iter")
    assert not worn(view.plots) and not worn(view.curve.widget)
    shown.free_iter.enabled = False
    assert shown.wait(60)
    assert worn(view.plots) == {"hustle-of-off"} and not worn(view.curve.widget)
    assert re.search("all steps that are on are computed; off: .*3b", view.bar._said.value)
    view.open_step("led")
    assert not worn(view.plots)
    shown.auto = False
    shown.led.led_threshold = 4.0  # nothing is computed: the plots, and the light curve, stay those of before
    assert worn(view.plots) == worn(view.curve.widget) == {"hustle-of-stale"}
    shown.compute()
    assert shown.wait(60)
    assert not worn(view.plots) and not worn(view.curve.widget)


def test_a_step_shown_by_itself_stops_playing_when_its_reduction_is_closed(shown: Any):
    panel = shown.free_iter._page = StepView(shown.free_iter, shown)
    panel.turning.toggle()
    assert panel.turning.player.playing
    deadline = time.monotonic() + 20
    while panel.selection.frame == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert panel.selection.frame > 0
    shown.close()
    assert not panel.turning.player.playing
    assert panel.frames.image.frame is None  # what it has shown is let go
