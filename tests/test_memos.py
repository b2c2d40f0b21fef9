"""What is kept from one computation to the next changes nothing but the time it takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_laplacian import READ_NOISE, dirty_frame
from visits import everything, small_folder, small_visit

from hustle_widgets import Reduction
from hustle_widgets.algorithms import edge_search
from hustle_widgets.algorithms.changes import differing, union
from hustle_widgets.algorithms.columns import ColumnPixels, column_means
from hustle_widgets.algorithms.edge_rounds import Earlier
from hustle_widgets.algorithms.edge_search import EdgeSearch
from hustle_widgets.algorithms.edge_settings import EdgeSettings
from hustle_widgets.engine.blocks import Source, State
from hustle_widgets.engine.deltas import KeptFrames, Offset, Outcome, Patch
from hustle_widgets.engine.memos import EVERYTHING, FrameHistory, FrameMemo, changed_series
from hustle_widgets.steps.led import LaplacianEdgeDetection

__all__ = ["small_folder", "small_visit"]  # fixtures

SHAPE = (3, 8, 9)
LED = {name: parameter.tutorial for name, parameter in LaplacianEdgeDetection.parameters.items()}
PIXELS = st.dictionaries(st.integers(0, 40), st.sampled_from([1.0, 2.0, np.nan]), max_size=12)


def as_arrays(pixels):
    index = np.array(sorted(pixels), np.int32)
    return index, np.array([pixels[k] for k in sorted(pixels)], np.float32)


@given(PIXELS, PIXELS)
def test_differing_pixels_are_those_of_two_dictionaries(one, other):
    expected = [k for k in sorted({*one, *other}) if not (k in one and k in other and one[k] == other[k])]
    assert differing(*as_arrays(one), *as_arrays(other)).tolist() == expected


@given(st.lists(st.lists(st.integers(0, 50)), min_size=1, max_size=4))
def test_a_union_is_sorted_and_holds_each_once(parts):
    joined = union(*(np.array(part, int) for part in parts))
    assert joined.tolist() == sorted({k for part in parts for k in part})


# --- which pixels an edit changes -------------------------------------------------------------------


@pytest.fixture(scope="module")
def source():
    images = np.random.default_rng(0).normal(10, 3, SHAPE).astype(np.float32)
    return Source(images, images, np.zeros(SHAPE, np.uint16), {}, {}, "visit")


def patched(random, part=0.05):
    mask = random.random(SHAPE) < part
    return Outcome((Patch.where(mask, random.integers(0, 3, mask.sum()).astype(np.float32)),))


def offset(random, kind, template=None):
    sizes = {"frame": SHAPE[:1], "column": (SHAPE[0], SHAPE[2]), "row": (*SHAPE[:2], 1)}
    level = random.integers(0, 2, sizes[kind])
    return Outcome((Offset(level.astype(np.float32), template),))


@pytest.mark.parametrize("seed", range(40))
def test_no_changed_pixel_is_missed(source, seed):
    random = np.random.default_rng(seed)
    template = random.random(SHAPE[1:]).astype(np.float32)
    makers = {
        "a": lambda: patched(random),
        "b": lambda: offset(random, "frame"),
        "c": lambda: patched(random),
        "d": lambda: offset(random, "column"),
        "e": lambda: offset(random, "frame", template),
        "f": lambda: patched(random),
        "g": lambda: offset(random, "row"),
    }
    there = {name: make() for name, make in makers.items() if random.random() < 0.8}
    now = {
        name: makers[name]() if random.random() < 0.4 else outcome
        for name, outcome in there.items()
        if random.random() < 0.95
    }
    before, after = State(source, there), State(source, now)
    for k in range(SHAPE[0]):
        changed = FrameHistory.of(after, k).changed(FrameHistory.of(before, k))
        if changed is not EVERYTHING:
            differ = np.flatnonzero(before.frame(k) != after.frame(k))
            assert np.isin(differ, changed).all() and (np.diff(changed) > 0).all()


def test_little_is_said_to_change_where_little_does(source):
    random = np.random.default_rng(1)
    first, level = patched(random), offset(random, "frame")
    before = State(source, {"a": first, "b": patched(random, 0), "c": level})
    mask = np.zeros(SHAPE, bool)
    mask[1, 4, 5] = True
    lone = Outcome((Patch.where(mask, np.array([7], np.float32)),))
    after = State(source, {"a": first, "b": lone, "c": level})
    found = [FrameHistory.of(after, k).changed(FrameHistory.of(before, k)) for k in range(3)]
    assert [list(index) for index in found] == [[], [4 * 9 + 5], []]
    by_column = Outcome((Offset(np.arange(27, dtype=np.float32).reshape(3, 9)),))
    moved = Outcome((Offset(by_column.offset.level + (np.arange(9) == 2)),))
    changed = FrameHistory.of(State(source, {"a": moved}), 0).changed(
        FrameHistory.of(State(source, {"a": by_column}), 0)
    )
    assert (changed % 9 == 2).all() and changed.size == 8


@pytest.mark.parametrize("seed", range(20))
def test_the_changed_series_are_those_that_differ_in_a_frame(source, seed):
    random = np.random.default_rng(seed)
    same = patched(random)
    then = State(source, {"a": same, "b": patched(random), "c": patched(random, 0.01)})
    now = State(source, {"a": same, "b": patched(random)})
    differ = np.flatnonzero((now.images() != then.images()).any(axis=0))
    changed = changed_series(now, then)
    assert np.isin(differ, changed).all() and changed.size < SHAPE[1] * SHAPE[2]
    assert changed_series(then, then).size == 0
    lower = Outcome((Offset(np.ones(3, np.float32)),))
    assert changed_series(State(source, {"a": lower}), State(source, {})) is EVERYTHING
    chosen = Outcome((KeptFrames(np.array([0, 2])),))
    assert changed_series(State(source, {"read": chosen}), State(source, {})) is EVERYTHING


def test_anything_may_change_when_frames_or_levels_are_others(source):
    history = FrameHistory.of(State(source, {}), 1)
    chosen = State(source, {"read": Outcome((KeptFrames(np.array([0, 2])),))})
    assert FrameHistory.of(chosen, 1).changed(history) is EVERYTHING
    lower = State(source, {"a": Outcome((Offset(np.ones(3, np.float32)),))})
    assert FrameHistory.of(lower, 1).changed(history) is EVERYTHING
    assert history.changed(history).size == 0


# --- the steps that make use of it ------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_edges_near_changed_pixels_and_those_of_before_are_those_of_all(monkeypatch, seed):
    monkeypatch.setattr(edge_search, "_FEW", 1)
    random = np.random.default_rng(seed)
    image = dirty_frame(seed, (60, 130) if seed % 3 else (31, 90))
    if seed % 4 == 0:
        image[random.random(image.shape) < 0.003] = np.nan
    options = LED | {
        "led_threshold": random.choice([1.0, 2.5, 10.0]),
        "contrast_factor": random.choice([0.5, 1.25, 5.0]),
        "led_n": [1, 2, 4, None, None][seed % 5],
        "led_growth": [None, 0.3, 0.1][seed % 3],
        "fine_structure": bool(random.random() < 0.7),
    }
    protect = random.random(image.shape) < 0.02
    settings = EdgeSettings(**options)
    before = EdgeSearch(image, READ_NOISE, settings, protect).run()
    changed = random.choice(image.size, 8, replace=False)
    hits = np.concatenate(before.hits)
    near = random.choice(hits, 8) + random.integers(-6, 7, 8) + random.integers(-6, 7, 8) * image.shape[1]
    changed = union(changed, near % image.size)
    after = image.copy()
    after.ravel()[changed] = random.choice([12, 20, 200, 3000, -30, np.nan], changed.size)
    protect.ravel()[random.choice(image.size, 2)] ^= True
    whole = EdgeSearch(after, READ_NOISE, settings, protect).run()
    part = EdgeSearch(after, READ_NOISE, settings, protect).run(Earlier(before, changed))
    for one, other in zip(whole.joined(), part.joined(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_edges_far_from_a_change_are_not_sought_again(monkeypatch):
    image = dirty_frame(1)
    before = EdgeSearch(image, READ_NOISE, EdgeSettings(**LED)).run()
    monkeypatch.setattr(edge_search, "_FEW", 1)
    monkeypatch.setattr(edge_search, "steep_pixels", None)  # what looks at the whole frame
    again = EdgeSearch(image, READ_NOISE, EdgeSettings(**LED)).run(Earlier(before, np.array([40])))
    np.testing.assert_array_equal(again.joined()[0], before.joined()[0])


def test_means_of_some_columns_are_those_of_all():
    random = np.random.default_rng(0)
    image = random.normal(10, 4, (40, 60)).astype(np.float32)
    image[random.random(image.shape) < 0.03] = np.nan
    pixels = ColumnPixels.of(random.random(image.shape) < 0.7)
    whole = column_means(image, pixels, 3)
    other = image.copy()
    other[:, [3, 59]] += 5
    some = np.array([3, 59])
    renewed = whole.replaced(some, column_means(other, pixels, 3, some))
    for one, two in zip(renewed, column_means(other, pixels, 3), strict=True):
        np.testing.assert_array_equal(one, two)
    assert column_means(image, pixels, 3, np.empty(0, int)).mean.size == 0


EDITS = {
    # In six frames a lone outlier reaches 2.68 standard deviations.
    "free_iter.free_sigma": (1.7, 1.9, 2.0, 3.5),
    "fixed_iter.fixed_sigmas": ((2.0,), (1.9, 2.0), (10.0, 10.0)),
    "fixed_iter.replacement": (1, 2),
    "hst_flags.hst_flags": ((16,), (16, 4096)),
    "fixed_iter.enabled": (False, True),
    "led.led_threshold": (2.5, 10.0),
    "smooth.smth_threshold": (5.0, 8.0),
    "uniform.fit": (None, "median"),
    "uniform.enabled": (False, True),
    "column.dist_from_trace": (20, 21),
    "read_data.skip_first_fm": (False, True),
}


def test_a_chain_of_edits_ends_as_a_fresh_reduction(small_visit, small_folder, monkeypatch):
    recalled, flagged = [], 0
    recall = FrameMemo.recall

    def counted(memo, block, settings):
        found = recall(memo, block, settings)
        recalled.append(found.before is not None)
        return found

    monkeypatch.setattr(FrameMemo, "recall", counted)
    random = np.random.default_rng(3)
    edited = Reduction(small_visit, **everything(small_folder))
    for _ in range(16):
        key = random.choice(list(EDITS))
        value = EDITS[key][random.integers(len(EDITS[key]))]
        step, name = key.split(".")
        setattr(edited[step], name, value)
        edited._chain.execute(edited.request())
        fresh = Reduction(small_visit, **everything(small_folder))
        for name, step in edited.steps.items():
            for parameter, value in {**step.values(), "enabled": step.enabled}.items():
                setattr(fresh[name], parameter, value)
        fresh._chain.execute(fresh.request())
        assert_same(edited.outcomes(), fresh.outcomes())
        flagged += len(edited.outcomes()["free_iter"].patch)
    assert flagged > 1000
    assert sum(recalled) > len(recalled) / 10


def assert_same(some, others):
    assert some.keys() == others.keys()
    for name, outcome in some.items():
        other = others[name]
        if outcome.patch is not None:
            np.testing.assert_array_equal(outcome.patch.index, other.patch.index, name)
            np.testing.assert_array_equal(outcome.patch.value, other.patch.value, name)
            np.testing.assert_array_equal(outcome.patch.counts, other.patch.counts, name)
        if outcome.offset is not None:
            np.testing.assert_array_equal(outcome.offset.level, other.offset.level, name)
        for column, values in outcome.table.columns.items():
            np.testing.assert_array_equal(values, other.table.columns[column], f"{name} {column}")
