"""HUSTLE-tools' way to run: a folder of config files, start to end without a browser."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import xarray as xr

from hustle_widgets.config import read_config
from hustle_widgets.console import Bar, Console, say, summary
from hustle_widgets.opening import folder_of
from hustle_widgets.reduction import Reduction
from hustle_widgets.settings import absences, checked, checked_values, remarks, tutorial_values
from hustle_widgets.source import target_of
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step
from hustle_widgets.user_paths import user_path
from hustle_widgets.visit import load_visit

# Pixels: a header is not that wrong, so a tutorial's location further off belongs to the tutorial's target.
FAR = 100.0


def run_pipeline(
    config_files_dir: str | os.PathLike[str],
    stages: Iterable[int] = (1,),
    *,
    steps: Iterable[type[Step]] = STAGE_1,
) -> xr.Dataset:
    """Run Stage 1 as its config file says; the same call as in HUSTLE-tools.

    Parameters
    ----------
    config_files_dir : path
        Folder with stage_1*.hustle, or the file itself.
    stages : iterable of int
        Stage 1 is run; of the others it is said that HUSTLE-tools does them.
    steps : iterable of type of Step
        The classes of all steps in order, as `Reduction` takes them.

    Returns
    -------
    xarray.Dataset
        The clean visit, which is also written to toplevel_dir/outputs/stage_1/output_run.

    Raises
    ------
    ValueError
        When 1 is not among the stages, and for a config file or visit that cannot be used.
    """
    stages = tuple(stages) if isinstance(stages, Iterable) else (stages,)
    others = ", ".join(str(stage) for stage in stages if stage != 1)
    if 1 not in stages:
        raise ValueError(
            f"hustle_widgets does Stage 1 (reduction), not stages {list(stages)}: "
            "run the other stages with HUSTLE-tools, which reads the files written here."
        )
    reduction = reduction_of_config(find_config(user_path(config_files_dir), 1), steps=steps)
    if others:
        say(
            f"Stage 1 is run here. Run stage {others} with HUSTLE-tools, which reads what is written.",
            reduction.verbose,
        )
    return reduce_visible(reduction)


def find_config(place: Path, stage: int) -> Path:
    """Return the config file of a stage: the path itself, or the only one in that folder."""
    if place.is_file():
        return place
    if not place.is_dir():
        what = "is no regular file (a pipe or a device)" if place.exists() else "does not exist"
        raise FileNotFoundError(f"{str(place)!r} {what}: give a config file, or the folder that holds it.")
    found = sorted(place.glob(f"stage_{stage}*.hustle"))
    if not found:
        others = [path.name for path in sorted(place.glob("*.hustle"))[:5]]
        hint = f" It holds {', '.join(others)}: name the file itself if it is one of these." if others else ""
        raise FileNotFoundError(f"There is no config file stage_{stage}*.hustle in {str(place)!r}.{hint}")
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(
            f"There are several config files of stage {stage} in {str(place)!r}: {names}. Name one."
        )
    return found[0]


def reduction_of_config(
    path: Path,
    visit: str | os.PathLike[str] | None = None,
    which: str | None = None,
    *,
    steps: Iterable[type[Step]] = STAGE_1,
    **parameters: Any,
) -> Reduction:
    """Open a config file, with the target's location from Stage 0's outputs when they are there.

    The config is checked before the visit is loaded.
    """
    config = read_config(path)
    kinds = tuple(steps)
    given = checked(parameters, "run", kinds)
    values = {**tutorial_values(kinds), **checked_values(config, kinds), **given}
    verbose, named = values["verbose"], values["toplevel_dir"]
    place = os.fspath(visit or folder_of(path, named))
    folder = user_path(place)
    parameters.setdefault("toplevel_dir", place)
    for remark in remarks(config, kinds):
        say(f"{path}, {remark}", verbose)
    for absence in absences(config, kinds):
        say(f"{path}: {absence}", verbose)
    if visit is None and place != named:
        say(f"There is no folder {named!r}: the visit above this run's folder, {place}, is used.", verbose)
    location = stage_0_location(folder)
    if location is not None:
        parameters["location"] = location
        say(
            "Stage 0 .hustle located, using 'location' parameter supplied by Stage 0 fitting process.",
            verbose,
        )
    else:
        say("No Stage 0 .hustle located, using 'location' parameter supplied by Stage 1 .hustle.", verbose)
    loaded = load_visible(folder, verbose, which)
    if location is None and _tutorial_location_is_off(values.get("location"), loaded):
        parameters["location"] = target_of(loaded)
        say(
            "That 'location' is the tutorial's, far from this target: the header's is used.",
            verbose,
        )
    return Reduction.from_config(path, loaded, steps=kinds, **parameters)


def load_visible(folder: Path, verbose: int, which: str | None = None) -> xr.Dataset:
    """Load a visit, `which` where there are several, with a progress bar; step 1 says what was adapted."""
    # How many files there are is known when their headers are read: the bar counts per cent until then.
    bar = Bar("Loading data...", 100, verbose > 1)
    try:
        visit = load_visit(folder, visit=which, progress=bar)
    finally:
        bar.close()
    return visit


def _tutorial_location_is_off(location: Any, visit: xr.Dataset) -> bool:
    """Tell whether a location was never set: it is still the tutorial's, and the header's target is elsewhere."""
    target = target_of(visit)
    if target is None or location != tutorial_values()["location"]:
        return False
    return math.dist(location, target) > FAR


def stage_0_location(folder: Path) -> Any:
    """Return the target's (column, row) that Stage 0 found in the direct image, or None."""
    for name in ("stage_0", "stage0"):
        for path in sorted((folder / "outputs" / name).glob("**/*.hustle")):
            try:
                location = read_config(path).get("location")
                if location is not None:
                    return checked({"location": location})["location"]
            except (ValueError, OSError):  # not a file of Stage 0, or damaged: the next one may do
                continue
    return None


def reduce_visible(reduction: Reduction, show: int | None = None) -> xr.Dataset:
    """Run a reduction with progress, figures and a closing summary.

    Parameters
    ----------
    reduction : Reduction
    show : int, optional
        Instead of its `show_plots`.

    Returns
    -------
    xarray.Dataset
        The clean visit.
    """
    console = Console(reduction, reduction.verbose)
    clean = None
    try:
        clean = reduction.run(console, figures=True)
        if not any(step.explicit and step.enabled for step in reduction.steps.values()):
            _draw_only(reduction, console)
    finally:
        console.close()
        if console.verbose:
            console.say(summary(reduction))
    show_plots(reduction, console, reduction.show_plots if show is None else show)
    return clean


def _draw_only(reduction: Reduction, console: Console) -> None:
    """Write figures, quicklooks and config of a run that does not save its frames."""
    console.begin("Writing outputs...", reduction.state().shape[0])
    try:
        folder = reduction.save_figures(lambda fraction: console.progress("", fraction))
    finally:
        console.close()
    off = [step.switch for step in reduction.steps.values() if step.explicit]
    reason = f"{' and '.join(off)} is False" if off else "No step saves frames"
    console.say(f"{reason}: figures and config, but no clean_obs.nc, written to {folder}.")


def show_plots(reduction: Reduction, console: Console, level: int) -> None:
    """Show the main figures (1) or all (2) in a notebook; elsewhere say where they are."""
    if not level:
        return
    if not in_notebook():
        console.say(
            "Figures (show_plots) are shown in notebooks only; the saved ones are in the run's folder."
        )
        return
    from hustle_widgets.view.figures.saving import results_of, show_figures

    show_figures(results_of(reduction.state(), reduction.request()), every_frame=level > 1)


def in_notebook() -> bool:
    """Tell whether this runs in a Jupyter kernel."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
