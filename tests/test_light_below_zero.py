"""Light curves that hold no light: every verdict and figure stands them, and a sentence says what to do."""

import warnings

import numpy as np
import pytest
from visits import everything, small_folder, small_visit

from hustle_widgets import Reduction
from hustle_widgets.algorithms.photometry import relative, scatter_of
from hustle_widgets.assessment import Zones, assess, background
from hustle_widgets.choosing.explain import explain
from hustle_widgets.choosing.export import white_table
from hustle_widgets.choosing.merit import FIGURES, figures_of
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Offset, Outcome, Table
from hustle_widgets.steps.quicklook import Quicklook
from hustle_widgets.steps.targets import given_location
from hustle_widgets.view.live.quicklook import scatter_of as in_words

BARE = dict.fromkeys(
    ("do_hst_flags", "do_fixed_iter", "do_free_iter", "do_led", "do_smooth", "do_Pagul", "do_uniform"), False
)
FACTORS = {
    "zero": np.zeros(6),
    "negative": -np.ones(6),
    "no number": np.full(6, np.nan),
    "most are negative": np.array([1.0, -1, -1, -1, 1, -1]),
}


__all__ = ["small_folder", "small_visit"]


@pytest.fixture(scope="module")
def chain(small_folder, small_visit):
    reduction = Reduction(small_visit, **{**everything(small_folder), **BARE, "do_save": False})
    reduction.run()
    return reduction


def with_light(state, factor):
    """The state with another light curve, as the quicklook itself makes it."""
    table = state.outcomes["quicklook"].table
    columns = {name: values * factor for name, values in table.columns.items()}
    columns |= {f"spectrum_{o}": s * factor[:, np.newaxis] for o, s in table.facts["spectra"].items()}
    facts = {name: table.facts[name] for name in ("apertures", "traces")}
    found = Quicklook.finish(Outcome((Table(columns),)), state, **facts, aperture=12.0, wavelength_bins=3)
    return State(state.source, {**state.outcomes, "quicklook": found})


@pytest.mark.parametrize("kind", FACTORS)
def test_verdicts_and_figures_stand_a_curve_without_light(chain, kind):
    before, values = chain.state(), chain.values()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        state = with_light(before, FACTORS[kind])
        location = given_location(state, values)
        findings = assess(state, location, {"+1": 200.0}, kinds=chain.kinds, values=values)
        figures = figures_of(state, location, kinds=chain.kinds)
        shares = white_table(state)["relative_+1"]
    (scatter,) = [one for one in findings if one.title == "Scatter"]
    assert scatter.remedy is not None and scatter.remedy.words
    if kind != "no number":
        assert (
            scatter.verdict == "bad"
            and "the background that is subtracted takes the star's light" in scatter.sentence
        )
        assert ("is zero" if kind == "zero" else "lies below zero") in scatter.sentence
        assert "The light curve of order +1 holds" in " ".join(state.outcomes["quicklook"].table.notes)
    assert not any("nan" in one.sentence + one.figure for one in findings if one.title != "Scatter")
    assert all(np.isnan(figures[name]) for name in ("scatter", "scatter_ppm", "photon_limit_ppm", "depth"))
    assert set(figures) == set(FIGURES) and np.isfinite(figures["background_left"])
    assert np.isnan(shares).all()
    facts = state.outcomes["quicklook"].table.facts
    assert "not known" in in_words(facts["scatter_ppm"], facts["expected_ppm"])
    assert not Quicklook.words(state.outcomes["quicklook"], {})


def test_a_background_that_takes_all_light_is_named_by_why_and_by_a_pin(chain):
    """Behind the background the light is below zero: no share of it is of a step."""
    state = chain.state()
    far = {**state.outcomes}
    level = np.full(6, 1e4, np.float32)
    far["uniform"] = Outcome((Offset(level), Table({"bkg_vals": level})))
    dark = with_light(State(state.source, far), -np.ones(6))
    with pytest.raises(
        ValueError, match=r"behind the step uniform: no share .* where the background is taken from"
    ):
        explain(dark, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pin = chain.pins.keep("dark", dark, chain.values())
        assert np.isnan(pin.figures["scatter"]) and np.isnan(chain.pins.curves("dark")["flux"]).all()


def test_a_background_around_zero_has_the_scatter_that_it_has(chain):
    """What a second background takes off scatters around zero: its scatter is no share of its level."""
    state, told = chain.state(), []
    sky = [kind for kind in chain.kinds if kind.name == "uniform"]
    zones = Zones.of(state, given_location(state, chain.values()))
    for shift in (0.0, -0.5, 0.5):
        level = np.array([3.0, -3, 3, -3, 3, -3], np.float32) + np.float32(shift)
        one = Outcome((Offset(level), Table({"bkg_vals": level})))
        told += background(State(state.source, {**state.outcomes, "uniform": one}), zones, sky)
    assert all("the values of the frames scatter by" in one.sentence for one in told), told


@pytest.mark.parametrize("level", [0.0, -5.0, np.nan])
def test_no_light_has_no_scatter_and_no_share(level):
    flux = level + np.array([-2.0, 2, -1, 1, -2, 2, 0])
    assert np.isnan(scatter_of(flux).ppm) and np.isnan(relative(flux)).all()


def test_in_six_frames_the_scatter_is_not_known_and_not_told(chain):
    state, values = chain.state(), chain.values()
    (scatter,) = [
        one
        for one in assess(state, given_location(state, values), kinds=chain.kinds)
        if one.title == "Scatter"
    ]
    assert (scatter.figure, scatter.verdict) == ("not known", "check")
    assert "frames or more" in scatter.sentence and "upper limit" not in scatter.sentence
    figures = figures_of(state, given_location(state, values), kinds=chain.kinds, sure=True)
    assert (
        np.isnan(figures["scatter"]) and np.isnan(figures["scatter_ppm"]) and figures["photon_limit_ppm"] > 0
    )
    # To be compared by a person, or searched by, it is told as it was measured.
    assert figures_of(state, given_location(state, values), kinds=chain.kinds)["scatter"] > 0
