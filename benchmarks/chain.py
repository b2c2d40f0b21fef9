"""The whole chain at full size: seconds a step, memory, and how far from the truth.

    python benchmarks/chain.py [FOLDER] [--frames 74] [--rows 600] [--columns 2100] [--seed 1] [--no-truth]
                               [--drift] [--repeat 3]

Simulates the visit into FOLDER unless one is there (default: a temporary folder), then runs every step with
everything it needs: stars and sky image from the simulation. Times are elapsed seconds, the same as multiples
of one copy of the cube, and seconds of the processor, to which other programs do not add. Memory is that of a
process of its own which loads, reduces and saves, nothing else.

With --drift the chain is run with and without free_model 'drift' in turn, and nothing else is measured: the least time
of each counts, elapsed and of the processor.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from hustle_widgets import Reduction, load_visit, simulate_visit
from hustle_widgets.engine.chain import Listener
from hustle_widgets.simulate import read_truth

TRUTH_FRAMES = 20
# Steps and what they may take together [s], on two cores.
GOALS = {
    ("fixed_iter", "free_iter"): 8.0,
    ("led",): 12.0,
    ("column",): 4.0,
    ("pagul",): 2.0,
    ("smooth",): 2.0,
}
WHOLE_GOAL = 30.0
DRIFT_GOAL = 1.2  # of the chain without it
MEMORY_GOAL = 1.0  # [GiB]


def parameters(folder: Path) -> dict[str, Any]:
    """What every step needs, from the simulation."""
    stars = np.round(read_truth(folder)["star_positions"].values)
    return {"path_to_Pagul": str(folder), "bkg_stars_loc": stars, "output_run": "benchmark", "verbose": 0}


class Processor(Listener):
    """Takes the processor's time of each step, of all threads together: other programs do not add to it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def running(self, name: str) -> None:
        self.seconds[name] = -time.process_time()

    def done(self, name: str, outcome: Any, seconds: float) -> None:
        self.seconds[name] += time.process_time()


def child(folder: Path, given: dict[str, Any]) -> None:
    """Load, reduce, save; print what it took."""
    started = time.perf_counter()
    visit = load_visit(folder)
    loaded = time.perf_counter()
    reduction = Reduction(visit, **given)
    processor = Processor()
    reduction.run(processor)
    done = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    images = visit["images"].values
    copies = []
    for _ in range(5):
        start = time.perf_counter()
        images.copy()
        copies.append(time.perf_counter() - start)
    steps = {
        step.name: [
            step.status,
            step.seconds,
            processor.seconds.get(step.name, 0.0),
            step.error or step.notes.replace("\n", " "),
        ]
        for step in reduction.steps.values()
    }
    print(
        json.dumps(
            {
                "load": loaded - started,
                "run": done - loaded,
                "copy": min(copies),
                "peak": peak,
                "shape": images.shape,
                "steps": steps,
            }
        )
    )


def in_a_process_of_its_own(folder: Path, **more: Any) -> dict[str, Any]:
    """Run `child`."""
    given = {
        key: value.tolist() if isinstance(value, np.ndarray) else value
        for key, value in {**parameters(folder), **more}.items()
    }
    command = [sys.executable, __file__, "--child", json.dumps(given), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def line(
    what: str, seconds: float, copy: float, processor: float = 0.0, goal: float | None = None, note: str = ""
) -> None:
    """Print a line of the table of times."""
    needed = "" if goal is None else f"< {goal:g} s" + ("" if seconds < goal else " MISSED")
    used = f"{processor:8.2f}" if processor else " " * 8
    print(f"{what:30}{seconds:8.2f} {seconds / copy:8.1f} {used}   {needed:15} {note[:60]}")


def times(folder: Path) -> None:
    """Print what each step takes, and the peak of memory."""
    measured = in_a_process_of_its_own(folder)
    copy, steps = measured["copy"], measured["steps"]
    frames, rows, columns = measured["shape"]
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"{frames} frames of {rows} x {columns}; {os.cpu_count()} cores, load {load}; {platform.machine()}")
    print(f"{'':30}{'seconds':>8} {'copies':>8} {'cpu s':>8}   goal")
    line("copy of the cube", copy, copy)
    line("load", measured["load"], copy)
    for name, (status, seconds, processor, note) in steps.items():
        line(f"{name} ({status})", seconds, copy, processor, note=note)
    for names, goal in {**GOALS, tuple(steps): WHOLE_GOAL}.items():
        what = "whole chain, saving included" if names == tuple(steps) else " + ".join(names)
        together = [sum(steps[name][k] for name in names) for k in (1, 2)]
        line(what, together[0], copy, together[1], goal)
    line("run() as a caller sees it", measured["run"], copy)
    peak = measured["peak"] / 2**30
    print(f"{'peak resident memory':30}{peak:8.2f} GiB {'':17}< {MEMORY_GOAL:g} GiB", end="")
    print("" if peak < MEMORY_GOAL else " MISSED")


def with_and_without_drift(folder: Path, repeat: int) -> None:
    """Print what the chain takes with the traces followed and without."""
    models: tuple[dict[str, Any], ...] = ({}, {"free_model": "drift", "free_sigma": 4.0})
    seconds = np.full((2, 2, repeat), np.nan)  # without and with; elapsed and of the processor
    frames = rows = columns = 0
    for turn in range(repeat):
        for k, given in enumerate(models):
            measured = in_a_process_of_its_own(folder, **given)
            frames, rows, columns = measured["shape"]
            steps = measured["steps"].values()
            seconds[k, :, turn] = [sum(step[n] for step in steps) for n in (1, 2)]
    without, with_it = seconds.min(axis=2)
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"{frames} frames of {rows} x {columns}, least of {repeat}; {os.cpu_count()} cores, load {load}")
    for n, what in enumerate(("elapsed", "processor")):
        ratio = with_it[n] / without[n]
        verdict = "" if ratio < DRIFT_GOAL else " MISSED"
        print(
            f"{what:10} without {without[n]:6.2f} s, with free_model 'drift' {with_it[n]:6.2f} s: "
            f"{ratio:.3f} (< {DRIFT_GOAL:g}{verdict})"
        )


def truths(folder: Path, arguments: argparse.Namespace) -> None:
    """Print how far the steps are from the truth."""
    import measures

    visit, truth = load_visit(folder), read_truth(folder)
    reduction = Reduction(visit, **{**parameters(folder), "do_save": False})
    reduction.run()
    found = [*measures.light_curve(reduction, truth), *measures.overcorrection(reduction, truth)]
    found += measures.positions(visit, truth)
    del reduction
    first = visit.isel(exp_time=slice(0, TRUTH_FRAMES))
    found += measures.led(first, measures.first_frames(truth, TRUTH_FRAMES))
    found += measures.sky(visit, truth, str(folder), 100)
    with tempfile.TemporaryDirectory() as place:
        flat = Path(place) / "flat"
        shape = (arguments.rows, arguments.columns)
        options: dict[str, Any] = {"n_frames": 5, "sky_structure": 0.0, "n_stars": 0}
        visit = simulate_visit(flat, shape=shape, seed=arguments.seed + 1, **options)
        bounds = Reduction(visit)["uniform"].bounds
        found += measures.uniform(visit, read_truth(flat), bounds)
    for row in found:
        print(row)


def main() -> None:
    """Simulate unless that was done, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path)
    for name, default in (("frames", 74), ("rows", 600), ("columns", 2100), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--no-truth", action="store_true", help="only times and memory")
    parser.add_argument("--drift", action="store_true", help="compare with free_model 'drift', nothing else")
    parser.add_argument("--repeat", type=int, default=3, help="with --drift: runs of each")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments.folder, json.loads(arguments.child))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = arguments.folder or Path(place) / "visit"
        if not (folder / "truth.nc").is_file():
            started = time.perf_counter()
            shape = (arguments.rows, arguments.columns)
            simulate_visit(folder, n_frames=arguments.frames, shape=shape, seed=arguments.seed)
            print(f"Simulated in {time.perf_counter() - started:.0f} s.")
        if arguments.drift:
            with_and_without_drift(folder, arguments.repeat)
            return
        times(folder)
        if not arguments.no_truth:
            print()
            truths(folder, arguments)


if __name__ == "__main__":
    main()
