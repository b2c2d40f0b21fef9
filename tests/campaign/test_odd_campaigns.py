"""Odd names, tables in odd places, terminals that lack characters, and what is refused before hours of work."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from campaigns import FAST, simulated

from hustle_widgets import console, run_many
from hustle_widgets.campaign import Campaign, sweep_many
from hustle_widgets.campaign.jobs import Job
from hustle_widgets.campaign.rows import read_rows
from hustle_widgets.cli import main
from hustle_widgets.steps import STAGE_1

NAMES = [
    "#hash",
    "#",
    "two words",
    'it\'s "q", ü',
    "a\u2028b\x85c\x0cd",
    "tab\tname",
    "nan",
    "--",
    "None",
    "16",
]
CURVE = {"times": [1.0, 2.0], "curves": {"+1": [3.0, 4.0]}}


def campaign_of(names: list[str], folder: Path) -> Campaign:
    starts = [{"name": name, "place": name, "folder": str(folder / name)} for name in names]
    rows = [{**start, "output_run": "run_1", "status": "done", "message": "", **CURVE} for start in starts]
    return Campaign(rows, [Job(name, name, str(folder / name), "run_1", STAGE_1) for name in names])


def test_a_table_of_odd_names_is_read_again(tmp_path: Path) -> None:
    campaign = campaign_of(NAMES, tmp_path)
    again = read_rows(campaign.write(tmp_path / "table.ecsv"))
    for key in ("name", "place", "folder", "status"):
        assert [row[key] for row in again] == [row[key] for row in campaign]


def test_bytes_that_are_no_character_and_ends_of_lines_cost_no_table(tmp_path: Path) -> None:
    campaign = campaign_of([os.fsdecode(b"\xff\xe9"), "two\r\nlines", "plain"], tmp_path)
    again = read_rows(campaign.write(tmp_path / "table.ecsv"))
    assert [row["name"] for row in again] == [r"\udcff\udce9", "two lines", "plain"]
    campaign = campaign_of([os.fsdecode(b"\xff\xe9")], tmp_path)
    assert campaign.save_figure(tmp_path / "new" / "curves.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"inject": {"depht": 0.01}}, "An injection has no 'depht'. It has depth, middle"),
        ({"inject": {"depth": 5}}, "'depth' must be a share in 0..1. Got 5 instead"),
        ({"inject": {"depth": 0.01, "cosmic_rays": -1}}, "'cosmic_rays' must be a whole number"),
        ({"inject": 0.01}, "'inject' must be a dict such as"),
        ({"overrides": {"visit": 3}}, "'overrides of visit' must be a dict such as"),
        ({"overrides": ["visit"]}, "'overrides' must be a dict such as"),
    ],
)
def test_an_injection_or_overrides_that_are_none_cost_no_run(
    options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        run_many(tmp_path / "visit", workers=0, **options)


def test_an_injection_of_a_sweep_that_is_none_costs_no_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="An injection has no 'depht'"):
        sweep_many(tmp_path / "visit", {"free_iter.free_sigma": [3]}, inject={"depht": 0.01}, workers=0)


def test_a_place_that_is_empty_is_not_the_folder_one_is_in(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="A place of a visit is ''"):
        run_many(["visit", ""], workers=0)
    assert main(["run", ""]) == 2
    assert "A place is ''" in capsys.readouterr().err


def test_a_table_that_cannot_be_or_would_take_a_files_place_is_told_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "stage_1_mine.hustle"
    config.write_text("free_sigma 4\n")
    for place, words in (
        (config, "there is such a file, and it is no table"),  # the name of the table was forgotten
        (tmp_path, "is a folder"),
        (tmp_path / "curves.png", "the light curves are written to that name"),
        (config / "table.ecsv", "stage_1_mine.hustle"),
        ("", "needs the name of a file"),
    ):
        assert main(["run", str(tmp_path / "visit"), "--workers", "0", "--table", str(place)]) == 2
        told = capsys.readouterr()
        assert words in told.err and "failed" not in told.out
    assert config.read_text() == "free_sigma 4\n"
    table = campaign_of(["old"], tmp_path).write(tmp_path / "table.ecsv")
    assert main(["run", str(tmp_path / "visit"), "--workers", "0", "--table", str(table)]) == 1
    assert [row["name"] for row in read_rows(table)] == ["visit"]


def test_a_terminal_that_lacks_characters_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), "ascii")
    monkeypatch.setattr(sys, "stdout", terminal)
    console.say("vü", 1)
    campaign = run_many([tmp_path / "nöthing"], workers=0, progress=True)
    assert list(campaign.failed) == ["nöthing"]
    assert (
        main(["run", str(tmp_path / "nöthing"), "--workers", "0", "--table", str(tmp_path / "tü.ecsv")]) == 1
    )
    terminal.flush()
    said = terminal.buffer.getvalue().decode()
    assert said.startswith("v\\xfc") and "n\\xf6thing failed" in said and "t\\xfc.ecsv" in said


def test_a_record_that_cannot_be_written_does_not_make_a_result_a_failure(tmp_path: Path) -> None:
    visit = simulated(tmp_path / "visit")
    (visit / "outputs/stage_1/run_1/campaign.json").mkdir(parents=True)
    campaign = run_many(visit, workers=0, progress=False, **FAST)
    assert not campaign.failed and (visit / "outputs/stage_1/run_1/clean_obs.nc").is_file()
    assert "campaign.json beside the result cannot be written (Is a directory)" in campaign.summary()
