"""Background levels against skies whose level is known."""

import numpy as np
import pytest

from hustle_widgets.algorithms.background import (
    check_bounds,
    histogram,
    region_values,
    uniform_level,
)
from hustle_widgets.algorithms.columns import ColumnPixels, column_level
from hustle_widgets.algorithms.histogram import bin_values, fit_gaussian

SKY = 12.0
READ_NOISE = 3.1
RANGE = {"hist_min": -20, "hist_max": 50}


def flat_sky(shape=(600, 1000), seed=0, hits=0.01):
    """Photons and read noise over a flat sky, one per cent of the pixels hit by cosmic rays."""
    rng = np.random.default_rng(seed)
    image = rng.poisson(SKY, shape) + rng.normal(0, READ_NOISE, shape)
    hit = rng.random(shape) < hits
    image[hit] += rng.lognormal(np.log(1000), 1.2, hit.sum())
    return image.astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_gaussian_finds_the_sky(seed):
    assert uniform_level(flat_sky(seed=seed), fit="Gaussian", **RANGE) == pytest.approx(SKY, abs=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_median_lies_below_the_sky_by_what_photon_noise_takes_and_no_more(seed):
    image = flat_sky(seed=seed)
    below = SKY / (6 * (SKY + READ_NOISE**2))
    assert uniform_level(image, fit="median", **RANGE) == pytest.approx(SKY - below, abs=0.03)
    assert uniform_level(image, fit="median", skew_corrected=True, **RANGE) == pytest.approx(SKY, abs=0.03)


def test_gaussian_noise_needs_no_correction():
    image = np.random.default_rng(4).normal(SKY, 4.6, (600, 1000)).astype(np.float32)
    for corrected in (False, True):
        assert uniform_level(image, fit="median", skew_corrected=corrected, **RANGE) == pytest.approx(
            12, abs=0.03
        )


def test_mode_is_the_centre_of_the_fullest_bin():
    image = flat_sky()
    image[3, 7] = np.nan
    inside = image[(image > -20) & (image < 50)]
    counts, edges = np.histogram(inside, 1000, range=(-20, 50))
    fullest = counts.argmax()
    assert uniform_level(image, **RANGE) == pytest.approx((edges[fullest] + edges[fullest + 1]) / 2)
    hist = histogram(image, **RANGE)
    np.testing.assert_array_equal(hist.counts, counts)
    np.testing.assert_allclose(hist.edges, edges)


def test_median_is_that_of_the_values_strictly_inside_the_range():
    image = np.array([[-5.0, 0, 1, 2, 3, 10, 99, np.nan, np.inf]])
    assert uniform_level(image, fit="median", hist_min=0, hist_max=99) == 2.5
    assert uniform_level(image, fit="median", hist_min=0) == 3
    assert uniform_level(image, fit="median", hist_max=10) == 1
    assert uniform_level(image, fit="median") == 2


def test_gaussian_survives_whole_electrons_and_coarse_or_wide_bins():
    rng = np.random.default_rng(2)
    photons = rng.poisson(SKY, (300, 400)).astype(np.float32)
    assert uniform_level(photons, fit="Gaussian", **RANGE) == pytest.approx(SKY, abs=0.15)
    image = flat_sky()
    image[0, 0] = 65_000
    assert uniform_level(image, fit="Gaussian") == pytest.approx(SKY, abs=0.1)
    assert uniform_level(image, fit="Gaussian", hist_bins=20, **RANGE) == pytest.approx(SKY, abs=0.1)


def test_gaussian_is_not_pulled_by_a_trace():
    image = flat_sky()
    image[250:310] += np.random.default_rng(1).exponential(2000, (60, 1000)).astype(np.float32)
    assert uniform_level(image, fit="Gaussian", **RANGE) == pytest.approx(SKY, abs=0.1)


def test_gaussian_curve_follows_the_histogram():
    values = region_values(flat_sky(), None)
    hist = bin_values(values[(values > -20) & (values < 50)], -20, 50, 100)
    curve = fit_gaussian(hist)
    centres = (hist.edges[:-1] + hist.edges[1:]) / 2
    core = np.abs(centres - curve.mean) < 2 * curve.std
    assert np.abs(curve(centres) - hist.counts)[core].max() < 0.06 * hist.counts.max()
    assert curve.std == pytest.approx(np.sqrt(SKY + READ_NOISE**2), rel=0.03)


@pytest.mark.parametrize("image", [np.full((9, 9), 3.0), np.arange(400.0).reshape(20, 20), np.ones((1, 2))])
def test_no_gaussian_is_said(image):
    with pytest.raises(ValueError, match="No Gaussian fits"):
        uniform_level(image, fit="Gaussian", hist_bins=50)


def test_regions_are_united_and_a_pixel_counts_once():
    image = np.arange(60.0).reshape(6, 10)
    bounds = [[0, 2, 0, 4], [1, 3, 2, 6]]
    united = {(r, c) for r0, r1, c0, c1 in bounds for r in range(r0, r1) for c in range(c0, c1)}
    assert sorted(region_values(image, bounds)) == sorted(image[place] for place in united)
    assert region_values(image, None).size == 60
    assert region_values(image, [[0, 6, 0, 10]]).size == 60


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ([[0, 2, 0, 4], [3, 3, 0, 4]], r"Region 1 .* upside down"),
        ([[5, 2, 0, 4]], "upside down"),
        ([[0, 7, 0, 4]], "outside the frame of 6 rows and 10 columns"),
        ([[-1, 3, 0, 4]], "outside the frame"),
        ([[0, 2, 0]], "four whole numbers"),
        ([[0, 2.5, 0, 3]], "four whole numbers"),
        ([], "no region"),
    ],
)
def test_bad_regions_are_named(bounds, message):
    with pytest.raises(ValueError, match=message):
        check_bounds(bounds, (6, 10))


def test_bad_ranges_are_named():
    image = np.full((4, 4), 100.0)
    with pytest.raises(
        ValueError, match=r"none of the 16 pixels lies between hist_min = -20 and hist_max = 50"
    ):
        uniform_level(image, **RANGE)
    with pytest.raises(ValueError, match="must be below hist_max"):
        uniform_level(image, hist_min=5, hist_max=5)
    with pytest.raises(ValueError, match="is NaN"):
        uniform_level(image * np.nan)
    with pytest.raises(ValueError, match="fit must be"):
        uniform_level(image, fit="mean")
    with pytest.raises(ValueError, match="hist_bins"):
        uniform_level(image, hist_bins=0)


def naive_columns(image, background, col_sigma):
    """Clipped mean of each column, pixel lists instead of arrays."""
    levels = np.full(image.shape[1], np.nan)
    for column in range(image.shape[1]):
        kept = image[background[:, column] & np.isfinite(image[:, column]), column].astype(float)
        while kept.size:
            deviation = np.abs(kept - np.median(kept))
            inside = deviation <= col_sigma * (1.4826 * np.median(deviation) or kept.std())
            if inside.all():
                break
            kept = kept[inside]
        if kept.size:
            levels[column] = kept.mean()
    return levels


def test_columns_equal_the_loop():
    image = flat_sky((60, 80), seed=3, hits=0.05)
    image[:, 7] += 40  # a column unlike its neighbours
    image[4, 9] = np.nan
    background = np.random.default_rng(0).random(image.shape) < 0.6
    background[:, 30:33] = False
    before = image.copy()
    levels, interpolated = column_level(image, background, 3)
    assert levels.dtype == np.float32
    expected = naive_columns(image, background, 3)
    used = ~interpolated
    np.testing.assert_allclose(levels[used], expected[used], rtol=1e-5)
    assert interpolated[[7, 30, 31, 32]].all() and interpolated.sum() < 10
    assert np.abs(levels - SKY).max() < 5 * np.sqrt((SKY + READ_NOISE**2) / 30)
    np.testing.assert_array_equal(image, before)


def test_columns_are_unbiased_and_scatter_little():
    image = flat_sky((600, 1000), seed=5)
    background = np.ones(image.shape, bool)
    background[200:420] = False
    image[280:340] += 5000
    levels, interpolated = column_level(image, ColumnPixels.of(background), 3)
    noise_of_median = 1.2533 * np.sqrt((SKY + READ_NOISE**2) / 380)
    assert levels.mean() == pytest.approx(SKY, abs=0.05)
    assert levels.std() < noise_of_median
    assert interpolated.sum() < 20


def test_columns_follow_a_gradient_across_missing_ones():
    gradient = np.linspace(5, 20, 200)
    image = np.random.default_rng(1).normal(gradient, 3, (400, 200)).astype(np.float32)
    background = np.ones(image.shape, bool)
    background[:, 90:110] = False
    levels, interpolated = column_level(image, background)
    assert interpolated[90:110].all()
    assert np.abs(levels - gradient)[90:110].max() < 0.6
    assert abs((levels - gradient).mean()) < 0.05


def test_columns_without_noise_are_exact():
    image = np.repeat(np.arange(50.0), 20).reshape(50, 20).T.astype(np.float32)
    image[3, 10] = 1e5
    levels, _ = column_level(image, np.ones(image.shape, bool))
    np.testing.assert_allclose(levels, np.arange(50.0), atol=1)
    np.testing.assert_allclose(levels[2:-2], np.arange(2.0, 48.0))


def test_columns_of_nothing_are_said():
    image = np.ones((5, 6), np.float32)
    with pytest.raises(ValueError, match="not one pixel"):
        column_level(image, np.zeros((5, 6), bool))
    with pytest.raises(ValueError, match="is NaN"):
        column_level(image * np.nan, np.ones((5, 6), bool))
    with pytest.raises(ValueError, match="col_sigma"):
        column_level(image, np.ones((5, 6), bool), 0)
    with pytest.raises(ValueError, match="does not fit"):
        column_level(image, np.ones((5, 7), bool))
