"""Sending jobs to workers, hearing how far they are, and trying again what failed."""

from __future__ import annotations

import importlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hustle_widgets.campaign.cluster import distributed
from hustle_widgets.campaign.jobs import Job

#: Does one job: called as work(job, tell).
Work = Callable[[Job, Callable[[str, float], None]], Any]
#: Tells why a result is none, '' when it is one.
Failure = Callable[[Any], str]

OFTEN = 0.5  # s between two messages of one visit


@dataclass
class Heard:
    """What workers told, by the number of the job.

    Attributes
    ----------
    begun : dict of int to int
        How often each was begun.
    now : dict of int to (str, float)
        The step at work, and the fraction done of it; only of jobs under way.
    """

    begun: dict[int, int] = field(default_factory=dict)
    now: dict[int, tuple[str, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, number: int, step: str, fraction: float, begins: bool) -> None:
        """Note a message."""
        with self._lock:
            if begins:
                self.begun[number] = self.begun.get(number, 0) + 1
            self.now[number] = step, fraction

    def tell(self, number: int, step: str, fraction: float) -> None:
        """Note how far a job is."""
        self.take(number, step, fraction, False)

    def ended(self, number: int) -> None:
        """Forget what a job was at."""
        with self._lock:
            self.now.pop(number, None)

    def under_way(self) -> dict[int, tuple[str, float]]:
        """Return a copy of what is under way."""
        with self._lock:
            return dict(self.now)


def here(
    work: Work, jobs: Sequence[Job], heard: Heard, failure: Failure, retries: int
) -> Iterator[tuple[int, Any]]:
    """Do jobs one after another in this process; yield (number, result)."""
    for number, job in enumerate(jobs):
        for _ in range(1 + retries):
            heard.take(number, "", 0.0, True)
            result = work(job, partial(heard.tell, number))
            heard.ended(number)
            if not failure(result):
                break
        yield number, result


def on_workers(
    client: Any,
    work: Work,
    jobs: Sequence[Job],
    heard: Heard,
    failure: Failure,
    failed: Callable[[Job, str], Any],
    retries: int,
) -> Iterator[tuple[int, Any]]:
    """Do jobs on the workers of a client; yield (number, result) as they come.

    Parameters
    ----------
    client : distributed.Client
    work : callable
    jobs : sequence of Job
    heard : Heard
        Is told what goes on.
    failure : callable
        Tells whether a result is a failure.
    failed : callable
        Makes the result of a job that its worker did not live to return, of job and message.
    retries : int
        How often a failure is tried again. A job whose worker died is begun anew by dask, also without.

    Notes
    -----
    Leaving early cancels what has not begun.
    """
    dask = distributed()
    topic = f"hustle-{uuid.uuid4().hex}"
    client.subscribe_topic(topic, lambda event: heard.take(*event[1]))
    tries = dict.fromkeys(range(len(jobs)), 0)

    def submit(number: int) -> Any:
        tries[number] += 1
        key = f"hustle-{jobs[number].name}-{uuid.uuid4().hex}"
        future = client.submit(_told, work, jobs[number], number, topic, key=key, pure=False)
        numbers[future.key] = number
        return future

    numbers: dict[str, int] = {}
    waiting = dask.as_completed([submit(number) for number in range(len(jobs))], loop=client.loop)
    try:
        for future in waiting:
            number = numbers.pop(future.key)
            heard.ended(number)
            try:
                result = future.result()
            except Exception as error:
                result = failed(jobs[number], _of_worker(error))
            future.release()
            if failure(result) and tries[number] <= retries:
                waiting.add(submit(number))
            else:
                yield number, result
    finally:
        client.unsubscribe_topic(topic)
        left = [*waiting.futures] if numbers else []
        if left:
            client.cancel(left)


def _of_worker(error: Exception) -> str:
    if isinstance(error, importlib.import_module("distributed.scheduler").KilledWorker):
        return (
            "Every worker that began it ended before it was done, most often for lack of memory: use fewer workers "
            "or such with more memory."
        )
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _told(work: Work, job: Job, number: int, topic: str) -> Any:
    """Do a job on a worker, and tell the topic how far it is."""
    worker = distributed().get_worker()
    told = 0.0
    step_told = ""
    worker.log_event(topic, (number, "", 0.0, True))

    def tell(step: str, fraction: float) -> None:
        nonlocal told, step_told
        now = time.monotonic()
        if step != step_told or now - told >= OFTEN:
            told, step_told = now, step
            worker.log_event(topic, (number, step, float(fraction), False))

    return work(job, tell)
