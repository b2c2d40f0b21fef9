"""Rows that another source's trace crosses are no sky; slopes, steps and faulty rows are."""

import numpy as np
import pytest
from visits import everything, simulated

from hustle_widgets import Reduction, load_visit
from hustle_widgets.assessment import assess
from hustle_widgets.assessment.crossing import crossed_rows, rows_in_words
from hustle_widgets.steps.targets import given_location

ROWS = np.arange(140.0)
SKY = np.ones((140, 60), bool)
SKY[50:110] = False  # the target's own light


def sky_of(shape):
    return shape[:, np.newaxis] + np.random.default_rng(2).normal(0, 3, SKY.shape)


def ridge(row, light=400.0):
    return light / (1 + ((ROWS - row) / 2) ** 2) ** 2


@pytest.mark.parametrize("row", [20, 35, 120, 135])
def test_a_ridge_and_its_wings_are_left_out(row):
    crossed = crossed_rows(sky_of(12 + ridge(row)), SKY)
    beside = np.abs(ROWS - row) <= 6
    assert crossed[beside & SKY[:, 0]].all() and not crossed[np.abs(ROWS - row) > 40].any()


SHAPES = {
    "flat": 12 + 0 * ROWS,
    "slope": 12 + 0.15 * ROWS,
    "step": np.where(ROWS < 25, 12.0, 20.0),
    "one hot row": 12 + 300.0 * (ROWS == 30),
    "nothing": np.nan * ROWS,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sky_without_a_ridge_is_kept(shape):
    assert not crossed_rows(sky_of(SHAPES[shape]), SKY).any()


def test_rows_are_told_as_ranges():
    assert rows_in_words(np.array([3, 4, 5, 9])) == "3 to 5 and 9"


def test_the_trace_of_a_neighbour_is_no_background(tmp_path_factory):
    away = (20.0, 40.0, 0.3)
    options = {"n_frames": 2, "shape": (240, 480), "n_stars": 0, "seed": 5, "smooth": True, "neighbour": away}
    folder = simulated(tmp_path_factory, f"crossing {away}", **options)
    off = dict.fromkeys(
        (
            "do_hst_flags",
            "do_fixed_iter",
            "do_free_iter",
            "do_led",
            "do_smooth",
            "do_bkg_stars",
            "do_0thtracking",
        ),
        False,
    )
    reduction = Reduction(load_visit(folder), **{**everything(folder), **off, "do_save": False})
    reduction.run()
    state = reduction.state()
    location = given_location(state, reduction.values())
    (left,) = [
        one for one in assess(state, location, kinds=reduction.kinds) if one.title == "Background left"
    ]
    assert abs(left.value) < 1 and left.verdict != "bad", left
    assert "Another source's trace lies at rows" in left.sentence
