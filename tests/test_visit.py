"""Reading calwf3's files, whole and damaged, and writing the clean visit."""

import shutil
import warnings

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from flt_files import START, write_flt

from hustle_widgets.visit import VisitError, load_visit, save_clean


@pytest.fixture
def folder(tmp_path):
    """Five exposures in two orbits under MAST's names, whose order is not that of time."""
    top = tmp_path / "files"
    minutes = {"c": 0, "a": 4, "b": 8, "e": 95, "d": 99}
    for letter, minute in minutes.items():
        path = top / "specimages" / f"iexr16l{letter}q_flt.fits"
        write_flt(path, start=START + minute / 1440, fill=minute, seed=minute)
    write_flt(top / "directimages" / "iexr16lkq_flt.fits", primary={"FILTER": "F300X", "EXPTIME": 1.0})
    return top


def test_order_orbits_and_times_come_from_the_headers(folder):
    fractions = []
    visit = load_visit(folder, progress=fractions.append)
    assert [name[7] for name in visit.file_names.values] == list("cabed")
    assert visit.orbit_numbers.values.tolist() == [1, 1, 1, 2, 2]
    expected = START + np.array([0, 4, 8, 95, 99]) / 1440 + 95 / 86400
    np.testing.assert_allclose(visit.exp_time.values, expected, rtol=0, atol=1e-9)
    assert str(visit.exp_time_UT.values[0]) == "2018-08-01T06:01:35.000"
    np.testing.assert_allclose(visit.images.mean(["x", "y"]), 20 + np.array([0, 4, 8, 95, 99]), atol=0.5)
    assert visit.exp_duration.values.tolist() == [190.0] * 5
    assert fractions[-1] == 1 and fractions == sorted(fractions)


def test_pixels_are_those_of_the_files_in_native_order(folder):
    visit = load_visit(str(folder))
    path = folder / "specimages" / "iexr16lcq_flt.fits"
    for name, extension in (("images", "SCI"), ("errors", "ERR")):
        assert visit[name].dtype == np.float32 and visit[name].dtype.isnative
        np.testing.assert_array_equal(visit[name][0], fits.getdata(path, extension))
    assert visit.hst_dq.dtype == np.uint16
    assert int(visit.hst_dq[0, 3, 5]) == 16 + 4096 and int(visit.hst_dq[0, 4, 6]) == 32768
    assert int((visit.hst_dq[0] != 0).sum()) == 2


def test_dims_coords_and_attrs(folder):
    visit = load_visit(folder)
    assert visit.images.dims == ("exp_time", "x", "y") and visit.direct_image.dims == ("x", "y")
    assert visit.subarr_coords.values.tolist() == [1029, 1068, 725, 754]
    assert visit.index.values.tolist() == ["left edge", "right edge", "bottom edge", "top edge"]
    # CRPIX is 1-indexed; POSTARG in arcsec of 0.0395 a pixel: 10 columns to the right, 20 rows down.
    assert (visit.target_posx, visit.target_posy) == pytest.approx((17 + 10, 14 - 20))
    assert "outside the direct image" in visit.messages
    assert (visit.chip, visit.target_name, visit.filter) == (2, "HAT-P-41", "G280")
    assert visit.toplevel_dir == str(folder)
    assert all(
        "units" in variable.attrs for name, variable in visit.data_vars.items() if name != "file_names"
    )


def test_sky_coordinates_of_the_target_are_preferred(folder):
    from astropy.wcs import WCS

    shutil.rmtree(folder / "directimages")
    turn = 0.0395 / 3600 * np.array([[-0.6, 0.8], [0.8, 0.6]])
    cards = {"CRVAL1": 297.3, "CRVAL2": 4.7, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
    cards |= {f"CD{i + 1}_{j + 1}": turn[i, j] for i in (0, 1) for j in (0, 1)}
    place = WCS(fits.Header(cards | {"CRPIX1": 18.0, "CRPIX2": 15.0})).all_pix2world([[31.25, 9.5]], 0)[0]
    sky = {"RA_TARG": place[0], "DEC_TARG": place[1]}
    write_flt(folder / "directimages" / "or01dr001_flt.fits", primary=sky, science=cards)
    visit = load_visit(folder)
    assert (visit.target_posx, visit.target_posy) == pytest.approx((31.25, 9.5), abs=1e-3)


def test_read_noise_is_robust(folder):
    path = folder / "specimages" / "iexr16lcq_flt.fits"
    with fits.open(path, mode="update") as hdus:
        hdus["SCI"].data[:8] = -5  # the difference of squares is no noise there
        hdus["SCI"].data[8:10] = np.nan
        hdus["ERR"].data[10:14] = 1e4
    other = folder / "specimages" / "iexr16laq_flt.fits"
    with fits.open(other, mode="update") as hdus:
        hdus["ERR"].data[:] = np.nan
    np.testing.assert_allclose(load_visit(folder).read_noise, 3.1, atol=0.01)


@pytest.mark.parametrize("chips", [(2, 1), (1, 2)])
@pytest.mark.parametrize("aperture", ["UVIS1-FIX", "UVIS2-2K2C-SUB"])
def test_full_frames_give_the_chip_of_the_target(tmp_path, chips, aperture):
    header = {"APERTURE": aperture}
    write_flt(tmp_path / "specimages" / "a_flt.fits", chips=chips, primary=header)
    write_flt(tmp_path / "directimages" / "b_flt.fits", chips=chips, primary=header)
    visit = load_visit(tmp_path)
    assert visit.chip == int(aperture[4])
    assert (float(visit.images.mean()) > 500) == (visit.chip == 1)
    assert (float(visit.direct_image.mean()) > 500) == (visit.chip == 1)


def test_a_direct_image_of_another_shape_keeps_its_own_dims(folder):
    shutil.rmtree(folder / "directimages")
    write_flt(folder / "directimages" / "or01dr001_flt.fits", shape=(50, 60))
    assert load_visit(folder).direct_image.dims == ("x_direct", "y_direct")


def test_a_direct_image_of_the_whole_detector_gives_the_chip_of_the_frames(folder):
    shutil.rmtree(folder / "directimages")
    write_flt(
        folder / "directimages" / "or01dr001_flt.fits", chips=(2, 1), science={"LTV1": 0.0, "LTV2": 0.0}
    )
    visit = load_visit(folder)
    assert float(visit.direct_image.mean()) < 500 and visit.chip == 2
    assert "add -1028 to its columns and -724 to its rows" in visit.messages


def test_the_target_chooses_the_chip_of_full_frames(tmp_path):
    turn = {"CD1_1": -1e-5, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1e-5, "CRVAL1": 10.0, "CRVAL2": 0.0}
    sky = {"RA_TARG": 10.0, "DEC_TARG": 0.0}
    for name in ("specimages/a_flt.fits", "directimages/b_flt.fits"):
        path = write_flt(tmp_path / name, chips=(2, 1), primary=sky, science=turn)
        with fits.open(path, mode="update") as hdus:
            hdus["SCI", 1].header["CRVAL2"] = 1.0  # the target is far off chip 2
    visit = load_visit(tmp_path)
    assert visit.chip == 1 and float(visit.images.mean()) > 500
    assert (visit.target_posx, visit.target_posy) == pytest.approx((17, 14))


def test_what_was_adapted_is_said(tmp_path):
    odd = {"leave_out": ("ERR", "DQ"), "science": {"BUNIT": "ELECTRONS/S"}, "primary": {"FILTER": "F606W"}}
    write_flt(tmp_path / "specimages" / "a_flt.fits", **odd)
    write_flt(tmp_path / "directimages" / "b_flt.fits")
    visit = load_visit(tmp_path)
    for word in ("No ERR", "No DQ", "multiplied by the exposure time", "F606W"):
        assert word in visit.messages
    assert float(visit.images.mean()) == pytest.approx(20 * 190, rel=0.02)
    np.testing.assert_allclose(visit.errors, np.sqrt(np.clip(visit.images, 0, None) + 3.1**2), rtol=1e-5)
    assert not visit.hst_dq.any()


def test_large_flags_are_kept(tmp_path):
    path = write_flt(tmp_path / "specimages" / "a_flt.fits")
    with fits.open(path, mode="update") as hdus:
        quality = hdus["DQ"].data.astype(np.int32)
        quality[0, 0] = 1 << 17
        hdus["DQ"].data = quality
    write_flt(tmp_path / "directimages" / "b_flt.fits")
    assert int(load_visit(tmp_path).hst_dq[0, 0, 0]) == 1 << 17


def first(folder):
    return sorted((folder / "specimages").glob("*"))[0]


def truncate(folder, share):
    path = first(folder)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path.name


def replace_first(folder, **options):
    path = first(folder)
    path.unlink()
    write_flt(path, **options)
    return path.name


DAMAGES = {
    "missing folder": (lambda f: shutil.move(f, f.parent / "away"), "does not exist"),
    "no exposures": (lambda f: shutil.rmtree(f / "specimages"), "specimages has no"),
    "no direct image": (lambda f: shutil.rmtree(f / "directimages"), "directimages has no"),
    "empty file": (lambda f: truncate(f, 0.0), "damaged or truncated"),
    "truncated header": (lambda f: truncate(f, 0.1), "damaged or truncated"),
    "truncated image": (lambda f: truncate(f, 0.4), "damaged or truncated"),
    "truncated flags": (lambda f: truncate(f, 0.95), "damaged or truncated"),
    "truncated flags header": (lambda f: truncate(f, 0.8), "damaged or truncated"),
    "lost flags": (lambda f: truncate(f, 7 / 9), "damaged or truncated"),
    "not FITS": (lambda f: first(f).write_text("no FITS"), "damaged or truncated"),
    "no SCI": (lambda f: replace_first(f, leave_out=("SCI",)), "no SCI extension"),
    "no time": (lambda f: replace_first(f, primary={"EXPSTART": None}), "no EXPSTART"),
    "unlike shapes": (lambda f: replace_first(f, shape=(30, 44)), "30 rows x 44 columns"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_visit_gives_one_error_that_names_the_file(folder, damage):
    spoil, message = DAMAGES[damage]
    name = spoil(folder)
    with pytest.raises(VisitError, match=message) as caught:
        load_visit(folder)
    assert str(folder) in str(caught.value)
    if damage in ("no SCI", "no time") or "trunc" in damage or damage == "empty file":
        assert str(name) in str(caught.value)
    if damage == "missing folder":
        assert isinstance(caught.value, FileNotFoundError)
    if damage == "unlike shapes":
        assert "iexr16laq" in str(caught.value) and "iexr16lcq" in str(caught.value)


@pytest.mark.parametrize("nothing", [None, 5, np.zeros((2, 3, 4))])
def test_what_is_no_path_is_no_visit(nothing):
    with pytest.raises(TypeError, match="the path of its folder. Got a (NoneType|int|ndarray)"):
        load_visit(nothing)


def test_hints_for_files_in_the_wrong_place(folder):
    with pytest.raises(VisitError, match="Give the folder above"):
        load_visit(folder / "specimages")
    for path in (folder / "specimages").glob("*"):
        path.rename(folder / path.name)
    with pytest.raises(VisitError, match="move them there"):
        load_visit(folder)


@pytest.fixture
def clean(folder):
    visit = load_visit(folder)
    rng = np.random.default_rng(1)
    quality = rng.integers(0, 8, visit.images.shape).astype(np.uint16)
    flags = {"flag_masks": np.array([1, 2, 4], np.uint16), "flag_meanings": "a b c", "units": "1"}
    visit["data_quality"] = (("exp_time", "x", "y"), quality, flags)
    visit["badpix_mask"] = (("exp_time", "x", "y"), quality > 6)
    visit["meanstar_disp"] = (("exp_time", "xy"), rng.random((5, 2)), {"units": "pixel"})
    parameters = {"enabled": True, "bounds": [[0, 1], [2, 3]], "replacement": None, "sigmas": (10, 10.5)}
    return visit.assign_attrs(parameters)


def test_a_saved_visit_reads_back_the_same(clean, tmp_path):
    path, fractions = tmp_path / "outputs" / "run" / "clean_obs.nc", []
    save_clean(clean, path, progress=fractions.append)
    with xr.open_dataset(path) as read:
        read.load()
    assert set(read.variables) == set(clean.variables)
    assert {"exp_time", "x", "y", "index", "xy"} <= set(read.sizes)
    assert set(read.coords) == set(clean.coords)
    for name in clean.variables:
        np.testing.assert_array_equal(read[name].values, clean[name].values)
        assert read[name].dims == clean[name].dims
        if clean[name].dtype.kind != "U":  # text is read as objects
            assert read[name].dtype == clean[name].dtype
    assert read.data_quality.flag_masks.tolist() == [1, 2, 4] and read.images.units == "electron"
    assert (read.attrs["enabled"], read.attrs["replacement"]) == (1, "null")
    assert read.attrs["sigmas"].tolist() == [10, 10.5] and read.attrs["bounds"] == "[[0, 1], [2, 3]]"
    assert fractions[-1] == 1 and [p.name for p in path.parent.iterdir()] == ["clean_obs.nc"]
    assert clean.attrs["enabled"] is True  # what was given is not changed


def test_a_failed_save_leaves_the_old_file_and_nothing_else(clean, tmp_path):
    path = tmp_path / "clean_obs.nc"
    save_clean(clean, path)
    before = path.read_bytes()

    def fail(fraction):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        save_clean(clean, path, progress=fail)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["clean_obs.nc"]


def test_foreign_byte_order_and_packing_do_not_reach_the_file(clean, tmp_path):
    path = tmp_path / "clean_obs.nc"
    foreign = clean.copy()
    flags = np.arange(clean["images"].size, dtype=">i4").reshape(clean["images"].shape)
    foreign["hst_dq"] = (clean["images"].dims, flags)
    foreign["errors"] = clean["images"].astype(">f8")
    foreign["level"] = ("exp_time", np.linspace(0, 1, clean.sizes["exp_time"]), {"units": "electron"})
    foreign["level"].encoding = {"dtype": "int16"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_clean(foreign, path)
    with xr.open_dataset(path) as read:
        for name in ("hst_dq", "errors", "level"):
            np.testing.assert_array_equal(read[name], foreign[name])
            assert read[name].dtype == foreign[name].dtype.newbyteorder("="), name
