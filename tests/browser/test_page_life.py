"""The page from the browser's first sight of it to a notebook that is opened later, without a kernel."""

from __future__ import annotations

import base64
import io
import os
import signal
from typing import Any

import numpy as np
from lab import LabPage
from PIL import Image
from showing import folder, shown

__all__ = ["folder", "shown"]  # fixtures

OUTPUTS = "() => jupyterapp.shell.currentWidget.content.widgets[0].model.sharedModel.toJSON().outputs"
SAVE = "() => jupyterapp.commands.execute('docmanager:save')"
# How many points, lines and pictures each plot on the page has.
DRAWN = """() => [...document.querySelectorAll('.hustle-page .bqplot')].map(
  plot => plot.querySelectorAll('path.line, .dot, .element, image').length)"""


def pictures(lab: LabPage) -> list[dict[str, Any]]:
    """Return the outputs of the cell that hold a picture."""
    return [o["data"] for o in lab.page.evaluate(OUTPUTS) if "image/png" in o.get("data", {})]


def test_a_page_is_loaded_again_loses_its_kernel_and_is_opened_later(shown: LabPage):
    lab = shown
    lab.wait_until(lambda: pictures(lab), 60, "the picture")
    (picture,) = pictures(lab)
    html = "".join(picture["text/html"])
    assert "Parameters that differ" in html and "dist_from_trace 20" in html and "Frame 0 after 3b" in html
    image = Image.open(io.BytesIO(base64.b64decode("".join(picture["image/png"])))).convert("RGB")
    assert np.asarray(image).std() > 20 and image.width > 600
    assert not lab.page.locator(".hustle-still").first.is_visible()
    drawn = lab.page.evaluate(DRAWN)
    assert len(drawn) >= 4 and all(drawn)
    lab.page.evaluate(SAVE)

    # A fresh front end on the same kernel: every widget is asked for anew.
    for _ in range(2):
        lab.open_notebook(lab.name)
        lab.wait_until(lambda: lab.page.evaluate(DRAWN) == drawn, 60, "every plot")
        assert lab.page.locator(".hustle-page").count() == 1
        assert not lab.page.locator(".hustle-gone").count()

    os.kill(lab.kernel_eval("__import__('os').getpid()"), signal.SIGKILL)
    lab.page.locator(".hustle-gone", has_text="kernel of this page is gone").wait_for(timeout=60_000)
    # ipywidgets would put a broken link before each of its parts.
    marks = "e => getComputedStyle(e, '::before').content"
    assert lab.page.locator(".hustle-page .hustle-bar").evaluate(marks) == "none"

    # As a person meets the notebook later.
    lab.server.shut_down_kernels()
    lab.open_notebook(lab.name)
    lab.page.locator(".hustle-still img").wait_for()
    assert not lab.page.get_by_text("Error displaying widget").is_visible()
    lab.take_errors()  # of the kernel that was killed
