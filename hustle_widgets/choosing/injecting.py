"""A transit of known depth, and hits at known places, into a person's own visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any

import bottleneck as bn
import numpy as np
from astropy.time import Time
from astropy.units import Quantity
from numpy.typing import NDArray

from hustle_widgets.algorithms.geometry import trace_mask
from hustle_widgets.algorithms.transits import Transit, shape_of
from hustle_widgets.choosing.arguments import finite, whole
from hustle_widgets.choosing.stages import untouched
from hustle_widgets.engine.blocks import Source, State
from hustle_widgets.engine.injection import Injection
from hustle_widgets.engine.plan import digest
from hustle_widgets.steps.parameter_base import shown
from hustle_widgets.steps.targets import expected_zeroth, find_traces

# Rows on either side of a trace whose light is the target's.
REACH = 60
# Rows on either side of a trace that count as on it, see `assessment.ON`.
ON = 6
# Electrons of a hit [e-], evenly in the logarithm: from the noise of the sky to a bright cosmic ray.
ELECTRONS = (30.0, 30_000.0)
HOT_ELECTRONS = (30.0, 3_000.0)
SHARE = 1e-4  # tracks a pixel of a frame
MOST = {"cosmic_rays": 10_000, "hot_pixels": 100_000}
LONGEST = 4  # pixels of a cosmic ray's track (ACS ISR 2002-07: tracks of about 4)
SAMPLE = 40_000  # pixels of a frame that its sky is measured on


@dataclass(frozen=True, eq=False, repr=False)
class Injected:
    """What was put into a visit, so that it can be looked for.

    Attributes
    ----------
    depth : float
        Of the transit; 0 for none.
    transit : Transit
        When [MJD].
    frames, rows, columns : ndarray of int, shape (n,)
        Pixels that were hit, cosmic rays first.
    electrons : ndarray of float32, shape (n,)
        What they got [e-].
    traces : ndarray of bool, shape (rows, columns)
        Pixels that count as on the traces.
    n_cosmic : int
        How many of them are cosmic rays; the others are hot, in every frame.
    injection : Injection
        The same as the engine takes it.
    """

    depth: float
    transit: Transit
    frames: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    electrons: NDArray[np.float32]
    traces: NDArray[np.bool_]
    n_cosmic: int
    injection: Injection
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def on_trace(self) -> NDArray[np.bool_]:
        """Whether each of the pixels that were hit is on the traces."""
        return self.traces[self.rows, self.columns]

    @property
    def words(self) -> str:
        """What was injected, in a sentence."""
        return self.injection.words

    def __repr__(self) -> str:
        return self.words

    def into(self, source: Source) -> Source:
        """Return the visit with it."""
        clean = without(source)
        return replace(clean, token=digest(clean.token, self.injection.token), injection=self.injection)


def without(source: Source) -> Source:
    """Return the visit without what was injected."""
    if source.injection is None:
        return source
    origin = source.injection.origin
    assert isinstance(origin, Source)
    return origin


def injected_words(source: Source) -> str:
    """Return what was injected into a visit, '' for nothing."""
    return "" if source.injection is None else source.injection.words


def check_injected(injected: Any, source: Source) -> None:
    """Refuse what is no injection into a visit, with a ValueError."""
    if not isinstance(injected, Injected):
        raise ValueError(
            f"'injected' must be what reduction.inject(...) gave. Got {shown(injected)} instead."
        )
    origin = injected.injection.origin
    if not isinstance(origin, Source) or origin.token != source.token:
        raise ValueError("'injected' was made for another visit: inject into this one.")


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of `injected_into`, those checked that can be without a visit.

    Raises
    ------
    ValueError
        For a name that is none, and a value out of bounds.
    """
    known = [*signature(injected_into).parameters][2:]
    for name in options:
        if name not in known:
            raise ValueError(f"An injection has no {name!r}. It has {', '.join(known)}.")
    found = dict(options)
    for name, value in options.items():
        if name == "depth":
            found[name] = finite(name, value, "a share in 0..1", least=0, most=1)
        elif name == "seed":
            found[name] = whole(name, value, 0)
        elif name in MOST and value is not None:
            found[name] = whole(name, value, 0, MOST[name])
    return found


def injected_into(
    state: State,
    location: tuple[float, float],
    *,
    depth: float = 0.01,
    middle: float | Time | None = None,
    duration: float | Quantity | None = None,
    ingress: float | Quantity | None = None,
    cosmic_rays: int | None = None,
    hot_pixels: int | None = None,
    seed: int = 0,
) -> Injected:
    """Choose what is injected.

    Parameters
    ----------
    state : State
        A state of the clean visit: says where traces are expected.
    location : (column, row)
        Where the target is in the direct image.
    depth : float
        Share of the target's light that is missing in transit, 0..1; 0 for no transit.
    middle : float or Time, optional
        Mid-transit [MJD]; that of the middle frames by default.
    duration, ingress : float or Quantity, optional
        From first to last contact, and of the ingress [h]; what four tenths of the frames see, and a tenth of that
        by default.
    cosmic_rays : int, optional
        Tracks a frame, 1 to 4 pixels long; a quarter of them begin on the traces. One for 10 000 pixels by
        default: few, so that those that are missed do not change the depth.
    hot_pixels : int, optional
        Pixels that are brighter in all frames; a quarter of them on the traces. As many by default.
    seed : int
        The same seed gives the same places.

    Raises
    ------
    ValueError
        For a value out of bounds, or a transit that no frame sees.
    """
    usual = max(4, round(SHARE * state.shape[1] * state.shape[2]))
    given = {"depth": depth, "cosmic_rays": cosmic_rays, "hot_pixels": hot_pixels, "seed": seed}
    depth, cosmic_rays, hot_pixels, seed = checked_options(given).values()
    cosmic_rays = usual if cosmic_rays is None else cosmic_rays
    hot_pixels = usual if hot_pixels is None else hot_pixels
    source = without(state.source)
    n_frames, n_rows, n_columns = source.images.shape
    times = np.asarray(source.columns["exp_time"], dtype=float)
    transit = _transit(times, middle, duration, ingress)
    shape = shape_of(times, transit)
    if depth > 0 and not shape.any():
        raise ValueError(
            f"No frame is taken in a transit at MJD {transit.middle:.4f} of {24 * transit.duration:.2f} h: the visit "
            f"lasts from {times.min():.4f} to {times.max():.4f}."
        )
    traces, _ = find_traces(state, location)
    light = trace_mask((n_rows, n_columns), traces, None, REACH)
    if depth > 0 and not light.any():
        raise ValueError("There is no trace on the frame to put a transit into: check 'location'.")
    lit, _ = find_traces(state, location, ("+1", "-1"), useful=True)
    on = trace_mask((n_rows, n_columns), lit, None, ON)
    near = trace_mask((n_rows, n_columns), traces, expected_zeroth(state, location), min(REACH, n_rows / 8))
    level = _sky(untouched(State(source)), ~near)
    rng = np.random.default_rng([seed, n_frames, n_rows, n_columns])
    index, electrons, n_cosmic = _hits(rng, on, n_frames, cosmic_rays, hot_pixels)
    order = np.argsort(index, kind="stable")
    words = _words(depth, transit, cosmic_rays, hot_pixels, n_frames, seed)
    factor = 1 - depth * shape
    token = digest(depth, tuple(transit), cosmic_rays, hot_pixels, seed, light.tobytes(), level.tolist())
    injection = Injection(factor, light, level, index[order], electrons[order], token, words, source)
    frames, place = np.divmod(index, n_rows * n_columns)
    rows, columns = np.divmod(place, n_columns)
    given = {
        "depth": depth,
        "middle": transit.middle,
        "duration": 24 * transit.duration,
        "ingress": 24 * transit.ingress,
        "cosmic_rays": cosmic_rays,
        "hot_pixels": hot_pixels,
        "seed": seed,
    }
    return Injected(depth, transit, frames, rows, columns, electrons, on, n_cosmic, injection, given)


def _usual_transit(times: NDArray[np.float64]) -> Transit:
    """Return a transit that the middle four tenths of the frames see."""
    moments = np.sort(times)
    number = moments.size
    first = round(0.3 * number)
    last = max(first, round(0.7 * number) - 1)
    edges = np.concatenate([[moments[0] - 0.01], (moments[1:] + moments[:-1]) / 2, [moments[-1] + 0.01]])
    start, end = edges[first], edges[last + 1]
    return Transit(float((start + end) / 2), float(end - start))


def _transit(times: NDArray[np.float64], middle: Any, duration: Any, ingress: Any) -> Transit:
    """Return the transit that is asked for; what is None is as usual."""
    usual = _usual_transit(times)
    at = usual.middle if middle is None else finite("middle", middle, "a mid-transit time [MJD]", unit="d")
    lasts = usual.duration
    if duration is not None:
        lasts = finite("duration", duration, "a number of hours > 0", unit="h") / 24
    begins = (
        0.1 * lasts if ingress is None else finite("ingress", ingress, "a number of hours", unit="h") / 24
    )
    if not lasts > 0 or not 0 <= begins <= lasts / 2:
        raise ValueError(
            "'duration' and 'ingress' must be hours > 0, the ingress at most half the duration. "
            f"Got {24 * lasts:g} and {24 * begins:g} instead."
        )
    return Transit(at, lasts, begins)


def _sky(state: State, off: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the median light of a pixel off the traces in each frame; 0 where there is none."""
    pixels = np.flatnonzero(off)
    if not pixels.size:
        return np.zeros(state.shape[0])
    pixels = pixels[:: max(1, pixels.size // SAMPLE)]
    level = [bn.nanmedian(state.frame(k).ravel()[pixels]) for k in range(state.shape[0])]
    return np.nan_to_num(np.array(level, dtype=float))


def _hits(
    rng: np.random.Generator, on: NDArray[np.bool_], n_frames: int, cosmic_rays: int, hot_pixels: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], int]:
    """Return flat indices into the visit, each once, what they get, and how many are of cosmic rays."""
    n_rows, n_columns = on.shape
    plane = n_rows * n_columns
    where = (np.flatnonzero(on), np.flatnonzero(~on))

    def starts(number: int) -> NDArray[np.int64]:
        lit = number // 4 if where[0].size and where[1].size else number * bool(where[0].size)
        some = [rng.choice(w, n) for w, n in zip(where, (lit, number - lit), strict=True) if n]
        return np.concatenate(some).astype(np.int64) if some else np.empty(0, np.int64)

    def brightness(number: int, range_: tuple[float, float]) -> NDArray[np.float64]:
        return np.exp(rng.uniform(np.log(range_[0]), np.log(range_[1]), number))

    parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
    for frame in range(n_frames):
        begin = starts(cosmic_rays)
        length = rng.integers(1, LONGEST + 1, begin.size)
        angle = rng.uniform(0, np.pi, begin.size)
        electrons = brightness(begin.size, ELECTRONS)
        for along in range(LONGEST):
            goes_on = along < length
            row = begin[goes_on] // n_columns + np.rint(along * np.sin(angle[goes_on])).astype(np.int64)
            column = begin[goes_on] % n_columns + np.rint(along * np.cos(angle[goes_on])).astype(np.int64)
            inside = (row >= 0) & (row < n_rows) & (column >= 0) & (column < n_columns)
            place = frame * plane + row[inside] * n_columns + column[inside]
            parts.append((place, electrons[goes_on][inside]))
    cosmic, first = np.unique(_joined([p for p, _ in parts], np.int64), return_index=True)
    light = _joined([e for _, e in parts], np.float64)[first]
    hot = np.unique(starts(hot_pixels))
    glow = brightness(hot.size, HOT_ELECTRONS)
    everywhere = (np.arange(n_frames)[:, np.newaxis] * plane + hot).ravel()
    index = np.concatenate([cosmic, everywhere])
    electrons = np.concatenate([light, np.tile(glow, n_frames)])
    _, kept = np.unique(index, return_index=True)  # a pixel is hot or hit, not both
    kept.sort()
    return index[kept], electrons[kept].astype(np.float32), int((kept < cosmic.size).sum())


def _joined(parts: list[NDArray[Any]], kind: type) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)


def _words(depth: float, transit: Transit, cosmic: int, hot: int, n_frames: int, seed: int) -> str:
    what = []
    if depth:
        what.append(
            f"a transit of depth {depth:g} at MJD {transit.middle:.5f} ({24 * transit.duration:.2f} h, ingress "
            f"{24 * transit.ingress:.2f} h)"
        )
    if cosmic:
        what.append(f"{cosmic} cosmic rays in each of {n_frames} frames")
    if hot:
        what.append(f"{hot} hot pixels")
    return f"INJECTED, not observed: {', '.join(what) or 'nothing'}; seed {seed}."
