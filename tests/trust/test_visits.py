"""Odd visits, made by hand: reduced, or refused with a sentence that names what is odd."""

from __future__ import annotations

import contextlib
import copy
import os
import pickle
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.reduction import StepError
from hustle_widgets.visit_checks import EXPECTED

FITTED: dict[str, Any] = {"bounds": None, "smth_bounds": None, "dist_from_trace": 5, "verbose": 0}
N = 8


def replaced(name: str, value: Any) -> Callable[[xr.Dataset], xr.Dataset]:
    """A visit in which one variable is another."""

    def change(visit: xr.Dataset) -> xr.Dataset:
        if name == "exp_time":
            return visit.drop_vars(["exp_time", "exp_time_UT"]).assign_coords(exp_time=value)
        return visit.drop_vars(name, errors="ignore").assign({name: value})

    return change


def odd_values() -> list[tuple[str, str, Any]]:
    """Every variable that is read, with other dims, kinds, units and values than it must have."""
    found: list[tuple[str, str, Any]] = []
    visit = tiny_visit()
    visit["frame_problem"] = ("exp_time", np.full(N, ""))
    for name, expected in EXPECTED.items():
        variable = visit[name].variable
        number = np.ones(variable.shape)
        found += [
            (name, "scalar", ((), variable.values.flat[0])),
            (name, "more dims", ((*variable.dims, "more"), number[..., np.newaxis])),
            (name, "complex", (variable.dims, number * 1j)),
            (name, "dates", (variable.dims, number.astype("M8[ns]"))),
        ]
        if expected.dims:
            other = [f"other_{dim}" for dim in variable.dims]
            found.append((name, "other dims", (other, variable.values)))
        if "f" in expected.kinds:
            found.append((name, "texts", (variable.dims, number.astype(str))))
        elif "U" not in expected.kinds:
            found.append((name, "fractions", (variable.dims, number / 2)))
        if expected.units is not None:
            for unit in ("adu", "electron/s", "m"):
                found.append((name, unit, (variable.dims, variable.values, {"units": unit})))
        if expected.good is not None:
            for value in (np.nan, np.inf, -0.5):
                if not expected.good(np.full(variable.shape, value)):
                    found.append((name, str(value), (variable.dims, np.full(variable.shape, value))))
    found.append(("orbit_numbers", "two", ("other", [1, 2])))
    # xarray itself refuses a coordinate that is no line along its dimension.
    return [case for case in found if case[:2] != ("exp_time", "scalar")]


@pytest.mark.parametrize("case", odd_values(), ids=lambda case: f"{case[0]}: {case[1]}")
def test_what_is_odd_is_named(case: tuple[str, str, Any], trust: Any) -> None:
    name, _, value = case
    trust.count("odd visits")
    with pytest.raises(ValueError, match=f"(?s){name}") as caught:
        Reduction(replaced(name, value)(tiny_visit()))
    said = str(caught.value)
    assert said.startswith(("The visit's", "This Dataset is not a visit")) and len(said) < 500


FINE: dict[str, Callable[[xr.Dataset], xr.Dataset]] = {
    "one frame": lambda visit: visit.isel(exp_time=[0]),
    "two frames": lambda visit: visit.isel(exp_time=[0, 5]),
    "one row": lambda visit: visit.isel(x=[20]),
    "no times": lambda visit: visit.assign_coords(exp_time=np.full(N, np.nan)),
    "one time": lambda visit: visit.assign_coords(exp_time=np.zeros(N)),
    "times backwards": lambda visit: visit.isel(exp_time=slice(None, None, -1)),
    "all NaN": lambda visit: visit.assign(images=visit["images"] * np.nan),
    "all zero": lambda visit: visit.assign(images=visit["images"] * 0),
    "huge": lambda visit: visit.assign(images=visit["images"] * 1e30),
    "whole numbers": lambda visit: visit.assign(images=visit["images"].astype(np.int32)),
    "other byte order": lambda visit: visit.assign(images=visit["images"].astype(">f4")),
    "only what is needed": lambda visit: visit[["images"]].drop_vars("exp_time_UT"),
    "no attributes": lambda visit: (
        visit.assign_attrs(dict.fromkeys(visit.attrs, "")).drop_attrs()
        if hasattr(visit, "drop_attrs")
        else visit
    ),
    "all flagged": lambda visit: visit.assign(hst_dq=visit["hst_dq"] * 0 + np.uint16(65535)),
    "errors of zero": lambda visit: visit.assign(errors=visit["errors"] * 0),
    "read-only": lambda visit: visit,
}


@pytest.mark.parametrize("name", FINE)
def test_an_odd_visit_is_reduced_or_a_step_says_what_is_wrong(name: str, tmp_path: Path, trust: Any) -> None:
    visit = FINE[name](tiny_visit(folder=str(tmp_path)))
    if name == "read-only":
        for variable in visit.variables.values():
            if isinstance(variable._data, np.ndarray):
                variable._data.flags.writeable = False
    trust.count("odd visits")
    reduction = Reduction(visit, **FITTED, toplevel_dir=str(tmp_path))
    try:
        clean = reduction.run()
    except StepError as error:
        assert "argmax" not in str(error) and "broadcast" not in str(error) and "index" not in str(error)
        return
    assert clean["images"].shape == visit["images"].shape
    with xr.open_dataset(reduction.output_folder() / "clean_obs.nc") as saved:
        np.testing.assert_array_equal(saved["images"], clean["images"])


def test_without_times_the_science_is_written_beside_the_figures(tmp_path: Path) -> None:
    visit = FINE["no times"](tiny_visit(folder=str(tmp_path)))
    few = {f"do_{name}": False for name in ("hst_flags", "fixed_iter", "led", "smooth")}
    reduction = Reduction(visit, **FITTED, **few, save_plots=1)
    clean = reduction.run(figures=True)
    with xr.open_dataset(reduction.output_folder() / "clean_obs.nc") as saved:
        np.testing.assert_array_equal(saved["images"], clean["images"])


# --- folders ---------------------------------------------------------------------------------------


def test_nothing_is_written_where_no_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    without = Reduction(tiny_visit(), **FITTED)
    gone = Reduction(tiny_visit(folder=str(tmp_path / "gone")), **FITTED)
    empty = Reduction(tiny_visit(), **FITTED, toplevel_dir=" ")  # which is not the folder one is in
    for reduction in (without, gone, empty):
        with pytest.raises(StepError, match="save: There is no folder .*toplevel_dir"):
            reduction.run()
        assert reduction.save.status == "failed" and reduction.result is not None
        with pytest.raises(ValueError, match="There is no folder .*toplevel_dir"):
            reduction.save_figures()
        reduction.pin("kept in memory")
    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_is_that_of_when_it_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("first", "second"):
        (tmp_path / place / "files").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "first")
    reduction = Reduction(tiny_visit(folder="files"), **FITTED)
    monkeypatch.chdir(tmp_path / "second")
    reduction.run()
    assert (tmp_path / "first/files/outputs/stage_1/run_1/clean_obs.nc").is_file()
    assert list((tmp_path / "second/files").iterdir()) == []
    reduction.toplevel_dir = "./files"
    reduction.run()
    assert (tmp_path / "second/files/outputs/stage_1/run_1/clean_obs.nc").is_file()


# --- copies, forks, what is shared ------------------------------------------------------------------


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_reduction_and_its_steps_say_that_they_are_not_copied(how: Callable[[Any], Any]) -> None:
    reduction = Reduction(tiny_visit(), **FITTED, do_save=False)
    for widget in (reduction, reduction.free_iter):
        with pytest.raises(
            TypeError, match=f"A {type(widget).__name__} is neither copied nor pickled: .*values"
        ):
            how(widget)
    assert pickle.loads(pickle.dumps(reduction.values())) == reduction.values()


FORKED = """
    import os, sys, threading
    sys.path[:0] = sys.argv[1:]
    from visits import tiny_visit
    from hustle_widgets import Reduction
    options = dict(bounds=None, smth_bounds=None, dist_from_trace=5, verbose=0, do_save=False)
    idle = Reduction(tiny_visit(), **options)
    busy = Reduction(tiny_visit(), **options)
    began, go_on = threading.Event(), threading.Event()
    def hold(event, name):
        if event == "running" and name == "led":
            began.set()
            go_on.wait(60)
    busy.watch(hold)
    busy.compute()
    began.wait(60)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            busy.run()
        except RuntimeError as error:
            code = 0 if "forked while the Reduction computed" in str(error) else 2
        code = code or (0 if idle.run() is not None else 3)
        os._exit(code)
    status = os.waitpid(child, 0)[1]
    go_on.set()
    assert busy.wait(60) and busy.result is not None
    print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="no fork")
def test_a_fork_during_a_computation_is_told_in_a_sentence() -> None:
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FORKED), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150)
    assert done.stdout.strip() == "0", done.stderr


def test_what_a_result_shares_with_the_visit_cannot_be_edited() -> None:
    visit = tiny_visit()
    before = {str(name): np.array(variable.values) for name, variable in visit.variables.items()}
    reduction = Reduction(visit, **FITTED, do_save=False)
    clean = reduction.run()
    for name in clean.variables:
        values = clean[name].values
        if values.dtype.kind not in "fiub" or not values.ndim:
            continue
        try:
            values[...] = 7
        except ValueError as error:
            assert "read-only" in str(error)
    for name, values in before.items():
        np.testing.assert_array_equal(visit[name].values, values, err_msg=name)
    fresh = Reduction(tiny_visit(), **FITTED, do_save=False).run()
    reduction.free_iter.free_sigma = 2.5
    reduction.free_iter.reset()
    np.testing.assert_array_equal(reduction.run()["images"], fresh["images"])


def arrays_in(thing: Any, depth: int = 4) -> Iterator[np.ndarray]:
    """Every array that an object holds, in whatever way."""
    if isinstance(thing, np.ndarray):
        yield thing
    elif depth and isinstance(thing, Mapping):
        for one in thing.values():
            yield from arrays_in(one, depth - 1)
    elif depth and isinstance(thing, (list, tuple)):
        for one in thing:
            yield from arrays_in(one, depth - 1)
    elif depth and hasattr(thing, "__dict__") and type(thing).__module__.startswith("hustle_widgets"):
        yield from arrays_in(vars(thing), depth)


def test_what_is_handed_out_cannot_change_what_is_known() -> None:
    reduction = Reduction(tiny_visit(), **FITTED, do_save=False)
    clean, curve = reduction.run(), reduction.light_curve()
    pin = reduction.pin("mine")
    expected = {str(name): np.array(clean[name].values) for name in clean.variables}
    light = np.array(curve["flux"].value)
    for column in ("flux", "flux_err"):
        curve[column][:] = 7 * curve[column].unit  # a copy: anybody may edit it
    handed_out = [outcome.deltas for outcome in reduction.outcomes().values()]
    edited = 0
    for array in arrays_in([handed_out, reduction.state().source, pin.curves, pin.backgrounds], depth=8):
        if array.dtype.kind in "fiub" and array.size:
            with contextlib.suppress(ValueError):
                array[...] = 7
                edited += 1
    assert edited == 0
    assert np.array_equal(reduction.light_curve()["flux"].value, light)
    clean.attrs["free_sigma"] = "99"
    clean["data_quality"].attrs["flag_masks"][:] = 0
    for name in clean.variables:
        with contextlib.suppress(ValueError, TypeError):
            clean[name].values[...] = 7  # the last one handed out, too
    clean["images"][0, 0, 0] = 5e9
    clean["images"] = clean["images"] * 0
    for again in (reduction.run(), reduction.result):
        for name, values in expected.items():
            np.testing.assert_array_equal(again[name].values, values, err_msg=name)
        assert again.attrs["free_sigma"] != "99" and again["data_quality"].attrs["flag_masks"].any()


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda thing: pickle.loads(pickle.dumps(thing))])
def test_visits_and_results_are_copied_and_pickled(how: Callable[[Any], Any]) -> None:
    visit = tiny_visit(3, (20, 30))
    clean = Reduction(visit, **FITTED, do_save=False).run()
    for dataset in (visit, clean):
        xr.testing.assert_identical(how(dataset).load(), dataset.load())


def test_a_kernel_that_loses_messages_is_told_at_import() -> None:
    code = "import ipykernel; ipykernel.__version__ = '7.0.1'"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import hustle_widgets"], capture_output=True, text=True, timeout=60
    )
    assert "ipykernel 7.0" in done.stderr and "!=7.0.*" in done.stderr
