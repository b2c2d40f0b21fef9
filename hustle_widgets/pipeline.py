"""HUSTLE-tools' way to run: a folder of config files, start to end without a browser."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xarray as xr

from hustle_widgets.config import ConfigError, read_config
from hustle_widgets.console import Console, summary
from hustle_widgets.reduction import Reduction


def run_pipeline(config_files_dir: str | os.PathLike[str], stages: Iterable[int] = (1,)) -> xr.Dataset:
    """Run Stage 1 as its config file says; the same call as in HUSTLE-tools.

    Parameters
    ----------
    config_files_dir : path
        Folder with stage_1*.hustle, or the file itself.
    stages : iterable of int
        Only 1 can be run here.

    Returns
    -------
    xarray.Dataset
        The clean visit, which is also written to toplevel_dir/outputs/stage_1/output_run.

    Raises
    ------
    ValueError
        For other stages, and for a config file or visit that cannot be used.
    """
    stages = tuple(stages)
    others = [stage for stage in stages if stage != 1]
    if others or not stages:
        raise ValueError(
            f"hustle_widgets does Stage 1 (reduction), not stages {list(stages)}: "
            "run the other stages with HUSTLE-tools, which reads the files written here."
        )
    return reduce_visible(reduction_of_config(find_config(Path(config_files_dir), 1)))


def find_config(place: Path, stage: int) -> Path:
    """Return the config file of a stage: the path itself, or the only one in that folder."""
    if place.is_file():
        return place
    if not place.is_dir():
        raise FileNotFoundError(f"There is no folder or file {str(place)!r}.")
    found = sorted(place.glob(f"stage_{stage}*.hustle"))
    if not found:
        raise FileNotFoundError(f"There is no config file stage_{stage}*.hustle in {str(place)!r}.")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(
            f"There are several config files of stage {stage} in {str(place)!r}: {names}. Name one."
        )
    return found[0]


def reduction_of_config(
    path: Path, visit: str | os.PathLike[str] | None = None, **parameters: Any
) -> Reduction:
    """Open a config file, with the target's location from Stage 0's outputs when they are there."""
    reduction = Reduction.from_config(path, visit, **parameters)
    console = Console(reduction, reduction.verbose)
    location = stage_0_location(Path(reduction.toplevel_dir))
    if location is not None:
        console.say(
            "Stage 0 .hustle located, using 'location' parameter supplied by Stage 0 fitting process."
        )
        reduction.set(location=location)
    else:
        console.say(
            "No Stage 0 .hustle located, using 'location' parameter supplied by Stage 1 .hustle instead."
        )
    return reduction


def stage_0_location(folder: Path) -> Any:
    """Return the target's [column, row] that Stage 0 found in the direct image, or None."""
    for name in ("stage_0", "stage0"):
        for path in sorted((folder / "outputs" / name).glob("**/stage_0*.hustle")):
            try:
                location = read_config(path).get("location")
            except (ConfigError, OSError):
                continue
            if location is not None:
                return location
    return None


def reduce_visible(reduction: Reduction) -> xr.Dataset:
    """Run a reduction with progress in the terminal and a closing summary."""
    console = Console(reduction, reduction.verbose)
    try:
        clean = reduction.run(console)
    finally:
        console.close()
    console.say(summary(reduction))
    return clean
