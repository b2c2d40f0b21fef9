"""Choosing a reduction under a person's hands: pins, a point of the light curve, a sweep, an injection."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lab import LabPage, changed_fraction
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
