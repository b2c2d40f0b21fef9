"""How much memory a process needs: one cube, and what Binder surely gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from flt_files import write_flt

from hustle_widgets.engine import memory
from hustle_widgets.engine.blocks import Source
from hustle_widgets.engine.chain import Chain

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")

ROOT = Path(__file__).parents[1]
MINUTE = 1 / 1440


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty exposures of 300 x 1100 in two orbits, without a spectrum: 79 MB as float32."""
    top = tmp_path_factory.mktemp("visit")
    for number in range(60):
        start = 58331.25 + (4 * number + 60 * (number >= 30)) * MINUTE
        path = top / "specimages" / f"iexr16{number:03d}_flt.fits"
        write_flt(path, start=start, shape=(300, 1100), seed=number)
    write_flt(top / "directimages" / "iexr16999_flt.fits", shape=(300, 1100), primary={"FILTER": "F300X"})
    return top


def in_a_process(code: str, **values: object) -> list[float]:
    """Run a script; return the numbers of its last line."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("MALLOC_ARENA_MAX", None)
    done = subprocess.run(
        [sys.executable, "-c", code.format(**values)],
        capture_output=True,
        text=True,
        timeout=250,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [float(word) for word in done.stdout.splitlines()[-1].split()]


PEAK = """
from pathlib import Path
import hustle_widgets.view  # what is imported later must not count
from hustle_widgets import Reduction, load_visit

def peak():
    text = Path("/proc/self/status").read_text()
    return 1024 * int(text.split("VmHWM:")[1].split()[0])

before = peak()
visit = load_visit({folder!r})
after_load = peak()
reduction = Reduction(visit, location=(550, 150), verbose=0, bounds=None, smth_bounds=None, dist_from_trace=20)
results = [reduction.run()]
after_run = peak()
for sigma in (4.5, 5):
    reduction.free_iter.free_sigma = sigma
    results.append(reduction.run())
assert reduction.save.status == "fresh" and reduction.led.status == "fresh", repr(reduction)
cube = visit["images"].nbytes
print((after_load - before) / cube, (after_run - before) / cube, (peak() - before) / cube)
"""


def test_one_cube_is_in_memory_and_results_are_deltas(folder: Path) -> None:
    """With errors and flags in memory, and a result, it was more than five cubes."""
    load, run, kept = in_a_process(PEAK, folder=str(folder))
    assert load < 1.8 and run < 3.3 and kept < 3.5, (load, run, kept)


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
from hustle_widgets import Reduction, load_visit
visit = load_visit({folder!r}).isel(exp_time=slice(0, 20))
reduction = Reduction(visit, location=(550, 150), verbose=0, bounds=None, smth_bounds=None, do_save=False)
reduction.show()  # as the last line of a cell does
assert reduction.wait(200)
for sigma in (4.5, 5, 5.5):
    reduction.free_iter.free_sigma = sigma
    assert reduction.wait(100)
assert reduction.free_iter.compute_count >= 3, repr(reduction)
failed = [step.name + ": " + step.error for step in reduction.steps.values() if step.status == "failed"]
assert not failed, failed
print(float(reduction.result["images"][-1].mean()))
"""


def test_a_page_works_in_a_gigabyte_of_address_space(folder: Path) -> None:
    (mean,) = in_a_process(LIMITED, folder=str(folder))
    assert np.isfinite(mean)


HOLES = """
import numpy as np
from pathlib import Path

def resident():
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024

def churn(mebibytes, times):
    "Make arrays with small ones that stay between them, and free the large ones."
    large = []
    for _ in range(times):
        large.append(np.ones(mebibytes * 2**20, np.uint8))
        stays.append(np.ones(100_000, np.uint8))

stays = []
"""

FRAMES = (
    HOLES
    + """
from hustle_widgets.engine.memory import keep_little
keep_little()
for _ in range(3):
    np.ones(30 * 2**20, np.uint8)  # glibc would put all that is smaller into its arenas from now on
before = resident()
churn(5, 40)
print(resident() - before)
"""
)

IDLE = (
    HOLES
    + """
from hustle_widgets import Reduction, load_visit
visit = load_visit({folder!r}).isel(exp_time=slice(0, 6), x=slice(0, 60))
switches = dict.fromkeys(("do_location", "do_column", "do_led", "do_smooth", "do_uniform", "do_Pagul"), False)
reduction = Reduction(visit, location=(550, 30), verbose=0, do_save=False, **switches)
reduction.compute()
assert reduction.wait(100)
before = resident()
churn(1, 150)
full = resident()
reduction.free_iter.free_sigma = 4.5
reduction.compute()
assert reduction.wait(100) and reduction.free_iter.compute_count == 2
print(full - before, resident() - before)
"""
)


def test_frames_that_come_and_go_leave_no_holes() -> None:
    """What stays is 4 MB; the frames were 200 MB."""
    (added,) = in_a_process(FRAMES)
    assert added < 40


def test_freed_memory_is_given_back_when_nothing_is_left_to_do(folder: Path) -> None:
    """What stays is 15 MB; the freed arrays, too small for pages of their own, were 150 MB."""
    full, rest = in_a_process(IDLE, folder=str(folder))
    assert full > 120 and rest < 70, (full, rest)


def test_what_the_environment_says_of_malloc_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    library = SimpleNamespace(mallopt=lambda option, value: not asked.append(option))
    monkeypatch.setattr(memory, "_glibc", lambda: library)
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)  # a cluster of workers sets one
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=1048576")
    try:
        memory.keep_little.cache_clear()
        assert memory.keep_little() is False
        assert asked == [-1]  # M_TRIM_THRESHOLD of malloc.h
    finally:
        memory.keep_little.cache_clear()


@pytest.mark.parametrize("n_frames, mebibytes", [(10, 24), (20, 24.0), (74, 88.9), (148, 177.9), (1000, 256)])
def test_spare_outcomes_hold_a_quarter_of_the_frames_at_most(n_frames: int, mebibytes: float) -> None:
    images = np.broadcast_to(np.float32(0), (n_frames, 600, 2100))
    chain = Chain(Source(images, images, images, {}, {}, "token"), ())
    assert chain.cache.limit / 2**20 == pytest.approx(mebibytes, abs=0.1)


def test_where_there_is_no_glibc_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    memory._glibc.cache_clear()
    memory.keep_little.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    try:
        assert memory.keep_little() is False
        memory.give_back()
    finally:
        memory._glibc.cache_clear()
        memory.keep_little.cache_clear()
