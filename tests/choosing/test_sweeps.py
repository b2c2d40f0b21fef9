"""Sweeps, search and sensitivity: the right numbers, nothing computed twice, stopped at once."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quick_chain import quick

from hustle_widgets.choosing.design import as_axes, first_points, pareto
from hustle_widgets.choosing.sensitivity import values_around
from hustle_widgets.engine.cache import OutcomeCache
from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.deltas import Outcome, Table
from hustle_widgets.steps.parameters import Choice, Real, Whole


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
    found = reduction.sweep({"column.rows": [(0, 1, 2), (10_000,)]})
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


def test_with_an_injection_the_depth_is_told(reduction):
    reduction.inject(0.01, cosmic_rays=0, hot_pixels=0)
    found = reduction.sweep({"free_iter.free_sigma": [1.5, 5.0]})
    ratio = found["depth_ratio"].values
    assert ratio[0] < 0.5 and ratio[1] == pytest.approx(1, abs=0.05)
    for sigma, value in zip((1.5, 5.0), ratio, strict=True):
        reduction.free_iter.free_sigma = sigma
        assert reduction.recover().ratio == pytest.approx(value, rel=1e-9)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20))
def test_pareto_is_what_nothing_beats(rows):
    costs = np.array(rows, dtype=float)
    good = set(pareto(costs))

    def beats(one, other):
        return all(a <= b for a, b in zip(one, other, strict=True)) and one != other

    assert good == {k for k, row in enumerate(rows) if not any(beats(other, row) for other in rows)}


@given(number=st.integers(4, 60), n_axes=st.integers(1, 4), seed=st.integers(0, 9))
def test_first_points_are_few_distinct_and_inside(number, n_axes, seed):
    axes = as_axes({f"p{k}": (1.0, 2.0 + k) for k in range(n_axes)}, {f"p{k}": False for k in range(n_axes)})
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
