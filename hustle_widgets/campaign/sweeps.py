"""Figures of merit over parameters and visits. Each task loads its visit once and shares what its points share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from hustle_widgets.campaign.cluster import client_of
from hustle_widgets.campaign.driver import Heard, here, on_workers
from hustle_widgets.campaign.jobs import Job, Place, jobs_of
from hustle_widgets.campaign.progress import Progress
from hustle_widgets.campaign.work import local, reduction_of
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step

VISIT = "visit"


def sweep_many(
    places: Place | Iterable[Place],
    values: Mapping[str, Sequence[Any]],
    client: Any = None,
    *,
    workers: int | None = None,
    config: Place | None = None,
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    inject: Mapping[str, Any] | None = None,
    order: str | None = None,
    retries: int = 1,
    progress: bool = True,
    steps: Iterable[type[Step]] = STAGE_1,
    **parameters: Any,
) -> xr.Dataset:
    """Return the figures of merit of many visits over a grid of values. Nothing is written.

    Parameters
    ----------
    places, client, workers, config, overrides, retries, progress, steps, **parameters
        As for `run_many`.
    values : mapping of str to sequence
        Of each parameter, e.g. ``{"free_iter.free_sigma": [3, 3.5, 4, 5]}``, as for `Reduction.sweep`.
    inject : mapping, optional
        What is injected into each visit, e.g. ``{"depth": 0.01}``: the bias of the depth is told as well.
    order : str, optional
        Whose light; the first of `traces_included` by default.

    Returns
    -------
    xarray.Dataset
        Dimensions 'visit' and one for each parameter; a variable for each figure of merit. NaN where a visit or
        a step failed; ``attrs["remarks"]`` says why.

    Raises
    ------
    ValueError
        When there is no result of any visit, and as `run_many`.
    """
    jobs = jobs_of(
        places, steps=steps, config=config, parameters=parameters, overrides=overrides, inject=inject
    )
    work = _Sweep({name: list(axis) for name, axis in values.items()}, order)
    heard, found = Heard(), dict[int, Any]()
    bar = Progress(len(jobs), heard, progress)
    bar.names = [job.name for job in jobs]

    def take(results: Iterable[tuple[int, Any]]) -> None:
        for number, result in results:
            found[number] = result
            bar.done({"name": jobs[number].name, **result})

    try:
        if client is None and workers == 0:
            take(here(work, jobs, heard, _failure, retries))
        else:
            with client_of(client, jobs, workers) as connected:
                take(on_workers(connected, work, jobs, heard, _failure, _failed, retries))
    finally:
        bar.close()
    return joined([job.name for job in jobs], [found[number] for number in range(len(jobs))])


class _Sweep:
    """The work on one visit."""

    def __init__(self, values: Mapping[str, Sequence[Any]], order: str | None) -> None:
        self.values, self.order = values, order

    def __call__(self, job: Job, tell: Any) -> dict[str, Any]:
        try:
            if job.error:
                raise ValueError(job.error)
            with local(job) as (folder, config):
                reduction = reduction_of(job, folder, config)
                if job.inject is not None:
                    reduction.inject(**job.inject)
                try:
                    dataset = reduction.sweep(
                        self.values, order=self.order, progress=lambda fraction: tell("sweep", fraction)
                    )
                finally:
                    reduction.close()
        except Exception as error:
            return _failed(job, " ".join(str(error).split()))
        return {"status": "done", "message": "", "dataset": dataset}


def _failed(job: Job, message: str) -> dict[str, Any]:
    return {"status": "failed", "message": message, "dataset": None}


def _failure(result: Mapping[str, Any]) -> str:
    return str(result["message"])


def joined(names: Sequence[str], results: Sequence[Mapping[str, Any]]) -> xr.Dataset:
    """Return the sweeps of all visits as one Dataset; NaN for those that failed."""
    datasets = [result["dataset"] for result in results]
    first = next((dataset for dataset in datasets if dataset is not None), None)
    if first is None:
        raise ValueError(f"No visit could be swept. {names[0]}: {results[0]['message']}")
    described: dict[str, xr.DataArray] = {}
    for dataset in datasets:
        if dataset is not None:
            described = {**{str(name): variable for name, variable in dataset.items()}, **described}
    shape, axes = tuple(first.sizes.values()), tuple(first.sizes)
    variables = {}
    for name, one in described.items():
        cube = np.full((len(names), *shape), np.nan)
        for number, dataset in enumerate(datasets):
            if dataset is not None and name in dataset:
                cube[number] = dataset[name].transpose(*axes).values
        variables[name] = ((VISIT, *axes), cube, one.attrs)
    remarks = [
        f"{name}: {result['message']}"
        for name, result in zip(names, results, strict=True)
        if result["message"]
    ]
    for name, dataset in zip(names, datasets, strict=True):
        if dataset is not None and dataset.attrs["remarks"]:
            remarks += [f"{name}: {line}" for line in dataset.attrs["remarks"].splitlines()]
    coords = {**first.coords, VISIT: (VISIT, list(names))}
    return xr.Dataset(variables, coords, attrs={"remarks": "\n".join(remarks)})
