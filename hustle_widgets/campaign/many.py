"""Reducing many visits: each on a worker of its own, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hustle_widgets.campaign.campaign import Campaign
from hustle_widgets.campaign.cluster import client_of
from hustle_widgets.campaign.driver import Heard, here, on_workers
from hustle_widgets.campaign.jobs import Job, Place, jobs_of
from hustle_widgets.campaign.progress import Progress
from hustle_widgets.campaign.records import known_row
from hustle_widgets.campaign.work import do_job, failed_row
from hustle_widgets.console import say
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step


def run_many(
    places: Place | Iterable[Place],
    client: Any = None,
    *,
    workers: int | None = None,
    config: Place | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    inject: Mapping[str, Any] | None = None,
    figures: bool = False,
    retries: int = 1,
    again: bool = False,
    progress: bool = True,
    steps: Iterable[type[Step]] = STAGE_1,
    **parameters: Any,
) -> Campaign:
    """Reduce many visits in parallel; what was done before is recognised and not done again.

    Parameters
    ----------
    places : path or iterable of path
        `.hustle` files, folders that hold a stage_1*.hustle, or Stage 0 folders. URLs that fsspec knows are
        fetched by the workers, and results are sent back to them.
    client : distributed.Client, cluster or str, optional
        Where the work is done; also the address of a scheduler. By default workers are started on this machine,
        as many as fit its cores and memory, and ended afterwards.
    workers : int, optional
        How many workers are started on this machine. 0: the visits are reduced one after another in this
        process, without dask.
    config : path, optional
        A config file whose parameters are used for all of the folders.
    overrides : mapping of str to mapping, optional
        Parameters of single visits by their names, e.g. ``{"visit_07": {"free_sigma": 5}}``. The name is that of
        the config without stage_1_ and .hustle, or that of the folder; as much of the path stands before it
        as is needed to tell the visits apart.
    inject : mapping, optional
        What is injected into each visit to measure the bias of its depth, e.g. ``{"depth": 0.01}``, see
        `Reduction.inject`. It takes a second run of the chain, and nothing of it is written.
    figures : bool
        Whether figures and quicklooks are drawn, as `save_plots` says.
    retries : int
        How often a visit that failed is tried again. One whose worker died is begun anew in any case.
    again : bool
        Whether visits are reduced again that were before.
    progress : bool
        Whether a bar is shown.
    steps : iterable of type of Step
        The classes of all steps in order, as `Reduction` takes them.
    **parameters
        For all visits, in place of the configs' values, e.g. ``free_sigma=4.5, output_run="second"``.

    Returns
    -------
    Campaign
        Its `table` has a row for each visit, in the order given; `failed` says why the others have no result.

    Raises
    ------
    TypeError, ValueError
        For what is no parameter or no place, a name that no visit has, two visits that would write to one folder,
        and workers that no visit fits into. A visit that fails raises nothing.
    ImportError
        When dask.distributed is not installed and `workers` is not 0.

    Notes
    -----
    A visit is done before when its files (by their SHA-256) and its parameters are those of the record that was
    written beside its clean_obs.nc, and that file is still the same result. So a campaign that was stopped goes on
    where it was.

    Examples
    --------
    >>> campaign = run_many(["configs/stage_1_a.hustle", "visit_b"], free_sigma=4)  # doctest: +SKIP
    >>> campaign.table["name", "verdict", "scatter"]  # doctest: +SKIP
    """
    _check_number("workers", workers, 0)
    _check_number("retries", retries, 0)
    jobs = jobs_of(
        places,
        steps=steps,
        config=config,
        parameters=parameters,
        overrides=overrides,
        inject=inject,
        figures=figures,
    )
    rows: dict[int, dict[str, Any]] = {}
    heard = Heard()
    if client is None and not again:
        rows = {number: row for number, job in enumerate(jobs) if (row := known_row(job)) is not None}
    rows |= {number: failed_row(job, job.error) for number, job in enumerate(jobs) if job.error}
    left = [number for number in range(len(jobs)) if number not in rows]
    bar = Progress(len(jobs), heard, progress)
    try:
        for row in rows.values():
            bar.done(row)
        if left:
            _do(jobs, left, rows, heard, bar, client, workers, retries, again)
    finally:
        bar.close()
    campaign = Campaign([rows[number] for number in sorted(rows)], jobs)
    if progress:
        say(campaign.summary(), 1)
    return campaign


def _do(
    jobs: Sequence[Job],
    left: Sequence[int],
    rows: dict[int, dict[str, Any]],
    heard: Heard,
    bar: Progress,
    client: Any,
    workers: int | None,
    retries: int,
    again: bool,
) -> None:
    """Do what is left; put its rows to the others."""
    some = [jobs[number] for number in left]
    bar.names = [job.name for job in some]
    work = _do_again if again else do_job

    def take(results: Iterable[tuple[int, Any]]) -> None:
        for number, row in results:
            rows[left[number]] = {**row, "tries": heard.begun.get(number, 1)}
            bar.done(row)

    if client is None and workers == 0:
        take(here(work, some, heard, failure, retries))
        return
    with client_of(client, some, workers) as connected:
        take(on_workers(connected, work, some, heard, failure, failed_row, retries))


def _do_again(job: Job, tell: Any) -> dict[str, Any]:
    return do_job(job, tell, again=True)


def failure(row: Mapping[str, Any]) -> str:
    """Return why a visit failed, '' when it did not."""
    return str(row["message"]) if row["status"] == "failed" else ""


def _check_number(name: str, value: Any, least: int) -> None:
    if value is None and name == "workers":
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name!r} must be a whole number >= {least}. Got {value!r} instead.")
