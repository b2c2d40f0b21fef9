"""How long from a cancel, or from Ctrl-C, until control is back: for every step, and for all that takes long.

    python benchmarks/stops.py [FOLDER] [--only NAME...] [--part steps|others] [--size 74x600x2100]

FOLDER is a simulated visit; it is only read, and results go to a temporary folder. Without it a visit is simulated.
Each thing is begun anew and stopped at later and later moments, until it ends before it is stopped. For steps it is
told as well how long they never look whether they are to stop, in seconds of the processor: the machine's load does not
add to it, nor the moment at which it is stopped.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from hustle_widgets import Reduction, load_visit, run_many, simulate_visit
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.chain import Cancelled, Chain, Listener
from hustle_widgets.settings import request_of
from hustle_widgets.simulate import read_truth
from hustle_widgets.source import visit_source
from hustle_widgets.steps import STAGE_1

GOAL = 1.0  # s
MOMENTS = [
    0.01,
    0.05,
    0.15,
    0.4,
    0.8,
    1.3,
    2.0,
    3.0,
    4.5,
    6.5,
    9.0,
    13.0,
    18.0,
    25.0,
    35.0,
    50.0,
    70.0,
    100.0,
]
QUICK = [0.05, 0.8, 3.0]
# Settings of steps that take longer than the tutorial's.
HEAVY = {
    "smooth, 2D (31, 31)": ("smooth", {"smth_type": "2D_smooth", "smth_kernel": (31, 31)}),
    "smooth, polynomial": ("smooth", {"smth_type": "polyfit", "smth_kernel": 31}),
    "uniform, Gaussian": ("uniform", {"fit": "Gaussian"}),
}


class Looked(threading.Event):
    """Notes when each thread looks whether it is to stop: its own time of the processor, and that of all."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[tuple[int, float, float]] = []

    def is_set(self) -> bool:
        self.look()
        return super().is_set()

    def look(self) -> None:
        self.looks.append((threading.get_ident(), time.thread_time(), time.process_time()))


class Watched(Listener):
    """Cuts the looks into steps, and ends the computation behind the last one wanted."""

    def __init__(self, stop: Looked, last: str) -> None:
        self.stop, self.last = stop, last
        self.unseen = self.seconds = 0.0

    def running(self, name: str) -> None:
        self.stop.looks.clear()
        self.stop.look()

    def progress(self, name: str, fraction: float) -> None:
        self.stop.look()

    def done(self, name: str, outcome: Any, seconds: float) -> None:
        if name == self.last:
            self.stop.look()
            self.unseen, self.seconds = self.longest(), seconds
            raise Cancelled

    def longest(self) -> float:
        """Most time of the processor that one thread spends between two looks, or on the only block it has."""
        found, by_thread = [0.0], {}
        for thread, own, _ in self.stop.looks:
            by_thread.setdefault(thread, []).append(own)
        for times in by_thread.values():
            found += np.diff(times).tolist()
        if len(by_thread) == 2:  # a single block: from its last look on only that thread works
            main = threading.get_ident()
            last = max(k for k, (thread, _, _) in enumerate(self.stop.looks) if thread != main)
            found += [self.stop.looks[last + 1][2] - self.stop.looks[last][2]]
        return max(found)


@dataclass
class Found:
    """Seconds until control was back, by how it was stopped, with the moment of the stop."""

    late: dict[str, tuple[float, float]] = field(default_factory=dict)
    stops: int = 0

    def take(self, way: str, seconds: float, moment: float) -> None:
        self.stops += 1
        self.late[way] = max(self.late.get(way, (0.0, 0.0)), (seconds, moment))


def stopped(act: Callable[[], Any], stop: Callable[[], None], moment: float) -> float | None:
    """Begin, stop it after `moment` seconds; return the seconds until control was back, None if it had ended."""
    at: list[float] = []
    over = threading.Event()

    def later() -> None:
        if not over.wait(moment):
            at.append(time.perf_counter())
            stop()

    with after_all():
        threading.Thread(target=later, name="stop", daemon=True).start()
        return seconds_back(act, over, at)


def seconds_back(act: Callable[[], Any], over: threading.Event, at: list[float]) -> float | None:
    """Return the seconds from the stop until control was back, None if all was over by then."""
    try:
        act()
    except (KeyboardInterrupt, Cancelled):
        back = time.perf_counter()
        ended = over.is_set()
    else:
        back, ended = 0.0, True
    over.set()
    return None if ended or not at else back - at[0]


@contextmanager
def after_all() -> Iterator[None]:
    """Wait for the thread that stops, and for a Ctrl-C that it may have sent too late."""
    try:
        yield
    finally:
        for _ in range(9):
            with suppress(KeyboardInterrupt):
                for thread in threading.enumerate():
                    if thread.name == "stop":
                        thread.join()
                time.sleep(0.01)
                break


def interrupt() -> None:
    """Press Ctrl-C."""
    os.kill(os.getpid(), signal.SIGINT)


def tell(name: str, found: Found, more: str = "") -> None:
    """Print a line."""
    cells = [f"{seconds:6.2f} (at {moment:5.2f})" for seconds, moment in found.late.values()]
    missed = "" if all(seconds < GOAL for seconds, _ in found.late.values()) else "MISSED"
    print(
        f"{name:26}{found.stops:4}  " + "  ".join(f"{cell:18}" for cell in cells) + f"{more}  {missed}",
        flush=True,
    )


def of_steps(visit: xr.Dataset, given: dict[str, Any], only: list[str]) -> None:
    """Stop every step of the chain; all before it is known, and nothing of it."""
    reduction = Reduction(visit, **given)
    values, source = reduction.values(), visit_source(visit)
    chain = Chain(source, [kind.node() for kind in STAGE_1])
    nodes = [node for node in chain.nodes if not node.explicit]
    print(
        f"{'step':26}{'stops':>4}  {'cancel [s]':18}  {'Ctrl-C [s]':18}{'takes [s]':>10}{'unseen [cpu s]':>21}"
    )
    todo = [(kind.name, kind.name, {}) for kind in STAGE_1 if not kind.explicit]
    todo += [(title, name, changes) for title, (name, changes) in HEAVY.items()]
    for title, name, changes in todo:
        request = request_of({**values, **changes}, STAGE_1)
        if only and title not in only and name not in only:
            continue
        before = known_before(chain, request, name)

        def fresh(before: State = before) -> Chain:
            made = Chain(source, nodes)
            made.recall(request_of(values, STAGE_1), before)
            return made

        stop = Looked()
        told = Watched(stop, name)
        with suppress(Cancelled):
            fresh().execute(request, told, stop)
        found = Found()
        for moment in MOMENTS:
            late = []
            for way in ("cancel", "Ctrl-C"):
                event = threading.Event()
                late.append(stop_step(fresh(), request, name, event, moment, way))
                if late[-1] is not None:
                    found.take(way, late[-1], moment)
            if None in late:
                break
        tell(title, found, f"{told.seconds:10.2f}{told.unseen:21.2f}")


def known_before(chain: Chain, request: Any, name: str) -> State:
    """Compute all before a step, and those that alter nothing as well."""
    state = chain.state_before(request, name)
    missing = [task for task in chain.plan(request) if task.token and task.token not in chain.cache]
    if missing and missing[0].node.name != name:

        class UpTo(Listener):
            def running(self, running: str) -> None:
                if running == name:
                    raise Cancelled

        with suppress(Cancelled):
            chain.execute(request, UpTo())
        state = chain.state_before(request)
        state = State(state.source, {n: o for n, o in state.outcomes.items() if n != name})
    return state


def stop_step(
    chain: Chain, request: Any, name: str, event: threading.Event, moment: float, way: str
) -> float | None:
    """Stop one step so many seconds after it began."""
    at: list[float] = []
    over = threading.Event()

    class Timed(Listener):
        def running(self, running: str) -> None:
            if running == name:
                threading.Thread(target=later, name="stop", daemon=True).start()

        def done(self, done: str, outcome: Any, seconds: float) -> None:
            if done == name:
                over.set()
                raise Cancelled

    def later() -> None:
        if not over.wait(moment):
            at.append(time.perf_counter())
            event.set() if way == "cancel" else interrupt()

    with after_all():
        return seconds_back(lambda: chain.execute(request, Timed(), event), over, at)


def of_others(visit: xr.Dataset, folder: Path, given: dict[str, Any], only: list[str], scratch: Path) -> None:
    """Stop what is no step: loading, saving, figures, and what computes many reductions."""
    reduction = Reduction(visit, **{**given, "toplevel_dir": str(scratch)})
    reduction.computed(whole=True)

    def saving(level: int | None) -> Callable[[], Any]:
        def act() -> None:
            reduction.save_plots = level or 0
            reduction.output_run = f"run_{time.perf_counter_ns()}"
            reduction.run(figures=level is not None)

        return act

    def at_rest() -> None:
        sensitivity = reduction.sensitivity("led.led_threshold", rest=0.0)
        try:
            sensitivity.wait(100)
        finally:
            sensitivity.stop()
            reduction.cancel()
            while reduction.busy or reduction._computation.computes:
                time.sleep(0.005)

    things: dict[str, tuple[Callable[[], Any], Callable[[], None] | None]] = {
        "load_visit": (lambda: load_visit(folder), None),
        "Reduction(visit)": (lambda: Reduction(visit, **given), None),
        "whole run": (lambda: Reduction(visit, **given, do_save=False).run(), None),
        "save": (saving(None), reduction.cancel),
        "save_plots 1": (saving(1), reduction.cancel),
        "save_plots 2": (saving(2), reduction.cancel),
        "pin": (lambda: reduction.pin(f"pin {time.perf_counter_ns()}"), reduction.cancel),
        "bundle": (lambda: reduction.bundle(scratch / f"{time.perf_counter_ns()}.zip"), reduction.cancel),
        "sweep": (
            lambda: reduction.sweep({"led.led_threshold": [*np.linspace(5, 20, 20)]}).attrs["remarks"][9999:],
            reduction.cancel,
        ),
        "search": (lambda: reduction.search({"led.led_threshold": (5, 20)}), reduction.cancel),
        "sensitivity": (at_rest, None),
        "run_many, this process": (lambda: many(folder, given, scratch, 0), None),
        "run_many, 2 workers": (lambda: many(folder, given, scratch, 2), None),
    }
    print(f"{'':26}{'stops':>4}  {'cancel [s]':18}  {'Ctrl-C [s]':18}")
    for name, (act, cancel) in things.items():
        if only and name not in only:
            continue
        found = Found()
        for moment in MOMENTS:
            late = []
            for way, stop in (("cancel", cancel), ("Ctrl-C", interrupt)):
                if stop is not None:
                    late.append(stopped(act_or_returned(act, name, way), stop, moment))
                    if late[-1] is not None:
                        found.take(way, late[-1], moment)
            if None in late:
                break
        tell(name, found)


def act_or_returned(act: Callable[[], Any], name: str, way: str) -> Callable[[], Any]:
    """A sweep and a search that are cancelled return what they have: that is control as well."""
    if name not in ("sweep", "search") or way != "cancel":
        return act

    def returned() -> None:
        act()
        raise Cancelled

    return returned


def many(folder: Path, given: dict[str, Any], scratch: Path, workers: int) -> None:
    """Reduce two visits that are links to one."""
    top = Path(tempfile.mkdtemp(dir=scratch))
    for name in ("a", "b"):
        (top / name).mkdir()
        for below in ("specimages", "directimages"):
            (top / name / below).symlink_to(folder / below)
    with quiet():
        run_many([top / "a", top / "b"], workers=workers, progress=False, again=True, **given)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings of workers that were ended from the table."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--size", default="74x600x2100")
    parser.add_argument("--only", nargs="*", default=[], help="names of steps or lines of the table")
    parser.add_argument("--part", choices=("steps", "others"))
    parser.add_argument("--quick", action="store_true", help="three moments only")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background takes away
    if options.quick:
        MOMENTS[:] = QUICK
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder
        if folder is None:
            frames, rows, columns = (int(number) for number in options.size.split("x"))
            folder = Path(place) / "visit"
            simulate_visit(folder, n_frames=frames, shape=(rows, columns))
        stars = np.round(read_truth(folder)["star_positions"].values)
        given = {"path_to_Pagul": str(folder), "bkg_stars_loc": stars, "verbose": 0}
        visit = load_visit(folder)
        sizes = " x ".join(str(size) for size in visit["images"].shape)
        print(f"{sizes}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; goal {GOAL:g} s")
        if options.part != "others":
            of_steps(visit, given, options.only)
        if options.part != "steps":
            of_others(visit, folder, given, options.only, Path(place))


if __name__ == "__main__":
    sys.exit(main())
