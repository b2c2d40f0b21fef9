"""Computing the chain of a Reduction, at once or in the background, and saying what goes on.

All threads and locks of a Reduction but that of drawing are here. No lock is held while something is called that a
user may have given, except that a second computation of the same chain waits for the first one.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

from hustle_widgets.engine.blocks import Source, State
from hustle_widgets.engine.callbacks import Cancelled, safely
from hustle_widgets.engine.chain import Chain, Listener
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.memory import give_back
from hustle_widgets.engine.passing import Passing
from hustle_widgets.engine.plan import Request
from hustle_widgets.engine.rest import Rest
from hustle_widgets.engine.worker import Worker
from hustle_widgets.forking import check_not_cut_off, noted
from hustle_widgets.settings import request_of, step_values
from hustle_widgets.status_listener import StatusListener
from hustle_widgets.steps.base import Step

# How often statuses are looked at anew while they change: an observer of one may edit a parameter.
MOST_REFRESHES = 9

Watcher = Callable[[str, str], None]


class Computation:
    """A chain, the steps whose parameters it is computed with, and the thread that computes in the background.

    Parameters
    ----------
    chain : Chain
    steps : mapping of str to Step
        Told of status and progress.

    Attributes
    ----------
    listener : StatusListener or None
        Who is told of the computation that runs.
    finished : deque of Request
        The last two that differ and were computed to their end.
    """

    def __init__(self, chain: Chain, steps: Mapping[str, Step]) -> None:
        self.chain = chain
        self.steps = steps
        self.listener: StatusListener | None = None
        self._watchers: list[Watcher] = []
        self._worker = Worker()
        self._stop = threading.Event()
        self._computing = threading.Lock()
        self._threads: set[int] = set()  # the one that holds it, and those that tell of what it waits for
        self._count = threading.Lock()  # guards the two below
        self._edits = 0
        self._owes_idle = False
        self.finished: deque[Request] = deque(maxlen=2)
        self._beside: dict[str, Chain] = {}
        self._one_aside = threading.Lock()
        self._aside_thread = 0  # the one that holds it
        # For what is computed while nobody edits.
        me = weakref.ref(self)  # a circle would keep the frames until the collector comes by
        self._rest = Rest(lambda: (computation := me()) is not None and computation.occupied)
        noted(self)
        self.stop_aside = threading.Event()

    def request(self) -> Request:
        """Return all switches and parameters, frozen."""
        return request_of(step_values(self.steps.values()), [type(step) for step in self.steps.values()])

    # --- at once ------------------------------------------------------------------------------------

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Stop what is computed in the background, let nothing else be computed meanwhile, then tell 'idle'.

        Raises
        ------
        RuntimeError
            When this thread computes already: it would wait for itself.
        """
        check_not_cut_off(self)
        if self._computes_here():
            raise RuntimeError(
                "run() was called from within a run of the same Reduction, for example by a listener. Use "
                "compute(), which begins when that run has ended."
            )
        self._rest.cancel()
        self._worker.cancel()
        self._worker.wait()
        try:
            with self._one_at_a_time():
                self._stop.clear()
                yield
        finally:
            self.refresh()
            self.tell("idle", "")

    @contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        with self._computing, self._here():
            yield

    @contextmanager
    def _here(self) -> Iterator[None]:
        self._threads.add(threading.get_ident())
        try:
            yield
        finally:
            self._threads.discard(threading.get_ident())

    def _computes_here(self) -> bool:
        return threading.get_ident() in self._threads

    def tell_progress(self, name: str, fraction: float) -> None:
        """Tell the progress of a step from the thread of a block."""
        if self.listener is not None:
            with self._here():
                safely(self.listener.progress, name, fraction)

    def run(self, request: Request, listener: Listener | None = None) -> StatusListener:
        """Compute what is not known of a request, saving included; return who was told. Inside `alone`.

        Raises
        ------
        Cancelled
            When `cancel` was called meanwhile.
        """
        self.chain.forget_failures()
        told = StatusListener(self.steps, self.refresh, self.tell, listener)
        self._execute(request, told, self._stop, explicit=True)
        return told

    def _execute(
        self, request: Request, told: StatusListener, stop: threading.Event, *, explicit: bool
    ) -> None:
        self.listener = told
        try:
            self.chain.execute(request, told, stop, explicit=explicit)
        finally:
            self.listener = None
        self.note_finished(request)

    def note_finished(self, request: Request) -> None:
        """Keep what has been computed to its end, to compare the next with."""
        if not self.finished or self.finished[-1] != request:
            self.finished.append(request)

    # --- in the background --------------------------------------------------------------------------

    def start(self, *, explicit: bool, after: float, keep: object) -> None:
        """Compute in the background what is not known yet; the newest call wins.

        Parameters
        ----------
        explicit : bool
            Whether steps that write files are computed too, and what failed before is tried anew.
        after : float
            Seconds to wait first for a newer call, which takes the place of this one.
        keep : object
            Not to be deleted before this is done.
        """
        check_not_cut_off(self)
        request = self.request()

        def job(stop: threading.Event, _: object = keep) -> None:
            told = StatusListener(self.steps, self.refresh, self.tell)
            try:
                with self._one_at_a_time(), suppress(Cancelled):
                    if explicit:
                        self.chain.forget_failures()
                    if not stop.wait(after):
                        self._execute(request, told, stop, explicit=explicit)
            finally:
                self._job_ends()

        self._rest.cancel()
        with self._count:
            self._owes_idle = False  # this job will say it
            self._worker.submit(job)

    def _job_ends(self) -> None:
        """Tell 'idle', unless another job follows or an edit is under way, which may ask for one."""
        with self._count:
            if self._worker.superseded:
                return
            if self._edits:
                self._owes_idle = True
                return
        self.refresh()
        self.tell("idle", "")
        if not self._edits and not self._worker.superseded:
            give_back()  # takes some ms, in which nothing waits for this thread

    @property
    def computes(self) -> bool:
        """Whether anything is being computed, by any thread."""
        return self._computing.locked() or self._worker.busy or self._rest.busy

    @property
    def busy(self) -> bool:
        """Whether something is computed in the background, or waits for it."""
        return self._worker.busy

    def cancel(self) -> None:
        """Stop what is being computed. What is done by then is kept."""
        self._stop.set()
        self.stop_aside.set()
        self._rest.forget()
        self._worker.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is computed in the background; return whether that came about in time.

        What is called during a computation is not made to wait for it: False.
        """
        check_not_cut_off(self)
        return not self._computes_here() and self._worker.wait(timeout)

    # --- beside the present parameters --------------------------------------------------------------

    def aside(
        self,
        request: Request,
        *,
        listener: Listener | None = None,
        stop: threading.Event | None = None,
        wanted: Collection[str] | None = None,
        source: Source | None = None,
    ) -> State:
        """Compute a request while parameters, statuses and what is in use stay as they are.

        Parameters
        ----------
        request : mapping of str to Setting
        listener : Listener, optional
        stop : threading.Event, optional
            Looked at between blocks; `stop_aside`, which `cancel` sets, by default.
        wanted : collection of str, optional
            Steps that alter nothing and are computed all the same, see `Chain.execute_aside`.
        source : Source, optional
            Instead of the visit; what is known of it stays known as well.

        Raises
        ------
        Cancelled
            When it was stopped.
        RuntimeError
            When this thread computes already: it would wait for itself.
        """
        if self._computes_here() or self._aside_thread == threading.get_ident():
            raise RuntimeError(
                "What was asked for must be computed, and the question came from within a computation of the same "
                "Reduction, for example from a listener. Ask when that computation has ended."
            )
        counts, stop = _Counts(self.steps, listener), stop or self.stop_aside
        source = source or self.chain.source
        if source.token == self.chain.source.token and request == self.request():
            with self._one_at_a_time():
                state = self.chain.execute_aside(request, counts, stop, wanted)
                self.chain.keep(request)
                return state
        # Beside a run or an edit, which do not wait for it.
        with self._rest.interrupted(), self._one_aside:
            self._aside_thread = threading.get_ident()
            try:
                beside, passing = self._chain_beside(source), self._rest.runs_here
                return beside.execute_aside(request, counts, stop, wanted, passing=passing)
            finally:
                self._aside_thread = 0

    def _chain_beside(self, source: Source) -> Chain:
        """Return a chain for other values than the present ones.

        What steps remember from one computation to the next is worth most to the next edit: other values must not
        take its place.
        """
        if source.token not in self._beside:
            here = self.chain.source.token
            self._beside = {token: chain for token, chain in self._beside.items() if token == here}
            self._beside[source.token] = self.chain.beside(source)
        return self._beside[source.token]

    def start_from(self, source: Source) -> None:
        """Compute from another source from now on."""
        with self.alone():
            self.chain.start_from(source)

    def at_rest(self, job: Callable[[threading.Event], None]) -> None:
        """Call `job` in a thread of its own with an event that any edit, run or cancel sets; the newest job wins.

        Whatever else is asked for stops it as well; then it is called again.
        """
        self._rest.submit(job)

    def rest_no_more(self) -> None:
        """Stop the job of `at_rest`."""
        self._rest.forget()

    @property
    def occupied(self) -> bool:
        """Whether something is computed that is waited for, or will be soon."""
        return bool(self._worker.busy or self._edits or self._computing.locked())

    def forget_beside(self) -> None:
        """Free what steps remember of other values than the present ones: nobody will soon ask for more."""
        if self._one_aside.acquire(blocking=False):
            self._beside.clear()
            self._one_aside.release()
            give_back()

    # --- what goes on -------------------------------------------------------------------------------

    def unwatch(self, callback: Watcher) -> None:
        """Call it no more; nothing happens if it was not called."""
        if callback in self._watchers:
            self._watchers.remove(callback)

    def watch(self, callback: Watcher) -> None:
        """Call `callback(event, step)` at every event."""
        self._watchers.append(callback)

    def tell(self, event: str, name: str) -> None:
        """Call all watchers; what one raises is told, and neither stops the others nor what is computed."""
        for callback in tuple(self._watchers):
            safely(callback, event, name)

    @contextmanager
    def edit(self, name: str, *, computes: bool) -> Iterator[None]:
        """Tell of the edit of a step; inside, what it makes stale is to be computed.

        A job that ends meanwhile does not say 'idle', since another one may follow.

        Parameters
        ----------
        name : str
        computes : bool
            Whether the edit is computed at once, which stops what is computed now: what answers the hand on
            the slider shall have the processor for itself.
        """
        with self._count:
            self._edits += 1
        try:
            self._rest.cancel()
            if computes:
                self._worker.cancel()
            self.tell("edited", name)  # first: the answer to a hand on a slider
            self.refresh()
            self.tell("stale", name)
            yield
        finally:
            with self._count:
                self._edits -= 1
                owed = self._owes_idle and not self._edits
                self._owes_idle = self._owes_idle and not owed
            if owed:
                self.refresh()
                self.tell("idle", "")

    def refresh(self) -> None:
        """Set each step's status from what is known.

        Where two threads overtake one another, the one that sets last looks again.
        """
        for _ in range(MOST_REFRESHES):
            request = self.request()
            outcomes, statuses = self.chain.known(request), self.chain.statuses(request)
            changed = False
            for name, status in statuses.items():
                step = self.steps[name]
                notes = "\n".join(outcomes[name].table.notes) if name in outcomes else ""
                new = (self.chain.message(request, name), status, notes)
                if (step.error, step.status, step.notes) != new:
                    changed = True
                    for trait, value in zip(("error", "status", "notes"), new, strict=True):
                        safely(setattr, step, trait, value)  # which calls a person's observers
            if not changed:
                return


class _Counts(Passing):
    """Counts the computations of steps, and passes on what is told."""

    def __init__(self, steps: Mapping[str, Step], other: Listener | None) -> None:
        super().__init__(other)
        self.steps = steps

    def done(self, name: str, outcome: Outcome, seconds: float) -> None:
        safely(setattr, self.steps[name], "compute_count", self.steps[name].compute_count + 1)
        super().done(name, outcome, seconds)
