"""Times, units and cards of files that say what they should not, and good files that look damaged."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time
from flt_files import START, stage_0_folder, write_flt

from hustle_widgets import Reduction, load_visit, reduce
from hustle_widgets.visit import VisitError

ODD = "or01fm003_flt.fits"
MIDDLE = START + 8 / 1440 + 95 / 86_400


def with_card(path, key, value, extension=0):
    """Put a card into a file, also one that FITS does not allow: '= NaN' is written as it is."""
    with fits.open(path, mode="update") as hdus:
        header = hdus[extension].header
        if isinstance(value, str) and value.startswith("="):
            header[key] = "replace me"
        else:
            header[key] = value
        hdus.flush(output_verify="ignore")
        hdus.close(output_verify="ignore")
    if isinstance(value, str) and value.startswith("="):
        written, wanted = f"{key:8}= 'replace me'".encode(), f"{key:8}{value}".encode()
        content = path.read_bytes()
        assert content.count(written) == 1
        path.write_bytes(content.replace(written, wanted.ljust(len(written))))
    return path


@pytest.fixture
def folder(tmp_path):
    return stage_0_folder(tmp_path / "files")


def odd(folder):
    return folder / "specimages" / ODD


BAD = {"NaN": "= NaN", "blank": "", "text": "unknown", "undefined": None, "true": True}


@pytest.mark.parametrize("end", [0.0, "", START - 100, START + 50, -1.0, "= NaN", "soon", START, None])
def test_an_impossible_end_is_not_taken(folder, end):
    with_card(odd(folder), "EXPEND", end)
    visit = load_visit(folder)
    assert visit.exp_time.values[2] == pytest.approx(MIDDLE, abs=1e-8)
    assert visit.orbit_numbers.values.tolist() == [1] * 5
    assert ODD in visit.messages and "EXPEND" in visit.messages


def test_a_missing_end_needs_no_word(tmp_path):
    stage_0_folder(tmp_path, primary={"EXPEND": None})
    visit = load_visit(tmp_path)
    assert visit.exp_time.values[2] == pytest.approx(MIDDLE, abs=1e-8) and "EXPEND" not in visit.messages


@pytest.mark.parametrize("value", [-190.0, 1e9, *BAD.values()])
def test_an_impossible_exposure_time_is_that_from_start_to_end_or_refused(folder, value):
    with_card(odd(folder), "EXPTIME", value)
    visit = load_visit(folder)
    assert float(visit.exp_duration[2]) == pytest.approx(190, abs=0.01)
    assert f"{ODD} has" in visit.messages and "EXPTIME" in visit.messages
    with_card(odd(folder), "EXPEND", 0.0)
    with pytest.raises(VisitError, match="EXPEND does not tell the exposure time either") as caught:
        load_visit(folder)
    assert ODD in str(caught.value) and "EXPTIME" in str(caught.value)


@pytest.mark.parametrize("value", [0.0, -5.0, 1e9, *BAD.values()])
def test_an_impossible_start_is_that_of_the_date_or_refused(folder, value):
    with_card(odd(folder), "EXPSTART", value)
    with pytest.raises(VisitError, match="EXPSTART") as caught:
        load_visit(folder)
    assert ODD in str(caught.value) and "no time can be given to it" in str(caught.value)
    moment = Time(START + 8 / 1440, format="mjd", scale="utc").isot
    with_card(odd(folder), "DATE-OBS", moment[:10])
    with_card(odd(folder), "TIME-OBS", moment[11:19])
    visit = load_visit(folder)
    assert visit.exp_time.values[2] == pytest.approx(MIDDLE, abs=1.01 / 86_400)
    assert f"{ODD} has" in visit.messages and "DATE-OBS and TIME-OBS are used" in visit.messages


ELECTRONS = ["ELECTRONS", "electrons", "ELECTRON", "e-", " Electrons "]
RATES = [
    "ELECTRONS/S",
    "ELECTRONS / S",
    "electrons/sec",
    "e-/s",
    "e- s-1",
    "ELECTRON S**-1",
    "electrons per second",
    "ELECTRON*S-1",
    "electron second-1",
    "electrons per sec.",
]
COUNTS = ["COUNTS", "DN", "counts", "ADU", "COUNT"]
COUNT_RATES = ["COUNTS/S", "DN / s", "counts s-1", "CPS"]


@pytest.mark.parametrize("unit", ELECTRONS + RATES + COUNTS + COUNT_RATES)
def test_units_are_turned_into_electrons(tmp_path, unit):
    stage_0_folder(tmp_path, n_frames=1, primary={"CCDGAIN": 1.5}, science={"BUNIT": unit})
    visit = load_visit(tmp_path)
    factor = (1.5 if unit in COUNTS + COUNT_RATES else 1) * (190 if unit in RATES + COUNT_RATES else 1)
    raw = fits.getdata(tmp_path / "specimages" / "or01fm001_flt.fits", "SCI")
    errors = fits.getdata(tmp_path / "specimages" / "or01fm001_flt.fits", "ERR")
    np.testing.assert_allclose(visit.images[0], raw * factor, rtol=1e-6)
    np.testing.assert_allclose(visit.errors[0], errors * factor, rtol=1e-6)
    assert ("multiplied by" in visit.messages) == (factor != 1)
    assert ("gain, 1.5 e-/DN" in visit.messages) == (unit in COUNTS + COUNT_RATES)


def test_the_calibrated_gains_of_the_amplifiers_used_are_preferred(tmp_path):
    cards = {"CCDGAIN": 1.5, "CCDAMP": "CD", "ATODGNA": 9.0, "ATODGNC": 1.58, "ATODGND": 1.56}
    stage_0_folder(tmp_path, n_frames=1, primary=cards, science={"BUNIT": "COUNTS"})
    raw = fits.getdata(tmp_path / "specimages" / "or01fm001_flt.fits", "SCI")
    np.testing.assert_allclose(load_visit(tmp_path).images[0], raw * 1.57, rtol=1e-6)


@pytest.mark.parametrize(
    ("unit", "gain", "word"),
    [
        (None, 1.5, "no BUNIT"),
        ("", 1.5, "no BUNIT"),
        ("JY", 1.5, "BUNIT = 'JY'"),
        ("ELECTRONS/PIX", 1.5, "BUNIT"),
    ]
    + [("COUNTS", None, "no CCDGAIN"), ("DN", 0.0, "CCDGAIN = 0"), ("COUNTS/S", "x", "CCDGAIN = 'x'")],
)
def test_units_that_are_not_certain_are_refused_by_name(tmp_path, unit, gain, word):
    stage_0_folder(tmp_path, quirks={2: {"science": {"BUNIT": unit}, "primary": {"CCDGAIN": gain}}})
    with pytest.raises(VisitError, match=word) as caught:
        load_visit(tmp_path)
    assert ODD in str(caught.value)


def test_a_missing_unit_is_told_by_the_calibration(tmp_path):
    stage_0_folder(tmp_path, science={"BUNIT": None}, primary={"FLATCORR": "COMPLETE"})
    visit = load_visit(tmp_path)
    assert (
        float(visit.images.mean()) == pytest.approx(20, abs=1)
        and "BUNIT is missing: electrons" in visit.messages
    )


SKY = {"RA_TARG": 10.0, "DEC_TARG": 0.0}
WCS = {"CD1_1": -1e-5, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1e-5, "CRVAL1": 10.0, "CRVAL2": 0.0}
OPTIONAL = [("RA_TARG", 0), ("DEC_TARG", 0), ("POSTARG1", 0), ("POSTARG2", 0)]
OPTIONAL += [(key, 1) for key in [*WCS, "CRPIX1", "CRPIX2", "LTV1", "LTV2", "CCDCHIP"]]


@pytest.mark.parametrize(("key", "extension"), OPTIONAL)
@pytest.mark.parametrize("bad", BAD)
def test_cards_of_the_direct_image_that_are_no_number_are_done_without(tmp_path, key, extension, bad):
    cards = {"POSTARG1": 0.395, "POSTARG2": 0.079, **({} if key.startswith("POSTARG") else SKY)}
    science = {} if key.startswith("POSTARG") else WCS
    stage_0_folder(tmp_path, n_frames=2, direct={"primary": cards, "science": science})
    with_card(tmp_path / "directimages" / "or01dr001_flt.fits", key, BAD[bad], extension)
    visit = load_visit(tmp_path)
    assert np.isfinite([visit.target_posx, visit.target_posy]).all()
    if key not in ("LTV1", "LTV2", "CCDCHIP"):
        assert f"or01dr001_flt.fits: {key}" in visit.messages


@pytest.mark.parametrize(
    "key", ["LTV1", "LTV2", "CCDCHIP", "CRPIX1", "CD1_1", "RA_TARG", "NEXTEND", "CCDGAIN"]
)
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("frames", [[2], range(5)])
def test_cards_of_frames_that_are_no_number_never_raise(folder, key, bad, frames):
    for k in frames:
        path = folder / "specimages" / f"or01fm{k + 1:03d}_flt.fits"
        with_card(path, key, BAD[bad], 0 if key in ("RA_TARG", "NEXTEND", "CCDGAIN") else 1)
    visit = load_visit(folder)
    assert visit.chip == 2 and visit.sizes["exp_time"] == 5
    if key.startswith("LTV") and len(frames) == 5:
        assert "subarr_coords" not in visit and "no sky image can be cut" in visit.messages
    else:
        assert visit.subarr_coords.values.tolist() == [1029, 1068, 725, 754]
    if key.startswith("LTV") and len(frames) == 1:
        assert f"LTV1 or LTV2 is no number in {ODD}: taken to be of the subarray" in visit.messages
    assert (f"{ODD}" in visit.messages and "taken to be of chip 2" in visit.messages) == (key == "CCDCHIP")


@pytest.mark.parametrize(("aperture", "chip"), [("UVIS1-2K4-SUB", 1), ("UVIS2-2K2C-SUB", 2), ("", 2)])
def test_a_chip_that_no_card_tells_is_that_of_the_aperture(tmp_path, aperture, chip):
    stage_0_folder(tmp_path, n_frames=2, primary={"APERTURE": aperture}, science={"CCDCHIP": "?"})
    visit = load_visit(tmp_path)
    assert visit.chip == chip and f"taken to be of chip {chip}." in visit.messages


def test_extensions_are_known_by_name_in_small_letters_too(folder):
    expected = load_visit(folder).load()
    with fits.open(odd(folder), mode="update") as hdus:
        for hdu in hdus[1:]:
            hdu.header["EXTNAME"] = hdu.name.lower()
    visit = load_visit(folder)
    for name in ("images", "errors", "hst_dq"):
        assert (visit[name].values == expected[name].values).all()


def test_a_table_in_place_of_an_image_is_told(folder):
    with fits.open(odd(folder)) as hdus:
        table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=[1.0])], name="SCI")
        changed = fits.HDUList([hdu.copy() for hdu in hdus])
    changed["SCI"] = table
    changed.writeto(odd(folder), overwrite=True)
    with pytest.raises(VisitError, match=f"SCI extension of .*{ODD} is a table, no image"):
        load_visit(folder)


def test_frames_without_errors_or_flags_are_named(tmp_path):
    stage_0_folder(tmp_path, quirks={1: {"leave_out": ("DQ",)}, 2: {"leave_out": ("ERR", "DQ")}})
    visit = load_visit(tmp_path)
    assert "No DQ extension in or01fm002_flt.fits, or01fm003_flt.fits: no pixel is flagged there." in (
        visit.messages
    )
    assert "No ERR extension in or01fm003_flt.fits: errors are" in visit.messages
    assert (visit.hst_dq.values != 0).any(axis=(1, 2)).tolist() == [True, False, False, True, True]


def test_more_extensions_announced_than_there_are_is_no_damage(folder):
    with_card(odd(folder), "NEXTEND", 6)
    assert load_visit(folder).sizes["exp_time"] == 5


@pytest.mark.parametrize(
    "padding",
    [b"\0" * 2880, b" " * 2880, b"\0" * 100, b"\0" * 2880 * 7],
    ids=["zeros", "blanks", "a few", "many"],
)
def test_padding_behind_the_last_block_is_no_damage(folder, padding):
    expected = load_visit(folder).images.values
    odd(folder).write_bytes(odd(folder).read_bytes() + padding)
    np.testing.assert_array_equal(load_visit(folder).images.values, expected)


def test_a_direct_image_that_is_a_header_only_is_read_and_said(folder):
    path = folder / "directimages" / "or01dr001_flt.fits"
    with fits.open(path) as hdus:
        header = hdus[1].header
        primary = hdus[0].header
    constant = fits.ImageHDU(None, name="SCI", ver=1)
    for key in ("CCDCHIP", "LTV1", "LTV2", "BUNIT", "CRPIX1", "CRPIX2"):
        constant.header[key] = header[key]
    constant.header.update({"NPIX1": 40, "NPIX2": 30, "PIXVALUE": 7.0})
    primary["NEXTEND"] = 1
    path.unlink()
    fits.HDUList([fits.PrimaryHDU(header=primary), constant]).writeto(path)
    visit = load_visit(folder)
    assert visit.direct_image.shape == (30, 40) and (visit.direct_image.values == 7).all()
    assert "or01dr001_flt.fits has one value in all its pixels" in visit.messages


def test_a_full_frame_whose_second_set_is_lost_serves_when_it_is_not_needed(tmp_path):
    for name in ("specimages/a_flt.fits", "directimages/b_flt.fits"):
        path = write_flt(tmp_path / name, chips=(2, 1), primary={"APERTURE": "UVIS2-2K2C-SUB"})
        with fits.open(path) as hdus:
            del hdus[4:]
            hdus.writeto(path, overwrite=True)
    assert load_visit(tmp_path).chip == 2


FAILED = {
    "exptime": ({"primary": {"EXPTIME": 0.0}}, "EXPTIME is 0"),
    "short": ({"primary": {"EXPTIME": 63.0}}, "EXPTIME is 63 s where most frames have 190 s"),
    "expflag": ({"primary": {"EXPFLAG": "INTERRUPTED"}}, "EXPFLAG is INTERRUPTED"),
    "quality": ({"primary": {"QUALITY": "LOCKLOST"}}, "QUALITY is LOCKLOST"),
    "guiding": ({"primary": {"FGSLOCK": "GYROS"}}, "FGSLOCK is GYROS"),
    "shutter": ({"light": 0.0}, "the shutter stayed closed"),
    "scattered": ({"light": 5000.0}, "times the light of most frames"),
}


@pytest.mark.parametrize("kind", FAILED)
def test_failed_exposures_are_named_when_loading(tmp_path, kind):
    quirk, message = FAILED[kind]
    good = {"EXPFLAG": "NORMAL", "QUALITY": " ", "FGSLOCK": "FINE"}
    stage_0_folder(tmp_path, light=2000.0, primary=good, quirks={2: quirk})
    visit = load_visit(tmp_path)
    assert message in str(visit.frame_problem.values[2])
    assert [bool(problem) for problem in visit.frame_problem.values] == [False, False, True, False, False]
    assert f"Frame 2 ({ODD}): " in visit.messages and "skip_frames" in visit.messages


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "it holds no number"), (7.0, "every pixel is 7"), (65_000.0, "every pixel")],
)
def test_frames_without_content_are_named_when_loading(folder, value, message):
    with fits.open(odd(folder), mode="update") as hdus:
        hdus["SCI"].data[:] = value
    visit = load_visit(folder)
    assert message in str(visit.frame_problem.values[2]) and f"Frame 2 ({ODD})" in visit.messages


def test_infinite_pixels_are_pixels_without_a_value_and_said(folder, recwarn):
    for path, extension in ((odd(folder), 4), (folder / "directimages" / "or01dr001_flt.fits", 2)):
        with fits.open(path, mode="update") as hdus:
            hdus["SCI"].data[3, 4 : 4 + extension] = np.inf
            hdus["SCI"].data[5, 6] = -np.inf if extension == 4 else -1e30  # what other programs fill with
            hdus["SCI"].data[7, 8] = np.nan
    visit = load_visit(folder)
    raw = fits.getdata(odd(folder), "SCI")
    np.testing.assert_array_equal(visit.images[2], np.where(np.isfinite(raw), raw, np.nan))
    assert "infinite or beyond 1e+15 e-" in visit.messages
    assert f"frame 2 ({ODD}) 5." in visit.messages and "frame 1 (" not in visit.messages
    assert "or01dr001_flt.fits has 3 infinite pixels" in visit.messages
    assert np.isnan(visit.direct_image.values).sum() == 4
    assert not [str(w.message) for w in recwarn if issubclass(w.category, RuntimeWarning)]
    clean = reduce(
        visit, verbose=0, do_save=False, bounds=None, smth_bounds=None, rows=[0, 1], mask_trace=False
    )
    assert not [str(w.message) for w in recwarn if issubclass(w.category, RuntimeWarning)]
    assert not np.isinf(clean.images).any()

    by_hand = visit.copy(deep=True).drop_vars("file_names")
    by_hand["images"] = visit.images.fillna(np.inf)
    again = Reduction(
        by_hand, verbose=0, do_save=False, bounds=None, smth_bounds=None, rows=[0, 1], mask_trace=False
    )
    np.testing.assert_array_equal(again.run().images, clean.images)
    assert "frame 2 6." in again.read_data.notes and np.isinf(by_hand.images.values).sum() == 6


@pytest.mark.parametrize(("value", "message"), [(np.nan, "no pixel with a value"), (7.0, "one value in all")])
def test_a_direct_image_without_content_is_told(folder, value, message):
    path = folder / "directimages" / "or01dr001_flt.fits"
    assert "nothing can be found on it" not in load_visit(folder).messages
    with fits.open(path, mode="update") as hdus:
        hdus["SCI"].data[:] = value
    assert f"{path.name} has {message}" in load_visit(folder).messages


@pytest.mark.parametrize("value", [np.nan, 0.0, -5.0, np.inf])
def test_errors_that_are_none_are_told(folder, value):
    assert "Most errors" not in load_visit(folder).messages
    with fits.open(odd(folder), mode="update") as hdus:
        hdus["ERR"].data[:] = value
    visit = load_visit(folder)
    assert f"Most errors are no numbers above 0 in {ODD}: " in visit.messages
    assert np.isfinite(visit.read_noise.values).all()


def test_a_frame_that_was_read_out_in_part_is_named(folder):
    with fits.open(odd(folder), mode="update") as hdus:
        hdus["SCI"].data[:6] = np.nan  # 6 of 30 rows
    visit = load_visit(folder)
    assert [bool(problem) for problem in visit.frame_problem.values] == [False, False, True, False, False]
    assert f"Frame 2 ({ODD}): 20% of its pixels are no numbers" in visit.messages
