"""A run's folder is replaced as a whole, and nothing in it that is a person's is touched."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from visits import tiny_visit

from hustle_widgets import Reduction, folders
from hustle_widgets.folders import clean_up, replacing
from hustle_widgets.written import LIST, Written

RENAMES = sys.platform.startswith("linux")
OUTPUTS = ["clean_obs.nc", "stage_1_run_1.hustle"]


def filled(folder: Path, word: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("clean_obs.nc", "CR_location.png"):
        (folder / name).write_text(word)
    (folder / "quicklooks").mkdir(exist_ok=True)
    (folder / "quicklooks" / "quicklookup.gif").write_text(word)


def written(folder: Path, word: str) -> None:
    with replacing(folder) as new:
        filled(new, word)


def content(folder: Path) -> dict[str, str]:
    """Every file but our list, and every link, with what is in it."""
    return {
        path.relative_to(folder).as_posix(): f"-> {os.readlink(path)}"
        if path.is_symlink()
        else path.read_text()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file()) and path != folder / LIST
    }


OLD = {"clean_obs.nc": "old", "CR_location.png": "old", "quicklooks/quicklookup.gif": "old"}
MINE = {
    "notes.txt": "mine",
    ".hidden": "mine",
    "my.png": "mine",
    "stage_1_mine.hustle": "mine",
    "quicklooks/my.gif": "mine",
    "figures/of/mine.png": "mine",
    "elsewhere": "-> ../far/away",
}


def add_mine(folder: Path) -> None:
    for name, text in MINE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            (folder / name).symlink_to(text[3:])
        else:
            (folder / name).write_text(text)


@pytest.fixture(params=["exchange", "two renames", "no links", "no locks"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Systems that cannot exchange two names, file systems without hard links, and without locks."""

    def refuse(*arguments: object, **keywords: object) -> None:
        raise OSError("not on this file system")

    if request.param == "two renames":
        monkeypatch.setattr(folders, "_exchange_names", lambda one, other: False)
    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)
    if request.param == "no locks" and folders.fcntl is not None:
        monkeypatch.setattr(folders.fcntl, "flock", refuse)
    return str(request.param)


def test_only_what_was_written_is_replaced(system: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    written(folder, "old")
    add_mine(folder)
    with replacing(folder) as new:
        filled(new, "new")
        (new / "CR_location.png").unlink()
        assert content(folder) == OLD | MINE
    expected = {"clean_obs.nc": "new", "quicklooks/quicklookup.gif": "new", **MINE}
    assert content(folder) == expected
    with pytest.raises(RuntimeError), replacing(folder) as new:
        filled(new, "broken")
        raise RuntimeError
    with replacing(folder):
        pass  # the next run draws nothing
    assert content(folder) == MINE
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_file_that_a_person_changed_or_made_is_kept_beside(system: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    filled(folder, "HUSTLE-tools'")  # no list
    written(folder, "first")
    assert content(folder) == {
        **dict.fromkeys(OLD, "first"),
        **{f"{name}.kept-1": "HUSTLE-tools'" for name in OLD},
    }
    (folder / "clean_obs.nc").write_text("edited")
    written(folder, "second")
    assert content(folder)["clean_obs.nc"] == "second"
    assert content(folder)["clean_obs.nc.kept-2"] == "edited"
    assert content(folder)["clean_obs.nc.kept-1"] == "HUSTLE-tools'"


def test_a_run_folder_that_is_a_link_is_written_through(system: str, tmp_path: Path) -> None:
    scratch, home = tmp_path / "scratch" / "big", tmp_path / "home"
    scratch.parent.mkdir()
    home.mkdir()
    (home / "run").symlink_to(scratch)
    for word in ("old", "new"):  # at first the link leads nowhere yet
        written(home / "run", word)
        assert (home / "run").is_symlink() and content(scratch) == dict.fromkeys(OLD, word)
    assert [path.name for path in home.iterdir()] == ["run"]
    assert [path.name for path in scratch.parent.iterdir()] == ["big"]
    (home / "lost").symlink_to(tmp_path / "not mounted" / "run")
    with pytest.raises(OSError, match="lost is a link to .*not mounted.*not there"):
        written(home / "lost", "new")
    (home / "round").symlink_to(home / "round")
    with pytest.raises(OSError, match="round is a link"):
        written(home / "round", "new")
    assert not (tmp_path / "not mounted").exists()


def test_clean_up_follows_no_link(system: str, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "outputs" / "run"
    filled(home, "a person's")
    Written(False).keep(home)  # even with a list that says it is all ours
    folder.parent.mkdir()
    token = "0123456789abcdef"
    for left in (".run.new-x", f".run.new-{token}", f".run.old-{token}"):
        (folder.parent / left).symlink_to(home)
    clean_up(folder)
    written(folder, "new")
    assert content(home) == dict.fromkeys(OLD, "a person's")
    assert not folder.is_symlink() and content(folder) == dict.fromkeys(OLD, "new")
    # a link inside a left-over is removed or moved, what it points to stays
    left = folder.parent / f".run.old-{'1' * 16}"
    filled(left, "old")
    Written.now(left).keep(left)
    (left / "home").symlink_to(home)
    clean_up(folder)
    assert content(home) == dict.fromkeys(OLD, "a person's")
    assert (folder / "home").is_symlink() or left.is_dir()


def test_a_folder_that_only_looks_like_a_left_over_stays(tmp_path: Path) -> None:
    kept = [".run.new-x", f".run.new-{'0' * 16}", f".run.old-{'1' * 16}", f".run.new-1.new-{'2' * 16}", "run"]
    for name in kept:
        filled(tmp_path / name, "a person's")
    clean_up(tmp_path / "run")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
    assert all(content(tmp_path / name) == dict.fromkeys(OLD, "a person's") for name in kept)


def test_the_folder_of_a_living_run_is_left_alone(tmp_path: Path) -> None:
    if folders.fcntl is None:
        pytest.skip("no locks on this system")
    with replacing(tmp_path / "run") as new:
        clean_up(tmp_path / "run")
        assert new.is_dir(), "the folder of a living run was taken away"


@pytest.mark.skipif(not RENAMES, reason="no renameat2")
def test_names_are_exchanged_in_one_step(tmp_path: Path) -> None:
    filled(tmp_path / "a", "a")
    filled(tmp_path / "b", "b")
    if not folders._exchange_names(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system cannot exchange names")
    assert (tmp_path / "a" / "clean_obs.nc").read_text() == "b"


@pytest.mark.parametrize(
    "text", ["", "[]", '{"files": 3}', '{"files": {"../../x": "0"}, "folders": ["/"]}', "\0"]
)
def test_a_list_that_is_damaged_or_a_strangers_costs_no_file(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    filled(folder, "old")
    (folder / LIST).write_text(text)
    (tmp_path.parent / "x").write_text("outside")
    written(folder, "new")
    found = content(folder)
    assert {found[name] for name in OLD} == {"new"}
    assert {found[f"{name}.kept-1"] for name in OLD} == {"old"}
    assert (tmp_path.parent / "x").read_text() == "outside"


# --- killed at every step --------------------------------------------------------------------------

KILLED = """
    import os, signal, sys
    from pathlib import Path
    names, home, first, every, *sys.path[:0] = sys.argv[1:]
    import test_folders as t
    from hustle_widgets import folders

    if names != "exchange":
        folders._exchange_names = lambda one, other: False
    exchange, calls, stage, turn = folders._exchange_names, 0, 0, int(first)

    def counted(function):
        def wrapper(*arguments, **keywords):
            global calls
            calls += 1
            if calls == stage:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **keywords)
        return wrapper

    os.fsync = lambda file: None  # which only a loss of power would tell from none
    # every call that changes a file system
    for name in ("mkdir", "rename", "replace", "link", "symlink", "unlink", "rmdir", "chmod", "fsync"):
        setattr(os, name, counted(getattr(os, name)))
    for name in ("mkdir", "rename", "unlink", "rmdir", "write_text"):
        setattr(Path, name, counted(getattr(Path, name)))
    folders._exchange_names = counted(exchange)
    finished = False
    while not finished:
        folder = Path(home) / str(turn) / "run"
        t.written(folder, "old")
        t.add_mine(folder)
        child = os.fork()
        if child == 0:
            stage, calls = turn, 0
            t.written(folder, "new")
            os._exit(0)
        finished = os.waitpid(child, 0)[1] != signal.SIGKILL
        turn += int(every)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("names", ["exchange", "two renames"])
def test_killed_at_every_step_nothing_is_lost(
    names: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: Any
) -> None:
    monkeypatch.setattr(os, "fsync", lambda file: None)  # which only a loss of power would tell from none
    old, new = OLD | MINE, dict.fromkeys(OLD, "new") | MINE
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    # Most calls are the same with both: in a short run each system is killed at every second of them.
    every = 1 if trust.seconds else 2
    first = 1 if every == 1 or names == "exchange" else 2
    command = [
        sys.executable,
        "-c",
        textwrap.dedent(KILLED),
        names,
        str(tmp_path),
        str(first),
        str(every),
        *paths,
    ]
    subprocess.run(command, check=True, timeout=200)
    seen = []
    for stage in sorted(int(path.name) for path in tmp_path.iterdir()):
        folder = tmp_path / str(stage) / "run"
        if names == "exchange" or folder.exists():
            assert content(folder) in (old, new), stage
        clean_up(folder)
        assert content(folder) in (old, new), stage
        seen.append(content(folder)["clean_obs.nc"])
        assert [path.name for path in folder.parent.iterdir() if not _unlisted(path)] == ["run"], stage
        written(folder, "again")
        assert content(folder) == dict.fromkeys(OLD, "again") | MINE
    trust.count("kills", len(seen) - 1)  # the last one was not killed
    assert len(seen) > 40 // every and "old" in seen[:-1] and "new" in seen[:-1]


def _unlisted(path: Path) -> bool:
    """A hidden folder that a kill left before its list was in it: empty but for a part of the list."""
    return path.name.startswith(".run.new-") and not {entry.name for entry in path.iterdir()} - {
        f"{LIST}.partial"
    }


# --- whole runs ------------------------------------------------------------------------------------


def test_a_run_keeps_what_a_person_put_into_its_folder(tmp_path: Path) -> None:
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), verbose=0, save_plots=0, bounds=None)
    reduction.run()
    folder = reduction.output_folder()
    add_mine(folder)
    reduction.free_iter.free_sigma = 2.0
    reduction.run()
    left = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
    assert left == {*OUTPUTS, *MINE, LIST}
    for name in OUTPUTS:
        (folder / name).unlink()
    assert content(folder) == MINE


def test_a_run_writes_through_a_link_to_a_scratch_disk(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch" / "run_1"
    scratch.mkdir(parents=True)
    (scratch / "notes.txt").write_text("mine")
    (tmp_path / "outputs" / "stage_1").mkdir(parents=True)
    link = tmp_path / "outputs" / "stage_1" / "run_1"
    link.symlink_to(scratch)
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), verbose=0, bounds=None)
    for sigma in (3, 4):
        reduction.free_iter.free_sigma = sigma
        reduction.run()
        assert link.is_symlink() and sorted(path.name for path in scratch.glob("[!.]*")) == sorted(
            [*OUTPUTS, "notes.txt"]
        )
    assert [path.name for path in link.parent.iterdir()] == ["run_1"]
