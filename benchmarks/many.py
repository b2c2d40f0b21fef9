"""Visits an hour by run_many, with 1 and with 2 workers on this machine.

    python benchmarks/many.py [--visits 6] [--frames 74] [--rows 600] [--columns 2100] [--workers 1 2]

One visit is simulated; the others are links to its files, so that reading them is quicker than from a cold disk. All
steps that need no sky image and no stars are on. To start the workers is in the second column, and not in those behind
it: a long campaign pays it once. Times depend on the load of the machine, which is told;
processor time depends on it least, and 1000 visits need 1000 / 3600 core hours for each second of it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from hustle_widgets import run_many, simulate_visit
from hustle_widgets.campaign.memory import GIB, expected_peak

PARAMETERS = {"do_Pagul": False, "do_bkg_stars": False, "bounds": None, "smth_bounds": None, "verbose": 0}


def linked(first: Path, top: Path, number: int) -> list[Path]:
    """Make visits of links to the files of one."""
    folders = []
    for k in range(number):
        for path in (*first.glob("specimages/*"), *first.glob("directimages/*")):
            target = top / f"visit_{k}" / path.relative_to(first)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
        folders.append(top / f"visit_{k}")
    return folders


def main() -> None:
    """Simulate, reduce, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("visits", 6), ("frames", 74), ("rows", 600), ("columns", 2100), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        first = Path(place) / "first"
        simulate_visit(first, n_frames=given.frames, shape=(given.rows, given.columns), seed=given.seed)
        folders = linked(first, Path(place), given.visits)
        average = ", ".join(f"{load:.1f}" for load in os.getloadavg())
        size = f"{given.visits} visits of {given.frames} frames of {given.rows} x {given.columns}"
        print(f"{size}; {os.cpu_count()} cores, load {average}")
        print(f"peak that is expected of a worker: {expected_peak(str(first)) / GIB:.2f} GiB")
        heads = ("workers", "s in all", "s a visit", "CPU s a visit", "visits an hour", "peak [GiB]")
        print("".join(f"{head:>16}" for head in heads))
        for workers in given.workers:
            started = time.perf_counter()
            campaign = run_many(
                folders, workers=workers, output_run=f"with_{workers}", progress=False, **PARAMETERS
            )
            took = time.perf_counter() - started
            if campaign.failed:
                raise SystemExit(campaign.summary())
            seconds = float(np.median(campaign.table["seconds"]))
            cpu = float(np.median(campaign.table["cpu_seconds"]))
            peak = float(campaign.table["memory"].max()) / 1024
            # Without the start: each worker has done its share of visits one after another.
            an_hour = 3600 * workers / seconds
            values = (f"{took:.1f}", f"{seconds:.2f}", f"{cpu:.2f}", f"{an_hour:.0f}", f"{peak:.2f}")
            print("".join(f"{value:>16}" for value in (workers, *values)), flush=True)
        started = time.perf_counter()
        again = run_many(folders, output_run=f"with_{given.workers[-1]}", progress=False, **PARAMETERS)
        assert {row["status"] for row in again} == {"known"}
        print(f"to recognise all of them again: {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
