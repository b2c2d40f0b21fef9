"""The first notebook as a person would use it: run it, move a slider, watch frames, light curve and steps."""

import re

import pytest
from lab import LabPage, changed_fraction

pytestmark = pytest.mark.usefixtures("lab")

COUNTS = "{name: step.compute_count for name, step in reduction.steps.items()}"


def fresh(lab: LabPage) -> bool:
    """Whether nothing is left to compute but what a person must ask for."""
    found = lab.kernel_eval("[s.status for n, s in reduction.steps.items() if n != 'save']")
    return set(found) <= {"fresh", "off"}


@pytest.fixture
def shown(lab: LabPage) -> LabPage:
    """The notebook, run up to the cell that shows the Reduction."""
    lab.open_notebook("01_first_reduction.ipynb")
    for cell in range(6):
        lab.run_cell(cell, timeout=120)
    lab.output_of_cell(5).get_by_text("White light curve").wait_for(timeout=60_000)
    lab.wait_until(lambda: fresh(lab), 120, "every step to be computed")
    lab.flush()
    return lab


def image(lab: LabPage):
    return lab.output_of_cell(5).locator(".bqplot").nth(0)


def curve(lab: LabPage):
    return lab.output_of_cell(5).locator(".bqplot").nth(1)


def flagged(lab: LabPage) -> int:
    """The number of flagged pixels that the page tells above the frame."""
    text = lab.output_of_cell(5).get_by_text(re.compile(r"flagged here: [\d,]+")).first.inner_text()
    match = re.search(r"flagged here: ([\d,]+)", text)
    assert match, text
    return int(match[1].replace(",", ""))


def test_the_first_notebook(shown: LabPage):
    """One opening for both: it takes longer than what is looked at."""
    moving_the_slider_changes_frame_and_light_curve_and_computes_only_later_steps(shown)
    attributes_move_the_slider_and_a_failure_is_read_on_the_page_until_it_is_mended(shown)


def moving_the_slider_changes_frame_and_light_curve_and_computes_only_later_steps(lab: LabPage):
    before = lab.kernel_eval(COUNTS)
    frame, light, pixels = lab.pixels(image(lab)), lab.pixels(curve(lab)), flagged(lab)
    assert frame.std() > 5, "the frame is blank"
    assert light.std() > 5, "the light curve is blank"

    lab.drag_slider("free_sigma", 0.02)  # towards 2 sigma: more is rejected
    lab.wait_until(lambda: fresh(lab), 60, "the edit to be computed")
    lab.flush()

    after = lab.kernel_eval(COUNTS)
    assert lab.kernel_eval("reduction.free_iter.free_sigma") < 3
    for name in ("read_data", "hst_flags", "fixed_iter"):
        assert after[name] == before[name]
    for name in ("free_iter", "led", "smooth", "uniform", "quicklook"):
        assert after[name] > before[name]
    assert flagged(lab) > pixels
    assert changed_fraction(frame, lab.pixels(image(lab))) > 0.001
    assert changed_fraction(light, lab.pixels(curve(lab))) > 0.001
    lab.screenshot("after_the_slider")
    assert lab.take_errors() == []


def attributes_move_the_slider_and_a_failure_is_read_on_the_page_until_it_is_mended(shown: LabPage):
    shown.kernel_eval("setattr(reduction.free_iter, 'free_sigma', 5.5)")
    shown.wait_until(
        lambda: shown.slider_value("free_sigma") == pytest.approx(5.5), 20, "the slider to follow"
    )
    shown.kernel_eval("setattr(reduction.smooth, 'smth_bounds', [[0, 9000, 0, 10]])")
    message = shown.page.get_by_text("reaches outside the frame").first
    message.wait_for(timeout=30_000)
    assert shown.kernel_eval("reduction.smooth.status") == "failed"
    shown.kernel_eval("setattr(reduction.smooth, 'smth_bounds', None)")
    shown.wait_until(lambda: fresh(shown), 60, "the mended step to be computed")
    shown.wait_until(
        lambda: not shown.page.get_by_text("reaches outside the frame").first.is_visible(), 20, "no message"
    )
    assert shown.take_errors() == []
