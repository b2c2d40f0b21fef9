"""A simulated visit: its files, and its truth against what is on the frames."""

import hashlib

import numpy as np
import pytest
from astropy.io import fits
from scipy.integrate import dblquad

from hustle_widgets.algorithms import simulation as sim
from hustle_widgets.algorithms.geometry import Trace, traces_on_frame
from hustle_widgets.algorithms.photometry import (
    expected_scatter,
    light_curve,
    standard_scatter,
    trace_aperture,
)
from hustle_widgets.algorithms.simulation_star import order_counts, transit
from hustle_widgets.simulate import cosmic_ray_mask, read_truth, simulate_visit

SHAPE = (300, 780)
TARGET = (600.2, 85.4)  # order +1 and the 0th order are on the frame as a whole


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("simulated") / "visit"


@pytest.fixture(scope="module")
def visit(folder):
    return simulate_visit(folder, n_frames=18, shape=SHAPE, target=TARGET, seed=3)


@pytest.fixture(scope="module")
def truth(visit, folder):
    return read_truth(folder)


@pytest.fixture(scope="module")
def undisturbed(visit, truth):
    """Frames less the charge of cosmic rays and the sky, both known exactly."""
    frames = visit.images.values.astype(float)
    frame = np.repeat(np.arange(len(frames)), truth.cosmic_ray_count.values)
    frames.reshape(len(frames), -1)[frame, truth.cosmic_ray_index.values] -= truth.cosmic_ray_electrons.values
    frames -= truth.sky_scale.values[:, None, None] * truth.sky_template.values
    return frames


def sound(truth):
    return ~(truth.hot | truth.warm | truth.cold | truth.dead).values


def checksums(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_files_are_shaped_like_those_of_calwf3(visit, folder):
    names = sorted(p.name for p in (folder / "specimages").iterdir())
    assert names[0] == "or01fm001_flt.fits" and names[-1] == "or02fm009_flt.fits" and len(names) == 18
    with fits.open(folder / "specimages" / names[0]) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI", "ERR", "DQ"]
        assert [hdu.header["BITPIX"] for hdu in hdus[1:]] == [-32, -32, 16]
        assert hdus[0].header["FILTER"] == "G280" and hdus["SCI"].header["CCDCHIP"] == 2
        assert hdus[0].header["EXPEND"] - hdus[0].header["EXPSTART"] == pytest.approx(190 / 86400)
        assert hdus["SCI"].header["LTV1"] == 1 - visit.subarr_coords.values[0]
    direct = fits.getheader(folder / "directimages" / "or01dr001_flt.fits")
    assert direct["FILTER"] == "F300X" and direct["EXPSTART"] < visit.exp_time.values[0]
    assert fits.getdata(folder / "sky_G280_chip2_flt.fits", "SCI").shape == sim.CHIP_SHAPE


def test_the_visit_is_loaded_and_the_header_misses_the_star_a_little(visit, truth):
    assert visit.images.shape == (18, *SHAPE)
    assert visit.orbit_numbers.values.tolist() == [1] * 9 + [2] * 9
    np.testing.assert_allclose(visit.exp_time, truth.exp_time, rtol=0, atol=1e-9)
    miss = np.array([visit.target_posx, visit.target_posy]) - truth.target.values
    assert 0.5 < np.hypot(*miss) < 3


def test_the_same_seed_gives_the_same_files(tmp_path):
    options = {"n_frames": 2, "shape": (200, 400)}
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        simulate_visit(tmp_path / name, seed=seed, **options)
    first, same, other = (checksums(tmp_path / name) for name in "abc")
    assert first == same
    assert first.keys() == other.keys() and all(first[name] != other[name] for name in first)


def test_frames_scatter_about_the_truth_as_photons_and_read_noise(visit, truth, undisturbed):
    """Away from all sources, the residual has no mean and unit variance."""
    apart = sound(truth)
    apart[40:] = False
    for column, row in truth.star_positions.values:
        apart[max(0, int(row) - 34) : int(row) + 35, max(0, int(column) - 34) : int(column) + 35] = False
    variance = truth.sky_scale.values[:, None, None] * truth.sky_template.values + sim.DARK * 190 + 3.1**2
    pull = (undisturbed / np.sqrt(variance))[:, apart]
    assert apart.sum() > 5000
    assert pull.mean() == pytest.approx(0, abs=4 / np.sqrt(pull.size))
    assert pull.std() == pytest.approx(1, abs=0.01)


def test_light_lies_on_the_calibrated_traces(visit, truth, undisturbed):
    traces = traces_on_frame(truth.target.values, visit.subarr_coords.values, SHAPE, 2, ("+1",), useful=True)
    line = traces["+1"]
    order = truth.order.values.tolist().index("+1")
    np.testing.assert_allclose(truth.trace_rows[order].values[line.columns], line.rows, atol=1e-9)
    frame = np.where(sound(truth), undisturbed.mean(axis=0), np.nan)
    columns = line.columns[(line.wavelengths > 5000) & (line.wavelengths < 8000)]
    rows = np.rint(line.rows).astype(int)[np.isin(line.columns, columns)] + np.arange(-4, 5)[:, None]
    light = frame[rows, columns]
    centre = np.nansum(rows * light, axis=0) / np.nansum(light, axis=0)
    expected = truth.trace_rows[order].values[columns] + truth.drift.values[:, 1].mean()
    assert np.median(np.abs(centre - expected)) < 0.1


def test_the_white_light_curve_reaches_the_noise_of_photons(visit, truth, undisturbed):
    line = traces_on_frame(truth.target.values, visit.subarr_coords.values, SHAPE, 2, ("+1",))["+1"]
    flux = light_curve(undisturbed, [line], 12, SHAPE)
    n_pixels = trace_aperture(line, 12, SHAPE).weights.sum()
    ratio = flux / truth.light_curve.values
    assert standard_scatter(ratio) / expected_scatter(flux, 12, 3.1, n_pixels) < 1.3
    assert flux.mean() == pytest.approx(np.nansum(truth.trace_electrons[0].values), rel=0.05)


def test_the_transit_is_where_it_should_be(truth):
    curve, inside = truth.light_curve.values, truth.in_transit.values
    assert (curve[~inside] == 1).all() and (curve[inside] < 1).all()
    assert 6 <= inside.sum() <= 10 and not inside[0] and not inside[-1]
    assert 0.9 * 0.0104 < 1 - curve.min() < 1.3 * 0.0104


def test_transit_equals_an_integral_over_the_disc():
    k, u1, u2 = 0.15, 0.45, 0.2

    def light(r, phi, z):
        x, y = z + r * np.cos(phi), r * np.sin(phi)
        rho = x * x + y * y
        mu = np.sqrt(max(0.0, 1 - rho))
        return r * (1 - u1 * (1 - mu) - u2 * (1 - mu) ** 2) if rho < 1 else 0.0

    total = np.pi * (1 - u1 / 3 - u2 / 6)
    for z in (0.0, 0.1, 0.5, 0.8):
        hidden, _ = dblquad(light, 0, 2 * np.pi, 0, k, args=(z,))
        assert transit([z], k, u1, u2)[0] == pytest.approx(1 - hidden / total, abs=1e-6)
    assert transit([1.0], k, 0, 0)[0] == pytest.approx(1 - lens(1.0, k) / np.pi, abs=1e-6)
    assert transit([1.16, 3.0], k).tolist() == [1.0, 1.0]


def lens(z, k):
    """Area common to the unit disc and a disc of radius k."""
    a = k * k * np.arccos((z * z + k * k - 1) / (2 * z * k)) + np.arccos((z * z + 1 - k * k) / (2 * z))
    return a - 0.5 * np.sqrt((1 + k - z) * (z + k - 1) * (z - k + 1) * (z + k + 1))


def test_cosmic_rays_are_as_many_and_as_strong_as_asked(truth, visit):
    mask = cosmic_ray_mask(truth)
    assert mask.shape == visit.images.shape and mask.sum() == truth.sizes["hit"]
    assert mask.mean() == pytest.approx(0.07 * 190 / 1800, rel=0.1)
    assert cosmic_ray_mask(truth, 100).sum() == (truth.cosmic_ray_electrons.values > 100).sum()
    flagged = (visit.hst_dq.values & 4096) > 0
    assert (flagged <= mask).all() and 0.2 < flagged.sum() / mask.sum() < 0.4
    index, electrons, track = sim.cosmic_rays(np.random.default_rng(1), (2000, 2000), 0.002)
    assert len(np.unique(index)) == len(index)
    assert len(index) / (track.max() + 1) == pytest.approx(4, abs=0.5)
    charge = np.bincount(track, electrons)
    assert np.median(charge[charge > 0]) == pytest.approx(1000, rel=0.1)


def test_defects_are_flagged_and_do_what_they_should(truth, visit, undisturbed):
    quality, hot = visit.hst_dq.values[0], truth.hot.values
    assert 0.8 < ((quality & 16) > 0)[hot].mean() < 0.97 and not ((quality & 16) > 0)[~hot].any()
    assert (((quality & 4) > 0) == truth.dead.values).all() and truth.dead.values.any()
    assert (truth.hot_electrons.values > 100).sum() > 50
    apart = np.zeros(SHAPE, bool)
    apart[:60] = True
    bright = apart & (truth.hot_electrons.values > 500)
    ratio = undisturbed.mean(axis=0)[bright] / truth.hot_electrons.values[bright]
    assert np.median(ratio) == pytest.approx(1, abs=0.02)
    dead = apart & truth.dead.values
    assert abs(np.median(visit.images.values[:, dead])) < 1.5


def test_the_zeroth_order_is_saturated_and_bloomed(truth, visit):
    column, row = truth.zeroth_order.values
    saturated = (visit.hst_dq.values[0] & 256) > 0
    rows, columns = np.nonzero(saturated)
    assert np.ptp(rows) > 30 and np.ptp(columns) < 12
    assert abs(columns.mean() - column) < 1.5 and abs(rows.mean() - row) < 4
    assert visit.images.values[0][saturated].min() > 0.9 * sim.FULL_WELL


def test_blooming_keeps_the_charge():
    frame = np.zeros((60, 3))
    frame[30, 1] = 1000.0
    frame[29:32, 0] = 150.0
    sim.bloom(frame, np.full((60, 3), 100, np.float32))
    assert frame[:, 1].sum() == pytest.approx(1000) and frame.max() == 100
    assert np.flatnonzero(frame[:, 1]).tolist() == list(range(25, 36))
    assert frame[:, 0].sum() == pytest.approx(450) and not frame[:, 2].any()
    edge = np.zeros((10, 1))
    edge[0] = 500.0
    sim.bloom(edge, np.full((10, 1), 100, np.float32))
    np.testing.assert_allclose(edge[:4, 0], [100, 100, 100, 0])  # half runs off the edge


def test_stars_move_with_the_pointing(truth, undisturbed):
    bright = int(np.argmax(truth.star_fluxes.values))
    column, row = truth.star_positions.values[bright]
    assert truth.star_fluxes.values[bright] == 20_000
    window = np.s_[:, int(row) - 9 : int(row) + 10, int(column) - 9 : int(column) + 10]
    stamp = np.where(sound(truth)[window[1:]], undisturbed[window], 0)
    stamp = np.where(stamp > 12, stamp, 0)
    grid_rows, grid_columns = np.mgrid[window[1:]]
    total = stamp.sum(axis=(1, 2))
    got = np.stack([(stamp * g).sum(axis=(1, 2)) / total for g in (grid_columns, grid_rows)], axis=1)
    expected = truth.star_positions.values[bright] + truth.drift.values
    assert np.abs(got - expected).mean() < 0.15
    assert total.mean() == pytest.approx(20_000, rel=0.1)


def test_a_point_source_keeps_its_light_and_place():
    frame = np.zeros((90, 80))
    sim.add_star(frame, (41.3, 44.8), 5000.0)
    rows, columns = np.mgrid[:90, :80]
    assert frame.sum() == pytest.approx(5000, rel=1e-4)
    assert (frame * columns).sum() / frame.sum() == pytest.approx(41.3, abs=1e-3)
    assert (frame * rows).sum() / frame.sum() == pytest.approx(44.8, abs=1e-3)
    line = Trace(np.arange(10, 60), np.linspace(40, 44, 50), np.full(50, np.nan))
    spread = np.zeros((90, 80))
    sim.add_trace(spread, line, np.full(50, 700.0))
    np.testing.assert_allclose(spread.sum(axis=0)[10:60], 700, rtol=1e-4)
    np.testing.assert_allclose((spread * rows).sum(axis=0)[10:60] / 700, line.rows, atol=1e-2)


def test_the_spectrum_is_that_of_the_exposure_time_calculator():
    wave = np.arange(2003.0, 9000.0, 14.0)[::-1]
    counts = order_counts("+1", wave)
    near = np.abs(wave - 4090) < 60
    assert counts[near].mean() == pytest.approx(133_350, rel=0.05)
    assert 3.0e7 < counts.sum() < 3.2e7
    minus = order_counts("-1", wave)
    assert minus[near].mean() / counts[near].mean() == pytest.approx(0.461, abs=0.005)
    assert order_counts("+2", wave)[wave > 4300].max() == 0


def test_switches_switch_things_off(tmp_path):
    off = {"cosmic_ray_rate": 0, "depth": 0, "hot_fraction": 0, "n_stars": 0, "sky_structure": 0}
    simulate_visit(tmp_path / "v", n_frames=2, shape=(200, 400), drift=(0, 0), jitter=0, **off)
    truth = read_truth(tmp_path / "v")
    assert not cosmic_ray_mask(truth).any() and (truth.light_curve.values == 1).all()
    assert not truth.hot.values.any() and truth.sizes["star"] == 0
    assert np.ptp(truth.sky_template.values) == 0 and not truth.drift.values.any()


def test_other_places_on_the_chips(tmp_path):
    visit = simulate_visit(tmp_path / "v", n_frames=1, shape=(220, 500), chip=1, corner=(700, 1500))
    assert visit.chip == 1 and visit.subarr_coords.values.tolist() == [701, 1200, 1501, 1720]
    truth = read_truth(tmp_path / "v")
    line = traces_on_frame(truth.target.values, visit.subarr_coords.values, (220, 500), 1, ("+1",))["+1"]
    np.testing.assert_allclose(truth.trace_rows[0].values[line.columns], line.rows)


def test_nothing_is_overwritten_unasked(tmp_path):
    folder = tmp_path / "v"
    options = {"shape": (200, 400), "cosmic_ray_rate": 0}
    simulate_visit(folder, n_frames=3, **options)
    (folder / "outputs").mkdir()
    (folder / "outputs" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite=True") as caught:
        simulate_visit(folder, n_frames=2, **options)
    assert str(folder) in str(caught.value)
    assert simulate_visit(folder, n_frames=2, overwrite=True, **options).sizes["exp_time"] == 2
    assert (folder / "outputs" / "mine.txt").read_text() == "mine"
    other = tmp_path / "documents"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(FileExistsError, match="not a simulated visit"):
        simulate_visit(other, n_frames=2, overwrite=True, **options)
    assert [p.name for p in other.iterdir()] == ["letter.txt"]


def test_an_interrupted_simulation_leaves_nothing(tmp_path):
    def stop(fraction):
        if fraction > 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_visit(tmp_path / "v", n_frames=4, shape=(200, 400), progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_frames", 0),
        ("n_frames", 2.5),
        ("n_frames", True),
        ("shape", (50, 400)),
        ("shape", (200,)),
        ("seed", -1),
        ("cosmic_ray_rate", 1.5),
        ("sky", float("nan")),
        ("depth", "deep"),
        ("drift", (1, 2, 3)),
        ("chip", 3),
        ("corner", (4000, 0)),
        ("target", (5000, 10)),
    ],
)
def test_parameters_out_of_bounds_are_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=name):
        simulate_visit(tmp_path / "v", **({"shape": (200, 400), "n_frames": 1} | {name: value}))
    assert list(tmp_path.iterdir()) == []


def test_truth_of_another_folder_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a folder made by simulate_visit"):
        read_truth(tmp_path)
