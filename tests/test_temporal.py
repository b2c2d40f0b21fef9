"""Temporal rejection against a loop over the pixels, one series at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hustle_widgets.algorithms.series import row_medians
from hustle_widgets.algorithms.temporal import Peaks, Settled, clip_fixed, clip_until_stable


def naive_fixed(images, sigmas, replacement):
    """Frames after the fixed iterations, what was flagged, new hits by iteration and frame."""
    clean = images.copy()
    n_frames = len(images)
    flagged = np.zeros(images.shape, bool)
    counts = np.zeros((len(sigmas), n_frames), int)
    for index in np.ndindex(images.shape[1:]):
        series = clean[(slice(None), *index)]
        ever = flagged[(slice(None), *index)]
        finite = np.isfinite(series)
        if not finite.any():
            continue
        for turn, sigma in enumerate(sigmas):
            exact = series.astype(float)
            median, std = np.median(exact[finite]), np.std(exact[finite])
            hit = [k for k in range(n_frames) if finite[k] and abs(exact[k] - median) > sigma * std]
            for k in hit:
                counts[turn, k] += not ever[k]
                ever[k] = True
            for k in hit:
                series[k] = median
                if replacement is not None:
                    first, last = max(0, k - replacement), min(n_frames - 1, k + replacement)
                    window = [exact[j] for j in range(first, last + 1) if finite[j] and not ever[j]]
                    window = window or [exact[j] for j in range(n_frames) if finite[j] and not ever[j]]
                    if window:
                        series[k] = np.median(window)
    return clean, flagged, counts


def naive_free(images, sigma):
    """Frames after rejection until stable, and what was flagged."""
    clean = images.copy()
    flagged = np.zeros(images.shape, bool)
    for index in np.ndindex(images.shape[1:]):
        series = images[(slice(None), *index)].astype(float)
        finite = np.isfinite(series)
        keep = finite.copy()
        if not finite.any():
            continue
        for _ in range(len(series)):
            median, std = np.median(series[keep]), np.std(series[keep])
            new = np.array(
                [bool(f and abs(x - median) < sigma * std) for x, f in zip(series, finite, strict=True)]
            )
            if not new.any():
                break
            finished = new.sum() == keep.sum()
            keep = new
            if finished:
                break
        out = finite & ~keep
        flagged[(slice(None), *index)] = out
        clean[(slice(None), *index)][out] = median
    return clean, flagged


def patched(images, mask, values):
    """Apply a result to a copy of the frames."""
    assert mask.shape == images.shape and mask.dtype == bool
    assert values.shape == (mask.sum(),) and values.dtype == np.float32
    clean = images.copy()
    clean[mask] = values
    return clean


def visit(seed, n_frames=40, shape=(7, 11), level=200.0):
    """Poisson-like frames with cosmic rays, NaN, infinities, constant, empty and two-valued pixels."""
    rng = np.random.default_rng(seed)
    sky = rng.uniform(20, level, shape)
    images = rng.normal(sky, np.sqrt(sky), (n_frames, *shape)).astype(np.float32)
    rays = rng.random(images.shape) < 0.02
    images[rays] += rng.exponential(1000, rays.sum()).astype(np.float32)
    images[rng.random(images.shape) < 0.01] = np.nan
    images[rng.random(images.shape) < 0.003] = np.inf
    images[:, 0, 0] = 0.1
    images[:, 0, 1] = np.nan
    images[1:, 0, 2] = np.nan
    images[:, 0, 3] = np.where(np.arange(n_frames) % 2, 1, 3)
    images[:, 0, 4], images[n_frames // 2, 0, 4] = 0.1, 500
    return images


@pytest.mark.parametrize("n_frames", [1, 2, 3, 12, 41, 74])
@pytest.mark.parametrize("replacement", [None, 1, 4, 200])
@pytest.mark.parametrize("sigmas", [[10, 10], [4.5, 3.0, 3.5], [1.2, 2, 1.5]])
def test_fixed_equals_pixel_loop(n_frames, sigmas, replacement):
    images = visit(n_frames, n_frames)
    before = images.copy()
    mask, values, counts = clip_fixed(images, sigmas, replacement)
    clean, flagged, expected = naive_fixed(images, sigmas, replacement)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(mask, flagged)
    np.testing.assert_array_equal(patched(images, mask, values), clean)
    np.testing.assert_array_equal(counts, expected)


@pytest.mark.parametrize("n_frames", [1, 2, 3, 12, 41, 74])
@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0, 3.5, 6])
def test_until_stable_equals_pixel_loop(n_frames, sigma):
    images = visit(n_frames + 100, n_frames)
    before = images.copy()
    mask, values, counts = clip_until_stable(images, sigma)
    clean, flagged = naive_free(images, sigma)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(mask, flagged)
    np.testing.assert_array_equal(patched(images, mask, values), clean)
    np.testing.assert_array_equal(counts.sum(axis=0), mask.sum(axis=(1, 2)))
    assert (counts >= 0).all()


@pytest.mark.parametrize("level", [60_000, 3e7])
def test_bright_pixels_lose_no_digits(level):
    images = np.random.default_rng(5).normal(level, 240, (60, 5, 8)).astype(np.float32)
    mask, values, _ = clip_until_stable(images, 2.5)
    clean, flagged = naive_free(images, 2.5)
    assert mask.any()
    np.testing.assert_array_equal(mask, flagged)
    np.testing.assert_array_equal(patched(images, mask, values), clean)


# Few distinct values: many ties, of values with one another and of deviations with the threshold.
SMALL = st.sampled_from([0, 1, 2, 3, 0.1, 0.7, -5, 50, 1e4, np.nan])
CUBES = hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.just(1), st.integers(1, 3)), elements=SMALL)
SIGMAS = st.sampled_from([0.5, 1, 1.5, 2, 2.5, 3])


@settings(max_examples=300, deadline=None)
@given(CUBES, st.lists(SIGMAS, max_size=3), st.sampled_from([None, 1, 2, 20]))
def test_fixed_equals_pixel_loop_with_ties(images, sigmas, replacement):
    mask, values, counts = clip_fixed(images, sigmas, replacement)
    clean, flagged, expected = naive_fixed(images, sigmas, replacement)
    np.testing.assert_array_equal(mask, flagged)
    np.testing.assert_array_equal(patched(images, mask, values), clean)
    np.testing.assert_array_equal(counts, expected)


@settings(max_examples=300, deadline=None)
@given(CUBES, SIGMAS)
def test_until_stable_equals_pixel_loop_with_ties(images, sigma):
    mask, values, counts = clip_until_stable(images, sigma)
    clean, flagged = naive_free(images, sigma)
    np.testing.assert_array_equal(mask, flagged)
    np.testing.assert_array_equal(patched(images, mask, values), clean)
    np.testing.assert_array_equal(counts.sum(axis=0), mask.sum(axis=(1, 2)))


@settings(max_examples=300, deadline=None)
@given(CUBES, st.lists(SIGMAS, min_size=2, max_size=5))
def test_what_is_known_of_other_thresholds_changes_no_result(images, sigmas):
    settled = Settled(images[0].size)
    for sigma in sigmas:
        for found, expected in zip(
            clip_until_stable(images, sigma, settled), clip_until_stable(images, sigma), strict=True
        ):
            np.testing.assert_array_equal(found, expected)


@settings(max_examples=300, deadline=None)
@given(
    CUBES,
    st.lists(st.tuples(st.lists(SIGMAS, max_size=3), st.sampled_from([None, 1, 4])), min_size=2, max_size=5),
)
def test_what_is_known_of_the_peaks_changes_no_result(images, calls):
    peaks = Peaks(images[0].size)
    for sigmas, replacement in calls:
        for found, expected in zip(
            clip_fixed(images, sigmas, replacement, peaks),
            clip_fixed(images, sigmas, replacement),
            strict=True,
        ):
            np.testing.assert_array_equal(found, expected)


def test_only_series_that_reach_a_threshold_are_looked_at_again():
    images = visit(3, 74)
    peaks = Peaks(images[0].size)
    assert peaks.reaching(5).size == images[0].size
    clip_fixed(images, [9, 8], None, peaks)
    for sigma in (8, 6, 4):
        mask, _, _ = clip_fixed(images, [sigma])
        assert np.flatnonzero(mask.any(axis=0)).tolist() == peaks.reaching(sigma).tolist()
    peaks.forget(np.arange(7))
    assert set(range(7)) <= set(peaks.reaching(1e9).tolist())


def test_few_series_are_clipped_again_at_the_next_threshold():
    images = visit(3, 74)
    settled = Settled(images[0].size)
    assert settled.differs(3.5).size == images[0].size
    for sigma, most in ((3.5, 1), (3.6, 0.1), (3.4, 0.2), (5, 0.5), (2.5, 1), (3.5, 1)):
        assert settled.differs(sigma).size <= most * images[0].size
        np.testing.assert_array_equal(
            clip_until_stable(images, sigma, settled)[0], clip_until_stable(images, sigma)[0]
        )
        assert settled.differs(sigma).size <= 0.05 * images[0].size  # the constant ones


@pytest.mark.parametrize("n_frames, sigma", [(5, 2.5), (17, 4.25)])
def test_lone_outliers_exactly_at_the_threshold_fall_as_in_the_pixel_loop(n_frames, sigma):
    rng = np.random.default_rng(n_frames)
    images = np.tile(rng.normal(100, 10, (1, 10, 20)), (n_frames, 1, 1)).astype(np.float32)
    images[2] += rng.exponential(500, images[2].shape).astype(np.float32)
    flagged = naive_fixed(images, [sigma], None)[1]
    assert 0 < flagged.sum() < flagged[2].size  # rounding decides
    np.testing.assert_array_equal(clip_fixed(images, [sigma])[0], flagged)
    np.testing.assert_array_equal(clip_until_stable(images, sigma)[0], naive_free(images, sigma)[1])


@pytest.mark.parametrize(
    "clip", [lambda cube: clip_fixed(cube, [3, 2.5], 3), lambda cube: clip_until_stable(cube, 3)]
)
def test_any_cut_into_bands_gives_the_same(clip):
    images = visit(3, 30, (9, 1500))  # several groups of series
    mask, values, counts = clip(images)
    whole = patched(images, mask, values)
    total = np.zeros_like(counts)
    for first, last in [(0, 1), (1, 6), (6, 9)]:
        band = images[:, first:last]
        part, replaced, number = clip(band)
        np.testing.assert_array_equal(part, mask[:, first:last])
        np.testing.assert_array_equal(patched(band, part, replaced), whole[:, first:last])
        total[: len(number)] += number
    np.testing.assert_array_equal(total, counts)


def test_layout_and_byte_order_do_not_matter():
    images = visit(8, 25)
    mask, values, _ = clip_until_stable(images, 3)
    for other in (images.astype(">f4"), np.asfortranarray(images), np.repeat(images, 2, axis=2)[:, :, ::2]):
        same, replaced, _ = clip_until_stable(other, 3)
        np.testing.assert_array_equal(same, mask)
        np.testing.assert_array_equal(replaced, values)


def test_injected_cosmic_rays_are_found_and_the_rest_is_kept():
    rng = np.random.default_rng(1)
    images = rng.normal(100, 10, (74, 20, 50)).astype(np.float32)
    rays = rng.random(images.shape) < 0.005
    clean = images.copy()
    images[rays] += 1000
    mask, values, _ = clip_until_stable(images, 5)
    np.testing.assert_array_equal(mask, rays)
    assert np.abs(patched(images, mask, values) - clean)[rays].std() < 11
    # Ten sigma of a series that holds the ray itself cannot be reached with 74 frames.
    assert not clip_fixed(images, [10, 10])[0].any()
    assert clip_fixed(np.concatenate([images, clean]), [10, 10])[0].any()


def test_no_iteration_no_frame_no_row():
    images = visit(4, 6)
    mask, values, counts = clip_fixed(images, [])
    assert not mask.any() and not len(values) and counts.shape == (0, 6)
    for shape in [(0, 3, 4), (5, 0, 4), (5, 3, 0)]:
        mask, values, counts = clip_until_stable(np.zeros(shape, np.float32), 3)
        assert mask.shape == shape and not len(values) and counts.shape == (0, shape[0])


@pytest.mark.parametrize("sigma", [0, -1, np.nan, np.inf, True, "3", None])
def test_thresholds_must_be_positive_numbers(sigma):
    images = np.zeros((3, 2, 2), np.float32)
    with pytest.raises(ValueError, match="fixed_sigmas must be made of numbers > 0"):
        clip_fixed(images, [3, sigma])
    with pytest.raises(ValueError, match="free_sigma must be made of numbers > 0"):
        clip_until_stable(images, sigma)


@pytest.mark.parametrize("replacement", [0, -2, 1.5, True, "3"])
def test_replacement_must_be_none_or_a_positive_int(replacement):
    with pytest.raises(ValueError, match="replacement must be None or an int > 0. Got"):
        clip_fixed(np.zeros((3, 2, 2), np.float32), [3], replacement)


def test_images_must_be_a_cube():
    with pytest.raises(ValueError, match=r"\(frame, row, column\)"):
        clip_until_stable(np.zeros((3, 2), np.float32), 3)


def test_row_medians_ignore_nan():
    rows = visit(6, 9).reshape(9, -1).T
    rows = rows[np.isfinite(rows).any(axis=1)]
    rows = np.where(np.isinf(rows), np.float32(np.nan), rows)
    np.testing.assert_array_equal(row_medians(rows), np.nanmedian(rows.astype(float), axis=1))
    np.testing.assert_array_equal(row_medians(np.full((2, 3), np.nan)), [np.nan, np.nan])
    assert np.isnan(row_medians(np.empty((2, 0)))).all()
