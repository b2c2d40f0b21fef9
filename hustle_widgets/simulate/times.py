"""When the frames of a simulated visit are taken, and how bright the star is in each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.simulation_star import transit

FIRST_EXPOSURE = 58331.25  # MJD
READOUT = 30.0  # [s] between exposures
ORBIT = 95.0 * 60  # [s]
VISIBLE = 57.0 * 60  # [s] of an orbit
DAY = 86_400.0  # [s]


def timing(
    n_frames: int, exposure_time: float, frames_per_orbit: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Start [MJD] and zero-based orbit of each frame; orbits as even as possible."""
    per_orbit = int(np.clip(VISIBLE // (exposure_time + READOUT), 1, frames_per_orbit or 15))
    n_orbits = -(-n_frames // per_orbit)
    groups = [len(part) for part in np.array_split(np.arange(n_frames), n_orbits)]
    orbit = np.repeat(np.arange(n_orbits), groups)
    within = np.concatenate([np.arange(n) for n in groups])
    seconds = orbit * ORBIT + within * (exposure_time + READOUT)
    return FIRST_EXPOSURE + seconds / DAY, orbit


def light_curve(
    middle: NDArray[np.float64],
    exposure_time: float,
    depth: float,
    span: tuple[float, float] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Relative flux of each frame, and which frames the planet touches: the middle 45 %, or those of `span`."""
    if depth == 0:
        return np.ones(len(middle)), np.zeros(len(middle), dtype=bool)
    k, impact = float(np.sqrt(depth)), 0.2
    # Counted in frames, not hours: else a visit of two orbits has its transit in the gap.
    if span is None:
        first, last = int(0.275 * len(middle)), len(middle) - 1 - int(0.275 * len(middle))
        mid_transit = (middle[0] + middle[-1]) / 2
    else:
        first, last = (round(part * (len(middle) - 1)) for part in span)
        mid_transit = (middle[first] + middle[last]) / 2
    half = (middle[last] - middle[first] + exposure_time / DAY) / 2
    contact = np.sqrt((1 + k) ** 2 - impact**2)
    along = (middle - mid_transit) / half * contact
    separation = np.hypot(along, impact)
    return transit(separation, k), separation < 1 + k
