"""Figures of merit over parameters and visits. Each task loads its visit once and shares what its points share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    axes = {name: list(axis) for name, axis in values.items()}
    first = _earliest(axes, jobs[0].steps)
    points = max(1, len(axes.get(first, ())))
    work, heard = _Sweep(order), Heard()
    if client is None and workers == 0:
        parts = _parts(jobs, axes, first, 1)
        results = _heard(here(work, parts, heard, _failure, retries), parts, heard, progress)
    else:
        with client_of(client, [*jobs] * points, workers) as connected:
            threads = sum(worker["nthreads"] for worker in connected.scheduler_info()["workers"].values())
            parts = _parts(jobs, axes, first, min(points, threads // len(jobs)))
            found = on_workers(connected, work, parts, heard, _failure, _failed, retries)
            results = _heard(found, parts, heard, progress)
    return joined([job.name for job in jobs], _of_visits(results, len(jobs)))


@dataclass(frozen=True)
class _Part(Job):
    """One visit, and some of the values."""

    axes: dict[str, list[Any]] = field(default_factory=dict)


def _parts(jobs: Sequence[Job], axes: dict[str, list[Any]], first: str, number: int) -> list[_Part]:
    """Return the tasks: for each visit as many as workers would be idle otherwise, in the order of the visits.

    Only the parameter that is earliest in the chain is cut: what its values have in common is loading alone.
    """
    if number < 2:
        return [_Part(**vars(job), axes=axes) for job in jobs]
    size = -(-len(axes[first]) // number)
    cuts = [axes[first][k : k + size] for k in range(0, len(axes[first]), size)]
    return [_Part(**vars(job), axes={**axes, first: cut}) for job in jobs for cut in cuts]


def _earliest(names: Iterable[str], steps: Sequence[type[Step]]) -> str:
    """Return the parameter whose step is the first in the chain; '' for none that is known."""
    for kind in steps:
        own = {kind.switch, f"{kind.name}.enabled", *kind.parameters}
        own |= {f"{kind.name}.{key}" for key in kind.parameters}
        for name in names:
            if name in own:
                return name
    return ""


def _heard(
    results: Iterable[tuple[int, Any]], parts: Sequence[_Part], heard: Heard, progress: bool
) -> list[Any]:
    """Return the results in order, with a bar meanwhile."""
    bar = Progress(len(parts), heard, progress, unit="sweep")
    bar.names = [part.name for part in parts]
    found = {}
    try:
        for number, result in results:
            found[number] = result
            bar.done({"name": parts[number].name, **result})
    finally:
        bar.close()
    return [found[number] for number in range(len(parts))]


def _of_visits(results: Sequence[dict[str, Any]], visits: int) -> list[dict[str, Any]]:
    """Put the parts of each visit together again; a visit of which one failed has failed."""
    number = len(results) // visits
    found = []
    for k in range(visits):
        parts = results[k * number : (k + 1) * number]
        failed = next((part for part in parts if part["message"]), None)
        if failed is None and number > 1:
            datasets = [part["dataset"] for part in parts]
            cut = datasets[0]["scatter"].dims[0]  # in the order of the chain
            whole = xr.concat(datasets, cut, data_vars="all", join="outer", combine_attrs="override")
            whole.attrs["remarks"] = "\n".join(filter(None, (one.attrs["remarks"] for one in datasets)))
            failed = {**parts[0], "dataset": whole}
        found.append(failed or parts[0])
    return found


class _Sweep:
    """The work on one visit."""

    def __init__(self, order: str | None) -> None:
        self.order = order

    def __call__(self, job: Any, tell: Any) -> dict[str, Any]:
        try:
            if job.error:
                raise ValueError(job.error)
            with local(job) as (folder, config):
                reduction = reduction_of(job, folder, config)
                if job.inject is not None:
                    reduction.inject(**job.inject)
                try:
                    dataset = reduction.sweep(
                        job.axes, order=self.order, progress=lambda fraction: tell("sweep", fraction)
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
    attrs = {"remarks": "\n".join(remarks)}
    said = [
        dataset.attrs["injected"]
        for dataset in datasets
        if dataset is not None and "injected" in dataset.attrs
    ]
    if said:
        attrs["injected"] = said[0]
    return xr.Dataset(variables, coords, attrs=attrs)
