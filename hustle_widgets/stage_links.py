"""Stage 2 of HUSTLE-tools reads outputs/stage1, its tutorial says outputs/stage_1: a run is found under both names."""

from __future__ import annotations

import os
from pathlib import Path

OURS, THEIRS = "stage_1", "stage1"


def reach_for_stage_2(folder: Path) -> str:
    """Make the folder of a run reachable where Stage 2 of HUSTLE-tools looks for it.

    Parameters
    ----------
    folder : Path
        outputs/stage_1/<run>. Links are made relative, so that they stay right when the visit is moved.

    Returns
    -------
    str
        '' when it is found there; otherwise why it is not, and what to do. Nothing that is already there is
        followed, changed or replaced.
    """
    outputs, run = folder.parent.parent, folder.name
    if folder.parent.name != OURS:
        return ""
    theirs = outputs / THEIRS
    if _same(theirs / run, folder):
        return ""
    if theirs.is_symlink():
        return _found_elsewhere(theirs, run, f"{theirs} is a link to another place")
    if not theirs.exists():
        link, target = theirs, OURS
    elif not theirs.is_dir():
        return _found_elsewhere(theirs, run, f"{theirs} is a file")
    elif os.path.lexists(theirs / run):
        return _found_elsewhere(theirs, run, f"{theirs / run} is there already and is another run")
    else:
        link, target = theirs / run, os.path.join("..", OURS, run)
    try:
        os.symlink(target, link, target_is_directory=True)
    except FileExistsError:  # made by another run in this very moment
        if not _same(theirs / run, folder):
            return _found_elsewhere(theirs, run, f"{link} was put there by someone else")
    except OSError as error:
        return _found_elsewhere(theirs, run, f"no link can be made there ({error.strerror})")
    return ""


def _found_elsewhere(theirs: Path, run: str, why: str) -> str:
    return (
        f"Stage 2 of HUSTLE-tools will not find this run: it reads {theirs / run}, and {why}. Copy the run's "
        f"folder there, or choose another output_run."
    )


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
