"""Frames of one visit that do not belong together: an error or a message names them."""

import pytest
from flt_files import START, stage_0_folder

from hustle_widgets import load_visit
from hustle_widgets.visit import VisitError

ODD = "or01fm003_flt.fits"
UNLIKE_PIXELS = {
    "corner": ({"science": {"LTV1": -1000.0}}, "unlike subarrays.*column, row 1001, 725"),
    "chip": ({"science": {"CCDCHIP": 1}}, "unlike chips.*is of chip 1, where the others have 2"),
    "binning": ({"science": {"BINAXIS1": 2}}, "unlike binning.*BINAXIS 2, 1"),
    "shape": ({"shape": (30, 44)}, "unlike shapes"),
    "filter": ({"primary": {"FILTER": "F300X"}}, "unlike filters.*is F300X, the others are G280"),
    "instrument": ({"primary": {"INSTRUME": "ACS"}}, "INSTRUME ACS, not WFC3"),
    "detector": ({"primary": {"DETECTOR": "IR"}}, "DETECTOR IR, not UVIS"),
}


@pytest.mark.parametrize("kind", UNLIKE_PIXELS)
def test_frames_whose_pixels_are_others_are_refused_by_name(tmp_path, kind):
    quirk, message = UNLIKE_PIXELS[kind]
    stage_0_folder(tmp_path, quirks={2: quirk})
    with pytest.raises(VisitError, match=message) as caught:
        load_visit(tmp_path)
    assert ODD in str(caught.value) or kind == "shape"
    assert "or01fm002" not in str(caught.value)


UNLIKE_CARDS = {
    "TARGNAME": ({"TARGNAME": "WASP-31"}, "has WASP-31, the others HAT-P-41"),
    "CCDGAIN": ({"CCDGAIN": 4.0}, "has 4, the others 1.5"),
    "APERTURE": ({"APERTURE": "UVIS2-C1K1C-SUB"}, "UVIS2-C1K1C-SUB"),
    "RA_TARG": ({"RA_TARG": 297.34}, "arcsec away"),
    "DEC_TARG": ({"DEC_TARG": 4.7}, "arcsec away"),
}


@pytest.mark.parametrize("key", UNLIKE_CARDS)
def test_frames_of_another_target_or_gain_are_named(tmp_path, key):
    cards, message = UNLIKE_CARDS[key]
    usual = {"CCDGAIN": 1.5, "APERTURE": "UVIS2-2K2C-SUB", "RA_TARG": 297.3227, "DEC_TARG": 4.6724}
    stage_0_folder(tmp_path / "odd", quirks={2: {"primary": cards}}, primary=usual)
    messages = load_visit(tmp_path / "odd").messages
    (line,) = [line for line in messages.splitlines() if "Frames of unlike" in line]
    assert ODD in line and message in line and "or01fm002" not in line
    stage_0_folder(tmp_path / "alike", primary=usual)
    assert "unlike" not in load_visit(tmp_path / "alike").messages


def test_right_ascensions_on_both_sides_of_zero_are_alike(tmp_path):
    stage_0_folder(
        tmp_path, primary={"RA_TARG": 359.99999, "DEC_TARG": 0.0}, quirks={2: {"primary": {"RA_TARG": 1e-5}}}
    )
    assert "unlike" not in load_visit(tmp_path).messages


def test_exposures_that_cannot_follow_one_another_are_named(tmp_path):
    """The third begins with the second, or 100 s after it, when it still lasts 90 s."""
    for name, seconds, told in (
        ("same", 0, "have the same start time"),
        ("early", 100, "begin before the one"),
    ):
        start = START + 4 / 1440 + seconds / 86400
        stage_0_folder(tmp_path / name, quirks={2: {"start": start}})
        messages = load_visit(tmp_path / name).messages
        assert f"Some exposures {told}" in messages and f"or01fm002_flt.fits and {ODD}." in messages
    stage_0_folder(tmp_path / "good", quirks={2: {"start": START + 4 / 1440 + 190.5 / 86400}})
    assert "Some exposures" not in load_visit(tmp_path / "good").messages


def test_binned_pixels_are_told(tmp_path):
    stage_0_folder(tmp_path / "all", primary={"BINAXIS1": 2, "BINAXIS2": 2}, n_frames=2)
    stage_0_folder(tmp_path / "direct", direct={"primary": {"BINAXIS2": 2}}, n_frames=2)
    stage_0_folder(tmp_path / "none", primary={"BINAXIS1": 1, "BINAXIS2": 1}, n_frames=2)
    assert "The frames have BINAXIS 2, 2; traces, wavelengths" in load_visit(tmp_path / "all").messages
    told = load_visit(tmp_path / "direct").messages
    assert "or01dr001_flt.fits has BINAXIS 1, 2, the frames 1, 1" in told and "The frames have" not in told
    assert "BINAXIS" not in load_visit(tmp_path / "none").messages


def test_a_grism_frame_as_direct_image_is_told(tmp_path):
    stage_0_folder(tmp_path, direct={"primary": {"FILTER": "G280"}})
    assert "or01dr001_flt.fits is a G280 frame" in load_visit(tmp_path).messages


def test_an_ordinary_direct_image_is_preferred_to_a_grism_frame(tmp_path):
    stage_0_folder(tmp_path)
    stage_0_folder(tmp_path / "other", n_frames=1, direct={"primary": {"FILTER": "G280"}, "fill": 900})
    grism = tmp_path / "other" / "directimages" / "or01dr001_flt.fits"
    grism.rename(tmp_path / "directimages" / "a_flt.fits")
    visit = load_visit(tmp_path)
    assert float(visit.direct_image.mean()) < 100
    assert "or01dr001_flt.fits is used, not a_flt.fits (G280)" in visit.messages


def test_swapped_folders_are_told(tmp_path):
    stage_0_folder(tmp_path)
    (tmp_path / "specimages").rename(tmp_path / "away")
    (tmp_path / "directimages").rename(tmp_path / "specimages")
    (tmp_path / "away").rename(tmp_path / "directimages")
    with pytest.raises(VisitError, match="the two folders are swapped"):
        load_visit(tmp_path)
    for path in sorted((tmp_path / "directimages").glob("*"))[1:]:
        path.unlink()
    assert "are the two folders swapped?" in load_visit(tmp_path).messages


@pytest.mark.parametrize(("key", "value"), [("INSTRUME", "STIS"), ("DETECTOR", "IR")])
def test_direct_images_of_another_detector_are_refused(tmp_path, key, value):
    stage_0_folder(tmp_path, direct={"primary": {key: value}})
    with pytest.raises(VisitError, match=f"or01dr001_flt.fits is of {key} {value}"):
        load_visit(tmp_path)


def test_small_letters_and_blanks_are_no_other_instrument(tmp_path):
    stage_0_folder(tmp_path, primary={"INSTRUME": "wfc3", "DETECTOR": "uvis  "})
    assert load_visit(tmp_path).sizes["exp_time"] == 5
