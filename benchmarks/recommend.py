"""What is recommended against the tutorial's, over brightness, drift and crowding: never worse beyond the error?

    python benchmarks/recommend.py [--seeds 4] [--frames 40] [--rows 240] [--columns 640] [--folder DIR]

Depth, light and scatter are those of order +1 over the twin's, see benchmarks/verdict_cases.py.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from verdict_cases import Truth, made, truth_of

from hustle_widgets import Reduction

BRIGHTNESS = (0.2, 1.0, 4.0)
DRIFT = (0.0, 0.1, 0.5, 1.0)
CROWDING: dict[str, dict[str, Any]] = {
    "alone": {"n_stars": 2},
    "crowded": {"n_stars": 20, "neighbour": (8.0, 22.0, 0.2)},
}


def mean_of(found: list[Truth]) -> tuple[float, float, float]:
    """Mean bias, its error, and the mean scatter over the twin's."""
    bias = np.array([one.bias for one in found])
    error = np.sqrt(np.sum([one.error**2 for one in found])) / len(found)
    return float(bias.mean()), float(error), float(np.mean([one.scatter for one in found]))


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, value in {"seeds": 4, "frames": 40, "rows": 240, "columns": 640}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--folder", help="where visits are written; a temporary one by default")
    options = parser.parse_args()
    worse = number = 0
    print(f"{'':34}{'depth bias: tutorial':>24}{'recommended':>20}   scatter over twin's")
    for brightness, drift, crowd in itertools.product(BRIGHTNESS, DRIFT, CROWDING):
        found: dict[bool, list[Truth]] = {False: [], True: []}
        for seed in range(1, options.seeds + 1):
            folder = Path(tempfile.mkdtemp(prefix="recommend-", dir=options.folder))
            try:
                visit = made(
                    folder / "visit",
                    seed,
                    n_frames=options.frames,
                    shape=(options.rows, options.columns),
                    brightness=brightness,
                    drift=(drift, 0.6 * drift),
                    jitter=0.02,
                    **CROWDING[crowd],
                )
                for recommended in (False, True):
                    reduction = Reduction(visit.visit, **visit.parameters(do_bkg_stars=False))
                    if recommended:
                        reduction.recommend()
                    reduction.run()
                    found[recommended].append(truth_of(visit, reduction))
            finally:
                shutil.rmtree(folder)
        (bias, error, scatter), (mine, my_error, my_scatter) = (mean_of(one) for one in found.values())
        is_worse = abs(mine) > abs(bias) + 2 * np.hypot(error, my_error) or my_scatter > scatter + 0.05
        number, worse = number + 1, worse + bool(is_worse)
        print(
            f"brightness {brightness:g}, drift {drift:g}, {crowd:9} "
            f"{bias:+10.2%} +- {error:.2%} {mine:+10.2%} +- {my_error:.2%}   {scatter:.2f} -> {my_scatter:.2f}"
            f"{'   WORSE' if is_worse else ''}",
            flush=True,
        )
    print(f"worse than the tutorial's in {worse} of {number}")


if __name__ == "__main__":
    main()
