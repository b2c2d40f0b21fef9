"""Computing a Reduction's chain: who is called while which lock is held, and when it says that it is idle."""

from __future__ import annotations

import threading

import pytest
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.engine.chain import Listener


@pytest.fixture
def reduction() -> Reduction:
    return Reduction(tiny_visit(6), do_save=False, dist_from_trace=8, smth_bounds=None, bounds=None)


def others_can_draw(reduction: Reduction) -> bool:
    """Whether another thread gets into `frozen` at once."""
    entered = threading.Event()

    def draw() -> None:
        with reduction.frozen():
            entered.set()

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    return entered.wait(5)


def test_no_lock_is_held_while_a_watcher_is_called(reduction: Reduction) -> None:
    heard: dict[str, bool] = {}
    reduction.watch(lambda event, name: heard.setdefault(event, others_can_draw(reduction)))
    reduction.auto = True
    reduction.free_iter.free_sigma = 4.0
    assert reduction.wait(60)
    reduction.run()
    assert heard.keys() >= {"edited", "stale", "running", "done", "idle"}
    assert all(heard.values()), heard


def test_no_lock_is_held_while_an_observer_of_a_step_is_called(reduction: Reduction) -> None:
    heard: dict[str, bool] = {}
    for trait in ("status", "progress", "compute_count", "seconds", "free_sigma"):
        reduction.free_iter.observe(
            lambda change: heard.setdefault(change["name"], others_can_draw(reduction)), trait
        )
    reduction.run()
    reduction.free_iter.free_sigma = 4.0
    assert heard.keys() >= {"status", "compute_count", "seconds", "free_sigma"}
    assert all(heard.values()), heard


def test_a_run_inside_a_run_is_refused_and_does_not_wait_for_itself(reduction: Reduction) -> None:
    errors = []

    class Eager(Listener):
        def done(self, name: str, outcome: object, seconds: float) -> None:
            assert not reduction.wait(60)  # nor does waiting
            with pytest.raises(RuntimeError, match="compute") as caught:
                reduction.run()
            errors.append(caught.value)

    reduction.run(Eager())
    assert errors
    assert reduction.free_iter.status == "fresh"


def test_an_edit_of_an_observer_is_computed_with_the_rest(reduction: Reduction) -> None:
    """An observer of a status edits another step: what is said of both is right in the end."""

    def follow(change: object) -> None:
        reduction.uniform.hist_bins = 500

    reduction.free_iter.observe(follow, "status")
    reduction.run()
    reduction.free_iter.free_sigma = 5.0
    fresh = Reduction(reduction.visit, **reduction.values())
    fresh.run()
    reduction.run()
    assert {step.status for step in reduction.steps.values()} <= {"fresh", "off"}
    assert reduction.uniform.hist_bins == 500
    assert reduction.result is not None and fresh.result is not None
    assert reduction.result["images"].equals(fresh.result["images"])


def test_idle_is_said_once_after_the_last_of_many_edits(reduction: Reduction) -> None:
    reduction.auto = True
    reduction.compute()
    events: list[str] = []
    reduction.watch(lambda event, name: events.append(event))
    for number in range(8):
        reduction.free_iter.free_sigma = 3.0 + 0.1 * number
    assert reduction.wait(60)
    last_edit = len(events) - 1 - events[::-1].index("edited")
    assert events[last_edit:].count("idle") == 1 and events[-1] == "idle"


def test_idle_is_not_said_in_the_middle_of_an_edit(reduction: Reduction) -> None:
    """A computation ends while a watcher still answers an edit: who hears of it hears of the edit first."""
    finish, ended = threading.Event(), threading.Event()
    events: list[str] = []

    def watch(event: str, name: str) -> None:
        events.append(event)
        if event == "running" and not finish.is_set():
            finish.wait(30)
        if event == "edited":
            finish.set()
            ended.wait(0.5)

    reduction.watch(watch)
    reduction.compute()
    while "running" not in events:
        pass
    reduction.free_iter.free_sigma = 4.0  # not computed at once: auto is False
    assert reduction.wait(60)
    assert "idle" not in events[events.index("edited") : events.index("stale")]
    assert events.count("idle") == 1


def test_statuses_are_right_when_two_threads_set_them(reduction: Reduction) -> None:
    """While one thread computes, another edits; in the end each status follows from what is known."""
    reduction.auto = True
    stop = threading.Event()

    def edit() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            reduction.led.led_threshold = 10 + number % 3
            stop.wait(0.01)

    thread = threading.Thread(target=edit)
    thread.start()
    for number in range(20):
        reduction.free_iter.free_sigma = 3.5 + 0.1 * (number % 2)
    stop.set()
    thread.join()
    assert reduction.wait(60)
    assert {name: step.status for name, step in reduction.steps.items() if step.enabled} == {
        name: "fresh" if name in reduction.outcomes() else step.status
        for name, step in reduction.steps.items()
        if step.enabled
    }
    assert not {step.status for step in reduction.steps.values() if not step.explicit} & {"stale", "running"}
