"""Callbacks that run, wait, cancel, edit or raise: nothing hangs, and what is computed stays right."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from attacks import in_time
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.engine.callbacks import Cancelled
from hustle_widgets.engine.chain import Listener

FITTED: dict[str, Any] = {
    "bounds": None,
    "smth_bounds": None,
    "dist_from_trace": 5,
    "verbose": 0,
    "do_save": False,
}
EVENTS = ("edited", "stale", "running", "progress", "done", "off", "idle")
WAYS: dict[str, Callable[[Reduction], Any]] = {
    "run": lambda reduction: reduction.run(),
    "compute": lambda reduction: reduction.compute(),
    "wait": lambda reduction: reduction.wait(),
    "result": lambda reduction: reduction.result,
    "edit": lambda reduction: setattr(reduction.led, "led_threshold", 11.0),
    "raise": lambda reduction: 1 / 0,
    "set": lambda reduction: reduction.set(led_threshold=11.0, do_smooth=True),
    "pin": lambda reduction: reduction.pin(f"pin {len(reduction.pins)}"),
    "sweep": lambda reduction: reduction.sweep({"led.led_threshold": [9.0, 12.0]}),
    "cancel": lambda reduction: reduction.cancel(),
    "script": lambda reduction: (reduction.to_script(), reduction.values(), reduction.light_curve()),
    "from another thread": lambda reduction: in_time(lambda: reduction.state("led"), 5),
}


_FRESH: dict[str, xr.Dataset] = {}


def fresh(reduction: Reduction) -> xr.Dataset:
    """What a new Reduction with the same parameters gives; computed once for all tests."""
    values = {**reduction.values(), "do_save": False, "toplevel_dir": ""}
    if repr(values) not in _FRESH:
        _FRESH[repr(values)] = Reduction(tiny_visit(6, (24, 40)), **values).run()
    return _FRESH[repr(values)]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_callback_may_do_what_it_likes(
    way: str,
    event: str,
    monkeypatch: pytest.MonkeyPatch,
    trust: Any,
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda told: None)  # where it is told
    reduction = Reduction(tiny_visit(6, (24, 40)), **FITTED)
    at_once = (EVENTS.index(event) + [*WAYS].index(way)) % 2 == 0  # or in the background
    called = 0

    def callback(seen: str, name: str) -> None:
        nonlocal called
        if seen == event and called < 2:
            called += 1
            WAYS[way](reduction)

    reduction.watch(callback)

    def act() -> None:
        reduction.free_iter.free_sigma = 3.0
        with contextlib.suppress(Cancelled, RuntimeError):
            reduction.run() if at_once else reduction.compute()
        assert reduction.wait(30)

    outcome = in_time(act, 60)
    assert outcome is None, outcome
    called = 9
    clean = in_time(reduction.run, 60)
    right = fresh(reduction)
    for name in ("images", "data_quality", "meanstar_disp"):
        np.testing.assert_array_equal(clean[name], right[name], err_msg=name)
    assert {step.status for step in reduction.steps.values()} <= {"fresh", "off"}
    trust.count("callbacks")


@pytest.mark.parametrize(
    "trait", ["status", "progress", "compute_count", "seconds", "free_sigma", "toplevel_dir"]
)
@pytest.mark.parametrize("way", WAYS)
def test_an_observer_of_a_trait_may_do_what_it_likes(
    way: str, trait: str, monkeypatch: pytest.MonkeyPatch, trust: Any
) -> None:
    """What an observer raises comes out where a person sets a parameter, and nowhere else."""
    monkeypatch.setattr(threading, "excepthook", lambda told: None)  # where it is told
    reduction = Reduction(tiny_visit(6, (24, 40)), **FITTED)
    called = 0

    def observer(change: Any) -> None:
        nonlocal called
        if called < 2:
            called += 1
            WAYS[way](reduction)

    for owner in (reduction, *reduction.steps.values()):
        if owner.has_trait(trait):
            owner.observe(observer, trait)

    def act() -> None:
        for edit in ({"free_sigma": 3.0}, {"toplevel_dir": "elsewhere"}):
            with contextlib.suppress(ZeroDivisionError):
                reduction.set(**edit)
        with contextlib.suppress(Cancelled, RuntimeError):
            reduction.run()
        assert reduction.wait(30)

    outcome = in_time(act, 60)
    assert outcome is None, outcome
    assert called
    called = 9
    clean = in_time(reduction.run, 60)
    right = fresh(reduction)
    for name in ("images", "data_quality", "meanstar_disp"):
        np.testing.assert_array_equal(clean[name], right[name], err_msg=name)
    assert {step.status for step in reduction.steps.values()} <= {"fresh", "off"}
    trust.count("callbacks")


@pytest.mark.parametrize("event", EVENTS)
def test_a_callback_may_close_the_reduction(event: str, monkeypatch: pytest.MonkeyPatch, trust: Any) -> None:
    """That stops what is computed; what comes later is computed all the same."""
    monkeypatch.setattr(threading, "excepthook", lambda told: None)
    reduction = Reduction(tiny_visit(6, (24, 40)), **FITTED)
    closed = threading.Event()

    def callback(seen: str, name: str) -> None:
        if seen == event and not closed.is_set():
            closed.set()
            reduction.close()

    reduction.watch(callback)

    def act() -> None:
        reduction.free_iter.free_sigma = 3.0
        with contextlib.suppress(Cancelled):
            reduction.run()
        reduction.compute()
        assert reduction.wait(30)

    assert in_time(act, 60) is None
    assert closed.is_set() or event in ("off",)
    assert isinstance(in_time(reduction.run, 60), xr.Dataset)
    trust.count("callbacks")


def test_what_an_observer_raises_does_not_keep_others_from_going_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda told: None)
    reduction = Reduction(tiny_visit(6, (24, 40)), **FITTED)
    before = reduction.values()

    def observer(change: Any) -> None:
        if change["new"] == before["free_sigma"]:  # as it goes back
            raise ZeroDivisionError

    reduction.free_iter.observe(observer, "free_sigma")
    with pytest.raises(ValueError, match="led_threshold"):
        reduction.set(free_sigma=3.0, do_led=False, hist_bins=500, led_threshold=-1)
    assert reduction.values() == before


@pytest.mark.parametrize("trait", ["status", "progress", "compute_count", "notes", "seconds"])
def test_an_observer_that_raises_changes_nothing(
    trait: str, monkeypatch: pytest.MonkeyPatch, trust: Any
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    reduction = Reduction(tiny_visit(6, (24, 40)), **FITTED, free_sigma=3.0)

    def observer(change: Any) -> None:
        raise ValueError("mine")

    for step in reduction.steps.values():
        step.observe(observer, trait)
    clean = reduction.run()
    np.testing.assert_array_equal(clean["images"], fresh(reduction)["images"])
    assert {step.status for step in reduction.steps.values()} <= {"fresh", "off"}
    assert all("mine" in str(one.exc_value) for one in told)
    assert told or trait in ("progress", "notes")
    trust.count("callbacks")


@pytest.mark.parametrize("way", ["run", "wait", "raise", "result"])
def test_a_listener_may_do_what_it_likes_while_a_result_is_written(way: str, tmp_path: Path) -> None:
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), **{**FITTED, "do_save": True})
    called = 0

    class Acting(Listener):
        def progress(self, name: str, fraction: float) -> None:
            nonlocal called
            if name == "save" and called < 2:
                called += 1
                WAYS[way](reduction)

    outcome = in_time(lambda: reduction.run(Acting()), 60)
    assert called == 2
    if way in ("run", "raise"):
        assert "The listener given to run() failed" in str(outcome)
    assert reduction.save.status == "fresh"
    with xr.open_dataset(reduction.output_folder() / "clean_obs.nc") as saved:
        np.testing.assert_array_equal(saved["images"], in_time(reduction.run, 60)["images"])
