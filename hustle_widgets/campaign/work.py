"""What a worker does: reduces one visit, judges it, and says so in plain values.

It uses no module of the view, so that a worker loads neither plots nor a page (unless figures are asked for).
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hustle_widgets.assessment import VERDICTS, assess, worst
from hustle_widgets.campaign import records, remote
from hustle_widgets.campaign.jobs import Job, values_asked
from hustle_widgets.campaign.memory import cpu_seconds, forget_peak, peak
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.memory import give_back
from hustle_widgets.pipeline import reduction_of_config
from hustle_widgets.reduction import Reduction
from hustle_widgets.run_folder import CLEAN, frozen_result, result_in, write_outputs
from hustle_widgets.settings import tutorial_values
from hustle_widgets.steps.quicklook import light_table
from hustle_widgets.steps.targets import given_location

#: Called with what goes on: name of the step, and the fraction done of it.
Tell = Callable[[str, float], None]


def do_job(job: Job, tell: Tell | None = None, *, again: bool = False) -> dict[str, Any]:
    """Reduce one visit, write its outputs, and return its row of the campaign's table.

    Parameters
    ----------
    job : Job
    tell : callable, optional
        Told of steps and progress.
    again : bool
        Whether a run that was done before is done again.

    Returns
    -------
    dict
        Plain values. A failure is a row whose 'status' is 'failed', with its 'message'.
    """
    started = time.perf_counter()
    known = None if again else records.known_row(job)
    if known is not None:
        return known
    if job.error:
        return failed_row(job, job.error)
    forget_peak()
    try:
        row = _done(job, tell)
    except Exception as error:
        return failed_row(job, _words(error), seconds=time.perf_counter() - started)
    finally:
        give_back()
    return row


def failed_row(job: Job, message: str, **more: Any) -> dict[str, Any]:
    """Return the row of a visit that could not be reduced."""
    start = {"name": job.name, "place": job.place, "folder": job.folder, "output_run": job.output_run}
    return {**start, "status": "failed", "message": message, **more}


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"


def _done(job: Job, tell: Tell | None) -> dict[str, Any]:
    started, used, files = time.perf_counter(), cpu_seconds(), records.files_before(job)
    checksums: dict[str, str] = {}
    with local(job) as (folder, config):
        reduction = reduction_of(job, folder, config)
        try:
            if remote.is_url(job.folder):
                _compute_and_send(reduction, job, tell)
            else:
                reduction.run(Teller(reduction, tell), figures=job.figures)
                names, sums = (
                    reduction.visit[name].values.tolist() for name in ("file_names", "file_checksums")
                )
                checksums |= zip(names, sums, strict=True)
            saved = (reduction.output_folder() / CLEAN).is_file() and _saves(reduction)
            row = _row(job, reduction, saved)
            if job.inject is not None:
                row |= _bias(reduction, job.inject)
        finally:
            reduction.close()
        row["seconds"] = round(time.perf_counter() - started, 3)
        row["cpu_seconds"] = round(cpu_seconds() - used, 3)
        row["peak_bytes"] = peak()
        if saved:
            try:
                records.keep(job, row, files, checksums)
            except OSError as error:
                row["message"] = (
                    f"It is reduced and saved, but {records.RECORD} beside the result cannot be written "
                    f"({error.strerror or error}): the next campaign will reduce it again."
                )
    return row


def _saves(reduction: Reduction) -> bool:
    return any(step.explicit and step.enabled for step in reduction.steps.values())


def _compute_and_send(reduction: Reduction, job: Job, tell: Tell | None) -> None:
    """Reduce a visit that was fetched, and send its results to where it came from, which they name."""
    state = reduction.computed(whole=True, listener=Teller(reduction, tell))
    if not _saves(reduction):
        return
    values = {**reduction.values(), "toplevel_dir": job.folder}
    result = frozen_result(
        reduction.visit, state, values, lambda _: reduction.outcomes(), reduction.config, reduction.kinds
    )
    write_outputs(result, reduction.output_folder(), figures=job.figures)
    remote.send(reduction.output_folder(), records.run_folder(job))


@contextmanager
def local(job: Job) -> Iterator[tuple[Path, Path | None]]:
    """Give the visit's folder on this machine, and a file with the job's config; what was made for it goes."""
    with tempfile.TemporaryDirectory(prefix="hustle-config-") as place:
        config = None
        if job.config:
            name = Path(job.place).name if job.place.endswith(".hustle") else "stage_1.hustle"
            config = Path(place) / name
            config.write_text(job.config, encoding="utf-8", newline="")
        if not remote.is_url(job.folder):
            yield Path(job.folder), config
            return
        with remote.fetched(job.folder) as folder:
            yield folder, config


def reduction_of(job: Job, folder: Path, config: Path | None) -> Reduction:
    """Open a job's visit with its parameters, as a plain run of it does."""
    if config is None:
        return Reduction(folder, steps=job.steps, **job.parameters)
    try:
        # Nothing is printed on the worker; the level that was asked for stands in the outputs all the same.
        quiet = reduction_of_config(config, visit=folder, steps=job.steps, **{**job.parameters, "verbose": 0})
    except ValueError as error:
        raise ValueError(str(error).replace(str(config), job.place)) from error
    quiet.set(verbose=job.parameters.get("verbose", verbosity(job)))
    return quiet


def verbosity(job: Job) -> int:
    """Return the level of words that a job's config asks for."""
    return int({**tutorial_values(job.steps), **values_asked(job)}["verbose"])


def _row(job: Job, reduction: Reduction, saved: bool) -> dict[str, Any]:
    state = reduction.state()
    findings = assess(state, given_location(state, reduction.values()), kinds=reduction.kinds)
    by_title: dict[str, str] = {}
    for finding in findings:
        now = by_title.get(finding.title, VERDICTS[0])
        by_title[finding.title] = max(now, finding.verdict, key=VERDICTS.index)
    frames, rows, columns = state.shape
    told = worst(findings) if findings else None
    moved = [finding.value for finding in findings if finding.title == "Displacement"]
    place = records.run_folder(job)
    return {
        "name": job.name,
        "place": job.place,
        "folder": job.folder,
        "output_run": job.output_run,
        "status": "done",
        "message": "",
        "target": str(reduction.visit.attrs.get("target_name", "")),
        "frames": frames,
        "rows": rows,
        "columns": columns,
        "verdict": told.verdict if told else "check",
        "sentence": told.sentence if told else "Nothing could be judged.",
        "criteria": by_title,
        "displacement": plain(max(moved)) if moved else None,
        "result_id": result_in(reduction.output_folder()) if saved else "",
        "run_folder": place if saved else "",
        **_light(state),
    }


def _light(state: State) -> dict[str, Any]:
    table = light_table(state.outcomes)
    if table is None:
        return {"scatter_ppm": None, "expected_ppm": None, "curves": {}}
    scatter, expected = table.facts["scatter_ppm"], table.facts["expected_ppm"]
    first = next(iter(scatter))
    curves = {order: [plain(value) for value in table.columns[f"flux_{order}"]] for order in scatter}
    return {
        "scatter_ppm": plain(scatter[first]),
        "expected_ppm": plain(expected[first]),
        "times": [plain(value) for value in state.column("exp_time")],
        "curves": curves,
    }


def _bias(reduction: Reduction, inject: dict[str, Any]) -> dict[str, Any]:
    """Measure what the parameters make of an injected transit. Nothing of it is written."""
    with reduction.injection(**inject) as injected:
        found = reduction.recover(injected)
    return {
        "depth_in": plain(found.depth_in),
        "depth_out": plain(found.depth_out),
        "depth_error": plain(found.depth_error),
        "depth_bias": plain(found.bias),
    }


def plain(value: Any) -> float | None:
    """Return a number as JSON has it; None for what is none."""
    number = float(value)
    return number if math.isfinite(number) else None


class Teller(Listener):
    """Tells which step is computed, and how far it is."""

    def __init__(self, reduction: Reduction, tell: Tell | None) -> None:
        self._reduction, self._tell = reduction, tell

    def running(self, name: str) -> None:
        """Tell that a step begins."""
        self.progress(name, 0.0)

    def progress(self, name: str, fraction: float) -> None:
        """Tell how far it is."""
        if self._tell is not None:
            step = self._reduction[name]
            self._tell(f"{step.section} {step.title}".strip(), fraction)
