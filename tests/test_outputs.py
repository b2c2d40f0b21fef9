"""The clean visit as a file, and the script that makes it again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr
from visits import everything, small_folder, tiny_visit  # noqa: F401

from hustle_widgets import Reduction, load_visit, reduce
from hustle_widgets.outputs import result_id
from hustle_widgets.reduction import StepError
from hustle_widgets.visit import save_clean

# What HUSTLE-tools' Stage 2 reads.
STAGE_2 = [
    *("images", "errors", "direct_image", "subarr_coords", "orbit_numbers", "badpix_mask", "data_quality"),
    *("read_noise", "exp_time", "exp_time_UT", "index", "meanstar_disp"),
]


@pytest.fixture(scope="module")
def reduction() -> Reduction:
    found = Reduction(
        tiny_visit(),
        bounds=None,
        smth_bounds=None,
        dist_from_trace=5,
        free_sigma=2.5,
        hst_replace=False,
        do_save=False,
    )
    found.run()
    return found


@pytest.fixture(scope="module")
def path(reduction: Reduction, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("file") / "clean_obs.nc"
    assert reduction.result is not None
    save_clean(reduction.result, file)
    return file


def test_xarray_reads_what_was_written(reduction: Reduction, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with xr.open_dataset(path) as file:
            file.load()
    clean = reduction.result
    assert clean is not None
    assert set(STAGE_2) <= set(file.variables)
    for name, variable in clean.variables.items():
        assert file[name].dims == variable.dims
        if variable.dtype.kind != "U":
            assert file[name].dtype == variable.dtype, name
            np.testing.assert_array_equal(file[name], variable)
    assert file["images"].dims == ("exp_time", "x", "y") and file["images"].dtype == np.float32
    assert file["badpix_mask"].dtype == bool and file["badpix_mask"].any()
    assert file["exp_time"].dtype == np.float64
    assert file.attrs["target_posx"] == clean.attrs["target_posx"]


def test_every_number_has_a_unit_and_every_variable_a_name(path: Path) -> None:
    with netCDF4.Dataset(path) as file:
        for name, variable in file.variables.items():
            assert variable.long_name, name
            if variable.dtype is not str:
                assert variable.units, name
        for coordinate in ("exp_time", "index", "xy"):
            assert "_FillValue" not in file[coordinate].ncattrs()


def test_flags_say_which_step_changed_which_pixel(reduction: Reduction, path: Path) -> None:
    with netCDF4.Dataset(path) as file:
        quality = file["data_quality"]
        meanings = dict(zip(quality.flag_meanings.split(), quality.flag_masks, strict=True))
        flags = quality[:]
        assert quality.flag_masks.dtype == flags.dtype
    outcomes = reduction.outcomes()
    for name, bit in meanings.items():
        expected = np.zeros(flags.shape, bool)
        patch = outcomes[name].patch
        assert patch is not None
        expected.flat[patch.index] = True
        np.testing.assert_array_equal((flags & bit) > 0, expected, err_msg=name)
    assert (flags & meanings["free_iter"]).any() and (flags & meanings["hst_flags"]).any()


def test_parameters_and_versions_are_in_the_file(path: Path) -> None:
    with netCDF4.Dataset(path) as file:
        assert file.free_sigma == "2.5" and file.do_led == "True" and file.hst_replace == "False"
        assert file.Conventions.startswith("CF-")
        assert "numpy" in file.versions and "python 3" in file.versions


@pytest.mark.skipif(shutil.which("ncdump") is None, reason="ncdump (netcdf-bin) is not installed")
def test_ncdump_reads_it(path: Path) -> None:
    done = subprocess.run(["ncdump", "-h", str(path)], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr
    for name in (*STAGE_2, "flag_masks = 1UB, 2UB, 4UB, 8UB, 16UB"):
        assert name in done.stdout


def test_reductions_in_several_threads_write_in_turn(tmp_path: Path) -> None:
    places = [tmp_path / str(number) for number in range(4)]
    reductions = []
    for place in places:
        place.mkdir()
        reductions.append(Reduction(tiny_visit(folder=str(place)), do_led=False))
    with ThreadPoolExecutor(len(places)) as pool:
        results = list(pool.map(Reduction.run, reductions))
    for place, clean in zip(places, results, strict=True):
        with xr.open_dataset(place / "outputs/stage_1/run_1/clean_obs.nc") as read:
            np.testing.assert_array_equal(read["images"], clean["images"])


def test_a_file_in_the_place_of_the_run_stays(tmp_path: Path) -> None:
    place = tmp_path / "outputs" / "stage_1" / "run_1"
    place.parent.mkdir(parents=True)
    place.write_text("a person's")
    reduction = Reduction(tiny_visit(folder=str(tmp_path)))
    with pytest.raises(StepError, match="save: The outputs cannot be written: .*run_1 is a file.*output_run"):
        reduction.run()
    assert [path.name for path in place.parent.iterdir()] == ["run_1"]
    assert place.read_text() == "a person's"
    assert reduction.result is not None


def test_a_result_is_known_again(reduction: Reduction) -> None:
    state, values = reduction.state(), reduction.values()
    known = result_id(state, values)
    assert result_id(state, {**values, "output_run": "another", "verbose": 0}) == known
    assert result_id(state, {**values, "hist_bins": 999}) != known
    other = Reduction(tiny_visit(seed=1), do_save=False)
    other.set(**{key: value for key, value in values.items() if key != "location"})
    other.run()
    assert result_id(other.state(), values) != known


def test_reduce_does_what_the_widgets_do(reduction: Reduction) -> None:
    clean = reduce(reduction.visit, **reduction.values())
    xr.testing.assert_identical(clean, reduction.result)
    with pytest.raises(TypeError, match="no parameter 'nonsense'"):
        reduce(reduction.visit, nonsense=1)
    with pytest.raises(ValueError, match="uniform: 'hist_min' must be below"):
        reduce(reduction.visit, hist_min=3, hist_max=2, bounds=None)


def test_the_script_gives_the_same_frames(small_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    parameters = everything(small_folder) | {
        "free_sigma": 4.5,
        "do_led": False,
        "traces_included": ("+1", "-1"),
    }
    reduction = Reduction(load_visit(small_folder), **parameters, do_save=False)
    clean = reduction.run()
    script = reduction.to_script()
    assert "Reduction" not in script and "ipywidgets" not in script
    assert "free_sigma=4.5,\n" in script and "led_threshold" not in script and "verbose" not in script
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with xr.open_dataset(tmp_path / "clean_obs.nc") as again:
        for name in ("images", "data_quality", "badpix_mask", "0th_order_pos", "bkg_vals", "meanstar_disp"):
            np.testing.assert_array_equal(again[name], clean[name], err_msg=name)
