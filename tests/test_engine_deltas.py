"""Deltas: what they hold, and that blocks cut, changed and joined give what the whole gives."""

import numpy as np
import pytest

from hustle_widgets.engine.blocks import Source, State, cut_blocks
from hustle_widgets.engine.deltas import KeptFrames, Offset, Outcome, Patch, Table, concatenated_ranges

SHAPE = (5, 11, 7)


@pytest.fixture
def random():
    return np.random.default_rng(3)


def source_of(images):
    zeros = np.zeros(images.shape, np.float32)
    columns = {"exp_time": np.arange(images.shape[0], dtype=float)}
    return Source(images, zeros, zeros.astype(np.int16), columns, {}, "source")


def random_patch(random, shape=SHAPE, share=0.2):
    mask = random.random(shape) < share
    values = random.normal(size=mask.sum()).astype(np.float32)
    return mask, values, Patch.where(mask, values)


def test_a_patch_applied_in_blocks_is_the_patch_applied_whole(random):
    mask, values, patch = random_patch(random)
    images = random.normal(size=SHAPE).astype(np.float32)
    expected = images.copy()
    expected[mask] = values
    for frames in (slice(0, 5), slice(1, 3), slice(4, 5)):
        for rows in (slice(0, 11), slice(2, 6), slice(10, 11)):
            block = images[frames, rows].copy()
            patch.apply(block, frames, rows)
            np.testing.assert_array_equal(block, expected[frames, rows])
            np.testing.assert_array_equal(patch.mask(frames, rows), mask[frames, rows])
    rows, columns = patch.frame_pixels(2)
    np.testing.assert_array_equal(np.nonzero(mask[2]), (rows, columns))


@pytest.mark.parametrize("by_rows", [True, False])
def test_patches_of_blocks_join_to_the_patch_of_the_whole(random, by_rows):
    mask, values, whole = random_patch(random)
    everywhere = np.zeros(SHAPE, np.float32)
    everywhere[mask] = values
    cuts = [(slice(0, 5), slice(a, b)) for a, b in ((0, 4), (4, 9), (9, 11))]
    if not by_rows:
        cuts = [(slice(i, i + 1), slice(0, 11)) for i in range(5)]
    parts = [Patch.where(mask[cut], everywhere[cut][mask[cut]]).placed(*cut, SHAPE) for cut in cuts]
    joined = Patch.merged(parts)
    np.testing.assert_array_equal(joined.index, whole.index)
    np.testing.assert_array_equal(joined.value, whole.value)
    np.testing.assert_array_equal(joined.counts, whole.counts)


def test_counts_of_bands_with_unlike_numbers_of_iterations_add_up():
    empty = np.zeros((2, 1, 3), bool)
    one = Patch.where(empty, np.zeros(0), np.array([[1, 2]])).placed(slice(0, 2), slice(0, 1), (2, 2, 3))
    other = Patch.where(empty, np.zeros(0), np.array([[1, 0], [4, 0]])).placed(
        slice(0, 2), slice(1, 2), (2, 2, 3)
    )
    np.testing.assert_array_equal(Patch.merged([one, other]).counts, [[2, 2], [4, 0]])


def test_a_patch_refuses_the_wrong_number_of_values():
    with pytest.raises(ValueError, match="2 pixels was given 3"):
        Patch.where(np.array([[[True, True]]]), np.zeros(3, np.float32))


def test_a_patch_without_values_changes_nothing(random):
    mask, _, _ = random_patch(random)
    images = random.normal(size=SHAPE).astype(np.float32)
    before = images.copy()
    Patch.where(mask, None).apply(images, slice(0, 5), slice(0, 11))
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("along", ["frame", "column", "row"])
@pytest.mark.parametrize("with_template", [False, True])
def test_offsets(random, along, with_template):
    images = random.normal(size=SHAPE).astype(np.float32)
    level = random.normal(size={"frame": 5, "column": (5, 7), "row": (5, 11)}[along]).astype(np.float32)
    template = random.normal(size=(11, 7)).astype(np.float32) if with_template else None
    offset = Offset.of_rows(level, template) if along == "row" else Offset(level, template)
    spread = level[:, :, None] if along == "row" else level.reshape(5, 1, -1)
    taken = spread * (np.ones(SHAPE, np.float32) if template is None else template)
    frames, rows = slice(1, 4), slice(3, 8)
    block = images[frames, rows].copy()
    offset.apply(block, frames, rows)
    np.testing.assert_array_equal(block, images[frames, rows] - taken[frames, rows])
    middle = np.median(level.reshape(5, -1), axis=1) * (1 if template is None else np.median(template))
    np.testing.assert_allclose(offset.usual(), middle, rtol=1e-6)
    parts = [Offset(offset.level[k : k + 1], template) for k in range(5)]
    np.testing.assert_array_equal(Offset.merged(parts).level, offset.level)


def test_an_offset_of_a_band_of_rows_is_refused():
    with pytest.raises(ValueError, match="must be cut by frames: declare by = 'frames'"):
        Offset(np.zeros(5, np.float32)).placed(slice(0, 5), slice(0, 4), SHAPE)


def test_tables_join_by_frame_and_say_each_note_once():
    parts = [Table({"level": np.array([i])}, {"last": i}, ("careful",)) for i in range(3)]
    joined = Table.merged(parts)
    np.testing.assert_array_equal(joined.columns["level"], [0, 1, 2])
    assert joined.facts["last"] == 2
    assert joined.notes == ("careful",)


def test_concatenated_ranges():
    low, high = np.array([3, 10, 4]), np.array([6, 10, 5])
    np.testing.assert_array_equal(concatenated_ranges(low, high), [3, 4, 5, 4])
    assert concatenated_ranges(np.array([], int), np.array([], int)).size == 0


@pytest.mark.parametrize(("by", "halo"), [("rows", 0), ("rows", 3), ("frames", 0), ("visit", 0)])
def test_blocks_cover_the_visit_once_and_see_the_deltas_before(random, by, halo):
    images = random.normal(size=SHAPE).astype(np.float32)
    mask, values, patch = random_patch(random, (4, 11, 7))
    chosen = KeptFrames(np.array([0, 1, 3, 4]))
    offset = Offset(np.arange(4, dtype=np.float32))
    state = State(
        source_of(images),
        {"a": Outcome((chosen,)), "b": Outcome((patch,)), "c": Outcome((offset,))},
    )
    expected = images[[0, 1, 3, 4]].copy()
    expected[mask] = values
    expected -= np.arange(4, dtype=np.float32).reshape(4, 1, 1)
    seen = np.full(expected.shape, np.nan, np.float32)
    for block in cut_blocks(state, by, halo, series=21):
        assert np.isnan(seen[block.frames, block.rows]).all()
        seen[block.frames, block.rows] = block.images[:, block.core]
        assert block.hst_dq.shape == block.images.shape
    np.testing.assert_array_equal(seen, expected)
    np.testing.assert_array_equal(state.frame(2), expected[2])
    np.testing.assert_array_equal(state.column("exp_time"), [0, 1, 3, 4])


def test_blocks_never_share_memory_with_the_source(random):
    images = random.normal(size=SHAPE).astype(np.float32)
    state = State(source_of(images))
    for by in ("rows", "frames", "visit"):
        for block in cut_blocks(state, by):
            assert not np.shares_memory(block.images, images)
