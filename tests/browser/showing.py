"""A small visit, its Reduction on display with all steps computed, and ways through its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from lab import LabPage
from window import Window

from hustle_widgets import simulate_visit

SHAPE = (200, 640)
# Pages beside those of the steps.
CHOOSING = ("pins", "inject", "sweep", "export")
THEMES = ("JupyterLab Light", "JupyterLab Dark")
SHOW = """
from hustle_widgets import Reduction
reduction = Reduction({folder!r}, dist_from_trace=20, bounds=None, smth_bounds=None, verbose=0)
reduction"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated visit of 12 frames."""
    folder = tmp_path_factory.mktemp("visit") / "files"
    simulate_visit(folder, n_frames=12, shape=SHAPE, n_stars=2, seed=5)
    return folder


@pytest.fixture
def shown(
    window: Window, folder: Path, watched: Callable[[LabPage], AbstractContextManager[None]]
) -> Iterator[LabPage]:
    """A new Reduction on display, all computed, in the window that the tests of a module share."""
    good = False
    try:
        lab = window.run(SHOW.format(folder=str(folder)))
        lab.page.get_by_text("White light curve").wait_for(timeout=60_000)
        settle(lab)
        lab.page.evaluate("() => document.querySelector('.jp-Cell-outputWrapper').scrollIntoView()")
        with watched(lab):
            yield lab
        good = True
    finally:
        if not good:
            window.close()


def settle(lab: LabPage) -> None:
    """Wait until nothing is computed."""
    lab.wait_until(lambda: not lab.kernel_eval("reduction.busy"), 60, "the computation")
    lab.flush()


def use_theme(lab: LabPage, theme: str) -> None:
    lab.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
    light = "true" if theme.endswith("Light") else "false"
    lab.page.locator(f"body[data-jp-theme-light='{light}']").wait_for(state="attached")
    lab.page.wait_for_timeout(400)


def open_every_page(lab: LabPage) -> Iterator[str]:
    for step in ("setup", *CHOOSING, *lab.kernel_eval("list(reduction.steps)")):
        lab.kernel_eval(f"reduction._page.open_step({step!r})")
        lab.flush()
        lab.page.wait_for_timeout(150)
        yield step
