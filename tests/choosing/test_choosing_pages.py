"""What people do to the pages of choosing: odd names, wrong values, too little of everything, leaving meanwhile."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from quick_chain import quick
from visits import tiny_visit

from hustle_widgets.view.choosing import download, tried
from hustle_widgets.view.choosing.download import Download, File
from hustle_widgets.view.choosing.task import Task


@pytest.fixture
def opened():
    """A function that opens a page of a Reduction; all are closed in the end."""
    shown = []

    def open_page(name, visit=None, **parameters):
        if not shown:
            shown.append(quick(tiny_visit(24, orbits=3, seed=1) if visit is None else visit, **parameters))
            shown[0].build()
            assert shown[0].wait(60)
        shown[0]._page.open_step(name)
        return shown[0], shown[0]._page.choosing.page(name)

    yield open_page
    for reduction in shown:
        reduction.close()


def said(task, timeout=60):
    """Return what a task said when it had ended."""
    thread = task._thread
    if thread is not None:
        thread.join(timeout)
        assert not thread.is_alive()
    return task.widget.value


# --- pins -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["<b>bold</b>", "a/b", "../up", "x" * 1000, "\u202eevil", "."])
def test_a_name_that_is_none_is_refused_in_words(opened, name):
    reduction, page = opened("pins")
    page.name.value = name
    page.pin_named()
    html = said(page.task)
    assert 'role="alert"' in html and "<b>bold" not in html and len(html) < 3000
    assert not reduction.pins


def test_a_name_that_is_taken_is_refused_and_nothing_is_lost(opened):
    reduction, page = opened("pins")
    page.pin("one")
    assert "Pinned as" in said(page.task)
    reduction.free_iter.free_sigma = 6.0
    page.pin("one")  # while that is computed
    assert "already" in said(page.task)
    assert reduction.pins["one"].values["free_sigma"] == 3.5
    page.pin()
    page.pin()  # a second press while the first is under way
    said(page.task)
    assert list(reduction.pins) == ["one", "pin 1"] and reduction.pins["pin 1"].values["free_sigma"] == 6


def test_pins_of_another_visit_are_compared_but_not_blinked(opened, tmp_path):
    other = quick(tiny_visit(24, orbits=3, seed=9), free_sigma=5.0)
    other.pin("theirs")
    other.save_pins(tmp_path)
    reduction, page = opened("pins")
    page.pin("mine")
    said(page.task)
    page.path.value = str(tmp_path)
    page._load()
    assert "There are 2 pins" in page.task.widget.value and "free_sigma" in page.table.value
    page.frames.minus.value = True
    assert "is of another visit" in said(page.task)
    assert not page.frames.minus.value and reduction._page.frames.instead is None
    page.path.value = str(tmp_path / "nowhere")
    page._load()
    assert "cannot be read" in page.task.widget.value


def test_nothing_is_pinned_while_something_is_injected(opened):
    reduction, page = opened("pins")
    reduction.inject(0.01)
    page.pin("made up")
    assert "take_out" in said(page.task) and not reduction.pins


# --- injections -----------------------------------------------------------------------------------


def test_five_frames_and_no_transit_are_answered(opened):
    reduction, page = opened("inject", tiny_visit(5, seed=2))
    page.depth.value = -3.0
    assert page.depth.value == 0
    page.act.click()
    html = said(page.task)
    assert "Recovered" in html and reduction.injected.depth == 0
    assert "comes back" not in page.figures.value and "cosmic rays found" in page.figures.value
    page.depth.value = 1.0
    page.act.click()
    assert said(page.task) and reduction.injected is not None
    assert "nan" not in page.figures.value


def test_an_injection_that_is_stopped_or_fails_is_taken_out(opened, monkeypatch):
    reduction, page = opened("inject")
    entered, go_on = threading.Event(), threading.Event()
    recover = type(reduction).recover

    def slow(self, *args, **options):
        entered.set()
        assert go_on.wait(30)
        return recover(self, *args, **options, listener=_Stops(self))

    monkeypatch.setattr(type(reduction), "recover", slow)
    page.act.click()
    assert entered.wait(30) and reduction.injected is not None
    page.act.click()
    go_on.set()
    assert "Stopped" in said(page.task) and reduction.injected is None
    monkeypatch.setattr(type(reduction), "recover", _fails)
    page.act.click()
    assert "no light" in said(page.task) and reduction.injected is None


def _fails(self, *args, **options):
    raise ValueError("There is no light curve.")


class _Stops:
    """A listener that presses cancel as soon as anything runs."""

    def __init__(self, reduction):
        self.reduction = reduction

    def running(self, name):
        self.reduction.cancel()

    progress = done = reused = failed = unmet = lambda self, *_: None


# --- sweeps and search ----------------------------------------------------------------------------


def sweep(page, first, values, second="", more=""):
    for one, name, text in zip(page.tried, (first, second), (values, more), strict=True):
        one._choice.value = name
        one._line.value = text
    page.begin.click()
    return said(page.task)


def test_switches_and_words_are_swept_and_what_is_refused_is_said(opened):
    reduction, page = opened("sweep")
    html = sweep(page, "column.enabled", "True, False", "free_iter.replace_by", "'median', 'flux'")
    assert "4 of 4 points" in html
    page.point.index = 3
    page.apply_point()
    assert reduction.column.enabled is False and reduction.free_iter.replace_by == "flux"
    for name, text, why in (
        ("free_iter.free_sigma", "3, -1", "free_sigma"),
        ("free_iter.free_sigma", "3, __import__('os')", "free_iter.free_sigma"),
        ("free_iter.free_sigma", " , ", "separated by commas"),
        ("free_iter.replace_by", "'beauty'", "replace_by"),
    ):
        assert why in sweep(page, name, text)
        assert 'role="alert"' in page.task.widget.value and not page.begin.disabled
    assert "chosen twice" in sweep(page, "free_iter.free_sigma", "3", "free_iter.free_sigma", "4")
    assert "points on the page" in sweep(
        page, "free_iter.free_sigma", ", ".join(map(str, range(2, 60))), "column.col_sigma",
        ", ".join(map(str, range(2, 60))),
    )  # fmt: skip


def test_a_value_that_no_step_can_do_leaves_a_gap(opened):
    _, page = opened("sweep", rows=(0, 1, 2, 3))
    page.tried[0]._choice.value = "free_iter.free_sigma"
    html = sweep(page, "column.col_sigma", "1e-9, 3")
    assert "2 of 2 points" in html
    assert np.isfinite(page.found["scatter"].values[1])


def test_a_search_over_one_parameter_is_drawn_against_it(opened):
    reduction, page = opened("search")
    page.runs.value = 5
    for aim, button in page.aims.items():
        button.value = aim == "scatter"
    page.begin.click()
    assert "of 4 runs" in said(page.task)
    assert page.across.value == "free_iter.free_sigma" and page.up.value == "scatter"
    best = int(page.found.pareto["run"][0])
    x, y = page._drawn()
    page.picked("compromises", float(x[best]), float(y[best]))
    assert reduction.free_iter.free_sigma == page.found.changes(best)["free_sigma"]
    for text, why in (
        ("5 to 2", "low &lt; high"),
        ("", "Give a range"),
        ("2.5 to x", "free_iter.free_sigma"),
    ):
        page.tried[0]._line.value = text
        page.begin.click()
        assert why in said(page.task), text
    page.tried[0]._line.value = "3 to 5"
    for button in page.aims.values():
        button.value = False
    page.begin.click()
    assert "Choose an aim" in said(page.task)


def test_a_search_that_is_asked_for_too_much_at_once_is_refused(opened):
    _, page = opened("search")
    page.aims["depth_ratio"].value = True
    page.begin.click()
    assert "reduction.inject(0.01) first" in said(page.task)


@pytest.mark.parametrize("kind", ["sweep", "search"])
def test_cancelled_or_closed_at_any_moment_it_ends(opened, kind, monkeypatch):
    reduction, page = opened(kind)
    compute, calls, when = type(reduction).computed, [], [1]

    def counted(self, *args, **options):
        calls.append(1)
        if len(calls) == when[0]:
            self.cancel() if when[0] < 4 else self.close()
        return compute(self, *args, **options)

    monkeypatch.setattr(type(reduction), "computed", counted)
    for moment in (1, 2, 3, 4):
        calls.clear()
        when[0] = moment
        page.begin.click()
        html = said(page.task)
        assert "Stopped" in html or kind == "search" or moment == 4
        assert len(calls) <= moment + 1 and not page.begin.disabled
    assert reduction._page is None


def test_whatever_a_job_raises_ends_it_and_is_said(opened, monkeypatch):
    reduction, _ = opened("sweep", tiny_visit(5, (24, 30), seed=1))
    jobs = {"sweep": "sweep", "search": "search", "inject": "recover"}
    pages = {name: opened(name)[1] for name in jobs}
    for error in (
        TypeError("no <such> kind"),
        IndexError(),
        KeyError("x"),
        MemoryError("too much"),
        SystemExit(3),
    ):

        def fails(*args, error=error, **options):
            raise error

        for name, method in jobs.items():
            monkeypatch.setattr(type(reduction), method, fails)
            page = pages[name]
            (page.act if name == "inject" else page.begin).click()
            html = said(page.task)
            assert 'role="alert"' in html and type(error).__name__ in html and "<such>" not in html
            assert not page.task.busy and page.cancel.disabled and reduction.injected is None
            assert name == "inject" or (not page.begin.disabled and page.bar.layout.display == "none")
    page.task.attempt(lambda: 1 / 0)
    assert "ZeroDivisionError" in page.task.widget.value


def test_a_search_without_a_run_or_without_a_figure_is_shown(opened, monkeypatch):
    reduction, page = opened("search", tiny_visit(5, (24, 30), seed=1))
    for aim, button in page.aims.items():
        button.value = aim == "scatter"
    page.runs.value = 4
    compute = type(reduction).computed

    def stopped(self, *args, **options):
        self.cancel()
        return compute(self, *args, **options)

    monkeypatch.setattr(type(reduction), "computed", stopped)
    page.begin.click()
    assert "0 best compromises of 0 runs" in said(page.task) and "Stopped after 0" in page.table.value
    monkeypatch.setattr(type(reduction), "computed", _fails)
    page.begin.click()
    assert "0 best compromises of 4 runs" in said(page.task) and "no light curve" in page.table.value


def test_a_task_without_a_thread_or_with_a_bad_end_is_no_longer_busy(monkeypatch):
    task, ends = Task(), []
    monkeypatch.setattr(threading.Thread, "start", _no_thread)
    task.start(lambda: "done", "It is done.", lambda: ends.append(1))
    assert "no new thread" in task.widget.value and not task.busy and ends == [1]
    monkeypatch.undo()
    task.start(lambda: "done", "It is done.", lambda: 1 / 0)
    assert "ZeroDivisionError" in said(task) and not task.busy


def _no_thread(self):
    raise RuntimeError("There is no new thread to be had.")


def test_a_parameter_of_a_step_that_is_off_is_told_on_the_page(opened):
    _, page = opened("sweep")
    html = sweep(page, "smooth.smth_threshold", "3, 4")
    assert 'role="alert"' in html and "smooth is off. Switch it on first" in html and not page.begin.disabled


def test_texts_of_ranges_and_values():
    assert tried.as_range([2.5, 3.0, 8]) == "2.5 to 8" and tried.range_in("2.5 to 8", "x") == (2.5, 8)
    assert tried.as_range([False, True]) == "False, True"
    assert tried.range_in("None, 'drift'", "x") == [None, "drift"]
    assert tried.range_in(tried.as_range([1e-3, 2e-3]), "x") == (0.001, 0.002)


# --- files ----------------------------------------------------------------------------------------


def test_a_file_goes_to_the_browser_that_asked(monkeypatch):
    sent, task = [], Task()
    button = Download("t", "tip", lambda: File("a.csv", b"1,2\n"), task)
    monkeypatch.setattr(button, "send", lambda content, buffers=None: sent.append((content, buffers)))
    button._told(button, {"wanted": True}, [])
    assert "Saved by the browser" in said(task)
    assert sent == [({"name": "a.csv", "kind": "text/csv", "bytes": 4}, [b"1,2\n"])]
    monkeypatch.setattr(download, "MOST", 3)
    button.save()
    assert "through the browser" in said(task) and sent[-1] == ({"name": ""}, None)
    button.close()


def test_a_table_without_rows_is_said_and_a_made_up_one_is_named_so(opened):
    reduction, page = opened("export")
    with pytest.raises(ValueError, match="displacements"):
        page._table("displacements")
    assert page._table("white").name == "run_1_white.csv"
    reduction.inject(0.01)
    file = page._table("white")
    assert file.name == "INJECTED_run_1_white.csv" and file.data.startswith(b"INJECTED,")
