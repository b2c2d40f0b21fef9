"""Where the work is done: a cluster on this machine, one that is there already, or this process."""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from hustle_widgets.campaign import remote
from hustle_widgets.campaign.jobs import Job
from hustle_widgets.campaign.memory import FULL_SIZE, GIB, expected_peak
from hustle_widgets.engine.chain import usable_cores

# Shares of a worker's memory: dask ends a worker at 0.95 of its limit, and gives it no more work at 0.8.
_ROOM = 1.6
# Of the memory that is free, what the workers' peaks may take together.
_OF_FREE = 0.85
_GUARD = (
    "Worker processes import the script that starts them: in a script, put the call of run_many under "
    '`if __name__ == "__main__":`.'
)


def distributed() -> Any:
    """Return the package distributed, or raise ImportError with what to do."""
    try:
        return importlib.import_module("distributed")
    except ImportError as error:
        raise ImportError(
            'Many visits at once need dask.distributed: python -m pip install "hustle_widgets[batch]". With '
            "workers=0 they are reduced one after another in this process."
        ) from error


def peak_of_jobs(jobs: Sequence[Job]) -> int:
    """Return the largest peak of memory that one of the visits is expected to need [bytes]."""
    peaks = [FULL_SIZE if remote.is_url(job.folder) else expected_peak(job.folder) for job in jobs]
    return max(peaks, default=FULL_SIZE)


def workers_that_fit(number: int, peak: int, cores: int, free: int) -> int:
    """Return how many workers are started: one for each visit, as cores and memory allow, but at least one.

    Parameters
    ----------
    number : int
        Visits.
    peak : int
        What one of them needs [bytes].
    cores : int
    free : int
        Memory that is free [bytes].
    """
    return max(1, min(number, cores, int(_OF_FREE * free // peak)))


@contextmanager
def client_of(client: Any, jobs: Sequence[Job], workers: int | None) -> Iterator[Any]:
    """Give a client of the cluster that was named, or of one on this machine that ends with the block.

    Parameters
    ----------
    client : Client, cluster, str or None
        A client of distributed, a cluster of any kind, or the address of a scheduler.
    jobs : sequence of Job
    workers : int, optional
        Of the cluster on this machine.

    Raises
    ------
    ImportError
        When distributed is not installed.
    ValueError
        When no visit would fit into the memory of a worker.
    RuntimeError
        In a process that such a cluster has started.
    """
    dask = distributed()
    if client is None:
        with _local_client(dask, jobs, workers) as made:
            yield made
        return
    if isinstance(client, dask.Client):
        _check(client, jobs)
        yield client
        return
    address = getattr(client, "scheduler_address", client)
    if not isinstance(address, str):
        raise TypeError(
            "'client' must be a Client of dask.distributed, a cluster, or the address of a scheduler. "
            f"Got a {type(client).__name__} instead."
        )
    try:
        connected = dask.Client(address, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:  # ValueError: it is no address
        raise ValueError(f"There is no scheduler of dask at {address}: {error}") from error
    with connected:
        _check(connected, jobs)
        yield connected


def _check(client: Any, jobs: Sequence[Job]) -> None:
    """See that the visits fit into the workers that are there by now."""
    peak = peak_of_jobs(jobs)
    for address, worker in client.scheduler_info()["workers"].items():
        limit, threads = worker.get("memory_limit") or 0, worker.get("nthreads") or 1
        if 0 < limit < peak * threads:
            raise ValueError(
                f"The worker {address} has {limit / GIB:.2f} GiB for {threads} visit(s) at a time, each of which "
                f"needs {peak / GIB:.2f} GiB. Start workers with one thread each, or with more memory."
            )


@contextmanager
def _local_client(dask: Any, jobs: Sequence[Job], workers: int | None) -> Iterator[Any]:
    if multiprocessing.parent_process() is not None:
        raise RuntimeError(_GUARD)
    # Not dask.system: an attribute is missing once Ctrl-C has cut an import short.
    limit = importlib.import_module("distributed.system").MEMORY_LIMIT
    free = min(limit, importlib.import_module("psutil").virtual_memory().available)
    peak, cores = peak_of_jobs(jobs), usable_cores()
    number = workers_that_fit(len(jobs), peak, cores, free) if workers is None else workers
    with tempfile.TemporaryDirectory(prefix="hustle-workers-", ignore_cleanup_errors=True) as place:
        # What a worker leaves that is killed goes with the folder. TMPDIR is read by its tempfile.
        own = {"HUSTLE_THREADS": str(max(1, cores // number)), "MPLBACKEND": "Agg", "TMPDIR": place}
        try:
            with importlib.import_module("dask").config.set({"temporary-directory": place}):
                cluster = dask.LocalCluster(
                    n_workers=number,
                    threads_per_worker=1,
                    processes=True,
                    memory_limit=int(_ROOM * peak),
                    dashboard_address="127.0.0.1:0",
                    local_directory=place,
                    silence_logs=logging.CRITICAL,
                    env=own,
                )
        except RuntimeError as error:
            raise RuntimeError(f"The workers could not be started ({error}). {_GUARD}") from error
        with cluster, dask.Client(cluster, set_as_default=False) as client:
            try:
                yield client
            except BaseException:  # Ctrl-C too: what the workers are at is of no use any more
                _end_at_once(cluster)
                raise


def _end_at_once(cluster: Any) -> None:
    """Kill the workers of a cluster on this machine; it would wait for what they are at."""
    for nanny in cluster.workers.values():
        nanny.auto_restart = False
        if nanny.pid:
            with suppress(OSError):
                os.kill(nanny.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
