"""The batch run: the tutorial's template start to end, and folders that are never half written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image
from visits import simulated, small_folder  # noqa: F401

from hustle_widgets import Reduction, load_visit, run_pipeline
from hustle_widgets.config import ConfigError, read_config
from hustle_widgets.pipeline import stage_0_location

TEMPLATE = Path(__file__).parent / "data" / "stage_1_input_config.hustle"


def copied(folder: Path, to: Path) -> Path:
    """A visit's files under another folder, for outputs of its own."""
    shutil.copytree(folder, to, copy_function=os.link, ignore=shutil.ignore_patterns("outputs"))
    return to


def template_for(visit: Path, folder: Path, **changes: object) -> Path:
    """The template, unmodified but for paths (and `changes`), in a config folder of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    config = read_config(TEMPLATE)
    config.set("toplevel_dir", str(visit))
    for key, value in changes.items():
        config.set(key, value)
    config.write(folder / "stage_1_input_config.hustle")
    return folder


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With fewer frames no value could be 3.5 standard deviations from the others."""
    made = simulated(tmp_path_factory, "batch", n_frames=14, shape=(240, 640), n_stars=2, seed=3)
    return copied(made, tmp_path_factory.mktemp("pipeline") / "files")


@pytest.fixture(scope="module")
def ran(visit: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[xr.Dataset, Path]:
    """The template through run_pipeline: what it returns, and its folder."""
    clean = run_pipeline(template_for(visit, tmp_path_factory.mktemp("configs")), (1,))
    return clean, visit / "outputs" / "stage_1" / "run_1"


def test_the_template_makes_what_the_tutorial_lists(ran: tuple[xr.Dataset, Path]) -> None:
    clean, folder = ran
    for name in (
        "CR_location",
        "LED_location_of_all_corrected_pixels",
        *(f"bkg_{what}_{method}" for what in ("values", "correction") for method in ("uniform", "pagul")),
        "0th_order_displacement",
        "target_location",
        "light_curve",
    ):
        with Image.open(folder / f"{name}.png") as image:
            assert len(image.convert("RGB").getcolors(10**6) or ()) > 8, name
    n_frames = clean.sizes["exp_time"]
    assert len(list((folder / "every_frame").glob("CR_free_iter_frame_*.png"))) == n_frames
    for name in ("quicklookup", "quicklookupDQ"):
        with Image.open(folder / "quicklooks" / f"{name}.gif") as image:
            assert image.n_frames == n_frames
    with xr.open_dataset(folder / "clean_obs.nc") as saved:
        np.testing.assert_array_equal(saved["images"], clean["images"])
    # What the tutorial says success is.
    for bit in (1, 4):  # calwf3's flags, and cosmic rays
        assert 0.001 < float((clean["data_quality"].values & bit > 0).mean()) < 0.02
    assert abs(float(np.median(clean["images"][:, :60]))) < 0.6
    assert float(np.ptp(clean["0th_order_disp"].values)) < 3
    assert not list(folder.parent.glob(".*")), "hidden folders are left"


def test_the_config_is_beside_it_with_the_refined_location(ran: tuple[xr.Dataset, Path], visit: Path) -> None:
    clean, folder = ran
    config = read_config(folder / "stage_1_run_1.hustle")
    truth = xr.open_dataset(visit / "truth.nc")["target"].values
    np.testing.assert_allclose(config["location"], truth, atol=0.3)
    np.testing.assert_allclose(
        config["location"], (clean.attrs["target_posx"], clean.attrs["target_posy"]), atol=1e-4
    )
    lines = TEMPLATE.read_text().splitlines()
    written = config.text().splitlines()
    changed = [new.split()[0] for old, new in zip(lines, written, strict=False) if old != new]
    assert changed[:2] == ["toplevel_dir", "location"]


def test_it_says_what_hustle_tools_says(
    visit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {}
    for verbose in (0, 1, 2):
        configs = template_for(
            visit, tmp_path / str(verbose), verbose=verbose, output_run=f"v{verbose}", save_plots=0
        )
        run_pipeline(configs)
        said[verbose] = capsys.readouterr()
    assert said[0].out == "" and said[0].err == ""
    for words in (
        "No Stage 0 .hustle located, using 'location' parameter supplied by Stage 1",
        "Fixed iterations complete. Total pixels corrected: ",
        "Tracked 0th order in 14 frames.",
        "Config file written.",
        "shown in notebooks only",
    ):
        assert said[1].out.count(words) == 1, words
        assert said[2].out.count(words) == 1, words
    assert "Bad pixels removed on iteration 1 with sigma 10.00: " in said[2].out
    assert "on iteration" not in said[1].out and "%|" not in said[1].err
    for words in ("Loading data...", "Removing background...", "Tracking 0th order..."):
        assert words in said[2].err
    assert "14/14" in said[2].err
    assert not list((visit / "outputs" / "stage_1" / "v2").glob("*.png")), "save_plots 0 saved figures"
    shutil.rmtree(visit / "outputs" / "stage_1" / "v0")


def test_widgets_give_the_same(ran: tuple[xr.Dataset, Path], visit: Path, tmp_path: Path) -> None:
    config = template_for(visit, tmp_path, do_save=False) / "stage_1_input_config.hustle"
    loaded = load_visit(visit)
    place = loaded.attrs["target_posx"], loaded.attrs["target_posy"]
    reduction = Reduction.from_config(config, loaded, location=place)
    reduction.free_iter.free_sigma = 9
    reduction.led.enabled = False
    reduction.run()
    reduction.free_iter.free_sigma = 3.5
    reduction.led.enabled = True
    clean = reduction.run()
    for name in ("images", "data_quality", "badpix_mask", "0th_order_pos", "bkg_vals_column"):
        np.testing.assert_array_equal(clean[name], ran[0][name], err_msg=name)


def test_the_command_line_gives_the_same(ran: tuple[xr.Dataset, Path], visit: Path, tmp_path: Path) -> None:
    configs = template_for(visit, tmp_path, output_run="command", save_plots=0)
    code = "import sys; from hustle_widgets.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "run", str(configs)], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "Tracked 0th order in 14 frames." in done.stdout and "shown in notebooks" not in done.stdout
    folder = visit / "outputs" / "stage_1" / "command"
    with xr.open_dataset(folder / "clean_obs.nc") as saved:
        np.testing.assert_array_equal(saved["images"], ran[0]["images"])
        np.testing.assert_array_equal(saved["data_quality"], ran[0]["data_quality"])
    assert (folder / "quicklooks" / "quicklookup.gif").is_file()
    assert (folder / "stage_1_command.hustle").is_file()


def test_stage_0_gives_the_location(small_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    visit = copied(small_folder, tmp_path / "files")
    assert stage_0_location(visit) is None
    for name in ("stage_0", "stage0"):
        folder = visit / "outputs" / name
        folder.mkdir(parents=True)
        (folder / "stage_0_bad.hustle").write_text("location [1, 'x'] # of another program\n")
        (folder / "stage_0_input.hustle").write_text(
            "location [np.float64(250.5), 70] # refined\n# ENDPARSE\n"
        )
        assert stage_0_location(visit) == (250.5, 70.0)
        shutil.rmtree(folder)


def test_other_stages_are_left_to_hustle_tools(tmp_path: Path) -> None:
    for stages in ((2,), (0, 3), (), 2):
        with pytest.raises(ValueError, match="HUSTLE-tools"):
            run_pipeline(tmp_path, stages)
    with pytest.raises(FileNotFoundError, match=r"no config file stage_1\*.hustle"):
        run_pipeline(tmp_path)
    (tmp_path / "stage_1_a.hustle").touch()
    (tmp_path / "stage_1_b.hustle").touch()
    with pytest.raises(ValueError, match="several config files of stage 1"):
        run_pipeline(tmp_path)


def test_stage_1_of_several_is_run_and_the_others_are_left_to_hustle_tools(
    small_folder: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    visit = copied(small_folder, tmp_path / "files")
    config = tmp_path / "stage_1.hustle"
    config.write_text(f"toplevel_dir {visit}\nverbose 1\nsave_plots 0\nshow_plots 0\ndo_free_iter True\n")
    run_pipeline(config, (0, 1, 2))
    assert "Run stage 0, 2 with HUSTLE-tools" in capsys.readouterr().out
    assert (visit / "outputs" / "stage_1" / "run_1" / "clean_obs.nc").is_file()


def test_a_bad_config_is_refused_before_the_visit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stage_1.hustle"
    path.write_text("toplevel_dir 'nowhere'\nfree_sigma __import__('os').system('true')\n")
    with pytest.raises(ConfigError, match=r"stage_1.hustle, line 2: free_sigma"):
        run_pipeline(path)


def test_without_save_figures_are_written_but_never_into_another_run(
    ran: tuple[xr.Dataset, Path], visit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_pipeline(template_for(visit, tmp_path, do_save=False, output_run="look", save_plots=1))
    folder = visit / "outputs" / "stage_1" / "look"
    assert (folder / "CR_location.png").is_file() and not (folder / "clean_obs.nc").exists()
    before = {path: path.stat().st_mtime_ns for path in ran[1].rglob("*")}
    with pytest.raises(ValueError, match="of another result, and a folder never mixes two"):
        run_pipeline(template_for(visit, tmp_path, do_save=False, output_run="run_1", free_sigma=4.0))
    assert {path: path.stat().st_mtime_ns for path in ran[1].rglob("*")} == before


def test_figures_stay_with_their_result_only(small_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    visit = copied(small_folder, tmp_path / "files")
    reduction = Reduction(
        load_visit(visit), verbose=0, save_plots=1, do_led=False, do_smooth=False, do_Pagul=False
    )
    reduction.run(figures=True)
    folder = reduction.output_folder()
    (folder / "notes.txt").write_text("mine")
    drawn = (folder / "CR_location.png").stat().st_mtime_ns
    reduction.run()
    assert (folder / "CR_location.png").stat().st_mtime_ns == drawn
    assert (folder / "quicklooks" / "quicklookup.gif").is_file()
    reduction.free_iter.free_sigma = 2.0
    reduction.run()
    shown = {path.name for path in folder.glob("[!.]*")}
    assert shown == {"clean_obs.nc", "stage_1_run_1.hustle", "notes.txt"}
    reduction.save_figures()
    assert (folder / "CR_location.png").is_file() and (folder / "clean_obs.nc").is_file()


KILLED = """
    import os, signal, sys, time
    from pathlib import Path
    import netCDF4
    from hustle_widgets import Reduction, load_visit
    from hustle_widgets.config import read_config
    from hustle_widgets.run_folder import write_outputs

    sigmas, records = (3.0, 2.0), []
    reduction = Reduction(load_visit(sys.argv[1]), do_save=False, do_led=False, do_smooth=False, do_Pagul=False)
    for sigma in sigmas:
        reduction.free_iter.free_sigma = sigma
        reduction.run()
        records.append(reduction._frozen_result(reduction.state()))
    folder = Path(sys.argv[2]) / "run_1"
    started = time.monotonic()
    write_outputs(records[0], folder)
    took = time.monotonic() - started
    seen, turn = set(), 0
    while turn < 12 or (len(seen) < 2 and turn < 60):
        child = os.fork()
        if child == 0:
            while True:
                for record in records:
                    write_outputs(record, folder)
        time.sleep(took * (0.2 + 0.27 * turn))
        turn += 1
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        assert sorted(path.name for path in folder.glob("[!.]*")) == ["clean_obs.nc", "stage_1_run_1.hustle"]
        with netCDF4.Dataset(folder / "clean_obs.nc") as file:
            sigma = float(file.free_sigma)
            assert abs(file["images"][-1].mean()) < 1e6 and file["data_quality"][:].any()
        assert sigma in sigmas and read_config(folder / "stage_1_run_1.hustle")["free_sigma"] == sigma
        seen.add(sigma)
    write_outputs(records[0], folder)
    left = [path.name for path in folder.parent.iterdir()]
    assert left == ["run_1"], left
    print(sorted(seen))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_killed_run_leaves_the_old_outputs_or_the_new(small_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    code = textwrap.dedent(KILLED)
    arguments = [sys.executable, "-c", code, str(small_folder), str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[2.0, 3.0]", "killed before anything was replaced"
