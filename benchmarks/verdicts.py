"""Verdicts against the truth: what each case does to the depth of a transit, and what is said of it.

    python benchmarks/verdicts.py [--frames 40] [--rows 240] [--columns 900] [--seeds 4] [--folder DIR]

The depth is measured against a twin of the visit without faults: both light curves have the same photons. Then
simulated light curves of photons alone are judged; every verdict on them that is not good is false.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from hustle_widgets import Reduction, load_visit, simulate_visit
from hustle_widgets.algorithms.photometry import scatter_of
from hustle_widgets.algorithms.transits import find_transit
from hustle_widgets.assessment import Finding, assess
from hustle_widgets.assessment.light import judged_scatter
from hustle_widgets.simulate import read_truth, read_twin
from hustle_widgets.steps.targets import given_location

CASES: dict[str, dict[str, Any]] = {
    "the tutorial's": {},
    "free_sigma 3": {"free_sigma": 3.0},
    "free_sigma 2.5": {"free_sigma": 2.5},
    "free_model drift, flux": {"free_model": "drift", "free_sigma": 4.0, "replace_by": "flux"},
    "replace_by flux": {"replace_by": "flux"},
    "led 0.5, 0.1": {"led_threshold": 0.5, "contrast_factor": 0.1},
    "led 2, no fine structure": {"led_threshold": 2.0, "fine_structure": False},
    "smooth at 1 sigma": {"smth_threshold": 1.0},
    "mode of the sky alone": {"do_column": False, "do_Pagul": False},
}
REJECTION = ("do_hst_flags", "do_fixed_iter", "do_free_iter", "do_led", "do_smooth")
VISITS: dict[str, dict[str, Any]] = {
    "usual drift": {},
    "little drift": {"drift": (0.05, 0.05), "jitter": 0.02},
    "5 % false flags": {"drift": (0.05, 0.05), "jitter": 0.02, "false_flags": 0.05},
    "three times the hits": {"drift": (0.05, 0.05), "jitter": 0.02, "cosmic_ray_rate": 0.2},
}


def reduced(visit: Any, folder: Path, **parameters: Any) -> Reduction:
    """A computed chain with all backgrounds and no tracking of stars."""
    rows = visit["images"].shape[1]
    usual = {
        "path_to_Pagul": str(folder),
        "dist_from_trace": 20,
        "smth_bounds": ((rows // 2, rows - 10, 100, 800),),
        "bounds": None,
        "do_bkg_stars": False,
        "do_save": False,
        "verbose": 0,
    }
    reduction = Reduction(visit, **{**usual, **parameters})
    reduction.run()
    return reduction


def flux_of(reduction: Reduction) -> np.ndarray:
    """The white light curve of order +1."""
    return reduction.outcomes()["quicklook"].table.columns["flux_+1"]


def findings_of(reduction: Reduction) -> list[Finding]:
    """All verdicts."""
    state, values = reduction.state(), reduction.values()
    return assess(state, given_location(state, values), kinds=reduction.kinds, values=values)


def paired_bias(flux: np.ndarray, twin: np.ndarray, light: np.ndarray) -> tuple[float, float]:
    """Change of the depth against the twin as a share of it, and its error."""
    ratio = flux / twin
    design = np.stack([np.ones_like(light), light - 1], axis=1)
    (level, change), *_ = np.linalg.lstsq(design, ratio, rcond=None)
    rms = np.std(ratio - design @ np.array([level, change]))
    error = rms * np.sqrt(np.linalg.inv(design.T @ design)[1, 1])
    return float(change / level), float(error / level)


def table(options: argparse.Namespace, home: Path) -> None:
    """Print a line for each visit and case."""
    for name, more in VISITS.items():
        for seed in range(1, options.seeds + 1):
            folder = home / f"{name}-{seed}".replace(" ", "_")
            shape = (options.rows, options.columns)
            simulate_visit(
                folder,
                n_frames=options.frames,
                shape=shape,
                seed=seed,
                smooth=True,
                twin=True,
                overwrite=True,
                **more,
            )
            visit, light = load_visit(folder), read_truth(folder)["light_curve"].values
            twin = visit.assign(images=visit["images"].copy(data=read_twin(folder)["images"].values))
            true = flux_of(reduced(twin, folder, **dict.fromkeys(REJECTION, False)))
            print(f"\n{name}, seed {seed}: depth against the twin, and what is not good")
            for case, parameters in CASES.items():
                reduction = reduced(visit, folder, **parameters)
                bias, error = paired_bias(flux_of(reduction), true, light)
                doubted = [
                    f"{f.step} {f.title} {f.verdict}" for f in findings_of(reduction) if f.verdict != "good"
                ]
                print(
                    f"  {case:26} {bias:+7.2%} +- {error:.2%}   {'; '.join(doubted) or 'all good'}",
                    flush=True,
                )


def false_verdicts(number: int) -> None:
    """Print how many light curves of photons alone are doubted."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from test_verdict_of_scatter import curves

    doubted = 0
    for start, flux, orbits, photons in curves(number, seed=11):
        found = scatter_of(flux, orbits, start, find_transit(start, flux, orbits))
        doubted += judged_scatter(found.ppm / photons, found.freedom) != "good"
    print(
        f"\n{doubted} of {number} light curves of photons alone are doubted ({doubted / number:.1%}; goal < 2 %)"
    )


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, value in {"frames": 40, "rows": 240, "columns": 900, "seeds": 4, "curves": 1000}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--folder", help="where visits are written; a temporary one by default")
    options = parser.parse_args()
    false_verdicts(options.curves)
    with tempfile.TemporaryDirectory() as temporary:
        table(options, Path(options.folder or temporary))


if __name__ == "__main__":
    main()
