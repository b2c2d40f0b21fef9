"""The page in a window of any width, and by the keyboard alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lab import LabPage
from showing import SHAPE, SHOW, THEMES, folder, open_every_page, settle, shown, use_theme

__all__ = ["folder", "shown"]  # fixtures

# What reaches beyond a box that hides it or scrolls, scroll bars, and sliders without a track to move on.
# Two places may scroll: the list of steps of a wide page, and the panel of a step.
FAULTS = """() => {
  const page = document.querySelector('.hustle-page'), faults = [];
  const named = (element) => `${element.className} ${(element.innerText ?? '').slice(0, 40)}`;
  const width = page.getBoundingClientRect();
  for (const element of page.querySelectorAll('*')) {
    const style = getComputedStyle(element), box = element.getBoundingClientRect();
    if (!box.width || !box.height || style.visibility === 'hidden') continue;
    if (element.closest('svg, .hustle-sr, .hustle-one-line')) continue;
    const scrolls = /auto|scroll/.test(style.overflowY) || /auto|scroll/.test(style.overflowX);
    if (scrolls && element.scrollHeight > element.clientHeight + 1 && !element.matches('.hustle-panel, select'))
      faults.push(`scrolls upright: ${named(element)}`);
    if (scrolls && element.scrollWidth > element.clientWidth + 1) faults.push(`scrolls across: ${named(element)}`);
    if (box.left < width.left - 2 || box.right > width.right + 2) faults.push(`beyond the page: ${named(element)}`);
  }
  const kinds = '.jupyter-button, .widget-hslider, .widget-dropdown, .widget-text, .widget-checkbox, .bqplot';
  for (const element of page.querySelectorAll(kinds)) {
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    if (element.matches('.jupyter-button') && element.scrollWidth > element.clientWidth + 1)
      faults.push(`cut: ${named(element)}`);
    const label = element.querySelector('.widget-label');
    if (label && label.scrollWidth > label.clientWidth + 1) faults.push(`label cut: ${named(element)}`);
    for (let around = element.parentElement; around !== page; around = around.parentElement) {
      if (getComputedStyle(around).overflowX === 'visible') continue;
      const room = around.getBoundingClientRect();
      if (box.left < room.left - 2 || box.right > room.right + 2) faults.push(`cut off: ${named(element)}`);
    }
  }
  for (const track of page.querySelectorAll('.hustle-settings .noUi-base')) {
    const long = track.getBoundingClientRect().width;
    if (long && long < 180) faults.push(`track of ${Math.round(long)} px: ${named(track.closest('.widget-hslider'))}`);
  }
  return faults;
}"""


def faults_of(lab: LabPage) -> list[str]:
    """What is wrong with the page when it has come to rest."""
    for _ in range(12):
        lab.page.wait_for_timeout(150)
        if not (faults := lab.page.evaluate(FAULTS)):
            break
    return faults


def test_nothing_is_cut_off_and_no_box_scrolls(shown: LabPage):
    lab = shown
    faults: dict[Any, list[str]] = {}
    for step in open_every_page(lab):
        for width in (1920, 1280, 1024, 900):
            lab.page.set_viewport_size({"width": width, "height": 800})
            if found := faults_of(lab):
                faults[step, width] = found
    assert not faults


def test_a_side_bar_and_a_dark_theme_cut_nothing_off_either(shown: LabPage):
    lab = shown
    faults: dict[Any, list[str]] = {}
    # The width of a cell beside an open side bar at 1280 and at 900 px.
    for width in (980, 600):
        lab.page.set_viewport_size({"width": width, "height": 800})
        for theme in THEMES:
            use_theme(lab, theme)
            for step in ("free_iter", "led", "uniform", "quicklook"):
                lab.kernel_eval(f"reduction._page.open_step({step!r})")
                if found := faults_of(lab):
                    faults[width, theme, step] = found
    assert not faults


def test_the_work_is_on_one_screen(shown: LabPage):
    lab = shown
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    lab.kernel_eval("reduction._page.open_step('free_iter')")
    lab.page.wait_for_timeout(500)
    page = lab.page.locator(".hustle-page").bounding_box()
    assert page is not None and page["height"] <= 800 - 90
    for part in (
        ".hustle-frame .bqplot",
        ".hustle-curve .bqplot",
        ".hustle-plot .bqplot",
        ".hustle-settings .noUi-base",
    ):
        for box in (found.bounding_box() for found in lab.page.locator(part).all()):
            assert box is not None and box["width"] > 150, part
            assert box["y"] >= page["y"] and box["y"] + box["height"] <= page["y"] + page["height"] + 1, part
    pixels = lab.page.locator(".hustle-frame .bqplot image").first.bounding_box()
    assert pixels is not None
    rows, columns = SHAPE
    assert pixels["width"] / columns == pytest.approx(pixels["height"] / rows, rel=0.02)  # square


def test_the_page_keeps_its_place_while_a_slider_moves(shown: LabPage):
    lab = shown
    parts = ".hustle-frame, .hustle-curve, .hustle-panel, .hustle-plot, .hustle-steps"
    places = f"""() => [...document.querySelectorAll('{parts}')].map(e => {{
        const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height].map(Math.round); }})"""
    before = lab.page.evaluate(places)
    for fraction in (0.05, 0.3, 0.01, 0.8):
        lab.drag_slider("free_sigma", fraction)
        assert lab.page.evaluate(places) == before
    settle(lab)
    assert lab.page.evaluate(places) == before


def test_a_step_in_a_box_of_the_user_keeps_its_width(lab: LabPage, folder: Path):
    made = SHOW.format(folder=str(folder)).rsplit("\n", 1)[0]
    lab.new_notebook([f"{made}\nimport ipywidgets as w\nw.HBox([reduction.uniform, w.Label('beside')])"])
    lab.run_all()
    lab.page.get_by_text("Frame 0 after 5a").wait_for(timeout=60_000)
    settle(lab)
    box = lab.page.locator(".hustle-page").bounding_box()
    assert box is not None and box["width"] > 800
    assert lab.page.get_by_text("beside", exact=True).is_visible()
    assert not faults_of(lab)


def test_flagged_pixels_are_walked_through(shown: LabPage):
    lab = shown
    lab.kernel_eval("reduction.free_iter.set_trait('free_sigma', 3.0)")  # of 12 frames none flags more
    settle(lab)
    look = "[reduction._page.selection.row, reduction._page.selection.column]"
    flagged = (
        "[list(map(int, p)) for p in zip(*reduction.outcomes()['free_iter'].patch.frame_pixels("
        "reduction._page.selection.frame))]"
    )
    buttons = lab.page.locator(".hustle-walk button")
    pixels = lab.kernel_eval(flagged)
    assert len(pixels) > 2
    seen = []
    for button in (1, 1, 0):
        buttons.nth(button).click()
        lab.page.wait_for_timeout(400)
        seen.append(lab.kernel_eval(look))
    assert seen[0] == seen[2] != seen[1]
    assert all(pixel in pixels for pixel in seen)
    row, column = seen[2]
    lab.page.get_by_text(f"Row {row}, column {column}").wait_for()
    assert lab.page.get_by_text("replaced by").is_visible()


def test_the_keyboard_reaches_every_control(shown: LabPage):
    lab = shown
    lab.page.locator(".hustle-bar .hustle-run").focus()
    named = """() => { const e = document.activeElement; return e.closest('.hustle-page') ? (
        e.innerText || e.title || e.closest('.jupyter-widgets')?.innerText || e.tagName).trim() : '' }"""
    reached = []
    for _ in range(60):
        lab.page.keyboard.press("Tab")
        name = lab.page.evaluate(named)
        if not name:  # beyond the last one
            break
        reached.append(name)
    said = "\n".join(reached)
    for control in (
        "Set-up",
        "compute at every edit",
        "Zoom",
        "Show the whole frame",
        "Frame",
        "flags",
        "do_free_iter",
    ):
        assert control in said, control
    steps = [name for name in reached if re.match(r"\d[abc]? [A-Z0]", name)]
    assert steps == ["3b Free iteration"]

    # Steps are one stop of Tab, left and right go through them; opened by Enter, switched by the space bar.
    lab.page.locator("button.hustle-step", has_text="3b Free iteration").focus()
    for _ in range(3):
        lab.page.keyboard.press("ArrowRight")
    assert lab.page.evaluate("document.activeElement.innerText") == "5a Uniform"
    lab.page.keyboard.press("Enter")
    lab.wait_until(
        lambda: lab.kernel_eval("reduction._page.selection.step") == "uniform", what="the step to open"
    )
    for state in (False, True):
        lab.page.keyboard.press("Space")
        lab.wait_until(
            lambda state=state: lab.kernel_eval("reduction.uniform.enabled") is state, what="the switch"
        )
    before = lab.kernel_eval("reduction.uniform.hist_bins")
    lab.press_slider("hist_bins", "ArrowRight")
    lab.wait_until(lambda: lab.kernel_eval("reduction.uniform.hist_bins") > before, what="the slider to move")
    settle(lab)


def test_keys_belong_to_the_page_while_it_has_the_focus(shown: LabPage):
    lab = shown
    lab.page.locator("button.hustle-step", has_text="3b Free iteration").click()
    lab.page.keyboard.press("Escape")  # leaves the cell's editor, as a person's hand does
    lab.page.locator("button.hustle-step", has_text="3b Free iteration").focus()
    lab.page.keyboard.press("x")
    lab.page.wait_for_timeout(300)
    assert lab.page.locator(".hustle-page").is_visible(), "the notebook has cut the cell"
    lab.page.keyboard.press(".")
    lab.wait_until(lambda: lab.kernel_eval("reduction._page.selection.frame") == 1, what="the next frame")
    lab.page.keyboard.press(",")
    lab.wait_until(lambda: lab.kernel_eval("reduction._page.selection.frame") == 0, what="the frame before")
    lab.page.keyboard.press("?")
    keys = lab.page.locator(".hustle-keys")
    keys.get_by_text("undo, redo").wait_for()
    lab.page.keyboard.press("Escape")
    keys.wait_for(state="detached")
    lab.kernel_eval("reduction.free_iter.set_trait('free_sigma', 3.0)")
    settle(lab)
    lab.page.locator("button.hustle-step", has_text="3b Free iteration").focus()
    lab.page.keyboard.press("u")
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") == 3.5, what="undo")
    settle(lab)


def test_the_wheel_moves_the_slider_that_has_the_focus(shown: LabPage):
    lab = shown
    handle = lab.slider("free_sigma").locator(".noUi-handle")
    handle.focus()
    handle.hover()
    lab.page.mouse.wheel(0, -100)
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") > 3.5, what="a small step")
    assert lab.kernel_eval("reduction.free_iter.free_sigma") < 3.8
    settle(lab)


def test_a_number_is_typed_beside_its_slider(shown: LabPage):
    lab = shown
    box = lab.page.locator(".hustle-control", has_text="free_sigma").locator(".hustle-number input")
    box.fill("3.21")
    box.press("Enter")
    lab.wait_until(lambda: lab.kernel_eval("reduction.free_iter.free_sigma") == 3.21, what="the number")
    # The browser tells it to one decimal.
    lab.wait_until(lambda: abs(lab.slider_value("free_sigma") - 3.21) < 0.05, what="the slider to follow")
    box.fill("-4")
    box.press("Enter")
    lab.page.get_by_text("must be a float > 0").wait_for()
    assert lab.kernel_eval("reduction.free_iter.free_sigma") == 3.21
    settle(lab)


def test_the_page_takes_the_whole_window(shown: LabPage):
    lab = shown
    lab.page.locator(".hustle-full").click()
    whole = lab.page.locator(".hustle-page.hustle-whole-window")
    whole.wait_for()
    box = whole.bounding_box()
    assert box is not None and box["width"] >= 1270 and box["height"] >= 790
    assert not faults_of(lab)
    # On a small screen at 125 %: frame, curve, slider and plots at once, and no label over another.
    for width, height in ((1093, 614), (819, 614)):
        lab.page.set_viewport_size({"width": width, "height": height})
        assert not faults_of(lab)
        lab.wait_until(lambda: not lab.page.evaluate(OVERLAPS), 5, "labels that do not overlap")
        picture = lab.page.locator(".hustle-frame .bqplot image").first.bounding_box()
        assert picture is not None and picture["width"] > 300
        for part in (".hustle-curve .bqplot", ".hustle-plot .bqplot", ".hustle-settings .noUi-base"):
            found = lab.page.locator(part).first.bounding_box()
            assert found is not None and found["y"] + found["height"] <= height, part
    lab.page.locator(".hustle-full").click()
    whole.wait_for(state="detached")


# Labels of ticks that lie over one another, in any plot.
OVERLAPS = """() => [...document.querySelectorAll('.hustle-page .bqplot')].flatMap((plot) => {
  const seen = [...plot.querySelectorAll('.axis .tick text, .axislabel')].filter((text) =>
    text.textContent.trim() && text.getBoundingClientRect().width && getComputedStyle(text).visibility !== 'hidden');
  const boxes = seen.map((text) => text.getBoundingClientRect());
  return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) =>
    Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2.5).map(() => seen[i].textContent));
})"""


def test_a_step_opened_where_its_panel_is_below_is_brought_into_sight(shown: LabPage):
    lab = shown
    lab.page.set_viewport_size({"width": 560, "height": 560})
    lab.page.locator(".hustle-page").last.evaluate("page => page.scrollIntoView({ block: 'start' })")
    lab.page.locator("button.hustle-step", has_text="4a Edges").click()
    title = lab.page.locator(".hustle-panel-title", has_text="4a")
    lab.wait_until(lambda: 0 < lab.at_rest(title)["y"] < 500, 5, "the panel to come into sight")
