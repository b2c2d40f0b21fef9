"""Positions against images whose truth is known: point spreads summed over pixels, saturated where they are."""

import numpy as np
import pytest
from scipy.special import erf

from hustle_widgets.algorithms.centroid import (
    check_stars,
    displacements,
    star_position,
    target_position,
    track_stars,
    zeroth_order_position,
)

SKY = 12.0
READ_NOISE = 3.1
FULL_WELL = 65_000.0
#: Weights and standard deviations of the Gaussians of a point spread of 2 pixels FWHM with wings.
PSF = ((0.85, 0.85), (0.12, 2.2), (0.03, 6.0))


def line(centre, size, sigma):
    """Share of a Gaussian that falls on each pixel."""
    edges = (np.arange(size + 1) - 0.5 - centre) / sigma / np.sqrt(2)
    return np.diff(erf(edges)) / 2


def source(shape, column, row, flux):
    return sum(
        flux * weight * np.outer(line(row, shape[0], sigma), line(column, shape[1], sigma))
        for weight, sigma in PSF
    )


def bloom(charge):
    """Charge above the full well moves up and down its column, a pixel at a time."""
    for column in np.flatnonzero((charge > FULL_WELL).any(axis=0)):
        pixels = charge[:, column]
        middle = int(np.median(np.flatnonzero(pixels > FULL_WELL)))
        excess = np.maximum(pixels - FULL_WELL, 0).sum()
        np.minimum(pixels, FULL_WELL, out=pixels)
        for distance in range(1, len(pixels)):
            for row in (middle - distance, middle + distance):
                if 0 <= row < len(pixels):
                    moved = min(FULL_WELL - pixels[row], excess)
                    pixels[row] += moved
                    excess -= moved
    return charge


def read(light, rng):
    charge = bloom(rng.poisson(light).astype(float))
    return (charge + rng.normal(0, READ_NOISE, light.shape)).astype(np.float32)


def motion(n_frames, rng):
    """Drift of half a pixel and jitter of a tenth."""
    moved = np.outer(np.linspace(0, 1, n_frames), (0.5, -0.5))
    return moved + rng.normal(0, 0.1, moved.shape)


def judge(found, true):
    """Slope of the motion found against the true one, rms about it, for column and row."""
    error = found - true
    slopes = [np.polyfit(true[:, k], found[:, k], 1)[0] for k in (0, 1)]
    return np.array(slopes), np.std(error, axis=0)


# The limits on the slope allow for 40 frames: two to three of its own standard deviations.
@pytest.mark.parametrize(("flux", "slope_error", "rms_limit"), [(5_000, 0.05, 0.03), (20_000, 0.02, 0.015)])
@pytest.mark.parametrize("seed", [1, 2])
def test_stars_are_followed(flux, slope_error, rms_limit, seed):
    rng = np.random.default_rng(seed)
    moved = motion(74, rng)
    true = moved + (25.3, 24.6)
    found = np.array([star_position(read(SKY + source((50, 52), *at, flux), rng), (26, 24)) for at in true])
    slopes, rms = judge(found, true)
    np.testing.assert_allclose(slopes, 1, atol=slope_error)
    assert (rms < rms_limit).all()
    assert (np.abs((found - true).mean(axis=0)) < 0.01).all()


def test_missing_pixels_do_not_pull_a_star():
    rng = np.random.default_rng(0)
    clean = read(SKY + source((50, 50), 24.3, 25.4, 20_000), rng)
    expected = star_position(clean, (24, 25))
    for row, column in ((25, 24), (25, 25), (27, 24), (24, 22)):
        image = clean.copy()
        image[row, column] = np.nan
        assert np.hypot(*np.subtract(star_position(image, (24, 25)), expected)) < 0.06
    image = clean.copy()
    image[:20] = np.nan
    assert np.hypot(*np.subtract(star_position(image, (24, 25)), expected)) < 0.02


def test_a_cosmic_ray_beside_a_star_does_not_pull_it():
    image = read(SKY + source((50, 50), 24.3, 25.4, 20_000), np.random.default_rng(0))
    expected = star_position(image, (24, 25))
    image[28, 24] += 1500
    assert np.hypot(*np.subtract(star_position(image, (24, 25)), expected)) < 0.02


def test_a_star_at_the_edge_is_found():
    rng = np.random.default_rng(0)
    for at in ((3.3, 20.2), (20.2, 1.6), (37.6, 38.3)):
        found = star_position(read(SKY + source((40, 40), *at, 20_000), rng), at, bkg_window=15)
        assert np.hypot(*np.subtract(found, at)) < 0.05


@pytest.mark.parametrize("window", [5, 15])
def test_window_shuts_out_a_brighter_neighbour(window):
    image = SKY + source((60, 60), 30.3, 30.4, 5_000) + source((60, 60), 40, 30, 40_000)
    column, row = star_position(read(image, np.random.default_rng(0)), (30, 30), bkg_window=window)
    assert (column < 32) == (window == 5)
    assert abs(row - (30.4 if window == 5 else 30)) < 0.05


def test_sky_of_a_trace_flank_is_no_star():
    rows = np.indices((40, 40))[0]
    with pytest.raises(ValueError, match="no signal"):
        star_position(read(SKY + 3000 * np.exp((rows - 39) / 4.0), np.random.default_rng(0)), (20, 20))


@pytest.mark.parametrize("flux", [200_000, 400_000, 2e6, 1e7])
def test_target_is_found(flux):
    """Guesses up to 20 pixels off, cosmic rays left in; from 300 ke- on the target saturates."""
    rng = np.random.default_rng(int(flux))
    for _ in range(4):
        at = 50 + rng.uniform(-1, 1, 2)
        image = read(1 + source((100, 100), *at, flux), rng)
        hit = rng.random(image.shape) < 0.003
        hit &= source((100, 100), *at, 1) < 2e-3  # a hit on the core itself cannot be told from the star
        image[hit] += rng.lognormal(np.log(1000), 0.6, hit.sum())
        found = target_position(image, at + rng.uniform(-20, 20, 2))
        assert np.hypot(*(found - at)) < 0.03


def test_saturated_hot_pixel_is_not_the_target():
    image = read(1 + source((80, 80), 40.3, 39.6, 100_000), np.random.default_rng(0))
    image[30, 50] = 70_000
    assert np.hypot(*np.subtract(target_position(image, (45, 45)), (40.3, 39.6))) < 0.03


@pytest.mark.parametrize("flux", [3e5, 3e6, 1.2e7, 6e7])
def test_0th_order_is_followed(flux):
    """Unsaturated, saturated, and bloomed over a hundred rows; drawn out unevenly in rows."""
    rng = np.random.default_rng(7)
    true = motion(30, rng) + (80.2, 99.7)
    spread = ((-1.5, 0.6), (0.5, 0.25), (6.0, 0.15))
    found = []
    for column, row in true:
        light = SKY + sum(source((200, 160), column, row + off, flux * share) for off, share in spread)
        found.append(zeroth_order_position(read(light, rng), (60, 130)))
    slopes, rms = judge(np.array(found), true)
    np.testing.assert_allclose(slopes, 1, atol=0.03)
    assert (rms < 0.03).all()


def test_0th_order_with_missing_pixels_and_beside_a_fainter_star():
    rng = np.random.default_rng(3)
    light = SKY + source((160, 160), 80.2, 79.7, 1e7) + source((160, 160), 40, 50, 1e6)
    image = read(light, rng)
    expected = zeroth_order_position(image, (70, 90))
    assert np.hypot(*np.subtract(expected, (80.2, 79.7))) < 0.03
    image[rng.random(image.shape) < 0.02] = np.nan
    assert np.hypot(*np.subtract(zeroth_order_position(image, (70, 90)), expected)) < 0.05


def test_displacements():
    rng = np.random.default_rng(0)
    moved = motion(6, rng)
    stars = np.array([[20.4, 20.6], [60.1, 22.2]])
    frames = [
        read(SKY + sum(source((45, 90), *(star + shift), 20_000) for star in stars), rng) for shift in moved
    ]
    frames[2][15:27, 15:27] = np.nan  # the first star is lost in one frame
    positions = np.array([track_stars(image, np.round(stars)) for image in frames])
    assert np.isnan(positions[2, 0]).all() and np.isfinite(positions).sum() == positions.size - 2
    shifts = displacements(positions)
    assert (shifts[0] == 0).all()
    np.testing.assert_allclose(np.nanmean(shifts, axis=1), moved - moved[0], atol=0.04)
    positions[:, 1] = np.nan
    with pytest.raises(ValueError, match="Star 2 was found in no frame"):
        displacements(positions)


@pytest.mark.parametrize(
    ("stars", "window", "message"),
    [
        (
            [[5, 5], [70, 5]],
            15,
            r"Star 1, at column 70, row 5, is outside the frame of 40 rows and 60 columns",
        ),
        ([[5, -1]], 15, "Star 0"),
        ([[5, np.nan]], 15, "Star 0"),
        ([[5, 5], [30, 9], [5.5, 5.2]], 15, "Stars 0 and 2 are both"),
        ([[0, 0], [0, 0]], 15, "Stars 0 and 1 are both"),
        ([[5, 5]], 20, "bkg_window 20 makes a window of 41 pixels, larger than the frame of 40 rows"),
        ([[5, 5]], 2, "too small"),
        ([], 15, "at least one"),
        ([5, 5], 15, "for each star"),
    ],
)
def test_bad_stars_are_named(stars, window, message):
    with pytest.raises(ValueError, match=message):
        check_stars(stars, (40, 60), window)


def test_nothing_there_is_said():
    empty = read(np.full((120, 120), SKY), np.random.default_rng(0))
    with pytest.raises(ValueError, match="star at column 50, row 60, shows no signal"):
        star_position(empty, (50, 60))
    with pytest.raises(ValueError, match="target, expected at column 50, row 60, shows no signal"):
        target_position(empty, (50, 60))
    with pytest.raises(ValueError, match="0th order, expected at column 50, row 60, shows no signal"):
        zeroth_order_position(empty, (50, 60))
    with pytest.raises(ValueError, match="is outside the frame of 120 rows and 120 columns"):
        zeroth_order_position(empty, (500, 60))
    with pytest.raises(ValueError, match="is outside the frame"):
        target_position(empty, (50, 120))
    with pytest.raises(ValueError, match="NaN"):
        star_position(empty * np.nan, (50, 60))


def test_a_bloom_that_is_not_around_its_source_is_no_position():
    """As after a step that replaced full pixels: what is left of them lies far from the light beside."""
    row, column = np.mgrid[:200, :90]
    image = 20 + 3e4 * np.exp(-((column - 45) ** 2 + (row - 40) ** 2) / 60)
    image[150:190, 44:46] = 8e4
    with pytest.raises(ValueError, match="is not where pixels are full"):
        zeroth_order_position(image, (45, 100), search=(40, 95))
