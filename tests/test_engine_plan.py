"""Tokens and staleness, from tables: which steps are computed again after which edit."""

import threading
import time

import numpy as np
import pytest

from hustle_widgets.engine.blocks import Source
from hustle_widgets.engine.cache import OutcomeCache
from hustle_widgets.engine.callbacks import Cancelled
from hustle_widgets.engine.chain import Chain, Listener
from hustle_widgets.engine.deltas import Offset, Outcome, Patch, Table
from hustle_widgets.engine.plan import Node, Setting, Unmet, plan, statuses
from hustle_widgets.engine.worker import Worker


def source(n_frames=3, rows=8, columns=6, seed=0):
    images = np.random.default_rng(seed).normal(size=(n_frames, rows, columns)).astype(np.float32)
    zeros = np.zeros(images.shape, np.float32)
    return Source(images, zeros, zeros.astype(np.int16), {"exp_time": np.arange(n_frames)}, {}, "visit")


def subtract(block, *, amount):
    return Offset(np.full(block.images.shape[0], amount, np.float32))


def measure(block, *, power=1):
    return Table({"mean": block.images.mean(axis=(1, 2)) ** power})


NODES = (
    Node("first", subtract),
    Node("second", subtract),
    Node("look", measure, alters=False),
    Node("third", subtract),
    Node("report", lambda block: Table(), by="visit", alters=False, needs=("look",)),
)


def request(**changes):
    settings = {
        "first": Setting(True, {"amount": 1.0}),
        "second": Setting(True, {"amount": 2.0}),
        "look": Setting(True, {"power": 1}),
        "third": Setting(True, {"amount": 3.0}),
        "report": Setting(True, {}),
    }
    return {**settings, **changes}


ON, OFF = True, False

# What is computed again after all was fresh: the edit, then the names of the steps.
EDITS = [
    ("nothing", {}, ""),
    ("the first step", {"first": Setting(ON, {"amount": 9.0})}, "first second look third report"),
    ("a middle step", {"second": Setting(ON, {"amount": 9.0})}, "second look third report"),
    ("a step that alters nothing", {"look": Setting(ON, {"power": 2})}, "look report"),
    ("the last altering step", {"third": Setting(ON, {"amount": 9.0})}, "third report"),
    ("first off", {"first": Setting(OFF, {"amount": 1.0})}, "second look third report"),
    ("look off", {"look": Setting(OFF, {"power": 1})}, "report"),
    ("edit of a step that is off", {"look": Setting(OFF, {"power": 7})}, "report"),
    ("third off", {"third": Setting(OFF, {"amount": 3.0})}, "report"),
]


class Recorder(Listener):
    def __init__(self):
        self.done_steps, self.reused_steps, self.errors, self.lacking = [], [], {}, {}

    def done(self, name, outcome, seconds):
        self.done_steps.append(name)

    def reused(self, name, outcome):
        self.reused_steps.append(name)

    def failed(self, name, error):
        self.errors[name] = str(error)

    def unmet(self, name, message):
        self.lacking[name] = message


def computed(chain, wanted, **keywords):
    record = Recorder()
    chain.execute(wanted, record, **keywords)
    return record


@pytest.mark.parametrize(("edit", "changes", "again"), EDITS, ids=[edit for edit, _, _ in EDITS])
def test_an_edit_makes_its_step_and_the_ones_after_it_stale(edit, changes, again):
    chain = Chain(source(), NODES)
    computed(chain, request())
    stale = [name for name, status in chain.statuses(request(**changes)).items() if status == "stale"]
    assert stale == again.split()
    assert computed(chain, request(**changes)).done_steps == again.split()
    # Going back computes nothing: the old outcomes are still there.
    assert computed(chain, request()).done_steps == []
    assert set(chain.statuses(request()).values()) == {"fresh"}


def test_the_end_is_the_same_whichever_way_it_was_come_by():
    changed = request(first=Setting(ON, {"amount": 5.0}), second=Setting(OFF, {"amount": 2.0}))
    edited, direct = Chain(source(), NODES), Chain(source(), NODES, threads=1)
    computed(edited, request())
    computed(edited, changed)
    computed(direct, changed)
    a, b = edited.state_before(changed).images(), direct.state_before(changed).images()
    np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(a, source().images - 5 - 3, rtol=1e-6, atol=1e-6)


def test_statuses_from_a_table():
    tasks = plan(NODES, request(second=Setting(OFF, {"amount": 2.0})), "visit")
    token = {task.node.name: task.token for task in tasks}
    found = statuses(tasks, {token["first"]}.__contains__, {token["third"]: "broken"}, token["look"])
    assert found == {
        "first": "fresh",
        "second": "off",
        "look": "running",
        "third": "failed",
        "report": "stale",
    }


def test_a_failed_step_stops_those_that_need_it_and_no_other():
    def broken(block, *, amount):
        raise ValueError(f"amount {amount} is no good")

    nodes = (NODES[0], Node("second", broken), NODES[2], NODES[3], NODES[4])
    chain = Chain(source(), nodes)
    record = computed(chain, request())
    assert record.errors == {"second": "amount 2.0 is no good"}
    assert record.done_steps == ["first"]
    assert chain.statuses(request())["second"] == "failed"
    assert chain.message(request(), "second") == "amount 2.0 is no good"
    # The message goes with the setting that caused it.
    assert chain.message(request(second=Setting(ON, {"amount": 4.0})), "second") == ""

    nodes = (*NODES[:2], Node("look", lambda block: 1 / 0, alters=False), *NODES[3:])
    record = computed(Chain(source(), nodes), request())
    assert record.done_steps == ["first", "second", "third", "report"]
    assert list(record.errors) == ["look"]


def test_a_step_that_lacks_something_is_off_and_the_others_go_on():
    there = []

    def prepare(state, *, amount):
        if not there:
            raise Unmet("needs a sky image")
        return {}

    chain = Chain(source(), (NODES[0], Node("second", subtract, prepare=prepare), *NODES[2:]))
    record = computed(chain, request())
    assert record.lacking == {"second": "needs a sky image"}
    assert record.done_steps == ["first", "look", "third", "report"]
    assert chain.statuses(request())["second"] == "off"
    assert chain.message(request(), "second") == "needs a sky image"
    there.append("sky image")
    chain.forget_failures()
    assert computed(chain, request()).done_steps == ["second", "look", "third", "report"]


def test_explicit_steps_are_computed_only_when_asked_for_and_then_always():
    nodes = (*NODES[:4], Node("report", lambda block: Table(), by="visit", alters=False, explicit=True))
    chain = Chain(source(), nodes)
    assert "report" not in computed(chain, request()).done_steps
    assert chain.statuses(request())["report"] == "stale"
    assert computed(chain, request(), explicit=True).done_steps == ["report"]
    assert computed(chain, request(), explicit=True).done_steps == ["report"]


def test_what_is_in_sight_is_computed_before_what_nobody_waits_for():
    tracker = Node("tracker", measure, alters=False)
    curve = Node("curve", measure, alters=False, in_sight=True)
    chain = Chain(source(), (tracker, NODES[0], *NODES[2:], curve))
    settings = {"tracker": Setting(True, {}), "curve": Setting(True, {})}
    # "look" is read by "report", and the third step alters what the curve sees.
    record = computed(chain, {**request(), **settings})
    assert record.done_steps == ["first", "look", "third", "curve", "tracker", "report"]


def test_a_memo_is_kept_until_something_before_the_step_changes():
    made = []

    def memo(state):
        made.append(state)
        return {}

    def remember(block, *, amount, memo):
        memo.setdefault(block.frames.start, []).append(amount)
        return subtract(block, amount=amount)

    chain = Chain(source(), (NODES[0], Node("second", remember, memo=memo), *NODES[2:]))
    for amount in (2.0, 5.0):
        computed(chain, request(second=Setting(ON, {"amount": amount})))
    assert len(made) == 1 and chain._memos["second"][1] == {k: [2.0, 5.0] for k in range(3)}
    computed(chain, request(first=Setting(ON, {"amount": 9.0})))
    assert len(made) == 2 and chain._memos["second"][1] == {k: [2.0] for k in range(3)}


def test_the_source_is_not_modified():
    visit = source()
    before = visit.images.copy()
    computed(Chain(visit, NODES), request())
    np.testing.assert_array_equal(visit.images, before)


def test_a_cancelled_request_stops_between_blocks_and_keeps_what_is_done():
    stop = threading.Event()
    blocks = []

    def slow(block, *, amount):
        blocks.append(block)
        stop.set()
        time.sleep(0.01)
        return subtract(block, amount=amount)

    chain = Chain(source(n_frames=50), (NODES[0], Node("second", slow), *NODES[2:]), threads=1)
    with pytest.raises(Cancelled):
        chain.execute(request(), cancelled=stop)
    assert len(blocks) < 10
    assert chain.statuses(request())["first"] == "fresh"
    assert chain.statuses(request())["second"] == "stale"


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_blocks_come_back_in_their_order_on_any_number_of_threads(threads):
    def number(block):
        time.sleep(0.002 * (block.frames.start % 3))
        return Table({"number": np.array([block.frames.start])})

    chain = Chain(source(n_frames=20), (Node("number", number),), threads=threads)
    wanted = {"number": Setting()}
    chain.execute(wanted)
    np.testing.assert_array_equal(chain.known(wanted)["number"].table.columns["number"], np.arange(20))


def outcome(n):
    mask = np.ones((1, 1, n), bool)
    return Outcome((Patch.where(mask, np.zeros(n, np.float32)),))


def test_the_cache_drops_the_oldest_that_is_not_in_use():
    size = outcome(100).nbytes
    cache = OutcomeCache(limit=2 * size)
    for token in "abcd":
        cache.put(token, outcome(100))
    assert all(token in cache for token in "abcd")  # all of the present chain
    cache.pin("cd")
    assert cache["a"] is not None  # used again just now
    cache.put("e", outcome(100))
    cache.pin("e")
    assert "e" in cache
    assert "b" not in cache
    assert len(cache) == 3
    assert cache.nbytes <= 3 * size


def test_the_background_does_the_newest_job_and_drops_the_others():
    worker, started, seen = Worker(), threading.Event(), []

    def long(stop):
        started.set()
        assert stop.wait(5)
        seen.append("first stopped")

    worker.submit(long)
    assert started.wait(5)
    for number in range(5):
        worker.submit(lambda stop, number=number: seen.append(number))
    assert worker.wait(5)
    assert seen == ["first stopped", 4]
    assert not worker.busy


def test_the_background_goes_on_after_a_job_that_raises(recwarn):
    worker, seen = Worker(), []
    hook, threading.excepthook = threading.excepthook, lambda info: seen.append(info.exc_type)
    try:
        worker.submit(lambda stop: 1 / 0)
        assert worker.wait(5)
        worker.submit(lambda stop: seen.append("next"))
        assert worker.wait(5)
    finally:
        threading.excepthook = hook
    assert "next" in seen
