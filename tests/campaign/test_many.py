"""Campaigns in this process: parameters, what is recognised, what is refused, tables and URLs."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from campaigns import FAST, made_visits, simulated

from hustle_widgets import Reduction, run_many, run_pipeline
from hustle_widgets.campaign import Campaign, sweep_many
from hustle_widgets.campaign.cluster import workers_that_fit
from hustle_widgets.campaign.jobs import jobs_of
from hustle_widgets.campaign.memory import FULL_SIZE, expected_peak
from hustle_widgets.cli import main
from hustle_widgets.run_folder import result_in
from hustle_widgets.steps import STAGE_1
from hustle_widgets.view.page.campaign_page import CampaignPage

HERE: dict[str, Any] = {"workers": 0, "progress": False}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("visits")
    made_visits(simulated(top / "first"), top, 2)
    return top


@pytest.fixture
def top(kept: Path, tmp_path: Path) -> Path:
    for name in ("visit_0", "visit_1"):
        shutil.copytree(kept / name, tmp_path / name)
    return tmp_path


def statuses(campaign: Campaign) -> list[str]:
    return [row["status"] for row in campaign]


def config_file(path: Path, folder: Path, **more: Any) -> Path:
    on = dict.fromkeys(("hst_flags", "free_iter", "uniform", "column", "location", "quicklook"), True)
    switches = {f"do_{name}": value for name, value in on.items()}  # those that a file lacks are off
    values = {**switches, **FAST, "toplevel_dir": str(folder), **more}
    path.write_text("".join(f"{key} {value!r} # mine\n" for key, value in values.items()))
    return path


def test_parameters_for_all_and_overrides_for_one(top: Path) -> None:
    configs = [config_file(top / f"stage_1_{k}.hustle", top / f"visit_{k}", free_sigma=6.0) for k in (0, 1)]
    campaign = run_many(
        configs, overrides={"1": {"free_sigma": 4.5, "output_run": "other"}}, do_uniform=False, **HERE
    )
    assert statuses(campaign) == ["done", "done"] and campaign.names == ("0", "1")
    for k, run, sigma in ((0, "run_1", 6.0), (1, "other", 4.5)):
        written = top / f"visit_{k}/outputs/stage_1/{run}"
        again = Reduction.from_config(written / f"stage_1_{run}.hustle")
        assert again.values()["free_sigma"] == sigma and not again.values()["do_uniform"]
        plain = {"free_sigma": sigma, "do_uniform": False, "output_run": "plain"}
        run_pipeline(config_file(top / f"plain_{k}.hustle", top / f"visit_{k}", **plain))
        alone = result_in(top / f"visit_{k}/outputs/stage_1/plain")
        assert alone == result_in(written) == campaign.rows[k]["result_id"]


def test_one_config_for_all_folders(top: Path) -> None:
    config = config_file(top / "mine.hustle", top / "nothing", free_sigma=7.5)
    campaign = run_many([top / "visit_0", top / "visit_1"], config=config, **HERE)
    assert statuses(campaign) == ["done", "done"]
    assert {campaign.open(name).values()["free_sigma"] for name in campaign.names} == {7.5}


def change_nothing(folder: Path) -> None:
    """The same content under a new date, and a comment."""
    path = sorted((folder / "specimages").glob("*.fits"))[0]
    path.write_bytes(path.read_bytes())
    (folder / "notes.txt").write_text("Mine.")


def change_a_pixel(folder: Path) -> None:
    path = sorted((folder / "specimages").glob("*.fits"))[0]
    with fits.open(path, mode="update", memmap=False) as file:
        file["SCI"].data[3, 3] += 1


def change_the_direct_image(folder: Path) -> None:
    (path,) = (folder / "directimages").glob("*.fits")
    with fits.open(path, mode="update", memmap=False) as file:
        file["SCI"].data[3, 3] += 1


def take_a_frame_away(folder: Path) -> None:
    sorted((folder / "specimages").glob("*.fits"))[-1].unlink()


def save_by_hand(folder: Path) -> None:
    Reduction(folder, **FAST, free_sigma=9.0).run()


def damage_the_result(folder: Path) -> None:
    path = folder / "outputs/stage_1/run_1/clean_obs.nc"
    content = bytearray(path.read_bytes())
    content[100] ^= 255
    path.write_bytes(content)


def damage_the_record(folder: Path) -> None:
    (folder / "outputs/stage_1/run_1/campaign.json").write_text("{")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (change_nothing, "known"),
        (change_a_pixel, "done"),
        (change_the_direct_image, "done"),
        (take_a_frame_away, "done"),
        (save_by_hand, "done"),
        (damage_the_result, "done"),
        (damage_the_record, "done"),
    ],
)
def test_only_what_is_the_same_is_recognised(top: Path, change: Any, status: str) -> None:
    folder = top / "visit_0"
    first = run_many(folder, **HERE, **FAST)
    change(folder)
    second = run_many([folder], **HERE, **FAST)
    assert statuses(first) == ["done"] and statuses(second) == [status]
    assert result_in(folder / "outputs/stage_1/run_1") == second.rows[0]["result_id"]
    assert statuses(run_many([folder], **HERE, **FAST)) == ["known"]
    assert statuses(run_many([folder], **HERE, **{**FAST, "free_sigma": 5.0})) == ["done"]


def test_the_sky_image_counts_where_it_is_used(top: Path, kept: Path) -> None:
    sky = top / "skies" / "uvis_sky_chip2.fits"
    sky.parent.mkdir()
    fits.writeto(sky, np.ones((2051, 4096), np.float32))
    given = {**HERE, **FAST, "do_Pagul": True, "path_to_Pagul": str(sky.parent)}
    assert statuses(run_many(top / "visit_0", **given)) == ["done"]
    assert statuses(run_many(top / "visit_0", **given)) == ["known"]
    fits.writeto(sky, np.full((2051, 4096), 1.5, np.float32), overwrite=True)
    assert statuses(run_many(top / "visit_0", **given)) == ["done"]


def test_a_visit_that_was_moved_is_recognised(top: Path) -> None:
    run_many(top / "visit_0", **HERE, **FAST)
    (top / "visit_0").rename(top / "moved")
    assert statuses(run_many(top / "moved", **HERE, **FAST)) == ["known"]


def test_what_cannot_be_meant_is_refused_at_once(top: Path) -> None:
    visit, other = top / "visit_0", top / "visit_1"
    for words, places, options in (
        ("has no parameter 'free_sigmas'.*free_sigma", [visit], {"free_sigmas": 3}),
        ("'overrides' names 'visit_7', but the visits are visit_0", [visit], {"overrides": {"visit_7": {}}}),
        ("overrides of visit_0 has no parameter 'led'", [visit], {"overrides": {"visit_0": {"led": 1}}}),
        ("is given 2 times", [visit, visit], {}),
        ("no visit to reduce", [], {}),
        ("'workers' must be a whole number", [visit], {"workers": -1}),
        ("'retries' must be a whole number", [visit], {"retries": 1.5}),
        ("Got a Dataset instead", [Reduction(visit).visit], {}),
        ("must be a float > 0", [visit, other], {"free_sigma": -1}),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            run_many(places, **{**HERE, **options})
    configs = [config_file(top / f"{name}.hustle", visit) for name in "ab"]
    with pytest.raises(
        ValueError, match=r"a\.hustle and .*b\.hustle would both be written to the run 'run_1'"
    ):
        run_many(configs, **HERE)


def test_each_failure_has_its_name_and_harms_no_other(top: Path) -> None:
    (top / "bad.hustle").write_text("free_sigma 'much'\n")
    places = [top / "bad.hustle", top / "none.hustle", top / "nowhere", top / "visit_0"]
    campaign = run_many(places, **HERE, **FAST)
    assert statuses(campaign) == ["failed", "failed", "failed", "done"]
    assert "bad.hustle, line 1: The 'free_sigma' parameter" in campaign.failed["bad"]
    assert "none.hustle' does not exist" in campaign.failed["none"]
    assert "nowhere does not exist" in campaign.failed["nowhere"]
    assert campaign.summary().splitlines()[0] == "4 visits: 1 reduced, 3 failed."


def test_names_tell_visits_apart(tmp_path: Path) -> None:
    places = ["a/one/files", "a/two/files", "b/stage_1_x.hustle", "s3://bucket/three"]
    jobs = jobs_of(places[:2], steps=STAGE_1, parameters={})
    assert [job.name for job in jobs] == ["one/files", "two/files"]
    jobs = jobs_of([tmp_path / "stage_1_x.hustle", tmp_path / "y"], steps=STAGE_1, parameters={})
    assert [job.name for job in jobs] == ["x", "y"] and "does not exist" in jobs[0].error


def test_table_figure_and_page(top: Path) -> None:
    places = [top / "visit_0", top / "nowhere", top / "visit_1"]
    campaign = run_many(places, inject={"depth": 0.02}, **HERE, **FAST)
    path = campaign.write(top / "tables" / "campaign.ecsv")
    table = Table.read(path, format="ascii.ecsv")
    assert list(table["name"]) == ["visit_0", "nowhere", "visit_1"]
    assert table["seconds"].unit == "s" and table["memory"].unit == "Mibyte"
    assert np.isfinite(table["depth_bias"][[0, 2]]).all() and np.isnan(table["depth_bias"][1])
    np.testing.assert_allclose(table["depth_in"][[0, 2]], 0.02)
    alone = Reduction(top / "visit_0", **FAST)
    alone.run()
    curve = alone.light_curve()
    times, light = campaign.light_curves()["visit_0"]
    np.testing.assert_allclose(times, curve.time.mjd, rtol=0, atol=1e-9)
    np.testing.assert_allclose(light, curve["flux"].value)
    assert (
        "injected"
        not in Reduction.from_config(top / "visit_0/outputs/stage_1/run_1/stage_1_run_1.hustle").config
    )  # type: ignore[operator]

    read = Campaign.read(path)
    assert read.names == campaign.names and read.failed == campaign.failed
    assert read.light_curves().keys() == {"visit_0", "visit_1"}
    titles = [axes.get_title(loc="left").split()[0] for axes in read.figure().axes if axes.get_visible()]
    assert titles == ["visit_0", "visit_1"]

    page = CampaignPage(read)
    heads = [column["name"] for column in page.table.columns]
    assert heads[:2] == ["Visit", "Verdict"] and "Depth bias [sigma]" in heads
    assert json.dumps(page.table.rows)  # no NaN, which is no JSON
    page.open(1)
    assert "nowhere does not exist" in page.widget.children[0].children[3].value and page.opened is None
    page.open(2)
    assert page.opened is not None and page.opened.output_run == "run_1_edited"
    mine = {key: page.opened.values()[key] for key in FAST}  # type: ignore[attr-defined]
    assert {key: list(v) if isinstance(v, tuple) else v for key, v in mine.items()} == FAST
    page.opened.close()  # type: ignore[attr-defined]


def test_a_visit_at_a_url(top: Path, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(top / "visit_0"), "/far/visit_0", recursive=True)
    config_file(top / "stage_1_far.hustle", Path("memory://far/visit_0"))
    url = "memory://far/visit_0"
    campaign = run_many(url, **HERE, **FAST)
    assert statuses(campaign) == ["done"], campaign.failed
    memory.get("/far/visit_0/outputs", str(tmp_path / "back"), recursive=True)
    near = run_many(top / "visit_0", **HERE, **FAST)
    assert campaign.rows[0]["result_id"] == near.rows[0]["result_id"]
    back = tmp_path / "back" / "stage_1" / "run_1"
    assert result_in(back) == near.rows[0]["result_id"]
    assert "toplevel_dir 'memory://far/visit_0'" in (back / "stage_1_run_1.hustle").read_text()
    assert statuses(run_many(url, **HERE, **FAST)) == ["known"]
    opened = campaign.open("visit_0")
    assert opened.visit.sizes["exp_time"] == 4 and Path(opened.toplevel_dir).is_dir()
    (name,) = (n for n in memory.find("/far/visit_0/specimages") if n.endswith("fm002_flt.fits"))
    memory.rm(name)
    assert statuses(run_many(url, **HERE, **FAST)) == ["done"]
    for wrong, words in (("memory://far/none", "does not exist"), ("nonsense://x/y", "nonsense")):
        (failed,) = run_many(wrong, **HERE, **FAST)
        assert failed["status"] == "failed" and words in failed["message"]
    memory.rm("/far", recursive=True)


def test_a_config_at_a_url_names_its_visit(top: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(str(top / "visit_0"), "/far/visit_0", recursive=True)
    near = config_file(top / "stage_1_x.hustle", top / "visit_1")
    text = near.read_text().replace(str(top / "visit_1"), "memory://far/visit_0")
    memory.pipe_file("/configs/stage_1_x.hustle", text.encode())
    campaign = run_many("memory://configs/stage_1_x.hustle", **HERE)
    assert statuses(campaign) == ["done"] and memory.exists("/far/visit_0/outputs/stage_1/run_1/clean_obs.nc")
    memory.rm("/far", recursive=True)


def test_a_sweep_in_this_process_of_which_none_works() -> None:
    with pytest.raises(ValueError, match="No visit could be swept. nowhere: .*nowhere does not exist"):
        sweep_many("nowhere", {"free_iter.free_sigma": [3.0]}, **HERE)


def test_the_command(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = config_file(top / "mine.hustle", top / "nothing")
    places = [str(top / "visit_0"), str(top / "nowhere")]
    table = top / "campaign.ecsv"
    given = ["run", *places, "--config", str(config), "--workers", "0", "--table", str(table)]
    assert main(given) == 1
    out = capsys.readouterr().out
    assert "nowhere failed: " in out and "2 visits: 1 reduced, 1 failed." in out
    assert table.is_file() and table.with_suffix(".png").stat().st_size > 1000
    assert main([*given[:2], *given[3:]]) == 0
    assert "1 visit: 1 known before." in capsys.readouterr().out
    assert main(["run", *places, "--visit", "x"]) == 2


def test_without_dask_it_says_what_to_install(
    top: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["run", str(top / "visit_0"), str(top / "visit_1")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("hustle-widgets: ") and 'pip install "hustle_widgets[batch]"' in error


@pytest.mark.parametrize(
    ("number", "peak", "cores", "free", "expected"),
    [
        (100, 1, 8, 1000, 8),  # as many as cores
        (3, 1, 8, 1000, 3),  # no more than visits
        (100, 10, 8, 40, 3),  # no more than fit: 0.85 of 40 holds three of 10
        (100, 10, 8, 5, 1),  # at least one
    ],
)
def test_workers_fit(number: int, peak: int, cores: int, free: int, expected: int) -> None:
    assert workers_that_fit(number, peak, cores, free) == expected


def test_the_peak_is_told_by_the_files(kept: Path, tmp_path: Path) -> None:
    campaign = run_many(kept / "visit_0", again=True, output_run="peak", **HERE, **FAST)
    # This process holds more than a fresh worker: only the estimate's share of a small visit is looked at.
    assert 0.2e9 < expected_peak(str(kept / "visit_0")) < 0.3e9
    assert campaign.rows[0]["peak_bytes"] > 0
    assert expected_peak(str(tmp_path / "elsewhere")) == FULL_SIZE


def test_a_script_without_its_guard_says_what_to_do(top: Path) -> None:
    script = top / "script.py"
    script.write_text(
        "import multiprocessing, sys\nfrom hustle_widgets import run_many\n"
        "def child():\n    try:\n        run_many(sys.argv[1])\n"
        "    except RuntimeError as error:\n        print(error)\n"
        "if __name__ == '__main__':\n"
        "    process = multiprocessing.get_context('spawn').Process(target=child)\n"
        "    process.start()\n    process.join()\n"
    )
    done = subprocess.run(
        [sys.executable, script, top / "visit_0"],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert 'if __name__ == "__main__"' in done.stdout, done.stderr


def test_the_package_loads_no_dask() -> None:
    code = "import hustle_widgets, hustle_widgets.campaign, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"dask", "distributed", "fsspec"} & set(done.stdout.split())


def test_a_campaign_that_was_interrupted_goes_on_where_it_was(top: Path, monkeypatch: Any) -> None:
    """Ctrl-C in the middle of the second visit: the first is kept, nothing half done is left of the second."""
    places = [top / "visit_0", top / "visit_1"]
    run = Reduction.run
    pressed: list[str] = []

    def press_once(event: str, name: str) -> None:
        if name == "column" and not pressed:
            pressed.append(event)
            signal.raise_signal(signal.SIGINT)

    def interrupted(reduction: Reduction, *arguments: Any, **keywords: Any) -> Any:
        if Path(reduction.toplevel_dir) == places[1]:
            reduction.watch(press_once)
        return run(reduction, *arguments, **keywords)

    monkeypatch.setattr(Reduction, "run", interrupted)
    # A shell that starts the tests in the background has Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_many(places, **HERE, **FAST)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (places[0] / "outputs/stage_1/run_1/campaign.json").is_file()
    assert not (places[1] / "outputs").exists()
    monkeypatch.undo()
    again = run_many(places, **HERE, **FAST)
    assert statuses(again) == ["known", "done"]
    assert statuses(run_many(places, **HERE, **FAST)) == ["known", "known"]


def test_a_visit_that_cannot_be_written_to_is_a_named_failure(top: Path) -> None:
    shutil.rmtree(top / "visit_0" / "outputs", ignore_errors=True)
    (top / "visit_0" / "outputs").write_text("a person's file")
    campaign = run_many([top / "visit_0", top / "visit_1"], **HERE, **FAST)
    assert statuses(campaign) == ["failed", "done"]
    message = campaign.failed["visit_0"]
    assert "save: " in message and "outputs" in message and "toplevel_dir" in message, message
    assert (top / "visit_0" / "outputs").read_text() == "a person's file"


def test_a_scheduler_that_is_not_there_is_told(top: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    with dask.config.set({"distributed.comm.timeouts.connect": "2s"}):
        assert main(["run", str(top / "visit_0"), "--scheduler", "tcp://127.0.0.1:9"]) == 2
        assert main(["run", str(top / "visit_0"), "--scheduler", "nonsense"]) == 2
        assert main(["run", str(top / "visit_0"), "--scheduler", "carrier://pigeon"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hustle-widgets: ")]
    assert len(lines) == 3 and all("There is no scheduler of dask at" in line for line in lines), lines
