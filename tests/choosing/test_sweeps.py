"""Sweeps, search and sensitivity: the right numbers, nothing computed twice, stopped at once."""

from __future__ import annotations

import sys
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quick_chain import quick
from visits import tiny_visit

from hustle_widgets.algorithms.transits import Transit
from hustle_widgets.choosing import sensitivity as sensitivity_module
from hustle_widgets.choosing.design import Axis, as_axis, between, first_points, pareto
from hustle_widgets.choosing.sensitivity import Response, values_around
from hustle_widgets.engine.cache import OutcomeCache
from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.deltas import Outcome, Table
from hustle_widgets.steps.parameters import Choice, Kernel, Real, Whole
from hustle_widgets.view.choosing.inject_page import recovery_html
from hustle_widgets.view.choosing.response_picture import response_html


def counts(reduction):
    return {name: step.compute_count for name, step in reduction.steps.items()}


def more(reduction, before):
    """What has computed since; the target's place follows the steps before it and takes a millisecond."""
    now = counts(reduction)
    return {name: n - before[name] for name, n in now.items() if n != before[name] and name != "location"}


def test_a_sweep_gives_what_runs_give_and_changes_nothing(visit, reduction):
    reduction.run()
    before, values = counts(reduction), reduction.values()
    sigmas = [3, 3.5, 4, 5]
    found = reduction.sweep({"free_iter.free_sigma": sigmas})
    assert reduction.values() == values and reduction.free_iter.status == "fresh"
    assert more(reduction, before) == {"free_iter": 3, "column": 3, "quicklook": 3}
    assert found["free_iter.free_sigma"].attrs["units"] == "sigma"
    for sigma in sigmas:
        expected = quick(visit, free_sigma=sigma).figures()
        for name in ("scatter", "light_kept", "background_left", "flagged_on"):
            value = float(found[name].sel({"free_iter.free_sigma": sigma}))
            assert value == pytest.approx(expected[name], rel=1e-12)


def test_a_late_step_costs_itself_and_the_light_curve(reduction):
    reduction.run()
    before = counts(reduction)
    reduction.sweep({"column.col_sigma": [2.0, 2.5, 3.5, 4.0, 5.0]})
    assert more(reduction, before) == {"column": 5, "quicklook": 5}


def test_of_several_parameters_the_early_one_is_computed_once_a_value(reduction):
    reduction.run()
    reduction._chain.cache.limit = 10**9
    before = counts(reduction)
    done = []
    found = reduction.sweep(
        {"col_sigma": [2.0, 4.0, 5.0], "free_iter.free_sigma": [2.5, 6.0]}, progress=done.append
    )
    assert more(reduction, before) == {"free_iter": 2, "column": 6, "quicklook": 6}
    assert dict(found.sizes) == {"free_iter.free_sigma": 2, "column.col_sigma": 3}
    assert np.isfinite(found["scatter"]).all() and done == sorted(done) and done[-1] == 1


def test_where_no_room_is_left_for_outcomes_the_figures_are_the_same(reduction):
    expected = reduction.sweep({"free_iter.free_sigma": [2.0, 5.0], "column.col_sigma": [2.0, 5.0]})
    reduction.run()
    reduction._chain.cache.limit = 0
    reduction._chain.cache.pin(reduction._chain.cache.pinned)
    before = counts(reduction)
    found = reduction.sweep({"column.col_sigma": [2.0, 5.0]})
    assert set(more(reduction, before)) == {"column", "quicklook"}
    assert reduction.free_iter.status == reduction.quicklook.status == "fresh"
    np.testing.assert_array_equal(
        reduction.light_curve()["flux"], quick(reduction.visit).light_curve()["flux"]
    )
    again = reduction.sweep({"free_iter.free_sigma": [2.0, 5.0], "column.col_sigma": [2.0, 5.0]})
    np.testing.assert_array_equal(again["scatter"], expected["scatter"])
    assert np.isfinite(found["scatter"]).all()


def test_an_outcome_stays_as_long_as_one_of_its_users_needs_it():
    cache = OutcomeCache(limit=0)
    cache.put("a", Outcome((Table(facts={"x": np.zeros(9)}),)), "aside")
    assert cache.hold("a") and not cache.hold("b")
    cache.pin((), "aside")
    assert "a" in cache
    cache.pin(())
    assert "a" not in cache and not cache.pinned


def test_an_edit_does_not_wait_for_what_is_computed_beside(reduction):
    """While a sweep is in the middle of a value, the present parameters are computed."""
    reduction.run()
    found = []

    class Edit(Listener):
        def done(self, name, outcome, seconds):
            if name == "free_iter" and not found:
                reduction.free_iter.free_sigma = 4.5
                reduction.compute()
                found.append(reduction.wait(60))

    reduction.sweep({"free_iter.free_sigma": [2.0]}, listener=Edit())
    assert found == [True] and reduction.free_iter.status == "fresh"


def test_switches_and_options_are_swept_too(reduction):
    found = reduction.sweep({"column.enabled": [True, False]})
    left = found["background_left"]
    assert abs(float(left.sel({"column.enabled": "True"}))) < 1 < float(left.sel({"column.enabled": "False"}))


def test_what_cannot_be_is_refused_or_told(reduction):
    for wrong, said in (
        ({"free_iter.free_sgma": [3]}, "Did you mean"),
        ({"free_iter.free_sigma": [-1]}, "free_sigma"),
        ({"free_iter.free_sigma": []}, "one or more values"),
        ({"free_iter.free_sigma": 3}, "one or more values"),
        ({"free_sigma": list(range(1, 200)), "col_sigma": list(range(1, 200))}, "too long"),
    ):
        with pytest.raises(ValueError, match=said):
            reduction.sweep(wrong)
    found = reduction.sweep({"column.rows": [[0, 1, 2], np.array([10_000])]})
    assert np.isfinite(found["scatter"].values).tolist() == [True, False]
    assert "10000" in found.attrs["remarks"]


def test_cancelled_it_gives_what_is_done(reduction):
    class Stop(Listener):
        def done(self, name, outcome, seconds):
            if name == "quicklook":
                reduction.cancel()

    reduction.run()
    found = reduction.sweep({"free_iter.free_sigma": [2.0, 2.5, 4.0]}, listener=Stop())
    assert found.attrs["computed"] < 3 and "Stopped" in found.attrs["remarks"]
    assert np.isfinite(reduction.sweep({"free_iter.free_sigma": [2.0]})["scatter"]).all()
    assert reduction.free_iter.status == "fresh"


def test_a_point_is_set_by_its_places(reduction):
    found = reduction.sweep({"free_iter.free_sigma": [3, 5]})
    best = found["free_iter.free_sigma"].values[1]
    reduction.set_point(**{"free_iter.free_sigma": best})
    assert reduction.free_iter.free_sigma == 5


def test_what_is_taken_out_or_put_in_meanwhile_mixes_nothing():
    reduction = quick(tiny_visit(8, (24, 30), orbits=2, seed=1))
    asked = {"free_iter.free_sigma": [2, 3, 5]}
    plain = reduction.sweep(asked, progress=lambda fraction: reduction.inject(0.02))
    assert "injected" not in plain.attrs and "depth_ratio" not in plain
    expected = reduction.sweep(asked)
    found = reduction.sweep(asked, progress=lambda fraction: reduction.take_out())
    np.testing.assert_array_equal(found["depth_ratio"], expected["depth_ratio"])
    assert found.attrs["injected"] == expected.attrs["injected"] and reduction.injected is None
    for wrong, said in (({"transit": 3}, "'transit'"), ({"state": 3}, "'state'")):
        with pytest.raises(ValueError, match=said):
            reduction.figures(**wrong)


def test_with_an_injection_the_depth_is_told(reduction):
    reduction.inject(0.01, cosmic_rays=0, hot_pixels=0)
    found = reduction.sweep({"free_iter.free_sigma": [1.5, 5.0]})
    ratio = found["depth_ratio"].values
    assert ratio[0] < 0.5 and ratio[1] == pytest.approx(1, abs=0.05)
    for sigma, value in zip((1.5, 5.0), ratio, strict=True):
        reduction.free_iter.free_sigma = sigma
        assert reduction.recover().ratio == pytest.approx(value, rel=1e-9)


@pytest.fixture(scope="module")
def small():
    """A Reduction for questions that are refused, or answered by few runs."""
    return quick(tiny_visit(6, (24, 30), orbits=2, seed=1))


WRONG = [
    ({}, "Name the parameters"),
    (["free_sigma"], "Name the parameters"),
    ({3: [1]}, "named by a text"),
    ({"smooth.smth_kernel": [3, 5]}, r"smooth is off. Switch it on first: reduction.smooth.enabled = True"),
    ({"save.enabled": [True, False]}, "shown or written"),
    ({"quicklook.include_hst_dq": [True, False]}, "shown or written"),
    ({"free_sigma": [3], "free_iter.free_sigma": [4]}, "same parameter, free_iter.free_sigma: give it once"),
    ({"free_iter.replace_by": ["flux"], "hst_flags.replace_by": ["flux"]}, "same parameter"),
    ({"free_iter.free_sigma": {3, 4}}, "free_iter.free_sigma"),
    ({"free_iter.free_sigma": np.array(3)}, "free_iter.free_sigma"),
    ({"free_iter.free_sigma": range(10**9)}, "too long"),
    ({"free_iter.free_sigma": [np.nan]}, "free_sigma"),
    ({"column.enabled": [1, 0]}, "True or False"),
]


@pytest.mark.parametrize(("asked", "said"), WRONG, ids=str)
def test_what_cannot_be_swept_or_searched_is_refused_in_words(small, asked, said):
    with pytest.raises(ValueError, match=said):
        small.sweep(asked)
    if "too long" not in said:
        with pytest.raises(ValueError, match=said):
            small.search(asked, runs=4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"runs": "8"}, "'runs' must be a whole number"),
        ({"runs": 0}, "'runs' .*4"),
        ({"runs": 10**9}, "'runs' .*10000"),
        ({"runs": 8.5}, "'runs'"),
        ({"seed": -1}, "'seed' .*0 or more"),
        ({"seed": "x"}, "'seed'"),
        ({"aims": ()}, "'aims'"),
        ({"aims": 3}, "'aims'"),
        ({"aims": ("nonsense",)}, "'nonsense'.*scatter"),
        ({"aims": ([],)}, "aim at"),
        ({"progress": 3}, "'progress'"),
        ({"listener": print}, "'listener'"),
        ({"stop": True}, "'stop'"),
        ({"transit": (1, 2, 0)}, "'transit'"),
        ({"transit": Transit(np.nan, 1, 0)}, "'transit'"),
        ({"order": "+7"}, "'order'.*traces_included"),
        ({"order": ["+1"]}, "'order'"),
    ],
    ids=str,
)
def test_a_wrong_option_is_named(small, options, said):
    with pytest.raises((ValueError, TypeError), match=said):
        small.search({"free_iter.free_sigma": (2, 5)}, **options)
    if not options.keys() & {"runs", "seed", "aims"}:
        with pytest.raises((ValueError, TypeError), match=said):
            small.sweep({"free_iter.free_sigma": [2, 5]}, **options)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("free_iter.free_sigma", (2, 2), "low < high"),
        ("free_iter.free_sigma", (np.nan, 3), "low < high"),
        ("free_iter.free_sigma", (3, np.inf), "free_sigma"),
        ("free_iter.free_sigma", (-1, 3), "free_sigma"),
        ("free_iter.free_sigma", (3, 4, 5), "low, high"),
        ("free_iter.free_sigma", (True, 3), "low < high"),
        ("smooth.smth_kernel", (4, 6), r"Only 5 lies .*\[5\]"),
        ("smooth.smth_kernel", (-5, 6), "odd int"),
        ("smooth.smth_kernel", (2, np.inf), "odd int"),
        ("smooth.smth_kernel", (3.5, 9), "odd int"),
        ("smooth.smth_kernel", [3, 4], "odd int"),
        ("column.rows", (0, 3), "no range"),
        ("free_iter.replace_by", ("flux", "beauty"), "'beauty'|replace_by"),
    ],
    ids=str,
)
def test_a_range_that_is_none_is_refused(small, name, given, said):
    with pytest.raises(ValueError, match=said):
        small.search({"smooth.enabled": [True], name: given}, runs=4)


def axis(given, parameter):
    return as_axis("x", given, parameter, lambda value: parameter.validate(parameter, value))


def test_only_what_a_parameter_accepts_is_tried():
    kernel = axis((2, 40), Kernel(11, "x"))
    tried = [kernel.at(share) for share in np.linspace(0, 1, 101)]
    tried += [point[0] for point in between([kernel], [(3,), (5,), (11,), (39,)], range(4), 9)]
    assert all(type(value) is int and value % 2 for value in tried) and {*tried} == {*range(3, 40, 2)}
    narrow = axis((100.00001, 100.00002), Real(3.5, "x", max=100.00002))
    levels = narrow.levels(5)
    assert len(levels) == 5 and levels == sorted(levels) and levels[0] == narrow.low
    assert levels[-1] == narrow.high and narrow.at_edge(levels[-1]) and not narrow.at_edge(levels[2])
    whole = axis((1, 4), Whole(5, "x"))
    assert whole.levels(9) == [1, 2, 3, 4]
    wide = axis((2.5, 8), Real(3.5, "x"))
    assert wide.levels(4) == [2.5, 4.333, 6.167, 8.0]


def test_many_options_are_spread_and_not_cut_off():
    options = [Axis(f"p{k}", None, None, 0, tuple(range(100))) for k in range(9)]
    points = first_points(options, 12, 0)
    assert len(points) == 12 and len({point[0] for point in points}) > 6


def test_options_come_back_as_they_were_given(small):
    found = small.search({"column.rows": [[0, 1], [0, 1, 2]], "column.enabled": (False, True)}, runs=6)
    keys = [(point["rows"], point["do_column"]) for point in found.points]
    assert sorted(keys) == [((0, 1), False), ((0, 1), True), ((0, 1, 2), False), ((0, 1, 2), True)]
    assert all(type(on) is bool for _, on in keys)
    assert len(small.search({"free_sigma": [3.5, 3.5]}, runs=4, aims="scatter").points) == 1
    swept = small.sweep({"column.enabled": np.array([True, False]), "free_iter.free_model": [None]})
    small.set_point(
        **{str(name): swept[name].values[-1] for name in ("column.enabled", "free_iter.free_model")}
    )
    assert small.column.enabled is False and small.free_iter.free_model is None
    small.column.enabled = True


def test_a_step_may_be_switched_on_by_the_sweep_itself(small):
    found = small.sweep({"smooth.enabled": [True, False], "smooth.smth_kernel": [3, 5]})
    assert found.sizes["smooth.smth_kernel"] == 2 and not small.smooth.enabled
    with pytest.raises(ValueError, match="smooth is off"):
        small.search({"smooth.enabled": [False], "smooth.smth_kernel": (3, 9)}, runs=4)


def test_a_step_that_lacks_something_is_named(small):
    found = small.sweep({"pagul.enabled": [True]})
    assert "pagul.enabled changes nothing" in found.attrs["remarks"]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_pareto_is_what_nothing_beats(rows):
    costs = np.array(rows, dtype=float)
    good = set(pareto(costs))

    def beats(one, other):
        return all(a <= b for a, b in zip(one, other, strict=True)) and one != other

    assert good == {k for k, row in enumerate(rows) if not any(beats(other, row) for other in rows)}


@given(number=st.integers(4, 60), n_axes=st.integers(1, 4), seed=st.integers(0, 9))
def test_first_points_are_few_distinct_and_inside(number, n_axes, seed):
    axes = [Axis(f"p{k}", 1.0, 2.0 + k, 0, ()) for k in range(n_axes)]
    points = first_points(axes, number, seed)
    assert 0 < len(points) <= number and len(set(points)) == len(points)
    assert all(a.low <= v <= a.high for point in points for a, v in zip(axes, point, strict=True))


def test_a_search_gives_compromises_and_says_what_does_not_matter(reduction):
    before, values = counts(reduction), reduction.values()
    reduction.run()
    reduction.inject(0.01, cosmic_rays=0, hot_pixels=0)
    done = []
    found = reduction.search(
        {"free_iter.free_sigma": (1.5, 8.0), "zeroth_tracking.enabled": [True, False]},
        aims=("scatter", "depth_ratio"),
        runs=18,
        progress=done.append,
    )
    assert reduction.values() == values and done[-1] == 1
    assert found.runs.sizes["run"] <= 18 and 1 < found.pareto.sizes["run"] < 18
    # What scatter alone calls the best is one end of the compromises, with the depth gone.
    ends = found.pareto.sortby("scatter_tuned")
    assert float(ends["depth_ratio_tuned"][0]) < 0.5
    assert abs(float(ends["depth_ratio_tuned"][-1]) - 1) < 0.1
    assert any("does not depend on zeroth_tracking.enabled" in remark for remark in found.remarks)
    assert any("free_sigma at the edge" in remark for remark in found.remarks)
    assert "scatter_held_out" in found.runs
    orbits = reduction.state().column("orbit_numbers")
    run = int(found.pareto["run"][0])
    with_it = quick(reduction.visit, **found.changes(run))
    with_it.inject(0.01, cosmic_rays=0, hot_pixels=0)
    held = with_it.figures(transit=reduction.injected.transit, frames=np.isin(orbits, [2]))
    assert float(found.runs["scatter_held_out"][run]) == pytest.approx(held["scatter"], rel=1e-9)
    assert before["led"] == counts(reduction)["led"]
    for wrong, said in (
        ({"ranges": {"free_iter.free_sigma": (5, 2)}}, "low < high"),
        ({"ranges": {"free_iter.free_sigma": 3.0}}, "free_sigma"),
        ({"ranges": {}}, "Name the parameters"),
        ({"ranges": {"free_iter.free_sigma": (2, 5)}, "aims": ("beauty",)}, "beauty"),
        ({"ranges": {"free_iter.free_sigma": (2, 5)}, "runs": 3}, "4 or more"),
    ):
        with pytest.raises((ValueError, TypeError), match=said):
            reduction.search(**wrong)


def test_a_search_of_one_parameter_says_what_chooses_nothing(reduction):
    with pytest.raises(ValueError, match="inject"):
        reduction.search({"free_iter.free_sigma": (3, 6)}, aims=("scatter", "depth_ratio"))
    found = reduction.search({"column.col_sigma": (2.5, 4.0)}, aims=("scatter", "light_kept"), runs=6)
    assert found.pareto.sizes["run"] >= 1
    assert any("All runs have the same light_kept" in remark for remark in found.remarks)


def test_sensitivity_fills_itself_and_computes_nothing_before_its_step(reduction):
    reduction.run()
    before, told, known = counts(reduction), [], reduction._chain.cache.tokens
    sensitivity = reduction.sensitivity("column.col_sigma", told.append, rest=0.01)
    assert sensitivity.wait(60)
    assert reduction._chain.cache.tokens == known  # values that a person has tried are not pushed out
    response = sensitivity.responses["column.col_sigma"]
    assert response.complete and len(told) == len(response.values)
    assert response.present in response.values and response.tutorial in response.values
    assert set(more(reduction, before)) == {"column", "quicklook"}
    expected = reduction.sweep({"column.col_sigma": response.values})
    np.testing.assert_allclose(response.curve("scatter"), expected["scatter"])
    assert "col_sigma" in response.text()
    sensitivity.stop()


def test_the_newest_edit_stops_it_and_it_goes_on_afterwards(reduction):
    reduction.auto = True
    reduction.compute()
    reduction.wait(60)
    began, may_go_on = threading.Event(), threading.Event()

    def slow(response):
        began.set()
        may_go_on.wait(30)

    sensitivity = reduction.sensitivity("free_iter.free_sigma", slow, rest=0.01)
    assert began.wait(60)
    reduction.free_iter.free_sigma = 4.5
    assert reduction.wait(60) and reduction.free_iter.status == "fresh"
    may_go_on.set()
    assert sensitivity.wait(60)
    response = sensitivity.responses["free_iter.free_sigma"]
    assert response.present == 4.5 and response.complete
    sensitivity.stop()
    assert reduction.wait(60)


def test_a_slider_that_does_not_matter_is_called_so(visit):
    reduction = quick(visit, fixed_sigmas=(50.0,), replacement=4, do_fixed_iter=True)
    reduction.run()
    sensitivity = reduction.sensitivity(["fixed_iter.replacement", "free_iter.free_sigma"], rest=0.01)
    assert sensitivity.wait(60)
    sensitivity.stop()
    assert sensitivity.responses["fixed_iter.replacement"].flat
    assert "does not matter" in sensitivity.responses["fixed_iter.replacement"].text()
    assert not sensitivity.responses["free_iter.free_sigma"].flat


def test_too_few_frames_are_said_where_nothing_can_be_told():
    two = quick(tiny_visit(2, (24, 30), seed=1))
    found = two.sweep({"free_iter.free_sigma": [3, 5]})
    assert "Nothing can be told of the light curve" in found.attrs["remarks"]
    assert "none has scatter" in two.search({"free_iter.free_sigma": [3, 5]}).text()
    recovery = two.recover()
    assert "cannot be told: there are too few frames" in recovery.text() and "nan" not in recovery.text()
    assert "nan" not in recovery_html(recovery) and "is changed" not in recovery_html(recovery)
    curve = Response("a.b", [1, 2], 1, 1, [{"background_left": 0.0}, {"background_left": 9.0}], ["", ""])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert curve.text() == "a.b matters between 1 and 2."


def test_present_parameters_that_cannot_be_computed_do_not_spoil_the_others():
    reduction = quick(tiny_visit(8, (24, 30), orbits=2, seed=1), rows=(10_000,))
    found = reduction.sweep({"column.rows": [(0, 1, 2), (0, 1, 2, 3), (9_000,), (9_000,)]})
    assert np.isfinite(found["light_kept"].values).tolist() == [True, True, False, False]
    assert "present parameters cannot be computed" in found.attrs["remarks"]
    assert "(9000,) and 1 more" in found.attrs["remarks"]


def test_where_the_orbits_that_choose_are_too_short_a_score_is_that_of_all():
    short = quick(tiny_visit(12, (24, 30), orbits=4, seed=1))
    found = short.search({"free_iter.free_sigma": [3, 5]}, aims="scatter")
    assert np.isnan(found.runs["scatter_tuned"]).all() and found.pareto.sizes["run"]
    np.testing.assert_array_equal(found.figure("scatter"), found.runs["scatter"])
    assert "nan" not in found.text() and np.isnan(found.figure("depth_ratio")).all()


def test_of_a_step_that_is_off_nothing_is_tried_and_it_is_said(small):
    before, told = counts(small), []
    sensitivity = small.sensitivity(["smooth.smth_type", "smooth.smth_threshold"], told.append, rest=0.0)
    assert sensitivity.wait(60)
    sensitivity.stop()
    for response in sensitivity.responses.values():
        assert response.complete and "smooth is off. Switch it on first" in response.text()
        assert "does not matter" not in response.text() + response_html(response)
        assert "smooth is off" in response_html(response)
    assert len(told) == 2 and not more(small, before)


@pytest.mark.parametrize(
    ("wrong", "options", "said"),
    [
        (3, {}, "Name parameters"),
        ([], {}, "Name a parameter"),
        ([3], {}, "named by a text"),
        ("free_iter.free_sigma", {"rest": np.nan}, "'rest'"),
        ("free_iter.free_sigma", {"rest": "1"}, "'rest'"),
        ("free_iter.free_sigma", {"changed": 3}, "'changed'"),
    ],
    ids=str,
)
def test_what_cannot_be_tried_is_refused(small, wrong, options, said):
    with pytest.raises((ValueError, TypeError), match=said):
        small.sensitivity(wrong, **options)


def test_a_value_that_fails_says_why_and_ends_nothing(small, monkeypatch):
    def fails(*args):
        raise IndexError("there is no such thing")

    monkeypatch.setattr(sensitivity_module.Evaluation, "__call__", fails)
    told = []
    monkeypatch.setattr(threading, "excepthook", lambda what: told.append(what.exc_type))
    sensitivity = small.sensitivity("free_iter.free_sigma", lambda response: 1 / 0, rest=0.0)
    assert sensitivity.wait(60)
    sensitivity.stop()
    assert set(told) == {ZeroDivisionError}
    text = sensitivity.responses["free_iter.free_sigma"].text()
    assert "cannot be told: there is no such thing" in text


def test_when_python_ends_nothing_is_closed_that_a_stopped_thread_may_hold(small, monkeypatch):
    closed = []
    monkeypatch.setattr(type(small), "close", lambda self: closed.append(1))
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    small.__del__()
    assert not closed


@given(present=st.floats(0.001, 1e6), low=st.floats(0, 1e-3))
def test_values_around_are_accepted_in_order_and_hold_the_present(present, low):
    parameter = Real(3.5, "x", min=low, soft=(2, 20))
    tried = values_around(parameter, present)
    assert tried == sorted(set(tried)) and present in tried and 3.5 in tried
    assert all(parameter.convert(value) == value for value in tried)
    whole = Whole(5, "x", min=1, max=40)
    tried = values_around(whole, 7)
    assert 7 in tried and all(isinstance(value, int) and 1 <= value <= 40 for value in tried)
    assert values_around(Choice("a", ("a", "b", None), "x"), "a") == ["a", "b", None]
