"""Traces of the G280 orders against the calibration files and the figures of the instrument."""

from pathlib import Path

import numpy as np
import pytest

from hustle_widgets.algorithms import geometry
from hustle_widgets.algorithms.geometry import (
    ORDERS,
    Trace,
    measure_trace,
    trace,
    trace_mask,
    traces_on_frame,
    zeroth_order_guess,
)

CONF = Path(__file__).resolve().parents[2] / "shared" / "g280"


def read_conf(chip):
    """Read the polynomials of a grism configuration file as {(quantity, order): rows}."""
    found = {}
    for line in (CONF / f"UVIS_G280_CCD{chip}_V2.conf").read_text().splitlines():
        words = line.split()
        if words and words[0].startswith("DISP"):
            quantity, order, _ = words[0].split("_")
            found.setdefault((quantity, order), []).append([float(word) for word in words[1:]])
    return found


@pytest.mark.skipif(not CONF.is_dir(), reason="calibration files not there")
@pytest.mark.parametrize("chip", [1, 2])
@pytest.mark.parametrize("order", ORDERS)
def test_traces_equal_the_calibration_files(chip, order):
    conf = read_conf(chip)
    for x, y in [(2048.0, 1024.0), (1033.3, 250.7), (3400.0, 1800.2)]:
        got = trace(order, x, y, chip)
        field = np.array([1, x, y, x * x, x * y, y * y])
        d0, d1 = (row[0] for row in conf["DISPX", order])
        for column, row, wavelength in list(zip(*got, strict=True))[:: max(1, len(got.rows) // 7)]:
            t = (column - x - d0) / d1
            assert 0 <= t <= 1
            dy = sum(np.dot(c, field) * t**i for i, c in enumerate(conf["DISPY", order]))
            assert row == pytest.approx(y + dy, abs=1e-6)
            expected = sum(np.dot(c, field) * t**i for i, c in enumerate(conf["DISPL", order]))
            assert wavelength == pytest.approx(expected, abs=1e-5)


def test_first_orders_at_the_centre_of_chip_2():
    """Figures of the ISR: +1 runs from dx +10 to -560, -1 from +230 to +780."""
    plus, minus = trace("+1", 2048, 1024), trace("-1", 2048, 1024)
    assert (plus.columns[[0, -1]] - 2048).tolist() == [-560, 10]
    assert (minus.columns[[0, -1]] - 2048).tolist() == [230, 780]
    np.testing.assert_allclose(plus.rows[[0, -1]] - 1024, [181.7, 195.9], atol=0.5)
    assert plus.rows.min() - 1024 == pytest.approx(166.9, abs=0.5)
    np.testing.assert_allclose(minus.rows[[0, -1]] - 1024, [178.2, 120.4], atol=0.5)
    assert 1600 < plus.wavelengths[-1] < 1610 and 9390 < plus.wavelengths[0] < 9400
    assert np.all(np.diff(plus.wavelengths) < 0) and np.all(np.diff(minus.wavelengths) > 0)


def test_wavelengths_always_rise_and_useful_is_a_part():
    for chip in (1, 2):
        for x in (300, 2000, 3900):
            for order in ORDERS:
                whole, useful = trace(order, x, 1900, chip), trace(order, x, 1900, chip, useful=True)
                assert len(set(np.sign(np.diff(whole.wavelengths)))) == 1
                assert set(useful.columns) <= set(whole.columns)
                low, high = geometry.USEFUL_RANGE[order]
                assert useful.wavelengths.min() >= low and useful.wavelengths.max() <= high
                assert len(useful.columns) > 50


def test_frame_coordinates_are_full_chip_less_the_corner():
    coords, shape, target = (1029, 3128, 725, 1324), (600, 2100), (970.25, 170.5)
    got = traces_on_frame(target, coords, shape, 2)
    assert list(got) == ["+1", "-1", "+2", "-2"]
    full = trace("+1", 970.25 + 1028, 170.5 + 724, 2)
    np.testing.assert_array_equal(got["+1"].columns, full.columns - 1028)
    np.testing.assert_allclose(got["+1"].rows, full.rows - 724)


def test_orders_are_clipped_to_the_frame_and_left_out_beyond():
    got = traces_on_frame((185, 12), (1800, 2199, 800, 999), (200, 400), 2, ORDERS)
    assert "-1" not in got and "-4" not in got
    for line in got.values():
        assert line.columns.min() >= 0 and line.columns.max() < 400
        assert line.rows.min() >= -0.5 and line.rows.max() < 199.5


def test_mask_equals_a_loop_over_pixels():
    shape = (90, 40)
    line = Trace(np.arange(5, 30), np.linspace(20.3, 31.7, 25), np.full(25, np.nan))
    mask = trace_mask(shape, {"+1": line}, None, 7)
    expected = np.zeros(shape, bool)
    for column, row in zip(line.columns, line.rows, strict=True):
        for r in range(shape[0]):
            expected[r, column] = abs(r - row) <= 7
    np.testing.assert_array_equal(mask, expected)
    with_zeroth = trace_mask(shape, {}, (35, 80), 2)
    assert with_zeroth[80, 35] and with_zeroth[38, 35] and not with_zeroth[37, 35]
    assert with_zeroth[80, 18] and not with_zeroth[80, 17]
    assert not trace_mask(shape, {}, (np.nan, 3), 2).any()


def test_zeroth_order_guess_is_where_the_instrument_has_it():
    column, row = zeroth_order_guess((970, 170))
    assert 30 <= column - 970 <= 170 and 80 <= row - 170 <= 220


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("+5", 1, 1, 2), "order"), (("+1", 1, 1, 3), "chip"), (("+1", float("nan"), 1, 2), "finite")],
)
def test_bad_arguments_are_named(arguments, word):
    with pytest.raises(ValueError, match=word):
        trace(*arguments)
    with pytest.raises(ValueError, match="distance"):
        trace_mask((5, 5), {}, None, -1)


def test_a_measured_trace_follows_the_light():
    rng = np.random.default_rng(3)
    shape = (120, 400)
    rows = 60 + 12 * np.cos(np.arange(400) / 130)
    image = rng.normal(12, 4, shape)
    lit = slice(60, 350)
    profile = np.exp(-0.5 * ((np.arange(120)[:, None] - rows) / 1.5) ** 2)
    image[:, lit] += 3000 * profile[:, lit]
    image[rng.integers(0, 120, 60), rng.integers(0, 400, 60)] += 5000
    image[rng.integers(0, 120, 60), rng.integers(0, 400, 60)] = np.nan
    got = measure_trace(image)
    assert abs(got.columns[0] - 60) < 8 and abs(got.columns[-1] - 349) < 8
    assert np.abs(got.rows - rows[got.columns]).max() < 1.0
    assert np.median(np.abs(got.rows - rows[got.columns])) < 0.2
    assert np.isnan(got.wavelengths).all()
    assert len(measure_trace(rng.normal(0, 1, (80, 90))).columns) == 0
    with pytest.raises(ValueError, match="one frame"):
        measure_trace(np.zeros(4))
