"""The table of cases: what a reduction did to a transit, to stars, to the sky, and what its verdict must be."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from visits import everything, simulated

from hustle_widgets import Reduction, load_visit
from hustle_widgets.algorithms.photometry import spectrum
from hustle_widgets.assessment import Finding, assess, worst
from hustle_widgets.assessment.flagged import more, spare
from hustle_widgets.assessment.left import how_to_remove
from hustle_widgets.assessment.traces import TraceLoss, clipping_loss
from hustle_widgets.choosing.merit import figures_of
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Outcome, Table
from hustle_widgets.simulate import read_truth, read_twin
from hustle_widgets.steps.following import FOLLOWS
from hustle_widgets.steps.parameters import ParameterError
from hustle_widgets.steps.quicklook import Quicklook
from hustle_widgets.steps.targets import given_location

VISIT = {"n_frames": 24, "shape": (240, 480), "n_stars": 2, "seed": 5, "smooth": True, "twin": True}
# A shallow transit, and a telescope at rest: what is clipped in time costs most of its depth.
VISIT |= {"depth": 0.004, "drift": (0.02, 0.01), "jitter": 0.01}
# What cases about time and sky need not wait for.
QUICK = dict.fromkeys(("do_led", "do_smooth"), False)
NO_SKY = dict.fromkeys(("do_uniform", "do_column", "do_Pagul"), False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulated(tmp_path_factory, "verdicts", **VISIT)


@pytest.fixture(scope="module")
def visit(folder):
    return load_visit(folder)


def reduced(visit: Any, folder: Any, **parameters: Any) -> Reduction:
    usual = {**everything(folder), "do_save": False, "smth_bounds": ((120, 200, 100, 400),)}
    reduction = Reduction(visit, **{**usual, **parameters})
    reduction.run()
    return reduction


@pytest.fixture(scope="module")
def chain(visit, folder):
    """One Reduction for all cases: what a case does not change is not computed again."""
    return reduced(visit, folder)


def judged_with(chain: Reduction, **parameters: Any) -> list[Finding]:
    """Judge a chain with some parameters set, which are then set back."""
    before = chain.values()
    chain.set(**parameters)
    try:
        chain.run()
        return judged(chain)
    finally:
        chain.set(**{name: before[name] for name in parameters})


def judged(reduction: Reduction) -> list[Finding]:
    state, values = reduction.state(), reduction.values()
    return assess(state, given_location(state, values), kinds=reduction.kinds, values=values)


def of(findings: list[Finding], title: str, step: str) -> Finding:
    return worst(finding for finding in findings if finding.title == title and finding.step == step)


@dataclass(frozen=True)
class Case:
    """Parameters, the finding that is looked at, verdicts that are true, and the remedy that helps."""

    parameters: dict[str, Any]
    title: str
    step: str
    verdicts: tuple[str, ...]
    remedy: dict[str, Any] = field(default_factory=dict)


CASES = {
    "the tutorial's rejection": Case({}, "Traces kept", "free_iter", ("good",)),
    "the tutorial's flags": Case({}, "Traces kept", "hst_flags", ("good",)),
    "rejection that follows the light": Case(
        {"free_model": "drift", "free_sigma": 4.0, "replace_by": "flux", **QUICK},
        "Traces kept",
        "free_iter",
        ("good",),
    ),
    "free 3": Case(
        {"free_sigma": 3.0, **QUICK},
        "Traces kept",
        "free_iter",
        ("check",),
        {"parameter": "free_sigma", "direction": "raise", "value": 3.5},
    ),
    "free 2.5": Case(
        {"free_sigma": 2.5, **QUICK},
        "Traces kept",
        "free_iter",
        ("bad",),
        {"parameter": "free_sigma", "value": 3.5},
    ),
    "fixed 2": Case(
        {"fixed_sigmas": (2.0,), **QUICK}, "Traces kept", "fixed_iter", ("bad",), {"value": (10.0,)}
    ),
    "free 13 of 24 frames": Case(
        {"free_sigma": 13.0, **QUICK},
        "Traces kept",
        "free_iter",
        ("check",),
        {"parameter": "free_sigma", "direction": "lower", "value": 4.8},
    ),
    # In six frames nothing lies beyond 2.04 sigma: a threshold below that would reject good pixels.
    "six frames are too few to clip": Case(
        {"skip_frames": tuple(range(6, 24)), "do_fixed_iter": False, **QUICK},
        "Traces kept",
        "free_iter",
        ("check",),
        {"parameter": "enabled", "direction": "set", "value": False},
    ),
    "one frame is too few to clip": Case(
        {"skip_frames": tuple(range(1, 24)), "do_fixed_iter": False, **QUICK},
        "Traces kept",
        "free_iter",
        ("check",),
        {"parameter": "enabled", "direction": "set", "value": False},
    ),
    "what one step cannot reach another finds": Case(QUICK, "Traces kept", "fixed_iter", ("good",)),
    "nothing is rejected": Case(
        {"do_hst_flags": False, "do_fixed_iter": False, "do_free_iter": False, **QUICK},
        "Hits left",
        "free_iter",
        ("check", "bad"),
        {"parameter": "enabled", "value": True},
    ),
    "no pixel has the flag": Case(
        {"hst_flags": (2,), **QUICK},
        "Traces kept",
        "hst_flags",
        ("check",),
        {"parameter": "hst_flags", "value": (16, 4096)},
    ),
    "nothing beyond led": Case(
        {"led_threshold": 5000.0},
        "Traces kept",
        "led",
        ("check",),
        {"parameter": "led_threshold", "direction": "lower", "value": 10.0},
    ),
    "led eats the stars": Case(
        {"led_threshold": 0.5, "contrast_factor": 0.1, "do_bkg_stars": False},
        "Stars kept",
        "led",
        ("bad",),
        {"parameter": "led_threshold", "direction": "raise", "value": 10.0},
    ),
    "led eats the traces": Case(
        {"led_threshold": 2.0, "fine_structure": False, "do_bkg_stars": False}, "Traces kept", "led", ("bad",)
    ),
    "led at its tutorial's values": Case({}, "Stars kept", "led", ("good",)),
    "smooth at 1 sigma in a box": Case({"smth_threshold": 1.0}, "Traces kept", "smooth", ("good", "check")),
    "no sky is taken off": Case(
        {**NO_SKY, **QUICK},
        "Background left",
        "uniform",
        ("bad",),
        {"parameter": "enabled", "value": True},
    ),
    "the highest bin": Case(
        {"do_column": False, "do_Pagul": False, "hist_bins": 50_000, **QUICK},
        "Background left",
        "uniform",
        ("check", "bad"),
        {"parameter": "fit", "direction": "set", "value": "Gaussian"},
    ),
    "too much is taken off": Case(
        {"do_column": False, "do_Pagul": False, "fit": "median", "hist_min": 12.0, **QUICK},
        "Background left",
        "uniform",
        ("check", "bad"),
        {"step": "column", "parameter": "enabled", "value": True},
    ),
    "a value a column": Case(
        {"do_uniform": False, "do_Pagul": False, **QUICK}, "Background left", "column", ("good",)
    ),
    "the trace is where it is expected": Case(QUICK, "Trace in the aperture", "location", ("good",)),
    "an aperture of five rows": Case(
        {"aperture": 2.0, **QUICK},
        "Aperture",
        "quicklook",
        ("check",),
        {"parameter": "aperture", "direction": "raise"},
    ),
}
# Nothing is said of what is well.
QUIET = {
    "an aperture of nine rows": {"aperture": 4.0},
    "the tutorial's aperture": {},
    "a high one": {"aperture": 30.0},
}


@pytest.mark.parametrize("name", CASES)
def test_verdict_and_remedy(chain, name):
    case = CASES[name]
    found = of(judged_with(chain, **case.parameters), case.title, case.step)
    assert found.verdict in case.verdicts, found
    assert (found.remedy is None) == (found.verdict == "good"), found
    if case.remedy:
        told = {name: getattr(found.remedy, name) for name in case.remedy}
        assert told == case.remedy, found


def test_every_finding_that_is_not_good_has_a_remedy_that_can_be_followed(visit, folder):
    """A button on a page sets what a remedy says."""
    parameters = {
        "free_sigma": 2.0,
        "led_threshold": 0.5,
        "contrast_factor": 0.1,
        "do_bkg_stars": False,
        **NO_SKY,
    }
    reduction = reduced(visit, folder, **parameters)
    findings = judged(reduction)
    assert sum(finding.verdict == "bad" for finding in findings) > 2
    for finding in findings:
        if finding.verdict == "good":
            assert finding.remedy is None
            continue
        remedy = finding.remedy
        assert remedy is not None and remedy.direction in ("raise", "lower", "set") and remedy.words, finding
        step: Any = reduction.steps[remedy.step]
        if remedy.parameter is not None and remedy.value is not None:
            before = getattr(step, remedy.parameter)
            try:
                setattr(step, remedy.parameter, remedy.value)
            except ParameterError as error:
                pytest.fail(f"{finding.title}: {error}")
            if remedy.direction != "set":
                assert np.all((np.asarray(remedy.value) > before) == (remedy.direction == "raise"))
            setattr(step, remedy.parameter, before)


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_said_of_an_aperture_that_holds_the_light(chain, name):
    found = judged_with(chain, **QUIET[name], **QUICK)
    assert not {"Aperture", "Light of others", "Hits left"} & {finding.title for finding in found}


@pytest.mark.parametrize("sigma", [2.0, 2.5, 3.0])
def test_what_clipping_is_said_to_cost_is_what_the_twin_says(chain, folder, sigma):
    """The depth against that of a reduction at 4 sigma, both over the light curve of the twin."""
    truth = read_truth(folder)
    twin, light = read_twin(folder)["images"].values, truth["light_curve"].values
    before = chain.values()
    depths = {}
    parameters = {"do_hst_flags": False, "do_fixed_iter": False, **QUICK}
    try:
        for threshold in (4.0, sigma):
            chain.set(free_sigma=threshold, **parameters)
            chain.run()
            table = chain.outcomes()["quicklook"].table
            laid = table.facts["apertures"]["+1"]
            true = np.array([spectrum(frame, laid).sum() for frame in twin])
            ratio = table.columns["flux_+1"] / true
            depths[threshold] = np.polyfit(light - 1, ratio, 1)[0] / ratio.mean()
        loss = of(judged(chain), "Traces kept", "free_iter")
    finally:
        chain.set(**{name: before[name] for name in ("free_sigma", *parameters)})
    true_loss = depths[4.0] - depths[sigma]
    told = [float(word[:-1]) / 100 for word in loss.sentence.split() if word.endswith("%")]
    # The first two numbers are of pixels. The depth of the twin is known to 1 %.
    assert min(abs(one - true_loss) for one in told[2:]) < 0.013 + 0.25 * true_loss, (loss, true_loss)
    assert loss.verdict == {2.0: "bad", 2.5: "bad", 3.0: "check"}[sigma]


@pytest.mark.parametrize("away", [(0, 30), (30, 0), (-20, 20), (0, -12), (0, 60), (0, -60), (8, 0), (30, 30)])
def test_a_lost_target_is_found_again(chain, folder, away):
    true = read_truth(folder)["target"].values
    place = (float(true[0] + away[0]), float(true[1] + away[1]))
    alone = {"do_location": False, "do_bkg_stars": False, "do_0thtracking": False, **QUICK}
    findings = judged_with(chain, location=place, **alone)
    found = of(findings, "Trace in the aperture", "location")
    assert found.verdict in ("check", "bad"), found
    remedy = found.remedy
    assert remedy is not None and (remedy.step, remedy.parameter) == ("zeroth_tracking", "location")
    assert math.dist(remedy.value, true) < 1.5
    if found.verdict == "bad":  # what is told of pixels along the traces has the same cause
        along = [
            one for one in findings if one.title in ("Scatter", "Background left") and one.verdict != "good"
        ]
        assert all(one.remedy == remedy for one in along)
    mended = judged_with(chain, location=remedy.value, **alone)
    assert of(mended, "Trace in the aperture", "location").verdict == "good"


def test_false_flags_on_the_traces_cost_depth_and_flux_mends_it(tmp_path_factory):
    folder = simulated(tmp_path_factory, "false flags", **{**VISIT, "seed": 7, "false_flags": 0.05})
    visit = load_visit(folder)
    found = of(judged(reduced(visit, folder)), "Traces kept", "hst_flags")
    assert found.verdict in ("check", "bad") and "threshold" not in found.sentence, found
    remedy = found.remedy
    assert remedy is not None and (remedy.parameter, remedy.value) == ("replace_by", "flux")
    mended = of(judged(reduced(visit, folder, replace_by="flux")), "Traces kept", "hst_flags")
    assert mended.verdict == "good", mended


def test_a_tilted_sky_names_the_method_that_follows_it(visit, folder):
    images = visit["images"].values
    along = np.linspace(-4, 4, images.shape[2], dtype=np.float32)
    tilted = visit.assign(images=visit["images"].copy(data=images + along))
    alone = {"do_column": False, "do_Pagul": False, "fit": "Gaussian", **QUICK}
    found = of(judged(reduced(tilted, folder, **alone)), "Background left", "uniform")
    assert found.verdict != "good" and found.remedy is not None
    assert (found.remedy.step, found.remedy.parameter, found.remedy.value) == ("column", "enabled", True)
    mended = judged(reduced(tilted, folder, do_Pagul=False, do_uniform=False, **QUICK))
    assert of(mended, "Background left", "column").verdict == "good"


def test_a_constant_left_in_counts_by_the_light_it_adds_to_the_aperture(visit, folder):
    """It is less than the noise of a pixel, but more than the photon noise of the light curve."""
    truth = read_truth(folder)
    true = truth["sky_scale"].values[:, np.newaxis, np.newaxis] * truth["sky_template"].values
    without = (visit["images"].values - true).astype(np.float32)
    few = {**NO_SKY, **QUICK, "do_bkg_stars": False}
    good, left = (
        of(
            judged(reduced(visit.assign(images=visit["images"].copy(data=without + more)), folder, **few)),
            "Background left",
            "uniform",
        )
        for more in (np.float32(0), np.float32(1.5))
    )
    assert good.verdict == "good", good
    assert left.value - good.value == pytest.approx(1.5, abs=0.3)
    assert left.verdict != "good" and "photon limit" in left.sentence


@pytest.mark.parametrize("neighbour", [(3.0, 6.0, 0.3), (30.0, -1.0, 0.2), (8.0, 24.0, 0.3)])
def test_a_neighbour_in_the_aperture_is_told_with_its_share_of_the_light(tmp_path_factory, neighbour):
    options = {**VISIT, "n_frames": 6, "neighbour": neighbour}
    folder = simulated(tmp_path_factory, f"neighbour {neighbour}", **options)
    reduction = reduced(load_visit(folder), folder, do_location=False, do_bkg_stars=False, **QUICK)
    told = [finding for finding in judged(reduction) if finding.title == "Light of others"]
    if abs(neighbour[1]) > 12:
        assert not told
    else:
        assert told[0].verdict == "bad" and told[0].value == pytest.approx(neighbour[2], rel=0.4)


@pytest.mark.parametrize("on", [False, True])
def test_in_four_frames_nothing_is_advised_that_needs_more(chain, on):
    few = {
        "skip_frames": tuple(range(4, 24)),
        "do_fixed_iter": False,
        "do_free_iter": on,
        "hst_flags": (4096,),
    }
    doubted = [found.remedy for found in judged_with(chain, **few, **QUICK) if found.verdict != "good"]
    vain = [("free_iter", "free_model"), ("free_iter", "enabled", True), ("hst_flags", "replace_by")]
    assert doubted or not on
    for remedy in doubted:
        asked = (remedy.step, remedy.parameter, remedy.value)
        assert not any(asked[: len(one)] == one for one in vain), remedy


def test_a_step_whose_higher_threshold_does_not_help_is_to_be_switched_off(chain):
    values, kinds = chain.values(), {kind.name: kind for kind in chain.kinds}
    first = more("led", kinds, values | {"led_threshold": 2.0})
    assert (first.direction, first.value) == ("raise", 10.0)
    again = more("led", kinds, values | {"led_threshold": 12.0})
    assert (again.parameter, again.value) == ("enabled", False)
    # In time a higher threshold always flags less.
    assert more("free_iter", kinds, values | {"free_sigma": 5.0}).direction == "raise"


@pytest.mark.parametrize("failed", [(5,), (0,), (0, 15), (0, 7, 15)])
def test_a_failed_frame_is_told_and_nothing_else_is_blamed(tmp_path_factory, failed):
    name = f"failed_{'_'.join(map(str, failed))}"
    folder = simulated(tmp_path_factory, name, **{**VISIT, "n_frames": 16, "failed": failed})
    found = judged(reduced(load_visit(folder), folder, **QUICK))
    assert of(found, "Failed frames", "read_data").remedy.value == failed
    doubted = {one.title: one.figure for one in found if one.verdict != "good"}
    assert doubted.pop("Failed frames") == f"{len(failed)} of 16"
    # In a dip of so few frames no scatter is told.
    assert doubted in ({}, {"Scatter": "not known"}), found


@pytest.mark.parametrize("share", [0.3, 2.0])
def test_a_frame_that_failed_is_no_transit(chain, share):
    """One frame of another light is the deepest dip that there is, and the worst scatter."""
    state = chain.state()
    table, read = state.outcomes["quicklook"].table, state.outcomes["read_data"]
    columns = {name: values.copy() for name, values in table.columns.items()}
    columns |= {f"spectrum_{order}": light.copy() for order, light in table.facts["spectra"].items()}
    for values in columns.values():
        values[3] *= share
    told = replace(read.table, facts={**read.table.facts, "frame_problems": {3: "it failed"}})
    known = {**state.outcomes, "read_data": Outcome((*read.deltas[:-1], told))}
    state = State(state.source, known)
    facts = {name: table.facts[name] for name in ("apertures", "traces")}
    found = Quicklook.finish(Outcome((Table(columns),)), state, **facts, aperture=12.0, wavelength_bins=2)
    after = found.table.facts
    before, light = table.facts["transit"], after["by_wavelength"]["+1"]
    assert after["transit"].middle == pytest.approx(before.middle, abs=0.1 * before.duration)
    assert after["scatter_ppm"]["+1"] == pytest.approx(table.facts["scatter_ppm"]["+1"], rel=0.5)
    assert light.depth == pytest.approx(0.004, abs=0.002)
    figures = figures_of(
        State(state.source, {**known, "quicklook": found}),
        given_location(state, chain.values()),
        kinds=chain.kinds,
    )
    assert figures["depth"] == pytest.approx(0.004, abs=0.001)


def test_a_telescope_that_moves_is_not_told_to_look_at_its_windows(tmp_path_factory):
    folder = simulated(tmp_path_factory, "far", **{**VISIT, "drift": (1.2, 0.8), "n_frames": 16})
    found = of(judged(reduced(load_visit(folder), folder, **QUICK)), "Displacement", "zeroth_tracking")
    assert found.verdict == "check" and found.value > 1
    assert (found.remedy.step, found.remedy.parameter, found.remedy.value) == (
        "free_iter",
        "free_model",
        "drift",
    )
    mended = judged(reduced(load_visit(folder), folder, free_model="drift", **QUICK))
    assert of(mended, "Displacement", "zeroth_tracking").verdict == "good"


def apply_advice(reduction: Reduction, title: str, most: int) -> list[Finding]:
    """Do what a finding says until it is good or says nothing that can be set; return what it was each time."""
    found = []
    for _ in range(most):
        reduction.run()
        finding = next(one for one in judged(reduction) if one.title == title)
        found.append(finding)
        remedy = finding.remedy
        if remedy is None or remedy.parameter is None or remedy.value is None:
            break
        reduction[remedy.step].set_trait(remedy.parameter, remedy.value)
    return found


def test_the_advice_on_a_tilted_sky_leads_to_its_end(visit, folder):
    tilt = np.linspace(0, 30, visit["images"].shape[1])
    tilted = visit.assign(
        images=visit["images"].copy(data=visit["images"].values + np.float32(tilt[:, None]))
    )
    found = apply_advice(reduced(tilted, folder, **QUICK), "Background left", 6)
    assert found[0].verdict == "bad" and found[-1].verdict == "good", found
    # No advice is given twice.
    assert len({one.sentence.rpartition(":")[2] for one in found}) == len(found), found


def test_a_background_that_has_no_rows_is_given_some(visit, folder):
    alone = {"do_uniform": False, "do_Pagul": False, "dist_from_trace": 150, **QUICK}
    found = apply_advice(reduced(visit, folder, **alone), "Background left", 4)
    assert found[0].remedy.parameter == "dist_from_trace" and found[-1].verdict == "good", found


@pytest.mark.parametrize("edge", ["columns", "rows"])
def test_a_sky_of_two_levels_names_the_method_that_fits(visit, folder, edge):
    """The level under the trace is known: it is that of the side on which the trace lies."""
    shape = visit["images"].shape[1:]
    step = np.zeros(shape, np.float32)
    if edge == "columns":
        step[:, : shape[1] // 3] = 6
    else:
        step[: shape[0] // 2] = 6
    two = visit.assign(images=visit["images"].copy(data=visit["images"].values + step))
    alone = {"do_column": False, "do_Pagul": False, "fit": "Gaussian", **QUICK}
    reduction = reduced(two, folder, **alone)
    found = of(judged(reduction), "Background left", "uniform")
    laid = reduction.outcomes()["quicklook"].table.facts["apertures"]["+1"]
    truth = read_truth(folder)
    sky = truth["sky_scale"].values[:, None, None] * truth["sky_template"].values + step
    on_trace = (sky[:, laid.rows, laid.columns] * laid.weights).sum((1, 2)) / laid.weights.sum()
    left = on_trace - reduction.outcomes()["uniform"].table.columns["bkg_vals"]
    assert found.value == pytest.approx(left[np.abs(left).argmax()], abs=0.7)
    assert found.verdict != "good" and found.remedy.step == "column"
    if edge == "rows":  # no method follows it from afar: the sky beside the trace does
        assert found.remedy.parameter == "rows"
        more = {"do_column": True, "do_uniform": False, "mask_trace": False, "rows": found.remedy.value}
        mended = of(judged(reduced(two, folder, **{**alone, **more})), "Background left", "column")
        assert abs(mended.value) < 0.4 * abs(found.value)
    else:
        mended = of(judged(reduced(two, folder, **{**alone, "do_column": True})), "Background left", "column")
        assert mended.verdict == "good"


@pytest.mark.parametrize("sigma", [2.0, 2.5, 3.0, 3.5])
def test_clipping_costs_what_many_drawn_values_lose(sigma):
    """A shallow transit in white noise, clipped about the level out of transit."""
    rng = np.random.default_rng(4)
    depth, values = 0.05, rng.standard_normal(4_000_000)
    shifted = values - depth
    kept = np.where(np.abs(shifted) > sigma, 0.0, shifted)
    out = np.where(np.abs(values) > sigma, 0.0, values)
    assert (out.mean() - kept.mean()) / depth == pytest.approx(1 - clipping_loss(sigma), abs=0.01)


def test_a_restless_curve_is_not_told_to_follow_the_drift_twice(visit, folder):
    """What is proposed is something else than what is set already."""
    rng = np.random.default_rng(8)
    restless = 1 + 0.002 * rng.standard_normal((VISIT["n_frames"], 1, 1)).astype(np.float32)
    shaken = visit.assign(images=visit["images"].copy(data=visit["images"].values * restless))
    for model in (None, "drift"):
        reduction = reduced(
            shaken, folder, free_model=model, do_fixed_iter=False, do_bkg_stars=False, **QUICK
        )
        found = of(judged(reduction), "Scatter", "quicklook")
        assert found.verdict != "good" and found.remedy is not None
        assert (found.remedy.parameter == "free_model") <= (model is None), found


@pytest.mark.parametrize("model", [None, "drift"])
@pytest.mark.parametrize("begin", [2.0, 3.5, 13.0])
def test_the_advice_on_free_sigma_ends_however_many_pixels_are_hit(chain, model, begin):
    """Both ask at each step, one for less and one for more: neither takes back what the other asked for."""
    kinds = {kind.name: kind for kind in chain.kinds}
    state, cost = chain.state(), TraceLoss(0.0, 0.05, 0.0, np.nan, np.nan)
    values, seen = {**chain.values(), "free_sigma": begin, "free_model": model}, []
    for turn in range(12):
        now = (values["free_sigma"], values["free_model"])
        assert now not in seen, seen
        seen.append(now)
        table = Table(facts={FOLLOWS: "model" if values["free_model"] else "median"})
        known = State(state.source, {**state.outcomes, "free_iter": Outcome((table,))})
        less = spare("free_iter", cost, kinds, values, table.facts[FOLLOWS])
        asked = [less, how_to_remove(known, kinds["free_iter"], chain.kinds, values)]
        asked = [one for one in asked if one.parameter and one.value is not None]
        if not asked:
            break
        values[asked[turn % len(asked)].parameter] = asked[turn % len(asked)].value
    assert not asked
