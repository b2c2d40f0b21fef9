"""The scatter of simulated light curves: known with and without a transit, and rarely judged wrongly."""

from __future__ import annotations

import numpy as np
import pytest

from hustle_widgets.algorithms.photometry import (
    AT_CONTACTS,
    frames_for,
    point_scatter,
    scatter_of,
    scatter_range,
)
from hustle_widgets.algorithms.transits import find_transit
from hustle_widgets.assessment.light import judged_scatter, known_scatter
from hustle_widgets.simulate.times import light_curve, timing

FRAMES = (8, 10, 12, 15, 18, 22, 27, 33, 40, 50, 65, 80, 100)


def curves(number, seed, noise=1.0):
    """Light curves of 8 to 100 frames: half of them with a transit, of several depths, places and brightnesses."""
    rng = np.random.default_rng(seed)
    for k in range(number):
        n_frames = FRAMES[k % len(FRAMES)]
        start, orbits = timing(n_frames, 190.0, (None, 8, 12)[k % 3])
        depth = 0.0 if k // len(FRAMES) % 2 else (0.003, 0.0104, 0.015)[rng.integers(3)]
        span = None if rng.random() < 0.5 else (0.3 + 0.1 * rng.random(), 0.6 + 0.1 * rng.random())
        light, _ = light_curve(start, 190.0, depth, span)
        photons = 1e-6 * rng.choice([80.0, 180.0, 300.0])
        drift = 1 + 2e-4 * np.linspace(-1, 1, n_frames)
        flux = 3e7 * light * drift * (1 + noise * photons * rng.standard_normal(n_frames))
        yield start, flux, orbits, 1e6 * photons


def ratio_of(start, flux, orbits, photons):
    found = scatter_of(flux, orbits, start, find_transit(start, flux, orbits))
    return found.ppm / photons, found.freedom


def test_fewer_than_two_of_a_hundred_visits_of_photons_alone_are_doubted():
    verdicts = [judged_scatter(*ratio_of(*curve)) for curve in curves(208, seed=1)]
    assert sum(verdict != "good" for verdict in verdicts) < 4
    assert verdicts.count("bad") < 2


def test_the_scatter_is_true_on_average_with_and_without_a_transit():
    found: dict[bool, list[float]] = {True: [], False: []}
    for start, flux, orbits, photons in curves(120, 2):
        dip = bool(np.ptp(flux) > 0.0025 * np.median(flux))
        found[dip].append(ratio_of(start, flux, orbits, photons)[0])
    for ratios in found.values():
        assert len(ratios) > 40 and np.median(ratios) == pytest.approx(1, abs=0.12)


@pytest.mark.parametrize("noise", [5.0, 0.25])
def test_what_is_far_from_photons_is_seen_from_forty_frames_on(noise):
    long = [curve for curve in curves(52, seed=3, noise=noise) if curve[1].size >= 40]
    assert len(long) > 15
    doubted = [judged_scatter(*ratio_of(*curve)) != "good" for curve in long]
    assert np.mean(doubted) > 0.95


def test_a_transit_is_looked_for_when_it_is_not_given():
    start, orbits = timing(30, 190.0)
    light, _ = light_curve(start, 190.0, 0.0104)
    rng = np.random.default_rng(5)
    found = [
        point_scatter(3e7 * light * (1 + 1e-4 * rng.standard_normal(30)), orbits, start) for _ in range(20)
    ]
    assert np.median(found) == pytest.approx(100, rel=0.2)


@pytest.mark.parametrize("freedom", [4.0, 12.0, 40.0])
def test_chance_of_a_scatter_is_that_of_drawn_ones(freedom):
    low, high = scatter_range(freedom, 0.05)
    drawn = np.sqrt(np.random.default_rng(6).chisquare(freedom, 200_000) / freedom)
    assert np.mean(drawn < low) == pytest.approx(0.05, abs=0.005)
    assert np.mean(drawn > high) == pytest.approx(0.05, abs=0.005)


@pytest.mark.parametrize(
    ("ratio", "freedom", "known"),
    [(0.13, AT_CONTACTS, False), (5.0, AT_CONTACTS, False), (25.0, AT_CONTACTS, True), (0.2, 3.0, False)]
    + [(0.9, 3.0, True), (0.45, 40.0, True), (1.2, 40.0, True), (0.1, 2.0, False)],
)
def test_a_scatter_that_chance_makes_of_few_points_is_not_called_good(ratio, freedom, known):
    assert known_scatter(ratio, freedom) == known


def test_the_frames_that_are_asked_for_tell_a_scatter():
    number = frames_for(0.5, 0.003)
    rng = np.random.default_rng(8)
    found = [scatter_of(1e4 + rng.standard_normal(number)) for _ in range(40)]
    assert 20 < number < 40 and all(known_scatter(0.01 * one.ppm, one.freedom) for one in found)
    assert all(judged_scatter(0.4 * 0.01 * one.ppm, one.freedom) != "good" for one in found if one.ppm < 100)
