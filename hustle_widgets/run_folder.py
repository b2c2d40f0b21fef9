"""The folder of a run: the clean visit, the config, figures and quicklooks, all of one result."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hustle_widgets.clean_file import save_clean
from hustle_widgets.config import HustleConfig
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.callbacks import Cancelled
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.plan import Request
from hustle_widgets.folders import replacing, take_over
from hustle_widgets.outputs import clean_dataset, result_id
from hustle_widgets.settings import Kinds, config_of, marked, request_of
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.quicklook import light_table
from hustle_widgets.steps.targets import refined_target
from hustle_widgets.written import Written, digest_of, ours_in

CLEAN = "clean_obs.nc"
RESULT = "result_id"
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
) -> tuple[Path, tuple[str, ...]]:
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
    path : Path
        Of the clean visit, or of the folder when there is none.
    notes : tuple of str
        Which figures could not be drawn, and why: they are no reason to lose the rest.

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
    notes: list[str] = []
    with replacing(folder, {RESULT: identity}) as new:
        share = 0.3 if figures else 1.0
        promised = {}
        if clean:
            dataset = clean_dataset(result.visit, result.state, result.values, result.kinds)
            dataset.attrs["result_id"] = identity
            dataset.attrs["date_created"] = datetime.now(UTC).isoformat(timespec="seconds")
            save_clean(dataset, new / CLEAN, progress=share_of(report, 0, share))
            del dataset
        elif (folder / CLEAN).is_file():
            take_over([folder / CLEAN], folder, new)
        if clean or (folder / CLEAN).is_file():
            promised[new / CLEAN] = digest_of(new / CLEAN)
        config = new / f"stage_1_{result.values['output_run']}.hustle"
        result.config.write(config)
        promised[config] = digest_of(config)
        if figures:
            notes = draw_outputs(result, new, share_of(report, share, 1.0))
        elif same:
            take_over([path for path in ours_in(folder) if path.suffix in FIGURES], folder, new)
        _check(promised)
    return folder / CLEAN if (folder / CLEAN).is_file() else folder, tuple(notes)


def draw_outputs(result: RunResult, folder: Path, progress: Progress) -> list[str]:
    """Draw the figures that `save_plots` asks for, and the quicklooks; return what could not be drawn."""
    from hustle_widgets.view.figures.quicklooks import save_quicklooks
    from hustle_widgets.view.figures.saving import results_of, save_figures

    troubles: list[str] = []
    results = results_of(result.state, result.request, result.kinds)
    level = int(result.values["save_plots"])
    share = 0.7 if level > 1 else 0.5
    if level:
        told = share_of(progress, 0, share)
        with _survived("figures", troubles):
            save_figures(results, folder, every_frame=level > 1, progress=told, troubles=troubles)
    if light_table(result.state.outcomes) is not None:
        flags, told = bool(result.values["include_hst_dq"]), share_of(progress, share, 1.0)
        into = folder / "quicklooks"
        with _survived("quicklooks", troubles):
            save_quicklooks(result.state, into, include_hst_dq=flags, progress=told, kinds=result.kinds)
    return [f"The figure {trouble}" for trouble in troubles]


@contextmanager
def _survived(what: str, troubles: list[str]) -> Iterator[None]:
    try:
        yield
    except Cancelled:
        raise
    except Exception as error:
        troubles.append(f"{what}: {str(error) or type(error).__name__}")


def _check(promised: Mapping[Path, str]) -> None:
    """Raise OSError if what was written is no longer as it was, before it takes the place of the old."""
    gone = [path for path, digest in promised.items() if not digest or digest_of(path) != digest]
    if gone:
        names = ", ".join(path.name for path in gone)
        raise FileNotFoundError(f"{names} vanished from {gone[0].parent} while the rest was written")


def result_in(folder: Path) -> str:
    """Return the `result_id` of the clean visit in the folder of a run, '' if there is none or it was changed."""
    listed = Written.of(folder)
    if listed is None or not listed.wrote(folder / CLEAN, folder):
        return ""
    return str(listed.facts.get(RESULT, ""))


def share_of(progress: Progress, start: float, stop: float) -> Progress:
    """Return what reports the progress of one part of a whole."""
    return lambda fraction: progress(start + fraction * (stop - start))
