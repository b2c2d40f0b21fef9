"""The steps against the truth of a simulated visit; the margins are wider than the goals, for few frames."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from visits import simulated

from hustle_widgets import Reduction, load_visit
from hustle_widgets.algorithms.background import uniform_level
from hustle_widgets.simulate import read_truth

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import measures  # noqa: E402

# Three orbits: the transit fills the middle one.
VISIT = {"n_frames": 33, "shape": (320, 1100), "seed": 2}
FLAT = {"n_frames": 4, "shape": (320, 1100), "seed": 5, "sky_structure": 0.0, "n_stars": 0}
DISTANCE = 60
BOUNDS = [[0, 60, 0, 300], [0, 60, 800, 1100]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulated(tmp_path_factory, "transit", **VISIT)


@pytest.fixture(scope="module")
def visit(folder):
    return load_visit(folder)


@pytest.fixture(scope="module")
def truth(folder):
    return read_truth(folder)


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    folder = simulated(tmp_path_factory, "flat", **FLAT)
    return load_visit(folder), read_truth(folder)


@pytest.fixture(scope="module")
def reduced(visit):
    """The default chain."""
    reduction = Reduction(visit, dist_from_trace=DISTANCE, do_save=False, verbose=0)
    reduction.run()
    return reduction


def by_name(rows):
    return {row.what.strip(): row.value for row in rows}


def test_laplacian_edges(visit, truth):
    row = by_name(measures.led(visit, truth))
    assert row["LED 2.5, 1.25: cosmic rays found away"] > 0.98
    assert row["hot pixels found away"] > 0.98
    assert row["cosmic rays found on the traces"] > 0.70
    assert row["false away"] < 1e-4
    assert row["false on the traces"] < 2e-4
    assert row["false on the traces and the 0th order"] < 1e-4
    assert row["LED 10, 5: cosmic rays above 300 e- found away"] > 0.90


def test_backgrounds(visit, truth, folder):
    row = by_name(measures.sky(visit, truth, str(folder), DISTANCE))
    assert row["column with mask_trace: bias [e-]"] < 0.05
    assert row["scatter of the residual over the noise of a median"] < 1.1
    assert row["sky image: largest error of a frame [%]"] < 0.5


def test_uniform_background_on_a_flat_sky(flat):
    visit, truth = flat
    row = by_name(measures.uniform(visit, truth, BOUNDS))
    assert row["uniform, 'Gaussian', flat sky: bias [e-]"] < 0.05
    # The median of skewed noise lies below its mean by sky / (6 variance); the step is the tutorial's median.
    sky = truth["sky_scale"].values
    skew = float(np.mean(sky / (6 * (sky + measures.DARK + 3.1**2))))
    assert row["uniform, 'median', flat sky: bias [e-]"] == pytest.approx(skew, abs=0.05)
    image = Reduction(visit, do_save=False).state("hst_flags").frame(0)
    level = uniform_level(image, fit="median", bounds=BOUNDS, hist_min=-20, hist_max=50, skew_corrected=True)
    assert level == pytest.approx(sky[0], abs=0.08)


def test_positions(visit, truth):
    rows = measures.positions(visit, truth)
    row = by_name(rows)
    assert row["target in the direct image: error [px]"] < 0.03
    assert row["2 stars of 5000 e-: slope"] == pytest.approx(1, abs=0.06)
    assert row["2 stars of 20000 e-: slope"] == pytest.approx(1, abs=0.03)
    assert row["0th order: slope"] == pytest.approx(1, abs=0.03)
    rms = [line.value for line in rows if "rms" in line.what]
    assert rms[0] < 0.03 and rms[1] < 0.015 and rms[2] < 0.03


def test_the_default_chain_keeps_the_traces_and_the_transit(reduced, truth):
    false = measures.overcorrection(reduced, truth)
    assert false[1].met, "\n".join(map(str, false))
    row = by_name(measures.light_curve(reduced, truth))
    assert row["depth over the true one"] == pytest.approx(1, abs=0.02)
    assert row["white light curve +1: scatter out of transit over expected"] < 1.6


def test_a_chain_without_hst_cosmic_rays_reaches_the_noise_of_photons(visit, truth):
    """The median in time, which replaces them, is of a trace that has moved."""
    reduction = Reduction(visit, dist_from_trace=DISTANCE, hst_flags=[16], do_save=False, verbose=0)
    reduction.run()
    row = by_name(measures.light_curve(reduction, truth))
    assert row["white light curve +1: scatter out of transit over expected"] < 1.15
    assert row["depth over the true one"] == pytest.approx(1, abs=0.02)
