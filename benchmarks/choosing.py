"""What it costs to choose: a sweep of a late step, the weight of a slider at rest, and an edit in the middle of it.

    python benchmarks/choosing.py [FOLDER] [--size 74x600x2100]

FOLDER is a Stage 0 folder; without it a visit is simulated. All in one process, without a browser. The load of the
machine is told because it enters every figure.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from hustle_widgets import Reduction, load_visit, simulate_visit

VALUES = [2.0, 2.5, 3.5, 4.0, 5.0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--size", default="74x600x2100")
    parser.add_argument("--edits", type=int, default=7)
    parser.add_argument("--only", choices=("sweeps", "rest"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder
        if not folder:
            frames, rows, columns = (int(number) for number in options.size.split("x"))
            folder = str(Path(place) / "visit")
            simulate_visit(folder, n_frames=frames, shape=(rows, columns))
        visit = load_visit(folder)
        if options.only != "rest":
            sweeps(visit, folder)
        if options.only != "sweeps":
            rest(visit, folder, options.edits)


def opened(visit, folder: str) -> Reduction:
    """Return a Reduction of all steps but those that write, computed."""
    reduction = Reduction(visit, path_to_Pagul=folder, do_save=False, do_bkg_stars=False, verbose=0)
    started = time.perf_counter()
    reduction.computed(whole=True)
    say(f"all steps of a new reduction: {time.perf_counter() - started:.1f} s")
    return reduction


def sweeps(visit, folder: str) -> None:
    """Compare a sweep of five values of a late step with five runs."""
    reduction = opened(visit, folder)
    reduction.run()
    name = "column.col_sigma"
    started = time.perf_counter()
    before = {n: s.compute_count for n, s in reduction.steps.items()}
    reduction.sweep({name: VALUES})
    swept = time.perf_counter() - started
    ran = {n: s.compute_count - before[n] for n, s in reduction.steps.items() if s.compute_count != before[n]}
    other = opened(visit, folder)
    other.run()
    started, alone = time.perf_counter(), 0.0
    for value in VALUES:
        other.column.col_sigma = value
        other.run()
        alone += other.column.seconds
    five = time.perf_counter() - started
    say(f"five runs of {name}: {five:.2f} s, of that the step itself {alone:.2f} s")
    say(f"a sweep of the same: {swept:.2f} s, {swept / five:.2f} times five runs; computed: {ran}")


def rest(visit, folder: str, edits: int) -> None:
    """Time the weight of free_sigma at rest, and edits without it and in the middle of it."""
    reduction = opened(visit, folder)
    reduction.auto = True
    reduction.compute()
    reduction.wait()
    reduction.free_iter.free_sigma = 3.4  # what is made at the first edit
    reduction.wait()
    reduction.free_iter.free_sigma = 3.5
    reduction.wait()
    started = time.perf_counter()
    sensitivity = reduction.sensitivity("free_iter.free_sigma")
    complete = sensitivity.wait(300)
    took = time.perf_counter() - started
    response = sensitivity.responses["free_iter.free_sigma"]
    say(
        f"weight of free_sigma, {len(response.values)} values: complete {complete} {took:.1f} s after the last edit"
    )
    say(response.text())
    sensitivity.stop()
    quiet, busy = [], []
    for k in range(edits):  # in turn: the machine's load is the same for both
        quiet.append(edited(reduction, 3.6 + 0.07 * k))
        sensitivity = reduction.sensitivity("led.led_threshold", rest=0.0)
        time.sleep(1.0)  # it is in the middle of a value
        busy.append(edited(reduction, 3.63 + 0.07 * k))
        sensitivity.stop()
    for what, times in (("alone", quiet), ("in the middle of it", busy)):
        answers, finals = zip(*times, strict=True)
        say(
            f"an edit {what}: answered after {1000 * statistics.median(answers):.0f} ms, computed after "
            f"{statistics.median(finals):.2f} s (median of {edits})"
        )


def edited(reduction: Reduction, value: float) -> tuple[float, float]:
    """Return the seconds until an edit is told to the views, and until all is computed."""
    started = time.perf_counter()
    reduction.free_iter.free_sigma = value
    answered = time.perf_counter() - started
    reduction.wait()
    return answered, time.perf_counter() - started


def say(text: str) -> None:
    """Print a line with the machine's load."""
    print(f"[load {os.getloadavg()[0]:.1f}] {text}", flush=True)


if __name__ == "__main__":
    main()
