"""What the mouse does on the live views of steps 2 to 5 arrives in the parameters and shows in the picture."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest
from lab import LabPage, changed_fraction
from playwright.sync_api import Locator

from hustle_widgets import simulate_visit

# The frame, then the light curve and its residuals, then the plots of the step.
FRAME, LIVE = 0, 3
# From a figure to the box that has its heading too.
HEADED = "xpath=ancestor::*[contains(@class, 'hustle-plot-box')]"
SHAPE = (240, 640)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("visit")
    simulate_visit(made, n_frames=12, shape=SHAPE, n_stars=0, seed=3)
    return made


class Page:
    """A Reduction on a page: where things are, and what the mouse does to them."""

    def __init__(self, lab: LabPage, folder: Path, **parameters: object) -> None:
        self.lab, self.mouse = lab, lab.page.mouse
        given = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
        code = f"from hustle_widgets import Reduction\nreduction = Reduction({str(folder)!r}, {given})\nreduction"
        lab.new_notebook([code])
        lab.run_all()
        self.settle(60)

    def settle(self, timeout: float = 30) -> None:
        """Wait until everything is computed and drawn."""
        states = "[s.status for s in reduction.steps.values() if not s.explicit]"
        self.lab.wait_until(
            lambda: set(self.lab.kernel_eval(states)) <= {"fresh", "off"}, timeout, "the chain to be computed"
        )
        self.lab.page.wait_for_timeout(300)

    def open(self, step: str) -> None:
        self.lab.kernel_eval(f"reduction._page.open_step({step!r})")
        self.lab.wait_until(lambda: self.lab.page.locator(".bqplot").count() > LIVE, what="the plots")
        self.lab.page.wait_for_timeout(600)

    def figure(self, number: int) -> Locator:
        return self.lab.page.locator(".bqplot").nth(number)

    def picture(self, number: int = FRAME) -> np.ndarray:
        return self.lab.pixels(self.figure(number))

    def value(self, name: str) -> object:
        return self.lab.kernel_eval(f"reduction.values()[{name!r}]")

    def on_frame(self, column: float, row: float) -> tuple[float, float]:
        """The place on the screen of a place on the frame, its edges at -0.5."""
        image = self.figure(FRAME).locator("image").first
        image.scroll_into_view_if_needed()
        box = image.bounding_box()
        assert box is not None
        x = box["x"] + (column + 0.5) / SHAPE[1] * box["width"]
        return x, box["y"] + (1 - (row + 0.5) / SHAPE[0]) * box["height"]

    def middle(self, element: Locator) -> tuple[float, float]:
        """Where an element's middle is, once it has come to rest: a plot that is drawn again moves its marks."""
        element.scroll_into_view_if_needed()

        def rests() -> bool:
            box = element.bounding_box()
            self.lab.page.wait_for_timeout(250)
            return box is not None and box == element.bounding_box()

        self.lab.wait_until(rests, what="a mark to rest")
        box = element.bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.mouse.move(*start)
        self.mouse.down()
        self.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
        self.mouse.move(*end, steps=4)
        self.lab.page.wait_for_timeout(100)
        self.mouse.up()

    def heading_says(self, number: int, text: str) -> None:
        """Wait until the heading of a plot says something."""
        heading = self.figure(number).locator(HEADED)
        self.lab.wait_until(lambda: re.search(text, heading.inner_text()), what=f"a heading with {text!r}")

    def comes_to(self, name: str, condition, what: str) -> None:
        try:
            self.lab.wait_until(lambda: condition(self.value(name)), 20, f"{name} to {what}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.value(name)}") from None

    def changes(self, before: np.ndarray, number: int, by: float) -> None:
        """Wait until a share of a picture's pixels is another than before."""
        self.lab.wait_until(lambda: changed_fraction(before, self.picture(number)) > by, what="a new picture")

    def outline_leaves(self, path: str) -> None:
        """Wait until the boxes on the frame are not where they were."""
        self.lab.wait_until(lambda: self.outline() != path, what="the boxes to move")

    def slider_stands_at(self, name: str, within: float) -> None:
        """Wait until a slider's handle stands where the parameter is."""
        value = float(str(self.value(name)))
        self.lab.wait_until(
            lambda: abs(self.lab.slider_value(name) - value) <= within,
            what=f"the slider of {name} at {value}",
        )

    def outline(self) -> str:
        """The path of the boxes on the frame."""
        lines = (
            self.figure(FRAME)
            .locator("path.line")
            .evaluate_all(
                "paths => paths.map(path => path.getAttribute('d') || '').filter(d => d.split('L').length >= 5)"
            )
        )
        return "".join(lines)


def test_boxes_and_limits_of_the_uniform_background(lab: LabPage, folder: Path) -> None:
    page = Page(lab, folder, bounds=[[20, 80, 100, 300]], do_Pagul=False, do_column=False)
    page.open("uniform")

    before, path = page.picture(), page.outline()
    page.drag(page.on_frame(199.5, 49.5), page.on_frame(299.5, 109.5))
    page.comes_to("bounds", lambda b: abs(b[0][0] - 80) <= 3 and abs(b[0][2] - 200) <= 3, "be moved")
    (row0, row1, column0, column1), *rest = page.value("bounds")
    assert not rest and (row1 - row0, column1 - column0) == (60, 200)
    page.settle()
    page.outline_leaves(path)
    page.changes(before, FRAME, by=0.005)

    path = page.outline()
    page.drag(page.on_frame(column1 - 0.5, row1 - 0.5), page.on_frame(column1 + 49.5, row1 + 29.5))
    page.comes_to("bounds", lambda b: b[0][:1] == [row0] and b[0][1] > row1 + 20, "be resized")
    assert page.value("bounds")[0][2] == column0
    page.settle()
    page.outline_leaves(path)

    lab.page.get_by_role("button", name="Add a region").click()
    lab.page.wait_for_timeout(300)
    page.drag(page.on_frame(20, 10), page.on_frame(90, 60))
    page.comes_to("bounds", lambda b: len(b) == 2, "hold a second region")
    added = page.value("bounds")[1]
    assert np.abs(np.array(added) - [10, 61, 20, 91]).max() <= 4

    lab.kernel_eval("setattr(reduction.uniform, 'bounds', [[30, 60, 400, 500]])")
    page.settle()
    path = page.outline()
    page.mouse.click(*page.on_frame(499.5 + 0.03 * SHAPE[1], 59.5))  # the cross beside the upper right corner
    page.comes_to("bounds", lambda b: b is None, "be the whole frame")
    page.settle()
    page.outline_leaves(path)

    handle = page.figure(LIVE).locator("path.dot").nth(1)
    x, y = page.middle(handle)
    picture = page.picture(LIVE)
    x, y = page.middle(handle)
    page.drag((x, y), (x - 60, y))
    page.comes_to("hist_max", lambda value: 10 < value < 48, "be dragged")
    page.settle()
    page.changes(picture, LIVE, by=0.002)
    page.slider_stands_at("hist_max", within=0.6)
    dragged = page.picture(LIVE)
    lab.kernel_eval("setattr(reduction.uniform, 'hist_max', 50.0)")
    page.settle()
    heading = page.figure(LIVE).locator(HEADED).inner_text()
    assert "range -20 to 50" in heading
    page.changes(dragged, LIVE, by=0.002)


def test_threshold_flags_and_rows(lab: LabPage, folder: Path) -> None:
    page = Page(lab, folder, do_led=False, do_smooth=False, do_Pagul=False, mask_trace=False)
    page.open("free_iter")
    assert page.value("free_sigma") == 3.5
    page.mouse.click(*page.on_frame(100, 60))  # dull sky: its band fills the plot
    page.heading_says(LIVE, r"Row (5|6)\d, column (9|10)\d")
    handles = page.figure(LIVE).locator("path.dot")
    page.figure(LIVE).scroll_into_view_if_needed()
    edges = [page.middle(handles.nth(handles.count() - k)) for k in (1, 2)]
    (x, y), (_, below) = sorted(edges, key=lambda place: place[1])
    picture = page.picture(LIVE)
    page.drag((x, y), (x, y + (below - y) / 4))  # half way to the centre
    page.comes_to("free_sigma", lambda value: 0.5 < value < 3.4, "be dragged")
    page.settle()
    page.changes(picture, LIVE, by=0.005)
    page.slider_stands_at("free_sigma", within=0.11)

    page.open("hst_flags")
    before, bars = page.picture(), page.picture(LIVE)
    x, y = page.middle(page.figure(LIVE).locator("g.bar rect, rect.bar, .bargroup rect").first)
    page.mouse.click(x, y)
    page.comes_to("hst_flags", lambda flags: flags != [16, 4096], "be chosen by a click")
    page.settle()
    page.changes(bars, LIVE, by=0.01)
    page.changes(before, FRAME, by=0.0001)

    page.open("column")
    page.comes_to("rows", lambda rows: rows == list(range(10)), "be the tutorial's")
    before = page.picture()
    lab.page.get_by_role("button", name="Add rows").click()
    lab.page.wait_for_timeout(300)
    page.drag(page.on_frame(100, 100), page.on_frame(300, 130))
    page.comes_to("rows", lambda rows: len(rows) > 25 and max(rows) >= 127, "hold the rows brushed")
    assert set(range(10)) < set(page.value("rows"))
    page.settle()
    page.changes(before, FRAME, by=0.01)


def test_ten_seconds_of_dragging_end_with_the_last_value(lab: LabPage, folder: Path) -> None:
    page = Page(lab, folder, do_Pagul=False, dist_from_trace=20)
    page.open("free_iter")
    handle = lab.slider("free_sigma").locator(".noUi-handle").first
    track = lab.slider("free_sigma").locator(".noUi-base").bounding_box()
    assert track is not None
    x, y = page.middle(handle)
    page.mouse.move(x, y)
    page.mouse.down()
    start, turn, told = time.monotonic(), 0, False
    while time.monotonic() - start < 10:
        turn += 1
        told = told or page.figure(FRAME).locator(HEADED).inner_text().startswith("Preview")
        page.mouse.move(track["x"] + track["width"] * (0.05 + 0.6 * (turn % 2)), y, steps=8)
        lab.page.wait_for_timeout(30)
    page.mouse.move(track["x"] + track["width"] * 0.03, y, steps=5)
    page.mouse.up()
    assert told  # the page says when what it shows is a preview
    page.settle(60)
    lab.wait_until(
        lambda: (
            # The browser tells it to one decimal.
            lab.kernel_eval("reduction.free_iter.free_sigma")
            == pytest.approx(lab.slider_value("free_sigma"), abs=0.051)
        )
    )
    page.settle(60)
    heading = page.figure(FRAME).locator(HEADED).inner_text()
    number = lab.kernel_eval("reduction._page.selection.frame")
    flagged = lab.kernel_eval(f"len(reduction.outcomes()['free_iter'].patch.frame_pixels({number})[0])")
    assert "Preview" not in heading and f"flagged here: {flagged:,}" in heading
    last = page.picture()
    # The same setting, computed and drawn with nothing else going on, is the same picture.
    value = page.value("free_sigma")
    lab.kernel_eval("setattr(reduction.free_iter, 'free_sigma', 12.0)")
    page.settle()
    page.changes(last, FRAME, by=0.0005)
    lab.kernel_eval(f"setattr(reduction.free_iter, 'free_sigma', {value})")
    page.settle()
    assert changed_fraction(last, page.picture()) == 0
