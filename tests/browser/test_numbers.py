"""Numbers that no slider has a mark for: the page keeps them as they were set, typed or came from the visit."""

from __future__ import annotations

import re
from typing import Any

from lab import LabPage
from showing import folder, settle, shown
from test_reduction_view import open_step

__all__ = ["folder", "shown"]  # fixtures

# Between the marks of their sliders, below and far beyond them: as a page opens, and while it is open.
ODD: dict[str, tuple[float, float]] = {
    "free_sigma": (1.234, 1e9),
    "smth_threshold": (0.75, 5.123),
    "col_sigma": (11.11, 1e-5),
    "contrast_factor": (0.01, 2.345),
    "led_growth": (0.333, 0.1234),
    "led_threshold": (123.456, 0.0001),
    "hist_min": (-18.0, -1234.5),
    "mask_parameter": (1.23e-7, 0.123456),
    "smoothing_param": (0.1234, 77.7),
    "aperture": (0.5, 199.87),
}


def number(lab: LabPage, name: str) -> Any:
    label = lab.page.locator(".widget-label", has_text=re.compile(f"^\\s*{name}\\s*$"))
    return lab.page.locator(".hustle-control").filter(has=label).locator(".hustle-number input")


def test_no_page_changes_a_number(shown: LabPage):
    lab = shown
    # None of these is computed: what is tried is what the pages do to the values.
    lab.kernel_eval("reduction.set_trait('auto', False)")
    values = lab.kernel_eval("reduction.values()")
    lab.kernel_eval(f"reduction.set(**{ {name: odd for name, (odd, _) in ODD.items()}!r})")
    values |= {name: odd for name, (odd, _) in ODD.items()}
    for page, own in lab.kernel_eval("{n: list(s.parameters) for n, s in reduction.steps.items()}").items():
        new = {name: odd for name, (_, odd) in ODD.items() if name in own}
        if not new:
            continue
        for edit in ({}, new):  # as the page opens, and while it is open
            lab.kernel_eval(f"(reduction._page.open_step({page!r}), reduction.set(**{edit!r}))")
            values |= edit
            lab.flush()
            lab.page.wait_for_timeout(150)
            assert lab.kernel_eval("reduction.values()") == values, page
    # Two edits while a page is open, the second before the browser has answered the first.
    open_step(lab, "3b")
    for sigma in (2.345, 55.5, 3.51, 1e9, 3.5):
        lab.kernel_eval(f"[reduction.set(free_sigma=s) for s in (7.001, {sigma})]")
        lab.flush()
        lab.page.wait_for_timeout(200)
        assert lab.kernel_eval("reduction.free_iter.free_sigma") == sigma
    assert lab.slider_value("free_sigma") == 3.5

    def typed(text: str) -> None:
        number(lab, "free_sigma").fill(text)
        lab.page.keyboard.press("Enter")
        lab.flush()
        lab.page.wait_for_timeout(200)

    for text, sigma in (("1.234", 1.234), ("0.0001", 0.0001), ("1e3", 1000.0), ("4.044", 4.044)):
        typed(text)
        assert lab.kernel_eval("reduction.free_iter.free_sigma") == sigma
    # A key moves the slider to the mark beside the one where it stands.
    lab.press_slider("free_sigma", "ArrowRight")
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") == 4.045, what="the key")
    for text, told in (
        ("3,5", "Numbers are written with a point"),
        ("abc", "Got 'abc' instead"),
        ("", "Got '' instead"),
    ):
        typed(text)
        lab.page.locator(".hustle-control", has_text=told).first.wait_for()
        assert lab.kernel_eval("reduction.free_iter.free_sigma") == 4.045
    typed("3.5")
    lab.kernel_eval("reduction.set_trait('auto', True)")
    settle(lab)
