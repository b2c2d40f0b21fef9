"""Files of strangers beside the config: pins, lists of what was written, records and tables of campaigns, bombs."""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from attacks import NO_FILES, in_time, little_memory, no_file
from visits import tiny_visit

from hustle_widgets import Reduction, load_visit, run_many, simulate_visit
from hustle_widgets.campaign import Campaign
from hustle_widgets.choosing.pin_files import PINS, PinError
from hustle_widgets.reading import unpacking
from hustle_widgets.visit import VisitError
from hustle_widgets.written import LIST

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pipes, no devices")
FITTED: dict[str, Any] = {"bounds": None, "smth_bounds": None, "dist_from_trace": 5, "verbose": 0}
LITTLE = 60_000_000  # bytes


# --- pins -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reduction, dict[str, Any]]:
    """A Reduction with a pin, and what its file holds."""
    folder = tmp_path_factory.mktemp("pinned")
    reduction = Reduction(tiny_visit(folder=str(folder)), **FITTED)
    reduction.pin("mine")
    return reduction, json.loads((reduction.pins_folder() / PINS).read_text())


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_of_pins_is_refused_by_name(
    kind: str, pinned: tuple[Reduction, Any], tmp_path: Path, trust: Any
) -> None:
    no_file(tmp_path / PINS, kind)
    with little_memory(LITTLE):
        error = in_time(lambda: pinned[0].load_pins(tmp_path))
    assert isinstance(error, PinError) and str(tmp_path) in str(error) and len(str(error)) < 600, error
    trust.count("strange files")


def changes() -> dict[str, Callable[[dict[str, Any], dict[str, Any]], Any]]:
    """Pins that lie, by what is odd: each changes the content of a file, and its first pin."""
    huge, long = 10**400, "x" * 100_000
    found: dict[str, Callable[[dict[str, Any], dict[str, Any]], Any]] = {
        "a thousand pins too many": lambda data, pin: data.update(pins=[pin] * 1001),
        "a later version": lambda data, pin: data.update(version=99),
        "a version that is none": lambda data, pin: data.update(version="1"),
        "a pin that is none": lambda data, pin: data.update(pins=[None]),
        "no values": lambda data, pin: pin.pop("values"),
        "a value that is refused": lambda data, pin: pin["values"].update(free_sigma=-1),
        "a run outside": lambda data, pin: pin["values"].update(output_run="../../x"),
        "a switch that is none": lambda data, pin: pin["values"].update(do_led=1),
        "orbits without bound": lambda data, pin: of_curve(pin).update(orbits=[huge]),
        "an orbit that is none": lambda data, pin: of_curve(pin).update(orbits=[1.5] * 8),
        "unlike lengths": lambda data, pin: of_curve(pin)["flux"].append(1.0),
        "a text for numbers": lambda data, pin: of_curve(pin).update(flux="1" * 8),
        "lists of lists": lambda data, pin: of_curve(pin).update(flux=[[1.0]] * 8),
        "a verdict that is none": lambda data, pin: pin["findings"][0].update(verdict="<b>"),
        "a transit without length": lambda data, pin: pin.update(transit=[1.0, 0.0, 0.0]),
        "a transit of two numbers": lambda data, pin: pin.update(transit=[1.0, 1.0]),
        "a figure that is a text": lambda data, pin: pin["figures"].update(scatter="1"),
        "figures that are a list": lambda data, pin: pin.update(figures=[1]),
    }
    for name in ("../up", "a/b", "", ".", "a\nb", "<script>", "x" * 81, None, 3):
        found[f"the name {str(name)[:9]!r}"] = lambda data, pin, name=name: pin.update(name=name)
    for key in ("made", "visit", "versions"):
        found[f"{key} without end"] = lambda data, pin, key=key: pin.update({key: long})
        found[f"{key} that is none"] = lambda data, pin, key=key: pin.update({key: [1]})
    return found


def of_curve(pin: dict[str, Any]) -> dict[str, Any]:
    return next(iter(pin["curves"].values()))


@pytest.mark.parametrize("case", changes())
def test_a_pin_that_lies_is_refused_and_nothing_is_taken_in(
    case: str, pinned: tuple[Reduction, Any], tmp_path: Path, trust: Any
) -> None:
    reduction, content = pinned
    data = json.loads(json.dumps(content))
    changes()[case](data, data["pins"][0])
    (tmp_path / PINS).write_text(json.dumps(data))
    before = {name: reduction.pins[name] for name in reduction.pins}
    with little_memory(LITTLE), pytest.raises(PinError, match=PINS) as caught:
        reduction.load_pins(tmp_path)
    assert len(str(caught.value)) < 1000
    assert {name: reduction.pins[name] for name in reduction.pins} == before
    assert [path.name for path in tmp_path.iterdir()] == [PINS]
    trust.count("strange files")


def test_a_pin_of_a_stranger_is_data(pinned: tuple[Reduction, Any], tmp_path: Path) -> None:
    """It may name folders; what is written stays in the run's own, and links there are not written through."""
    content = json.loads(json.dumps(pinned[1]))
    (pin,) = content["pins"]
    pin["values"] |= {"toplevel_dir": "/etc", "path_to_Pagul": "/dev/zero", "no_such_key": "x"}
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "kept").write_text("a person's")
    (tmp_path / "visit").mkdir()
    folder = tmp_path / "visit" / "outputs" / "stage_1" / "run_1" / "pins"
    folder.mkdir(parents=True)
    (folder / PINS).write_text(json.dumps(content))
    (folder / "stage_1_mine.hustle").symlink_to(tmp_path / "home" / "kept")
    reduction = Reduction(tiny_visit(folder=str(tmp_path / "visit")), **FITTED)
    assert list(reduction.pins) == ["mine"] and "no_such_key" not in reduction.pins["mine"].values
    before = reduction.toplevel_dir, reduction.output_run
    reduction.go_back("mine")
    assert (reduction.toplevel_dir, reduction.output_run) == before
    reduction.save_pins()
    assert (tmp_path / "home" / "kept").read_text() == "a person's"
    assert "toplevel_dir '/etc'" in (folder / "stage_1_mine.hustle").read_text()
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    run = "visit/outputs/stage_1/run_1/pins"
    assert written == {"home/kept", f"{run}/{PINS}", f"{run}/stage_1_mine.hustle"}


def test_pins_are_where_the_run_is_after_chdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("first", "second"):
        (tmp_path / place / "files").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "first")
    reduction = Reduction(tiny_visit(folder="files"), **FITTED)
    monkeypatch.chdir(tmp_path / "second")
    reduction.pin("mine")
    assert (tmp_path / "first/files/outputs/stage_1/run_1/pins" / PINS).is_file()
    assert list((tmp_path / "second/files").iterdir()) == []


# --- the list of what was written ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["pipe", "device", "folder", "endless", "loop", "deep table", "long number", "list"]
)
def test_a_list_that_is_none_costs_no_file(kind: str, tmp_path: Path, trust: Any) -> None:
    """Then all that is in the folder is a person's."""
    reduction = Reduction(tiny_visit(2, (20, 30), folder=str(tmp_path)), **FITTED)
    folder = reduction.output_folder()
    folder.mkdir(parents=True)
    (folder / "clean_obs.nc").write_text("a person's")
    no_file(folder / LIST, kind)
    with little_memory(LITTLE):
        outcome = in_time(reduction.run)
    assert not isinstance(outcome, BaseException), outcome
    assert (folder / "clean_obs.nc.kept-1").read_text() == "a person's"
    assert (folder / LIST).is_file() and not (folder / LIST).is_symlink()
    trust.count("strange files")


# --- campaigns -------------------------------------------------------------------------------------------

QUICK: dict[str, Any] = {
    **{f"do_{name}": False for name in ("fixed_iter", "free_iter", "led", "smooth", "Pagul", "0thtracking")},
    **{"do_bkg_stars": False, "bounds": None, "dist_from_trace": 15, "verbose": 0},
    **{"workers": 0, "progress": False},
}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A visit that was reduced by a campaign, and its table."""
    top = tmp_path_factory.mktemp("campaign")
    simulate_visit(top / "visit", n_frames=2, shape=(200, 400), seed=4)
    table = run_many(top / "visit", **QUICK).write(top / "campaign.ecsv")
    return top / "visit", table


@pytest.mark.parametrize("kind", NO_FILES)
def test_a_record_that_is_none_is_done_without(kind: str, campaign: tuple[Path, Path], trust: Any) -> None:
    visit, table = campaign
    record = visit / "outputs/stage_1/run_1/campaign.json"
    content = record.read_bytes()
    record.unlink()
    no_file(record, kind)
    try:
        with little_memory(LITTLE):
            read = in_time(lambda: Campaign.read(table))
        assert read.names == ("visit",) and read.light_curves() == {}
    finally:
        record.rmdir() if record.is_dir() else record.unlink()
        record.write_bytes(content)
    trust.count("strange files")


def rows_that_lie() -> dict[str, Any]:
    return {
        "no row": None,
        "a list": [1],
        "a verdict": {"verdict": "<script>"},
        "criteria": {"criteria": {"Displacement": "none"}},
        "a criterion": {"criteria": ["good"]},
        "numbers": {"scatter_ppm": "1"},
        "a large number": {"frames": 10**400},
        "curves": {"curves": {"+1": [1.0]}},
        "times": {"times": "123"},
        "a text": {"sentence": {"a": 1}},
    }


@pytest.mark.parametrize("case", rows_that_lie())
def test_a_record_that_lies_is_done_without(case: str, campaign: tuple[Path, Path], trust: Any) -> None:
    visit, table = campaign
    record = visit / "outputs/stage_1/run_1/campaign.json"
    content = record.read_bytes()
    data, lie = json.loads(content), rows_that_lie()[case]
    data["row"] = {**data["row"], **lie} if isinstance(lie, dict) else lie
    record.write_text(json.dumps(data))
    try:
        read = Campaign.read(table)
        assert read.light_curves() == {} and len(read.table) == 1
        if case in ("a verdict", "a large number"):
            (row,) = run_many(visit, **QUICK)
            assert row["status"] == "done"
    finally:
        record.write_bytes(content)
    trust.count("strange files")


@pytest.mark.parametrize("kind", NO_FILES)
def test_a_table_that_is_none_is_refused_by_name(kind: str, tmp_path: Path, trust: Any) -> None:
    no_file(tmp_path / "campaign.ecsv", kind)
    with little_memory(3 * LITTLE):
        error = in_time(lambda: Campaign.read(tmp_path / "campaign.ecsv"))
    assert isinstance(error, ValueError) and "campaign.ecsv" in str(error) and len(str(error)) < 600, error
    trust.count("strange files")


@pytest.mark.parametrize(
    "line",
    [
        "# - {name: name, datatype: string, description: !!python/object/apply:os.system ['touch ran']}",
        "# - !!python/object/new:os.system ['touch ran']",
        "# meta: {a: &a [x, x], b: [*a, *a], c: !!python/name:os.system ''}",
        "# schema: astropy-3.0",
    ],
)
def test_a_table_runs_nothing(
    line: str, campaign: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = campaign[1].read_text().splitlines()
    lines.insert(4, line)
    (tmp_path / "campaign.ecsv").write_text("\n".join(lines))
    with pytest.raises(ValueError, match="campaign.ecsv"):
        Campaign.read(tmp_path / "campaign.ecsv")
    assert [path.name for path in tmp_path.iterdir()] == ["campaign.ecsv"]
    trust.count("strange files")


@pytest.mark.parametrize(("before", "after"), [("run_1", "../../up"), (" done ", " fine "), ("name", "nam")])
def test_a_table_that_lies_is_refused(
    before: str, after: str, campaign: tuple[Path, Path], tmp_path: Path
) -> None:
    text = campaign[1].read_text()
    assert before in text
    (tmp_path / "campaign.ecsv").write_text(text.replace(before, after))
    with pytest.raises(ValueError, match="campaign.ecsv is no table of a campaign"):
        Campaign.read(tmp_path / "campaign.ecsv")


# --- exposures -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def visit_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bombs") / "visit"
    simulate_visit(folder, n_frames=2, shape=(200, 400), seed=5)
    return folder


def claim(header: fits.Header, rows: int, columns: int) -> None:
    header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, columns, rows


def of_many_pixels(path: Path, how: str) -> None:
    """Let an exposure claim more pixels than there is memory for."""
    with fits.open(path, memmap=False) as file:
        hdus = fits.HDUList([hdu.copy() for hdu in file])
    if how == "constant":  # calwf3's way to store a plane of one value: a header only
        for name in ("SCI", "ERR", "DQ"):
            header = hdus[name].header.copy()
            for card in ("NAXIS1", "NAXIS2"):
                header.remove(card, ignore_missing=True)
            header.update({"NAXIS": 0, "NPIX1": 10**6, "NPIX2": 10**6, "PIXVALUE": 1.0})
            hdus[hdus.index_of(name)] = fits.ImageHDU(header=header, name=name)
        hdus.writeto(path, overwrite=True)
        return
    hdus.writeto(path, overwrite=True)
    content = path.read_bytes()
    for name, size in (("NAXIS1", 400), ("NAXIS2", 200)):
        card = f"{name}  = {size:>20}".encode()
        assert content.count(card) >= 3
        content = content.replace(card, f"{name}  = {10**9 // 8:>20}".encode())
    path.write_bytes(content)
    if how == "sparse":  # a file that really is as large as it says, and takes no room
        os.truncate(path, 2 * 10**12)


@pytest.fixture
def damaged(visit_folder: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the visit, and its first exposure."""
    for path in visit_folder.glob("*/*.fits"):
        target = tmp_path / "visit" / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return tmp_path / "visit", sorted((tmp_path / "visit/specimages").glob("*.fits"))[0]


@pytest.mark.parametrize("place", ["specimages", "directimages"])
@pytest.mark.parametrize("how", ["constant", "cards", "sparse"])
def test_an_exposure_that_claims_too_many_pixels_is_refused_before_room_is_made(
    how: str, place: str, damaged: tuple[Path, Path], trust: Any
) -> None:
    folder = damaged[0]
    path = sorted((folder / place).glob("*.fits"))[0]
    of_many_pixels(path, how)
    with little_memory(LITTLE):
        error = in_time(lambda: load_visit(folder))
    assert isinstance(error, VisitError) and str(path) in str(error), error
    trust.count("bombs")


@pytest.mark.parametrize("members", [1, 3])
def test_an_exposure_that_unpacks_to_more_than_memory_is_refused(
    members: int, damaged: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, trust: Any
) -> None:
    folder, path = damaged
    monkeypatch.setattr(unpacking, "MOST_BYTES", 20_000_000)
    bomb = path.with_suffix(".fits.gz")
    packed = gzip.compress(path.read_bytes() + bytes(60_000_000 // members), 1)
    bomb.write_bytes(packed * members)
    path.unlink()
    with little_memory(LITTLE):
        error = in_time(lambda: load_visit(folder))
    assert isinstance(error, VisitError) and str(bomb) in str(error) and "unpacks to more" in str(error), (
        error
    )
    trust.count("bombs")


def test_packed_exposures_are_read_as_before(damaged: tuple[Path, Path]) -> None:
    folder, path = damaged
    before = load_visit(folder)["images"].values
    content = path.read_bytes()
    half = len(content) // 2
    for packed in (
        gzip.compress(content),
        gzip.compress(content[:half]) + gzip.compress(content[half:]),
        gzip.compress(content) + bytes(100),
    ):
        path.with_suffix(".fits.gz").write_bytes(packed)
        path.unlink(missing_ok=True)
        np.testing.assert_array_equal(load_visit(folder)["images"], before)
    for broken in (gzip.compress(content)[:-2000], gzip.compress(content) + b"more", b"\x1f\x8b" + bytes(99)):
        path.with_suffix(".fits.gz").write_bytes(broken)
        with pytest.raises(VisitError, match=r"fits\.gz cannot be read; it is damaged"):
            load_visit(folder)


def test_a_file_without_end_is_refused_before_it_is_read(damaged: tuple[Path, Path], trust: Any) -> None:
    folder, path = damaged
    os.truncate(path, 10**12)
    with little_memory(LITTLE), pytest.raises(VisitError, match="is more than 1 GiB"):
        load_visit(folder)
    trust.count("bombs")


def test_extensions_without_end_are_refused(damaged: tuple[Path, Path], trust: Any) -> None:
    folder, path = damaged
    cards = [b"XTENSION= 'IMAGE   '", b"BITPIX  =                    8", b"NAXIS   =                    0"]
    cards += [b"PCOUNT  =                    0", b"GCOUNT  =                    1", b"END"]
    header = b"".join(card.ljust(80) for card in cards).ljust(2880)
    with path.open("ab") as file:
        file.write(header * 5000)
    with pytest.raises(VisitError, match="more than 200 extensions"):
        load_visit(folder)
    trust.count("bombs")


def test_more_frames_than_memory_are_refused_by_number(
    damaged: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_memory", lambda: 100_000)
    with pytest.raises(VisitError, match="The 2 frames of 200 x 400 .* this machine has"):
        load_visit(damaged[0])


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "endless", "binary", "claims", "packed"])
def test_a_sky_image_that_is_none_fails_its_step_only(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: Any
) -> None:
    sky = tmp_path / "uvis_sky_chip2.fits"
    monkeypatch.setattr(unpacking, "MOST_BYTES", 20_000_000)
    if kind == "claims":
        header = fits.Header(
            [("SIMPLE", True), ("BITPIX", -32), ("NAXIS", 2), ("NAXIS1", 10**6), ("NAXIS2", 10**6)]
        )
        sky.write_bytes(header.tostring().encode())
        os.truncate(sky, 19_000_000)
    elif kind == "packed":
        sky.write_bytes(gzip.compress(bytes(60_000_000), 1))
    else:
        no_file(sky, kind)
    reduction = Reduction(tiny_visit(), **FITTED, do_save=False, path_to_Pagul=str(tmp_path))
    with little_memory(LITTLE):
        error = in_time(reduction.run)
    assert isinstance(error, ValueError) and str(error).startswith("pagul: ") and str(sky) in str(error), (
        error
    )
    assert {step.status for step in reduction.steps.values()} <= {"fresh", "failed", "off", "stale"}
    trust.count("strange files")


def test_a_visit_is_read_on_after_chdir(visit_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = load_visit(visit_folder)["errors"].values
    monkeypatch.chdir(visit_folder.parent)
    visit = load_visit(visit_folder.name)
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(visit["errors"].values, expected)


def test_a_reader_does_not_wait(tmp_path: Path) -> None:
    """The pipes of these tests do what they are for: a plain reader would wait."""
    no_file(tmp_path / "pipe", "pipe")
    started = []

    def read() -> None:
        started.append(time.monotonic())
        (tmp_path / "pipe").read_bytes()

    with pytest.raises(AssertionError, match="it hangs"):
        in_time(read, 0.5)
    with os.fdopen(os.open(tmp_path / "pipe", os.O_WRONLY | os.O_NONBLOCK), "wb"):
        assert started
