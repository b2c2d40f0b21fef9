"""Cancel and Ctrl-C end a computation soon, wherever it is, and what is done by then stays right."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from visits import tiny_visit

from hustle_widgets import Reduction, load_visit
from hustle_widgets.algorithms import box_median
from hustle_widgets.engine.callbacks import Cancelled
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


INTERRUPTED = """
    import os, signal, sys, threading, time
    sys.path[:0] = sys.argv[2:]
    import numpy as np
    from visits import tiny_visit
    from hustle_widgets import Reduction
    from hustle_widgets.algorithms import box_median
    options = dict(bounds=None, smth_bounds=None, dist_from_trace=5, verbose=0, do_save=False,
                   smth_type="2D_smooth", smth_kernel=(31, 31))
    visit = tiny_visit(5, (130, 700))
    reduction = Reduction(visit, **options)
    tiles, of_tile = 0, box_median._of_tile
    def slow(*arguments):
        global tiles
        tiles += 1
        if tiles == 2:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.05)
        return of_tile(*arguments)
    box_median._of_tile = slow
    try:
        reduction.run()
    except KeyboardInterrupt:
        box_median._of_tile = of_tile
    assert tiles < 100, tiles  # of 165
    assert "running" not in {step.status for step in reduction.steps.values()}
    clean = reduction.run()
    assert np.array_equal(clean["images"], Reduction(visit, **options).run()["images"])
    print("right")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_ctrl_c_ends_the_blocks_under_way(tmp_path: Path) -> None:
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    command = [sys.executable, "-c", textwrap.dedent(INTERRUPTED), "", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.stdout.strip() == "right", done.stderr


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
