"""How many hot pixels steps 4a and 4b find on the traces, and how many sound ones they flag there.

    python benchmarks/hot_pixels.py [--seeds 4] [--frames 8] [--rows 600] [--columns 2100] [--share 0.01]

On a trace: within 10 rows of an order, and 25 columns off the 0th. Found: the share of hot pixels above 100 e- (and
above 300 e-) that are flagged in a frame, as the simulation has them. False: pixels that no cosmic ray hit and that are
not hot, warm, cold or dead. Errors are the scatter over seeds. Each step is alone, and looks at the whole frame. More
pixels are hot than on the detector (--share), so that there are enough on the traces.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets import Reduction, simulate_visit
from hustle_widgets.simulate import cosmic_ray_mask, read_truth

ON_TRACE = 10  # rows
BLOOM = 25  # columns
ABOVE = (100, 300)  # [e-]
VISITS = tuple((brightness, drift) for brightness in (1.0, 4.0) for drift in (0.1, 0.5))
EDGES: dict[str, Any] = {"do_led": True}
SMOOTH: dict[str, Any] = {"do_smooth": True, "smth_bounds": None}
SETTINGS: dict[str, dict[str, Any]] = {
    "4a, the tutorial's": EDGES,
    "4a, 2.5 and 1.25": EDGES | {"led_threshold": 2.5, "contrast_factor": 1.25},
    "4b, the tutorial's": SMOOTH,
    "4b, polyfit": SMOOTH | {"smth_type": "polyfit"},
    "4b, polyfit at 4": SMOOTH | {"smth_type": "polyfit", "smth_threshold": 4.0},
}
ALONE = {f"do_{step}": False for step in ("hst_flags", "fixed_iter", "free_iter", "led", "smooth", "uniform")}
ALONE |= {f"do_{step}": False for step in ("column", "Pagul", "bkg_stars", "save")}


def near_traces(truth: xr.Dataset, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels lie within `ON_TRACE` rows of an order, without the bloom of the 0th."""
    row, column = np.indices(shape)
    apart = np.abs(row - truth["trace_rows"].values[:, None, :])
    zeroth = np.abs(column - truth["zeroth_order"].values[0]) <= BLOOM
    return (np.fmin.reduce(apart, axis=0, initial=np.inf) <= ON_TRACE) & ~zeroth


def flagged_by(visit: xr.Dataset, setting: dict[str, Any]) -> NDArray[np.bool_]:
    """Return what a step flags, (frame, row, column)."""
    reduction = Reduction(visit, verbose=0, **{**ALONE, **setting})
    reduction.run()
    flagged = np.zeros(visit["images"].shape, bool)
    for outcome in reduction.outcomes().values():
        if outcome.patch is not None:
            flagged.reshape(-1)[outcome.patch.index] = True
    return flagged


def figures(visit: xr.Dataset, truth: xr.Dataset, setting: dict[str, Any]) -> list[float]:
    """Return the share of hot pixels found on the traces, by how hot, and of sound ones flagged there."""
    flagged = flagged_by(visit, setting)
    near, hot = near_traces(truth, flagged.shape[1:]), truth["hot_electrons"].values
    kinds = ("hot", "warm", "cold", "dead")
    sound = near & (hot < 1) & ~np.any([truth[kind].values for kind in kinds], axis=0)
    false = flagged & ~cosmic_ray_mask(truth) & sound
    found = [float(flagged[:, near & (hot > least)].mean()) for least in ABOVE]
    return [*found, float(false.sum() / (flagged.shape[0] * sound.sum()))]


def main() -> None:
    """Simulate, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("seeds", 4), ("frames", 8), ("rows", 600), ("columns", 2100)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--share", type=float, default=0.01)
    given = parser.parse_args()
    print(
        f"{'brightness, drift':20}{'step':22}"
        + "".join(f"found > {least} e-    " for least in ABOVE)
        + "false"
    )
    for brightness, drift in VISITS:
        found: dict[str, list[list[float]]] = {name: [] for name in SETTINGS}
        for seed in range(given.seeds):
            with tempfile.TemporaryDirectory() as place:
                visit = simulate_visit(
                    Path(place),
                    n_frames=given.frames,
                    shape=(given.rows, given.columns),
                    seed=seed,
                    brightness=brightness,
                    drift=(drift, drift / 2),
                    hot_fraction=given.share,
                    overwrite=True,
                )
                for name, setting in SETTINGS.items():
                    found[name].append(figures(visit, read_truth(Path(place)), setting))
        for name, rows in found.items():
            mean, error = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / np.sqrt(len(rows))
            shares = "".join(f"{mean[k]:.3f} +- {error[k]:.3f}   " for k in range(len(ABOVE)))
            print(f"{f'{brightness:g}, {drift} px':20}{name:22}{shares}{mean[-1]:.1e} +- {error[-1]:.0e}")


if __name__ == "__main__":
    main()
