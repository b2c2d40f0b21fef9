"""The series of some pixels, from the visit as it was read through all steps: what each step took from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import Source, State
from hustle_widgets.engine.deltas import Offset

Floats = NDArray[np.float64]

# Pixels off the traces that the sky of a frame is the median of.
SKY_PIXELS = 20_000


class Raw(NamedTuple):
    """Some pixels of all frames as they were read.

    Attributes
    ----------
    pixels : ndarray of int, shape (n_pixels,)
        Sorted flat places in a frame.
    values : ndarray of float32, shape (n_frames, n_pixels)
        [e-].
    sky : ndarray, shape (n_frames,)
        Median off the traces [e-].
    """

    pixels: NDArray[np.intp]
    values: NDArray[np.float32]
    sky: Floats


class Replaced(NamedTuple):
    """What a step did to the followed pixels.

    Attributes
    ----------
    name : str
    frame, place : ndarray of int, shape (n,)
        Of each flagged value; the place is one in `Raw.pixels`.
    before, after : ndarray, shape (n,)
        Values [e-]; the same where the step only flags.
    taken : float or ndarray
        Background that earlier steps took off, broadcast to (n_frames, n_pixels) [e-].
    entered : ndarray, shape (n_frames, n_pixels)
        All values as they enter the step [e-]; only until the next step is asked for.
    """

    name: str
    frame: NDArray[np.intp]
    place: NDArray[np.intp]
    before: Floats
    after: Floats
    taken: Floats
    entered: Floats


# What is read of a visit is the same whatever its steps do. By purpose: the pixels of the last place of the target.
_read: WeakKeyDictionary[Source, dict[str, tuple[bytes, Raw]]] = WeakKeyDictionary()


def as_read(state: State) -> State:
    """Return the visit as it was read: its frames that are worked on, before all corrections."""
    chosen = {name: out for name, out in state.outcomes.items() if out.kept_frames is not None}
    return State(state.source, chosen)


def raw_series(state: State, purpose: str, index: NDArray[np.intp], off: NDArray[np.intp]) -> Raw:
    """Read some pixels of all frames, and the sky of some pixels `off` the traces; remembered for a purpose."""
    key = state.kept_frames.tobytes() + index.tobytes()
    known = _read.setdefault(state.source, {})
    if purpose not in known or known[purpose][0] != key:
        read = as_read(state)
        n_frames = state.shape[0]
        off = off[:: max(1, off.size // SKY_PIXELS)]
        values, sky = np.empty((n_frames, index.size), np.float32), np.zeros(n_frames)
        for k in range(n_frames):
            frame = read.frame(k).reshape(-1)
            values[k] = frame[index]
            sky[k] = bn.nanmedian(frame[off]) if off.size else 0.0
        known[purpose] = key, Raw(index, values, np.nan_to_num(sky))
    return known[purpose][1]


def walk(state: State, raw: Raw) -> Iterator[Replaced]:
    """Follow the pixels through the steps; tell what each step that flags did to them."""
    n_frames, n_rows, n_columns = state.shape
    plane = n_rows * n_columns
    number = np.full(plane, -1, np.int32)
    number[raw.pixels] = np.arange(raw.pixels.size)
    now = raw.values.astype(np.float64)
    taken = np.zeros((n_frames, 1))
    for name, outcome in state.outcomes.items():
        patch = outcome.patch
        if patch is not None:
            place = number[patch.index % plane]
            chosen = np.flatnonzero(place >= 0)
            place, frame = place[chosen].astype(np.intp), patch.index[chosen] // plane
            before = now[frame, place]
            after = before if patch.value is None else patch.value[chosen].astype(np.float64)
            yield Replaced(name, frame, place, before, after, taken, now)
            now[frame, place] = after
        if outcome.offset is not None:
            off = _offset_at(outcome.offset, raw.pixels, n_columns)
            taken, now = taken + off, now - off


def _offset_at(offset: Offset, index: NDArray[np.intp], n_columns: int) -> Floats:
    """Return what is taken off some pixels, shape (n_frames, n_pixels or 1)."""
    rows, columns = np.divmod(index, n_columns)
    level = offset.level.astype(np.float64)
    if offset.by_rows:
        level = level[:, rows, 0]
    elif level.ndim == 2:
        level = level[:, columns]
    else:
        level = level[:, np.newaxis]
    return level if offset.template is None else level * offset.template[rows, columns]
