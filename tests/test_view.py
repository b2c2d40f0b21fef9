"""The page of a Reduction, without a browser: pages, edits, undo, points of the chain, config, verdicts, memory."""

from __future__ import annotations

import contextlib
import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import pytest
from traitlets import TraitError
from visits import everything, small_folder, tiny_visit

from hustle_widgets import Reduction, load_visit, status_listener
from hustle_widgets.steps import FreeIteration, UniformBackground
from hustle_widgets.steps.parameters import Real, Whole
from hustle_widgets.undo import History
from hustle_widgets.view.entry import panel_of
from hustle_widgets.view.page import reduction_view
from hustle_widgets.view.page.controls import Control
from hustle_widgets.view.page.navigation import SETUP
from hustle_widgets.view.page.reduction_view import ReductionView

__all__ = ["small_folder"]  # a fixture
FITTED = {"smth_bounds": None, "bounds": None, "mask_trace": False, "rows": [0, 1, 2]}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def shown(tmp_path):
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    view = ReductionView(reduction)
    reduction._page = view
    yield reduction, view
    reduction.close()


@pytest.fixture
def computed(small_folder):
    """A simulated visit whose steps are all computed, on display."""
    reduction = Reduction(load_visit(small_folder), **everything(small_folder))
    view = reduction._page = ReductionView(reduction)
    compute(reduction)
    yield reduction, view
    reduction.close()


def compute(reduction: Any) -> None:
    reduction.compute()
    assert reduction.wait(60)


def all_text(*roots: Any) -> str:
    """What HTML widgets and buttons under these say."""
    found = []
    for root in roots:
        if isinstance(root, (ipywidgets.HTML, ipywidgets.Button)):
            found.append(root.value if isinstance(root, ipywidgets.HTML) else root.description)
        found += [all_text(child) for child in getattr(root, "children", ())]
    return "\n".join(found)


def find(root: Any, kind: type, **traits: Any) -> Any:
    """The only widget of a kind with these traits under a root."""
    found, todo = [], [root]
    while todo:
        widget = todo.pop()
        if isinstance(widget, kind) and all(getattr(widget, k) == v for k, v in traits.items()):
            found.append(widget)
        todo += getattr(widget, "children", ())
    assert len(found) == 1, f"{len(found)} of {kind.__name__} with {traits}"
    return found[0]


# --- history ----------------------------------------------------------------------------------------


def test_a_drag_is_one_act_and_a_pause_begins_another():
    clock = Clock()
    history = History(clock=clock)
    assert history.record("led", "led_n", 2, 3)
    for value in (4, 5, 6):
        clock.now += 0.5
        assert not history.record("led", "led_n", value - 1, value)
    clock.now += 5
    assert history.record("led", "led_n", 6, 7)
    assert [(e.old, e.new) for e in history.undo()] == [(7, 6)]
    assert [(e.old, e.new) for e in history.undo()] == [(6, 2)]
    assert not history.can_undo and history.undo() == []
    assert [(e.old, e.new) for e in history.redo()] == [(2, 6)]


def test_a_drag_back_to_its_start_leaves_nothing():
    history = History(clock=Clock())
    history.record("led", "led_n", 2, 3)
    history.record("led", "led_n", 3, 2)
    assert not history.can_undo


def test_adding_to_a_list_and_moving_an_item_are_two_acts():
    history = History(clock=Clock())
    history.record("bkg_stars", "bkg_stars_loc", ((1, 1),), ((1, 1), (5, 5)))
    history.record("bkg_stars", "bkg_stars_loc", ((1, 1), (5, 5)), ((1, 1), (6, 5)))
    history.record("bkg_stars", "bkg_stars_loc", ((1, 1), (6, 5)), ((1, 1), (7, 5)))
    assert history.undo()[0].new == ((1, 1), (5, 5))
    assert history.undo()[0].new == ((1, 1),)


def test_an_edit_after_undo_forgets_what_was_undone():
    history = History(clock=Clock())
    history.record("a", "x", 1, 2)
    history.undo()
    history.record("a", "x", 1, 5)
    assert not history.can_redo and history.undo()[0].new == 1


def test_together_is_one_act_with_one_change_a_parameter():
    history = History(clock=Clock())
    with history.together():
        history.record("a", "x", 1, 2)
        history.record("b", "y", 1, 2)
        history.record("a", "x", 2, 3)
        history.record("b", "y", 2, 1)
    assert [(e.step, e.old, e.new) for e in history.undo()] == [("a", 3, 1)]
    assert not history.can_undo


def test_only_so_many_acts_are_kept():
    history = History(limit=3, clock=Clock())
    for number in range(5):
        history.record(f"step{number}", "x", 0, 1)
    assert [history.undo()[0].step for _ in range(3)] == ["step4", "step3", "step2"]
    assert not history.can_undo


# --- values that leave nothing to draw ---------------------------------------------------------------


def test_what_extreme_values_leave_nothing_of_is_said_by_the_step_and_breaks_no_plot(shown):
    reduction, view = shown
    reduction.auto = False
    reduction.column.rows = [0, 1]  # of two pixels a narrow limit leaves none
    tried = 0
    for step in reduction.steps.values():
        view.open_step(step.name)
        numbers = [name for name, kind in step.parameters.items() if isinstance(kind, (Real, Whole))]
        for name in numbers:
            for value in (0.001, 10**6):
                with contextlib.suppress(TraitError):
                    setattr(step, name, value)  # which previews it
                    view.selection.frame = tried % 2  # which draws it
                    assert not view.trouble.widget.value, (name, value)
                    tried += 1
            step.reset(name)
    assert tried > 20


# --- edits ------------------------------------------------------------------------------------------


def test_undo_and_redo_set_the_parameter_and_the_control(shown):
    reduction, view = shown
    view.history._clock = clock = Clock()
    slider = find(view.panels["free_iter"], ipywidgets.FloatSlider)
    slider.value = 2.5
    slider.value = 2.0
    clock.now += 10
    reduction.free_iter.enabled = False
    assert view.bar._undo.tooltip == "Undo: free_iter.enabled to True"
    view.bar._undo.click()
    assert reduction.free_iter.enabled and slider.value == 2.0
    view.bar._undo.click()
    assert reduction.free_iter.free_sigma == slider.value == 3.5 and view.bar._undo.disabled
    view.bar._redo.click()
    assert reduction.free_iter.free_sigma == slider.value == 2.0


def test_undo_opens_the_step_it_changes(shown):
    reduction, view = shown
    reduction.led.led_threshold = 3
    assert view.selection.step == "free_iter"
    view.undo()
    assert view.selection.step == "led" and reduction.led.led_threshold == 10


def test_a_step_that_was_opened_while_an_undo_computes_stays_open(shown):
    """Buttons may come in several threads: JupyterLab sends them to subshells of the kernel."""
    reduction, view = shown
    reduction.free_iter.free_sigma = 2.5

    def open_another(event: str, name: str) -> None:
        if event == "stale":
            elsewhere = threading.Thread(target=view.navigation._open_page, args=["uniform"])
            elsewhere.start()
            elsewhere.join(10)

    reduction.watch(open_another)
    view.undo()
    assert reduction.free_iter.free_sigma == 3.5 and view.selection.step == "uniform"
    view.redo()
    assert reduction.free_iter.free_sigma == 2.5 and view.selection.step == "uniform"
    reduction.unwatch(open_another)


def test_an_edit_in_another_thread_during_an_undo_is_an_act_of_its_own(shown):
    reduction, view = shown
    reduction.free_iter.free_sigma = 2.5

    def edit(event: str, name: str) -> None:
        if event == "stale" and name == "free_iter":
            elsewhere = threading.Thread(target=reduction.set, kwargs={"led_threshold": 4.0})
            elsewhere.start()
            elsewhere.join(10)

    reduction.watch(edit)
    view.undo()
    reduction.unwatch(edit)
    assert reduction.free_iter.free_sigma == 3.5 and reduction.led.led_threshold == 4.0
    view.undo()
    assert reduction.led.led_threshold == 10 and reduction.free_iter.free_sigma == 3.5


def test_resetting_a_step_is_one_act(shown):
    reduction, view = shown
    view.open_step("led")
    reduction.set(led_threshold=4, led_n=None, fine_structure=False)
    tip = "Reset this step: the tutorial's values of all its parameters"
    find(view.panels["led"], ipywidgets.Button, tooltip=tip).click()
    assert reduction.led.values() == {n: p.tutorial for n, p in reduction.led.parameters.items()}
    view.undo()
    assert (reduction.led.led_threshold, reduction.led.led_n, reduction.led.fine_structure) == (
        4,
        None,
        False,
    )


def test_the_run_s_own_parameters_can_be_undone(shown):
    reduction, view = shown
    reduction.output_run = "other"
    view.undo()
    assert reduction.output_run == "run_1"


def test_a_change_of_many_parameters_is_refused_as_a_whole_and_leaves_no_act(shown):
    reduction, view = shown
    with pytest.raises(ValueError, match="led_threshold"):
        reduction.set(free_sigma=5.0, led_threshold=-1)
    assert reduction.free_iter.free_sigma == 3.5 and not view.history.can_undo


# --- config -----------------------------------------------------------------------------------------


def config_panel(view: ReductionView) -> tuple[Any, Any, Any, Any]:
    view.open_step(SETUP)
    panel = view.panels[SETUP]
    path = find(panel, ipywidgets.Text, description="Config file")
    return (
        path,
        find(panel, ipywidgets.Button, description="Save config"),
        find(panel, ipywidgets.Button, description="Open config"),
        panel,
    )


def test_a_config_is_saved_and_opened_and_the_opening_undone(shown, tmp_path):
    reduction, view = shown
    path, save, open_, panel = config_panel(view)
    reduction.set(free_sigma=4.25, do_led=False, hst_flags=[16])
    path.value = str(tmp_path / "mine.hustle")
    save.click()
    assert "free_sigma 4.25" in (tmp_path / "mine.hustle").read_text()
    assert "Saved" in all_text(panel)
    reduction.set(free_sigma=9.0, do_led=True, hst_flags=[16, 4096])
    open_.click()
    assert (reduction.free_iter.free_sigma, reduction.led.enabled, reduction.hst_flags.hst_flags) == (
        4.25,
        False,
        (16,),
    )
    assert "3 changed" in all_text(panel)
    view.undo()
    assert (reduction.free_iter.free_sigma, reduction.led.enabled) == (9.0, True)


def test_a_bad_config_changes_nothing_and_says_where(shown, tmp_path):
    reduction, view = shown
    path, _, open_, panel = config_panel(view)
    (tmp_path / "bad.hustle").write_text("led_threshold 5 # fine\nfree_sigma -3 # not\n# ENDPARSE\n")
    before = reduction.values()
    path.value = str(tmp_path / "bad.hustle")
    open_.click()
    assert reduction.values() == before
    assert (
        "free_sigma" in all_text(panel) and "line 2" in all_text(panel) and 'role="alert"' in all_text(panel)
    )
    path.value = str(tmp_path / "none.hustle")
    open_.click()
    assert "none.hustle" in all_text(panel)
    path.value = ""
    open_.click()
    assert "Give the path" in all_text(panel)


def test_a_config_of_another_visit_leaves_the_folder_of_this_one(shown, tmp_path):
    reduction, view = shown
    path, _, open_, panel = config_panel(view)
    (tmp_path / "else.hustle").write_text(
        'toplevel_dir "/somewhere/else" # there\nfree_sigma 8.0 # high\n# ENDPARSE\n'
    )
    path.value = str(tmp_path / "else.hustle")
    open_.click()
    assert reduction.toplevel_dir == str(tmp_path) and reduction.free_iter.free_sigma == 8
    assert "stays that of this visit" in all_text(panel)


# --- what is shown ----------------------------------------------------------------------------------


def test_the_difference_of_two_points_is_what_the_steps_between_did(shown):
    reduction, view = shown
    reduction.run()
    selection, frames = view.selection, view.frames
    selection.frame = 3
    selection.shown, selection.minus = "read_data", "led"
    expected = reduction.visit["images"].values[3] - reduction.state(before="smooth").frame(3)
    np.testing.assert_array_equal(frames.image._frame, expected)
    assert np.count_nonzero(expected) > 0
    assert "as read" not in view.image.heading.value and "minus after 4a" in view.image.heading.value
    selection.shown, selection.minus = "after", ""
    np.testing.assert_array_equal(frames.image._frame, reduction.state(before="led").frame(3))
    selection.shown = "before"
    np.testing.assert_array_equal(frames.image._frame, reduction.state(before="free_iter").frame(3))


def test_every_point_of_the_chain_can_be_shown_before_and_after_it_is_computed(shown):
    reduction, view = shown
    points = [value for _, value in view.frames._shown.options]
    for _ in range(2):
        for point in points:
            view.selection.shown = point
            assert np.isfinite(view.frames.image._frame).all()
            assert not view.trouble.widget.value
        reduction.run()
    np.testing.assert_array_equal(view.frames.image._frame, reduction.state(before="location").frame(0))


def test_a_picture_is_sent_again_only_when_a_step_before_it_has_changed_it(shown, monkeypatch):
    reduction, view = shown
    compute(reduction)
    drawn = []
    draw = view.frames.draw
    monkeypatch.setattr(view.frames, "draw", lambda preview=None: (drawn.append(preview), draw(preview)))
    reduction.uniform.hist_bins += 100
    compute(reduction)
    assert drawn == []
    view.selection.shown = "uniform"
    assert len(drawn) == 1
    reduction.uniform.hist_bins += 100
    compute(reduction)
    assert len(drawn) == 2
    np.testing.assert_array_equal(view.frames.image._frame, reduction.state(before="column").frame(0))
    reduction.free_iter.free_sigma = 4.2
    compute(reduction)
    np.testing.assert_array_equal(view.frames.image._frame, reduction.state(before="column").frame(0))


def test_flagged_pixels_are_walked_through_from_the_one_changed_most(shown):
    reduction, view = shown
    compute(reduction)
    view.open_step("hst_flags")
    patch = reduction.outcomes()["hst_flags"].patch
    rows, columns = patch.frame_pixels(0)
    before, after = (reduction.state(before=name).frame(0) for name in ("hst_flags", "fixed_iter"))
    order = np.argsort(-np.abs(after - before)[rows, columns], kind="stable")
    pixels = list(zip(rows[order].tolist(), columns[order].tolist(), strict=True))
    assert len(pixels) > 3
    back, forward = view.frames._walk._buttons
    seen = []
    for button in (forward, forward, forward, back, back, back, forward):
        button.click()
        seen.append((view.selection.row, view.selection.column))
    assert seen == [*pixels[:3], pixels[1], pixels[0], pixels[-1], pixels[0]]

    view.image.zoom_to((0, 4, 0, 8))
    row, column = next(pixel for pixel in pixels if pixel[0] > 8 and pixel[1] > 16)
    view.selection.row, view.selection.column = pixels[pixels.index((row, column)) - 1]
    forward.click()
    row0, row1, column0, column1 = view.image.region
    assert row0 <= row < row1 and column0 <= column < column1 and view.image.zoomed
    view.open_step("uniform")
    assert back.disabled and forward.disabled


def test_the_read_out_names_steps_and_hst_bits(shown):
    reduction, view = shown
    reduction.run()
    state = reduction.state()
    patch = reduction.outcomes()["hst_flags"].patch
    frame, row, column = np.unravel_index(patch.index[len(patch) // 2], patch.shape)
    view.selection.frame = int(frame)
    text = view.frames._describe(int(column), int(row))
    assert "hst_flags" in text
    value = int(reduction.visit["hst_dq"].values[frame, row, column])
    assert ("16 hot" in text) == bool(value & 16) and ("4096 cosmic ray" in text) == bool(value & 4096)
    quiet = np.argwhere(reduction.visit["hst_dq"].values[frame] == 0)
    flags = np.zeros(state.shape, bool)
    for outcome in state.outcomes.values():
        if outcome.patch is not None:
            flags.reshape(-1)[outcome.patch.index] = True
    row, column = next((r, c) for r, c in quiet if not flags[frame, r, c])
    assert view.frames._describe(int(column), int(row)) == "not flagged; HST DQ 0"


def test_fewer_frames_shorten_the_slider(shown):
    reduction, view = shown
    view.selection.frame = 7
    reduction.read_data.skip_first_or = True
    compute(reduction)
    assert view.frames._frame.max == 3
    view.open_step("quicklook")
    assert "Frame 3" in view.image.heading.value and not view.trouble.widget.value


def test_every_page_opens_before_and_after_computing(computed):
    reduction, view = computed
    for name in (SETUP, *reduction.steps):
        view.open_step(name)
        assert (*view.panel.children, *view.plots.children) == view.panels[name].children
        assert not view.trouble.widget.value
        if name != SETUP:
            assert reduction[name].title in all_text(view.panels[name])
    view.selection.frame = 4
    assert not view.trouble.widget.value


def test_verdicts_are_worn_and_told(computed):
    reduction, view = computed
    text = view.assessment.details.value
    for title in (
        "Traces kept",
        "Pixels changed",
        "Background left",
        "Displacement",
        "Trackers agree",
        "Scatter",
    ):
        assert title in text
    assert "check" in view.navigation._signs["free_iter"].value  # it cannot find anything
    assert "stale" in view.navigation._signs["save"].value
    view.open_step("free_iter")
    assert "No pixel is flagged" in all_text(view.panels["free_iter"])  # of 6 frames none can reach 3.5 sigma
    reduction.free_iter.free_sigma = 1.5
    assert "hustle-old" in view.assessment.details._dom_classes
    assert "stale" in view.navigation._signs["free_iter"].value
    compute(reduction)
    assert "hustle-old" not in view.assessment.details._dom_classes
    assert "bad" in view.navigation._signs["free_iter"].value
    assert "Raise free_sigma" in all_text(view.panels["free_iter"])
    assert "Last edit" in view.assessment.details.value


def test_a_failure_is_told_and_cleared(shown):
    reduction, view = shown
    view.open_step("uniform")
    reduction.uniform.bounds = [[0, 900, 0, 20]]
    compute(reduction)
    assert "reaches outside the frame" in view.bar._said.value
    assert "reaches outside the frame" in all_text(view.panels["uniform"])
    assert "failed" in view.navigation._signs["uniform"].value
    reduction.uniform.bounds = [[0, 20, 0, 20]]
    compute(reduction)
    assert "all steps are computed" in view.bar._said.value
    assert "reaches outside" not in all_text(*view.children, *view.panels.values())


def test_an_error_of_the_view_is_shown_until_it_works_again(shown, monkeypatch, caplog):
    reduction, view = shown
    monkeypatch.setattr(type(view.frames), "draw", lambda *_: 1 / 0)
    view.selection.frame = 2
    assert "ZeroDivisionError" in view.trouble.widget.value and view.trouble.widget.layout.display == ""
    assert "ZeroDivisionError" in caplog.text
    monkeypatch.undo()
    view.selection.frame = 3
    assert view.trouble.widget.layout.display == "none"


def test_drawing_errors_do_not_stop_the_computation(shown, monkeypatch, caplog):
    reduction, view = shown
    monkeypatch.setattr(type(view.frames), "draw", lambda *_: 1 / 0)
    compute(reduction)
    assert reduction.quicklook.status in ("fresh", "off") and reduction.led.status == "fresh"
    assert "ZeroDivisionError" in view.trouble.widget.value


def test_status_and_progress_are_told_while_computing(shown, monkeypatch):
    for module in (status_listener, reduction_view):
        monkeypatch.setattr(module, "OFTEN", 0)  # so small a visit is computed before a second message
    reduction, view = shown
    said: list[str] = []
    view.bar._said.observe(lambda change: said.append(change["new"]), "value")
    compute(reduction)
    assert any("running" in text and "3b Free iteration" in text for text in said)
    assert any("100 %" in text for text in said)
    assert "all steps are computed" in said[-1] and view.bar._cancel.disabled


# --- stars and target -------------------------------------------------------------------------------


def test_stars_are_placed_moved_and_removed_on_the_frame(computed):
    reduction, view = computed
    view.open_step("bkg_stars")
    stars = reduction.bkg_stars
    first = stars.bkg_stars_loc
    view._clicked(300.26, 120.04)
    assert stars.bkg_stars_loc == (*first, (300.3, 120.0))
    points = view.image._named["stars"]
    assert points.points == list(stars.bkg_stars_loc)
    points.on_change([*first, (310.0, 121.0)])
    assert stars.bkg_stars_loc[-1] == (310.0, 121.0)
    points.on_click(len(first))
    assert stars.bkg_stars_loc == first
    stars.bkg_stars_loc = [[50, 60]]
    assert view.image._named["stars"].points == [(50.0, 60.0)]
    points.on_click(0)
    assert stars.bkg_stars_loc == stars.parameters["bkg_stars_loc"].tutorial
    assert view.image._named["stars"].points == []
    view.open_step("led")
    assert "stars" not in view.image._named
    view._clicked(33, 44)  # a pixel again, not a star
    assert (view.selection.column, view.selection.row) == (33, 44)
    assert not view.trouble.widget.value


def test_a_click_on_the_direct_image_sets_the_target(computed):
    reduction, view = computed
    view.open_step("location")
    live = view.lives["location"]
    column, row = reduction.zeroth_tracking.location
    live.direct._clicked(None, {"data": {"click_x": column + 3.04, "click_y": row - 2}})
    assert reduction.zeroth_tracking.location == (
        pytest.approx(column + 3, abs=0.06),
        pytest.approx(row - 2, abs=0.06),
    )
    assert live.direct._named["guess"].points == [reduction.zeroth_tracking.location]
    compute(reduction)
    facts = reduction.outcomes()["location"].table.facts
    assert live.direct._named["centroid"].points == [(facts["target_posx"], facts["target_posy"])]
    assert f"{facts['target_posx']:.2f}" in all_text(live.widget)
    reduction.location.enabled = False
    compute(reduction)
    assert live.direct._named["centroid"].points == [] and "do_location is off" in all_text(live.widget)


def test_all_trackers_are_drawn_together(computed):
    reduction, view = computed
    for name in ("zeroth_tracking", "bkg_stars"):
        view.open_step(name)
        tracks = view.lives[name].tracks()
        stars = len(reduction.bkg_stars.bkg_stars_loc)
        assert list(tracks) == ["0th order", *(f"star {n}" for n in range(stars)), "mean"]
        text = view.lives[name].moves[1].heading.value
        assert "0th order" in text and "star 0" in text
    windows, half = view.lives["bkg_stars"].followed()
    assert [w.name for w in windows] == ["star 0", "star 1"] and half == reduction.bkg_stars.bkg_window


def test_the_quicklook_draws_apertures_flags_and_curves(computed):
    reduction, view = computed
    reduction.quicklook.traces_included = ("+1", "-1")
    compute(reduction)
    view.open_step("quicklook")
    live = view.lives["quicklook"]
    for word in ("order +1", "order −1", "whole frame"):
        assert word in live.curves.heading.value
    layers = live.flags._marked.layers
    assert set(layers) == {"hst_dq", "hst_flags", "fixed_iter", "free_iter", "led", "smooth"}
    rows, columns, _, _ = layers["free_iter"]
    expected = reduction.outcomes()["free_iter"].patch.frame_pixels(0)
    np.testing.assert_array_equal((rows, columns), expected)
    assert "photons" in live.scatter.value
    before = view.image._named["aperture"].mark.y.copy()
    reduction.quicklook.aperture += 5  # the lines follow the slider, without a computation
    moved = view.image._named["aperture"].mark.y - before
    np.testing.assert_allclose(np.unique(np.round(moved[np.isfinite(moved)], 6)), [-5, 5])
    reduction.quicklook.include_hst_dq = False
    reduction.quicklook.enabled = False
    compute(reduction)
    assert not np.isfinite(view.image._named["aperture"].mark.y).any()
    reduction.quicklook.enabled = True
    compute(reduction)
    assert "hst_dq" not in live.flags._marked.layers
    view.open_step("led")
    assert "aperture" not in view.image._named


def test_frames_left_out_and_files_written_are_shown(shown, tmp_path):
    reduction, view = shown
    view.open_step("save")
    assert "Nothing is there yet" in all_text(view.panels["save"])
    reduction.read_data.skip_first_fm = True
    reduction.run()
    view.open_step("read_data")
    assert "6 of 8 frames in 2 orbits" in all_text(view.panels["read_data"])
    view.open_step("save")
    text = all_text(view.panels["save"])
    assert "clean_obs.nc" in text and "of the present parameters." in text and "Press" not in text


# --- steps by themselves, controls, memory ----------------------------------------------------------


def test_figures_take_the_place_of_the_panel_until_another_step_is_opened(computed):
    reduction, view = computed
    view.open_step("led")
    button = find(
        view.panels["led"], ipywidgets.Button, tooltip="The step's figures at full size, to zoom into"
    )
    button.click()
    first = view.figures.shown
    assert view.figures.widget.children == (first.widget,) and first._canvas is not None
    find(first.widget, ipywidgets.Button, icon="arrow-left").click()
    assert view.figures.widget.children == () and view.figures.shown is None and first._canvas is None
    button.click()
    assert view.figures.shown is not first
    view.open_step("uniform")
    assert view.figures.widget.children == () and view.figures.shown is None
    for name in ("read_data", "save"):
        view.open_step(name)
        with pytest.raises(AssertionError, match="0 of Button"):
            find(
                view.panels[name], ipywidgets.Button, tooltip="The step's figures at full size, to zoom into"
            )


def test_a_step_alone_shows_its_controls():
    step = FreeIteration(free_sigma=4.5)
    (panel,) = panel_of(step).children
    slider = find(panel, ipywidgets.FloatSlider)
    assert slider.value == 4.5
    slider.value = 5.0
    assert step.free_sigma == 5.0


def test_a_step_of_a_reduction_shows_frames_and_plots_and_computes(shown):
    reduction, _ = shown
    children = panel_of(reduction.led).children
    assert reduction.auto and reduction.wait(60)
    assert reduction.led.status == "fresh"
    text = all_text(*children)
    assert "Frame 0 after 4a" in text and "pixels flagged" in text


def test_the_option_none_can_be_seen_and_chosen():
    step = UniformBackground()
    control = Control(step, "fit")
    (entry,) = control.entry.parts
    assert entry.value == "None" and list(entry.options) == ["None", "Gaussian", "median"]
    entry.value = "median"
    assert step.fit == "median"
    step.fit = None
    assert entry.value == "None"


def test_every_parameter_has_a_tooltip_with_its_help_and_unit(shown):
    reduction, _ = shown
    for step in reduction.steps.values():
        for name, parameter in step.parameters.items():
            control = Control(step, name)
            tip = control.entry.parts[0].tooltip
            assert parameter.help in tip and f"Accepts {parameter.accepts()}" in tip
            assert f"[{parameter.unit}]" in tip or not parameter.unit


def test_a_closed_reduction_leaves_no_widget_and_is_forgotten(tmp_path):
    from ipywidgets.widgets.widget import _instances

    def use() -> weakref.ref[Any]:
        reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
        view = reduction._page = ReductionView(reduction)
        for name in (SETUP, *reduction.steps):
            view.open_step(name)
        compute(reduction)
        reduction.free_iter.free_sigma = 3
        view.undo()
        compute(reduction)
        reduction.close()
        return weakref.ref(reduction)

    use()  # what is made once for all stays
    gc.collect()
    before = len(_instances)
    gone = [use() for _ in range(2)]
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    assert len(_instances) <= before


def test_the_view_of_a_step_does_not_keep_the_visit_alive(tmp_path):
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    step = reduction.free_iter
    panel = panel_of(step)
    assert reduction.wait(60)
    gone = weakref.ref(reduction)
    del reduction
    gc.collect()
    assert gone() is None and panel


def test_no_plot_is_imported_for_a_reduction_that_is_not_shown(tmp_path: Path):
    import subprocess
    import sys

    code = (
        "import sys, hustle_widgets.assessment, hustle_widgets.undo, hustle_widgets.reduction\n"
        "assert not {'bqplot', 'matplotlib', 'ipympl'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=60)
