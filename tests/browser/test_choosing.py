"""Choosing a reduction under a person's hands: pins, a point of the light curve, a sweep, an injection."""

from __future__ import annotations

import shutil
import zipfile
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


def test_a_point_of_a_sweep_over_two_parameters_sets_both(shown: LabPage):
    lab = shown
    page = lab.page
    lab.kernel_eval("reduction._page.open_step('sweep')")
    page.locator(".hustle-sweep-first-values input").fill("3.5, 6")
    page.locator(".hustle-sweep-second select").select_option("column.col_sigma")
    page.locator(".hustle-sweep-second-values input").fill("2.5, 4")
    page.locator("button.hustle-sweep").click()
    page.locator(".hustle-task", has_text="4 of 4 points are computed").wait_for(timeout=60_000)
    heading = page.locator(".hustle-plot .hustle-heading")
    expect(heading).to_contain_text("free_sigma = 6")
    page.locator(".hustle-plot .bqplot .dot").last.click()  # the last curve's last point lies on top
    told = "[reduction.free_iter.free_sigma, reduction.column.col_sigma]"
    lab.wait_until(lambda: lab.kernel_eval(told) == [6, 4], what="the point")
    settle(lab)
    page.locator(".hustle-bar .hustle-undo").click()
    lab.wait_until(lambda: lab.kernel_eval(told) == [3.5, 3], what="undo of both")
    settle(lab)


def test_a_search_draws_compromises_and_one_of_them_is_taken(shown: LabPage):
    lab = shown
    page = lab.page
    lab.kernel_eval("reduction._page.open_step('search')")
    page.locator(".hustle-search-0-values input").fill("2.5 to 8")
    page.locator(".hustle-search-1 select").select_option("led.led_n")
    page.locator(".hustle-search-1-values input").fill("1, 2")
    page.locator(".hustle-runs input").fill("12")
    aims = page.locator(".hustle-aim")
    for aim in aims.all():
        aim.click()  # the usual ones off, the depth on
    page.locator("button.hustle-search").click()
    page.locator(".hustle-task [role=alert]", has_text="reduction.inject(0.01) first").wait_for()
    for aim in (aims.nth(0), aims.nth(1), aims.nth(3)):
        aim.click()
    page.locator("button.hustle-search").click()
    page.locator(".hustle-task", has_text="Click one to apply it").wait_for(timeout=120_000)
    table = page.locator(".hustle-compromises")
    expect(table).to_contain_text("The result does not depend on led.led_n")
    result = "reduction._page.choosing.page('search').found"
    good = lab.kernel_eval(f"[int(run) for run in {result}.pareto['run'].values]")
    rows = table.locator(".hustle-search-table tr")
    assert [row.locator("th").inner_text() for row in rows.all()[1:]] == [str(run + 1) for run in good]
    assert lab.kernel_eval("reduction.free_iter.free_sigma") == 3.5
    page.locator(".hustle-plot .bqplot .dot").last.click()
    applied = f"reduction.free_iter.free_sigma in [{result}.changes(run)['free_sigma'] for run in {good}]"
    page.locator(".hustle-task", has_text="Applied: free_sigma").wait_for()
    assert lab.kernel_eval(applied) and lab.kernel_eval("reduction.free_iter.free_sigma") != 3.5
    settle(lab)
    page.locator(".hustle-bar .hustle-undo").click()
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") == 3.5, what="undo")
    settle(lab)
    # A search that is stopped shows what is done.
    page.locator(".hustle-runs input").fill("400")
    page.locator(".hustle-runs input").press("Enter")
    page.locator("button.hustle-search").click()
    page.locator("button.hustle-stop-search:not([disabled])").click()
    expect(table).to_contain_text("Stopped after", timeout=60_000)
    expect(page.locator("button.hustle-search")).to_be_enabled()


def test_plots_under_the_sliders_fill_themselves_in_their_place(shown: LabPage):
    lab = shown
    page = lab.page
    places = """() => [...document.querySelectorAll('.hustle-control, .hustle-response, .hustle-plot, .hustle-curve')]
        .map(e => { const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height].map(Math.round); })"""
    plot = page.locator(".hustle-response").first
    before = page.evaluate(places)
    complete = plot.locator("[data-complete='true']")
    complete.wait_for(timeout=90_000)
    assert page.evaluate(places) == before
    expect(plot.locator("svg")).to_have_count(3)
    expect(plot.locator("svg").first.locator("line.hustle-usual")).to_have_count(1)
    told = lab.kernel_eval("reduction._page.choosing.responses.response('free_iter.free_sigma').text()")
    assert told in (complete.get_attribute("title") or "")
    # An edit makes them old; its own value is marked when they are filled again.
    lab.press_slider("free_sigma", "ArrowRight")
    page.locator(".hustle-response.hustle-old-response").first.wait_for()
    page.locator(".hustle-response:not(.hustle-old-response) [data-complete='true']").first.wait_for(
        timeout=90_000
    )
    dot, usual = (plot.locator(f"svg >> nth=0 >> {one}") for one in ("circle", "line.hustle-usual"))
    assert float(dot.get_attribute("cx") or 0) > float(usual.get_attribute("x1") or 99)
    page.locator(".hustle-settings .hustle-responses").click()
    expect(plot).not_to_be_visible()
    page.locator(".hustle-bar .hustle-undo").click()
    settle(lab)


def test_the_light_by_wavelength_is_a_map_and_a_spectrum(shown: LabPage):
    lab = shown
    page = lab.page
    page.locator("button.hustle-step", has_text="7 Quicklook").click()
    page.get_by_role("button", name="by wavelength").click()
    light = "reduction.outcomes()['quicklook'].table.facts['by_wavelength']['+1']"
    bins = lab.kernel_eval(f"int({light}.centres.size)")
    image = page.locator(".hustle-plot .bqplot image").first
    image.wait_for()
    lab.wait_until(lambda: lab.pixels(image).reshape(-1, 3).std(axis=0).max() > 10, what="the map's colours")
    assert bins > 3 and lab.kernel_eval(f"int(abs({light}.depth[0]) >= 0)") == 1
    box = image.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 7.5 / 12, box["y"] + box["height"] / 2)
    lab.wait_until(
        lambda: lab.kernel_eval("reduction._page.selection.frame") == 7, what="the frame of the click"
    )
    lights = "reduction.outcomes()['quicklook'].table.facts['by_wavelength'].values()"
    told = lab.kernel_eval(f"sum(value == value for light in {lights} for value in map(float, light.depth))")
    expect(page.locator(".hustle-plot .bqplot").nth(1).locator(".dot")).to_have_count(told)


def test_tables_are_saved_by_the_browser(shown: LabPage, tmp_path: Path):
    lab = shown
    page = lab.page
    lab.kernel_eval("reduction._page.open_step('export')")

    def saved(text: str) -> Path:
        with page.expect_download(timeout=60_000) as download:
            page.locator("button.hustle-download", has_text=text).click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path

    path = saved("White light")
    assert path.name == "run_1_white.csv"
    table = np.genfromtxt(path, delimiter=",", names=True)
    flux = lab.kernel_eval("list(map(float, reduction.light_curve()['flux'].value))")
    assert table.dtype.names is not None
    np.testing.assert_allclose(
        table[next(name for name in table.dtype.names if name.startswith("flux_1"))], flux
    )
    page.get_by_role("button", name="ECSV").click()
    assert saved("Background").read_text().startswith("# %ECSV")
    with zipfile.ZipFile(saved("Bundle")) as archive:
        names = archive.namelist()
    assert "bundle/methods.txt" in names and "bundle/tables/white.ecsv" in names
    # What does not go through the browser is said, and the button can be pressed again.
    lab.kernel_eval(
        "setattr(__import__('hustle_widgets.view.choosing.download', fromlist=['x']), 'MOST', 10)"
    )
    button = page.locator("button.hustle-download", has_text="White light")
    button.click()
    page.locator(".hustle-task [role=alert]", has_text="through the browser").wait_for(timeout=60_000)
    expect(button).to_be_enabled()
    # Written where the kernel runs as well.
    page.locator("button.hustle-tables").click()
    page.locator(".hustle-written", has_text="white.ecsv").wait_for(timeout=60_000)


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


def test_every_plot_of_every_page_can_be_saved(shown: LabPage):
    lab = shown
    page = lab.page
    lab.kernel_eval("reduction.inject(0.01, cosmic_rays=0, hot_pixels=0).words")
    lab.kernel_eval("reduction.compute()")
    settle(lab)
    names = []
    for name in ("free_iter", "uniform", "quicklook", "pins", "inject"):
        lab.kernel_eval(f"reduction._page.open_step({name!r})")
        page.wait_for_timeout(800)
        boxes = page.locator(".hustle-page .hustle-plot-box:visible").all()
        assert len(boxes) > 3, name
        for box in boxes:
            box.hover()
            with page.expect_download() as download:
                box.locator("> .hustle-png").click()
            names.append(download.value.suggested_filename)
            with Image.open(download.value.path()) as picture:
                saved = np.asarray(picture.convert("RGB"))
            # What is injected is said on top, in the ink of the page.
            assert saved.shape[1] > 200 and (saved[8:34, 16:200].min(axis=2) < 100).any(), names[-1]
    assert len(set(names)) > 8 and all(name.endswith(".png") for name in names)
