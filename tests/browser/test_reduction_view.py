"""The page of a Reduction under a person's hands: stars, target, frames, undo, failures, cancel, run, memory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from lab import LabPage, changed_fraction
from playwright.sync_api import Locator
from showing import SHAPE, SHOW, folder, open_every_page, settle, shown

from hustle_widgets.simulate import read_truth

__all__ = ["folder", "shown"]  # fixtures


def open_step(lab: LabPage, section: str) -> None:
    lab.page.locator(f"button.hustle-step[title^='Open {section} ']").click()
    lab.page.locator(".hustle-panel-title", has_text=re.compile(f"^{section} ")).wait_for()
    lab.page.wait_for_timeout(400)


def figure(lab: LabPage, number: int = 0) -> Locator:
    return lab.page.locator(".bqplot").nth(number)


def place(
    lab: LabPage, column: float, row: float, figure_number: int = 0, region: Any = None
) -> tuple[float, float]:
    """Where a pixel of the frame is on the screen."""
    row0, row1, column0, column1 = region or (0, SHAPE[0], 0, SHAPE[1])
    box = figure(lab, figure_number).locator("image").first.bounding_box()
    assert box is not None
    x = box["x"] + (column + 0.5 - column0) / (column1 - column0) * box["width"]
    return x, box["y"] + (1 - (row + 0.5 - row0) / (row1 - row0)) * box["height"]


def press(lab: LabPage, name: str) -> None:
    lab.page.locator(f".hustle-bar .hustle-{name}").click()


def test_stars_and_target_are_set_with_the_mouse(shown: LabPage, folder: Path):
    lab = shown
    stars = "reduction.bkg_stars.bkg_stars_loc"
    (column, row), *_ = read_truth(folder)["star_positions"].values.tolist()
    open_step(lab, "6c")
    before = lab.pixels(figure(lab))

    picture = figure(lab).locator("image").first.bounding_box()
    assert picture is not None
    reach = 2 * SHAPE[1] / picture["width"]  # two pixels of the screen
    lab.page.mouse.click(*place(lab, column, row))
    lab.wait_until(lambda: len(lab.kernel_eval(stars)) == 1, what="a star")
    settle(lab)
    assert np.hypot(*np.subtract(lab.kernel_eval(stars)[0], (column, row))) < reach
    assert lab.kernel_eval("reduction.bkg_stars.status") == "fresh"
    placed = lab.pixels(figure(lab))
    assert changed_fraction(before, placed) > 1e-4, "the star is not marked"
    lab.page.get_by_text("star 0").first.wait_for()
    lab.page.locator(".hustle-verdict", has_text="Trackers agree").wait_for()

    start, end = place(lab, column, row), place(lab, column + 30, row - 20)
    lab.page.mouse.move(*start)
    lab.page.mouse.down()
    lab.page.mouse.move(*end, steps=6)
    lab.page.mouse.up()
    lab.wait_until(
        lambda: np.hypot(*np.subtract(lab.kernel_eval(stars)[0], (column + 30, row - 20))) < reach + 1,
        what="the drag",
    )
    settle(lab)
    moved = lab.pixels(figure(lab))
    assert changed_fraction(placed, moved) > 1e-4, "the mark did not follow"
    mark = figure(lab).locator("text", has_text="star 0").bounding_box()
    assert mark is not None and abs(mark["x"] - end[0]) < 30 and abs(mark["y"] - end[1]) < 30

    press(lab, "undo")
    lab.wait_until(
        lambda: np.hypot(*np.subtract(lab.kernel_eval(stars)[0], (column, row))) < reach, what="undo"
    )
    settle(lab)
    lab.page.mouse.click(*place(lab, *lab.kernel_eval(stars)[0]))
    lab.wait_until(lambda: lab.kernel_eval(stars) == [[0, 0], [0, 0]], what="the star to go")
    settle(lab)
    assert figure(lab).locator("text", has_text="star 0").count() == 0
    press(lab, "undo")
    lab.wait_until(lambda: len(lab.kernel_eval(stars)) == 1, what="the star to come back")
    lab.page.wait_for_timeout(300)
    assert figure(lab).locator("text", has_text="star 0").count() == 1

    # The other way round: the trait moves the mark.
    lab.kernel_eval("reduction.bkg_stars.set_trait('bkg_stars_loc', [[100, 30], [200, 40]])")
    figure(lab).locator("text", has_text="star 1").wait_for()
    settle(lab)

    sets_the_target_by_a_click(lab)


def sets_the_target_by_a_click(lab: LabPage) -> None:
    open_step(lab, "6a")
    direct = lab.page.locator(".bqplot").count() - 1
    column, row = lab.kernel_eval("reduction.zeroth_tracking.location")
    region = lab.kernel_eval("reduction._page.lives['location'].direct.region")
    before = lab.pixels(figure(lab, direct))
    lab.page.mouse.click(*place(lab, column + 5, row + 3, direct, region))
    lab.wait_until(
        lambda: lab.kernel_eval("reduction.zeroth_tracking.location") != [column, row], what="the target"
    )
    found = lab.kernel_eval("reduction.zeroth_tracking.location")
    assert np.hypot(*np.subtract(found, (column + 5, row + 3))) < 1
    settle(lab)
    assert changed_fraction(before, lab.pixels(figure(lab, direct))) > 1e-3
    centroid = lab.kernel_eval("reduction.outcomes()['location'].table.facts")
    lab.page.get_by_text(f"column {centroid['target_posx']:.2f}").wait_for()


def test_frames_are_stepped_through_and_read_out(shown: LabPage):
    lab = shown
    before = lab.pixels(figure(lab))
    lab.press_slider("Frame", "ArrowRight", 3)
    lab.page.get_by_text("Frame 3 after 3b").wait_for()
    lab.page.wait_for_timeout(300)
    assert changed_fraction(before, lab.pixels(figure(lab))) > 0.001, "the same frame is shown"
    play = lab.page.locator(".hustle-frame-controls button[title^='Play']")
    play.click()
    lab.wait_until(lambda: lab.kernel_eval("reduction._page.selection.frame") >= 6, what="the frames to play")
    play.click()
    lab.wait_until(
        lambda: not lab.kernel_eval("reduction._page.turning.player.playing"), what="the frames to stop"
    )
    lab.press_slider("Frame", "Home")
    lab.page.get_by_text("Frame 0 after 3b").wait_for()

    reads_out_what_is_under_the_mouse(lab)


def reads_out_what_is_under_the_mouse(lab: LabPage) -> None:
    frame, row, column = (
        int(n) for n in lab.kernel_eval(
            "list(map(int, __import__('numpy').unravel_index(reduction.outcomes()['hst_flags'].patch.index[5], "
            "reduction.state().shape)))"
        )
    )  # fmt: skip
    assert frame == 0
    # To the pixel: where a frame is wider than the screen, the one beside it would do as well.
    lab.page.mouse.move(*place(lab, column, row))
    lab.page.get_by_text("e⁻, ").first.wait_for()
    text = lab.page.get_by_text("HST DQ").first.inner_text()
    assert text.startswith("column ") and "row " in text


def test_undo_and_redo_and_a_failure_that_is_mended(shown: LabPage):
    lab = shown

    def redrawn(since: np.ndarray) -> bool:
        return changed_fraction(since, lab.pixels(figure(lab, 1))) > 1e-3

    first = lab.pixels(figure(lab, 1))
    lab.drag_slider("free_sigma", 0.02)
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") < 2, what="the drag to arrive")
    settle(lab)
    lab.wait_until(lambda: redrawn(first), 20, "the light curve to change")
    edited = lab.kernel_eval("reduction.free_iter.free_sigma")
    before = lab.pixels(figure(lab, 1))
    press(lab, "undo")
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") == 3.5, what="undo")
    lab.wait_until(lambda: lab.slider_value("free_sigma") == 3.5, what="the slider to go back")
    settle(lab)
    lab.wait_until(lambda: redrawn(before), 20, "the light curve to change back")
    press(lab, "redo")
    lab.wait_until(
        lambda: abs(lab.kernel_eval("reduction.free_iter.free_sigma") - edited) < 0.01, what="redo"
    )
    settle(lab)

    a_failure_is_read_and_goes_when_mended(lab)


def a_failure_is_read_and_goes_when_mended(lab: LabPage) -> None:
    open_step(lab, "5a")
    entry = lab.page.locator(".widget-text").filter(has_text="bounds").locator("input")
    entry.fill("[[0, 900, 0, 100]]")
    entry.press("Enter")
    lab.page.locator(".hustle-settings .hustle-alert", has_text="reaches outside the frame").wait_for()
    lab.page.locator(".hustle-said-top", has_text="reaches outside the frame").wait_for()
    lab.page.locator("[aria-label^='failed']").wait_for()
    entry.fill("[[0, 60, 0, 100]]")
    entry.press("Enter")
    lab.page.locator(".hustle-said-top", has_text="all steps are computed").wait_for()
    assert lab.page.get_by_text("reaches outside").count() == 0
    # What a parameter does not accept is refused beside its control, and nothing is computed.
    entry.fill("[[5, 2, 0, 100]]")
    entry.press("Enter")
    lab.page.get_by_text("must be a list of [row0, row1").wait_for()
    assert lab.kernel_eval("reduction.uniform.bounds") == [[0, 60, 0, 100]]
    settle(lab)


def test_cancel_stops_a_computation_and_run_writes_the_file(lab: LabPage, folder: Path):
    # Long enough for a hand: the step waits at each frame.
    slow = """
import functools, time
from hustle_widgets.steps import LaplacianEdgeDetection
quick = LaplacianEdgeDetection.compute
@functools.wraps(quick)
def wait(block, **keywords):
    time.sleep(1)
    return quick(block, **keywords)
LaplacianEdgeDetection.compute = staticmethod(wait)"""
    slow += SHOW.format(folder=str(folder))
    lab.new_notebook([slow])
    lab.run_all()
    lab.page.locator(".hustle-said-top", has_text="running: 4a").wait_for(timeout=60_000)
    press(lab, "cancel")
    lab.page.locator(".hustle-said-top", has_text="to compute").wait_for()
    assert lab.kernel_eval("reduction.led.status") == "stale"
    assert lab.kernel_eval("reduction.free_iter.status") == "fresh"
    lab.wait_until(lambda: not lab.kernel_eval("reduction.busy"), what="the computation to stop")

    written = folder / "outputs" / "stage_1" / "run_1" / "clean_obs.nc"
    written.unlink(missing_ok=True)
    press(lab, "run")
    lab.wait_until(written.exists, 60, "the file")
    settle(lab)
    assert lab.kernel_eval("reduction.save.status") == "fresh"
    lab.page.locator(".hustle-said-top", has_text="saved to").wait_for()

    # Other parameters: a question, all of it to be read.
    lab.kernel_eval("reduction.quicklook.set_trait('aperture', 7.0)")
    settle(lab)
    press(lab, "run")
    for name, text in (("as-new", "Save as run_2"), ("over", "Replace"), ("leave", "Do not save")):
        button = lab.page.locator(f".hustle-{name}")
        button.wait_for()
        assert button.inner_text().strip() == text
        assert button.evaluate("e => e.scrollWidth <= e.clientWidth + 1"), text
    asked = lab.page.locator(".hustle-asking [role=alert]", has_text="run_1 holds a reduction with other")
    assert asked.evaluate("e => e.scrollWidth <= e.parentElement.clientWidth + 1")
    lab.page.locator(".hustle-leave").click()
    lab.page.locator(".hustle-as-new").wait_for(state="hidden")


def test_a_step_alone_shows_its_controls_and_plots(lab: LabPage, folder: Path):
    code = SHOW.format(folder=str(folder)).rstrip() + ".free_iter"
    lab.new_notebook([code])
    lab.run_all()
    lab.page.locator(".hustle-status", has_text="fresh").wait_for(timeout=60_000)
    settle(lab)
    assert lab.slider("free_sigma").is_visible()
    lab.page.get_by_text("Frame 0 after 3b").wait_for()
    plots = [lab.pixels(figure(lab, number)) for number in range(lab.page.locator(".bqplot").count())]
    assert len(plots) >= 2 and all(plot.std() > 3 for plot in plots)
    lab.drag_slider("free_sigma", 0.02)
    settle(lab)
    assert changed_fraction(plots[0], lab.pixels(figure(lab, 0))) > 1e-4


def test_the_same_cell_run_ten_times_keeps_one_reduction(shown: LabPage):
    lab = shown
    count = (
        "(__import__('gc').collect(), sum(type(o).__name__ == 'Reduction' and 'visit' in vars(o) "
        "for o in __import__('gc').get_objects()))[1]"
    )
    widgets = "len(__import__('ipywidgets').widgets.widget._instances)"
    settle(lab)
    first = lab.kernel_eval(widgets)
    for _ in open_every_page(lab):  # thousands of widgets end with the first run
        pass
    for _ in range(9):
        lab.run_cell(0)
        lab.page.get_by_text("White light curve").wait_for()
    settle(lab)
    assert lab.kernel_eval(count) == 1
    assert lab.kernel_eval(widgets) <= first + 20
    assert lab.page.locator("button.hustle-step").count() == 14


def test_a_figure_is_opened_at_full_size_and_zoomed(shown: LabPage):
    lab = shown
    open_step(lab, "2")
    lab.page.locator(".hustle-settings button[title*='full size']").click()
    canvas = lab.page.locator(".jupyter-matplotlib-canvas-div").first
    canvas.wait_for()
    lab.page.wait_for_timeout(1500)
    before = lab.pixels(canvas)
    assert before.std() > 3
    limits = "list(reduction._page.figures.shown._canvas.figure.axes[0].get_xlim())"
    whole = lab.kernel_eval(limits)
    lab.page.locator(".jupyter-matplotlib-toolbar button[title*='oom']").first.click()
    box = canvas.bounding_box()
    assert box is not None
    lab.page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.4 * box["height"])
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.6 * box["height"], steps=5)
    lab.page.mouse.up()
    lab.wait_until(lambda: lab.kernel_eval(limits) != whole, what="the zoom")
    lab.page.wait_for_timeout(800)
    assert changed_fraction(before, lab.pixels(canvas)) > 0.005
    lab.page.locator(".widget-button", has_text="Back").click()
    canvas.wait_for(state="detached")
    assert lab.page.locator("button.hustle-step").count() == 14
