"""Apertures and scatter against loops and known noise."""

import numpy as np
import pytest

from hustle_widgets.algorithms.geometry import Trace
from hustle_widgets.algorithms.photometry import (
    expected_scatter,
    light_curve,
    point_scatter,
    spectrum,
    standard_scatter,
    trace_aperture,
)


def line(columns, rows):
    return Trace(np.asarray(columns), np.asarray(rows, float), np.full(len(columns), np.nan))


def naive_sum(image, trace, half_width):
    """Overlap of each pixel's extent with the aperture's, one pixel at a time."""
    sums = []
    for column, centre in zip(trace.columns, trace.rows, strict=True):
        low, high = centre - half_width - 0.5, centre + half_width + 0.5
        total = 0.0
        for row in range(image.shape[0]):
            total += image[row, column] * max(0.0, min(row + 0.5, high) - max(row - 0.5, low))
        sums.append(total)
    return np.array(sums)


@pytest.mark.parametrize("half_width", [0, 1, 2.5, 7])
def test_sums_equal_a_loop_over_pixels(half_width):
    rng = np.random.default_rng(5)
    image = rng.normal(100, 10, (40, 30))
    trace = line(np.arange(3, 28), np.linspace(0.2, 38.7, 25))
    got = spectrum(image, trace_aperture(trace, half_width, image.shape))
    np.testing.assert_allclose(got, naive_sum(image, trace, half_width), rtol=1e-12)


def test_columns_and_rows_outside_the_frame_do_not_count():
    image = np.ones((10, 6))
    trace = line([-1, 2, 6], [5.0, 9.0, 5.0])
    got = spectrum(image, trace_aperture(trace, 1, image.shape))
    np.testing.assert_allclose(got, [0, 2, 0])


def test_nan_pixels_are_interpolated_along_the_trace():
    rows = 15 + 4 * np.sin(np.arange(50) / 9)
    profile = np.exp(-0.5 * (np.arange(30)[:, None] - np.rint(rows)) ** 2)
    image = 1000 * profile * (1 + np.arange(50) / 50)
    trace = line(np.arange(50), np.rint(rows))
    whole = spectrum(image, trace_aperture(trace, 4, image.shape))
    image[int(np.rint(rows[20])), 20] = np.nan
    image[0, 3] = np.nan
    got = spectrum(image, trace_aperture(trace, 4, image.shape))
    np.testing.assert_allclose(got, whole, rtol=1e-3)
    image[:] = np.nan
    assert np.isnan(spectrum(image, trace_aperture(trace, 4, image.shape))).all()


def test_light_curve_adds_the_orders_and_takes_a_generator():
    cube = np.random.default_rng(1).random((5, 20, 30), dtype=np.float32)
    orders = [line(np.arange(0, 10), np.full(10, 6.3)), line(np.arange(15, 30), np.full(15, 11.0))]
    got = light_curve((frame for frame in cube), orders, 2, (20, 30))
    expected = [sum(naive_sum(frame, o, 2).sum() for o in orders) for frame in cube]
    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_scatters_are_those_put_in():
    rng = np.random.default_rng(7)
    orbits = np.repeat(np.arange(200), 15)
    flux = 3e7 * (1 + 200e-6 * rng.standard_normal(3000)) * (1 + 0.001 * orbits / 200)
    flux[::100] *= 1.05
    flux += 1e6 * (orbits % 2) + 3e4 * np.tile(np.arange(15), 200)
    assert point_scatter(flux, orbits) == pytest.approx(200, rel=0.08)
    assert point_scatter(flux) > point_scatter(flux, orbits)
    clean = 3e7 * (1 + 200e-6 * rng.standard_normal(3000))
    clean[:500] *= 0.99
    assert standard_scatter(clean, np.arange(3000) >= 500) == pytest.approx(200, rel=0.05)
    assert standard_scatter(clean) > 1000
    assert np.isnan(point_scatter([1.0, 2.0, 3.0], [1, 1, 1])) and np.isnan(standard_scatter([1.0]))


def test_expected_scatter_is_that_of_simulated_pixels():
    rng = np.random.default_rng(3)
    frames = rng.poisson(50.0 + 12.0, (4000, 200)) + 3.1 * rng.standard_normal((4000, 200))
    flux = frames.sum(axis=1) - 12 * 200
    assert expected_scatter(flux, 12, 3.1, 200) == pytest.approx(standard_scatter(flux), rel=0.05)


def test_negative_width_is_refused():
    with pytest.raises(ValueError, match="half_width"):
        trace_aperture(line([0], [0]), -1, (5, 5))
