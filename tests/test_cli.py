"""The command line: exit statuses, and one line for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import xarray as xr
from test_pipeline import copied
from visits import small_folder  # noqa: F401

from hustle_widgets import cli
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


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the commands that would have started JupyterLab, from an empty folder."""
    commands: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli.subprocess, "call", lambda command, env: commands.append(command) or 0)
    return commands


@pytest.mark.parametrize(
    ("words", "folder", "options"),
    [
        ([], cli.NOTEBOOKS, []),
        (["here"], "here", []),
        (["--no-browser"], cli.NOTEBOOKS, ["--no-browser"]),
        (["--", "--no-browser"], cli.NOTEBOOKS, ["--no-browser"]),
        (["here", "--", "--no-browser", "--port=8889"], "here", ["--no-browser", "--port=8889"]),
        (["here", "--port", "8889"], "here", ["--port", "8889"]),
        (["--port", "8889"], cli.NOTEBOOKS, ["--port", "8889"]),
        (["--port=8889", "here"], "here", ["--port=8889"]),
        (["--no-browser", "here", "--ip", "0.0.0.0"], "here", ["--no-browser", "--ip", "0.0.0.0"]),
        (["--", "--help"], cli.NOTEBOOKS, ["--help"]),
    ],
)
def test_lab_passes_options_on_and_copies_the_notebooks(
    words: list[str], folder: str, options: list[str], started: list[list[str]], tmp_path: Path
) -> None:
    assert main(["lab", *words]) == 0
    (command,) = started
    assert command[len(command) - len(options) :] == options
    assert f"--ServerApp.root_dir={(tmp_path / folder).resolve()}" in command
    assert {path.name for path in tmp_path.iterdir()} == {folder}
    assert (tmp_path / folder / "01_first_reduction.ipynb").is_file()


def test_help_of_lab_tells_of_the_folder_and_of_options(
    started: list[list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["lab", "--no-browser", "--help"])
    said = capsys.readouterr().out
    assert end.value.code == 0 and "FOLDER" in said and "--no-browser" in said and started == []


@pytest.mark.parametrize("command", ["lab", "simulate", "demo"])
def test_where_nothing_can_be_written_it_is_said_what_to_do(
    command: str,
    started: list[list[str]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "here")

    monkeypatch.setattr(Path, "mkdir", refuse)  # root may write everywhere
    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    assert main([command, "here"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "Permission denied" in err and "~/here" in err and started == []


def test_notebooks_that_are_there_are_kept_and_a_file_is_no_folder(
    started: list[list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "here" / "01_first_reduction.ipynb"
    mine.parent.mkdir()
    mine.write_text("mine")
    assert main(["lab", "here"]) == 0 and mine.read_text() == "mine"
    (tmp_path / "file").touch()
    assert main(["lab", "file"]) == 2
    assert "hustle-widgets lab ~/file" in capsys.readouterr().err and len(started) == 1


def test_the_last_lines_of_the_demo_are_in_the_order_in_which_one_types_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hustle_widgets.pipeline.reduce_visible", lambda reduction, show: None)
    options = ["--frames", "2", "--shape", "200", "400", "--drift", "0.5", "0.1"]
    options += ["--frames-per-orbit", "1", "--transit-span", "0", "0.5"]
    assert main(["demo", str(tmp_path / "demo"), *options]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[-2:] == ['python -m pip install ".[lab]"', "hustle-widgets lab"]
    with xr.open_dataset(tmp_path / "demo" / "truth.nc") as truth:
        parameters = json.loads(truth.attrs["parameters"])
    assert parameters["frames_per_orbit"] == 1 and parameters["drift"] == [0.5, 0.1]
    assert parameters["transit_span"] == [0, 0.5]
