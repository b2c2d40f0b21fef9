"""Figures of merit: what a reduction is chosen by, one number each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.photometry import AT_CONTACTS, expected_scatter, scatter_of, usual_light
from hustle_widgets.algorithms.transits import Transit, fit_depth, shape_of, trend_terms
from hustle_widgets.assessment import Zones, background, patches
from hustle_widgets.choosing.curves import curve_of, orders_of, quicklook_of
from hustle_widgets.choosing.stages import raw_spectra, taken_off
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.frame_names import sound_frames
from hustle_widgets.steps.quicklook import light_table, subtracted_sky

Floats = NDArray[np.float64]


class Figure(NamedTuple):
    """What a figure of merit is.

    Attributes
    ----------
    unit : str
    text : str
    aim : float
        Of a perfect reduction; the nearer the better. NaN where the figure alone says nothing.
    """

    unit: str
    text: str
    aim: float


FIGURES: dict[str, Figure] = {
    "scatter": Figure("1", "scatter from point to point over the photon limit, without the transit", 0.0),
    "scatter_ppm": Figure("1e-6", "scatter from point to point, without the transit", 0.0),
    "photon_limit_ppm": Figure("1e-6", "scatter of photons, sky and read noise", np.nan),
    "light_kept": Figure("1", "light of the trace that is left, usual frame", 1.0),
    "background_left": Figure("electron", "background left off the traces, worst of a few frames", 0.0),
    "flagged_on": Figure("1", "share of the pixels on the traces that steps flag, summed over steps", np.nan),
    "flagged_off": Figure("1", "the same off the traces", np.nan),
    "depth": Figure("1", "depth of the transit by plain least squares, with a trend", np.nan),
    "depth_error": Figure("1", "its error, from the residuals", np.nan),
}


def figures_of(
    state: State,
    location: tuple[float, float],
    *,
    transit: Transit | None = None,
    order: str | None = None,
    kinds: Sequence[type[Step]],
    frames: NDArray[np.bool_] | None = None,
    sure: bool = False,
) -> dict[str, float]:
    """Return all figures of merit of a reduction.

    Parameters
    ----------
    state : State
        The visit behind the last step.
    location : (column, row)
        Where the target is in the direct image.
    transit : Transit, optional
        Where the transit is [MJD]; where the quicklook finds one by default. To compare reductions, give one.
    order : str, optional
        Whose light; the first that was summed by default.
    kinds : sequence of type of Step
        The steps of the chain.
    frames : ndarray of bool, shape (frames,), optional
        Frames that the figures of the light curve are made of, all by default; those that failed never are.
    sure : bool
        Whether a scatter that so few frames hardly tell is NaN.

    Returns
    -------
    dict of str to float
        By the names of `FIGURES`; NaN for what cannot be told.
    """
    found = dict.fromkeys(FIGURES, float("nan"))
    if light_table(state.outcomes) is not None:
        found |= _of_light(state, transit, order, frames, sure)
    zones = Zones.of(state, location)
    left = background(state, zones, [kind for kind in kinds if kind.sky])
    if left:
        found["background_left"] = left[0].value
    sound = sound_frames(state)
    shares = [zones.shares(patch, sound) for _, patch in patches(state)]
    found["flagged_on"] = float(sum(on for on, _ in shares))
    found["flagged_off"] = float(sum(off for _, off in shares))
    return found


def _of_light(
    state: State,
    transit: Transit | None,
    order: str | None,
    frames: NDArray[np.bool_] | None,
    sure: bool,
) -> dict[str, float]:
    facts = quicklook_of(state).facts
    order = orders_of(state)[0] if order is None else order
    curve = curve_of(state, order)
    used = sound_frames(state) & (True if frames is None else frames)
    if not usual_light(curve.flux[used]) > 0:  # no share of it means anything
        return {"light_kept": light_kept(state, order)}
    transit = facts["transit"] if transit is None else transit
    depth, error = float("nan"), float("nan")
    if transit is not None:
        shape = shape_of(curve.times, transit)
        fit = fit_depth(curve.flux[used], shape[used], trend_terms(curve.times[used], curve.orbits[used]))
        depth, error = fit.depth, fit.error
    pixels = float(facts["apertures"][order].weights.sum())
    sky, read_noise = subtracted_sky(state), state.column("read_noise")
    ppm, freedom = scatter_of(curve.flux[used], curve.orbits[used], curve.times[used], transit)
    ppm = float("nan") if sure and freedom <= AT_CONTACTS else ppm
    limit = expected_scatter(curve.flux[used], sky[used], read_noise[used], pixels)
    return {
        "scatter": ppm / limit if limit > 0 else float("nan"),
        "scatter_ppm": ppm,
        "photon_limit_ppm": limit,
        "light_kept": light_kept(state, order),
        "depth": depth,
        "depth_error": error,
    }


def light_kept(state: State, order: str) -> float:
    """Return the light of a trace that is left by the steps, backgrounds not counted.

    Each column's median over the frames is compared, so that cosmic rays, which hit a column in few frames,
    count little: only what is taken from the usual frame does.
    """
    before = _usual(raw_spectra(state, order))
    after = _usual(quicklook_of(state).facts["spectra"][order] + taken_off(state, order))
    return after / before if before > 0 else float("nan")


def _usual(spectra: Floats) -> float:
    return float(np.nansum(bn.nanmedian(np.asarray(spectra, dtype=float), axis=0)))


def off_aim(name: str, value: float) -> float:
    """Return how far a figure is from that of a perfect reduction; infinite for NaN."""
    return abs(value - FIGURES[name].aim) if np.isfinite(value) else float("inf")
