"""Whether the transit depth comes out right: the reduction of simulated visits against their fault-free twins.

    python benchmarks/depth.py [--seeds 4] [--frames 40] [--rows 600] [--columns 2100] [--only drift ...]

Each visit is simulated with a twin: the same photons and read noise without cosmic rays and bad pixels. Depth and
scatter are those of the light in the apertures of the quicklook, order +1, over the twin's, its true sky taken off.
Bias is in percent of the depth, with the error of the mean over seeds. The sky, the spectrum and the motion of the
simulation are not those that the reduction assumes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets import Reduction, simulate_visit
from hustle_widgets.algorithms.geometry import Trace
from hustle_widgets.algorithms.photometry import spectrum, trace_aperture
from hustle_widgets.simulate import cosmic_ray_mask, read_truth, read_twin

BINS = np.linspace(2000, 8000, 9)  # [Angstrom]
ON_TRACE = 10  # rows
STRONG = 5.0  # sigma
DARK = 11.0 / 3600 * 190  # [e-] an exposure
FULL_WELL = 60_000.0  # [e-]: fuller pixels hold light of others


class Visit(NamedTuple):
    """A simulated visit, its truth, and its twin without sky."""

    visit: xr.Dataset
    truth: xr.Dataset
    twin: NDArray[np.float32]
    sky: NDArray[np.float32]


class Figures(NamedTuple):
    """What one reduction is worth."""

    bias: float
    scatter: float
    bins: NDArray[np.float64]
    recall: float
    false: float
    expected: float


def simulated(folder: Path, **options: Any) -> Visit:
    """Simulate a visit with its twin."""
    visit = simulate_visit(folder, twin=True, smooth=True, overwrite=True, **options)
    truth = read_truth(folder)
    sky = truth["sky_scale"].values[:, None, None] * truth["sky_template"].values
    twin = read_twin(folder)["images"].values - sky.astype(np.float32)
    return Visit(visit, truth, twin, sky.astype(np.float32))


def of_columns(frames: Any, trace: Trace, half_width: float) -> NDArray[np.float64]:
    """Light of each column of an aperture in each frame, (frame, column)."""
    aperture = trace_aperture(trace, half_width, frames[0].shape)
    return np.stack([spectrum(frame, aperture) for frame in frames])


def depth(light: NDArray[np.float64], truth: xr.Dataset) -> float:
    """Depth in units of the true one, by least squares of the true shape."""
    curve = truth["light_curve"].values
    design = np.stack([np.ones(curve.size), curve - 1], axis=1)
    level, drop = np.linalg.lstsq(design, light / truth["ramp"].values, rcond=None)[0]
    return float(drop / level)


def out_of_transit(light: NDArray[np.float64], truth: xr.Dataset) -> NDArray[np.float64]:
    """Relative light out of transit."""
    outside = ~truth["in_transit"].values
    values = (light / truth["ramp"].values)[outside]
    return values / values.mean() - 1


def measured(made: Visit, reduction: Reduction) -> Figures:
    """Compare a reduction that was run with the twin."""
    table = reduction.outcomes()["quicklook"].table
    trace, half_width = table.facts["traces"]["+1"], table.facts["half_width"]
    state = reduction.state()
    mine = of_columns([state.frame(k) for k in range(state.shape[0])], trace, half_width)
    true = of_columns(made.twin, trace, half_width)
    whole = [light.sum(axis=1) for light in (mine, true)]
    found, right = (out_of_transit(light, made.truth) for light in whole)
    bins = np.digitize(trace.wavelengths, BINS) - 1
    of_bins = [
        100
        * (
            depth(mine[:, bins == k].sum(axis=1), made.truth)
            / depth(true[:, bins == k].sum(axis=1), made.truth)
            - 1
        )
        for k in range(len(BINS) - 1)
    ]
    recall, false = on_the_traces(made, reduction)
    return Figures(
        100 * (depth(whole[0], made.truth) / depth(whole[1], made.truth) - 1),
        float(np.std(found) / np.std(right)),
        np.array(of_bins),
        recall,
        false,
        # Light that was added or lost at random does not know what the photons do.
        float(np.hypot(np.std(right), np.std(found - right)) / np.std(right)),
    )


def on_the_traces(made: Visit, reduction: Reduction) -> tuple[float, float]:
    """Share of the hits above 5 sigma found on the traces, and of the pixels flagged that nothing hit."""
    truth, state = made.truth, reduction.state()
    n_frames, n_rows, n_columns = state.shape
    row = np.arange(n_rows)[:, None]
    apart = np.fmin.reduce(np.abs(row - truth["trace_rows"].values[:, None, :]), axis=0, initial=np.inf)
    zeroth = truth["zeroth_order"].values
    bad = truth["hot"] | truth["warm"] | truth["cold"] | truth["dead"]
    light = np.median(made.twin, axis=0)
    full = light > FULL_WELL
    full[1:] |= full[:-1].copy()
    full[:-1] |= full[1:].copy()
    where = (apart <= ON_TRACE) & (np.abs(np.arange(n_columns) - zeroth[0]) > 25) & ~bad.values & ~full
    where = np.flatnonzero(where)
    flagged = np.zeros((n_frames, n_rows * n_columns), bool)
    for name in ("hst_flags", "fixed_iter", "free_iter", "led", "smooth"):
        outcome = state.outcomes.get(name)
        if outcome is not None and outcome.patch is not None:
            flagged.reshape(-1)[outcome.patch.index] = True
    calwf3 = ((made.visit["hst_dq"].values & 4096) > 0).reshape(n_frames, -1)[:, where]
    hits = cosmic_ray_mask(truth).reshape(n_frames, -1)
    electrons = np.zeros(hits.shape, np.float32)
    electrons[hits] = truth["cosmic_ray_electrons"].values
    hits, electrons, flagged = hits[:, where], electrons[:, where], flagged[:, where]
    noise = np.sqrt(np.maximum(light.ravel()[where], 0) + truth["sky_scale"].values.mean() + DARK + 3.1**2)
    strong = electrons > STRONG * noise
    return float(flagged[strong].mean()), float(flagged[~hits & ~calwf3].mean())


Preset = Callable[[Reduction], Any]


def tutorial(reduction: Reduction) -> None:
    """Leave everything as the tutorial has it."""


def recommended(reduction: Reduction) -> None:
    """Take what is recommended."""
    reduction.recommend()


def reduced(made: Visit, preset: Preset, folder: Path, **parameters: Any) -> Figures:
    """Reduce a visit and compare it with its twin."""
    reduction = Reduction(made.visit, verbose=0, path_to_Pagul=str(folder), do_save=False, **parameters)
    preset(reduction)
    reduction.run()
    return measured(made, reduction)


CASES: dict[str, dict[str, Any]] = {
    **{
        f"drift {drift:g} px, brightness {bright:g}": {"drift": (drift, 0.6 * drift), "brightness": bright}
        for drift in (0.1, 0.5)
        for bright in (1.0, 4.0)
    },
    "drift 0.05 px": {"drift": (0.05, 0.03)},
    "false flags 5 %": {"false_flags": 0.05},
    "hook, breathing, red star, flat error": {
        "hook": 0.005,
        "breathing": 0.01,
        "temperature": 4500.0,
        "flat_error": 0.005,
    },
    "neighbour, trails, hits of 2 %": {"neighbour": (8.0, 15.0, 0.1), "cte": 0.01, "cosmic_ray_rate": 0.19},
    "steep sky": {"sky": 60.0, "sky_structure": 2.0},
}
PRESETS: dict[str, Preset] = {"tutorial": tutorial, "recommended": recommended}


def mean(values: list[float]) -> str:
    """Mean and its error."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{np.mean(values):+7.3f} +- {error:5.3f}"


def table(arguments: argparse.Namespace) -> None:
    """Print a line for every case and preset."""
    heads = f"{'depth bias [%]':>18}{'scatter / twin':>18} {'expected':>9}{'recall':>8}{'false':>9}  worst bin [%]"
    print(f"{'':38}{'':12}{heads}")
    for case, options in CASES.items():
        if arguments.only and not any(word in case for word in arguments.only):
            continue
        found: dict[str, list[Figures]] = {name: [] for name in PRESETS}
        for seed in range(1, arguments.seeds + 1):
            folder = Path(tempfile.mkdtemp(prefix="depth-", dir=arguments.folder))
            try:
                made = simulated(
                    folder / "visit",
                    n_frames=arguments.frames,
                    shape=(arguments.rows, arguments.columns),
                    seed=seed,
                    **{"jitter": 0.02, **options},
                )
                for name, preset in PRESETS.items():
                    found[name].append(reduced(made, preset, folder / "visit"))
            finally:
                shutil.rmtree(folder)
        for name, figures in found.items():
            bins = np.array([figure.bins for figure in figures])
            worst = int(np.abs(bins.mean(axis=0)).argmax())
            numbers = np.mean([(f.recall, f.false, f.expected) for f in figures], axis=0)
            print(
                f"{case:38}{name:12}{mean([f.bias for f in figures]):>18}{mean([f.scatter for f in figures]):>18} "
                f"{numbers[2]:9.4f}{numbers[0]:8.4f}{numbers[1]:9.1e}  {mean(list(bins[:, worst]))} (bin {worst})",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in (("seeds", 4), ("frames", 40), ("rows", 600), ("columns", 2100)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument(
        "--folder", default=None, help="where visits are simulated, a temporary folder by default"
    )
    parser.add_argument("--only", nargs="*", default=[], help="words that the cases' names hold")
    table(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
