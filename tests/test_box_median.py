"""The running median in a box against the definition."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hustle_widgets.algorithms.box_median import box_median


def by_definition(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    padded = np.pad(image, [(width // 2, width // 2) for width in size], mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)
    return np.median(windows, axis=(2, 3))


KINDS = ("noise", "ties", "slope", "constant", "spectrum", "huge")


def frame_of(kind: str, shape: tuple[int, int], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    image = rng.normal(12, 4, shape)
    if kind == "ties":
        image = np.rint(image / 3)
    if kind == "slope":
        image += np.arange(shape[1]) * 7 - 3 * np.arange(shape[0])[:, np.newaxis]
    if kind == "constant":
        image[...] = -0.0
    if kind == "spectrum":
        image[shape[0] // 2] += 5000
    if kind == "huge":
        image *= 10.0 ** rng.integers(-30, 30, shape)
    return image.astype(np.float32)


@given(
    st.sampled_from(KINDS),
    st.tuples(st.integers(1, 90), st.integers(1, 150)),
    st.tuples(st.integers(0, 30), st.integers(0, 30)),
    st.integers(0, 100),
)
@settings(max_examples=120)
def test_it_is_the_median_of_the_box(
    kind: str, shape: tuple[int, int], half: tuple[int, int], seed: int
) -> None:
    size = tuple(2 * min(width, (length - 1) // 2) + 1 for width, length in zip(half, shape, strict=True))
    image = frame_of(kind, shape, seed)
    before = image.copy()
    found = box_median(image, size)
    assert found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_array_equal(found, by_definition(image, size))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("kind", KINDS)
def test_large_boxes(kind: str) -> None:
    image = frame_of(kind, (140, 170), 1)
    size = (71, 101)
    found = box_median(image, size)
    padded = np.pad(image, [(35, 35), (50, 50)], mode="symmetric")
    for row, column in [(0, 0), (139, 169), (70, 64), (63, 127), (64, 128), (3, 99)]:
        box = padded[row : row + 71, column : column + 101]
        assert found[row, column] == np.median(box), (row, column)


def test_memory_is_that_of_a_few_tiles() -> None:
    image = frame_of("slope", (310, 310), 2)
    tracemalloc.start()
    box_median(image, (151, 151))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All boxes at once would be 310 * 310 * 151 * 151 * 4 bytes, 8.8 GB.
    assert peak < 80e6


@pytest.mark.parametrize("size", [(31, 31), (3, 31), (31, 3)])
def test_it_pauses_and_can_be_ended(size: tuple[int, int]) -> None:
    image, calls = frame_of("noise", (200, 300), 3), 0

    def pause() -> None:
        nonlocal calls
        calls += 1
        if calls == 5:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        box_median(image, size, pause=pause)
    assert calls == 5
