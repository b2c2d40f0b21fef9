"""Visits and reductions of which the truth is known, for benchmarks/verdicts.py and the tests.

A case is a visit with parameters. What it does to the light curve is measured against the visit's twin without faults.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets import Reduction, load_visit, simulate_visit
from hustle_widgets.algorithms.photometry import spectrum, trace_aperture
from hustle_widgets.assessment import Finding, assess
from hustle_widgets.simulate import read_truth, read_twin
from hustle_widgets.steps.targets import given_location

Floats = NDArray[np.float64]
Change = Callable[[xr.Dataset, xr.Dataset], xr.Dataset]

BASE: dict[str, Any] = {
    "n_frames": 24,
    "shape": (240, 640),
    "n_stars": 2,
    "smooth": True,
    "twin": True,
    "drift": (0.1, 0.06),
    "jitter": 0.03,
}
APERTURE = 12


class Visit(NamedTuple):
    """A simulated visit; the truth that its light curve is compared with."""

    visit: xr.Dataset
    folder: Path
    truth: xr.Dataset
    light: Floats  # relative light of the star
    twin: NDArray[np.float32]  # frames without faults and sky

    def parameters(self, **more: Any) -> dict[str, Any]:
        """Parameters with which every step finds what it needs."""
        stars = [tuple(np.rint(place)) for place in self.truth["star_positions"].values]
        rows, columns = self.visit["images"].shape[1:]
        return {
            "path_to_Pagul": str(self.folder),
            "bkg_stars_loc": stars,
            "do_bkg_stars": bool(stars),
            "dist_from_trace": 20,
            "smth_bounds": ((rows // 2, rows - 40, 100, min(500, columns)),),
            "bounds": None,
            "verbose": 0,
            "do_save": False,
            **more,
        }


def made(folder: Path, seed: int, change: Change | None = None, **options: Any) -> Visit:
    """Simulate a visit; `change` alters what is handed to the reduction, and not the twin."""
    simulate_visit(folder, seed=seed, overwrite=True, **{**BASE, **options})
    visit, truth = load_visit(folder), read_truth(folder)
    sky = truth["sky_scale"].values[:, None, None] * truth["sky_template"].values
    twin = (read_twin(folder)["images"].values - sky).astype(np.float32)
    found = Visit(visit, folder, truth, truth["light_curve"].values, twin)
    return found if change is None else found._replace(visit=change(visit, truth))


def without(made: Visit, frames: Any) -> Visit:
    """Leave frames out of a visit."""
    keep = np.delete(np.arange(made.light.size), frames)
    return made._replace(
        visit=made.visit.isel(exp_time=keep),
        truth=made.truth.isel(exp_time=keep),
        light=made.light[keep],
        twin=made.twin[keep],
    )


def sky_added(made: Visit, more: Any) -> Visit:
    """Add light [e-] to all frames."""
    images = made.visit["images"]
    changed = images.copy(data=(images.values + np.asarray(more)).astype(np.float32))
    return made._replace(visit=made.visit.assign(images=changed))


class Truth(NamedTuple):
    """What a reduction did to the white light curve of order +1, against the twin's.

    Attributes
    ----------
    bias, error : float
        Change of the depth as a share of it, and its error; NaN without a transit.
    light : float
        Light of the star that is in the aperture, over the twin's.
    scatter : float
        Scatter of the light curve over that of the twin.
    limits : float
        Median light added or lost in a frame, in units of the photon limit.
    """

    bias: float
    error: float
    light: float
    scatter: float
    limits: float

    def __str__(self) -> str:
        return (
            f"depth {self.bias:+7.2%} +- {self.error:5.2%}  light {self.light:6.3f} ({self.limits:+6.1f} limits)  "
            f"scatter {self.scatter:5.2f}"
        )


def truth_of(made: Visit, reduction: Reduction) -> Truth:
    """Compare the light curve of a reduction that was run with the twin's in the right aperture."""
    table = reduction.outcomes()["quicklook"].table
    true = true_flux(made)
    kept = reduction.state().kept_frames
    true, light = true[kept], made.light[kept]
    photons = 1 / np.sqrt(np.median(true))
    ratio = table.columns["flux_+1"] / true
    lit = np.isfinite(ratio) & (true > 0.3 * np.median(true))
    ratio, light = ratio[lit], light[lit]
    design = np.ones((light.size, 1))
    if np.ptp(light) > 0.001:
        design = np.column_stack([design, light - 1])
    found = np.linalg.lstsq(design, ratio, rcond=None)[0]
    rest = ratio - design @ found
    bias = error = np.nan
    level = float(found[0])
    if found.size > 1:
        bias = float(found[1] / level)
        error = float(np.std(rest) * np.sqrt(np.linalg.inv(design.T @ design)[1, 1]) / abs(level))
    # Of neighbours in time: drift makes trends that are no noise.
    bends = np.diff(rest / abs(level), 2)
    noise = 1.4826 * float(np.median(np.abs(bends))) / np.sqrt(6) if bends.size > 2 else 0.0
    return Truth(bias, error, level, math.hypot(photons, noise) / photons, (level - 1) / photons)


def true_flux(made: Visit) -> Floats:
    """Light of order +1 in the twin, summed where it is."""
    reduction = Reduction(made.visit, verbose=0)
    state = reduction.state()
    from hustle_widgets.steps.targets import find_traces

    column, row = (float(at) for at in made.truth["target"].values)
    traces, _ = find_traces(state, (column, row), useful=True)
    aperture = trace_aperture(traces["+1"], APERTURE, made.twin.shape[1:])
    return np.array([spectrum(frame, aperture).sum() for frame in made.twin])


def judged(reduction: Reduction) -> list[Finding]:
    """All findings."""
    state, values = reduction.state(), reduction.values()
    return assess(state, given_location(state, values), kinds=reduction.kinds, values=values)


def moved(made: Visit, column: float, row: float) -> dict[str, Any]:
    """A location that is off by so many pixels, and that nothing refines."""
    at = made.truth["target"].values
    return {
        "location": (float(at[0] + column), float(at[1] + row)),
        "do_location": False,
        "do_bkg_stars": False,
    }
