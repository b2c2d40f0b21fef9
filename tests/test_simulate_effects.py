"""What can be added to a simulated visit: its twin, motion, colour, neighbours, trails, ramps, false flags."""

import hashlib
import json

import numpy as np
import pytest
from astropy.io import fits

from hustle_widgets.algorithms import simulation as sim
from hustle_widgets.algorithms.detector import READ_NOISE
from hustle_widgets.algorithms.simulation_effects import trailed
from hustle_widgets.simulate import cosmic_ray_mask, read_truth, read_twin, simulate_visit
from hustle_widgets.simulate.scene import add_orders, make_scene, red_ends, whole_traces

SHAPE = (240, 640)
QUIET = {
    "cosmic_ray_rate": 0,
    "hot_fraction": 0,
    "n_stars": 0,
    "jitter": 0,
    "drift": (0, 0),
    "sky_structure": 0,
}


def scene(smooth=True):
    made = make_scene((300, 780), 1, 0.0, 1.0, 0, (600.2, 85.4), 2, None)
    return made._replace(red_ends=red_ends(made)) if smooth else made


def test_a_twin_has_the_same_photons_and_no_faults(tmp_path):
    visit = simulate_visit(tmp_path / "v", n_frames=4, shape=SHAPE, seed=4, hot_fraction=0.01, twin=True)
    truth, twin = read_truth(tmp_path / "v"), read_twin(tmp_path / "v")["images"].values
    frames, hits = visit["images"].values, cosmic_ray_mask(truth)
    hot, dull = truth["hot_electrons"].values > 0, truth["response"].values < 1
    sound = ~hits & ~hot & ~dull
    # A column that bleeds changes pixels that nothing hit.
    apart = np.broadcast_to(~(frames > 50_000).any(axis=(0, 1)), frames.shape)
    assert np.array_equal(twin[sound & apart], frames[sound & apart])
    added = (frames - twin)[hits & ~hot & ~dull & apart]
    assert (added > 0).mean() > 0.999
    hot_sky = hot & ~dull & (truth["hot_electrons"].values > 100) & (np.arange(SHAPE[0])[:, None] < 30)
    sky = truth["sky_scale"].values[:, None, None] * truth["sky_template"].values
    left = (twin - sky)[:, hot_sky]
    variance = (sky + sim.DARK * 190 + READ_NOISE**2)[:, hot_sky]
    assert hot_sky.sum() > 20 and (frames[:, hot_sky].mean() - sky.mean()) > 100
    assert abs((left / np.sqrt(variance)).mean()) < 4 / np.sqrt(left.size)


def test_what_is_not_asked_for_changes_no_file(tmp_path):
    for name, more in (("a", {}), ("b", {"twin": True})):
        simulate_visit(tmp_path / name, n_frames=2, shape=(200, 400), seed=2, **more)
    found = [
        {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (tmp_path / name).rglob("*.fits")}
        for name in ("a", "b")
    ]
    assert found[0] == found[1]
    with pytest.raises(FileNotFoundError, match="twin=True"):
        read_twin(tmp_path / "a")
    simulate_visit(tmp_path / "b", n_frames=2, shape=(200, 400), seed=2, overwrite=True)
    assert not (tmp_path / "b" / "twin.nc").exists()


@pytest.mark.parametrize("order", ["+1", "-1"])
def test_every_order_moves_with_the_target_and_loses_no_light(order):
    here = scene()
    light = [add_orders(here, np.zeros((300, 780)), (moved, 0))[order] for moved in (0, 0.25, 0.5, 1)]
    columns = [whole_traces(here, (moved, 0))[order].columns for moved in (0, 0.25, 0.5, 1)]
    total = [spectrum.sum() for spectrum in light]
    assert np.ptp(total) < 5e-6 * total[0]
    centre = [
        (spectrum * column).sum() / spectrum.sum() for spectrum, column in zip(light, columns, strict=True)
    ]
    np.testing.assert_allclose(
        np.array(centre) - centre[0], [0, 0.25, 0.5, 1], rtol=6e-3
    )  # the field is not flat


def test_a_spectrum_that_is_sampled_is_uneven_and_one_that_is_integrated_is_not():
    totals = {}
    for smooth in (False, True):
        here = scene(smooth)
        totals[smooth] = np.ptp(
            [add_orders(here, np.zeros((300, 780)), (m, 0))["+1"].sum() for m in (0, 0.3, 0.7)]
        )
    assert totals[False] > 20 * totals[True]


def test_colour_and_breathing():
    blue, red = scene()._replace(temperature=9000.0), scene()._replace(temperature=4500.0)
    line = whole_traces(blue)["+1"]
    at = {wave: np.abs(line.wavelengths - wave).argmin() for wave in (3000, 5500, 8000)}
    spectra = [add_orders(star, np.zeros((300, 780)))["+1"] for star in (blue, red)]
    ratio = spectra[0] / np.maximum(spectra[1], 1)
    assert ratio[at[5500]] == pytest.approx(1, abs=0.01)
    assert ratio[at[3000]] > 2 and ratio[at[8000]] < 0.75
    narrow, wide = (scene().light(np.zeros(2), 0.0, 1.0, width) for width in (1.0, 1.2))
    assert wide.max() < narrow.max() and wide.sum() == pytest.approx(narrow.sum(), rel=1e-3)


def test_a_neighbour_has_orders_of_its_own():
    alone, crowded = scene(), scene()._replace(neighbour=(5.0, 20.0, 0.1))
    extra = crowded.light(np.zeros(2), 1.0, 1.0) - alone.light(np.zeros(2), 1.0, 1.0)
    line = whole_traces(alone, (5.0, 20.0))["+1"]
    column = 560  # order +2 does not reach it
    row = line.rows[line.columns == column][0]
    assert row - whole_traces(alone)["+1"].rows[line.columns == column][0] == pytest.approx(20, abs=1)
    near = np.abs(np.arange(300) - row) < 10
    centre = (np.arange(300) * extra[:, column])[near].sum() / extra[near, column].sum()
    assert centre == pytest.approx(row, abs=0.1)
    again = crowded.light(np.zeros(2), 1.0, 0.5) - alone.light(np.zeros(2), 1.0, 0.5)
    np.testing.assert_allclose(again, extra, atol=1e-6)  # it is not the neighbour that is in transit


@pytest.mark.parametrize("below", [True, False])
def test_charge_is_trailed_away_from_the_register(below):
    charge = np.zeros((200, 3))
    charge[100, 1] = 1000
    read = trailed(charge, 0.05, 900, below)
    transfers = 1000 if below else 2050 - 1000
    taken = 0.05 * 100 * 10**0.6 * transfers / 2051
    assert charge[100, 1] - read[100, 1] == pytest.approx(taken)
    trail = read[101:, 1] if below else read[:100, 1][::-1]
    other = read[:100, 1] if below else read[101:, 1]
    assert read.sum() == pytest.approx(1000) and not other.any()
    assert trail.sum() == pytest.approx(taken) and (np.diff(trail[:40]) < 0).all()


def test_orbits_out_of_transit_a_hook_and_a_failed_exposure(tmp_path):
    visit = simulate_visit(
        tmp_path / "v",
        n_frames=9,
        shape=(200, 400),
        frames_per_orbit=3,
        transit_span=(0.4, 0.6),
        hook=0.01,
        failed=[7],
        **QUIET,
    )
    truth = read_truth(tmp_path / "v")
    assert visit["orbit_numbers"].values.tolist() == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert truth["in_transit"].values.tolist() == [False] * 3 + [True] * 3 + [False] * 3
    expected = 1 - 0.01 * np.array([2, 1, 1])[visit["orbit_numbers"].values - 1] * np.exp(
        -np.tile(np.arange(3) * 220, 3) / 720
    )
    np.testing.assert_allclose(truth["ramp"], expected, rtol=1e-9)
    lit = visit["images"].values.sum(axis=(1, 2))
    assert lit[7] < 0.02 * lit[6]
    flags = [fits.getval(path, "EXPFLAG") for path in sorted((tmp_path / "v" / "specimages").iterdir())]
    assert [flag != "NORMAL" for flag in flags] == [False] * 7 + [True, False]
    light = lit - lit[7] - truth["sky_scale"].values * 80_000
    bright = light[[0, 1, 2, 6, 8]] / expected[[0, 1, 2, 6, 8]]
    assert np.ptp(bright) / bright.mean() < 4e-3


def test_false_flags_lie_on_the_traces_alone(tmp_path):
    visit = simulate_visit(tmp_path / "v", n_frames=3, shape=SHAPE, false_flags=0.05, **QUIET)
    flagged = (visit["hst_dq"].values & 4096) > 0
    rows = read_truth(tmp_path / "v")["trace_rows"].values[:2]
    apart = np.fmin.reduce(np.abs(np.arange(SHAPE[0])[:, None] - rows[:, None, :]), axis=0, initial=np.inf)
    assert not flagged[:, apart > 6].any()
    share = flagged[:, apart <= 2].mean()
    assert 0.03 < share < 0.06  # the red ends, where there is no light, have none


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 10),
        ("neighbour", (1, 2)),
        ("neighbour", 3),
        ("flat_error", -1),
        ("breathing", "deep"),
        ("hook", 2),
        ("cte", float("nan")),
        ("false_flags", 1.5),
        ("frames_per_orbit", 0),
        ("transit_span", (0.6, 0.5)),
        ("failed", [4]),
    ],
)
def test_options_out_of_bounds_are_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=name):
        simulate_visit(tmp_path / "v", n_frames=2, shape=(200, 400), **{name: value})
    assert list(tmp_path.iterdir()) == []


def test_options_are_kept_with_the_truth(tmp_path):
    simulate_visit(tmp_path / "v", n_frames=1, shape=(200, 400), cte=0.02, flat_error=0.01, smooth=True)
    given = json.loads(read_truth(tmp_path / "v").attrs["parameters"])
    assert (given["cte"], given["flat_error"], given["smooth"]) == (0.02, 0.01, True)
