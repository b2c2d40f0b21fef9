"""What is put into a visit is there, nothing else is, and what comes out is told as it is."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import xarray as xr
from astropy import units as u
from astropy.time import Time, TimeDelta
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from quick_chain import quick
from visits import digests, simulated, tiny_visit

from hustle_widgets import Reduction, load_visit
from hustle_widgets.algorithms.transits import shape_of
from hustle_widgets.assessment import assess
from hustle_widgets.config import read_config
from hustle_widgets.console import Console
from hustle_widgets.settings import remarks

SEEDS = range(20)


def raw(reduction):
    return reduction.state("hst_flags").images()


def test_the_target_is_dimmed_and_the_sky_is_not(reduction, visit):
    before = raw(reduction)
    injected = reduction.inject(0.02, cosmic_rays=0, hot_pixels=0)
    after = raw(reduction)
    shape = shape_of(visit["exp_time"].values, injected.transit)
    assert 0 < shape.mean() < 1
    sky = np.median(before[:, :12], axis=(1, 2))[:, None, None]
    trace = slice(20, 30)
    np.testing.assert_array_equal(after[shape == 0], before[shape == 0])
    lost = (before - after)[:, trace].sum(axis=(1, 2)) / (before - sky)[:, trace].sum(axis=(1, 2))
    np.testing.assert_allclose(lost, 0.02 * shape, atol=3e-5)
    np.testing.assert_allclose(np.median(after[:, :12], axis=(1, 2)), sky.ravel(), atol=0.05)


def test_hits_are_where_they_are_said_to_be_and_nowhere_else(reduction):
    before = raw(reduction)
    injected = reduction.inject(0, cosmic_rays=7, hot_pixels=5)
    added = np.zeros_like(before)
    added[injected.frames, injected.rows, injected.columns] = injected.electrons
    np.testing.assert_allclose(raw(reduction) - before, added, atol=0.01)
    # In bands of rows and some frames it is the same.
    state = reduction.state("hst_flags")
    np.testing.assert_array_equal(state.images(slice(3, 9), slice(11, 27)), raw(reduction)[3:9, 11:27])
    hot = np.arange(injected.frames.size) >= injected.n_cosmic
    assert np.unique(injected.frames[hot]).size == before.shape[0]


@given(data=st.data())
def test_a_block_is_a_part_of_the_whole(data):
    if not _KEPT:
        reduction = quick(tiny_visit(8, (20, 30)))
        reduction.inject(0.03, cosmic_rays=20, hot_pixels=10)
        state = reduction.state("hst_flags")
        _KEPT.append((state, state.images()))
    state, whole = _KEPT[0]
    first, last = sorted(data.draw(st.lists(st.integers(0, 8), min_size=2, max_size=2, unique=True)))
    low, high = sorted(data.draw(st.lists(st.integers(0, 20), min_size=2, max_size=2, unique=True)))
    part = state.images(slice(first, last), slice(low, high))
    np.testing.assert_array_equal(part, whole[first:last, low:high])


_KEPT = []


def test_frames_that_are_left_out_do_not_shift_it(visit):
    whole, part = quick(visit), quick(visit, skip_first_fm=True)
    for reduction in (whole, part):
        reduction.inject(0.02, cosmic_rays=5)
        reduction.computed()
    kept = part.state("hst_flags").kept_frames
    assert kept.size == 33
    np.testing.assert_array_equal(raw(part), raw(whole)[kept])


def test_taken_out_all_is_as_before_and_nothing_is_computed(reduction, visit):
    found = digests(visit)
    reduction.run()
    flux = reduction.light_curve()["flux"].copy()
    counts = {name: step.compute_count for name, step in reduction.steps.items()}
    with reduction.injection(0.02):
        assert reduction.free_iter.status == "stale"
        assert not np.array_equal(reduction.light_curve()["flux"], flux)
    assert reduction.injected is None
    assert reduction.free_iter.status == "fresh"
    np.testing.assert_array_equal(reduction.light_curve()["flux"], flux)
    with reduction.injection(0.02):
        reduction.light_curve()
    more = {name: step.compute_count - counts[name] for name, step in reduction.steps.items()}
    assert more["free_iter"] == 1 and max(more.values()) == 1
    assert digests(visit) == found


def test_it_is_never_on_by_mistake(tmp_path):
    visit = tiny_visit(12, folder=str(tmp_path))
    reduction = quick(visit, do_save=True, verbose=1)
    reduction.inject(0.02)
    clean = reduction.run()
    words = reduction.injected.words
    assert "INJECTED" in words and "0.02" in words
    assert reduction.read_data.notes.startswith(words)
    assert words in repr(reduction)
    (finding,) = (one for one in assess(reduction.state(), (0.0, 0.0)) if one.title == "As observed")
    assert finding.verdict == "bad" and words in finding.sentence
    assert clean.attrs["injected"] == words and clean.attrs["title"].startswith("INJECTED")
    folder = reduction.output_folder()
    with xr.open_dataset(folder / "clean_obs.nc") as saved:
        assert saved.attrs["injected"] == words
    config = read_config(folder / "stage_1_run_1.hustle")
    assert config["injected"] == words
    assert any("not injected again" in remark for remark in remarks(config))
    assert reduction.light_curve().meta["injected"] == words
    assert reduction.to_script().startswith(f"# {words}") and compile(reduction.to_script(), "script", "exec")
    assert words in reduction.methods()
    for path in reduction.export(tmp_path / "tables"):
        assert "INJECTED" in path.read_text(), path
    assert reduction.sweep({"free_sigma": [3.5]}).attrs["injected"] == words
    assert reduction.search({"free_sigma": (3, 4)}, runs=4).runs.attrs["injected"] == words
    # A config that was opened does not say so of later runs.
    again = type(reduction).from_config(folder / "stage_1_run_1.hustle", visit)
    again.write_config(tmp_path / "later.hustle")
    assert "injected" not in read_config(tmp_path / "later.hustle")
    reduction.take_out()
    clean = reduction.run()
    assert "injected" not in clean.attrs and "INJECTED" not in clean.attrs["title"]
    assert "INJECTED" not in reduction.read_data.notes
    assert (
        "INJECTED" not in reduction.to_script()
        and "injected" not in reduction.sweep({"free_sigma": [3]}).attrs
    )
    assert all("INJECTED" not in path.read_text() for path in reduction.export(tmp_path / "tables"))


def test_figures_that_are_saved_meanwhile_say_so(tmp_path):
    visit = tiny_visit(6, folder=str(tmp_path))
    reduction = quick(visit, save_plots=1, do_save=True)
    reduction.run(figures=True)
    folder = reduction.output_folder()
    observed = {path.name: np.asarray(Image.open(path).convert("RGB")) for path in folder.glob("*.png")}
    with reduction.injection(0.02, cosmic_rays=0, hot_pixels=0):
        reduction.run(figures=True)
        made_up = {path.name: np.asarray(Image.open(path).convert("RGB")) for path in folder.glob("*.png")}
    assert observed and made_up.keys() == observed.keys()
    for name, picture in made_up.items():
        strip = picture.shape[0] - observed[name].shape[0]
        assert (
            strip > 10
            and (abs(picture[:strip].astype(int) - (0xA8, 0x36, 0x00)).max(axis=2) < 12).mean() > 0.5
        )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"depth": 2}, "'depth'"),
        ({"depth": np.nan}, "'depth'"),
        ({"depth": "1 %"}, "'depth'"),
        ({"depth": True}, "'depth'"),
        ({"middle": np.nan}, "'middle' must be a mid-transit time"),
        ({"middle": "noon"}, "'middle'"),
        ({"middle": 1 * u.m}, "'middle'"),
        ({"middle": Time([58331.0, 58332.0], format="mjd")}, "'middle'"),
        ({"duration": np.inf}, "'duration' must be a number of hours"),
        ({"duration": [2.0]}, "'duration'"),
        ({"duration": 2 * u.m}, "'duration'"),
        ({"ingress": np.nan}, "'ingress'"),
        ({"ingress": -0.1}, "'ingress'"),
        ({"cosmic_rays": 2.7}, "'cosmic_rays' must be a whole number"),
        ({"cosmic_rays": True}, "'cosmic_rays'"),
        ({"hot_pixels": np.inf}, "'hot_pixels'"),
        ({"hot_pixels": "5"}, "'hot_pixels'"),
        ({"seed": -1}, "'seed' must be a whole number, 0 or more"),
        ({"seed": "x"}, "'seed'"),
        ({"depth": 0.01, "cosmic_rays": -1}, "'cosmic_rays'"),
        ({"depth": 0.01, "duration": 0}, "'duration'"),
        ({"depth": 0.01, "middle": 0.0}, "No frame is taken in a transit"),
    ],
)
def test_what_cannot_be_injected_is_refused(small, options, said):
    with pytest.raises(ValueError, match=said):
        small.inject(**options)
    assert small.injected is None


@pytest.fixture(scope="module")
def small():
    """A Reduction for questions that need no light."""
    return quick(tiny_visit(6, (24, 30), orbits=2, seed=1))


def test_times_of_astropy_are_taken_as_they_are_meant(small):
    plain = small.inject(0.01, middle=58331.3, duration=2, ingress=0.25, cosmic_rays=3)
    middle = Time(58331.3, format="mjd", scale="utc")
    options = {"duration": 120 * u.min, "ingress": TimeDelta(900, format="sec"), "cosmic_rays": np.float64(3)}
    for at in (middle, middle.tdb, 58331.3 * u.day, np.float64(58331.3)):
        asked = small.inject(1 * u.percent, middle=at, **options)
        assert asked.transit == pytest.approx(plain.transit, abs=1e-9) and asked.depth == 0.01
        np.testing.assert_array_equal(asked.frames, plain.frames)
    small.take_out()


def test_an_inner_injection_gives_the_outer_one_back(small):
    source = small._chain.source.token
    with small.injection(0.02) as outer:
        token = small._chain.source.token
        with small.injection(0.01) as inner:
            assert small.injected is inner
        assert small.injected is outer and small._chain.source.token == token
        for wrong, raised in (({"seed": "x"}, ValueError), ({}, ZeroDivisionError)):
            with pytest.raises(raised), small.injection(0.01, **wrong):
                raise ZeroDivisionError
            assert small.injected is outer and small._chain.source.token == token
        with small.injection(0.01):
            small.take_out()
        assert small.injected is outer
    assert small.injected is None and small._chain.source.token == source
    kept = small.inject(0.02)
    with small.injection(0.01):
        pass
    assert small.injected is kept
    small.take_out()
    with small.injection(0.01):
        small.take_out()
    assert small.injected is None


def test_what_was_not_injected_here_is_not_looked_for(small):
    other = quick(tiny_visit(6, (24, 30), orbits=2, seed=2))
    for wrong, said in ((0.01, "'injected' must be"), (other.inject(0.01), "another visit")):
        with pytest.raises(ValueError, match=said):
            small.recover(wrong)


def test_completeness_is_that_of_the_pixels_put_in(visit):
    reduction = quick(visit, free_sigma=5)
    found = reduction.recover(reduction.inject(0, cosmic_rays=8, hot_pixels=0))
    injected = reduction.injected
    flags = np.zeros(visit["images"].shape, bool)
    flags.reshape(-1)[reduction.computed().outcomes["free_iter"].patch.index] = True
    reduction.take_out()
    before = np.zeros(flags.shape, bool)
    before.reshape(-1)[reduction.computed().outcomes["free_iter"].patch.index] = True
    place = injected.frames, injected.rows, injected.columns
    usable = ~before[place] & ~injected.on_trace
    assert found.completeness() == pytest.approx(flags[place][usable].mean())
    bright = found.hits[(found.hits["electrons_low"] >= 1000) & (found.hits["kind"] == "cosmic ray")]
    assert bright["found"].sum() > 0.95 * bright["injected"].sum()
    hit = np.zeros(flags.shape, bool)
    hit[place] = True
    assert found.hits["false"].sum() == (flags & ~before & ~hit).sum()


@pytest.fixture(scope="module")
def twenty():
    """Of 20 visits without a transit, what three thresholds make of an injected one."""
    found = {}
    for seed in SEEDS:
        reduction = quick(tiny_visit(36, (30, 40), orbits=3, seed=100 + seed))
        with reduction.injection(0.01, cosmic_rays=0, hot_pixels=0):
            for sigma in (3.5, 1.5):
                reduction.free_iter.free_sigma = sigma
                recovery = reduction.recover()
                found.setdefault(sigma, []).append((recovery, reduction.figures()))
    return found


def test_the_injected_depth_comes_back_within_its_error(twenty):
    recoveries = [recovery for recovery, _ in twenty[3.5]]
    assert all(recovery.within_error for recovery in recoveries), [r.bias for r in recoveries]
    assert np.mean([recovery.ratio for recovery in recoveries]) == pytest.approx(1, abs=0.02)
    # As an observer would measure it, photons and all: pulls as of a normal distribution.
    pulls = np.array([(r.measured - r.depth_in) / r.measured_error for r in recoveries])
    assert abs(pulls.mean()) < 3 / np.sqrt(len(pulls)) and 0.6 < pulls.std() < 1.5


def test_the_depth_exposes_the_chain_that_scatter_alone_calls_the_best(twenty):
    for (kept, good), (eaten, cleaned) in zip(twenty[3.5], twenty[1.5], strict=True):
        assert cleaned["scatter"] < good["scatter"]
        assert not eaten.within_error and eaten.ratio < 0.5 < kept.ratio
        assert eaten.low_on > 10 * kept.low_on


def test_beside_a_transit_of_the_visits_own_the_depth_put_in_comes_back(tmp_path_factory):
    folder = simulated(tmp_path_factory, "colours", n_frames=33, shape=(240, 640), seed=7)
    reduction = Reduction(load_visit(folder), dist_from_trace=40, do_save=False, do_Pagul=False, verbose=0)
    found = reduction.recover()
    assert found.within_error and found.ratio == pytest.approx(1, abs=0.03)
    # What an observer would measure is both transits.
    assert found.measured == pytest.approx(2 * found.depth_in, rel=0.3)
    assert found.completeness() > 0.95 and found.completeness(zone="on") > 0.4
    assert reduction.injected is None
    console = run_console(reduction)
    assert "INJECTED" in console


def run_console(reduction):
    """What a run says in a terminal while something is injected."""
    said = io.StringIO()
    with reduction.injection(0.01), contextlib.redirect_stdout(said):
        reduction.run(Console(reduction, 1))
    return said.getvalue()
