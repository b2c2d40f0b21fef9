"""Plots under the sliders: filled at rest, given up for whatever is asked for, and drawn as they are."""

from __future__ import annotations

import os
import re
import sys
import threading

import numpy as np
import pytest
from quick_chain import quick
from visits import tiny_visit

from hustle_widgets.choosing.sensitivity import Response
from hustle_widgets.engine import memory
from hustle_widgets.engine.rest import NICENESS, Rest
from hustle_widgets.view.choosing import responses
from hustle_widgets.view.choosing.response_picture import response_html


@pytest.fixture
def page(monkeypatch):
    """A page that does not rest long; closed in the end."""
    monkeypatch.setattr(responses, "REST", 0.01)
    shown = []

    def opened(seen=True, **parameters):
        shown.append(quick(tiny_visit(24, orbits=3, seed=1), **parameters))
        shown[-1].build()
        if seen:
            shown[-1]._page.turning.conduct.seen()
        assert shown[-1].wait(60)
        return shown[-1], shown[-1]._page.choosing.responses

    yield opened
    for reduction in shown:
        reduction.close()


def plot(reduction, name):
    step, _, key = name.partition(".")
    return reduction._page.choosing.responses.under(step)[key]


def filled(reduction, name, timeout=60):
    """Wait until a plot is complete; return its HTML."""
    done, found = threading.Event(), plot(reduction, name)

    def look(_=None):
        if 'data-complete="true"' in found.value:
            done.set()

    found.observe(look, "value")
    look()
    assert done.wait(timeout), found.value
    found.unobserve(look, "value")
    return found.value


def test_the_open_step_fills_itself_and_a_switch_ends_it(page):
    reduction, shown = page()
    reduction._page.open_step("free_iter")
    first = filled(reduction, "free_iter.free_sigma")
    assert first.count("<svg") == 3 and "scatter / photons" in first
    expected = reduction.sweep({"free_iter.free_sigma": [reduction.free_iter.free_sigma]})
    low, high = map(float, re.search(r"scatter / photons<br/>([\d.]+) … ([\d.]+)", first).groups())
    assert low - 0.01 <= expected["scatter"].item() <= high + 0.01
    (toggle,) = shown.tools("free_iter")
    toggle.value = False
    assert plot(reduction, "free_iter.free_sigma").layout.display == "none"
    assert reduction._computation._rest._worker.wait(60)
    counts = reduction.free_iter.compute_count
    reduction.free_iter.free_sigma = 5.0
    assert reduction.wait(60) and not reduction._computation._rest.busy
    assert reduction.free_iter.compute_count == counts + 1
    toggle.value = True
    plot(reduction, "free_iter.free_sigma").value = ""
    assert "between 3.5" in filled(reduction, "free_iter.free_sigma")


def test_an_edit_makes_them_old_until_they_fill_again(page, monkeypatch):
    reduction, _ = page()
    reduction._page.open_step("free_iter")
    filled(reduction, "free_iter.free_sigma")
    monkeypatch.setattr(reduction._computation._rest, "submit", lambda job: None)
    reduction.free_iter.free_sigma = 5.0
    assert "hustle-old-response" in plot(reduction, "free_iter.free_sigma")._dom_classes
    monkeypatch.undo()
    assert reduction.wait(60)
    reduction._page.choosing.responses.close()
    reduction._page.open_step("free_iter")
    plot(reduction, "free_iter.free_sigma").value = ""
    filled(reduction, "free_iter.free_sigma")
    assert "hustle-old-response" not in plot(reduction, "free_iter.free_sigma")._dom_classes


def test_little_memory_or_long_steps_leave_it_to_the_person(page, monkeypatch):
    monkeypatch.setattr(responses, "free_bytes", lambda: 10 * 2**20)
    reduction, shown = page()
    reduction._page.open_step("free_iter")
    assert "only 10 MiB" in plot(reduction, "free_iter.free_sigma").value
    monkeypatch.setattr(responses, "free_bytes", lambda: None)
    reduction.free_iter.seconds = 60.0
    reduction._page.open_step("column")
    reduction._page.open_step("free_iter")
    assert "a value takes 60 s" in plot(reduction, "free_iter.free_sigma").value
    (toggle,) = shown.tools("free_iter")
    toggle.value = False
    toggle.value = True
    filled(reduction, "free_iter.free_sigma")


def test_who_stops_a_computation_wants_no_other(page):
    reduction, _ = page()
    reduction.auto = False
    reduction.free_iter.free_sigma = 5.0
    assert reduction._computation._rest._worker.wait(60)  # what was tried for another step ends
    reduction._page.open_step("free_iter")
    assert reduction.free_iter.status == "stale" and not reduction._computation._rest.busy
    reduction.compute()
    assert reduction.wait(60)
    filled(reduction, "free_iter.free_sigma")


def test_nothing_is_tried_before_a_browser_shows_the_page(page):
    reduction, _ = page(seen=False)
    reduction._page.open_step("free_iter")
    reduction.free_iter.free_sigma = 5.0
    assert reduction.wait(60) and not reduction._computation._rest.busy
    reduction._page.turning.conduct.seen()
    filled(reduction, "free_iter.free_sigma")


def test_a_closed_page_tries_nothing_more(page):
    reduction, _ = page()
    reduction._page.open_step("free_iter")
    filled(reduction, "free_iter.free_sigma")
    reduction.close()
    assert reduction._computation._rest._worker.wait(60)
    reduction.free_iter.free_sigma = 5.0
    reduction.run()
    assert not reduction._computation._rest.busy


def test_what_is_asked_for_interrupts_what_is_done_at_rest():
    said, rest = [], Rest(lambda: bool(occupied))
    occupied: list[int] = []
    began, done = threading.Semaphore(0), threading.Event()

    def job(stop):
        began.release()
        if len(said) < 2:
            said.append(stop.wait(30))
        else:
            done.set()

    rest.submit(job)
    for _ in range(2):
        assert began.acquire(timeout=30)
        with rest.interrupted():
            assert rest._worker.wait(30)
    assert done.wait(30) and said == [True, True]
    # While something else is under way, whoever gave the job gives it again.
    assert rest._worker.wait(30)
    said.clear()
    rest.submit(job)
    assert began.acquire(timeout=30) and began.acquire(timeout=30)
    occupied.append(1)
    with rest.interrupted():
        assert rest._worker.wait(30)
    assert not rest.busy


def test_a_sweep_does_not_wait_for_a_value_that_is_tried_at_rest(page):
    reduction, _ = page()
    reduction._page.open_step("free_iter")
    found = reduction.sweep({"free_iter.free_sigma": [2.0, 6.0]})
    assert np.isfinite(found["scatter"]).all()
    filled(reduction, "free_iter.free_sigma")  # it goes on afterwards


def response(curves, values=(3, 3.5, 4), **options):
    figures = [{name: curve[k] for name, curve in curves.items()} for k in range(len(values))]
    given = {"present": 3, "tutorial": 3.5, "figures": figures, "errors": ["" for _ in values], **options}
    return Response("step.key", list(values), **given)


def test_a_flat_line_is_flat_and_says_so():
    flat = response({"scatter": (1.001, 1.003, 1.002)})
    html = response_html(flat)
    assert "does not matter between 3 and 4" in html and html.count("<svg") == 1
    heights = [float(pair.split(",")[1]) for pair in re.search(r'points="([^"]*)"', html)[1].split()]
    assert np.ptp(heights) < 2
    steep = response_html(response({"scatter": (1.0, 1.5, 1.2), "flagged_on": (0.1, 0.1, 0.1)}))
    heights = [float(pair.split(",")[1]) for pair in re.search(r'points="([^"]*)"', steep)[1].split()]
    assert np.ptp(heights) > 12
    # The tutorial's value and the present one are marked, at their places.
    assert re.search(r'<line x1="27.0"[^>]*hustle-usual', steep)
    assert re.search(r'<circle cx="4.0"', steep)


def test_what_tells_most_is_shown_and_what_was_refused_is_said():
    curves = {"scatter": (1.0, 1.0, 1.0), "flagged_on": (0.1,) * 3, "flagged_off": (0.1,) * 3}
    html = response_html(
        response(curves | {"background_left": (0.0, 1.0, 5.0), "light_kept": (1.0, 0.9, 0.8)})
    )
    assert re.findall(r"<span>([a-z%/ ]+)<br/>", html) == [
        "scatter / photons",
        "% light kept",
        "background left",
    ]
    refused = response(curves, errors=["", "", "rows: <there> is no row 99"])
    refused.figures[2] = {}
    assert "rows: &lt;there&gt; is no row 99" in response_html(refused)
    assert 'data-complete="false"' in response_html(response(curves, figures=[{}, {"scatter": 1.0}, {}]))


def test_free_memory_is_that_of_the_machine_or_of_its_container(tmp_path):
    assert memory._free_of_container(str(tmp_path)) is None
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._free_of_container(str(tmp_path)) is None
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 150\nactive_file 50\n")
    assert memory._free_of_container(str(tmp_path)) == 450
    free = memory.free_bytes()
    assert free is None or free > 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
def test_what_is_done_at_rest_leaves_the_processor_to_others():
    found, rest = [], Rest(lambda: False)

    def job(stop):
        inner = threading.Thread(target=lambda: found.append(_niceness()))
        inner.start()
        inner.join()

    rest.submit(job)
    assert rest._worker.wait(30)
    assert found == [min(19, _niceness() + NICENESS)]


def _niceness():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_a_scatter_that_is_not_known_is_no_reason_to_say_that_a_slider_matters():
    figures = [{"scatter": np.nan, "light_kept": 1.0} for _ in range(3)]
    response = Response("quicklook.aperture", [5.0, 10.0, 20.0], 10.0, 12, figures, [""] * 3)
    assert response.flat and response.text().endswith("as far as is known: the scatter is not.")
    assert "as far as is known" in response_html(response)
