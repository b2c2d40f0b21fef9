"""Spatial smoothing against loops over the pixels, and against what was put in."""

import numpy as np
import pytest

from hustle_widgets.algorithms.smoothing import check_smoothing, reject_by_smoothing, smooth_model

READ_NOISE = 3.1
SHAPE = (24, 50)
CASES = [("1D_smooth", 11), ("1D_smooth", 5), ("2D_smooth", (3, 7)), ("polyfit", 11)]


def spectrum(shape=SHAPE, peak=5000.0):
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(float)
    centre = shape[0] / 2 + 0.08 * (columns - shape[1] / 2)
    return 12 + peak * (1 + 0.2 * np.sin(columns / 30)) * np.exp(-((rows - centre) ** 2) / (2 * 0.9**2))


def expose(scene, seed):
    rng = np.random.default_rng(seed)
    return (rng.poisson(scene) + rng.normal(0, READ_NOISE, scene.shape)).astype(np.float32)


def dirty_frame(seed):
    """The frame, and where it was made hot (h), dead (d) or NaN."""
    rng = np.random.default_rng(seed)
    scene = spectrum()
    hot = rng.random(SHAPE) < 0.03
    image = expose(scene, seed)
    image[hot] += rng.uniform(200, 5000, hot.sum())
    image[5, 5] = image[12, 24] = np.nan
    return image


def window(image, row, column, rows, columns):
    """The neighbours of a pixel, the frame mirrored at its edges."""
    padded = np.pad(image, ((rows // 2,) * 2, (columns // 2,) * 2), mode="symmetric")
    return padded[row : row + rows, column : column + columns]


def bridged(image):
    out = image.astype(float)
    for row, column in np.argwhere(~np.isfinite(image)):
        near = image[row, max(column - 5, 0) : column + 6]
        out[row, column] = np.median(near[np.isfinite(near)])
    return out


def naive_median(image, rows, columns):
    model = np.empty(image.shape)
    for row, column in np.ndindex(image.shape):
        model[row, column] = np.median(window(image, row, column, rows, columns))
    return model


def naive_outliers(image, model, threshold):
    away = np.abs(image - model)
    mask = np.zeros(image.shape, bool)
    for row, column in np.ndindex(image.shape):
        scatter = max(
            np.sqrt(max(model[row, column], 0) + READ_NOISE**2),
            1.4826 * np.median(window(away, row, column, 1, 7)),
            1.4826 * np.median(window(away, row, column, 3, 5)),
        )
        mask[row, column] = away[row, column] > threshold * scatter
    return mask


def naive_polynomial(image, bad, width, order, threshold, passes=4):
    median = model = naive_median(image, 1, width)
    for _ in range(passes):
        reject = bad | naive_outliers(image, model, threshold)
        model = median.copy()
        for row, column in np.ndindex(image.shape):
            near = [
                c
                for c in range(column - width // 2, column + width // 2 + 1)
                if 0 <= c < image.shape[1] and not reject[row, c]
            ]
            if len(near) >= order + 2:
                fit = np.polynomial.Polynomial.fit(near, image[row, near], order)
                model[row, column] = fit(column)
    return model


def naive_model(image, smth_type, kernel, order=2, threshold=5):
    bad = ~np.isfinite(image)
    image = bridged(image)
    if smth_type == "polyfit":
        return naive_polynomial(image, bad, kernel, order, threshold)
    rows, columns = kernel if smth_type == "2D_smooth" else (1, kernel)
    return naive_median(image, rows, columns)


@pytest.mark.parametrize(("smth_type", "kernel"), CASES)
def test_model_and_flags_equal_the_loop(smth_type, kernel):
    image = dirty_frame(seed=3)[6:18]
    expected = naive_model(image, smth_type, kernel)
    found = smooth_model(image, smth_type, kernel, read_noise=READ_NOISE)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=0.02)
    flagged = naive_outliers(bridged(image), expected, 5) & np.isfinite(image)
    before = image.copy()
    mask, values = reject_by_smoothing(
        image, smth_type=smth_type, smth_kernel=kernel, smth_threshold=5, read_noise=READ_NOISE
    )
    assert flagged.sum() > 10
    np.testing.assert_array_equal(mask, flagged)
    np.testing.assert_allclose(values, expected[flagged], rtol=1e-4, atol=0.02)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_polynomial_of_any_order(order):
    columns = np.linspace(-1, 1, 60)
    truth = np.polyval([700, -300, 500, 4000][-(order + 1) :], columns)
    image = np.tile(truth, (4, 1))
    image[1, 30], image[2, 0], image[3, 59] = 9e4, -4e3, 2e4
    image[0, 10:13] = np.nan
    model = smooth_model(image, "polyfit", 13, order)
    np.testing.assert_allclose(model, np.tile(truth, (4, 1)), rtol=1e-5)


@pytest.mark.parametrize(("smth_type", "kernel"), CASES)
def test_regions_use_their_surroundings_and_overlaps_count_once(smth_type, kernel):
    rng = np.random.default_rng(0)
    image = expose(spectrum((60, 300)), seed=9)
    image[rng.random(image.shape) < 0.02] += 900
    arguments = {"smth_type": smth_type, "smth_kernel": kernel, "smth_threshold": 5}
    whole, values = reject_by_smoothing(image, smth_bounds=None, **arguments)
    everywhere = np.zeros(image.shape, np.float32)
    everywhere[whole] = values
    regions = [[20, 40, 100, 160], [30, 60, 150, 300], [0, 1, 0, 1], [20, 40, 100, 160]]
    inside = np.zeros(image.shape, bool)
    for row0, row1, column0, column1 in regions:
        inside[row0:row1, column0:column1] = True
    mask, values = reject_by_smoothing(image, smth_bounds=regions, **arguments)
    np.testing.assert_array_equal(mask, whole & inside)
    np.testing.assert_allclose(values, everywhere[mask], rtol=1e-6)
    assert 20 < mask.sum() < whole.sum()
    assert not reject_by_smoothing(image, smth_bounds=[], **arguments)[0].any()


@pytest.mark.parametrize(
    ("smth_type", "kernel"), [("1D_smooth", 11), ("2D_smooth", (3, 11)), ("polyfit", 11)]
)
@pytest.mark.parametrize("peak", [200.0, 5000.0, 30_000.0])
def test_a_clean_spectrum_is_left_alone(smth_type, kernel, peak):
    scene = spectrum((50, 300), peak)
    flagged = [
        reject_by_smoothing(expose(scene, seed), smth_type=smth_type, smth_kernel=kernel)[0]
        for seed in range(4)
    ]
    on_trace = (scene > 0.05 * peak)[:, 11:-11]
    assert np.array(flagged)[:, :, 11:-11][:, on_trace].mean() < 5e-4
    assert np.mean(flagged) < 2e-4


@pytest.mark.parametrize(
    ("smth_type", "kernel"), [("1D_smooth", 11), ("2D_smooth", (3, 11)), ("polyfit", 11)]
)
def test_hot_and_dead_pixels_are_found_beside_and_on_a_spectrum(smth_type, kernel):
    scene = spectrum((50, 300))
    centre = np.rint(25 + 0.08 * (np.arange(300) - 150)).astype(int)
    hot, dead = np.zeros(scene.shape, bool), np.zeros(scene.shape, bool)
    hot[np.arange(3, 50, 9), np.arange(20, 290, 50)] = True
    hot[centre[40:260:40], np.arange(40, 260, 40)] = True
    dead[centre[60:260:40], np.arange(60, 260, 40)] = True
    image = expose(np.where(dead, 0, scene + 12_000 * hot), seed=1)
    mask, values = reject_by_smoothing(image, smth_type=smth_type, smth_kernel=kernel)
    away = scene < 50
    assert mask[hot & away].all()
    assert (mask & ~(hot | dead)).sum() <= 3
    if smth_type != "2D_smooth":  # the median of three rows of a trace two pixels wide is no model of it
        assert mask[hot | dead].all()
        assert np.abs(values / scene[mask] - 1)[(hot | dead)[mask] & (scene[mask] > 2000)].max() < 0.15


def test_nan_is_neither_hit_nor_neighbour():
    image = expose(np.full((20, 60), 12.0), seed=5)
    image[4:9, 20:40] = np.nan
    image[6, 41], image[10, 30], image[0, 0] = 500.0, 500.0, np.inf
    for smth_type, kernel in CASES:
        mask, values = reject_by_smoothing(image, smth_type=smth_type, smth_kernel=kernel)
        assert np.argwhere(mask).tolist() == [[6, 41], [10, 30]]
        assert np.abs(values - 12).max() < 8
        assert np.isfinite(smooth_model(image, smth_type, kernel)).all()
        assert not reject_by_smoothing(np.full(SHAPE, np.nan), smth_type=smth_type, smth_kernel=kernel)[
            0
        ].any()


def test_protected_pixels_are_never_flagged():
    image = expose(np.full(SHAPE, 12.0), seed=5)
    image[10, 20] = image[20, 40] = 700
    protect = np.zeros(SHAPE, bool)
    protect[10, 20] = True
    mask, _ = reject_by_smoothing(image, smth_kernel=11, protect=protect)
    assert np.argwhere(mask).tolist() == [[20, 40]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"smth_type": "3D"}, "smth_type must be one of"),
        ({"smth_kernel": 10}, "smth_kernel must be one odd whole number for 1D_smooth. Got 10"),
        ({"smth_kernel": (3, 5)}, "one odd whole number"),
        ({"smth_kernel": 0}, "smth_kernel"),
        ({"smth_kernel": 5.5}, "smth_kernel"),
        ({"smth_kernel": "11"}, "smth_kernel"),
        ({"smth_kernel": 91}, "larger than the frame of 24 x 50"),
        ({"smth_type": "2D_smooth", "smth_kernel": 11}, "two odd whole numbers"),
        ({"smth_type": "2D_smooth", "smth_kernel": (3, 4)}, "two odd whole numbers"),
        ({"smth_type": "2D_smooth", "smth_kernel": (41, 3)}, "larger than the frame"),
        ({"smth_type": "polyfit", "smth_kernel": 3}, "smth_order must be from 0 to 1 "),
        ({"smth_type": "polyfit", "smth_order": -1}, "smth_order"),
        ({"smth_threshold": 0}, "smth_threshold"),
        ({"read_noise": np.nan}, "read_noise"),
        ({"smth_bounds": [[10, 5, 0, 9]]}, r"\[10, 5, 0, 9\] is empty or upside down"),
        ({"smth_bounds": [[0, 5, 9, 9]]}, "upside down"),
        (
            {"smth_bounds": [[0, 5, 0, 9], [0, 25, 0, 9]]},
            r"\[0, 25, 0, 9\] reaches outside the frame of 24 rows",
        ),
        ({"smth_bounds": [[-1, 5, 0, 9]]}, "outside"),
        ({"smth_bounds": [0, 5, 0, 9]}, "list of regions"),
        ({"smth_bounds": [[0, 5, 0]]}, "list of regions"),
        ({"smth_bounds": [[0, 5.5, 0, 9]]}, "whole numbers"),
        ({"protect": np.zeros((2, 2), bool)}, "protect"),
    ],
)
def test_bad_parameters_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        reject_by_smoothing(np.zeros(SHAPE), **{"smth_kernel": 11, **change})


def test_parameters_come_back_in_one_form():
    kernel, regions = check_smoothing((600, 2100), "1D_smooth", 11.0, [[260.0, 370, 640, 1100]])
    assert kernel == (1, 11)
    assert regions == [(260, 370, 640, 1100)]
    assert check_smoothing((9, 9), "2D_smooth", [3, 5]) == ((3, 5), [(0, 9, 0, 9)])
