"""What steps that replace pixels take from the light of the traces, and from a transit in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.centroid import SATURATION
from hustle_widgets.algorithms.photometry import MAD_TO_SIGMA, point_scatter
from hustle_widgets.algorithms.transits import fit_depth, shape_of, trend_terms
from hustle_widgets.assessment.followed import Floats, Raw, Replaced, raw_series, walk
from hustle_widgets.assessment.response import DEPTH, clips, made_up_dip, share_lost
from hustle_widgets.assessment.zones import Zones
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.following import CLIPS_AT
from hustle_widgets.steps.frame_names import sound_frames
from hustle_widgets.steps.quicklook import light_table

# A value further than this from the star's light is no noise: something hit it [sigma].
HIT = 6.0
# Frames with less of the usual light are left out, as those that failed: the shutter stayed closed.
LIT = 0.3
# Fewer frames tell no median in time, and no scatter.
FEWEST = 4


class TraceLoss(NamedTuple):
    """What a step took from the traces.

    Attributes
    ----------
    lost : float
        Share of the light of clean pixels that is missing in the usual frame.
    dilution : float
        Share of a transit's depth that is expected to be lost, whether there is a transit or not.
    hits : float
        The part of it that is due to the light of replaced hits, which no threshold changes.
    bias, bias_error : float
        Change of the depth of the dip that was found, as a share of it, and its error; NaN without a dip.
    noise : float
        Scatter from frame to frame that its replacements add to the light of the traces, in units of the photon
        noise of that light.
    """

    lost: float
    dilution: float
    hits: float
    bias: float
    bias_error: float
    noise: float = 0.0


class TraceLight(NamedTuple):
    """The star's light in pixels of the traces, as they were read.

    Attributes
    ----------
    raw : Raw
    usual : ndarray, shape (n_pixels,)
        Light of a pixel in a frame of factor 1 [e-].
    factor : ndarray, shape (n_frames,)
        Light of each frame over the usual; NaN in frames without.
    spread : ndarray, shape (n_pixels,)
        Scatter of a pixel in time [e-].
    sound : ndarray of bool, shape (n_pixels,)
        Not brighter than its neighbours along the trace, nor full: such light is not the star's.
    """

    raw: Raw
    usual: Floats
    factor: Floats
    spread: Floats
    sound: NDArray[np.bool_]


def trace_light(state: State, zones: Zones) -> TraceLight | None:
    """Fit the light of each pixel and of each frame, hits left out; None where there is no light to follow."""
    index = followed_pixels(state, zones)
    if state.shape[0] < FEWEST or not index.size:
        return None
    raw, sound = raw_series(state, "traces", index, np.flatnonzero(zones.of_pixel == 2)), sound_frames(state)
    light = raw.values - raw.sky[:, np.newaxis]
    usual = np.clip(np.nan_to_num(bn.nanmedian(light[sound], axis=0)), 0, None)
    read_noise = float(bn.nanmedian(state.column("read_noise")))
    floor = max(float(np.median(raw.sky[sound])), 0.0) + (read_noise if np.isfinite(read_noise) else 3.0) ** 2
    bright = usual > np.quantile(usual, 0.75)
    if not (bright.any() and usual[bright].min() > 0):
        return None
    factor = bn.nanmedian(light[:, bright] / usual[bright], axis=1)
    least = 0.8 * np.sqrt(usual + floor)
    for _ in range(3):
        lit = np.isfinite(factor) & (factor > LIT) & sound
        if np.count_nonzero(lit) < FEWEST:
            return None
        factor = np.where(lit, factor / np.mean(factor[lit]), np.nan)
        rest = np.nan_to_num(light - factor[:, np.newaxis] * usual)
        # Drift is in the scatter of a pixel, so that both flanks of a trace count alike.
        spread = np.maximum(MAD_TO_SIGMA * bn.nanmedian(np.abs(rest[lit]), axis=0), least)
        rest[np.abs(rest) > HIT * spread] = 0
        usual = np.clip(usual + rest[lit].mean(axis=0), 0, None)
        factor = factor + rest.sum(axis=1) / usual.sum()
    factor = np.where(sound, factor, np.nan)
    return TraceLight(raw, usual, factor, spread, _sound(usual, floor, index, state.shape[1:]))


def followed_pixels(state: State, zones: Zones) -> NDArray[np.intp]:
    """Return the pixels of the traces and of the apertures that are summed, sorted flat places in a frame."""
    chosen = zones.of_pixel == 1
    table = light_table(state.outcomes)
    for laid in {} if table is None else table.facts["apertures"].values():
        inside = laid.weights > 0
        columns = np.broadcast_to(laid.columns, laid.rows.shape)
        chosen[laid.rows[inside] * state.shape[2] + columns[inside]] = True
    return np.flatnonzero(chosen)


def _sound(usual: Floats, floor: float, index: NDArray[np.intp], shape: tuple[int, int]) -> NDArray[np.bool_]:
    plane = np.full(shape[0] * shape[1], np.nan)
    plane[index] = usual
    image = np.pad(plane.reshape(shape), ((0, 0), (0, 5)), constant_values=np.nan)
    around = bn.move_median(image, 11, min_count=3, axis=1)[:, 5:].reshape(-1)[index]
    around = np.where(np.isfinite(around), around, usual)
    like_others: NDArray[np.bool_] = usual <= 1.5 * around + 5 * np.sqrt(around + floor)
    return like_others & (usual < SATURATION)


def losses(
    state: State, zones: Zones, follows: Mapping[str, str], values: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, TraceLoss]]:
    """Tell what each step that replaces pixels took from the traces.

    Parameters
    ----------
    state : State
    zones : Zones
    follows : mapping of str to str
        What the values of a step in time are compared with and replaced by: 'median' (of a series), 'flux'
        (replaced by the light of the frame), 'model' (compared with it too); steps in space are not named.
    values : mapping of str to object, optional
        The present parameters: what the steps in time lose is then measured, not only estimated.
    """
    star = trace_light(state, zones)
    if star is None:
        return
    dip = _dip(state, star.factor)
    flux = star.factor * star.usual.sum()
    photons = 1 / math.sqrt(float(bn.nanmedian(flux)))
    for done in walk(state, star.raw):
        patch = state.outcomes[done.name].patch
        if patch is None or patch.value is None:
            continue
        lost, squares, clean, hits = _of_step(star, done)
        share = lost / flux
        kind = follows.get(done.name, "space")
        if kind in ("median", "flux") and clips(values, done.name):
            assert values is not None
            dilution = _measured(state, star, done, dip, values, kind == "flux")
        else:
            dilution = _estimated(state, done.name, kind, squares, clean, hits)
        change, error = (np.nan, np.nan) if dip is None else dip.change(share)
        usual = float(bn.nanmedian(share))
        hits = min(hits, dilution) if kind == "median" else 0.0
        ppm = point_scatter(1 + share - usual, state.column("orbit_numbers")) if len(patch) else 0.0
        noise = 1e-6 * ppm / photons if np.isfinite(ppm) else 0.0
        yield done.name, TraceLoss(usual, dilution, hits, float(change), float(error), noise)


def _measured(
    state: State,
    star: TraceLight,
    done: Replaced,
    dip: _Dip | None,
    values: Mapping[str, Any],
    follows: bool,
) -> float:
    """Return the share of a dip that clipping in time takes, the one that was found or one that is made up."""
    sound = sound_frames(state)  # whatever a step makes of the others is no part of a dip
    if dip is None:
        shape, depth = made_up_dip(int(np.count_nonzero(sound))), DEPTH
    else:
        shape, depth = dip.design[sound, -1], dip.depth
    level = star.factor[sound] / (1.0 if dip is None else 1 - depth * shape)
    light = np.nan_to_num(level)[:, np.newaxis] * star.usual
    lost = share_lost(done.entered[sound], light, shape, depth, dip is not None, done.name, values, follows)
    return max(lost, 0.0) if np.isfinite(lost) else 0.0


def _estimated(state: State, name: str, kind: str, squares: float, clean: float, hits: float) -> float:
    dilution = 0.0
    if kind == "median":
        dilution = squares + hits
    elif kind == "flux":
        dilution = max(squares - clean, 0.0)
    clips_at = state.outcomes[name].table.facts.get(CLIPS_AT)
    if clips_at is not None and kind == "median":
        dilution = max(dilution, clipping_loss(clips_at) + hits)
    elif clips_at is not None and kind == "flux":
        dilution = max(dilution, clipping_loss(clips_at, replaced=False))
    return dilution


def _of_step(star: TraceLight, done: Replaced) -> tuple[Floats, float, float, float]:
    """Return the light lost in each frame [e-], and shares: sum of z^2 of clean values, clean values, hits.

    A value that noise alone moved by z sigma and that is replaced whatever the star does takes z^2 of the transit in
    it: E[z^2; |z| > k] = P(|z| > k) + 2 k phi(k). Values below the star's light are clean, and as many above it.
    """
    n_frames, n_pixels = star.raw.values.shape
    frame, place = done.frame, done.place
    often = (
        np.bincount(place, minlength=n_pixels)[place] > n_frames / 2
    )  # a fault that stays, mended in space
    taken = np.broadcast_to(done.taken, star.raw.values.shape)[frame, place]
    expected = star.factor[frame] * star.usual[place] + star.raw.sky[frame] - taken
    z = (done.before - expected) / star.spread[place]
    used = np.isfinite(z) & np.isfinite(done.after) & star.sound[place]
    hit = np.abs(z) > HIT
    lost = np.where(hit & ~often, expected, done.before) - done.after
    total: Floats = np.bincount(frame[used], lost[used], minlength=n_frames).astype(np.float64)
    lit = int(np.isfinite(star.factor).sum())
    weight = np.where(used & ~often, star.usual[place], 0) / (lit * star.usual.sum())
    below = (z < 0) & ~hit
    squares, clean = 2 * float(np.sum((weight * z**2)[below])), 2 * float(weight[below].sum())
    return total, squares, clean, max(float(weight.sum()) - clean, 0.0)


def clipping_loss(sigma: float, replaced: bool = True) -> float:
    """Return the share of a shallow transit that is lost when sound values beyond a threshold become the median.

    ``P(|z| > k) + 2 k phi(k)``: the values that are replaced, and the shift of what is left between thresholds that
    do not follow the star. Only the second where they are `replaced` by values that do.

    Examples
    --------
    >>> [round(clipping_loss(k), 4) for k in (3.0, 3.5, 4.0)]
    [0.0293, 0.0066, 0.0011]
    """
    edge = 2 * sigma * math.exp(-(sigma**2) / 2) / math.sqrt(2 * math.pi)
    return edge + (math.erfc(sigma / math.sqrt(2)) if replaced else 0.0)


class _Dip(NamedTuple):
    """The dip that was found: its shape and the terms of a trend in all frames, and its depth."""

    design: Floats
    depth: float

    def change(self, share: Floats) -> tuple[float, float]:
        """Return by which share of itself the depth changes when a share of the light is lost, and the error."""
        known = np.isfinite(share)
        design = self.design[known]
        freedom = np.count_nonzero(known) - design.shape[1]
        if freedom < 1:
            return float("nan"), float("nan")
        found, *_ = np.linalg.lstsq(design, share[known], rcond=None)
        variance = float(np.sum((share[known] - design @ found) ** 2)) / freedom
        error = math.sqrt(variance * float(np.linalg.pinv(design.T @ design)[-1, -1]))
        return float(found[-1]) / self.depth, error / self.depth


def _dip(state: State, factor: Floats) -> _Dip | None:
    table = light_table(state.outcomes)
    transit = None if table is None else table.facts.get("transit")
    if transit is None:
        return None
    times = state.column("exp_time")
    shape, terms = shape_of(times, transit), trend_terms(times, state.column("orbit_numbers"))
    depth = fit_depth(factor, shape, terms).depth
    return _Dip(np.column_stack([terms, shape]), depth) if depth > 0 else None
