"""One thread that does the newest job and drops the others."""

from __future__ import annotations

import threading
from collections.abc import Callable

# Seconds without a further edit before an edit is computed. While a slider is dragged, only previews are.
PAUSE = 0.1
# Seconds between two messages of progress: each costs the browser some work.
OFTEN = 0.3

Job = Callable[[threading.Event], None]


class Worker:
    """Runs jobs one at a time; a newer one cancels the one that runs and replaces the one that waits.

    A job is called with an event that is set when it should stop. The thread ends when nothing is left
    to do, so that an idle chain holds none.

    Parameters
    ----------
    name : str
        Of the thread.
    """

    def __init__(self, name: str = "hustle-background") -> None:
        self._name = name
        self._changed = threading.Condition()
        self._waiting: tuple[Job, threading.Event] | None = None
        self._stop: threading.Event | None = None
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._thread is not None

    @property
    def runs_here(self) -> bool:
        """Whether this is asked from inside of a job."""
        return threading.current_thread() is self._thread

    @property
    def superseded(self) -> bool:
        """Whether a newer job waits for the one that runs to stop."""
        return self._waiting is not None

    def submit(self, job: Job) -> None:
        """Run this job as soon as the present one has stopped."""
        with self._changed:
            if self._stop is not None:
                self._stop.set()
            self._waiting = (job, threading.Event())
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def cancel(self) -> None:
        """Stop the job that runs and forget the one that waits."""
        with self._changed:
            self._waiting = None
            if self._stop is not None:
                self._stop.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs or waits; return whether that came about in time."""
        if self.runs_here:
            return False
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, timeout)

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._waiting is None:
                    self._thread = self._stop = None
                    self._changed.notify_all()
                    return
                job, self._stop = self._waiting
                self._waiting = None
                stop = self._stop
            try:
                job(stop)
            except BaseException as error:  # the next job is done all the same, and nobody waits for this one
                _tell(error)
            del job


def _tell(error: BaseException) -> None:
    """Say what a job raised where an uncaught error would be said; SystemExit, of which nothing is said there, too."""
    if isinstance(error, SystemExit):
        error = RuntimeError(
            f"{error!r} was raised in the background, where it ends no program."
        ).with_traceback(error.__traceback__)
    told = (type(error), error, error.__traceback__, threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(told))
