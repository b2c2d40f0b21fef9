"""Parts of a moved point against sums over the frames themselves, and exports against the numbers they hold."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from astropy import units
from astropy.table import QTable, Table
from astropy.timeseries import TimeSeries
from hypothesis import given, settings
from hypothesis import strategies as st
from quick_chain import quick
from visits import everything, small_folder, small_visit, tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.choosing import explain as explain_module
from hustle_widgets.choosing.explain import VISIT
from hustle_widgets.choosing.export import FORMATS, LIST
from hustle_widgets.written import Written, digest_of

__all__ = ["small_folder", "small_visit"]  # fixtures


def by_hand(images, reduction, order="+1"):
    """Light in the aperture, one frame at a time."""
    laid = reduction.outcomes()["quicklook"].table.facts["apertures"][order]
    return (images[:, laid.rows, laid.columns].astype(float) * laid.weights).sum(axis=(1, 2))


@settings(max_examples=12)
@given(
    frame=st.integers(0, 11),
    sigma=st.floats(1.5, 6),
    column=st.booleans(),
    first=st.booleans(),
    seed=st.integers(0, 5),
)
def test_parts_add_up_whatever_the_parameters(frame, sigma, column, first, seed):
    visit = tiny_visit(12, (30, 40), seed=seed)
    reduction = quick(visit, free_sigma=sigma, do_column=column, skip_first_fm=first)
    if first and frame in (0, 6):
        with pytest.raises(ValueError, match=f"Frame {frame} is not worked on"):
            reduction.explain(frame)
        return
    before = quick(visit, free_sigma=4, skip_first_fm=first).computed()
    for against in (None, before):
        found = reduction.explain(frame, against=against)
        assert abs(sum(part.ppm for part in found.parts) - found.whole) < 1e-6
        place = int(np.flatnonzero(reduction.computed().kept_frames == frame)[0])
        flux = reduction.light_curve()["flux"].value
        assert found.after == pytest.approx(flux[place] / np.median(flux), abs=1e-9)
        for part in (part for part in found.parts if part.step != VISIT):
            pixels = found.pixels(part.step)
            assert pixels.electrons.sum() == pytest.approx(part.electrons, abs=0.01)


def test_each_part_is_what_the_step_does_to_the_frames(reduction):
    reduction.computed()
    found = reduction.explain(7)
    states = [reduction.state(name) for name in ("free_iter", "column", "pagul")]
    light = [by_hand(state.images(), reduction) for state in states]
    for part, before, after in zip(found.parts, light[:-1], light[1:], strict=True):
        expected = after[7] / np.median(after) - before[7] / np.median(before)
        assert part.ppm == pytest.approx(1e6 * expected, abs=0.1)
        assert part.electrons == pytest.approx(after[7] - before[7], abs=0.5)
    assert found.before == pytest.approx(light[0][7] / np.median(light[0]), abs=1e-7)
    assert [part.step for part in found.parts] == ["free_iter", "column"]


def test_a_cosmic_ray_is_found_behind_the_point_it_moved(visit):
    rows, columns = 26, np.arange(30, 34)
    images = visit["images"].values
    images[5, rows, columns] += 20_000
    reduction = quick(visit)
    found = reduction.explain(5)
    pixels = found.pixels("free_iter")
    assert set(pixels.columns[:4]) == set(columns) and set(pixels.rows[:4]) == {rows}
    assert found.parts[0].electrons == pytest.approx(-80_000, rel=0.2)
    assert found.parts[0].ppm < -50_000
    with pytest.raises(ValueError, match="free_iter"):
        found.pixels("led")


def test_against_another_aperture_the_aperture_has_a_part(visit):
    wide, narrow = quick(visit, aperture=6.0), quick(visit, aperture=3.0)
    found = wide.explain(4, against=narrow.computed())
    assert found.parts[0].step == "aperture"
    assert abs(sum(part.ppm for part in found.parts) - found.whole) < 1e-6


def test_light_curves_are_time_series_with_units(small_visit, small_folder):
    reduction = Reduction(small_visit, **everything(small_folder), do_save=False, wavelength_bins=4)
    series = reduction.light_curve()
    np.testing.assert_array_equal(series.time.mjd, small_visit["exp_time"].values)
    assert series.time.scale == "utc" and series["flux"].unit == units.electron
    np.testing.assert_allclose(
        series["flux"].value, reduction.outcomes()["quicklook"].table.columns["flux_+1"]
    )
    bins = [reduction.light_curve("+1", bin=k)["flux"].value for k in range(4)]
    np.testing.assert_allclose(sum(bins), series["flux"].value)
    np.testing.assert_allclose(reduction.light_curve(bin=-1)["flux"].value, bins[3])
    edges = [reduction.light_curve(bin=k).meta["wavelength_low"] for k in range(4)]
    assert edges == sorted(edges)
    part = reduction.light_curve(wavelength=(3000, 4000))
    for same in ((400, 300) * units.nm, [3000.0, 4000 * units.AA]):
        np.testing.assert_array_equal(reduction.light_curve(wavelength=same)["flux"], part["flux"])
    assert (reduction.light_curve(wavelength=(3000, np.inf))["flux"] > part["flux"]).all()
    assert (part["flux"].value > 0).all() and (part["flux"] < series["flux"]).all()
    for wrong, said in (
        ({"order": "-3"}, "was not summed"),
        ({"bin": 4}, "no wavelength bin 4"),
        ({"wavelength": (10, 20)}, "No column"),
        ({"bin": -5}, "no wavelength bin -5"),
        ({"bin": 1.5}, "'bin' must be a whole number"),
        ({"bin": True}, "'bin'"),
        ({"bin": "a"}, "'bin'"),
        ({"bin": np.nan}, "'bin'"),
        ({"bin": [0]}, "'bin'"),
        ({"wavelength": 3000}, "'wavelength' must be a pair"),
        ({"wavelength": "ab"}, "'wavelength'"),
        ({"wavelength": (3000,)}, "'wavelength'"),
        ({"wavelength": (np.nan, 4000)}, "'wavelength'"),
        ({"wavelength": (3000 * units.s, 4000 * units.s)}, "'wavelength'"),
        ({"order": ["+1"]}, "was not summed"),
        ({"bin": 0, "wavelength": (3000, 4000)}, "not both"),
    ):
        with pytest.raises(ValueError, match=said):
            reduction.light_curve(**wrong)
    with pytest.raises(ImportError, match="lightkurve"):
        reduction.light_curve(lightkurve=True)


def test_lightkurve_is_given_the_series_when_it_is_there(reduction, monkeypatch):
    class LightCurve(TimeSeries):
        pass

    monkeypatch.setitem(sys.modules, "lightkurve", SimpleNamespace(LightCurve=LightCurve))
    curve = reduction.light_curve(lightkurve=True)
    assert type(curve) is LightCurve and curve["flux"].unit == units.electron
    np.testing.assert_array_equal(curve["flux"].value, reduction.light_curve()["flux"].value)
    assert curve.meta["order"] == "+1"


def test_tables_go_out_and_come_back(small_visit, small_folder, tmp_path):
    given_ = everything(small_folder)
    reduction = Reduction(
        small_visit, **given_, traces_included=("+1", "-1"), do_save=False, wavelength_bins=3
    )
    paths = reduction.export(tmp_path / "tables")
    names = {path.name for path in paths}
    assert {"white.ecsv", "white.csv", "spectral.ecsv", "depths.csv", "background.ecsv"} <= names
    outcomes = reduction.outcomes()
    white = QTable.read(tmp_path / "tables" / "white.ecsv")
    assert white["flux_-1"].unit == units.electron and white["time_mjd_utc"].unit == units.day
    np.testing.assert_allclose(
        white["flux_-1"].value, outcomes["quicklook"].table.columns["flux_-1"], rtol=1e-12
    )
    spectral = QTable.read(tmp_path / "tables" / "spectral.ecsv")
    assert len(spectral) == 2 * 3 * 6 and spectral["wavelength_low"].unit == units.AA
    background = QTable.read(tmp_path / "tables" / "background.ecsv")
    level = outcomes["uniform"].offset.level
    np.testing.assert_allclose(background["background_uniform"].value, level, rtol=1e-6)
    moved = QTable.read(tmp_path / "tables" / "displacements.ecsv")
    np.testing.assert_allclose(
        moved["meanstar_disp_row"].value, outcomes["bkg_stars"].table.columns["meanstar_disp"][:, 1]
    )
    plain = Table.read(tmp_path / "tables" / "white.csv", format="ascii.csv")
    np.testing.assert_allclose(plain["flux_+1 [electron]"], white["flux_+1"].value)
    assert [path.name for path in (tmp_path / "tables").glob(".*")] == [LIST]


def names_in(folder):
    return {path.name for path in folder.iterdir()} - {LIST}


def test_tables_of_another_reduction_do_not_stay_beside_the_new_ones(tmp_path):
    reduction = quick(tiny_visit(6, (24, 30), orbits=2, seed=1))
    both = {f"{name}.{kind}" for name in ("white", "background") for kind in FORMATS}
    for name in ("notes.csv", "displacements.csv"):
        (tmp_path / name).write_text("mine")
    reduction.export(tmp_path)
    assert names_in(tmp_path) == both | {"notes.csv", "displacements.csv"}
    reduction.export(tmp_path, formats="csv")  # the same reduction: its other format holds the same
    assert names_in(tmp_path) == both | {"notes.csv", "displacements.csv"}
    (tmp_path / "background.csv").write_text("changed by hand")
    reduction.column.enabled = False
    reduction.export(tmp_path)
    white, mine = {"white.csv", "white.ecsv"}, {"notes.csv", "displacements.csv", "background.csv"}
    assert names_in(tmp_path) == white | mine
    reduction.free_iter.free_sigma = 2.0
    reduction.export(tmp_path, formats=("csv", "csv"))
    assert names_in(tmp_path) == {"white.csv"} | mine
    with reduction.injection(0.01):
        reduction.export(tmp_path, formats="ecsv")
        assert "white.csv" not in names_in(tmp_path)  # which would pass for the visit as it was observed
    assert (tmp_path / "notes.csv").read_text() == (tmp_path / "displacements.csv").read_text() == "mine"


def test_a_list_that_somebody_made_removes_nothing_else(tmp_path):
    reduction = quick(tiny_visit(6, (24, 30), orbits=2, seed=1))
    (tmp_path / "mine.csv").write_text("mine")
    files = {name: digest_of(tmp_path / "mine.csv") for name in ("mine.csv", "../tables/mine.csv")}
    Written(True, files).keep(tmp_path, LIST)
    reduction.export(tmp_path)
    (tmp_path / LIST).write_text("{broken")
    reduction.export(tmp_path)
    assert (tmp_path / "mine.csv").read_text() == "mine"


def test_tables_go_into_the_home_folder_where_it_is_meant(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    reduction = quick(tiny_visit(6, (24, 30), orbits=2, seed=1))
    paths = reduction.export("~/x", formats="csv")
    assert {path.parent for path in paths} == {tmp_path / "x"} and not (tmp_path / "~").exists()
    for wrong in (("xlsx",), (), 3, [3]):
        with pytest.raises(ValueError, match="ecsv, csv"):
            reduction.export("~/y", formats=wrong)
    assert not (tmp_path / "y").exists()
    with pytest.raises(FileExistsError, match="name a folder"):
        reduction.export(paths[0])


def test_what_cannot_be_explained_is_said(monkeypatch):
    reduction = quick(tiny_visit(6, (24, 30), orbits=2, seed=1))
    for wrong in ("a", 1.5, np.nan, True, None, -1, [1]):
        with pytest.raises(ValueError, match="'frame' must be a whole number"):
            reduction.explain(wrong)
    with pytest.raises(ValueError, match="Frame 6 is not worked on"):
        reduction.explain(6)
    for against in (3, {}, np.zeros(3)):
        with pytest.raises(ValueError, match="'against' must be"):
            reduction.explain(0, against=against)
    with pytest.raises(ValueError, match="was not summed"):
        reduction.explain(0, ["+1"])
    steps, light = explain_module.light_of_stages(reduction.computed(), "+1")
    light = light.copy()
    light[1, 3] = np.nan
    monkeypatch.setattr(explain_module, "light_of_stages", lambda state, order: (steps, light))
    with pytest.raises(ValueError, match=f"frame 3 .* is not known behind the step {steps[0]}.*NaN"):
        reduction.explain(3)
    assert np.isfinite(reduction.explain(2).whole)


def test_an_off_quicklook_is_said(visit):
    with pytest.raises(ValueError, match="quicklook is off"):
        quick(visit, do_quicklook=False).light_curve()
