"""Where Stage 2 of HUSTLE-tools finds a run, and what of a person's own is never touched for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import xarray as xr
from test_pipeline import copied
from visits import small_folder, tiny_visit  # noqa: F401

from hustle_widgets import Reduction, run_pipeline
from hustle_widgets.config import read_config
from hustle_widgets.reduction import StepError
from hustle_widgets.stage_links import reach_for_stage_2

CONFIG = (
    "toplevel_dir {folder} # no quotes\noutput_run a\nverbose 1\nsave_plots 0\nshow_plots 0\n"
    "do_location 1\ndo_save 1\n"
)


def run_of(outputs: Path, name: str = "run_1", text: str = "ours") -> Path:
    folder = outputs / "stage_1" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "clean_obs.nc").write_text(text)
    return folder


def test_nothing_there_makes_one_relative_link(tmp_path: Path) -> None:
    for name in ("run_1", "run_2", "run_1"):
        assert reach_for_stage_2(run_of(tmp_path / "outputs", name)) == ""
    assert os.readlink(tmp_path / "outputs" / "stage1") == "stage_1"
    (tmp_path / "outputs").rename(tmp_path / "moved")
    assert (tmp_path / "moved" / "stage1" / "run_2" / "clean_obs.nc").read_text() == "ours"


def test_a_folder_of_hustle_tools_gets_a_link_inside(tmp_path: Path) -> None:
    theirs = tmp_path / "stage1" / "old"
    theirs.mkdir(parents=True)
    (theirs / "clean_obs.nc").write_text("theirs")
    for _ in range(2):
        assert reach_for_stage_2(run_of(tmp_path)) == ""
    assert os.readlink(tmp_path / "stage1" / "run_1") == os.path.join("..", "stage_1", "run_1")
    assert (tmp_path / "stage1" / "run_1" / "clean_obs.nc").read_text() == "ours"
    assert (theirs / "clean_obs.nc").read_text() == "theirs"


@pytest.mark.parametrize("kind", ["run", "link of a run", "file", "link", "link to nothing", "no links"])
def test_what_is_a_persons_own_stays_and_it_is_said_what_to_do(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs, away = tmp_path / "outputs", tmp_path / "away"
    away.mkdir()
    folder, theirs = run_of(outputs), outputs / "stage1"
    if kind == "run":
        (theirs / "run_1").mkdir(parents=True)
        (theirs / "run_1" / "clean_obs.nc").write_text("theirs")
    elif kind == "link of a run":
        theirs.mkdir()
        (theirs / "run_1").symlink_to(away)
    elif kind == "file":
        theirs.write_text("theirs")
    elif kind == "link":
        theirs.symlink_to(away)
    elif kind == "link to nothing":
        theirs.symlink_to(tmp_path / "nowhere")
    else:

        def refuse(*_: object, **__: object) -> None:
            raise OSError(1, "Operation not permitted")

        monkeypatch.setattr(os, "symlink", refuse)
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    said = reach_for_stage_2(folder)
    assert str(theirs / "run_1") in said and "Copy" in said
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before and not list(away.iterdir())


def test_a_run_is_found_under_both_names_and_opens_again(
    small_folder: Path,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visit = copied(small_folder, tmp_path / "my files")
    config = tmp_path / "stage_1.hustle"
    config.write_text(CONFIG.format(folder=visit))
    clean = run_pipeline(config)
    with xr.open_dataset(visit / "outputs" / "stage1" / "a" / "clean_obs.nc") as file:
        assert file.attrs["target_posx"] == clean.attrs["target_posx"]
    # As HUSTLE-tools leaves a run: under stage1, with a folder that is relative to where it was started.
    (visit / "outputs" / "stage1").unlink()
    (visit / "outputs" / "stage_1").rename(visit / "outputs" / "stage1")
    written = visit / "outputs" / "stage1" / "a" / "stage_1_a.hustle"
    written.write_text(CONFIG.format(folder="./files"))
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    reduction = Reduction.from_config(written)
    assert Path(reduction.toplevel_dir).samefile(visit) and reduction.output_run == "a"
    run_pipeline(visit / "outputs" / "stage1" / "a")
    out = capsys.readouterr().out
    assert "will not find this run" in out and "./files" in out
    assert (visit / "outputs" / "stage1" / "a" / "clean_obs.nc").is_file()
    assert read_config(visit / "outputs" / "stage_1" / "a" / "stage_1_a.hustle")["output_run"] == "a"


def test_a_run_that_cannot_be_saved_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    off = dict.fromkeys(
        [step.switch for step in Reduction(tiny_visit()).steps.values() if step.switch], False
    )
    reduction = Reduction(tiny_visit(), **{**off, "do_save": True})
    for folder in ("nowhere", str(tmp_path / "gone")):
        reduction.toplevel_dir = folder
        with pytest.raises(
            StepError, match=r"save: There is no folder .* nothing is saved: set toplevel_dir"
        ):
            reduction.run()
        assert reduction["save"].status == "failed" and reduction.result is not None
    reduction["save"].enabled = False
    reduction.run()
    assert not list(tmp_path.iterdir())
