"""Memory and time of loading, reducing and saving a visit at full size, each row in a process of its own.

    python benchmarks/memory.py [FOLDER] [--frames 74] [--rows 600] [--columns 2100] [--no-browser] [--no-growth]

FOLDER is a simulated visit; without it one is simulated. Memory is what the kernel of the system counts for the
process that does the work: resident now, or at most so far (VmRSS, VmHWM). Times depend on the load of the machine,
which is told. To read the bytes raw is to read all exposures into memory that is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[1]
GIB = 2**30
EDITS = 20
RE_RUNS = 10


def memory_of(process: int | str = "self") -> tuple[float, float]:
    """Return resident memory and its peak so far [bytes]."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    values = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return 1024.0 * int(values["VmRSS"]), 1024.0 * int(values["VmHWM"])


# --- what runs in a process of its own --------------------------------------------------------------


def parameters(folder: Path) -> dict[str, Any]:
    """What every step needs, from the simulation."""
    import numpy as np

    from hustle_widgets.simulate import read_truth

    stars = np.round(read_truth(folder)["star_positions"].values)
    return {"path_to_Pagul": str(folder), "bkg_stars_loc": stars, "output_run": "benchmark", "verbose": 0}


def raw(folder: Path) -> dict[str, float]:
    """Read all exposures as they are."""
    paths = sorted((folder / "specimages").glob("*.fits"))
    for path in paths:  # warm
        path.read_bytes()
    started = time.perf_counter()
    kept = [path.read_bytes() for path in paths]
    return {"seconds": time.perf_counter() - started, "bytes": float(sum(map(len, kept)))}


def load(folder: Path) -> dict[str, float]:
    """Load the visit."""
    from hustle_widgets import load_visit

    raw_once = [path.read_bytes() and None for path in (folder / "specimages").glob("*.fits")]
    assert raw_once
    started = time.perf_counter()
    visit = load_visit(folder)
    found = {"seconds": time.perf_counter() - started, "resident": memory_of()[0]}
    assert visit.sizes["exp_time"]
    return found


def chain(folder: Path, again: bool = False) -> dict[str, float]:
    """Load, do all steps, save; then perhaps keep the result, edit, and do it again."""
    from hustle_widgets import Reduction, load_visit

    reduction = Reduction(load_visit(folder), **parameters(folder))
    started = time.perf_counter()
    kept = [reduction.run()]
    seconds = time.perf_counter() - started
    if again:
        reduction.free_iter.free_sigma = 4.5
        kept.append(reduction.run())
    assert all(step.status in ("fresh", "off") for step in reduction.steps.values())
    return {"seconds": seconds, "peak": memory_of()[1], "results": float(len(kept))}


CHILDREN: dict[str, Callable[[Path], dict[str, float]]] = {
    "raw": raw,
    "load": load,
    "chain": chain,
    "again": lambda folder: chain(folder, again=True),
}


def alone(what: str, folder: Path) -> dict[str, float]:
    """Run one of the above in a process of its own."""
    command = [sys.executable, __file__, "--child", what, str(folder)]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")])
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


# The plots under the sliders fill themselves where a browser shows the page: that is part of what it needs.
FILLED = "(reduction._page.turning.conduct.seen(), reduction._page.choosing.responses.wait(240))[1]"


# --- kernels ----------------------------------------------------------------------------------------


def notebook_kernel() -> tuple[float, float]:
    """Return the peak of the kernel of notebook 01 with 20 edits, and what ten re-runs of its cell add."""
    from jupyter_client.manager import KernelManager

    cells = json.loads((CHECKOUT / "notebooks" / "01_first_reduction.ipynb").read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    (shown,) = [cell for cell in code if cell.startswith("reduction = Reduction(visit)")]
    with tempfile.TemporaryDirectory() as place:
        manager = KernelManager(kernel_name="python3")
        environment = os.environ | {"PYTHONPATH": str(CHECKOUT)}
        manager.start_kernel(cwd=place, env=environment)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)

        def execute(text: str) -> None:
            reply = client.execute_interactive(text, timeout=300, output_hook=lambda message: None)
            if reply["content"]["status"] != "ok":
                sys.exit("\n".join(reply["content"].get("traceback", [])))

        for cell in code:
            execute(cell)
        for number in range(EDITS):
            execute(
                f"reduction.free_iter.free_sigma = {3 + 0.1 * number}; reduction.wait(100) or 1 / 0; None"
            )
        execute(f"{FILLED} or 1 / 0; None")
        process = manager.provisioner.pid  # type: ignore[union-attr]
        before, peak = memory_of(process)
        for _ in range(RE_RUNS):
            execute(shown)
            execute("reduction.wait(100) or 1 / 0; None")
        added = memory_of(process)[0] - before
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return peak, added


def page_kernel(folder: Path) -> float:
    """Return the peak of a kernel whose page is open in a browser: all steps, 20 edits."""
    sys.path.insert(0, str(CHECKOUT / "tests" / "browser"))
    import lab as harness

    given = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in parameters(folder).items()}
    given["do_save"] = False
    code = [
        "import os\nfrom hustle_widgets import Reduction, load_visit",
        f"visit = load_visit({str(folder)!r})",
        f"reduction = Reduction(visit, **{given!r})\nreduction",
    ]
    with tempfile.TemporaryDirectory() as place, harness.headless_lab(Path(place)) as page:
        page.new_notebook(code)
        page.run_all(timeout=300)
        page.wait_until(lambda: not page.kernel_eval("reduction.busy"), 300, "the chain")
        for number in range(EDITS):
            page.kernel_eval(f"reduction.free_iter.set_trait('free_sigma', {3 + 0.1 * number})")
            page.wait_until(lambda: not page.kernel_eval("reduction.busy"), 300, "an edit")
        page.kernel_eval(FILLED, timeout=300)
        return memory_of(int(page.kernel_eval("os.getpid()")))[1]


# --- the table --------------------------------------------------------------------------------------


def line(what: str, value: float, unit: str, goal: float | None, note: str = "") -> None:
    """Print a row, and whether its goal is met."""
    needed = "" if goal is None else f"<= {goal:g} {unit}" + ("" if value <= goal else "  MISSED")
    print(f"{what:66}{value:8.2f} {unit:4}  {needed:22}{note}", flush=True)


def main() -> None:
    """Simulate unless that was done, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path)
    for name, default in (("frames", 74), ("rows", 600), ("columns", 2100), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--no-browser", action="store_true", help="leave out the page in a browser")
    parser.add_argument("--no-growth", action="store_true", help="leave out the visit of twice the frames")
    parser.add_argument("--child", choices=CHILDREN, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(CHILDREN[given.child](given.folder)))
        return
    from hustle_widgets import simulate_visit

    with tempfile.TemporaryDirectory() as place:

        def simulated(folder: Path, n_frames: int) -> Path:
            if not (folder / "truth.nc").is_file():
                simulate_visit(folder, n_frames=n_frames, shape=(given.rows, given.columns), seed=given.seed)
            return folder

        folder = simulated((given.folder or Path(place) / "visit").absolute(), given.frames)
        average = ", ".join(f"{load:.1f}" for load in os.getloadavg())
        print(
            f"{given.frames} frames of {given.rows} x {given.columns}; {os.cpu_count()} cores, load {average}"
        )
        bytes_raw, loaded = alone("raw", folder), alone("load", folder)
        line("resident after load_visit", loaded["resident"] / GIB, "GiB", 0.65)
        once = alone("chain", folder)
        line("peak of load, all steps, save", once["peak"] / GIB, "GiB", 1.0)
        again = alone("again", folder)
        line("  with the result kept, an edit and a second run", again["peak"] / GIB, "GiB", 1.15)
        if not given.no_browser:
            line(
                "the page open in a browser, all steps, 20 edits",
                page_kernel(folder) / GIB,
                "GiB",
                1.3,
            )
        peak, added = notebook_kernel()
        line("the kernel of notebook 01, all cells and 20 edits", peak / GIB, "GiB", 0.45)
        line("  what ten re-runs of its cell add", added / 1e6, "MB", 50)
        line("load_visit", loaded["seconds"], "s", 2.5 * bytes_raw["seconds"], "2.5 times raw")
        line("whole chain, saving included", once["seconds"], "s", 12.4)
        if not given.no_growth:
            twice = alone("chain", simulated(Path(place) / "twice", 2 * given.frames))
            line("twice the frames: times the time", twice["seconds"] / once["seconds"], "", 2.2)
            line("twice the frames: times the memory", twice["peak"] / once["peak"], "", 2.0)


if __name__ == "__main__":
    main()
