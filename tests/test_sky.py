"""The scaled sky image against frames whose factor is known."""

import numpy as np
import pytest

from hustle_widgets.algorithms.mode import sky_mode
from hustle_widgets.algorithms.sky import (
    cut_sky,
    fit_sky,
    median_columns,
    sky_mask,
    sky_scale,
    smooth_scales,
)
from hustle_widgets.algorithms.sky_sums import BLOCK, BlockSums

READ_NOISE = 3.1


def structured_sky(shape=(300, 500)):
    rows, columns = np.indices(shape)
    return (1 + 0.3 * np.sin(columns / 120) + 0.2 * rows / shape[0]).astype(np.float32)


def sources(shape=(300, 500)):
    """Two traces and a bright star, with wings."""
    rows, columns = np.indices(shape)
    light = np.zeros(shape)
    for row, peak in ((150, 15_000), (90, 500)):
        away = rows - row - 5 * np.sin(columns / 200)
        light += peak * (np.exp(-(away**2) / 8) + 1e-3 * np.exp(-(away**2) / 200))
    return light + 60_000 * np.exp(-((rows - 230) ** 2 + (columns - 260) ** 2) / 18)


def frame(scale, sky, light=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.poisson(scale * sky + light) + rng.normal(0, READ_NOISE, sky.shape)).astype(np.float32)


@pytest.mark.parametrize("mask_parameter", [1e-4, 1e-3, 1e-2])
@pytest.mark.parametrize("scale", [12.0, 30.0])
def test_scale_is_found_whatever_the_mask_parameter(scale, mask_parameter):
    sky = structured_sky()
    image = frame(scale, sky, sources())
    image[5, :9] = np.nan
    fit = fit_sky(image, sky, mask_parameter)
    found, mask = fit.scale, fit.mask(image, sky)
    assert found == pytest.approx(scale, rel=0.005)
    assert mask[149:152].mean() > 0.99 and mask[5, :9].all()
    assert mask.mean() < 0.5


def test_scale_of_a_sky_without_sources():
    sky = structured_sky()
    image = frame(12, sky, seed=3)
    fit = fit_sky(image, sky, 0.001)
    found, mask = fit.scale, fit.mask(image, sky)
    assert found == pytest.approx(12, rel=0.005)
    assert mask.mean() < 0.1


def test_sky_image_with_holes():
    sky = structured_sky()
    image = frame(12, sky)
    sky[20:40, 30:60] = np.nan
    fit = fit_sky(image, sky, 0.01)
    found, mask = fit.scale, fit.mask(image, sky)
    assert found == pytest.approx(12, rel=0.005)
    assert mask[20:40, 30:60].all()


def test_mask_is_the_definition():
    sky = structured_sky()
    image = frame(12, sky, sources())
    mode, scatter = sky_mode(image)
    mask = sky_mask(image, 0.01)
    np.testing.assert_array_equal(mask, np.abs(image - np.float32(mode)) > 0.01 * image.std(dtype=float))
    assert sky_mask(image, 0.001).sum() > mask.sum() > sky_mask(image, 0.1).sum()
    assert 9 < mode < 16 and 4 < scatter < 8


def test_closed_form():
    rng = np.random.default_rng(0)
    sky, image = rng.random((2, 20, 30)).astype(np.float32) + 1
    mask = rng.random(sky.shape) < 0.3
    image[0, 0] = np.nan
    mask[0, 0] = False
    keep = ~mask & np.isfinite(image)
    (expected,), *_ = np.linalg.lstsq(sky[keep][:, None].astype(float), image[keep].astype(float), rcond=None)
    assert sky_scale(image, sky, mask) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match="No pixel is left"):
        sky_scale(image, sky, np.ones_like(mask))


def test_scales_far_from_the_median_become_the_median():
    scales = np.random.default_rng(0).normal(10, 0.1, 40)
    scales[[3, 20]] = 14, np.nan
    smooth = smooth_scales(scales, 2.5)
    median = np.nanmedian(scales)
    assert smooth[3] == smooth[20] == median
    std = 1.4826 * np.nanmedian(np.abs(scales - median))
    for before, after in zip(np.delete(scales, [3, 20]), np.delete(smooth, [3, 20]), strict=True):
        assert after == (before if abs(before - median) <= 2.5 * std else median)
    np.testing.assert_array_equal(smooth_scales([5.0, 5.0, 5.0, 9.0], 2.5), 5)
    with pytest.raises(ValueError, match="smoothing_param"):
        smooth_scales(scales, 0)
    with pytest.raises(ValueError, match="No frame"):
        smooth_scales([np.nan], 2)


def test_median_columns():
    sky = np.random.default_rng(0).random((5, 6)).astype(np.float32)
    sky[2, 1] = np.nan
    sky[:, 3] = np.nan
    columns = median_columns(sky)
    expected = [np.nanmedian(column) for column in np.delete(sky, 3, axis=1).T]
    np.testing.assert_allclose(np.delete(columns[0], 3), expected, rtol=1e-6)
    assert columns[0, 3] == pytest.approx((columns[0, 2] + columns[0, 4]) / 2)
    assert (columns == columns[0]).all() and columns.shape == sky.shape
    with pytest.raises(ValueError, match="holds no number"):
        median_columns(sky * np.nan)


def test_cut():
    sky = np.arange(200.0).reshape(10, 20)
    np.testing.assert_array_equal(cut_sky(sky, [3, 8, 2, 5], (4, 6)), sky[1:5, 2:8])
    assert cut_sky(sky, [101, 120, 1, 10], (10, 20)) is sky
    with pytest.raises(ValueError, match="10 rows x 20 columns, does not cover the subarray"):
        cut_sky(sky, [3, 22, 2, 5], (4, 20))
    with pytest.raises(ValueError, match="shape of the frames"):
        cut_sky(sky, [3, 8, 2, 5], (4, 7))
    with pytest.raises(ValueError, match="rows and columns"):
        cut_sky(sky[0], [3, 8, 2, 5], (4, 6))


@pytest.mark.parametrize("call", [sky_mask, lambda image, p: fit_sky(image, np.ones_like(image), p)])
def test_nothing_to_fit_is_said(call):
    image = np.ones((40, 40), np.float32)
    with pytest.raises(ValueError, match="mask_parameter must be above 0"):
        call(image, 0)
    with pytest.raises(ValueError, match="NaN"):
        call(image * np.nan, 0.1)
    with pytest.raises(ValueError, match="zero or NaN"):
        fit_sky(image, image * 0, 0.1)


@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize("edge", [0.0, 5.0])
def test_sums_over_blocks_are_those_of_a_loop(alike, edge):
    sky = structured_sky((90, 150))
    sky = median_columns(sky) if alike else sky
    image = frame(12, sky, sources((90, 150)), seed=5)
    sums = BlockSums(image, sky, 14.0, edge)
    for scale in (11.0, 12.5, 12.0, 30.0, 31.0):
        kept = np.abs(image - sky * np.float32(scale)) <= np.float32(14)
        products, norms = sums.at(scale)
        assert products.shape == norms.shape == (3, 5)
        for row, column in np.ndindex(products.shape):
            block = np.s_[row * BLOCK : (row + 1) * BLOCK, column * BLOCK : (column + 1) * BLOCK]
            there = kept[block]
            assert products[row, column] == pytest.approx(
                (image[block] * sky[block].astype(float))[there].sum(), rel=1e-5, abs=1e-3
            )
            assert norms[row, column] == pytest.approx((sky[block].astype(float) ** 2)[there].sum(), rel=1e-5)
