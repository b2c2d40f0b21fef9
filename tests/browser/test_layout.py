"""The page in a window of any width, and by the keyboard alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lab import LabPage
from showing import SHOW, folder, settle, shown

__all__ = ["folder", "shown"]  # fixtures

# Controls and plots that reach beyond the page or a box that hides what overflows, and sliders without a track.
CUT_OFF = """() => {
  const page = document.querySelector('.hustle-page'), cut = [];
  const kinds = ['.widget-button', '.widget-hslider', '.widget-dropdown', '.widget-text', '.widget-toggle-button',
                 '.widget-play', 'input', '.hustle-assessment', '.bqplot'];
  for (const element of page.querySelectorAll(kinds.join())) {
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const name = element.className + ' ' + element.innerText.slice(0, 40);
    for (let around = element.parentElement; around !== page.parentElement; around = around.parentElement) {
      if (around !== page && getComputedStyle(around).overflow === 'visible') continue;
      const room = around.getBoundingClientRect();
      if (box.left < room.left - 3 || box.right > room.right + 3 || box.bottom > room.bottom + 3)
        cut.push(`${name}: ${Math.round(box.right - room.right)} right, ${Math.round(box.bottom - room.bottom)} below`);
    }
    const track = element.querySelector('.noUi-base');
    if (track && track.getBoundingClientRect().width < 24) cut.push(`${name}: no track`);
  }
  return cut;
}"""


def test_nothing_is_cut_off_in_any_window(shown: LabPage):
    lab = shown
    steps = lab.kernel_eval("list(reduction.steps)")
    cut: dict[Any, list[str]] = {}
    for width in (1920, 1280, 1024, 900):
        lab.page.set_viewport_size({"width": width, "height": 900})
        for step in ("setup", *steps):
            lab.kernel_eval(f"reduction._page.open_step({step!r})")
            lab.page.wait_for_timeout(500)
            cut[width, step] = lab.page.evaluate(CUT_OFF)
    assert not {place: found for place, found in cut.items() if found}


def test_a_step_in_a_box_of_the_user_keeps_its_width(lab: LabPage, folder: Path):
    made = SHOW.format(folder=str(folder)).rsplit("\n", 1)[0]
    lab.new_notebook([f"{made}\nimport ipywidgets as w\nw.HBox([reduction.uniform, w.Label('beside')])"])
    lab.run_all()
    lab.page.get_by_text("Frame 0 after 5a").wait_for(timeout=60_000)
    settle(lab)
    box = lab.page.locator(".hustle-page").bounding_box()
    assert box is not None and box["width"] > 800
    assert lab.page.get_by_text("beside", exact=True).is_visible()
    assert not lab.page.evaluate(CUT_OFF)


def test_flagged_pixels_are_walked_through(shown: LabPage):
    lab = shown
    lab.kernel_eval("reduction.free_iter.set_trait('free_sigma', 3.0)")  # of 12 frames none flags more
    settle(lab)
    look = "[reduction._page.look.row, reduction._page.look.column]"
    flagged = (
        "[list(map(int, p)) for p in zip(*reduction.outcomes()['free_iter'].patch.frame_pixels("
        "reduction._page.look.frame))]"
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
    lab.page.locator(".hustle-bar .widget-button", has_text="Run and save").focus()
    named = """() => { const e = document.activeElement; return e.closest('.hustle-page') ? (
        e.innerText || e.title || e.closest('.jupyter-widgets')?.innerText || e.tagName).trim() : '' }"""
    reached = []
    for _ in range(120):
        lab.page.keyboard.press("Tab")
        name = lab.page.evaluate(named)
        if not name:  # beyond the last one
            break
        reached.append(name)
    said = "\n".join(reached)
    for section in lab.kernel_eval("[step.section for step in reduction.steps.values()]"):
        assert any(name.startswith(f"{section} ") for name in reached), section
    for control in (
        "Set-up",
        "compute at every edit",
        "Zoom",
        "Whole",
        "Frame",
        "flags",
        "do_free_iter",
        "free_sigma",
    ):
        assert control in said, control

    # A step is opened, switched off and on, and its slider moved, without the mouse.
    lab.page.locator("button.hustle-step", has_text="5a Background").focus()
    lab.page.keyboard.press("Enter")
    lab.wait_until(lambda: lab.kernel_eval("reduction._page.look.step") == "uniform", what="the step to open")
    switch = lab.page.locator(".hustle-settings .widget-checkbox input").first
    switch.focus()
    for state in (False, True):
        lab.page.keyboard.press("Space")
        lab.wait_until(
            lambda state=state: lab.kernel_eval("reduction.uniform.enabled") is state, what="the switch"
        )
    before = lab.kernel_eval("reduction.uniform.hist_bins")
    lab.press_slider("hist_bins", "ArrowRight")
    lab.wait_until(lambda: lab.kernel_eval("reduction.uniform.hist_bins") > before, what="the slider to move")
    settle(lab)
