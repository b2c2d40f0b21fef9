"""Verdicts against the truth: what each case does to the light curve of a visit, and what is said of it.

    python benchmarks/verdicts.py [--seeds 2] [--visits few neighbour ...] [--folder DIR] [--curves 1000]

Depth, light and scatter are measured against a twin of the visit without faults. A verdict is false when all is called
good though the depth is wrong by 2.5 % (and 4 errors), light of the star is missing, or the light curve scatters twice
as much as its twin's; or when something is called bad though depth, light and scatter are right. Then simulated light
curves of photons alone are judged; every verdict on them that is not good is false.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from verdict_cases import Truth, Visit, judged, made, moved, sky_added, truth_of, without

from hustle_widgets import Reduction
from hustle_widgets.algorithms.photometry import scatter_of
from hustle_widgets.algorithms.transits import find_transit
from hustle_widgets.assessment import Finding
from hustle_widgets.assessment.light import judged_scatter

Parameters = dict[str, Any] | Callable[[Visit], dict[str, Any]]
REJECTION = ("do_hst_flags", "do_fixed_iter", "do_free_iter", "do_led", "do_smooth")
BEST = {"free_model": "drift", "free_sigma": 4.0, "replace_by": "flux"}
UNIFORM = {"do_column": False, "do_Pagul": False}
USUAL: dict[str, Parameters] = {"the tutorial's": {}, "drift and flux": BEST}
SKIES: dict[str, Parameters] = {
    **USUAL,
    "uniform, mode": UNIFORM,
    "uniform, Gaussian": {**UNIFORM, "fit": "Gaussian"},
    "uniform, median": {**UNIFORM, "fit": "median"},
    "columns alone": {"do_uniform": False, "do_Pagul": False},
    "sky image alone": {"do_uniform": False, "do_column": False},
    "too much taken off": {**UNIFORM, "fit": "median", "hist_min": 12.0},
    "no sky taken off": dict.fromkeys(("do_uniform", "do_column", "do_Pagul"), False),
}
MANY: dict[str, Parameters] = {
    **SKIES,
    **{f"free_sigma {sigma:g}": {"free_sigma": sigma} for sigma in (1.5, 2.0, 2.5, 3.0, 4.0, 20.0)},
    "fixed_sigmas 2": {"fixed_sigmas": (2.0,)},
    "flux": {"replace_by": "flux"},
    "nothing rejected": dict.fromkeys(REJECTION, False),
    "led 0.5, 0.1": {"led_threshold": 0.5, "contrast_factor": 0.1, "do_bkg_stars": False},
    "led 1, 1": {"led_threshold": 1.0, "contrast_factor": 1.0, "do_bkg_stars": False},
    "led 2, no fine structure": {"led_threshold": 2.0, "fine_structure": False, "do_bkg_stars": False},
    "smooth at 1 sigma in a box": {"smth_threshold": 1.0},
    "smooth at 1 sigma": {"smth_threshold": 1.0, "smth_bounds": None},
    **{f"aperture {rows}": {"aperture": float(rows)} for rows in (2, 4, 6, 30, 60)},
}


def _moved(column: int, row: int) -> Callable[[Visit], dict[str, Any]]:
    return lambda made: moved(made, column, row)


PLACES: dict[str, Parameters] = {
    f"location off by {column}, {row}": _moved(column, row)
    for column, row in (
        *((0, row) for row in (-60, -30, -20, 3, 20, 30, 60)),
        *((column, 0) for column in (-60, -30, -8, 8, 20, 30, 60)),
        (30, 30),
        (-20, 20),
    )
}


def _two_columns(made: Visit) -> Visit:
    columns = np.arange(made.twin.shape[2])
    return sky_added(made, np.where(columns < 300, 0, 6.0)[None, None, :])


def _two_rows(made: Visit) -> Visit:
    rows = np.arange(made.twin.shape[1])
    return sky_added(made, np.where(rows < 120, 0, 6.0)[None, :, None])


def _tilted(made: Visit) -> Visit:
    return sky_added(made, np.linspace(-4, 4, made.twin.shape[2])[None, None, :])


def _without_an_orbit(made: Visit) -> Visit:
    numbers = made.visit["orbit_numbers"].values
    return without(made, np.flatnonzero(numbers == np.unique(numbers)[1]))


def _header_off(made: Visit) -> Visit:
    attrs = {**made.visit.attrs, "target_posy": made.visit.attrs["target_posy"] + 28}
    return made._replace(visit=made.visit.assign_attrs(attrs))


Change = Callable[[Visit], Visit]
VISITS: dict[str, tuple[dict[str, Any], dict[str, Parameters], Change | None]] = {
    "usual": ({}, {**MANY, **PLACES}, None),
    "at rest, 40 frames": ({"n_frames": 40, "drift": (0.0, 0.0), "jitter": 0.0, "depth": 0.005}, MANY, None),
    "drift of 0.35 px": ({"drift": (0.35, 0.2), "jitter": 0.08}, USUAL, None),
    "drift of 1 px": ({"drift": (1.0, 0.6)}, USUAL, None),
    "no transit": ({"depth": 0.0}, MANY, None),
    "a transit of 3 %": ({"depth": 0.03}, USUAL, None),
    "no frame out of transit": ({"transit_span": (0.0, 1.0)}, USUAL, None),
    "few frames: 8": ({"n_frames": 8}, USUAL, None),
    "few frames: 10": ({"n_frames": 10}, USUAL, None),
    "few frames: 15": ({"n_frames": 15}, USUAL, None),
    "an orbit missing": ({"n_frames": 40}, USUAL, _without_an_orbit),
    "a failed frame": ({"failed": (9,)}, USUAL, None),
    "faint star": ({"brightness": 0.1}, MANY, None),
    "bright star": ({"brightness": 12.0}, {**USUAL, "no edges": {"do_led": False, "do_smooth": False}}, None),
    "false flags, 5 %": ({"false_flags": 0.05}, {**USUAL, "flux": {"replace_by": "flux"}}, None),
    "false flags, 30 %": ({"false_flags": 0.3}, {**USUAL, "flux": {"replace_by": "flux"}}, None),
    "three times the hits": ({"cosmic_ray_rate": 0.2}, USUAL, None),
    "neighbour beside": ({"neighbour": (8.0, 24.0, 0.1)}, USUAL, None),
    "neighbour in the aperture": ({"neighbour": (3.0, 6.0, 0.3)}, USUAL, None),
    "sky of two levels, columns": ({}, SKIES, _two_columns),
    "sky of two levels, rows": ({}, SKIES, _two_rows),
    "tilted sky": ({}, SKIES, _tilted),
    "header off by 28 rows": ({}, {**USUAL, "not refined": {"do_location": False}}, _header_off),
}


def false_in(truth: Truth | None, findings: list[Finding]) -> str:
    """Say what is false about verdicts, '' if nothing is."""
    worst = {finding.verdict for finding in findings}
    if truth is None:
        return "" if "bad" in worst else "nothing is computed, and nothing is called bad"
    biased = abs(truth.bias) > 0.025 and abs(truth.bias) > 4 * truth.error
    wrong = biased or truth.light < 0.95 or truth.scatter > 2
    right = not abs(truth.bias) > 0.015 and abs(truth.light - 1) < 0.002 and truth.scatter < 1.2
    # These are no matter of the light curve of order +1.
    other = (
        "Light of others",
        "Stars kept",
        "Trackers agree",
        "Pixels changed",
        "Displacement",
        "Background left",
        "Trace in the aperture",
    )
    bad = [finding for finding in findings if finding.verdict == "bad" and finding.title not in other]
    if wrong and worst <= {"good"}:
        return "all good, and it is not"
    if right and bad:
        return f"{bad[0].title} of {bad[0].step} is called bad"
    return ""


def table(options: argparse.Namespace, home: Path) -> None:
    """Print a line for each visit and case, and how many verdicts are false."""
    number = wrong = 0
    for name, (simulated, cases, change) in VISITS.items():
        if options.visits and not any(word in name for word in options.visits):
            continue
        for seed in range(1, options.seeds + 1):
            visit = made(home / f"{name}-{seed}".replace(" ", "_"), seed, **simulated)
            visit = visit if change is None else change(visit)
            reduction = Reduction(visit.visit, **visit.parameters())
            before = reduction.values()
            print(f"\n{name}, seed {seed}")
            for case, given in cases.items():
                parameters = given(visit) if callable(given) else given
                reduction.set(**parameters)
                reduction.run()
                findings = judged(reduction)
                truth = truth_of(visit, reduction) if "quicklook" in reduction.outcomes() else None
                false = false_in(truth, findings)
                number, wrong = number + 1, wrong + bool(false)
                doubted = [f"{f.step} {f.title} {f.verdict}" for f in findings if f.verdict != "good"]
                print(f"  {case:28} {truth or 'no light curve'}   {'; '.join(doubted) or 'all good'}")
                if false:
                    print(f"    FALSE: {false}")
                reduction.set(**{key: before[key] for key in parameters})
            sys.stdout.flush()
    print(f"\n{wrong} of {number} cases are judged wrongly")


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
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--curves", type=int, default=1000)
    parser.add_argument("--visits", nargs="*", default=[], help="words that the names of visits hold")
    parser.add_argument("--folder", help="where visits are written; a temporary one by default")
    options = parser.parse_args()
    false_verdicts(options.curves)
    with tempfile.TemporaryDirectory() as temporary:
        table(options, Path(options.folder or temporary))


if __name__ == "__main__":
    main()
