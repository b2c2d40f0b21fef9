"""Choosing a reduction under a person's hands: pins, a point of the light curve, a sweep, an injection."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from lab import LabPage, changed_fraction
from PIL import Image
from playwright.sync_api import Locator, expect
from showing import folder, settle, shown

__all__ = ["folder", "shown"]  # fixtures


@pytest.fixture(autouse=True)
def no_pins(folder: Path) -> None:
    """A new Reduction takes in the pins that its run's folder has."""
    shutil.rmtree(folder / "outputs" / "stage_1" / "run_1" / "pins", ignore_errors=True)


def frame(lab: LabPage) -> Locator:
    return lab.page.locator(".hustle-frame .bqplot")


def test_two_pins_are_compared_blinked_and_gone_back_to(shown: LabPage):
    lab = shown
    page = lab.page
    page.locator(".hustle-bar .hustle-pin").click()
    page.locator(".hustle-bar .hustle-compare", has_text="Compare (1)").wait_for()
    lab.kernel_eval("reduction.free_iter.set_trait('free_sigma', 2.5)")
    settle(lab)
    page.locator(".hustle-bar .hustle-compare").click()
    page.locator(".hustle-pin-name input").fill("bold")
    page.locator(".hustle-pin-now").click()
    page.locator(".hustle-task", has_text="Pinned as 'bold'").wait_for()

    # What differs is marked, and the figures are those of the API.
    differs = page.locator(".hustle-pins-table .hustle-differs")
    expect(differs).to_have_count(1)
    assert differs.inner_text().split() == ["free_sigma", "3.5", "2.5"]
    told = lab.kernel_eval("[reduction.pins[name].figures['scatter_ppm'] for name in ('pin 1', 'bold')]")
    ppm = [f"{value:,.0f}" for value in told]
    row = page.locator(".hustle-pins-table tr", has_text="scatter [ppm]").first
    assert row.inner_text().split()[-2:] == ppm

    usual = lab.pixels(frame(lab))
    page.locator(".hustle-pins-minus").click()
    page.locator(".hustle-frame .hustle-heading", has_text="Frame 0: pin 1 minus bold").wait_for()
    lab.wait_until(lambda: changed_fraction(usual, lab.pixels(frame(lab))) > 0.05, what="the difference")
    page.locator(".hustle-pins-blink").click()
    for name in ("pin 1", "bold", "pin 1"):
        page.locator(".hustle-frame .hustle-heading", has_text=f"Frame 0 of {name}").wait_for()

    page.locator(".hustle-pin-row", has_text="pin 1").get_by_role("button", name="Go back").click()
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") == 3.5, what="the way back")
    settle(lab)
    page.locator("button.hustle-step", has_text="3b Free iteration").click()
    page.locator(".hustle-frame .hustle-heading", has_text="Frame 0 after 3b").wait_for()
    page.locator(".hustle-bar .hustle-undo").click()
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") == 2.5, what="undo")
    settle(lab)


def test_a_point_of_the_light_curve_leads_to_its_pixels(shown: LabPage):
    lab = shown
    page = lab.page
    # 12 frames: point 4 of the light curve, clicked with the mouse.
    page.locator(".hustle-curve .bqplot").first.locator(".dot").nth(4).click()
    page.locator(".hustle-why", has_text="Frame 4, order +1").wait_for()
    assert lab.kernel_eval("reduction._page.selection.frame") == 4
    page.locator(".hustle-frame .hustle-heading", has_text="Frame 4 after 3b").wait_for()
    told = lab.kernel_eval("[[part.step, part.ppm] for part in reduction.explain(4).parts]")
    rows = page.locator(".hustle-why-row")
    expect(rows).to_have_count(len(told))
    for number, (_, ppm) in enumerate(told):
        expect(rows.nth(number)).to_contain_text(f"{ppm:+,.1f} ppm")

    rows.filter(has_text="4a Edges").get_by_role("button").click()
    lab.wait_until(
        lambda: lab.kernel_eval("reduction._page.selection.step") == "led", what="the step to open"
    )
    page.locator(".hustle-frame .hustle-heading", has_text="moves the point").wait_for()
    pixels = "reduction.explain(4).pixels('led')"
    strongest = lab.kernel_eval(f"[int({pixels}.rows[0]), int({pixels}.columns[0])]")
    assert lab.kernel_eval("[reduction._page.selection.row, reduction._page.selection.column]") == strongest
    row0, row1, column0, column1 = lab.kernel_eval("list(reduction._page.image.region)")
    assert row0 <= strongest[0] < row1 and column0 <= strongest[1] < column1 and column1 - column0 < 640


def test_a_point_of_a_sweep_is_applied_by_a_click(shown: LabPage):
    lab = shown
    page = lab.page
    lab.kernel_eval("reduction._page.open_step('sweep')")
    page.locator(".hustle-sweep-first-values input").fill("3.5, 5, 8")
    page.locator("button.hustle-sweep").click()
    page.locator(".hustle-task", has_text="3 of 3 points are computed").wait_for(timeout=60_000)
    assert lab.kernel_eval("reduction.free_iter.free_sigma") == 3.5
    page.locator(".hustle-plot .bqplot .dot").nth(1).click()
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") == 5, what="the point")
    settle(lab)
    page.locator(".hustle-bar .hustle-undo").click()
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") == 3.5, what="undo")
    settle(lab)


def test_something_known_is_injected_recovered_and_taken_out(shown: LabPage):
    lab = shown
    page = lab.page
    warning = page.locator(".hustle-injected", has_text="INJECTED, not observed")
    lab.kernel_eval("reduction._page.open_step('inject')")
    assert not warning.is_visible()
    page.locator("button.hustle-inject").click()
    page.locator(".hustle-task", has_text="Recovered").wait_for(timeout=60_000)
    settle(lab)
    assert warning.is_visible()
    ratio = lab.kernel_eval("reduction.recover().ratio")
    figures = page.locator(".hustle-recovered")
    expect(figures).to_contain_text(f"{100 * ratio:.2f} ±")
    expect(figures).to_contain_text("In 10,000 ppm, out")
    # Said on the pages of steps too, and gone when it is taken out.
    page.locator("button.hustle-step", has_text="3b Free iteration").click()
    assert warning.is_visible()
    page.locator("button.hustle-take-out").click()
    warning.wait_for(state="hidden")
    settle(lab)
    assert lab.kernel_eval("reduction.injected is None")


def test_a_plot_is_saved_as_it_is_shown(shown: LabPage, tmp_path: Path):
    lab = shown
    box = lab.page.locator(".hustle-frame .hustle-plot-box")
    box.hover()
    save = box.get_by_role("button", name="Save this plot as PNG")
    with lab.page.expect_download() as download:
        save.click()
    assert download.value.suggested_filename == "frame_0_after_3b_free_iteration.png"
    path = tmp_path / "plot.png"
    download.value.save_as(path)
    with Image.open(path) as picture:
        saved = np.asarray(picture.convert("RGB"))
    on_screen = box.locator(".bqplot").bounding_box()
    assert on_screen is not None and saved.shape[1] == pytest.approx(2 * on_screen["width"], abs=2)
    # The frame is in it, not only its axes: its dark ground and its bright traces.
    assert (saved.max(axis=-1) < 120).mean() > 0.2
    assert saved.reshape(-1, 3).std(axis=0).min() > 20
