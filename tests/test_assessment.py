"""The assessment: over-correction, background, motion and scatter are judged as the simulation's truth has them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from visits import everything, small_folder, small_visit, tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.assessment import Finding, Zones, assess, judge, worst, worst_of_steps
from hustle_widgets.assessment.flagged import TRACE_SHARE
from hustle_widgets.assessment.motion import AGREEMENT
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Outcome, Patch, Table
from hustle_widgets.simulate import read_truth

__all__ = ["small_folder", "small_visit"]  # fixtures


def judged(visit: Any, folder: Path, **parameters: Any) -> tuple[list[Finding], Reduction]:
    reduction = Reduction(visit, **everything(folder) | {"do_save": False} | parameters)
    reduction.run()
    return assess(reduction.state(), reduction.zeroth_tracking.location), reduction


def of(findings: list[Finding], title: str, step: str = "") -> Finding:
    return worst(f for f in findings if f.title == title and step in ("", f.step))


@pytest.fixture(scope="module")
def default(small_visit, small_folder):
    return judged(small_visit, small_folder)


def test_the_default_is_good_by_every_criterion(default):
    findings, _ = default
    titles = {finding.title for finding in findings}
    assert titles == {
        "Traces kept", "Stars kept", "Pixels changed", "Background left", "Trace in the aperture", "Displacement",
        "Trackers agree", "Scatter",
    }  # fmt: skip
    assert {f"{f.title} {f.step}: {f.sentence}" for f in findings if f.verdict == "bad"} == set()
    # In six frames no outlier reaches the thresholds in time: these steps find nothing, and say so.
    blind = [
        finding for finding in findings if finding.step in ("fixed_iter", "free_iter") and not finding.value
    ]
    for finding in findings:
        if finding.title not in ("Scatter", "Trackers agree") and finding not in blind:
            assert finding.verdict == "good", finding.sentence
    assert [finding.verdict for finding in blind if finding.title == "Traces kept"] == ["check", "check"]


def test_over_correction_is_bad_on_the_traces(small_visit, small_folder):
    findings, _ = judged(small_visit, small_folder, free_sigma=1.5, led_threshold=1)
    found = of(findings, "Traces kept", "free_iter")
    assert found.verdict == "bad" and "aise free_sigma" in found.sentence
    assert of(findings, "Pixels changed", "free_iter").verdict == "bad"
    assert worst_of_steps(findings)["free_iter"].verdict == "bad"
    assert worst_of_steps(findings)["hst_flags"].verdict == "good"
    # In six frames, four of them in transit, scatter is not known.
    scatter = of(findings, "Scatter")
    assert (scatter.figure, scatter.verdict) == ("not known", "check") and "tells nothing" in scatter.sentence


def test_a_step_that_follows_the_trace_is_bad_however_few_pixels_it_flags_elsewhere(default):
    _, reduction = default
    state = reduction.state()
    zones = Zones.of(state, reduction.zeroth_tracking.location)
    on = np.flatnonzero(zones.of_pixel == 1)
    mask = np.zeros((state.shape[0], zones.of_pixel.size), dtype=bool)
    mask[:, on[::20]] = True  # 5 % of the traces and nothing else
    patch = Patch.where(mask.reshape(state.shape), None)
    led = replace(state, outcomes={**state.outcomes, "led": Outcome((patch,))})
    share, off = zones.shares(patch)
    assert (share, off) == (pytest.approx(0.05, rel=0.01), 0)
    found = of(assess(led, reduction.zeroth_tracking.location), "Traces kept", "led")
    assert found.verdict == "bad" and f"{share:.2%}" in found.figure
    mask[:, on] = False
    mask[:, on[::1500]] = True  # a few pixels of the traces are no over-correction
    few = replace(state, outcomes={"led": Outcome((Patch.where(mask.reshape(state.shape), None),))})
    found = of(assess(few, reduction.zeroth_tracking.location), "Traces kept", "led")
    assert found.verdict == "good" and "too few to matter" in found.sentence


def test_zones_hold_the_light_of_the_true_traces(default, small_folder):
    _, reduction = default
    truth = read_truth(small_folder)
    zones = Zones.of(reduction.state(), reduction.zeroth_tracking.location)
    image = zones.of_pixel.reshape(reduction.state().shape[1:])
    for order in ("+1", "-1"):
        rows = truth["trace_rows"].sel(order=order).values
        light = truth["trace_electrons"].sel(order=order).values
        columns = np.flatnonzero(np.isfinite(rows) & (light > 0.3 * np.nanmax(light)))
        columns = columns[(rows[columns] >= 0) & (rows[columns] < image.shape[0] - 1)]
        if columns.size:
            assert (image[np.rint(rows[columns]).astype(int), columns] == 1).mean() > 0.95
    assert sum(zones.counts) == image.size


def test_a_background_left_in_is_bad(small_visit, small_folder):
    off = dict.fromkeys(("do_uniform", "do_column", "do_Pagul"), False)
    findings, reduction = judged(small_visit, small_folder, **off)
    found = of(findings, "Background left")
    assert (found.step, found.verdict) == ("uniform", "bad")
    assert found.remedy is not None and found.remedy.parameter == "enabled" and found.remedy.value is True
    assert found.remedy.words[1:] in found.sentence
    # It is what the pixels off the traces hold.
    sky = np.median(reduction.state().frame(0)[:5])
    assert found.value == pytest.approx(sky, abs=1.5)


def test_background_belongs_to_the_last_step_that_subtracted_one(small_visit, small_folder):
    findings, _ = judged(small_visit, small_folder, do_Pagul=False)
    assert of(findings, "Background left").step == "column"


def test_motion_of_many_pixels_and_a_tracker_that_disagrees_are_found(default):
    findings, reduction = default
    state = reduction.state()
    assert of(findings, "Trackers agree").value < AGREEMENT[1]
    table = state.outcomes["bkg_stars"].table
    lost = table.columns["star0_disp"].copy()
    lost[1:] += [8.0, -30.0]
    columns = {**table.columns, "star0_disp": lost, "meanstar_disp": lost}
    wrong = replace(state, outcomes={**state.outcomes, "bkg_stars": Outcome((Table(columns),))})
    findings = assess(wrong, reduction.zeroth_tracking.location)
    assert of(findings, "Displacement", "bkg_stars").verdict == "bad"
    agree = of(findings, "Trackers agree")
    assert agree.verdict == "bad" and "star 0" in agree.sentence


def test_an_edit_that_raises_the_scatter_is_told(default):
    findings, reduction = default
    now = of(findings, "Scatter").sentence
    ppm = reduction.outcomes()["quicklook"].table.facts["scatter_ppm"]["+1"]
    location = reduction.zeroth_tracking.location
    edit = of(assess(reduction.state(), location, {"+1": ppm / 2}), "Last edit")
    assert edit.verdict == "bad" and edit.value == pytest.approx(2) and "made it worse" in edit.sentence
    assert of(assess(reduction.state(), location, {"+1": ppm}), "Last edit").verdict == "good"
    assert f"{ppm:,.0f} ppm" in now


@pytest.mark.parametrize(
    ("ppm", "verdict"), [(30, "bad"), (65, "check"), (100, "good"), (200, "check"), (400, "bad")]
)
def test_scatter_is_judged_from_above_and_from_below(default, ppm, verdict):
    _, reduction = default
    state = reduction.state()
    facts = {"scatter_ppm": {"+1": ppm}, "expected_ppm": {"+1": 100.0}}
    other = replace(state, outcomes={**state.outcomes, "quicklook": Outcome((Table(facts=facts),))})
    found = of(assess(other, reduction.zeroth_tracking.location), "Scatter")
    assert found.verdict == verdict and found.value == pytest.approx(ppm / 100)
    assert ("noise itself" in found.sentence) == (ppm < 75)


def test_nothing_computed_and_odd_visits_are_judged_without_an_error():
    reduction = Reduction(tiny_visit())
    findings = assess(reduction.state(), reduction.zeroth_tracking.location)
    assert {finding.title for finding in findings} <= {"Background left"}
    one = tiny_visit(n_frames=1, change=lambda images: images.fill(np.nan))
    state = Reduction(one).state()
    assert isinstance(state, State)
    for finding in assess(state, (10.0, 10.0)):
        assert finding.verdict == "check"


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0, "good"), (1, "good"), (2, "check"), (3, "check"), (4, "bad"), (np.nan, "check")],
)
def test_limits(value, verdict):
    assert judge(value, (1, 3)) == verdict


def test_many_hits_are_sampled_without_bias(monkeypatch):
    shape = (4, 50, 60)
    zones = Zones(np.repeat(np.array([1, 2], np.uint8), 1500), (0, 1500, 1500))
    rng = np.random.default_rng(1)
    mask = rng.random((4, 3000)) < np.where(zones.of_pixel == 1, 0.4, 0.1)
    patch = Patch.where(mask.reshape(shape), None)
    exact = zones.shares(patch)
    monkeypatch.setattr("hustle_widgets.assessment.zones.MOST", 1000)
    assert len(patch) > 2000
    assert zones.shares(patch) == pytest.approx(exact, rel=0.1)
    assert exact[0] == pytest.approx(0.4, rel=0.05) and exact[0] > TRACE_SHARE[1]
