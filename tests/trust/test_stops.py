"""Cancel and Ctrl-C end a computation soon, wherever it is, and what is done by then stays right."""

from __future__ import annotations

import dataclasses
import functools
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from attacks import in_time
from visits import everything, small_folder, small_visit, tiny_visit  # noqa: F401

from hustle_widgets import Reduction, clean_file, load_visit
from hustle_widgets.algorithms import box_median
from hustle_widgets.engine.callbacks import Cancelled
from hustle_widgets.engine.chain import Chain, Listener
from hustle_widgets.lazy import reading
from hustle_widgets.settings import request_of
from hustle_widgets.source import visit_source
from hustle_widgets.steps import STAGE_1
from hustle_widgets.visit import VisitError

FITTED: dict[str, Any] = {"bounds": None, "smth_bounds": None, "dist_from_trace": 5, "verbose": 0}
ONE_BLOCK: dict[str, Any] = {"smth_type": "2D_smooth", "smth_kernel": (31, 31)}


def test_a_cancel_ends_a_block_that_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    reduction = Reduction(tiny_visit(1, (130, 700)), **FITTED, **ONE_BLOCK, do_save=False)
    tiles, of_tile = 0, box_median._of_tile

    def counted(*arguments: Any) -> Any:
        nonlocal tiles
        tiles += 1
        if tiles == 3:
            reduction.cancel()
        return of_tile(*arguments)

    monkeypatch.setattr(box_median, "_of_tile", counted)
    with pytest.raises(Cancelled):
        reduction.run()
    assert tiles == 3, "the frame has 33"
    monkeypatch.undo()
    again = reduction.run()
    fresh = Reduction(tiny_visit(1, (130, 700)), **FITTED, **ONE_BLOCK, do_save=False).run()
    np.testing.assert_array_equal(again["images"], fresh["images"])


def test_a_cancel_while_it_is_written_leaves_the_old_result(tmp_path: Path) -> None:
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    reduction.run()
    reduction.free_iter.free_sigma = 2.0
    folder = reduction.output_folder()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    reduction.watch(lambda event, name: reduction.cancel() if name == "save" else None)
    with pytest.raises(Cancelled):
        reduction.run()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["run_1"]
    assert reduction.save.status == "stale"


# Ctrl-C comes while two blocks are at work. They wait until it has arrived: no clock decides what is right.
INTERRUPTED = """
    import os, signal, sys, threading
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    sys.path[:0] = sys.argv[2:]
    import numpy as np
    from visits import tiny_visit
    from hustle_widgets import Reduction
    from hustle_widgets.algorithms import box_median
    from hustle_widgets.engine.callbacks import Stop
    off = ("hst_flags", "fixed_iter", "free_iter", "led", "uniform", "column", "location", "quicklook")
    options = dict(bounds=None, smth_bounds=None, verbose=0, do_save=False, smth_type="2D_smooth",
                   smth_kernel=(31, 31), **{f"do_{name}": False for name in off})
    visit = tiny_visit(5, (130, 300))
    reduction = Reduction(visit, **options)
    arrived, tiles, lock = threading.Event(), 0, threading.Lock()
    of_tile, break_off = box_median._of_tile, Stop.break_off
    def told(stop):
        break_off(stop)
        arrived.set()
    def held(*arguments):
        global tiles
        with lock:
            tiles += 1
            third = tiles == 3
        if third:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        if tiles >= 3:
            assert arrived.wait(60), "Ctrl-C was not noticed"
        return of_tile(*arguments)
    box_median._of_tile, Stop.break_off = held, told
    try:
        reduction.run()
    except KeyboardInterrupt:
        box_median._of_tile = of_tile
    assert 3 <= tiles <= 3 + reduction._chain.threads, tiles  # of 75
    assert "running" not in {step.status for step in reduction.steps.values()}
    clean = reduction.run()
    assert np.array_equal(clean["images"], Reduction(visit, **options).run()["images"])
    print("right")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_ctrl_c_ends_the_blocks_under_way(tmp_path: Path) -> None:
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    command = [sys.executable, "-c", textwrap.dedent(INTERRUPTED), "", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.stdout.strip() == "right", done.stderr


BLOCKED = [kind.name for kind in STAGE_1 if not kind.explicit and kind.by != "visit"]


@pytest.mark.parametrize("name", BLOCKED)
def test_a_cancel_begins_no_further_block(  # noqa: F811
    name: str,
    small_folder: Path,  # noqa: F811
    small_visit: xr.Dataset,  # noqa: F811
) -> None:
    """Of every step that works in blocks, those under way are all that is computed after a cancel."""
    values = Reduction(small_visit, **everything(small_folder)).values()
    request = request_of(values, STAGE_1)
    cancelled, begun = threading.Event(), 0

    def counted(compute: Any) -> Any:
        @functools.wraps(compute)
        def work(block: Any, **keywords: Any) -> Any:
            nonlocal begun
            begun += cancelled.is_set()
            return compute(block, **keywords)

        return work

    nodes = [kind.node() for kind in STAGE_1 if not kind.explicit]
    nodes = [
        dataclasses.replace(node, compute=counted(node.compute)) if node.name == name else node
        for node in nodes
    ]
    chain = Chain(visit_source(small_visit), nodes, threads=2)

    class Cancelling(Listener):
        def progress(self, step: str, fraction: float) -> None:
            if step == name:
                cancelled.set()

        def done(self, step: str, outcome: Any, seconds: float) -> None:
            assert step != name, "it went on to its end"

    with pytest.raises(Cancelled):
        chain.execute(request, Cancelling(), cancelled)
    assert begun <= 2, "of two threads"
    assert name not in chain.known(request)


# A writer that takes nothing, as on a disk that does not answer.
STUCK = "import time; time.sleep(1000)"


def test_a_cancel_does_not_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    stuck = tmp_path / "stuck.py"
    stuck.write_text(STUCK)
    monkeypatch.setattr(clean_file, "_WRITER", str(stuck))
    looks = 0

    def watch(event: str, name: str) -> None:
        nonlocal looks
        looks += (event, name) == ("progress", "save")
        if looks == 3:  # it looks although not a frame is written
            reduction.cancel()

    reduction.watch(watch)
    error = in_time(reduction.run, 120)
    assert isinstance(error, Cancelled), error
    assert reduction.save.status == "stale"
    assert list((tmp_path / "outputs" / "stage_1").iterdir()) == []


def test_what_ends_the_loading_reads_no_further_file(
    small_folder: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended, reads = threading.Event(), 0
    read_frame = reading._read_frame

    class Pool(reading.ThreadPoolExecutor):  # type: ignore[name-defined,misc]
        def shutdown(self, *arguments: Any, **keywords: Any) -> None:
            super().shutdown(*arguments, **keywords)
            ended.set()

    def held(*arguments: Any) -> Any:
        nonlocal reads
        reads += 1
        if reads > 1:
            ended.wait(20)
        return read_frame(*arguments)

    monkeypatch.setattr(reading, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(reading, "usable_cores", lambda: 2)
    monkeypatch.setattr(reading, "_read_frame", held)

    def interrupted(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_visit(small_folder, progress=interrupted)
    assert reads <= 3, "of 6"


@pytest.mark.parametrize("what", ["sweep", "search"])
def test_what_ends_many_reductions_computes_no_further_one(what: str) -> None:
    reduction = Reduction(tiny_visit(), **FITTED, do_save=False)
    reduction.computed()
    before = reduction.led.compute_count
    point = "led.led_threshold"
    if what == "sweep":
        done = reduction.sweep({point: [5.0, 6.0, 7.0, 8.0]}, progress=lambda done: reduction.cancel())
        assert done.attrs["computed"] == 1
    else:
        found = reduction.search({point: (5.0, 9.0)}, runs=8, progress=lambda done: reduction.cancel())
        assert found.runs.sizes["run"] == 1
    assert reduction.led.compute_count == before + 1

    def interrupted(fraction: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        if what == "sweep":
            reduction.sweep({point: [5.5, 6.5, 7.5]}, progress=interrupted)
        else:
            reduction.search({point: (6.2, 9.4)}, runs=8, progress=interrupted)
    assert reduction.led.compute_count == before + 2
    assert {step.status for step in reduction.steps.values()} <= {"fresh", "off", "stale"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_in_place_of_an_exposure_is_refused(tmp_path: Path) -> None:
    for name in ("specimages", "directimages"):
        (tmp_path / name).mkdir()
        os.mkfifo(tmp_path / name / "or01fm001_flt.fits")
    raised: list[BaseException] = []

    def load() -> None:
        try:
            load_visit(tmp_path)
        except VisitError as error:
            raised.append(error)

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(20)
    assert [kind for kind in ("no regular file", "has no") if kind in str(raised[0])]
