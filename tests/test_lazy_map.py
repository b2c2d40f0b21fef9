"""Maps that are computed where they are asked for: their memory is used again, and never by two at once."""

import gc
import threading

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hustle_widgets.algorithms.lazy_map import LazyMap, around


def constant(value):
    return lambda index: np.full(index.size, value, np.float32)


def test_two_maps_of_a_thread_never_share_memory():
    one, two = LazyMap(50, constant(1)), LazyMap(50, constant(2))
    index = np.arange(50)
    for _ in range(2):
        assert (one.at(index) == 1).all()
        assert (two.at(index) == 2).all()


def test_a_map_of_a_larger_frame_does_not_take_the_memory_of_one_in_use():
    small = LazyMap(10, constant(1))
    small.at(np.arange(10))
    large = LazyMap(1000, constant(2))
    large.at(np.arange(1000))
    assert (small.at(np.arange(10)) == 1).all()


def test_memory_is_used_again_when_a_map_is_gone_and_holds_nothing_of_it():
    places = set()

    def frames():
        for size in (5000, 4000, 5000):
            one = LazyMap(size, constant(size))
            assert (one.at(np.arange(size)) == size).all()
            places.add(one._values.ctypes.data)
            del one
            gc.collect()

    thread = threading.Thread(target=frames)  # a thread that has had no map yet
    thread.start()
    thread.join()
    assert len(places) == 1


def test_a_map_that_is_dropped_by_another_thread_gives_its_memory_back_whole():
    maps = [LazyMap(100, constant(3)) for _ in range(4)]
    thread = threading.Thread(target=maps.clear)
    thread.start()
    thread.join()
    others = [LazyMap(100, constant(k)) for k in range(8)]
    for k, one in enumerate(others):
        one.at(np.arange(100))
        assert all((other.at(np.arange(100)) == j).all() for j, other in enumerate(others[: k + 1]))


@given(st.sets(st.integers(0, 199), max_size=30), st.lists(st.integers(-25, 25), min_size=1, max_size=6))
def test_pixels_around_are_those_of_the_windows_inside_the_frame(pixels, offsets):
    index = np.array(sorted(pixels), np.intp)
    expected = sorted({k + o for k in pixels for o in offsets if 0 <= k + o < 200})
    assert around(index, np.array(offsets), 200).tolist() == expected


def test_many_pixels_around_are_those_of_few_at_a_time():
    random = np.random.default_rng(0)
    index = np.flatnonzero(random.random(20_000) < 0.5)
    offsets = np.array([-300, -1, 0, 2, 301])
    expected = np.unique((index[:, None] + offsets).ravel())
    expected = expected[(expected >= 0) & (expected < 20_000)]
    np.testing.assert_array_equal(around(index, offsets, 20_000), expected)
