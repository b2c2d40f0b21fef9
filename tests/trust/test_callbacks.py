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
    "from another thread": lambda reduction: in_time(lambda: reduction.state("led"), 5),
}


def in_time(function: Callable[[], Any], seconds: float) -> Any:
    """What a function gives or raises, within so many seconds."""
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(function())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, "it hangs"
    return found[0]


@pytest.fixture(scope="module")
def expected() -> dict[float, xr.Dataset]:
    """Fresh results, by led_threshold."""
    found = {}
    for threshold in (10.0, 11.0):
        clean = Reduction(tiny_visit(), **FITTED, led_threshold=threshold, free_sigma=3.0).run()
        found[threshold] = clean
    return found


@pytest.mark.parametrize("how", ["run", "compute"])
@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_callback_may_do_what_it_likes(
    way: str,
    event: str,
    how: str,
    expected: dict[float, xr.Dataset],
    monkeypatch: pytest.MonkeyPatch,
    trust: Any,
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda told: None)  # where it is told
    reduction = Reduction(tiny_visit(), **FITTED)
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
            reduction.run() if how == "run" else reduction.compute()
        assert reduction.wait(30)

    outcome = in_time(act, 60)
    assert outcome is None, outcome
    called = 9
    clean = in_time(reduction.run, 60)
    right = expected[reduction.led.led_threshold]
    for name in ("images", "data_quality", "meanstar_disp"):
        np.testing.assert_array_equal(clean[name], right[name], err_msg=name)
    assert {step.status for step in reduction.steps.values()} <= {"fresh", "off"}
    trust.count("callbacks")


@pytest.mark.parametrize("trait", ["status", "progress", "compute_count", "notes", "seconds"])
def test_an_observer_that_raises_changes_nothing(
    trait: str, expected: dict[float, xr.Dataset], monkeypatch: pytest.MonkeyPatch, trust: Any
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    reduction = Reduction(tiny_visit(), **FITTED, free_sigma=3.0)

    def observer(change: Any) -> None:
        raise ValueError("mine")

    for step in reduction.steps.values():
        step.observe(observer, trait)
    clean = reduction.run()
    np.testing.assert_array_equal(clean["images"], expected[10.0]["images"])
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
