"""Which files of a folder are read: as the archive, Stage 0, browsers and people leave them."""

import gzip
import shutil
from pathlib import Path

import pytest
from flt_files import archive_folder, stage_0_folder, write_flt

from hustle_widgets import Reduction, load_visit, run_pipeline, simulate_visit
from hustle_widgets.cli import main
from hustle_widgets.simulate import read_truth
from hustle_widgets.visit import VisitError

LETTERS = list("abcd")


def letters(visit):
    return [name[7] for name in visit.file_names.values]


@pytest.mark.parametrize("depth", ["", "mastDownload", "mastDownload/HST", "mastDownload/HST/{root}"])
def test_the_layout_of_the_archive_is_read_at_any_depth(tmp_path, depth):
    archive_folder(tmp_path, place=depth)
    visit = load_visit(tmp_path)
    assert letters(visit) == LETTERS and visit.filter == "G280"
    assert visit.direct_image.shape == visit.images.shape[1:]
    assert "Not used" not in visit.messages


def test_a_folder_inside_the_download_is_enough(tmp_path):
    archive_folder(tmp_path, place="mastDownload/HST/{root}")
    assert letters(load_visit(tmp_path / "mastDownload" / "HST")) == LETTERS


@pytest.mark.parametrize(
    "name",
    ["{root}_flc.fits", "{root}_flt.fits.gz", "{root}_FLT.FITS", "{root}_flc.fits.gz", "{root}_flt.fit"],
)
def test_other_suffixes_are_read(tmp_path, name):
    plain = archive_folder(tmp_path / "plain")
    for path in plain:
        new = tmp_path / "visit" / name.format(root=path.name[:9])
        new.parent.mkdir(exist_ok=True)
        new.write_bytes(gzip.compress(path.read_bytes()) if name.endswith("gz") else path.read_bytes())
    visit, expected = load_visit(tmp_path / "visit"), load_visit(tmp_path / "plain")
    assert letters(visit) == LETTERS
    assert (visit.images.values == expected.images.values).all()
    assert ("_flc files are used" in visit.messages) == ("flc" in name)


def test_stage_0_folders_are_read_with_packed_and_plain_files(tmp_path):
    top = stage_0_folder(tmp_path / "files")
    expected = load_visit(top)
    for path in sorted((top / "specimages").glob("*"))[:3]:
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    visit = load_visit(top)
    assert visit.sizes["exp_time"] == 5 and (visit.images.values == expected.images.values).all()


def test_products_beside_them_are_ignored(tmp_path):
    archive_folder(tmp_path)
    for product in ("spt", "asn", "jit", "raw", "drz", "trl", "ima"):
        (tmp_path / f"iexr16laq_{product}.fits").write_text("not read")
    (tmp_path / "outputs" / "stage_1").mkdir(parents=True)
    shutil.copy(
        tmp_path / "iexr16lbq" / "iexr16lbq_flt.fits", tmp_path / "outputs" / "stage_1" / "x_flt.fits"
    )
    visit = load_visit(tmp_path)
    assert letters(visit) == LETTERS and visit.messages == load_visit(tmp_path).messages
    assert "spt" not in visit.messages


def test_flt_is_preferred_to_flc_and_said(tmp_path):
    archive_folder(tmp_path, fill=0)
    archive_folder(tmp_path, name="{root}_flc.fits", fill=500)
    visit = load_visit(tmp_path)
    assert letters(visit) == LETTERS and float(visit.images.mean()) < 100
    assert "the _flt files are used, not" in visit.messages and "iexr16laq_flc.fits" in visit.messages


def test_a_mixture_of_flt_and_flc_is_said(tmp_path):
    archive_folder(tmp_path, roots="abc")
    write_flt(tmp_path / "iexr16ldq_flc.fits")
    visit = load_visit(tmp_path)
    assert visit.sizes["exp_time"] == 4
    assert "iexr16ldq_flc.fits are corrected for charge transfer" in visit.messages


COPIES = [
    "iexr16laq_flt (1).fits",
    "iexr16laq_flt(2).fits",
    "iexr16laq_flt.fits (1)",
    "Copy of iexr16laq_flt.fits",
]
COPIES += ["iexr16laq_flt - Copy.fits", "iexr16laq_flt copy.fits", "iexr16laq_flt (1).fits.gz"]


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_named_and_used_only_in_place_of_the_file(tmp_path, name):
    archive_folder(tmp_path, place="")
    original = tmp_path / "iexr16laq_flt.fits"
    data = original.read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    visit = load_visit(tmp_path)
    assert letters(visit) == LETTERS
    assert f"there under its own name: {name}" in visit.messages
    original.unlink()
    visit = load_visit(tmp_path)
    assert visit.sizes["exp_time"] == 4 and name in visit.file_names.values
    assert f"something in its name: {name}" in visit.messages


UNUSED = [
    "iexr16lzq_flt.fits.part",
    "iexr16lzq_flt.fits.crdownload",
    "iexr16lzq_flt.fits.bz2",
    "iexr16lzq_flt.zip",
    "iexr16lzq_flt",
    "new_image.fits",
]


@pytest.mark.parametrize("name", UNUSED)
@pytest.mark.parametrize("stage_0", [True, False])
def test_what_is_not_used_is_named(tmp_path, name, stage_0):
    top = stage_0_folder(tmp_path) if stage_0 else tmp_path
    place = top / "specimages" if stage_0 else top
    if not stage_0:
        archive_folder(tmp_path)
    (place / name).write_bytes(b"anything")
    messages = load_visit(top).messages
    assert "Not used" in messages and name in messages


def test_files_beside_the_folders_of_stage_0_are_named(tmp_path):
    stage_0_folder(tmp_path)
    write_flt(tmp_path / "iexr16laq_flt.fits")
    assert "are read: iexr16laq_flt.fits" in load_visit(tmp_path).messages


def test_the_same_exposure_in_two_places_is_read_once(tmp_path):
    archive_folder(tmp_path)
    shutil.copy(tmp_path / "iexr16laq" / "iexr16laq_flt.fits", tmp_path / "iexr16laq_flt.fits")
    visit = load_visit(tmp_path)
    assert letters(visit) == LETTERS and "the same exposure is there twice" in visit.messages


@pytest.fixture
def two_visits(tmp_path):
    archive_folder(tmp_path)
    for letter, minute in zip("abk", (2000, 2004, 1996), strict=True):
        root = f"iexr17m{letter}q"
        primary = {"ROOTNAME": root, "FILTER": "F300X" if letter == "k" else "G280"}
        write_flt(tmp_path / f"{root}_flt.fits", start=58331.25 + minute / 1440, primary=primary, fill=300)
    return tmp_path


def test_several_visits_are_told_and_one_can_be_chosen(two_visits):
    with pytest.raises(VisitError, match=r"2 visits: iexr16 \(4 G280.*iexr17 \(2 G280.*visit='iexr17'"):
        load_visit(two_visits)
    for name in ("iexr17", "IEXR17", "17"):
        visit = load_visit(two_visits, visit=name)
        assert visit.sizes["exp_time"] == 2 and float(visit.direct_image.mean()) > 200
        assert "Of other visits, not used: iexr16laq_flt.fits" in visit.messages
    assert load_visit(two_visits, visit=["16", "17"]).sizes["exp_time"] == 6
    assert (
        f"load_visit({str(two_visits)!r}, visit='17')"
        in Reduction(load_visit(two_visits, visit="17")).to_script()
    )
    with pytest.raises(VisitError, match="holds no visit 18; it holds iexr16, iexr17"):
        load_visit(two_visits, visit="18")
    for number in (17, [17], (" 17 ",)):
        visit = load_visit(two_visits, visit=number)
        assert visit.sizes["exp_time"] == 2 and visit.attrs["visit"] == "17"


@pytest.mark.parametrize("wrong", [17.0, True, b"17", [None], {"17"}])
def test_what_is_no_name_of_a_visit_is_refused_with_what_is(two_visits, wrong):
    with pytest.raises(TypeError, match="visit must be a name such as 'iexr16' or '16'"):
        load_visit(two_visits, visit=wrong)


@pytest.mark.parametrize("empty", ["", " ", [], "16,"])
def test_an_empty_name_of_a_visit_is_told(two_visits, empty):
    with pytest.raises(VisitError, match="name of the visit is empty"):
        load_visit(two_visits, visit=empty)


@pytest.mark.parametrize("stage_0", [True, False])
def test_a_folder_under_the_name_of_a_file_is_named_or_entered(tmp_path, stage_0):
    top = stage_0_folder(tmp_path) if stage_0 else tmp_path
    if not stage_0:
        archive_folder(tmp_path, place="")
    path = top / "specimages" / "or01fm002_flt.fits" if stage_0 else top / "iexr16lbq_flt.fits"
    expected = load_visit(top).sizes["exp_time"]
    kept = path.rename(tmp_path / "kept")
    path.mkdir()
    visit = load_visit(top)
    assert visit.sizes["exp_time"] == expected - 1
    assert f"folders without an exposure in them: {path.name}." in visit.messages
    kept.rename(path / path.name)
    visit = load_visit(top)
    assert visit.sizes["exp_time"] == expected and "folders without" not in visit.messages


def test_the_command_line_says_the_same_of_several_visits(two_visits, capsys):
    assert main(["run", str(two_visits)]) == 2
    assert "--visit iexr17" in capsys.readouterr().err


def test_the_home_folder_can_be_written_short(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    stage_0_folder(tmp_path / "files")
    visit = load_visit("~/files")
    assert Path(visit.toplevel_dir) == tmp_path / "files"


def test_empty_folders_say_what_to_do(tmp_path):
    with pytest.raises(VisitError, match="holds no .*_flt.fits file, at any depth"):
        load_visit(tmp_path)
    archive_folder(tmp_path / "above" / "plots")
    archive_folder(tmp_path / "above" / ".hidden" / "deep")
    with pytest.raises(
        VisitError, match="only where results or hidden files are kept: .*hidden.*plots.* Give that"
    ):
        load_visit(tmp_path / "above")
    assert letters(load_visit(tmp_path / "above" / "plots")) == LETTERS
    archive_folder(tmp_path / "direct_only", roots="")
    with pytest.raises(VisitError, match="the 1 files in .* are of filter F300X"):
        load_visit(tmp_path / "direct_only")
    archive_folder(tmp_path / "grism_only", direct="")
    with pytest.raises(VisitError, match="No direct image: .* Download it from the archive"):
        load_visit(tmp_path / "grism_only")


def test_every_path_may_start_in_the_home_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    simulate_visit("~/sim", n_frames=3, shape=(200, 400))
    assert read_truth("~/sim").sizes and (tmp_path / "sim" / "specimages").is_dir()
    reduction = Reduction("~/sim", output_run="home", save_plots=0)
    reduction.toplevel_dir = "~/sim"
    assert reduction.output_folder() == tmp_path / "sim" / "outputs" / "stage_1" / "home"
    written = reduction.write_config("~/configs/stage_1_home.hustle")
    assert written == tmp_path / "configs" / "stage_1_home.hustle" and written.is_file()
    assert Reduction.from_config("~/configs/stage_1_home.hustle").output_run == "home"
    off = {step.switch: False for step in reduction.steps.values() if step.switch and step.name != "save"}
    reduction.set(verbose=0, **off)
    reduction.write_config("~/configs/stage_1_home.hustle")
    run_pipeline("~/configs")
    assert (tmp_path / "sim" / "outputs" / "stage_1" / "home" / "clean_obs.nc").is_file()
    assert main(["run", "~/sim", "--config", "~/configs", "--output-run", "again"]) == 0
    assert (tmp_path / "sim" / "outputs" / "stage_1" / "again" / "clean_obs.nc").is_file()


def test_names_of_stage_0_are_no_visits(tmp_path):
    for name in ("or01fm001", "or01fm002", "or02fm001"):
        start = 58331.25 + int(name[3]) / 15 + int(name[-1]) / 300
        write_flt(tmp_path / "specimages" / f"{name}_flt.fits", start=start)
    write_flt(tmp_path / "directimages" / "or01dr001_flt.fits", primary={"FILTER": "F300X"})
    visit = load_visit(tmp_path)
    assert visit.sizes["exp_time"] == 3 and "another visit" not in visit.messages


def test_an_empty_file_gives_way_to_another_one_of_the_exposure(tmp_path):
    archive_folder(tmp_path, place="")
    original = tmp_path / "iexr16laq_flt.fits"
    (tmp_path / "iexr16laq_flt (1).fits").write_bytes(original.read_bytes())
    original.write_bytes(b"")
    visit = load_visit(tmp_path)
    assert visit.sizes["exp_time"] == 4 and "iexr16laq_flt (1).fits" in visit.file_names.values
    assert "the file is empty and the exposure is there in another file: iexr16laq_flt.fits" in visit.messages
    (tmp_path / "iexr16laq_flt (1).fits").unlink()
    with pytest.raises(VisitError, match="iexr16laq_flt.fits cannot be read; it is damaged"):
        load_visit(tmp_path)


def test_hidden_files_of_other_systems_are_no_exposures(tmp_path):
    archive_folder(tmp_path)
    for place in (tmp_path, tmp_path / "iexr16laq"):
        (place / "._iexr16laq_flt.fits").write_bytes(b"Mac OS X")
        (place / ".DS_Store").write_bytes(b"Mac OS X")
    visit = load_visit(tmp_path)
    assert letters(visit) == LETTERS and "Not used" not in visit.messages


def test_linked_folders_and_files_are_read_once(tmp_path):
    (real,) = {path.parent for path in archive_folder(tmp_path / "elsewhere", place="")}
    top = tmp_path / "visit"
    top.mkdir()
    (top / "data").symlink_to(real)
    (top / "above").symlink_to(top)
    visit = load_visit(top)
    assert letters(visit) == LETTERS and "twice" not in visit.messages
    (top / "iexr16lzq_flt.fits").symlink_to(tmp_path / "gone.fits")
    with pytest.raises(VisitError, match=r"iexr16lzq_flt.fits is a link to .*gone.fits, which is not there"):
        load_visit(top)


def test_a_file_in_place_of_its_folder_is_told(tmp_path):
    path = archive_folder(tmp_path, place="")[1]
    with pytest.raises(VisitError, match="is no folder.*the folder of this file") as caught:
        load_visit(path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    "written", ["$VISITS/files", "${VISITS}/files/", "files", "./files/", "../top/files"]
)
def test_paths_are_read_as_people_write_them(tmp_path, monkeypatch, written, capsys):
    top = tmp_path / "top"
    archive_folder(top / "files", place="")
    monkeypatch.setenv("VISITS", str(top))
    monkeypatch.chdir(top)
    assert letters(load_visit(written)) == LETTERS
    reduction = Reduction(written, output_run="named")
    assert reduction.output_folder().resolve() == top / "files" / "outputs" / "stage_1" / "named"
    reduction.write_config("$VISITS/configs/stage_1_x.hustle")
    assert Reduction.from_config(top / "configs" / "stage_1_x.hustle").visit.sizes["exp_time"] == 4
    assert main(["run", written, "--output-run", "bad/name"]) == 2
    assert "does not exist" not in capsys.readouterr().err


def test_a_variable_that_is_not_set_is_named_as_it_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_SUCH", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VisitError, match=r"The folder \$NO_SUCH/files does not exist"):
        load_visit("$NO_SUCH/files")
    monkeypatch.setenv("NO_SUCH", "elsewhere")
    archive_folder(tmp_path / "$NO_SUCH", place="")
    assert letters(load_visit("$NO_SUCH")) == LETTERS


def test_files_of_stage_0_in_several_folders_are_never_mixed(tmp_path):
    """Every visit has an or01fm001: those of one must not stand for those of the other."""
    stage_0_folder(tmp_path / "one" / "files", n_frames=3)
    stage_0_folder(tmp_path / "two", n_frames=4, fill=500)
    with pytest.raises(
        VisitError, match="several visits or copies of one: or01dr001_flt.fits is in .*one.*two"
    ):
        load_visit(tmp_path)
    (tmp_path / "alone").mkdir()
    (tmp_path / "two").rename(tmp_path / "alone" / "two")
    (tmp_path / "alone" / "linked").symlink_to(tmp_path / "alone" / "two")
    visit = load_visit(tmp_path / "alone")
    assert visit.sizes["exp_time"] == 4 and float(visit.images.mean()) > 400


def test_names_of_the_archive_may_hold_the_word_sky(tmp_path):
    archive_folder(tmp_path, place="")
    names = ["isky01abq", "skylab_iexr16lbq", "iexr16lcq", "iexr16ldq", "iexr16lkq"]
    for path, name in zip(sorted(tmp_path.iterdir()), names, strict=True):
        path.rename(tmp_path / f"{name}_flt.fits")
    (tmp_path / "G280_sky_flt.fits").write_bytes(b"a sky image")
    assert load_visit(tmp_path).sizes["exp_time"] == 4
