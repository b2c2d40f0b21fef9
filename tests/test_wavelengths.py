"""Depths by least squares and light by wavelength, against light curves that were made here."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from visits import simulated

from hustle_widgets import Reduction, load_visit
from hustle_widgets.algorithms.transits import Transit, find_transit, fit_depth, shape_of, trend_terms
from hustle_widgets.algorithms.wavelengths import deviation_map, light_by_wavelength, wavelength_bins
from hustle_widgets.simulate import read_truth

ORBITS = np.repeat(np.arange(5), 14)
TIMES = 58331.0 + (ORBITS * 5700 + np.tile(np.arange(14), 5) * 220) / 86_400
MIDDLE = TIMES[35]
TRANSIT = Transit(MIDDLE, 0.12, 0.02)


def curve(depth, noise=0.0, seed=0, slope=0.0, within=0.0, level=3e7):
    rng = np.random.default_rng(seed)
    phase = np.tile(np.arange(14), 5) / 14
    trend = 1 + slope * (TIMES - MIDDLE) + within * phase
    ideal = level * trend * (1 - depth * shape_of(TIMES, TRANSIT))
    return ideal * (1 + noise * rng.standard_normal(TIMES.size))


@given(
    depth=st.floats(-0.02, 0.05),
    slope=st.floats(-0.02, 0.02),
    within=st.floats(-0.003, 0.003),
    level=st.floats(1e3, 1e9),
)
def test_a_noiseless_depth_is_found_exactly_whatever_the_trend(depth, slope, within, level):
    flux = curve(depth, slope=slope, within=within, level=level)
    fit = fit_depth(flux, shape_of(TIMES, TRANSIT), trend_terms(TIMES, ORBITS))
    assert fit.depth == pytest.approx(depth, abs=1e-8)
    np.testing.assert_allclose(fit.model, flux, rtol=1e-7)


def test_errors_of_depths_are_the_scatter_of_the_depths_found():
    shape, terms = shape_of(TIMES, TRANSIT), trend_terms(TIMES, ORBITS)
    fits = [fit_depth(curve(0.01, 3e-4, seed, 0.01, 0.001), shape, terms) for seed in range(400)]
    pulls = np.array([(fit.depth - 0.01) / fit.error for fit in fits])
    assert abs(pulls.mean()) < 0.2
    assert pulls.std() == pytest.approx(1, abs=0.12)


def test_what_cannot_be_told_is_nan():
    terms = trend_terms(TIMES, ORBITS)
    assert np.isnan(fit_depth(curve(0.01), np.zeros(TIMES.size), terms).depth)
    assert np.isnan(fit_depth(np.full(TIMES.size, np.nan), shape_of(TIMES, TRANSIT), terms).depth)
    # A dip that is the line over the orbit itself.
    assert np.isnan(fit_depth(curve(0.0), terms[:, 2], terms).depth)
    flux = curve(0.01)
    flux[3] = np.nan
    assert fit_depth(flux, shape_of(TIMES, TRANSIT), terms).depth == pytest.approx(0.01, abs=1e-8)


def test_the_transit_is_found_where_it_is_and_nowhere_else():
    found = find_transit(TIMES, curve(0.01, 2e-4, 1, 0.005, 0.0005), ORBITS)
    assert found is not None
    fit = fit_depth(curve(0.01), shape_of(TIMES, found), trend_terms(TIMES, ORBITS))
    assert fit.depth == pytest.approx(0.01, rel=0.06)
    assert sum(find_transit(TIMES, curve(0.0, 2e-4, seed), ORBITS) is not None for seed in range(20)) <= 3
    assert find_transit(TIMES[:3], curve(0.01)[:3]) is None


def test_every_calibrated_column_is_in_one_bin_and_sums_are_kept():
    wavelengths = np.linspace(8000, 2000, 501) ** 1.02
    bins = wavelength_bins(wavelengths, 7)
    assert bins is not None and set(bins.of_column) == set(range(7))
    low, high = bins.edges[bins.of_column], bins.edges[bins.of_column + 1]
    assert ((wavelengths >= low - 1e-6) & (wavelengths <= high + 1e-6)).all()
    spectra = np.random.default_rng(0).random((3, 501))
    np.testing.assert_allclose(bins.sums(spectra).sum(axis=1), spectra.sum(axis=1))
    assert wavelength_bins(np.full(9, np.nan), 3) is None
    assert wavelength_bins(wavelengths, 0) is None


def test_a_bad_column_stands_out_in_its_bin_alone():
    rng = np.random.default_rng(4)
    bins = wavelength_bins(np.linspace(2000, 8000, 60), 6)
    spectra = rng.poisson(50_000.0, (TIMES.size, 60)).astype(float)
    spectra[:, 25] *= 1 + 0.05 * rng.standard_normal(TIMES.size)
    spectra[11, 50] += 20_000
    light = light_by_wavelength(
        spectra,
        bins,
        times=TIMES,
        orbits=ORBITS,
        sky=np.zeros(TIMES.size),
        read_noise=np.zeros(TIMES.size),
        pixels=np.ones(60),
    )
    ratio = light.scatter_ppm / light.expected_ppm
    assert ratio[2] > 2 and np.delete(ratio, 2).max() < 1.5
    away = np.abs(deviation_map(light))
    assert away[11, 5] == away[:, 5].max() and away[11, 5] > 15


@pytest.fixture(scope="module")
def transit(tmp_path_factory):
    folder = simulated(tmp_path_factory, "colours", n_frames=33, shape=(240, 640), seed=7)
    return load_visit(folder), read_truth(folder)


def test_the_quicklook_gives_light_by_wavelength(transit, tmp_path):
    visit, truth = transit
    off = {f"do_{name}": False for name in ("led", "smooth", "Pagul", "bkg_stars", "uniform", "save")}
    reduction = Reduction(visit, verbose=0, wavelength_bins=6, dist_from_trace=40, **off)
    clean = reduction.run()
    facts = reduction.outcomes()["quicklook"].table.facts
    light = facts["by_wavelength"]["+1"]
    # The bins are the truth's columns of these wavelengths, and they add up to the white light.
    along = truth["trace_wavelengths"].sel(order="+1").values
    known = np.isfinite(along) & (along >= light.edges[0]) & (along <= light.edges[-1])
    true = truth["trace_electrons"].sel(order="+1").values[known]
    share, _ = np.histogram(along[known], light.edges, weights=true)
    np.testing.assert_allclose(np.median(light.flux, axis=0) / share, 1, atol=0.06)
    np.testing.assert_allclose(light.flux.sum(axis=1), clean["flux_+1"].values)
    # The depth is the truth's in every bin, within what is known of it.
    depth = float(1 - truth["light_curve"].values.min())
    assert facts["transit"] is not None
    pulls = (light.depth - depth) / light.depth_error
    assert np.abs(pulls).max() < 4 and np.abs(light.depth / depth - 1).max() < 0.3
    for name in ("flux_+1_by_wavelength", "scatter_+1_ppm", "depth_+1", "depth_+1_error", "wavelength_+1"):
        assert clean[name].attrs["units"] and clean[name].attrs["long_name"]
    assert clean["depth_+1"].dims == ("wavelength_+1",)
    path = tmp_path / "clean.nc"
    clean.drop_vars(["images", "errors", "hst_dq"]).to_netcdf(path)
    with xr.open_dataset(path) as again:
        np.testing.assert_allclose(again["depth_+1"], light.depth)
    reduction.quicklook.wavelength_bins = 0
    assert "depth_+1" not in reduction.run()
    assert reduction.outcomes()["quicklook"].table.facts["by_wavelength"] == {}
