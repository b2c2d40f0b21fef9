"""A step of a person's own on the page: in the list, with its slider, its plots and its picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import LabPage, changed_fraction

from hustle_widgets import simulate_visit

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("visit")
    simulate_visit(made, n_frames=6, shape=(240, 640), n_stars=0, seed=3)
    return made


def test_the_example_is_on_the_page_and_its_slider_computes(lab: LabPage, folder: Path) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(EXAMPLES)!r})
from row_drift import RowDrift
from hustle_widgets import Reduction
from hustle_widgets.steps import with_step
reduction = Reduction({str(folder)!r}, steps=with_step(RowDrift), do_save=False)
reduction"""
    lab.new_notebook([code])
    lab.run_all()
    states = "[s.status for s in reduction.steps.values() if not s.explicit]"

    def settle() -> None:
        lab.wait_until(lambda: not {"stale", "running"} & set(lab.kernel_eval(states)), 60, "the chain")

    settle()
    lab.page.get_by_role("button", name="2b Bias: drift along the rows").click()
    plots = lab.page.locator(".hustle-plot .bqplot")
    lab.wait_until(lambda: plots.count() == 2, 30, "level and profile")
    lab.wait_until(lambda: plots.first.is_visible(), 10, "the plots")
    before = lab.pixels(plots.last)
    count = lab.kernel_eval("reduction.row_drift.compute_count")
    lab.press_slider("drift_sigma", "ArrowLeft", 20)
    lab.wait_until(lambda: lab.kernel_eval("reduction.row_drift.drift_sigma") < 3, 30, "the slider's value")
    lab.wait_until(lambda: lab.kernel_eval("reduction.row_drift.compute_count") > count, 60, "the step")
    settle()
    assert changed_fraction(before, lab.pixels(plots.last)) > 0.001
    assert lab.kernel_eval("reduction.row_drift.status") == "fresh"
    assert not lab.take_errors()
