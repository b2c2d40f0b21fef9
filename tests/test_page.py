"""What the page does beyond showing: folders of other runs, closing, playing, first sight, ranges of sliders."""

from __future__ import annotations

import base64
import html
import io
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets
import numpy as np
import pytest
from PIL import Image
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.algorithms.photometry import local_trend
from hustle_widgets.assessment import Finding
from hustle_widgets.assessment.finding import Remedy
from hustle_widgets.run_names import free_name, holds_another
from hustle_widgets.steps import ColumnBackground, PagulBackground, UniformBackground
from hustle_widgets.steps.parameters import Real, Whole
from hustle_widgets.view.frame.player import Player
from hustle_widgets.view.live import ends
from hustle_widgets.view.page import supersede as superseding
from hustle_widgets.view.page.controls import Control
from hustle_widgets.view.page.entries import entry_of
from hustle_widgets.view.page.reduction_view import ReductionView
from hustle_widgets.view.page.still import bundle_of, contents_of
from hustle_widgets.view.words import linked

FITTED = {"smth_bounds": None, "bounds": None, "mask_trace": False, "rows": [0, 1, 2]}


@pytest.fixture
def reduction(tmp_path: Path) -> Any:
    made = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    yield made
    made.close()


def page_of(reduction: Any) -> ReductionView:
    view = reduction._page = ReductionView(reduction)
    return view


# --- folders of other runs ----------------------------------------------------------------------------


def test_the_outputs_of_other_parameters_are_not_replaced_without_a_word(reduction: Any):
    view = page_of(reduction)
    bar = view.bar
    bar._run.click()
    assert reduction.wait(60) and reduction.save.status == "fresh"
    assert "saved to" in bar._said.value
    written = reduction.output_folder() / "clean_obs.nc"
    before = written.stat().st_mtime_ns
    reduction.free_iter.free_sigma = 4.5
    bar._run.click()
    assert reduction.wait(60)
    assert bar._question.layout.display == "" and "other parameters" in bar._said.value
    assert written.stat().st_mtime_ns == before
    bar._leave.click()
    assert bar._question.layout.display == "none" and written.stat().st_mtime_ns == before
    bar._run.click()
    assert bar._as_new.description == "Save as run_2"
    bar._as_new.click()
    assert reduction.wait(60)
    assert reduction.output_run == "run_2" and (reduction.output_folder() / "clean_obs.nc").is_file()
    assert written.stat().st_mtime_ns == before
    bar._run.click()  # the same parameters: nothing to ask
    assert reduction.wait(60) and bar._question.layout.display == "none"


def test_what_was_asked_for_and_did_not_happen_is_told(reduction: Any, tmp_path: Path):
    view = page_of(reduction)
    reduction.toplevel_dir = str(tmp_path / "gone")
    view.bar._run.click()
    assert reduction.wait(60)
    assert "nothing is saved" in view.bar._said.value and 'role="alert"' in view.bar._said.value
    assert "gone" in view.bar._said.value


@pytest.mark.parametrize(
    ("there", "name", "expected"),
    [((), "run_1", "run_2"), (("run_2", "run_3"), "run_1", "run_4"), ((), "mine", "mine_2"), ((), "9", "10")],
)
def test_a_free_name_has_the_next_number(tmp_path: Path, there: tuple[str, ...], name: str, expected: str):
    for folder in (name, *there):
        (tmp_path / folder).mkdir()
    assert free_name(tmp_path / name) == expected


def test_a_folder_without_its_config_may_hold_anything(reduction: Any):
    folder = reduction.output_folder()
    steps = reduction.steps.values()
    assert not holds_another(folder, reduction.values(), steps)
    reduction.run()
    assert not holds_another(folder, reduction.values(), steps)
    (folder / "stage_1_run_1.hustle").unlink()
    assert holds_another(folder, reduction.values(), steps)


# --- closing ------------------------------------------------------------------------------------------


def test_a_closed_reduction_computes_nothing_more_and_says_nothing(reduction: Any, caplog: Any):
    page_of(reduction)
    reduction.auto = True
    reduction.compute()
    assert reduction.wait(60)
    reduction.close()
    count = reduction.free_iter.compute_count
    reduction.free_iter.free_sigma = 2.2
    assert reduction.wait(60)
    assert reduction.free_iter.compute_count == count and not reduction.auto
    assert not caplog.records
    reduction.run()  # still of use without a page
    assert reduction.free_iter.compute_count == count + 1


def test_a_cell_that_shows_several_closes_all_of_them_when_it_is_run_again(monkeypatch: pytest.MonkeyPatch):
    shell = SimpleNamespace(
        execution_count=1, user_ns={}, user_ns_hidden={}, displayhook=SimpleNamespace(),
        get_parent=lambda: {"metadata": {"cellId": "one"}, "content": {}},
    )  # fmt: skip
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr(superseding, "_shown", {})

    class Shown:
        closed = False

        def close(self) -> None:
            self.closed = True

    before: list[Shown] = []
    for run in (1, 2, 3):
        shell.execution_count = run
        now = [Shown() for _ in range(3)]
        for one in now:
            superseding.supersede(one)  # type: ignore[arg-type]
        assert all(one.closed for one in before)
        assert not any(one.closed for one in now)
        before = now


# --- playing ------------------------------------------------------------------------------------------


def test_playing_waits_for_the_browser_and_stops():
    shown, asked = [], []
    player = Player(lambda: shown.append(time.monotonic()), asked.append, interval=0.0)
    player.start()
    player.start()  # a second page, or a second press: no second thread
    while len(asked) < 1:
        time.sleep(0.01)
    time.sleep(0.2)
    assert len(shown) == 1  # nothing piles up
    for number in range(5):
        while len(asked) <= number:
            time.sleep(0.001)
        asked[number]()
    player.stop()
    asked[-1]()
    time.sleep(0.1)
    count = len(shown)
    assert not player.playing and 5 <= count <= 7
    time.sleep(0.1)
    assert len(shown) == count


# --- what is shown first, and ranges ------------------------------------------------------------------


def test_the_first_pixel_tells_something_and_a_chosen_one_stays(reduction: Any):
    reduction.free_iter.free_sigma = 1.5
    view = page_of(reduction)
    middle = view.selection.row, view.selection.column
    reduction.compute()
    assert reduction.wait(60)
    place = view.selection.row, view.selection.column
    rows, columns = reduction.outcomes()["free_iter"].patch.frame_pixels(0)
    assert place != middle and place in set(zip(rows.tolist(), columns.tolist(), strict=True))
    view.selection.row, view.selection.column = 3, 4
    reduction.free_iter.free_sigma = 1.6
    reduction.compute()
    assert reduction.wait(60)
    assert (view.selection.row, view.selection.column) == (3, 4)


def test_the_slider_of_free_sigma_ends_where_nothing_can_be_rejected(reduction: Any):
    frames = reduction.visit["images"].shape[0]
    low, high = reduction.free_iter.soft("free_sigma")
    lone = np.zeros(frames)
    lone[0] = 1e6
    reach = abs(lone[0] - np.median(lone)) / lone.std()
    assert low < 3.5 and high == pytest.approx(max(reach, 2.5), abs=0.1)


def test_limits_of_the_histogram_reach_over_the_sky(reduction: Any):
    frame = reduction.visit["images"].values[0]
    low, high = (reduction.uniform.soft(name) for name in ("hist_min", "hist_max"))
    assert low[0] < np.percentile(frame, 1) and high[1] > np.percentile(frame, 95)


def test_a_step_by_itself_has_the_declared_range():
    step = ColumnBackground()
    assert step.soft("dist_from_trace") == step.parameters["dist_from_trace"].soft


def test_a_slider_is_widened_for_a_typed_value():
    parameter = ColumnBackground.parameters["col_sigma"]
    entry = entry_of(parameter, "col_sigma", "", (1, 10))
    slider, typed = entry.beside
    entry.put(3.0)
    typed.value = "25.5"
    assert entry.get(typed) == 25.5
    entry.follow(typed, 25.5)
    assert slider.max >= 25.5 and slider.value == 25.5 and typed.value == "25.5"
    entry.follow(typed, 1e9)
    assert slider.value == slider.max == 10, "it would be of no use any more"
    entry.put(4.0)
    assert (slider.min, slider.max, slider.value) == (1, 10, 4)


@pytest.mark.parametrize(
    ("kind", "name", "ends", "value", "mark", "late"),
    [
        (ColumnBackground, "col_sigma", (1, 10), 3.33712345, 3.3371, 9.99999999999999),
        (UniformBackground, "hist_min", (-1683, 296), -18.0123, -18.0, -2000.0),
        (PagulBackground, "mask_parameter", (0.0001, 0.1), 0.0012345, 10**-2.91, 0.12345),
    ],
)
def test_a_slider_is_told_marks_only_and_what_it_sends_back_is_no_edit(kind, name, ends, value, mark, late):
    step = kind()
    control = Control(step, name)
    entry = entry_of(kind.parameters[name], name, "", ends)
    control.entry.parts[0].unobserve_all()
    control.entry = entry
    entry.parts[0].observe(control._from_page, "value")
    slider = entry.parts[0]
    setattr(step, name, value)
    assert slider.value == pytest.approx(mark) and getattr(step, name) == value
    if not isinstance(slider, ipywidgets.FloatLogSlider):  # the browser would move it to a mark
        assert (slider.value - slider.min) / slider.step == pytest.approx(
            round((slider.value - slider.min) / slider.step)
        )
    slider.value *= 1 + 1e-14  # as a browser sends it back
    slider.value = mark
    assert getattr(step, name) == value
    setattr(step, name, 100 * value)
    setattr(step, name, value)
    slider.value = late  # and cut at an end that has come back
    assert getattr(step, name) == value and slider.value == pytest.approx(mark)
    setattr(step, name, 2 * value)
    slider.value = mark * (1 + 1e-14)  # late: what it had been told before
    assert getattr(step, name) == 2 * value and slider.value == pytest.approx(2 * mark, rel=0.03)
    slider.value = value / 2  # a person moves it, and back
    assert getattr(step, name) == pytest.approx(value / 2, rel=0.2)
    slider.value = mark
    assert getattr(step, name) == pytest.approx(mark, rel=0.01)


# --- small pieces -------------------------------------------------------------------------------------


def test_a_local_trend_follows_parabolas_and_no_orbit_knows_of_another():
    x = np.arange(12.0)
    flux = np.concatenate([1 + 0.01 * x - 0.002 * x**2, 5 - 0.1 * x])
    orbits = np.repeat([1, 2], 12)
    np.testing.assert_allclose(local_trend(flux, orbits), flux, atol=1e-12)
    broken = flux.copy()
    broken[3] = np.nan
    trend = local_trend(broken, orbits)
    assert np.isnan(trend[3]) and np.isfinite(np.delete(trend, 3)).all()
    assert local_trend([1.0, 2.0, 9.0], [1, 1, 1]).tolist() == [2, 2, 2]


def test_addresses_can_be_followed_and_nothing_else_becomes_html():
    text = "See <b>https://example.org/a?b=1&c=2</b>, or not."
    found = linked(text)
    assert found.count("<a ") == 1 and 'href="https://example.org/a?b=1&amp;c=2"' in found
    assert "&lt;b&gt;" in found and "<b>" not in found


def test_figures_are_drawn_from_the_page_and_can_be_stopped(reduction: Any, monkeypatch: pytest.MonkeyPatch):
    reduction.save_plots = 1
    reduction.run()
    view = page_of(reduction)
    view.open_step("save")
    live = view.lives["save"]
    assert isinstance(live, ends.SaveLive)
    began = threading.Event()

    def slow(progress: Any) -> None:
        began.set()
        while True:
            progress(0.5)
            time.sleep(0.01)

    monkeypatch.setattr(type(reduction), "save_figures", lambda self, progress: slow(progress))
    live._draw.click()
    assert began.wait(10)
    live._stop.click()
    for _ in range(500):
        if not live._draw.disabled:
            break
        time.sleep(0.01)
    assert not live._draw.disabled and "Stopped" in live.said.value
    monkeypatch.undo()
    live._draw.click()
    for _ in range(3000):
        if not live._draw.disabled and list(reduction.output_folder().glob("*.png")):
            break
        time.sleep(0.02)
    assert list(reduction.output_folder().glob("*.png")) and ".png" in live.files.value


def test_a_picture_of_the_page_tells_what_differs_and_what_was_found(reduction: Any):
    view = page_of(reduction)
    reduction.set(free_sigma=2.25, do_led=False)
    reduction.compute()
    assert reduction.wait(60)
    contents = contents_of(reduction, view.image, view.curve.shown, view.verdicts.findings)
    assert contents is not None
    assert contents.parameters["free_sigma"] == 2.25 and contents.parameters["do_led"] is False
    assert "led_threshold" not in contents.parameters and "toplevel_dir" not in contents.parameters
    bundle = bundle_of(contents)
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).convert("RGB"))
    assert image.shape[0] > 300 and image.std() > 20
    assert "free_sigma 2.25" in bundle["text/html"] and "free_sigma 2.25" in bundle["text/plain"]
    assert len({title for _, title, _ in contents.verdicts}) == len(contents.verdicts) > 2


def test_presets_are_set_from_the_page_and_taken_back(reduction: Any):
    view = page_of(reduction)
    view.open_step("setup")
    before = reduction.values()

    def press(name: str) -> None:
        todo, found = list(view.panels["setup"].children), []
        while todo:
            widget = todo.pop()
            found += [widget] if getattr(widget, "description", "") == name else []
            todo += getattr(widget, "children", ())
        (button,) = found
        button.click()

    press("Recommended")
    assert reduction.free_iter.free_model == "drift"
    view.undo()
    assert reduction.values() == before
    reduction.free_iter.free_sigma = 2.5
    press("The tutorial's")
    assert reduction.free_iter.free_sigma == 3.5


def test_a_remedy_is_a_button_in_the_panel_of_its_step(reduction: Any):
    remedy = Remedy("uniform", "fit", "set", "Gaussian", "Choose 'Gaussian'.")
    finding = Finding("quicklook", "Scatter", 3.0, "3 x photons", "check", "Too much.", remedy)
    view = page_of(reduction)
    view.assessment.show([finding])
    button = view.assessment._buttons[0]
    assert button.layout.display == "" and "→ Uniform" in button.description
    button.click()
    assert view.selection.step == "uniform"
    remedies = view.verdicts.remedies["uniform"]
    remedies.show([finding])
    assert "Choose" in remedies._words[0].value and remedies._buttons[0].description == "fit = 'Gaussian'"
    remedies._buttons[0].click()
    assert reduction.uniform.fit == "Gaussian"
    remedies.show([finding])
    assert remedies._buttons[0].layout.display == "none"  # done
    view.undo()
    assert reduction.uniform.fit is None


def test_what_a_slider_sends_back_late_does_not_undo_an_edit(reduction: Any):
    control = Control(reduction.led, "led_threshold")
    slider = control.entry.beside[0]
    reduction.led.led_threshold = 2.5
    slider.value = 10.000000000000002  # what the slider was told before, unasked
    assert reduction.led.led_threshold == 2.5 and slider.value == pytest.approx(2.5)
    slider.value = 4.0  # a person's hand
    assert reduction.led.led_threshold == 4.0


def test_a_person_can_go_back_at_once_to_where_the_slider_stood(reduction: Any):
    led = reduction.led
    slider = Control(led, "led_threshold").entry.beside[0]
    for edited in (12.0, 4.3999999999999995):  # as a browser sends these marks
        slider.value = edited
        led.led_threshold = 10.0  # undone
        slider.value = edited
        assert led.led_threshold == pytest.approx(edited)
    led.led_threshold = 7.7  # typed
    slider.value = 7.699999999999999  # sent back
    led.led_threshold = 8.0  # typed; not sent back, for the browser has the same digits
    led.led_threshold = 10.0
    for edited in (7.699999999999999, 8.0):
        slider.value = edited
        assert led.led_threshold == pytest.approx(edited)
        led.led_threshold = 10.0
    slider.value = 3.1
    led.led_threshold = 0.05  # with another step and another end, the browser sends the same digits
    led.led_threshold = 0.5
    for late in (3.1000000000000005, 3.1):
        slider.value = late
        assert led.led_threshold == 0.5


def test_help_says_what_a_number_does_and_when_to_change_it(reduction: Any):
    for step in reduction.steps.values():
        for name, parameter in step.parameters.items():
            if not isinstance(parameter, (Real, Whole)) or name == "wavelength_bins":
                continue
            assert parameter.advice, f"{step.name}.{name}"
            control = Control(step, name)
            assert control._help.layout.display == "none"
            control._ask.click()
            text = control._help.value
            assert control._help.layout.display == "" and "The tutorial has" in text
            assert parameter.advice.split(";")[0].split(".")[0] in html.unescape(text)
            control._ask.click()
            assert control._help.layout.display == "none"
