"""The parameters that were measured to be best for a visit like this one, each with its reason."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hustle_widgets.algorithms.drift_model import FEWEST_FRAMES
from hustle_widgets.algorithms.temporal import farthest_lone_outlier
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.targets import background_region
from hustle_widgets.steps.trace_light import trace_light

SIGMA = 4.0  # false in 6e-5 of the values
FARTHEST_FOLLOWED, FARTHEST_SCALED = 1.9, 3.0  # [px]: beyond, depths were worse with a model, and with 'flux'
ROWS_FROM_TRACE = (100, 60, 40, 30, 20)  # the tutorial's, and less where the frame is not so high


class Advice(NamedTuple):
    """A value for a parameter or switch, by its key in the config file, and why."""

    key: str
    value: Any
    reason: str


class Judged(NamedTuple):
    """What a recommendation depends on.

    Attributes
    ----------
    n_frames : int
    brightest : float
        Light of the brightest pixel of the traces that is not full [e-]; NaN where they cannot be followed.
    drift : float
        How far the traces move, a frame in twenty at either end left out: one that jumped is no drift [px].
    sky : float
        Median background [e-].
    why_not : str
        Why the traces cannot be followed, '' where they can.
    """

    n_frames: int
    brightest: float
    drift: float
    sky: float
    why_not: str


def judged(state: State, location: tuple[float, float]) -> Judged:
    """Look at a visit: frames, brightness, drift and sky.

    Parameters
    ----------
    state : State
        The visit before pixels are corrected.
    location : (column, row)
        Of the target in the direct image.
    """
    n_frames = state.shape[0]
    traces, notes = trace_light(state, location)
    if traces is None:
        return Judged(n_frames, float("nan"), float("nan"), float("nan"), " ".join(notes))
    motion = traces.motion
    seen = np.isfinite(motion.flux)
    ends = np.percentile([motion.column[seen], motion.row[seen]], (5, 95), axis=1)
    drift = float(np.hypot(*(ends[1] - ends[0])))
    return Judged(n_frames, float(motion.template.max()), drift, float(np.median(traces.sky)), "")


def advice(state: State, location: tuple[float, float]) -> list[Advice]:
    """Return what was measured to be best for a visit like this one.

    Parameters
    ----------
    state : State
        The visit before pixels are corrected.
    location : (column, row)
        Of the target in the direct image.

    Returns
    -------
    list of Advice
        Other parameters are best left as they are.

    Notes
    -----
    Measured by benchmarks/depth.py on simulated visits with a fault-free twin.
    """
    found = judged(state, location)
    reach = farthest_lone_outlier(found.n_frames)
    fixed = Advice(
        "do_fixed_iter",
        False,
        f"In {found.n_frames} frames a lone outlier reaches {reach:.1f} sigma at most, and free iteration finds what "
        "fixed iteration does.",
    )
    sky = of_the_sky(state, location, found.sky)
    if found.why_not:
        return [fixed, *few_frames(found, reach), *sky]
    if found.drift > FARTHEST_SCALED:
        return [*far(found), fixed, *sky]
    return [*on_the_traces(found), fixed, *sky]


def on_the_traces(found: Judged) -> list[Advice]:
    """Return how cosmic rays are best rejected where the traces can be followed."""
    return [
        Advice(
            "hst_flags",
            (16, 4096),
            "Hot pixels (16) add light that no transit dims, and cosmic rays that calwf3 knows (4096) need not be "
            "found.",
        ),
        Advice(
            "replace_by",
            "flux",
            "On the traces a cosmic ray becomes what light and motion make of the pixel, so that not even false flags "
            "fill the transit up, and a hot pixel what the trace holds beside it.",
        ),
        Advice("do_free_iter", True, "Cosmic rays are told best by what a pixel holds in other frames."),
        model_of_light(found),
        Advice(
            "free_sigma",
            SIGMA,
            "4 sigma is false in 6e-5 of the values; 3 would replace 0.3 % of good ones.",
        ),
        Advice(
            "do_led",
            False,
            "Edge detection replaces what it finds by neighbours, which on a trace are brighter or fainter.",
        ),
        Advice("do_smooth", False, "Smoothing along rows takes the spectrum's own structure for outliers."),
    ]


def model_of_light(found: Judged) -> Advice:
    """Return whether light and motion are taken out before outliers are sought."""
    if found.drift > FARTHEST_FOLLOWED:
        return Advice(
            "free_model",
            None,
            f"The traces move by {found.drift:.1f} px: beyond {FARTHEST_FOLLOWED:g} px a model of light and motion "
            "rejects the star's own light.",
        )
    return Advice(
        "free_model",
        "drift",
        f"The traces hold up to {found.brightest:,.0f} e- a pixel and move by {found.drift:.2f} px: light and "
        "motion are taken out before outliers are sought.",
    )


def far(found: Judged) -> list[Advice]:
    """Return what can be done in time where the traces move so far that other frames tell little of a pixel."""
    moved = f"The traces move by {found.drift:.1f} px"
    return [
        Advice("free_model", None, f"{moved}: no model of light and motion follows them so far."),
        Advice(
            "replace_by",
            "median",
            f"{moved}: what a pixel holds in other frames cannot be scaled to this one.",
        ),
    ]


def few_frames(found: Judged, reach: float) -> list[Advice]:
    """Return what can be done in time where the traces cannot be followed."""
    if found.n_frames >= FEWEST_FRAMES:
        why = f"{found.why_not} 4 sigma then costs least of the transit."
        return [Advice("free_sigma", min(SIGMA, round(0.9 * reach, 1)), why)]
    return [
        Advice(
            "do_free_iter",
            False,
            f"In {found.n_frames} frames no outlier is told from noise in time: edges tell more.",
        )
    ]


def of_the_sky(state: State, location: tuple[float, float], sky: float) -> list[Advice]:
    """Return how the background is best taken off.

    Parameters
    ----------
    state : State
    location : (column, row)
    sky : float
        Median background [e-]; NaN where it is not known.
    """
    for distance in ROWS_FROM_TRACE:
        try:
            region, _ = background_region(state, (), True, distance, location)
        except (Unmet, ValueError):
            continue
        rows = max(float(np.median(region.sum(axis=0))), 1.0)
        read_noise = float(np.nanmedian(np.asarray(state.column("read_noise"), dtype=float)))
        # The error of a median of Gaussian noise.
        noise = 1.2533 * np.sqrt((max(sky, 0.0) + read_noise**2) / rows)
        of_it = f" a sky of {sky:.0f} e-" if np.isfinite(sky) else " the sky"
        sure = f", each to {noise:.1f} e-" if np.isfinite(noise) else ""
        return [
            Advice(
                "do_column",
                True,
                f"Medians of columns follow the structure of{of_it} along the spectrum{sure}.",
            ),
            Advice(
                "mask_trace", True, "All pixels off the light are used, which makes medians of columns sure."
            ),
            Advice(
                "dist_from_trace",
                distance,
                f"{distance} rows keep the wings of the traces out and leave rows enough in a frame of "
                f"{state.shape[1]}.",
            ),
            Advice(
                "do_uniform", False, "The mode of a histogram has 0.3 to 0.6 e- of noise, columns have less."
            ),
        ]
    return [
        Advice(
            "fit",
            "Gaussian",
            "The mode of a histogram has 0.3 to 0.6 e- of noise a pixel, which the aperture adds up.",
        )
    ]
