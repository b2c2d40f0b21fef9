"""Replacement of flagged pixels against a loop over them."""

import numpy as np
import pytest

from hustle_widgets.algorithms.dq import HALO, count_bits, flagged, replace_flagged


def naive(images, hst_dq, hst_flags):
    """Clean frames, replaced pixels and number of pixels left alone, one pixel at a time."""

    def has(value, flags):
        return any(int(value) % 65536 // flag % 2 for flag in flags)  # arithmetic in place of bits

    clean, mask, unrepaired = images.copy(), np.zeros(images.shape, bool), 0
    n_frames, n_rows, n_columns = images.shape
    bad = np.array([has(value, hst_flags) for value in hst_dq.ravel()]).reshape(images.shape)
    for k, i, j in np.argwhere(bad):
        values = []
        if has(hst_dq[k, i, j], [flag for flag in hst_flags if flag < 4096]):
            for ii in range(max(0, i - 3), min(n_rows, i + 4)):
                for jj in range(max(0, j - 3), min(n_columns, j + 4)):
                    if not bad[k, ii, jj] and np.isfinite(images[k, ii, jj]):
                        values.append(float(images[k, ii, jj]))
        if not values:
            values = [float(images[m, i, j]) for m in range(n_frames) if not bad[m, i, j]]
            values = [value for value in values if np.isfinite(value)]
        if values:
            clean[k, i, j], mask[k, i, j] = np.median(values), True
        else:
            unrepaired += 1
    return clean, mask, unrepaired


def visit(seed, shape=(9, 17, 19)):
    """Frames and DQ with all bits, a flagged block that no neighbour can repair, and NaN."""
    rng = np.random.default_rng(seed)
    images = rng.normal(100, 10, shape).astype(np.float32)
    hst_dq = np.zeros(shape, np.uint16)
    for exponent in range(16):
        hst_dq |= (rng.random(shape) < 0.03).astype(np.uint16) << exponent
    hst_dq[2:4, :9, :9] |= 16  # its middle has flagged neighbours only, but good frames
    hst_dq[:, 10:, 10:] |= 16  # and this one has no good frame either
    hst_dq[:, 0, -1] |= 4096
    images[rng.random(shape) < 0.05] = np.nan
    images[rng.random(shape) < 0.01] = np.inf
    return images, hst_dq.view(np.int16)


@pytest.mark.parametrize(
    "hst_flags", [[16, 4096], [16], [4096], [4, 256, 8192, 32768], [1 << k for k in range(16)], []]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_pixel_loop(seed, hst_flags):
    images, hst_dq = visit(seed)
    before = images.copy()
    mask, values, unrepaired = replace_flagged(images, hst_dq, hst_flags)
    clean, expected, left = naive(images, hst_dq, hst_flags)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(mask, expected)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, clean[expected])
    assert unrepaired == left
    assert left or 16 not in hst_flags


@pytest.mark.parametrize("first, last", [(0, 5), (5, 6), (6, 17)])
def test_a_band_with_halo_gives_its_part_of_the_whole(first, last):
    images, hst_dq = visit(2)
    mask, values, _ = replace_flagged(images, hst_dq, [16, 4096])
    whole = images.copy()
    whole[mask] = values
    start, stop = max(0, first - HALO), min(17, last + HALO)
    core = slice(first - start, last - start)
    part, replaced, unrepaired = replace_flagged(
        images[:, start:stop], hst_dq[:, start:stop], [16, 4096], core
    )
    np.testing.assert_array_equal(part, mask[:, first:last])
    np.testing.assert_array_equal(replaced, whole[:, first:last][part])
    assert part.sum() + unrepaired == flagged(hst_dq[:, first:last], [16, 4096]).sum()


def test_byte_order_width_and_sign_of_the_dq_do_not_matter():
    images, hst_dq = visit(3)
    flags = [16, 32768]
    mask, values, unrepaired = replace_flagged(images, hst_dq, flags)
    for other in (hst_dq.astype(">i2"), hst_dq.view(np.uint16), hst_dq.view(np.uint16).astype(np.int32)):
        again = replace_flagged(images.astype(">f4"), other, flags)
        np.testing.assert_array_equal(again[0], mask)
        np.testing.assert_array_equal(again[1], values)
        assert again[2] == unrepaired


def test_spatial_wins_over_temporal_and_fixes_a_static_hot_pixel():
    images = np.full((5, 9, 9), 10, np.float32)
    images[:, 4, 4] = 500
    images[2] += 7
    hst_dq = np.zeros(images.shape, np.int16)
    hst_dq[:, 4, 4] = 16
    hst_dq[2, 4, 4] = 16 + 4096
    mask, values, unrepaired = replace_flagged(images, hst_dq, [4096, 16])
    assert mask.sum() == 5 and unrepaired == 0
    np.testing.assert_array_equal(values, [10, 10, 17, 10, 10])


def test_one_frame_of_cosmic_rays_stays_as_it_is():
    images, hst_dq = np.ones((1, 6, 6), np.float32), np.zeros((1, 6, 6), np.int16)
    hst_dq[0, 2, 3] = 8192
    mask, values, unrepaired = replace_flagged(images, hst_dq, [8192])
    assert not mask.any() and not len(values) and unrepaired == 1


def test_flagged_reads_sums_of_bits():
    hst_dq = np.array([0, 16, 17, 32, 48, -32768, -1], np.int16)
    np.testing.assert_array_equal(flagged(hst_dq, [16]), [0, 1, 1, 0, 1, 0, 1])
    np.testing.assert_array_equal(flagged(hst_dq, [48]), [0, 1, 1, 1, 1, 0, 1])
    np.testing.assert_array_equal(flagged(hst_dq, [32768]), [0, 0, 0, 0, 0, 1, 1])
    np.testing.assert_array_equal(flagged(hst_dq, [0, 1 << 20]), np.zeros(7))


def test_count_bits():
    hst_dq = visit(4)[1]
    counts = count_bits(hst_dq)
    assert list(counts) == [1 << k for k in range(16)]
    assert counts == {flag: int(flagged(hst_dq, [flag]).sum()) for flag in counts}
    assert count_bits(hst_dq.astype(">i2")[0]) == count_bits(hst_dq.view(np.uint16)[0].astype(np.int32))
    assert count_bits(np.zeros((2, 3, 3), np.int16)) == {}


@pytest.mark.parametrize("flags", [[-16], [16.0], ["16"], [True], [None]])
def test_flags_must_be_ints(flags):
    with pytest.raises(ValueError, match="hst_flags must be made of ints >= 0. Got"):
        flagged(np.zeros((2, 2), np.int16), flags)


def test_bad_arrays():
    with pytest.raises(ValueError, match="hst_dq must be made of integers. Got float32"):
        count_bits(np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match="same shape"):
        replace_flagged(np.zeros((2, 3, 3), np.float32), np.zeros((2, 3, 4), np.int16), [16])
