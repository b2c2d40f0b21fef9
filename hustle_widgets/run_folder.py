"""The folder of a run: the clean visit, the config, figures and quicklooks, all of one result."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import netCDF4

from hustle_widgets.config import HustleConfig
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.plan import Request
from hustle_widgets.folders import replacing, take_over
from hustle_widgets.outputs import clean_dataset, result_id
from hustle_widgets.settings import Kinds, config_of, marked, request_of
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.quicklook import light_table
from hustle_widgets.steps.targets import refined_target
from hustle_widgets.visit import HDF5, save_clean
from hustle_widgets.written import ours_in, walk

CLEAN = "clean_obs.nc"
FIGURES = (".png", ".gif")

Progress = Callable[[float], None]


@dataclass(frozen=True)
class RunResult:
    """A result and what it was made with, frozen: a person may move sliders while it is written.

    Attributes
    ----------
    visit : xarray.Dataset
        As it was loaded.
    state : State
        The visit behind the last step.
    request : Request
        Switches and parameters, those that steps borrow included.
    values : mapping of str to object
        All parameters and switches by their keys in the config file.
    config : HustleConfig
        The same as a file, with the target's place as it was refined.
    kinds : tuple of type of Step
        The steps of the chain, in order.
    """

    visit: Any
    state: State
    request: Request
    values: Mapping[str, Any]
    config: HustleConfig
    kinds: tuple[type[Step], ...] = STAGE_1


def frozen_result(
    visit: Any,
    state: State,
    values: Mapping[str, Any],
    known: Callable[[Request], Mapping[str, Outcome]],
    base: HustleConfig | None,
    kinds: Kinds,
) -> RunResult:
    """Freeze the result of a chain that has been computed to `state`.

    Parameters
    ----------
    visit, state, values
        As a `RunResult` has them.
    known : callable
        Gives what is known of a request by step.
    base : HustleConfig or None
        Whose order, comments and further keys are kept.
    kinds : sequence of type of Step
        The steps of the chain.

    Raises
    ------
    ValueError
        When a parameter has been changed since.
    """
    request = request_of(values, kinds)
    outcomes = known(request)
    if any(outcomes.get(name) is not outcome for name, outcome in state.outcomes.items()):
        raise ValueError("A parameter was changed during the run: nothing is written. Run again.")
    config = config_of(values, copy.deepcopy(base), kinds)
    injection = state.source.injection
    marked(config, "" if injection is None else injection.words)
    refined = refined_target(state)
    if refined is not None:  # what Stage 2 starts from
        config.set("location", [round(float(number), 4) for number in refined])
    return RunResult(visit, state, request, values, config, tuple(kinds))


def write_outputs(
    result: RunResult,
    folder: Path,
    *,
    clean: bool = True,
    figures: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write the folder of a run as a whole.

    Parameters
    ----------
    result : RunResult
    folder : Path
        What an earlier run wrote there is replaced when everything is written; its figures are kept if they are
        of the same result. Other files in it stay.
    clean : bool
        Whether the clean visit is written; otherwise one that is there stays.
    figures : bool
        Whether figures (as `save_plots` says) and quicklooks are drawn.
    progress : callable, optional
        Called with the fraction done.

    Returns
    -------
    Path
        Of the clean visit, or of the folder when there is none.

    Raises
    ------
    ValueError
        When the clean visit is not to be written and the folder holds that of another result.
    """
    report = progress or (lambda fraction: None)
    identity = result_id(result.state, result.values, result.kinds)
    same = result_in(folder) == identity
    if not clean and (folder / CLEAN).is_file() and not same:
        raise ValueError(
            f"{folder} holds the {CLEAN} of another result, and a folder never mixes two: nothing is written. "
            "Choose another output_run, or set do_save to True."
        )
    with replacing(folder) as new:
        share = 0.3 if figures else 1.0
        promised = [new / f"stage_1_{result.values['output_run']}.hustle"]
        if clean:
            dataset = clean_dataset(result.visit, result.state, result.values, result.kinds)
            dataset.attrs["result_id"] = identity
            dataset.attrs["date_created"] = datetime.now(UTC).isoformat(timespec="seconds")
            save_clean(dataset, new / CLEAN, progress=share_of(report, 0, share))
            promised.append(new / CLEAN)
            del dataset
        elif (folder / CLEAN).is_file():
            take_over([folder / CLEAN], folder, new)
            promised.append(new / CLEAN)
        result.config.write(promised[0])
        if figures:
            draw_outputs(result, new, share_of(report, share, 1.0))
            promised += figures_in(new)
        elif same:
            take_over([path for path in ours_in(folder) if path.suffix in FIGURES], folder, new)
        _check_written(promised, new, identity if clean else "")
    return folder / CLEAN if (folder / CLEAN).is_file() else folder


def draw_outputs(result: RunResult, folder: Path, progress: Progress) -> None:
    """Draw the figures that `save_plots` asks for, and the quicklooks."""
    from hustle_widgets.view.figures.quicklooks import save_quicklooks
    from hustle_widgets.view.figures.saving import results_of, save_figures

    results = results_of(result.state, result.request, result.kinds)
    level = int(result.values["save_plots"])
    share = 0.7 if level > 1 else 0.5
    if level:
        save_figures(results, folder, every_frame=level > 1, progress=share_of(progress, 0, share))
    if light_table(result.state.outcomes) is not None:
        flags = bool(result.values["include_hst_dq"])
        save_quicklooks(
            result.state,
            folder / "quicklooks",
            include_hst_dq=flags,
            progress=share_of(progress, share, 1.0),
            kinds=result.kinds,
        )


def figures_in(folder: Path) -> list[Path]:
    """Return the figures and quicklooks in the folder of a run."""
    return [path for path in walk(folder) if path.suffix in FIGURES and path.is_file()]


def _check_written(promised: list[Path], folder: Path, identity: str) -> None:
    """Raise OSError if something that was written is no longer there, before it takes the place of the old."""
    gone = [
        str(path.relative_to(folder)) for path in promised if not path.is_file() or not path.stat().st_size
    ]
    if gone:
        raise FileNotFoundError(f"{', '.join(gone)} vanished from {folder} while the rest was written")
    if identity and result_in(folder) != identity:
        raise OSError(f"{folder / CLEAN} is not what was written")


def result_in(folder: Path) -> str:
    """Return the `result_id` of the clean visit in the folder of a run, '' if there is none."""
    path = folder / CLEAN
    if path.is_file():
        with suppress(OSError), HDF5, netCDF4.Dataset(path) as file:
            return str(getattr(file, "result_id", ""))
    return ""


def share_of(progress: Progress, start: float, stop: float) -> Progress:
    """Return what reports the progress of one part of a whole."""
    return lambda fraction: progress(start + fraction * (stop - start))
