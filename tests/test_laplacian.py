"""Laplacian edge detection against a dense one with real subsampling, and against the truth."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, convolve, median_filter

from hustle_widgets.algorithms.bloom import bloom_mask
from hustle_widgets.algorithms.edge_models import edge_models
from hustle_widgets.algorithms.edges import laplacian
from hustle_widgets.algorithms.laplacian import MAX_ROUNDS, detect_edges, significance
from hustle_widgets.algorithms.neighbours import fill_bad, good_neighbour_median
from hustle_widgets.simulate import cosmic_ray_mask, read_truth, simulate_visit

READ_NOISE = 3.1
KERNEL = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]]) / 4
SQUARE = np.ones((3, 3), bool)
LCOSMIC = {"led_threshold": 2.5, "contrast_factor": 1.25}  # sigclip 10, objlim 5


def spectrum(shape=(60, 130), peak=8000.0):
    """A tilted trace two pixels wide on a flat sky [e-]."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(float)
    centre = shape[0] / 2 + 0.08 * (columns - shape[1] / 2)
    light = peak * (1 + 0.3 * np.sin(columns / 25))
    return 12 + light * (
        0.85 * np.exp(-((rows - centre) ** 2) / (2 * 0.85**2))
        + 0.05 * np.exp(-((rows - centre) ** 2) / (2 * 3**2))
    )


def expose(scene, seed):
    rng = np.random.default_rng(seed)
    return (rng.poisson(scene) + rng.normal(0, READ_NOISE, scene.shape)).astype(np.float32)


@pytest.mark.parametrize("bad", [False, True])
def test_the_models_are_those_of_the_definition(bad):
    image = expose(spectrum((40, 50)), 3)
    inside = image.copy()
    if bad:
        image[20, 20] = np.nan
        inside, _ = fill_bad(image)
    noise, fine = edge_models(image, READ_NOISE)
    level = np.maximum(median_filter(inside, 5, mode="reflect"), 0)
    smooth = median_filter(inside, 3, mode="reflect")
    part = np.s_[8:-8, 8:-8]
    np.testing.assert_allclose(noise[part], np.sqrt(level + READ_NOISE**2)[part], rtol=1e-5)
    np.testing.assert_allclose(fine[part], (smooth - median_filter(smooth, 7))[part], rtol=1e-5, atol=1e-4)
    with pytest.raises(ValueError, match="read_noise|read noise"):
        edge_models(image, 0)


def dirty_frame(seed, shape=(60, 130)):
    """Trace, bloom, hot and dead pixels also in the corners, and tracks."""
    rng = np.random.default_rng(seed)
    scene = spectrum(shape)
    scene[5:40, 100:103] = 60_000
    dead = rng.random(shape) < 0.01
    scene[dead] *= 0.03
    image = expose(scene, seed)
    hot = rng.random(shape) < 0.01
    image[hot] += rng.lognormal(6, 1, hot.sum())
    for _ in range(25):
        row, column = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        angle, charge = rng.uniform(0, 2 * np.pi), rng.lognormal(6, 1)
        for step in np.arange(0, rng.exponential(4) + 1, 0.5):
            r, c = int(row + step * np.sin(angle)), int(column + step * np.cos(angle))
            if 0 <= r < shape[0] and 0 <= c < shape[1]:
                image[r, c] += charge / 2
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1), (0, 50), (20, 0)):
        image[corner] += 900
    return image


def naive_replacement(image, bad, row, column):
    for rows, columns in ((1, 11), (3, 11), (7, 11), (21, 21)):
        values = [
            image[r, c]
            for r in range(max(row - rows // 2, 0), min(row + rows // 2 + 1, image.shape[0]))
            for c in range(max(column - columns // 2, 0), min(column + columns // 2 + 1, image.shape[1]))
            if not bad[r, c]
        ]
        if len(values) >= 3:
            return np.median(values)
    return np.median(image[~bad])


def dense_maps(image, factor, sign):
    """S, S', contrast and the guard's excess at every pixel, by subsampling the image."""
    fine = np.repeat(np.repeat(image, factor, axis=0), factor, axis=1)
    edges = np.maximum(sign * convolve(fine, KERNEL, mode="reflect"), 0)
    edges = edges.reshape(image.shape[0], factor, image.shape[1], factor).mean(axis=(1, 3))
    noise = np.sqrt(np.maximum(median_filter(image, 5, mode="reflect"), 0) + READ_NOISE**2)
    raw = edges / (factor * noise)
    smooth = median_filter(image, 3, mode="reflect")
    structure = sign * (smooth - median_filter(smooth, 7, mode="reflect"))
    row = median_filter(image, (1, 11), mode="reflect")
    excess = (sign * (image - row) - 0.05 * np.maximum(row, 0)) / (factor**2 * noise)
    return (
        raw,
        raw - median_filter(raw, 5, mode="reflect"),
        raw / np.maximum(structure / noise, 0.01),
        excess,
    )


def dense_detect(image, threshold, factor, rounds, fine_structure, contrast_factor, growth):
    work = image.astype(np.float64)
    bad = ~np.isfinite(work)
    for row, column in np.argwhere(bad):
        work[row, column] = naive_replacement(image, bad, row, column)
    mask = np.zeros(work.shape, bool)
    counts = []
    for _ in range(rounds):
        new = np.zeros(work.shape, bool)
        for sign in (1, -1):
            raw, prime, contrast, excess = dense_maps(work, factor, sign)
            guarded = fine_structure or sign < 0
            may = ~mask & ~bad
            hits = may & (raw > threshold) & (prime > threshold)
            if guarded:
                hits &= excess > threshold
            if fine_structure:
                hits &= contrast > contrast_factor
            if growth is not None:
                for level in (threshold, growth * threshold):
                    ring = binary_dilation(hits, SQUARE) & may & (prime > level)
                    hits |= ring & (excess > level) if guarded else ring
            new |= hits
        counts.append(new.sum())
        if not new.any():
            break
        mask |= new
        before = work.copy()
        for row, column in np.argwhere(new):
            work[row, column] = naive_replacement(before, mask | bad, row, column)
    return mask, work[mask], counts


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize(
    ("fine_structure", "growth", "rounds"), [(True, 0.3, 3), (True, None, 2), (False, 0.3, 2)]
)
def test_same_flags_as_dense_subsampling(factor, fine_structure, growth, rounds):
    image = dirty_frame(seed=factor)
    image[30, 60:63] = np.nan
    image[0, 9] = np.inf
    threshold = 10 / factor**2
    mask, values, counts = detect_edges(
        image,
        READ_NOISE,
        led_threshold=threshold,
        led_factor=factor,
        led_n=rounds,
        fine_structure=fine_structure,
        contrast_factor=1.25,
        led_growth=growth,
    )
    expected, replaced, expected_counts = dense_detect(
        image, threshold, factor, rounds, fine_structure, 1.25, growth
    )
    assert expected.sum() > 80
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(counts, expected_counts)
    np.testing.assert_allclose(values, replaced, rtol=1e-6)


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_closed_form_of_the_laplacian(factor):
    image = np.random.default_rng(3).normal(100, 50, (70, 12))
    fine = convolve(np.kron(image, np.ones((factor, factor))), KERNEL)
    for sign, found in zip((1, -1), laplacian(image, factor), strict=True):
        blocks = np.maximum(sign * fine, 0).reshape(70, factor, 12, factor).mean(axis=(1, 3))
        np.testing.assert_allclose(found, blocks[1:-1, 1:-1], atol=1e-10)


def test_significance_of_a_region_is_the_dense_map():
    image = dirty_frame(seed=8)
    _, prime, contrast, _ = dense_maps(image.astype(float), 2, 1)
    for region in (None, (0, 20, 0, 30), (25, 60, 95, 130)):
        found = significance(image, READ_NOISE, 2, True, region)
        part = np.s_[:, :] if region is None else np.s_[region[0] : region[1], region[2] : region[3]]
        np.testing.assert_allclose(found[0], prime[part], atol=1e-3)
        np.testing.assert_allclose(found[1], contrast[part], rtol=1e-3, atol=1e-3)
    image[3, 4] = np.nan
    prime, contrast = significance(image, READ_NOISE, fine_structure=False, region=(2, 5, 3, 6))
    assert contrast is None
    assert np.argwhere(np.isnan(prime)).tolist() == [[1, 1]]


def test_lone_pixel_needs_f_squared_times_threshold_sigma():
    level = 400.0
    noise = np.sqrt(level + READ_NOISE**2)
    for factor in (2, 3):
        for sign in (1, -1):
            limit = sign * 2.0 * factor**2 * noise + (0.05 * level * sign)
            for height, found in ((limit * 1.01, True), (limit * 0.99, False)):
                image = np.full((15, 15), level)
                image[7, 7] += height
                mask, _, _ = detect_edges(image, READ_NOISE, led_threshold=2, led_factor=factor)
                assert mask.any() == found
                assert mask[7, 7] == found


@pytest.mark.parametrize("factor", [3, 4])
def test_thresholds_scale_with_the_factor_as_the_help_says(factor):
    """Hits of all heights on a noisy sky: both thresholds divided by f^2 / 4 find the same pixels as with 2."""
    rng = np.random.default_rng(9)
    image = rng.normal(12, np.sqrt(12 + READ_NOISE**2), (120, 160)).astype(np.float32)
    hits = np.zeros(image.shape, bool)
    hits[5:-5:10, 5:-5:10] = True
    image[hits] += rng.uniform(60, 600, hits.sum()).astype(np.float32)
    scale = factor**2 / 4
    of_two = detect_edges(image, READ_NOISE, led_threshold=5, contrast_factor=2.5)[0]
    same = detect_edges(
        image, READ_NOISE, led_threshold=5 / scale, contrast_factor=2.5 / scale, led_factor=factor
    )[0]
    fewer = detect_edges(image, READ_NOISE, led_threshold=5, contrast_factor=2.5, led_factor=factor)[0]
    assert of_two[hits].mean() > 0.9 and abs(same[hits].mean() - of_two[hits].mean()) < 0.03
    assert fewer[hits].mean() < of_two[hits].mean() - 0.1
    assert same[~hits].mean() < 1e-3


@pytest.mark.parametrize("peak", [300.0, 3000.0, 30_000.0])
def test_a_clean_spectrum_is_left_alone(peak):
    # in the first and last five columns the row median is one-sided: a spectrum cut off there is less safe
    flagged = sum(
        detect_edges(expose(spectrum((60, 300), peak), seed), READ_NOISE, **LCOSMIC)[0][:, 5:-5].sum()
        for seed in range(4)
    )
    assert flagged <= 1


def test_dead_pixels_on_a_spectrum_are_found_and_their_neighbours_are_not():
    scene = spectrum((60, 300))
    dead = np.zeros(scene.shape, bool)
    for column in range(15, 290, 20):
        dead[round(30 + 0.08 * (column - 150)), column] = True
    image = expose(np.where(dead, 0.0, scene), seed=4)
    mask, values, _ = detect_edges(image, READ_NOISE, **LCOSMIC)
    np.testing.assert_array_equal(mask, dead)
    assert np.abs(values / scene[dead] - 1).max() < 0.15


def test_growth_takes_the_faint_ends_of_a_track():
    image = np.full((21, 41), 12.0)
    image[10, 18:22] += [45, 400, 300, 45]
    assert np.flatnonzero(detect_edges(image, 3.1, **LCOSMIC)[0][10]).tolist() == [18, 19, 20, 21]
    alone = detect_edges(image, 3.1, **LCOSMIC, led_growth=None, led_n=1)[0]
    assert np.flatnonzero(alone[10]).tolist() == [19, 20]


def test_rounds_eat_a_blob_from_its_edges():
    image = expose(np.full((40, 40), 12.0), seed=2)
    image[15:20, 15:20] += 2000
    found = [detect_edges(image, READ_NOISE, **LCOSMIC, led_n=n)[0].sum() for n in (1, 2, None)]
    mask, values, counts = detect_edges(image, READ_NOISE, **LCOSMIC, led_n=None)
    assert found[0] < found[1] <= found[2] == mask.sum()
    assert mask[15:20, 15:20].all()
    assert counts.sum() == mask.sum()
    assert counts[-1] == 0
    assert len(counts) < MAX_ROUNDS
    assert np.abs(values - 12).max() < 15


def test_input_is_not_changed_and_bad_pixels_are_neither_hits_nor_neighbours():
    image = expose(np.full((50, 60), 12.0), seed=6)
    image[20:24, 20:26] = np.nan
    image[20, 28], image[40, 3], image[19, 22] = np.inf, -np.inf, 800.0
    before = image.copy()
    mask, values, _ = detect_edges(image, READ_NOISE, **LCOSMIC)
    np.testing.assert_array_equal(image, before)
    assert np.argwhere(mask).tolist() == [[19, 22]]
    assert values[0] == pytest.approx(np.median(np.delete(before[19, 17:28], 5)))
    for hopeless in (np.full((9, 9), np.nan), np.zeros((1, 1)), np.full((3, 2), 5.0)):
        assert not detect_edges(hopeless, READ_NOISE)[0].any()


def test_protected_pixels_are_never_flagged():
    image = dirty_frame(seed=11)
    free = detect_edges(image, READ_NOISE, **LCOSMIC)[0]
    protect = bloom_mask(image, (101, 22))
    held = detect_edges(image, READ_NOISE, **LCOSMIC, protect=protect)[0]
    assert (free & protect).sum() > 5
    assert not (held & protect).any()
    far = ~binary_dilation(protect, iterations=12)
    np.testing.assert_array_equal(held[far], free[far])


def test_bloom_mask_holds_the_bloom_and_little_else():
    image = dirty_frame(seed=12, shape=(120, 200))
    image[60, 30] = np.nan
    mask = bloom_mask(image, (101.4, 24.2))
    assert mask[3:42, 98:105].all()
    assert not mask[:, :98].any()
    assert not mask[:, 105:].any()
    assert not mask[60:].any()
    assert not bloom_mask(image, (500, 24)).any()
    assert not bloom_mask(image, (np.nan, 24)).any()
    assert not bloom_mask(np.zeros((50, 50)), (25, 25)).any()


def test_good_neighbours_widen_until_there_are_three():
    image = np.arange(45 * 45, dtype=np.float32).reshape(45, 45)
    rng = np.random.default_rng(1)
    for share in (0.1, 0.8, 0.97, 0.995):
        bad = rng.random(image.shape) < share
        index = np.flatnonzero(bad)
        expected = [naive_replacement(image, bad, *divmod(int(i), 45)) for i in index]
        np.testing.assert_array_equal(good_neighbour_median(image, bad, index), expected)
    filled, bad = fill_bad(np.full((4, 4), np.nan))
    assert bad.all()
    assert not filled.any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"led_factor": 1}, "led_factor .* at least 2"),
        ({"led_factor": 2.5}, "led_factor"),
        ({"led_n": 0}, "led_n .* at least 1"),
        ({"led_threshold": 0}, "led_threshold"),
        ({"led_threshold": np.nan}, "led_threshold"),
        ({"read_noise": 0}, "read_noise"),
        ({"read_noise": np.nan}, "read_noise"),
        ({"image": np.zeros(5)}, r"rows and columns.*\(5,\)"),
        ({"protect": np.zeros((2, 2), bool)}, "protect"),
    ],
)
def test_bad_parameters_are_named(change, message):
    arguments = {"image": np.zeros((9, 9)), "read_noise": READ_NOISE} | change
    with pytest.raises(ValueError, match=message):
        detect_edges(arguments.pop("image"), arguments.pop("read_noise"), **arguments)


@pytest.mark.parametrize("region", [(5, 5, 0, 3), (0, 10, 0, 3), (-1, 3, 0, 3), (0, 3, 4, 2)])
def test_bad_region_is_refused(region):
    with pytest.raises(ValueError, match="region"):
        significance(np.zeros((9, 9)), READ_NOISE, region=region)


def test_truth_of_a_simulated_visit(tmp_path):
    visit = simulate_visit(tmp_path / "visit", n_frames=4, shape=(300, 900), seed=5, n_stars=2)
    truth = read_truth(tmp_path / "visit")
    images = visit["images"].values
    rows = np.arange(300)[:, None]
    distance = np.fmin.reduce(np.abs(rows - truth["trace_rows"].values[:, None, :]), axis=0, initial=np.inf)
    column, row = truth["zeroth_order"].values
    zeroth = (np.abs(np.arange(900) - column) < 12) & (np.abs(rows - row) < 140)
    trace = (distance <= 10) | zeroth
    hot, hits = truth["hot_electrons"].values, cosmic_ray_mask(truth, 100)
    untouched = ~cosmic_ray_mask(truth) & (hot < 1) & ~truth["dead"].values & ~truth["cold"].values
    light = np.median(images, axis=0)
    bright = cosmic_ray_mask(truth, 0)
    bright[bright] = truth["cosmic_ray_electrons"].values > 10 * np.sqrt(
        np.broadcast_to(np.maximum(light, 0) + READ_NOISE**2, bright.shape)[bright]
    )
    found = np.array(
        [
            detect_edges(
                image, READ_NOISE, **LCOSMIC, protect=bloom_mask(image, truth["zeroth_order"].values)
            )[0]
            for image in images
        ]
    )
    default = np.array([detect_edges(i, READ_NOISE, protect=bloom_mask(i, (column, row)))[0] for i in images])

    def share(mask, where):
        return mask[where].mean()

    assert share(found, hits & ~trace) > 0.98
    assert share(found, np.broadcast_to(hot > 100, found.shape) & ~trace) > 0.98
    assert share(found, bright & trace & ~zeroth) > 0.65
    assert share(default, cosmic_ray_mask(truth, 300) & ~trace) > 0.9
    for mask in (found, default):
        assert share(mask, untouched & ~trace) < 1e-4
        assert share(mask, untouched & trace) < 2e-4
