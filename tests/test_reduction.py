"""The Reduction: the names users rely on, what is computed again after which edit, failures, memory."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from jupyter_client.manager import KernelManager
from visits import digests, everything, run_all, small_folder, tiny_visit

from hustle_widgets import Reduction, load_visit, run_pipeline
from hustle_widgets.engine.callbacks import Cancelled
from hustle_widgets.engine.chain import Listener
from hustle_widgets.reduction import StepError
from hustle_widgets.steps.parameters import ParameterError
from hustle_widgets.visit import VisitError

__all__ = ["small_folder"]  # a fixture

# With these, every step of a tiny visit that can be done is done.
FITTED = {
    "smth_bounds": None,
    "bounds": None,
    "mask_trace": False,
    "rows": [0, 1, 2],
    "do_0thtracking": False,
}
SWITCHES = {
    "hst_flags": "do_hst_flags",
    "fixed_iter": "do_fixed_iter",
    "free_iter": "do_free_iter",
    "led": "do_led",
    "smooth": "do_smooth",
    "uniform": "do_uniform",
    "column": "do_column",
    "pagul": "do_Pagul",
    "location": "do_location",
    "zeroth_tracking": "do_0thtracking",
    "bkg_stars": "do_bkg_stars",
    "quicklook": "do_quicklook",
    "save": "do_save",
}
NAMES = ["read_data", *SWITCHES]


@pytest.fixture
def reduction(tmp_path):
    return Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)


def counts(reduction):
    return {name: step.compute_count for name, step in reduction.steps.items()}


def computed_again(reduction, before):
    return [name for name, count in counts(reduction).items() if count > before[name]]


def assert_same_result(first: xr.Dataset, second: xr.Dataset) -> None:
    assert first.variables.keys() == second.variables.keys()
    for name in first.variables:
        np.testing.assert_array_equal(first[name].values, second[name].values, err_msg=str(name))


# --- names ------------------------------------------------------------------------------------------


def test_steps_are_found_by_attribute_by_item_and_in_order(reduction):
    assert list(reduction.steps) == NAMES
    for name, step in reduction.steps.items():
        assert getattr(reduction, name) is step is reduction[name]
        assert step.name == name and step.error == ""
        assert step.status == ("off" if name == "zeroth_tracking" else "stale")
        assert step.compute_count == 0 and step.seconds == 0.0 and step.reduction is reduction
        assert name in dir(reduction)
    with pytest.raises(KeyError, match="No step 'free'. The steps are read_data, hst_flags"):
        reduction["free"]
    with pytest.raises(AttributeError, match="no attribute 'free'"):
        _ = reduction.free


def test_switches_have_the_names_of_the_config_file(tmp_path):
    reduction = Reduction(tiny_visit(), **dict.fromkeys(SWITCHES.values(), False))
    for name, switch in SWITCHES.items():
        assert reduction[name].switch == switch
        assert reduction[name].enabled is False and reduction[name].status == "off"
        reduction.set(**{switch: True})
        assert reduction[name].enabled is True and reduction[name].status == "stale"


def test_every_parameter_can_be_given_to_the_reduction(reduction):
    for key, value in reduction.values().items():
        if key not in ("toplevel_dir", "do_0thtracking"):
            assert Reduction(tiny_visit(), **{key: value}).values()[key] == value


def test_an_unknown_keyword_names_the_nearest(tmp_path):
    with pytest.raises(
        TypeError, match="Reduction has no parameter 'free_sgima'. Did you mean 'free_sigma'?"
    ):
        Reduction(tiny_visit(), free_sgima=4)


def test_set_takes_all_or_nothing(reduction):
    before = reduction.values()
    with pytest.raises(
        ParameterError, match="'led_factor' parameter of LaplacianEdgeDetection must be an int"
    ):
        reduction.set(free_sigma=5, do_led=False, led_factor=1)
    assert reduction.values() == before
    with pytest.raises(TypeError, match="no parameter 'nonsense'"):
        reduction.set(free_sigma=5, nonsense=1)
    with pytest.raises(ParameterError, match="The 'do_led' switch must be True or False. Got 0"):
        reduction.set(free_sigma=5, do_led=0)
    assert reduction.values() == before
    reduction.set(free_sigma=5, do_led=False)
    assert reduction.free_iter.free_sigma == 5 and not reduction.led.enabled


def test_what_is_no_visit_is_refused():
    with pytest.raises(ValueError, match="not a visit: it lacks images and exp_time.*load_visit"):
        Reduction(xr.Dataset())
    visit = tiny_visit()
    with pytest.raises(ValueError, match="'errors' must be numbers, .*Its dims must be"):
        Reduction(visit.assign(errors=("exp_time", np.zeros(visit.sizes["exp_time"]))))


# --- results ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.rename(x="row", y="column"), "'images' have the dims .* must be .'exp_time', 'x', 'y'."),
        (lambda v: v.transpose("x", "y", ...), "'images' have the dims .* transpose"),
        (lambda v: v.assign(images=v["images"].astype(complex)), "'images' must be numbers, electrons"),
        (
            lambda v: v.assign_coords(exp_time=np.arange(v.sizes["exp_time"]).astype("M8[ns]")),
            "'exp_time' must be numbers, mid-exposure times as MJD",
        ),
        (
            lambda v: v.assign(subarr_coords=v["subarr_coords"] * np.nan),
            "'subarr_coords' must be numbers, four numbers",
        ),
        (lambda v: v.assign_attrs(chip="UVIS2"), "'chip' must be 1 or 2. Got 'UVIS2'"),
    ],
)
def test_a_dataset_that_is_not_as_it_must_be_is_refused_at_once(change: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Reduction(change(tiny_visit()))


def test_a_target_that_is_no_number_is_no_target() -> None:
    reduction = Reduction(tiny_visit().assign_attrs(target_posx="unknown"))
    assert reduction.zeroth_tracking.location == (970, 170)


def test_a_misspelt_attribute_is_refused() -> None:
    reduction = Reduction(tiny_visit())
    with pytest.raises(AttributeError, match="FreeIteration has no parameter 'free_sgima'.*'free_sigma'"):
        reduction.free_iter.free_sgima = 4.5
    with pytest.raises(
        AttributeError, match=r"'free_sigma' belongs to a step: .*reduction\.free_iter\.free_sigma"
    ):
        reduction.free_sigma = 4.5
    with pytest.raises(AttributeError, match=r"'do_led' belongs to a step: .*reduction\.led\.enabled"):
        reduction.do_led = False
    with pytest.raises(AttributeError, match="A step is not replaced"):
        reduction.free_iter = 4.5
    with pytest.raises(AttributeError, match="Reduction has no parameter 'output_rn'.*'output_run'"):
        reduction.output_rn = "x"
    assert reduction.free_iter.status == "stale"


def test_a_listener_that_fails_leaves_no_step_running(tmp_path: Path) -> None:
    class Failing(Listener):
        def running(self, name: str) -> None:
            raise RuntimeError("no pipe")

    reduction = Reduction(tiny_visit(), do_save=False)
    with pytest.raises(StepError, match="no pipe"):
        reduction.run(Failing())
    assert "running" not in {step.status for step in reduction.steps.values()}
    assert reduction.run() is not None


def test_run_gives_a_clean_visit_and_leaves_the_given_one_alone(tmp_path):
    visit = tiny_visit(folder=str(tmp_path))
    before = digests(visit)
    reduction = Reduction(visit, **FITTED)
    assert reduction.result is None
    clean = reduction.run()
    assert digests(visit) == before
    assert clean.identical(reduction.result) and clean is not visit
    assert clean["images"].shape == visit["images"].shape and clean["images"].dtype == np.float32
    assert not np.array_equal(clean["images"], visit["images"])
    for name, variable in clean.data_vars.items():
        assert variable.attrs.get("units") or variable.dtype.kind in "OU", f"{name} has no unit"
    for key, value in reduction.values().items():
        assert key in clean.attrs, key
        if isinstance(value, str):
            assert value in str(clean.attrs[key])
    assert "numpy" in clean.attrs["versions"]
    masks = dict(
        zip(
            clean["data_quality"].attrs["flag_meanings"].split(),
            clean["data_quality"].attrs["flag_masks"],
            strict=True,
        )
    )
    assert list(masks) == ["hst_flags", "fixed_iter", "free_iter", "led", "smooth"]
    quality = clean["data_quality"].values
    for name, bit in masks.items():
        patch = reduction.outcomes()[name].patch
        np.testing.assert_array_equal(np.flatnonzero(quality & bit), patch.index)
        assert patch.counts.sum() == len(patch)
    background = clean["images"].values + clean["bkg_vals_uniform"].values[:, None, None]
    background += clean["bkg_vals_column"].values[:, None, :]
    untouched = quality == 0
    np.testing.assert_allclose(background[untouched], visit["images"].values[untouched], rtol=1e-5, atol=1e-3)
    np.testing.assert_array_equal(clean["bkg_vals"], clean["bkg_vals_column"].median("y"))


def test_flags_that_are_not_replaced_are_bad_pixels(tmp_path):
    visit = tiny_visit(folder=str(tmp_path))
    only = {switch: name == "hst_flags" for name, switch in SWITCHES.items()}
    clean = Reduction(visit, **only, hst_replace=False).run()
    flagged = (visit["hst_dq"].values & (16 + 4096)) > 0
    np.testing.assert_array_equal(clean["images"], visit["images"])
    np.testing.assert_array_equal(clean["badpix_mask"], flagged)
    np.testing.assert_array_equal(clean["data_quality"], flagged.astype(np.uint8))


def test_skipped_frames_are_left_out_everywhere(tmp_path):
    visit = tiny_visit(folder=str(tmp_path), n_frames=9, orbits=3)
    clean = Reduction(visit, **FITTED, skip_first_fm=True, skip_first_or=True).run()
    keep = [4, 5, 7, 8]
    assert clean.sizes["exp_time"] == 4
    np.testing.assert_array_equal(clean["exp_time"], visit["exp_time"][keep])
    np.testing.assert_array_equal(clean["file_names"], visit["file_names"][keep])
    assert clean["bkg_vals"].shape[0] == clean["data_quality"].shape[0] == 4
    saved = xr.open_dataset(tmp_path / "outputs/stage_1/run_1/clean_obs.nc", decode_times=False)
    with saved:
        np.testing.assert_array_equal(saved["images"], clean["images"])


def test_the_outputs_are_what_run_returns_and_the_config_leads_back(tmp_path, reduction):
    clean = reduction.run()
    folder = tmp_path / "outputs" / "stage_1" / "run_1"
    assert sorted(path.name for path in folder.glob("[!.]*") if path.is_file()) == [
        "clean_obs.nc",
        "stage_1_run_1.hustle",
    ]
    with xr.open_dataset(folder / "clean_obs.nc", decode_times=False) as saved:
        for name in clean.variables:
            np.testing.assert_array_equal(saved[name].values, clean[name].values, err_msg=str(name))
    again = Reduction.from_config(folder / "stage_1_run_1.hustle", visit=reduction.visit)
    written, given = again.values(), reduction.values()
    place = clean.attrs["target_posx"], clean.attrs["target_posy"]
    assert written.pop("location") == pytest.approx(place, abs=0.01)  # as found, so that Stage 2 starts there
    given.pop("location")
    assert written == given
    assert_same_result(again.run(), clean)


def test_an_output_that_fails_leaves_the_old_one(tmp_path, reduction, monkeypatch):
    reduction.run()
    path = tmp_path / "outputs" / "stage_1" / "run_1" / "clean_obs.nc"
    before = path.read_bytes()

    def full(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("hustle_widgets.run_folder.save_clean", full)
    reduction.free_iter.free_sigma = 8
    with pytest.raises(StepError, match="save: .*No space left on device"):
        reduction.run()
    assert reduction.save.status == "failed" and "No space left" in reduction.save.error
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in path.parent.iterdir() if "partial" in entry.name) == []


# --- what is computed again -------------------------------------------------------------------------

ALTERING = ["read_data", "hst_flags", "fixed_iter", "free_iter", "led", "smooth", "uniform", "column"]
REPORTING = ["location", "quicklook", "save"]


def test_a_first_run_computes_every_step_that_is_on_once(reduction):
    reduction.run()
    assert counts(reduction) == {name: int(name in ALTERING + REPORTING) for name in NAMES}
    assert all(reduction[name].seconds > 0 for name in ALTERING)


@pytest.mark.parametrize(
    ("edit", "again"),
    [
        ({"free_sigma": 4.5}, ["free_iter", "led", "smooth", "uniform", "column"]),
        ({"hst_flags": [16]}, ALTERING[1:]),
        ({"skip_first_fm": True}, ALTERING),
        ({"col_sigma": 5}, ["column"]),
        ({"do_led": False}, ["smooth", "uniform", "column"]),
        ({"do_column": False}, []),
        ({"aperture": 5}, []),
        ({"traces_included": ("-1",)}, []),
        ({"output_run": "other"}, []),
        ({"verbose": 0}, []),
    ],
)
def test_an_edit_computes_its_step_and_the_later_ones_only(reduction, edit, again):
    reduction.run()
    before, old = counts(reduction), {key: reduction.values()[key] for key in edit}
    reduction.set(**edit)
    stale = [name for name in ALTERING if reduction[name].status == "stale"]
    assert stale == again
    reduction.run()
    changed = computed_again(reduction, before)
    assert [name for name in changed if name in ALTERING] == again
    assert all(count - before[name] <= 1 for name, count in counts(reduction).items())
    expected = Reduction(reduction.visit, **{**FITTED, **edit}).run()
    assert_same_result(reduction.result, expected)

    # Back to the old value: all is known; only the files are written again.
    before = counts(reduction)
    reduction.set(**old)
    assert all(reduction[name].status == "fresh" for name in ALTERING)
    reduction.run()
    assert computed_again(reduction, before) == ["save"]
    assert_same_result(reduction.result, Reduction(reduction.visit, **FITTED).run())


def test_running_twice_computes_nothing_but_writes(reduction):
    first = reduction.run()
    before = counts(reduction)
    assert_same_result(reduction.run(), first)
    assert computed_again(reduction, before) == ["save"]


# --- in the background ------------------------------------------------------------------------------


class Gate:
    """Holds the computing thread when a step begins, the first time."""

    def __init__(self, reduction, name):
        self.reached, self.open, self.begun = threading.Event(), threading.Event(), []
        self._name = name
        reduction.watch(self)

    def __call__(self, event, name):
        if event == "running":
            self.begun.append(name)
            if name == self._name and not self.reached.is_set():
                self.reached.set()
                assert self.open.wait(60)


def test_an_edit_computes_at_once_when_auto(reduction):
    reduction.auto = True
    reduction.free_iter.free_sigma = 4.5
    assert reduction.wait(60)
    assert all(reduction[name].status == "fresh" for name in [*ALTERING, "quicklook"])
    assert reduction.save.status == "stale" and reduction.save.compute_count == 0
    assert not (Path(reduction.toplevel_dir) / "outputs").exists()
    automatic = reduction.result
    other = Reduction(reduction.visit, **FITTED, free_sigma=4.5)
    assert_same_result(automatic, other.run())
    before = counts(reduction)
    assert_same_result(reduction.run(), automatic)
    assert computed_again(reduction, before) == ["save"]


def test_without_auto_edits_only_make_steps_stale(reduction):
    reduction.run()
    reduction.free_iter.free_sigma = 4.5
    assert reduction.wait(1) and reduction.free_iter.status == "stale"
    assert reduction.free_iter.compute_count == 1


def test_the_newest_of_rapid_edits_wins(reduction):
    gate = Gate(reduction, "free_iter")
    reduction.auto = True
    reduction.free_iter.free_sigma = 4
    assert gate.reached.wait(60)
    assert reduction.free_iter.status == "running"
    for sigma in (5, 6, 7, 8, 9):
        reduction.free_iter.free_sigma = sigma
    gate.open.set()
    assert reduction.wait(60)
    assert gate.begun.count("free_iter") == 2  # the first, cancelled, and the newest
    assert reduction.free_iter.compute_count == 1
    assert reduction.free_iter.status == "fresh" and reduction.free_iter.free_sigma == 9
    assert_same_result(reduction.result, Reduction(reduction.visit, **FITTED, free_sigma=9).run())


def test_cancel_stops_between_blocks_and_keeps_what_is_done(reduction):
    gate = Gate(reduction, "led")
    reduction.compute()
    assert gate.reached.wait(60)
    assert reduction.wait(0.01) is False
    reduction.cancel()
    gate.open.set()
    assert reduction.wait(60)
    assert reduction.free_iter.status == "fresh"
    assert reduction.led.status == "stale" and reduction.led.error == "" and reduction.led.compute_count == 0
    before = counts(reduction)
    reduction.run()
    assert computed_again(reduction, before)[0] == "led"


def test_cancel_stops_a_run_too(reduction):
    class Impatient(Listener):
        def running(self, name):
            if name == "led":
                reduction.cancel()

    with pytest.raises(Cancelled):
        reduction.run(Impatient())
    assert reduction.led.status == "stale" and reduction.free_iter.status == "fresh"
    assert_same_result(reduction.run(), reduction.result)


@pytest.mark.parametrize("place", ["outputs", "outputs/stage_1", "outputs/stage_1/run_1"])
def test_a_file_where_a_folder_is_to_be_is_named(tmp_path, place):
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text("mine")
    with pytest.raises(StepError, match=re.escape(f"{tmp_path / place} is a file where a folder is to be")):
        reduction.run()
    assert (tmp_path / place).read_text() == "mine" and reduction.result is not None


def test_run_takes_over_from_the_background(reduction):
    gate = Gate(reduction, "free_iter")
    reduction.compute()
    assert gate.reached.wait(60)
    threading.Timer(0.05, gate.open.set).start()
    reduction.run()
    assert all(step.status in ("fresh", "off") for step in reduction.steps.values())


def test_a_failure_in_the_background_is_on_the_step_and_nowhere_else(reduction):
    reduction.auto = True
    reduction.uniform.bounds = [[0, 10, 0, 1000]]
    assert reduction.wait(60)
    assert reduction.uniform.status == "failed" and "outside the frame" in reduction.uniform.error
    assert reduction.smooth.status == "fresh" and reduction.column.status == "stale"
    reduction.uniform.bounds = [[0, 10, 0, 20]]
    assert reduction.wait(60)
    assert reduction.uniform.status == "fresh" and reduction.uniform.error == ""
    assert reduction.column.status == "fresh"


# --- failures ---------------------------------------------------------------------------------------


def test_a_step_that_fails_is_named_and_the_ones_before_are_done(reduction, tmp_path):
    reduction.uniform.bounds = [[0, 10, 0, 1000]]
    message = (
        "The region [0, 10, 0, 1000] of 'bounds' reaches outside the frame of 40 rows and 60 columns. "
        "A region is [row0, row1, column0, column1], the ends not included."
    )
    with pytest.raises(StepError, match=re.escape("uniform: " + message)):
        reduction.run()
    assert reduction.uniform.status == "failed" and reduction.uniform.error == message
    assert all(reduction[name].status == "fresh" for name in ALTERING[:6])
    assert reduction.column.status == reduction.save.status == "stale"
    assert reduction.result is None and not (tmp_path / "outputs").exists()

    reduction.uniform.bounds = None
    assert reduction.uniform.error == "" and reduction.uniform.status == "stale"
    reduction.run()
    assert reduction.uniform.status == "fresh"
    assert reduction.led.compute_count == 1


def test_switching_a_failed_step_off_lets_the_others_go_on(reduction):
    reduction.uniform.bounds = [[0, 10, 0, 1000]]
    run_all(reduction)
    reduction.uniform.enabled = False
    assert reduction.uniform.status == "off" and reduction.uniform.error == ""
    clean = reduction.run()
    assert "bkg_vals_uniform" not in clean and "bkg_vals_column" in clean
    reduction.uniform.enabled = True
    assert reduction.uniform.status == "stale" and reduction.column.status == "stale"
    with pytest.raises(StepError, match="uniform: The region"):
        reduction.run()


def test_the_same_failure_is_tried_anew_by_the_next_run(reduction, tmp_path):
    reduction.set(path_to_Pagul=str(tmp_path / "sky.fits"))
    reduction.run()
    assert reduction.pagul.status == "off" and "There is no sky image" in reduction.pagul.error
    sky = np.ones(reduction.visit["images"].shape[1:], np.float32)
    fits.writeto(tmp_path / "sky.fits", sky)
    reduction.run()
    assert reduction.pagul.status == "fresh" and reduction.pagul.error == ""
    assert "bkg_vals_pagul" in reduction.result


BAD = [
    ("column", {"mask_trace": False, "rows": [0, 40]}, "'rows' holds row 40; the frame has rows 0 to 39."),
    ("column", {"mask_trace": False, "rows": []}, "'rows' is empty"),
    ("smooth", {"smth_bounds": [[0, 41, 0, 5]]}, "[0, 41, 0, 5] of 'smth_bounds' reaches outside the frame"),
    ("smooth", {"smth_kernel": (3, 5)}, "'1D_smooth' takes a 'smth_kernel' of one odd int. Got (3, 5)."),
    (
        "smooth",
        {"smth_type": "2D_smooth"},
        "'2D_smooth' takes a 'smth_kernel' of two odd ints (rows, columns)",
    ),
    ("uniform", {"hist_min": 50, "hist_max": 10}, "'hist_min' must be below 'hist_max'. Got 50 and 10."),
    ("uniform", {"hist_min": 1e6, "hist_max": 2e6}, "none of the"),
    ("bkg_stars", {"bkg_stars_loc": [[59, 41]], "bkg_window": 4}, "at column 59, row 41,"),
    ("bkg_stars", {"bkg_stars_loc": [[20, 20], [20, 20]], "bkg_window": 4}, "are both at column 20, row 20."),
    ("bkg_stars", {"bkg_stars_loc": [[20, 20]], "bkg_window": 30}, "larger than the frame of 40 rows and 60"),
]


@pytest.mark.parametrize(("name", "parameters", "message"), BAD)
def test_bad_parameters_are_said_on_the_step_and_nothing_is_lost(tmp_path, name, parameters, message):
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **FITTED)
    clean = reduction.run()
    before = {key: reduction.values()[key] for key in parameters}
    reduction.set(**parameters)
    with pytest.raises(StepError, match=re.escape(message)) as error:
        reduction.run()
    assert str(error.value).startswith(f"{name}: ")
    assert reduction[name].status == "failed" and message in reduction[name].error
    assert [step.name for step in reduction.steps.values() if step.status == "failed"] == [name]
    assert reduction.result.identical(clean)  # of the last run that came to its end
    reduction.set(**before)
    assert_same_result(reduction.run(), clean)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.ones((30, 60), np.float32), "does not cover the subarray"),
        (np.ones(60, np.float32), "is not a FITS file with an image"),
        (b"no FITS at all", "is not a FITS file with an image"),
        (np.full((40, 60), np.nan, np.float32), "sky image"),
    ],
)
def test_a_bad_sky_image_is_said(reduction, tmp_path, content, message):
    path = tmp_path / "sky.fits"
    path.write_bytes(content) if isinstance(content, bytes) else fits.writeto(path, content)
    reduction.set(path_to_Pagul=str(path))
    with pytest.raises(StepError, match=f"pagul: .*{message}"):
        reduction.run()


def test_a_truncated_sky_image_is_said(reduction, tmp_path):
    path = tmp_path / "sky.fits"
    fits.writeto(path, np.ones((40, 60), np.float32))
    path.write_bytes(path.read_bytes()[:4000])
    reduction.set(path_to_Pagul=str(path))
    with pytest.raises(
        StepError, match=r"pagul: .*sky\.fits is not a FITS file with an image, or is damaged"
    ):
        reduction.run()


def test_a_lost_frame_is_no_reason_to_lose_the_visit(small_folder):
    visit = load_visit(small_folder)
    visit["images"].values[2] = np.nan
    reduction = Reduction(visit, **everything(small_folder), do_save=False)
    clean = reduction.run()
    assert all(step.status == "fresh" for step in reduction.steps.values() if step.enabled)
    assert "not found in 1 of 6 frames" in reduction.zeroth_tracking.notes
    for name in ("0th_order_disp", "meanstar_disp", "star0_disp"):
        assert np.isfinite(clean[name].values).all(axis=1).tolist() == [True, True, False, True, True, True]
    nothing = visit.assign(images=visit["images"] * 0)
    off = dict.fromkeys(("do_save", "do_bkg_stars", "do_Pagul", "do_uniform", "do_column"), False)
    dark = Reduction(nothing, **{**everything(small_folder), **off})
    dark.run()  # what is not there to be tracked is off, and says what to look at
    assert dark.zeroth_tracking.status == "off"
    assert "The 0th order was found in no frame" in dark.zeroth_tracking.error
    assert "Check 'location'" in dark.zeroth_tracking.error


def test_a_visit_cut_by_hand_is_reduced_without_the_steps_that_need_its_place_on_the_chip(small_folder):
    visit = load_visit(small_folder).isel(x=slice(20, 160), y=slice(10, 250))
    reduction = Reduction(visit, do_save=False)
    reduction.run()
    assert reduction.pagul.status == "off"
    assert "where its subarray lies on the chip" in reduction.pagul.error
    assert "failed" not in [step.status for step in reduction.steps.values()]


# --- folders ----------------------------------------------------------------------------------------


@pytest.fixture
def copied(small_folder, tmp_path):
    """A folder of its own with the visit's files; those that a test damages are replaced, not written to."""
    ignore = shutil.ignore_patterns("outputs")
    shutil.copytree(small_folder, tmp_path / "files", copy_function=os.link, ignore=ignore)
    return tmp_path / "files"


def first_frame(folder):
    return sorted((folder / "specimages").glob("*.fits"))[0]


def rewritten(path, change):
    with fits.open(path, memmap=False) as hdus:
        changed = change(fits.HDUList([hdu.copy() for hdu in hdus]))
    path.unlink()
    changed.writeto(path)


def truncated(path):
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[: len(data) // 2])


def without_science(hdus):
    hdus[0].header["NEXTEND"] = 2
    return fits.HDUList([hdu for hdu in hdus if hdu.name != "SCI"])


def smaller(hdus):
    for hdu in hdus[1:]:
        hdu.data = hdu.data[:-10]
    return hdus


def test_a_folder_is_loaded(copied):
    reduction = Reduction(copied, do_0thtracking=False)
    assert reduction.toplevel_dir == str(copied)
    assert reduction.visit.sizes["exp_time"] == 6
    assert reduction.visit.attrs["target_posx"] == pytest.approx(
        reduction.zeroth_tracking.location[0], abs=0.01
    )


def test_bad_folders_are_named(copied, tmp_path):
    with pytest.raises(FileNotFoundError, match="The folder .*nowhere does not exist"):
        Reduction(tmp_path / "nowhere")
    cases = {
        "truncated": (
            lambda: truncated(first_frame(copied)),
            "or01fm001_flt.fits cannot be read; .*truncated",
        ),
        "no science": (
            lambda: rewritten(first_frame(copied), without_science),
            "001_flt.fits has no SCI extension",
        ),
        "unlike shapes": (
            lambda: rewritten(first_frame(copied), smaller),
            "unlike shapes: .*230 rows.*240 x 640",
        ),
        "no direct image": (
            lambda: shutil.rmtree(copied / "directimages"),
            "No direct image: .*directimages",
        ),
        "no spec images": (lambda: shutil.rmtree(copied / "specimages"), "No G280 exposures: .*specimages"),
    }
    original = first_frame(copied)
    keep = original.read_bytes()
    for damage, message in cases.values():
        damage()
        with pytest.raises(VisitError, match=message):
            Reduction(copied)
        if original.parent.is_dir():
            original.unlink()
            original.write_bytes(keep)
    assert not (copied / "outputs").exists()


def test_bad_values_in_a_config_file_are_named_with_their_line(copied, tmp_path):
    path = tmp_path / "stage_1_bad.hustle"
    path.write_text(f"toplevel_dir '{copied}' # here\nfree_sigma nan # no\n# ENDPARSE\n")
    with pytest.raises(ValueError, match=r"stage_1_bad\.hustle.*2.*'free_sigma' parameter of FreeIteration"):
        Reduction.from_config(path)
    with pytest.raises(ValueError, match="not stages"):
        run_pipeline(tmp_path, (2,))


# --- against loops over pixels ----------------------------------------------------------------------


def naive_fixed(series, sigmas, replacement):
    """The definition of the fixed iteration, one value after the other."""
    current, flagged = series.astype(np.float64), np.zeros(len(series), bool)
    finite = np.isfinite(current)
    for sigma in sigmas:
        if not finite.any():
            break
        median, spread = np.median(current[finite]), np.std(current[finite])
        new = [k for k in range(len(current)) if finite[k] and abs(current[k] - median) > sigma * spread]
        flagged[new] = True
        values = []
        for k in new:
            if replacement is None:
                values.append(median)
                continue
            near = range(max(0, k - replacement), min(len(current), k + replacement + 1))
            window = [current[j] for j in near if j != k and finite[j] and not flagged[j]]
            if not window:
                window = [current[j] for j in range(len(current)) if finite[j] and not flagged[j]]
            values.append(np.median(window) if window else median)
        for k, value in zip(new, values, strict=True):
            current[k] = np.float32(value)
    return current.astype(np.float32)


def naive_free(series, sigma):
    """The definition of the free iteration, one round after the other."""
    values = series.astype(np.float64)
    finite = np.isfinite(values)
    keep = finite.copy()
    if not finite.any():
        return series
    for _ in range(len(values)):
        median, spread = np.median(values[keep]), np.std(values[keep])
        now = np.array(
            [bool(finite[k] and abs(values[k] - median) < sigma * spread) for k in range(len(values))]
        )
        if not now.any():
            break
        same = now.sum() == keep.sum()
        keep = now
        if same:
            break
    result = series.copy()
    result[finite & ~keep] = np.float32(median)
    return result


def with_oddities(images):
    images[:, 0, :] = 7.0  # constant
    images[:, 1, :] = np.nan
    images[2, 2, :] = np.nan
    images[::2, 3, :10] = np.nan
    images[:, 4, :] = 100.0
    images[3, 4, 5] = 900.0  # a lone outlier on a constant


@pytest.mark.parametrize(
    ("n_frames", "orbits", "replacement"), [(12, 2, None), (12, 1, 2), (1, 1, None), (2, 1, 1), (25, 3, 1)]
)
def test_frames_equal_a_loop_over_pixels(tmp_path, n_frames, orbits, replacement):
    visit = tiny_visit(n_frames, (10, 24), orbits=orbits, change=with_oddities if n_frames > 3 else None)
    only = {switch: name in ("fixed_iter", "free_iter") for name, switch in SWITCHES.items()}
    reduction = Reduction(visit, **only, fixed_sigmas=[3, 2.5], replacement=replacement, free_sigma=2.2)
    clean = reduction.run()["images"].values
    expected = visit["images"].values.copy()
    changed = 0
    for row in range(10):
        for column in range(24):
            series = naive_fixed(expected[:, row, column], [3, 2.5], replacement)
            series = naive_free(series, 2.2)
            changed += np.count_nonzero(series != expected[:, row, column])
            expected[:, row, column] = series
    assert (changed > 20) == (n_frames > 3)
    np.testing.assert_allclose(clean, expected, rtol=1e-6, equal_nan=True)


# --- memory -----------------------------------------------------------------------------------------

TEN_RUNS = """
import gc, sys, weakref
sys.path[:0] = {path!r}
from visits import tiny_visit
from hustle_widgets import Reduction
gc.collect()
gc.disable()  # what is left is in a cycle, and would stay until the collector happens to come by
refs = []
for seed in range(10):
    visit = tiny_visit(seed=seed, folder={folder!r})
    reduction = Reduction(visit, bounds=None, mask_trace=False, rows=[0], verbose=0)
    refs += [weakref.ref(visit[name].values) for name in ("images", "errors", "hst_dq")]
    clean = reduction.run()
    refs.append(weakref.ref(clean["images"].values))
    reduction.auto = True
    reduction.free_iter.free_sigma = 5
    assert reduction.wait(60)
    refs.append(weakref.ref(reduction.result["images"].values))
    del visit, reduction, clean
alive = sum(ref() is not None for ref in refs)
assert alive == 0, f"{{alive}} of {{len(refs)}} cubes are still there"
"""


def test_ten_runs_leave_nothing_behind(tmp_path):
    path = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    code = TEN_RUNS.format(path=path, folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr


PREPARE = """
import gc, sys, weakref
import ipywidgets
sys.path[:0] = {path!r}
from visits import tiny_visit
from hustle_widgets import Reduction
refs = []
def remembered(visit):
    refs.append(weakref.ref(visit["images"].values))
    return visit
def alive():
    gc.collect()
    return sum(ref() is not None for ref in refs), len(ipywidgets.widgets.widget._instances)
"""
CELL = """
reduction = Reduction(remembered(tiny_visit(seed=len(refs))), bounds=None, do_save=False)
reduction.run()
reduction
"""


@pytest.fixture
def kernel():
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)

    def execute(code):
        reply = client.execute_interactive(
            code, user_expressions={"alive": "alive()"}, timeout=120, output_hook=lambda message: None
        )
        content = reply["content"]
        assert content["status"] == "ok", "\n".join(content.get("traceback", []))
        return ast.literal_eval(content["user_expressions"]["alive"]["data"]["text/plain"])

    yield execute
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_cell_run_ten_times_keeps_one_visit(kernel):
    path = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    assert kernel(PREPARE.format(path=path))[0] == 0
    visits, widgets = zip(*(kernel(CELL) for _ in range(10)), strict=True)
    # The one that is shown, and the one before where it is still computing.
    assert max(visits) <= 2, visits
    assert widgets[-1] <= widgets[0] + 20 < 2000, widgets
    assert kernel("reduction.wait(60); None")[0] <= 2


def test_an_unshown_visit_with_a_name_is_loaded_once(small_folder):
    visit = load_visit(small_folder)
    first, second = Reduction(visit), Reduction(visit)
    assert np.shares_memory(first._chain.source.images, visit["images"].values)
    assert np.shares_memory(second._chain.source.images, visit["images"].values)
    assert second._chain.source.hst_dq.nbytes < 0.2 * visit["hst_dq"].nbytes  # the flagged pixels


def test_two_reductions_of_one_visit_do_not_disturb_each_other(small_folder):
    visit = load_visit(small_folder)
    before = digests(visit)
    options = {**everything(small_folder), "do_save": False}
    first, second = Reduction(visit, **options), Reduction(visit, **options, free_sigma=1.9)
    first.compute()
    second.run()
    assert first.wait(100)
    assert digests(visit) == before
    assert not np.array_equal(first.result["images"], second.result["images"], equal_nan=True)
    assert_same_result(Reduction(visit, **options).run(), first.result)


def test_a_run_returns_what_it_computed_whatever_is_edited_meanwhile(reduction: Reduction) -> None:
    reduction.set(do_save=False, free_sigma=4.0)

    def edit(event: str, name: str) -> None:
        if (event, name) == ("running", "uniform"):
            reduction.free_iter.free_sigma = 9.0

    reduction.watch(edit)
    clean = reduction.run()
    assert (clean.attrs["free_sigma"], reduction.free_iter.free_sigma) == ("4.0", 9.0)
    fresh = Reduction(reduction.visit, **{**reduction.values(), "free_sigma": 4.0}).run()
    np.testing.assert_array_equal(clean["images"], fresh["images"])


def test_an_edit_while_the_result_is_put_together_is_not_in_it(
    reduction: Reduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frames of one value under the key of another would come back after an undo."""
    reduction.set(do_save=False, do_Pagul=False, do_bkg_stars=False, free_sigma=4.0)
    expected = reduction.run()["images"].values
    reduction.set(free_sigma=3.0)
    reduction.run()
    reduction.set(free_sigma=4.0)
    state_before = reduction._chain.state_before

    def edited_just_before(request: Any, name: str = "") -> Any:
        reduction.free_iter.free_sigma = 3.0
        return state_before(request, name)

    with monkeypatch.context() as patched:
        patched.setattr(reduction._chain, "state_before", edited_just_before)
        assert reduction.result.attrs["free_sigma"] == "4.0"
    reduction.set(free_sigma=4.0)
    np.testing.assert_array_equal(reduction.result["images"], expected)


def test_a_result_tells_the_present_values_of_all_parameters(reduction: Reduction) -> None:
    reduction.set(do_save=False, do_led=False)
    reduction.run()
    reduction.set(led_threshold=99.0, output_run="second")
    told = reduction.result.attrs
    assert (told["led_threshold"], told["output_run"]) == ("99.0", "second")
