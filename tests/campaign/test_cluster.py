"""Eight visits on workers of this machine: one is broken, one worker is killed midway, and nothing is lost."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import xarray as xr
from campaigns import FAST, Tripwire, made_visits, set_trap, simulated

from hustle_widgets import Reduction, run_many
from hustle_widgets.campaign import sweep_many
from hustle_widgets.steps import with_step

distributed = pytest.importorskip("distributed")

STEPS = with_step(Tripwire)
BROKEN, KILLED = "visit_2", "visit_5"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            local_directory=str(tmp_path_factory.mktemp("workers")),
            env={"HUSTLE_THREADS": "1"},
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    top = tmp_path_factory.mktemp("campaign")
    made = made_visits(simulated(top / "first"), top, 8)
    broken = sorted((top / BROKEN / "specimages").glob("*.fits"))[1]
    broken.write_bytes(broken.read_bytes()[:40_000])
    return made


def loaded_modules() -> list[str]:
    return list(sys.modules)


def test_eight_visits(client: Any, folders: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    trap = set_trap(next(folder for folder in folders if folder.name == KILLED))
    campaign = run_many(folders, client, steps=STEPS, **FAST)
    assert not trap.exists()  # that worker is dead
    assert list(campaign.failed) == [BROKEN]
    broken = sorted((folders[2] / "specimages").glob("*.fits"))[1]
    assert str(broken) in campaign.failed[BROKEN] and "truncated" in campaign.failed[BROKEN]
    assert BROKEN in capsys.readouterr().out
    table = campaign.table
    tries = dict(zip(table["name"], table["tries"], strict=True))
    assert tries.pop(KILLED) == 2 and tries.pop(BROKEN) == 2 and set(tries.values()) == {1}
    assert [str(name) for name in table["name"]] == [folder.name for folder in folders]

    for folder in folders:
        if folder.name != BROKEN:
            Reduction(folder, output_run="plain", steps=STEPS, **FAST).run()
            with (
                xr.open_dataset(folder / "outputs/stage_1/plain/clean_obs.nc") as plain,
                xr.open_dataset(folder / "outputs/stage_1/run_1/clean_obs.nc") as many,
            ):
                for name in plain.variables:
                    xr.testing.assert_identical(plain[name], many[name])
                own = {"output_run", "date_created"}
                assert {k: v for k, v in plain.attrs.items() if k not in own} == {
                    k: v for k, v in many.attrs.items() if k not in own
                }
    hidden = [path for folder in folders for path in folder.glob("outputs/stage_1/.*")]
    assert len(hidden) <= 1  # at most what the killed one left, which the next run there removes

    found = {str(row["name"]): str(row["result_id"]) for row in campaign.table}
    made = [folder / "outputs/stage_1/run_1/clean_obs.nc" for folder in folders if folder.name != BROKEN]
    times = [path.stat().st_mtime_ns for path in made]
    second = run_many(folders, client, steps=STEPS, progress=False, **FAST)
    assert [row["status"] for row in second] == ["known"] * 2 + ["failed"] + ["known"] * 5
    assert [path.stat().st_mtime_ns for path in made] == times
    assert {str(row["name"]): str(row["result_id"]) for row in second.table} == found

    loaded = {name for names in client.run(loaded_modules).values() for name in names}
    assert "hustle_widgets.campaign.work" in loaded
    assert not {"hustle_widgets.view.entry", "bqplot", "ipympl", "matplotlib.figure"} & loaded


def test_a_sweep_is_that_of_each_visit(client: Any, folders: list[Path]) -> None:
    values = {"free_iter.free_sigma": [3.0, 5.0], "uniform.enabled": [True, False]}
    some = folders[:3]  # the last is broken
    found = sweep_many(some, values, client, progress=False, **FAST)
    assert found.sizes["visit"] == 3
    for number in (0, 1):
        alone = Reduction(some[number], **FAST).sweep(values)
        for name in alone.data_vars:
            one = found[name].isel(visit=number, drop=True).transpose(*alone[name].dims)
            xr.testing.assert_allclose(one, alone[name].astype(float), rtol=1e-12)
    assert found["scatter"].sel(visit=BROKEN).isnull().all()
    assert f"{BROKEN}: " in found.attrs["remarks"] and "truncated" in found.attrs["remarks"]


def test_a_sweep_of_one_visit_is_shared_among_the_workers(client: Any, folders: list[Path]) -> None:
    values = {"do_uniform": [True, False], "free_iter.free_sigma": [3.0, 4.0, 6.0]}
    before = client.run(os.getpid).keys()
    found = sweep_many(folders[0], values, client, progress=False, **FAST)
    alone = Reduction(folders[0], **FAST).sweep(values)
    assert len(before) == 2
    assert found.sizes == {"visit": 1, **alone.sizes}
    for name in alone.data_vars:
        one = found[name].isel(visit=0, drop=True).transpose(*alone[name].dims)
        xr.testing.assert_allclose(one, alone[name].astype(float), rtol=1e-12)


def test_a_worker_that_is_too_small_is_told(client: Any, folders: list[Path], monkeypatch: Any) -> None:
    info = {"workers": {"tcp://a:1": {"memory_limit": 2**28, "nthreads": 4}}}
    monkeypatch.setattr(client, "scheduler_info", lambda: info)
    with pytest.raises(ValueError, match=r"tcp://a:1 has 0\.25 GiB for 4 visit"):
        run_many(folders[0], client, output_run="small", progress=False, **FAST)


def test_workers_of_its_own_end_with_all_they_made(
    folders: list[Path], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    config = tmp_path / "stage_1_own.hustle"  # a worker makes a file of it
    config.write_text("".join(f"{key} {value!r}\n" for key, value in FAST.items()))
    campaign = run_many(folders[:2], config=config, workers=1, output_run="own", progress=False)
    assert campaign.failed == {} and [row["tries"] for row in campaign] == [1, 1]
    assert [path.name for path in tmp_path.iterdir()] == [config.name]
    after = psutil.Process().children(recursive=True)
    assert not [
        process for process in after if process.pid not in before and "spawn_main" in str(process.cmdline())
    ]
