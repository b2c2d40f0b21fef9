"""The clean visit, read as Stage 2 of HUSTLE-tools reads it: the path it opens, and each access it makes."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from test_pipeline import copied
from visits import everything, small_folder  # noqa: F401

from hustle_widgets import Reduction, load_visit, reduce
from hustle_widgets.assessment import assess
from hustle_widgets.clean_format import ATTRIBUTES, VARIABLES
from hustle_widgets.console import summary

# What Stage 2 takes from the file: dims and dtype as its own Stage 1 writes them.
READ: dict[str, tuple[tuple[str, ...], str]] = {
    "images": (("exp_time", "x", "y"), "float32"),
    "errors": (("exp_time", "x", "y"), "float32"),
    "direct_image": (("x", "y"), "float32"),
    "badpix_mask": (("exp_time", "x", "y"), "bool"),
    "exp_time": (("exp_time",), "float64"),
    "orbit_numbers": (("exp_time",), "float64"),
    "subarr_coords": (("index",), "float64"),
    "read_noise": (("exp_time",), "float32"),
    "bkg_vals": (("exp_time",), "float64"),
    "meanstar_disp": (("exp_time", "xy"), "float64"),
}
OFF = {"do_led": False, "do_smooth": False, "do_fixed_iter": False, "save_plots": 0, "verbose": 0}


@pytest.fixture(scope="module")
def visit(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    return copied(small_folder, tmp_path_factory.mktemp("stage_2") / "files")


@pytest.fixture(scope="module")
def full(visit: Path) -> xr.Dataset:
    reduction = Reduction(visit, **everything(visit), do_Pagul=False, do_led=False, output_run="full")
    reduction.run()
    with xr.open_dataset(visit / "outputs" / "stage1" / "full" / "clean_obs.nc") as file:
        return file.load()


def test_each_access_of_stage_2(full: xr.Dataset, visit: Path) -> None:
    for name, (dims, dtype) in READ.items():
        assert full[name].dims == dims and full[name].dtype == dtype, name
    frames, rows, columns = full.images.shape
    assert np.isfinite(full.images.data.copy()).all() and full.errors[0].values.shape == (rows, columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        assert list(range(full.dims["y"])) == list(range(columns))
    left, bottom = full.subarr_coords.values[0], full.subarr_coords.values[2]
    assert left >= 1 and bottom >= 1 and full.subarr_coords.values[1] - left + 1 == columns
    assert list(full["index"].values) == ["left edge", "right edge", "bottom edge", "top edge"]
    place = [full.attrs["target_posx"], full.attrs["target_posy"]]
    assert all(isinstance(number, float) and math.isfinite(number) for number in place)
    for frame in range(frames):
        assert np.ndim(full.read_noise.data[frame]) == np.ndim(full.bkg_vals.data[frame]) == 0
    spectra = xr.Dataset(coords={"exp_time": full.exp_time.data})
    spectra["meanstar_disp"] = full["meanstar_disp"]
    assert spectra["meanstar_disp"].shape == (frames, 2)
    assert "star0_disp" in full and full["star0_disp"].dims == ("exp_time", "xy")


def test_the_background_is_a_number_a_frame_whichever_step_was_last(full: xr.Dataset, visit: Path) -> None:
    np.testing.assert_allclose(full["bkg_vals"], np.median(full["bkg_vals_column"], axis=1))
    assert full["bkg_vals_column"].dims == ("exp_time", "y") and "median" in full["bkg_vals"].comment
    none = reduce(
        load_visit(visit), **OFF, do_uniform=False, do_column=False, do_Pagul=False, do_0thtracking=False
    )
    for name in ("bkg_vals", "meanstar_disp", "0th_order_pos"):
        assert not none[name].any() and none[name].attrs["comment"]
        assert none[name].dims == VARIABLES[name].dims and none[name].dtype == VARIABLES[name].dtype


def test_every_variable_and_attribute_is_declared_as_it_is(full: xr.Dataset) -> None:
    for name, declared in VARIABLES.items():
        assert full[name].dims == declared.dims, name
        assert full[name].attrs["long_name"] == declared.text
        assert (
            full[name].dtype.kind in "UO" if declared.dtype == "text" else full[name].dtype == declared.dtype
        ), name
    assert [name for name in ATTRIBUTES if name not in full.attrs] == ["injected"]


def test_the_location_used_is_the_location_written(visit: Path) -> None:
    loaded = load_visit(visit)
    header = loaded.attrs["target_posx"], loaded.attrs["target_posy"]

    def written(**parameters: object) -> tuple[float, float]:
        clean = reduce(loaded, **{**OFF, "do_Pagul": False, **parameters})
        assert (clean.attrs["header_posx"], clean.attrs["header_posy"]) == header
        return clean.attrs["target_posx"], clean.attrs["target_posy"]

    assert written(do_location=False) == header
    by_hand = header[0] + 3.25, header[1] - 1.5
    assert written(do_location=False, location=by_hand) == by_hand
    refined = written(do_location=True, location=by_hand)
    assert refined != by_hand and math.dist(refined, header) < 3


@pytest.mark.parametrize("refine", [True, False])
def test_a_location_far_from_a_header_that_is_right_is_questioned(refine: bool, visit: Path) -> None:
    header = Reduction(visit).zeroth_tracking.location
    parameters = {**OFF, "do_Pagul": False, "do_save": False, "dist_from_trace": 20, "do_location": refine}
    for far, asked in ((68, True), (2, False)):
        reduction = Reduction(visit, location=(header[0] - far, header[1]), **parameters)
        reduction.run()
        said = "\n".join(step.notes for step in reduction.steps.values())
        assert ("68 pixels from where the header" in said) is asked, said
        told = [line for line in summary(reduction).splitlines() if "Location and header" in line]
        assert len(told) == asked, told
        if asked:
            state = reduction.state()
            findings = assess(state, reduction.zeroth_tracking.location, kinds=reduction.kinds)
            (found,) = (finding for finding in findings if finding.title == "Location and header")
            assert (found.step, found.verdict, found.remedy.parameter) == ("location", "check", "location")
            assert math.dist(found.remedy.value, header) < 2 and "set location to [" in told[0]
            reduction.zeroth_tracking.location = found.remedy.value
            reduction.run()
            assert "Location and header" not in summary(reduction)
