"""The harness itself: what the other browser tests rely on sees what a person would see."""

import pytest
from lab import LabPage, changed_fraction

SLIDER_AND_PLOT = """
import bqplot, ipywidgets as widgets, numpy as np
x = np.arange(20.0)
scales = {"x": bqplot.LinearScale(), "y": bqplot.LinearScale(min=-10, max=200)}
line = bqplot.Lines(x=x, y=x, scales=scales, stroke_width=4)
slider = widgets.IntSlider(1, 0, 10, description="slope")
moves = []
def follow(change):
    moves.append(change.new)
    line.y = x * change.new
slider.observe(follow, "value")
widgets.VBox([slider, bqplot.Figure(marks=[line])])
"""


@pytest.fixture
def plot(lab: LabPage) -> LabPage:
    lab.new_notebook(["print('ready', 6 * 7)", SLIDER_AND_PLOT])
    lab.run_all()
    lab.page.locator(".bqplot path.line").wait_for()
    return lab


def drawn(lab: LabPage) -> str:
    return lab.page.locator(".bqplot path.line").get_attribute("d") or ""


def test_keys_on_a_slider_redraw_the_plot(plot: LabPage) -> None:
    assert plot.output_of_cell(0).inner_text().strip() == "ready 42"
    before, picture = drawn(plot), plot.pixels(plot.page.locator(".bqplot"))
    plot.press_slider("slope", "ArrowRight", times=3)
    plot.wait_until(lambda: plot.slider_value("slope") == 4, what="the handle to move")
    plot.wait_until(lambda: plot.kernel_eval("slider.value") == 4, what="the kernel to hear of it")
    plot.wait_until(lambda: drawn(plot) != before, what="the line to change")
    assert changed_fraction(picture, plot.pixels(plot.page.locator(".bqplot"))) > 0.001
    assert plot.take_errors() == []


def test_a_plot_out_of_view_stays(lab: LabPage) -> None:
    tall = "from IPython.display import HTML\nHTML('<div style=\"height: 2000px\">tall</div>')"
    lab.new_notebook([SLIDER_AND_PLOT, tall, tall])
    lab.run_all()
    lab.page.evaluate("() => { document.querySelector('.bqplot').stayed = true }")
    lab.output_of_cell(2).scroll_into_view_if_needed()
    lab.flush()
    before = drawn(lab)
    lab.kernel_eval("slider.set_trait('value', 5)")
    lab.wait_until(lambda: drawn(lab) != before, what="the line to change while out of view")
    lab.press_slider("slope")
    lab.wait_until(lambda: lab.slider_value("slope") == 6, what="the handle to move")
    assert lab.page.evaluate("() => document.querySelector('.bqplot').stayed")
    mode = "() => jupyterapp.shell.currentWidget.content.notebookConfig.windowingMode"
    assert lab.page.evaluate(mode) == "none"  # the settings that come with the package are in force


def test_the_mouse_drags_a_slider(plot: LabPage) -> None:
    plot.drag_slider("slope", 0.8)
    plot.wait_until(lambda: plot.kernel_eval("moves[-1:]") == [8], what="the kernel to hear of the drag")
    assert plot.screenshot("dragged").stat().st_size > 10_000


IN_BROWSER = "from IPython.display import Javascript, display\nJavascript('console.error(\"broken\")')"
IN_CALLBACK = """
import ipywidgets as widgets
slider = widgets.IntSlider(1, 0, 10, description="fragile")
slider.observe(lambda change: 1 / 0, "value")
slider"""
IN_THREAD = "import threading\nthreading.Thread(target=lambda: {}['lost']).start()"


def test_errors_are_noticed_wherever_they_are_raised(lab: LabPage) -> None:
    lab.new_notebook([IN_BROWSER, IN_CALLBACK, IN_THREAD, "1 / 0", "late = True"])
    lab.run_cell(0)
    assert any("broken" in error for error in lab.wait_until(lab.take_errors, what="the console's error"))
    lab.run_cell(1)
    lab.press_slider("fragile")
    assert any(
        "ZeroDivisionError" in error for error in lab.wait_until(lab.take_errors, what="the callback's")
    )
    lab.run_cell(2)
    assert any("KeyError" in error for error in lab.wait_until(lab.take_errors, what="the thread's"))
    with pytest.raises(AssertionError, match="cell 3 of .* failed:(.|\n)*ZeroDivisionError"):
        lab.run_cell(3)
    assert not lab.take_errors()  # a cell's error is the cell's
    lab.run_cell(4)
    assert lab.kernel_eval("late") is True
