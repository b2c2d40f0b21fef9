"""Writing a result beside a person who uses netCDF files, on a full disk, and with figures that fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from attacks import in_time
from visits import tiny_visit

from hustle_widgets import Reduction, clean_file, run_folder
from hustle_widgets.campaign import Campaign
from hustle_widgets.clean_file import save_clean
from hustle_widgets.reduction import StepError
from hustle_widgets.run_folder import result_in
from hustle_widgets.view.figures import saving
from hustle_widgets.written import LIST

FITTED: dict[str, Any] = {"bounds": None, "smth_bounds": None, "dist_from_trace": 5, "verbose": 0}

BESIDE = """
    import sys
    how, turns, folder, *sys.path[:0] = sys.argv[1:]
    import netCDF4, numpy as np, xarray as xr
    from visits import tiny_visit
    from hustle_widgets import Reduction
    other = folder + "/other.nc"
    xr.Dataset({"a": (("t", "x", "y"), np.random.rand(20, 100, 200))}).to_netcdf(other)
    reduction = Reduction(tiny_visit(6, (60, 150), folder=folder), bounds=None, verbose=0)
    reduction.run()
    reads = 0
    for turn in range(int(turns)):
        reduction.free_iter.free_sigma = 3 + turn % 90 / 10
        reduction.compute(save=True)
        while not reduction.wait(0):
            if how == "xarray":
                with xr.open_dataset(other) as data:
                    data.load()
            else:
                with netCDF4.Dataset(other) as data:
                    data["a"][:]
            reads += 1
        assert reduction.save.status == "fresh", reduction.save.error
    print(reads)
"""


@pytest.mark.parametrize("how", ["xarray", "netCDF4"])
def test_a_cell_may_read_netcdf_files_while_a_result_is_written(how: str, tmp_path: Path, trust: Any) -> None:
    turns = 2 + int(trust.seconds)
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    command = [sys.executable, "-c", textwrap.dedent(BESIDE), how, str(turns), str(tmp_path), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120 + 4 * turns)
    assert done.returncode == 0, done.stderr  # negative: a signal, such as that of a segmentation fault
    assert int(done.stdout) > 0
    trust.count("netCDF files read while one was written", int(done.stdout))


def test_what_is_written_is_what_xarray_writes(tmp_path: Path) -> None:
    """Small variables of all kinds, by their own encoding."""
    small = xr.Dataset(
        {
            "texts": ("n", np.array(["a", "é", ""])),
            "objects": ("n", np.array(["a", "b", "c"], object)),
            "bytes": ("n", np.array([b"a", b"bc", b""])),
            "truths": ("n", [True, False, True]),
            "whole": ("n", np.arange(3, dtype=">i2")),
            "real": ("n", [1.5, np.nan, -0.0], {"units": "electron", "odd": {"a": 1}}),
            "when": ("n", np.array(["2020-01-01", "2020-01-02", "NaT"], "M8[ns]")),
            "one": ((), 3.5),
            "cube": (("n", "x", "y"), np.arange(24.0).reshape(3, 2, 4)),
        },
        {"n": [1.0, 2.0, 3.0], "label": ("n", ["p", "q", "r"]), "alone": 7},
        {"text": "ü", "list": [1, 2.5], "none": None, "yes": True},
    )
    save_clean(small, tmp_path / "ours.nc")
    with xr.open_dataset(tmp_path / "ours.nc") as ours:
        for name, variable in small.variables.items():
            assert ours[name].dims == variable.dims, name
            expected = np.char.decode(variable.values) if name == "bytes" else variable.values
            np.testing.assert_array_equal(ours[name].values, expected, err_msg=str(name))
        assert ours["truths"].dtype == bool and ours["when"].dtype.kind == "M"
        assert set(ours.coords) == set(small.coords)
        assert ours["cube"].coords.keys() >= {"n", "label"}
        assert ours.attrs["text"] == "ü" and ours.attrs["yes"] == 1


def test_what_netcdf_does_not_have_is_converted_or_named(tmp_path: Path) -> None:
    shape = (2, 2, 2)
    odd = {
        "half": ("n", np.ones(2, np.float16)),
        "long": ("n", np.full(2, 1.5, np.longdouble)),
        "bytes": ("n", np.array([b"a", b"b\xff"])),
        "texts": ("n", np.array(["\udcff", "b"], object)),
        "half_cube": (("n", "x", "y"), np.ones(shape, np.float16)),
        "days": (("n", "x", "y"), np.full(shape, np.datetime64("2020-01-01", "ns"))),
        "words": (("n", "x", "y"), np.full(shape, "ab")),
    }
    save_clean(xr.Dataset(odd), tmp_path / "odd.nc")
    with xr.open_dataset(tmp_path / "odd.nc") as again:
        assert (again["half"].dtype, again["long"].dtype, again["half_cube"].dtype) == ("f4", "f8", "f4")
        assert again["bytes"].values.tolist() == ["a", r"b\xff"] and again["texts"].values[0] == r"\udcff"
        assert (again["days"] == odd["days"][1]).all() and (again["words"] == "ab").all()
    for name, values in (
        ("waves", np.ones(2, complex)),
        ("pairs", np.zeros(2, [("a", "f4")])),
        ("a/b", np.ones(2)),
        (".", np.ones(2)),
        ("end ", np.ones(2)),
    ):
        with pytest.raises(ValueError, match=f"{re.escape(repr(name))}.*drop_vars"):
            save_clean(xr.Dataset({name: ("n", values)}), tmp_path / "none.nc")
    assert [path.name for path in tmp_path.iterdir()] == ["odd.nc"]


def fails_for_want_of_room(reduction: Reduction) -> str:
    folder = reduction.output_folder()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    reduction.free_iter.free_sigma = 2.0
    with pytest.raises(StepError) as caught:
        reduction.run()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before, "the old result was touched"
    assert [path.name for path in folder.parent.iterdir()] == ["run_1"], "something half written is left"
    assert reduction.save.status == "failed"
    return str(caught.value)


def test_a_full_disk_is_told_and_the_old_result_stays(tmp_path: Path, trust: Any) -> None:
    resource = pytest.importorskip("resource")
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    reduction.run()
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    sizes = (0, 5_000, 60_000, 200_000)
    for size in sizes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
        try:
            said = fails_for_want_of_room(reduction)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        assert "File too large" in said and "toplevel_dir" in said, said
    trust.count("disks that were full", len(sizes))
    reduction.run()


def writers(reduction: Reduction, place: Path) -> dict[str, Callable[[], Any]]:
    """Everything that writes a file, beside a run."""
    texts = dict.fromkeys(("place", "folder", "output_run"), "")
    light = {"times": [1.0, 2.0], "curves": {"+1": [1.0, 2.0]}}
    rows = [{"name": "a", "status": "done", "message": "m" * 5000, "verdict": "good", **texts, **light}]
    campaign = Campaign(rows, [])
    return {
        "config": lambda: reduction.write_config(place / "stage_1_mine.hustle"),
        "pins": lambda: reduction.save_pins(place / "pins"),
        "a pin": lambda: reduction.pin(f"pin {len(reduction.pins)}"),
        "tables": lambda: reduction.export(place / "tables"),
        "spread": lambda: reduction.pins.write_spread(place / "spread.csv"),
        "bundle": lambda: reduction.bundle(place / "bundle"),
        "packed bundle": lambda: reduction.bundle(place / "bundle.zip"),
        "clean visit": lambda: save_clean(reduction.result, place / "clean.nc"),
        "figures": lambda: reduction.save_figures(),
        "table of a campaign": lambda: campaign.write(place / "campaign.ecsv"),
        "figure of a campaign": lambda: campaign.save_figure(place / "campaign.png"),
    }


def test_every_writer_keeps_the_old_file_and_tells(tmp_path: Path, trust: Any) -> None:
    resource = pytest.importorskip("resource")
    top, place = tmp_path / "visit", tmp_path / "place"
    top.mkdir()
    place.mkdir()
    off = dict.fromkeys(("do_fixed_iter", "do_led", "do_smooth", "do_column"), False)
    reduction = Reduction(
        tiny_visit(2, (30, 50), folder=str(top)), **FITTED, **off, save_plots=1, do_save=False
    )
    reduction.run()
    reduction.pin("one")
    reduction.free_iter.free_sigma = 2.0
    reduction.pin("two")
    every = writers(reduction, place)
    for act in every.values():
        act()
    shutil.rmtree(place / "bundle")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    for name, act in writers(reduction, place).items():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, usual[1]))
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                error = in_time(act)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        said = [str(error), *(str(one.message) for one in told)]
        assert any("File too large" in one for one in said), (name, said)
        now = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        assert now == before, (name, now.keys() ^ before.keys())
        trust.count("disks that were full")


def test_two_reductions_that_save_the_same_run_mix_nothing(tmp_path: Path) -> None:
    visit = tiny_visit(3, (30, 50), folder=str(tmp_path))
    reductions = [Reduction(visit, **FITTED, free_sigma=sigma) for sigma in (2.0, 4.0)]
    results = [reduction.run() for reduction in reductions]
    folder = reductions[0].output_folder()
    errors: list[Any] = []

    def save(reduction: Reduction) -> None:
        for _ in range(3):
            try:
                reduction.run()
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=save, args=(reduction,)) for reduction in reductions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    with xr.open_dataset(folder / "clean_obs.nc") as saved:
        (won,) = [k for k in (0, 1) if np.array_equal(saved["images"], results[k]["images"])]
        assert saved.attrs["result_id"] == result_in(folder)
    again = Reduction.from_config(folder / "stage_1_run_1.hustle", visit)
    assert again.free_iter.free_sigma == (2.0, 4.0)[won]
    assert {path.name for path in folder.parent.iterdir()} == {"run_1"}


@pytest.mark.skipif(shutil.which("mount") is None or not hasattr(os, "geteuid"), reason="no mount")
def test_a_small_disk(tmp_path: Path, trust: Any) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)], capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("needs the right to mount a file system")
    try:
        reduction = Reduction(tiny_visit(4, (40, 60), folder=str(disk)), **FITTED)
        reduction.run()
        (disk / "filled").write_bytes(bytes(os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize - 40_000))
        said = fails_for_want_of_room(reduction)
        assert "No space left on device" in said, said
        trust.count("disks that were full")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.name == "nt", reason="there a backslash is no part of a name")
def test_a_backslash_is_a_part_of_a_name(tmp_path: Path) -> None:
    place = tmp_path / "a\\folder" / "clean\\obs.nc"
    clean_file.save_clean(xr.Dataset({"images": (("exp_time", "x", "y"), np.ones((2, 3, 4)))}), place)
    assert [path.name for path in place.parent.iterdir()] == [place.name]
    with xr.open_dataset(place.rename(tmp_path / "readable.nc")) as again:
        assert again["images"].shape == (2, 3, 4)


def test_a_writer_that_is_killed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    reduction.run()
    broken = tmp_path / "broken.py"
    broken.write_text("import os; os.abort()")
    monkeypatch.setattr(clean_file, "_WRITER", str(broken))
    assert "the process that writes" in fails_for_want_of_room(reduction)


def test_what_vanishes_while_it_is_written_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    reduction.run()

    def clean_file_goes(result: Any, folder: Path, progress: Any) -> list[str]:
        (folder / "clean_obs.nc").unlink()
        return []

    def cut_short(result: Any, folder: Path, progress: Any) -> list[str]:
        with open(folder / "clean_obs.nc", "r+b") as file:
            file.truncate(1000)
        return []

    def folder_goes(result: Any, folder: Path, progress: Any) -> list[str]:
        shutil.rmtree(folder)
        folder.mkdir()
        return []

    for act in (clean_file_goes, cut_short, folder_goes):
        monkeypatch.setattr(run_folder, "draw_outputs", act)
        reduction.free_iter.free_sigma += 0.5
        folder = reduction.output_folder()
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        with pytest.raises(StepError, match="vanished|taken away"):
            reduction.run(figures=True)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
        assert [path.name for path in folder.parent.iterdir()] == ["run_1"]
        assert reduction.save.status == "failed"


@pytest.mark.parametrize("broken", ["main", "every frame", "quicklook"])
def test_figures_that_fail_leave_the_science(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **keywords: Any) -> None:
        raise ValueError("no axis goes from NaN to NaN")

    if broken == "main":
        monkeypatch.setattr(saving, "pixels_of", fail)
    elif broken == "every frame":
        monkeypatch.setattr(saving, "pixels_of_every", fail)
    else:
        from hustle_widgets.view.figures import quicklooks

        monkeypatch.setattr(quicklooks, "light_frames", fail)
    few = {f"do_{name}": False for name in ("hst_flags", "fixed_iter", "led", "smooth", "column")}
    reduction = Reduction(tiny_visit(2, (40, 60), folder=str(tmp_path)), **FITTED, **few, save_plots=2)
    clean = reduction.run(figures=True)
    with xr.open_dataset(reduction.output_folder() / "clean_obs.nc") as saved:
        np.testing.assert_array_equal(saved["images"], clean["images"])
    assert reduction.save.status == "fresh" and "no axis goes from NaN to NaN" in reduction.save.notes
    if broken != "quicklook":
        assert (reduction.output_folder() / "quicklooks" / "quicklookup.gif").is_file()
    assert (reduction.output_folder() / LIST).is_file()


def test_the_umask_of_the_process_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(mask: int) -> int:
        raise AssertionError("another thread would now make files that all may write")

    monkeypatch.setattr(os, "umask", never)
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    reduction.run()
    monkeypatch.undo()
    mask = os.umask(0o022)
    os.umask(mask)
    modes = {path.stat().st_mode & 0o777 for path in reduction.output_folder().iterdir()}
    assert modes == {0o666 & ~mask}
    assert reduction.output_folder().stat().st_mode & 0o777 == 0o777 & ~mask
