"""The command line: exit statuses, and one line for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_pipeline import copied
from visits import small_folder  # noqa: F401

from hustle_widgets.cli import main
from hustle_widgets.config import read_config

FAST = "do_led False\ndo_smooth False\ndo_Pagul False\ndo_fixed_iter False\nverbose 0\nsave_plots 0\n"


@pytest.fixture(scope="module")
def visit(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    return copied(small_folder, tmp_path_factory.mktemp("cli") / "files")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "free_sigma 'much'\n",
            "stage_1.hustle, line 1: The 'free_sigma' parameter of FreeIteration must be a float",
        ),
        ("verbose 0\nrows __import__('os').system('true')\n", "stage_1.hustle, line 2: rows: "),
        ("toplevel_dir 'not_there'\nverbose 0\n", "The folder not_there does not exist."),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stage_1.hustle").write_text(text)
    assert main(["run", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert err.startswith("hustle-widgets: ") and words in err


def test_missing_places_are_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tmp_path / "nothing")]) == 2
    assert main(["run", str(tmp_path / "nothing.hustle")]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_a_config_for_a_folder(visit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "mine.hustle"
    config.write_text(FAST + "do_quicklook False\nmy_key 3 # mine\n")
    assert main(["run", str(visit), "--config", str(config), "--output-run", "mine"]) == 0
    assert capsys.readouterr().out == ""
    folder = visit / "outputs" / "stage_1" / "mine"
    shown = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    assert shown == {"clean_obs.nc", "stage_1_mine.hustle"}
    written = read_config(folder / "stage_1_mine.hustle")
    assert written["my_key"] == 3 and written["do_led"] is False and written["output_run"] == "mine"


def test_a_step_that_failed_is_status_1(
    visit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mine.hustle"
    config.write_text(
        FAST.replace("verbose 0", "verbose 1")
        + "do_0thtracking 1\ndo_bkg_stars 1\nbkg_stars_loc [[5000, 10]]\n"
    )
    assert main(["run", str(visit), "--config", str(config), "--output-run", "failed"]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("hustle-widgets: bkg_stars: ") and err.count("\n") == 1
    assert "Failed: bkg_stars." in out and "Tracked 0th order" in out
    assert not (visit / "outputs" / "stage_1" / "failed").exists()
