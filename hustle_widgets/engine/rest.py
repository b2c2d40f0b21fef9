"""What is of use but not asked for: done while nobody waits for anything, and given up at once for whoever does."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from hustle_widgets.engine.worker import Job, Worker

#: Added to the niceness of a thread: about a tenth of the processor when another one wants it.
NICENESS = 10


def _give_way() -> None:
    """Let other threads have the processor before this one and those it starts; nothing but on Linux."""
    if sys.platform == "linux":  # elsewhere only a whole process has a priority
        with suppress(OSError):
            here = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, here, min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS))


class Rest:
    """One job in a thread of its own; the newest wins.

    Parameters
    ----------
    occupied : callable
        Whether something is computed that is waited for, or will be soon.
    """

    def __init__(self, occupied: Callable[[], bool]) -> None:
        self._occupied = occupied
        self._worker = Worker("hustle-rest")
        self._job: Job | None = None

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._worker.busy

    @property
    def runs_here(self) -> bool:
        """Whether this is asked from inside of the job."""
        return self._worker.runs_here

    def submit(self, job: Job) -> None:
        """Do a job from now on, called with an event that says when it should stop."""

        def work(stop: threading.Event) -> None:
            _give_way()
            job(stop)
            if not stop.is_set() and self._job is job:
                self._job = None

        self._job = job
        self._worker.submit(work)

    def cancel(self) -> None:
        """Stop; who gave the job may give it again."""
        self._worker.cancel()

    def forget(self) -> None:
        """Stop, and do not begin anew."""
        self._job = None
        self._worker.cancel()

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Stop while something is computed that is asked for, and begin anew afterwards; not in the job itself."""
        if self.runs_here:
            yield
            return
        self._worker.cancel()
        try:
            yield
        finally:
            job = self._job
            if job is not None and not self._occupied():
                self.submit(job)
