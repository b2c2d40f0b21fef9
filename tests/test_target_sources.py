"""The target is the source nearest to the given location: not the brightest one, no cosmic ray, and doubts are said."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.algorithms.centroid import SEARCH, SEARCH_FAR, target_among, target_position
from hustle_widgets.algorithms.sources import sources_near, unblended_light, without_spikes

SHAPE = (90, 110)
TARGET = (52.3, 44.6)


def field(stars, seed=0, shape=SHAPE, width=0.9):
    """Stars (column, row, light) on a sky of 5 e- with noise."""
    rows, columns = np.indices(shape)
    image = np.random.default_rng(seed).normal(5, 3.5, shape)
    for column, row, light in stars:
        core = np.exp(-((columns - column) ** 2 + (rows - row) ** 2) / (2 * width**2))
        wing = np.exp(-np.hypot(columns - column, rows - row) / 3)
        image += light * (0.9 * core / (2 * np.pi * width**2) + 0.1 * wing / (18 * np.pi))
    return image.astype(np.float32)


def bloomed(image, full=60_000):
    """Charge above full well goes up and down the column."""
    for column in np.flatnonzero((image > full).any(axis=0)):
        row = int(image[:, column].argmax())
        excess = float(np.clip(image[:, column] - full, 0, None).sum())
        image[:, column] = np.minimum(image[:, column], full)
        reach = int(excess / full / 2) + 1
        image[max(0, row - reach) : row + reach + 1, column] = full + 1
    return image


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("away", [(9, 0), (0, -12), (-10, 8), (15, 15)])
def test_a_neighbour_does_not_win_by_being_brighter(ratio, away):
    image = field([(*TARGET, 40_000), (TARGET[0] + away[0], TARGET[1] + away[1], ratio * 40_000)])
    for miss in ((0, 0), (1.4, -1.1), (-2, 2)):
        guess = TARGET[0] + miss[0], TARGET[1] + miss[1]
        assert target_position(image, guess) == pytest.approx(TARGET, abs=0.06)


def test_a_saturated_neighbour_does_not_win_either():
    image = bloomed(field([(*TARGET, 150_000), (TARGET[0] + 16, TARGET[1] - 3, 900_000)], width=1.2))
    assert (image > 60_000).any()
    assert target_position(image, (53, 44)) == pytest.approx(TARGET, abs=0.15)


def test_a_saturated_target_is_found_beside_a_star():
    image = bloomed(field([(*TARGET, 2_000_000), (TARGET[0] + 18, TARGET[1] + 6, 400_000)], width=1.2))
    column, row = target_position(image, (54, 46))
    assert (column, row) == pytest.approx(TARGET, abs=0.3)


@pytest.mark.parametrize("light", [100, 1000])
def test_faint_stars_near_the_location_are_not_the_target(light):
    image = field([(*TARGET, 40_000), (TARGET[0] + 9, TARGET[1], light)])
    assert target_position(image, (TARGET[0] + 8, TARGET[1])) == pytest.approx(TARGET, abs=0.05)


@given(
    column=st.integers(-6, 6),
    row=st.integers(-6, 6),
    electrons=st.sampled_from([500.0, 5_000.0, 59_000.0, 90_000.0, 500_000.0]),
    length=st.integers(1, 3),
    upright=st.booleans(),
)
def test_a_cosmic_ray_near_the_target_changes_nothing(column, row, electrons, length, upright):
    image = field([(*TARGET, 40_000)])
    at, up = round(TARGET[0]) + column, round(TARGET[1]) + row
    tail = (slice(up, up + length), at) if upright else (up, slice(at, at + length))
    image[tail] += np.float32(electrons)
    # Under the star itself a hit cannot be told from its light to better than this.
    near = max(abs(column), abs(row)) <= 3
    assert target_position(image, (51, 46)) == pytest.approx(TARGET, abs=0.6 if near else 0.05)


def test_stars_are_no_spikes():
    for seed in range(5):
        offset = np.random.default_rng(seed).random(2)
        image = field([(40 + offset[0], 40 + offset[1], 60_000)], seed, width=0.7)
        near = np.s_[36:45, 36:45]
        assert np.isfinite(without_spikes(image, 5.0, 3.5)[near]).all()
    assert np.isnan(without_spikes(np.full((5, 5), np.nan), 0.0, 1.0)).all()


def visit_with(stars):
    visit = tiny_visit(4, SHAPE)
    visit["direct_image"] = (visit.direct_image.dims, field(stars))
    visit.attrs.update(target_posx=TARGET[0], target_posy=TARGET[1])
    return visit


def location_step(visit, location):
    reduction = Reduction(visit, do_save=False, do_led=False, do_quicklook=False, location=location)
    reduction.compute()
    reduction.wait()
    return reduction.location


@pytest.mark.parametrize(
    ("stars", "guess", "word"),
    [
        ([(*TARGET, 40_000)], TARGET, ""),
        ([(*TARGET, 40_000), (70.0, 44.0, 8_000)], TARGET, ""),
        ([(*TARGET, 40_000), (62.0, 44.0, 60_000)], TARGET, "2 sources lie within 25 pixels"),
        ([(*TARGET, 40_000), (62.0, 44.0, 20_000)], (58.0, 44.0), "2 sources lie within 25 pixels"),
    ],
)
def test_doubts_are_said(stars, guess, word):
    step = location_step(visit_with(stars), guess)
    assert step.status == "fresh"
    assert ("sources lie within" in step.notes) == bool(word) and word in step.notes
    if word and guess == TARGET:
        assert "column 62, row 44 is 9.7 pixels away and has 1.5 times its light" in step.notes


def test_the_radius_is_what_is_said():
    image = field([(TARGET[0] + SEARCH - 3, TARGET[1], 40_000)])
    assert target_among(image, TARGET).source.distance == pytest.approx(SEARCH - 3, abs=1)
    with pytest.raises(ValueError, match="shows no signal"):
        target_position(field([(TARGET[0] + SEARCH_FAR + 8, TARGET[1], 40_000)]), TARGET)


@pytest.mark.parametrize("away", [(38, 0), (0, 33), (28, -27), (-36, 30)])
@pytest.mark.parametrize("also", [[], [(50.0, 49.0, 400)]])
def test_a_target_as_far_as_forty_pixels_is_found_and_that_is_said(away, also):
    """What lies nearer is a hundred times fainter, or noise."""
    place = TARGET[0] + away[0], TARGET[1] + away[1]
    stars = [(*place, 40_000), *also]
    assert target_position(field(stars, shape=(110, 130)), TARGET) == pytest.approx(place, abs=0.06)
    visit = tiny_visit(4, (110, 130))
    visit["direct_image"] = (visit.direct_image.dims, field(stars, shape=(110, 130)))
    visit.attrs.update(target_posx=TARGET[0], target_posy=TARGET[1])
    notes = location_step(visit, TARGET).notes
    told = float(notes.split(" pixels from the given location")[0].split()[-1])
    assert told == pytest.approx(np.hypot(*away), abs=1.2)


def test_a_brighter_star_further_off_does_not_hide_the_target():
    image = field([(*TARGET, 40_000), (TARGET[0] + 36, TARGET[1] + 5, 900_000)])
    for miss in ((0, 0), (6, -4), (-14, 10)):
        guess = TARGET[0] + miss[0], TARGET[1] + miss[1]
        assert target_position(image, guess) == pytest.approx(TARGET, abs=0.06)


def test_a_direct_image_with_one_value_switches_the_step_off():
    visit = visit_with([])
    visit["direct_image"] = (visit.direct_image.dims, np.full(SHAPE, 7, np.float32))
    step = location_step(visit, TARGET)
    assert step.status == "off" and "shows no signal" in step.error


@pytest.mark.parametrize("width", [0.7, 0.9])
@pytest.mark.parametrize("apart", [(5.0, 0.0), (3.0, 5.0), (0.0, 7.0)])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_light_of_two_sources_that_overlap_is_parted(width, apart, share):
    """Stars of another profile and width than what is solved for, with wings."""
    row, column = np.mgrid[:61, :61]
    image = np.random.default_rng(3).normal(20, 3, row.shape)
    for light, (right, up) in ((4e5, (0.0, 0.0)), (share * 4e5, apart)):
        far = ((column - 30 - right) ** 2 + (row - 30 - up) ** 2) / (2 * width**2)
        image += light / (2 * np.pi * width**2) * (0.9 * np.exp(-far) + 0.1 / 4 * np.exp(-far / 4))
    own, other = sources_near(image, (30, 30), 25, 1e9, least=0.02)
    light = unblended_light([own, other])
    assert abs(light[1] / light[0] - share) < 0.04
