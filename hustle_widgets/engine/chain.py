"""Computes a chain in blocks on several threads: only what is not known yet, until it is cancelled."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from hustle_widgets.engine.blocks import Block, Source, State, cut_blocks
from hustle_widgets.engine.cache import OutcomeCache
from hustle_widgets.engine.callbacks import Cancelled, Guarded, Stop
from hustle_widgets.engine.calling import asked, prepared
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.given import computed, finished, of_blocks
from hustle_widgets.engine.memory import keep_little
from hustle_widgets.engine.plan import Node, Request, Task, Unmet, blocked, plan, statuses


class Listener:
    """Told what happens while a chain is computed, on the computing thread. Override what is of interest."""

    def running(self, name: str) -> None:
        """Note that a step begins to compute."""

    def progress(self, name: str, fraction: float) -> None:
        """Note which part of a step's blocks is done."""

    def done(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Note that a step has computed."""

    def reused(self, name: str, outcome: Outcome) -> None:
        """Note that a step's outcome was known already."""

    def failed(self, name: str, error: Exception) -> None:
        """Note that a step cannot compute with these parameters."""

    def unmet(self, name: str, message: str) -> None:
        """Note that a step lacks something and is off."""


def usable_cores() -> int:
    """Return how many cores this process may use: what HUSTLE_THREADS says, else all that the system gives it."""
    asked = os.environ.get("HUSTLE_THREADS", "")
    if asked.isdecimal() and int(asked):
        return int(asked)
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def spare_bytes(source: Source) -> int:
    """Return how much memory outcomes that are not in use may hold: a quarter of the frames', 24 to 256 MiB.

    At full size an edit leaves some 5 MB, so that the last twenty or so are known still.
    """
    return min(max(source.images.nbytes // 4, 24 * 2**20), 256 * 2**20)


class Chain:
    """A visit, the steps it goes through, and the outcomes known so far.

    Parameters
    ----------
    source : Source
        The visit; never modified.
    nodes : sequence of Node
        The steps in order.
    cache_bytes : int, optional
        Memory for outcomes of settings no longer in use; by the size of the visit, see `spare_bytes`.
    threads : int, optional
        Blocks computed at once; as many as there are cores, at most 4.
    """

    def __init__(
        self,
        source: Source,
        nodes: Sequence[Node],
        cache_bytes: int | None = None,
        threads: int | None = None,
    ) -> None:
        keep_little()
        self.source = source
        self.nodes = tuple(nodes)
        self.cache = OutcomeCache(spare_bytes(source) if cache_bytes is None else cache_bytes)
        self.threads = threads or min(4, usable_cores())
        self._failed: dict[str, str] = {}
        self._unmet: dict[str, str] = {}
        self._running = ""
        self._user = ""  # of the cache, while something is computed
        self._memos: dict[str, tuple[tuple[str, ...], Any]] = {}
        self._planned: tuple[Request, dict[str, str], list[Task]] | None = None

    def plan(self, request: Request) -> list[Task]:
        """Return the tasks of a request. Steps that are known to lack something are off."""
        # A plan is asked for some thirty times at every edit. To compare is twenty times as fast as to hash.
        last = self._planned
        if last is None or last[0] != request or last[1] != self._unmet:
            unmet = dict(self._unmet)
            last = self._planned = request, unmet, plan(self.nodes, request, self.source.token, unmet)
        return last[2]

    def statuses(self, request: Request) -> dict[str, str]:
        """Return the status of each step for a request, without computing anything."""
        return statuses(self.plan(request), self.cache.__contains__, self._failed, self._running)

    def message(self, request: Request, name: str) -> str:
        """Return why a step failed or is off, or ''."""
        task = next(task for task in self.plan(request) if task.node.name == name)
        return self._failed.get(task.token, "") or (
            self._unmet.get(task.key, "") if task.setting.enabled else ""
        )

    def known(self, request: Request) -> dict[str, Outcome]:
        """Return the known outcomes of a request, by step name."""
        found = {task.node.name: self.cache.get(task.token) for task in self.plan(request)}
        return {name: outcome for name, outcome in found.items() if outcome is not None}

    def state_before(self, request: Request, name: str = "") -> State:
        """Return the visit as it enters a step (the whole chain for ''), as far as outcomes are known."""
        outcomes: dict[str, Outcome] = {}
        for task in self.plan(request):
            if task.node.name == name:
                break
            outcome = self.cache.get(task.token)
            if outcome is not None:
                outcomes[task.node.name] = outcome
        return State(self.source, outcomes)

    def forget_failures(self) -> None:
        """Forget which steps failed or lacked something, so that they are tried again: a file may have appeared."""
        self._failed.clear()
        self._unmet.clear()

    def execute(
        self,
        request: Request,
        listener: Listener | None = None,
        cancelled: threading.Event | None = None,
        explicit: bool = False,
    ) -> None:
        """Compute every step of a request that is not known yet.

        Parameters
        ----------
        request : mapping of str to Setting
        listener : Listener, optional
            Told of every step. What it raises is told, and changes nothing; `Cancelled` ends the computation.
        cancelled : threading.Event, optional
            Looked at between blocks, and inside those that take long.
        explicit : bool
            Whether steps that write files are computed too.

        Raises
        ------
        Cancelled
            When `cancelled` was set. Outcomes found before that stay known.
        """
        self._execute_all(request, listener, cancelled, explicit, wanted=None, threads=self.threads)
        self.keep(request)

    def execute_aside(
        self,
        request: Request,
        listener: Listener | None = None,
        cancelled: threading.Event | None = None,
        wanted: Collection[str] | None = None,
        passing: bool = False,
    ) -> State:
        """Compute a request beside the one in use, whose outcomes stay what they are.

        Parameters
        ----------
        request, listener, cancelled
            As for `execute`.
        wanted : collection of str, optional
            Of the steps that alter nothing only these are computed, and those whose tables are read; all by
            default. Steps that write files never are.
        passing : bool
            Whether what was not known before is known to the returned state alone: nobody will ask for it again,
            and it must not push out the values that a person has tried. One block is computed at a time, which
            takes less memory and leaves the other cores to whoever waits for something.

        Returns
        -------
        State
            The visit behind the last step. It lacks the steps that failed or lack something.

        Raises
        ------
        Cancelled
            When `cancelled` was set.
        """
        self._user = f"aside {id(self)}"
        before = self.cache.tokens if passing else frozenset()
        try:
            threads = 1 if passing else self.threads
            self._execute_all(request, listener, cancelled, explicit=False, wanted=wanted, threads=threads)
            return self.state_before(request)
        finally:
            self.cache.pin((), self._user)
            self._user = ""
            if passing:
                self.cache.drop(task.token for task in self.plan(request) if task.token not in before)

    def keep(self, request: Request) -> None:
        """Say that a request is in use: what is known of it stays, whatever the limit."""
        self.cache.pin(task.token for task in self.plan(request) if task.token)

    def recall(self, request: Request, state: State) -> None:
        """Take in what is known of a request from elsewhere, so that it is not computed again.

        Parameters
        ----------
        request : mapping of str to Setting
        state : State
            What `execute_aside` once returned for it; of no use, and ignored, when it is of another source.
        """
        if state.source.token != self.source.token:
            return
        for task in self.plan(request):
            outcome = state.outcomes.get(task.node.name)
            if task.token and outcome is not None and not task.node.explicit:
                self.cache.put(task.token, outcome)

    def start_from(self, source: Source) -> None:
        """Compute from another source from now on. What is known of the one before stays known."""
        self.source, self._planned = source, None

    def beside(self, source: Source) -> Chain:
        """Return a chain of the same steps and outcomes, with memos of its own, that starts from a source."""
        other = Chain(source, self.nodes, threads=self.threads)
        other.cache, other._failed, other._unmet = self.cache, self._failed, self._unmet
        return other

    def _execute_all(
        self,
        request: Request,
        listener: Listener | None,
        cancelled: threading.Event | None,
        explicit: bool,
        wanted: Collection[str] | None,
        threads: int,
    ) -> None:
        told: Any = Guarded(listener or Listener())
        stop = Stop(cancelled)
        with ThreadPoolExecutor(threads, thread_name_prefix="hustle-block") as pool:
            try:
                for position in self._order(wanted):
                    # Planned anew each time: a step that turned out to lack something is in no later token.
                    task = self.plan(request)[position]
                    stop()
                    self._execute_task(task, request, told, stop, explicit, pool)
            except BaseException:  # Ctrl-C too: the blocks under way are waited for
                stop.break_off()
                raise

    def _order(self, wanted: Collection[str] | None = None) -> list[int]:
        """Return the nodes in the order they are computed: what many wait for, what is in sight, the rest.

        Steps that alter nothing keep no other waiting but those that read their tables.
        """
        read = {name for node in self.nodes for name in node.needs}

        def rank(position: int) -> int:
            node = self.nodes[position]
            if node.explicit or "*" in node.needs:
                return 3
            return 0 if node.alters or node.name in read else 1 if node.in_sight else 2

        def used(position: int) -> bool:
            node = self.nodes[position]
            return wanted is None or node.alters or node.name in read or node.name in wanted

        return sorted(filter(used, range(len(self.nodes))), key=rank)

    def _execute_task(
        self,
        task: Task,
        request: Request,
        listener: Listener,
        stop: Stop,
        explicit: bool,
        pool: ThreadPoolExecutor,
    ) -> None:
        name = task.node.name
        if task.setting.enabled and not task.token:
            listener.unmet(name, self._unmet[task.key])
        if not task.token or blocked(task, self._failed) or (task.node.explicit and not explicit):
            return
        # Held: what comes after it must not push it out.
        if not task.node.explicit and self.cache.hold(task.token, self._user):
            listener.reused(name, self.cache[task.token])
            return
        self._running = task.token
        started = time.perf_counter()
        try:
            listener.running(name)
            outcome = self._compute(task, self.state_before(request, name), listener, stop, pool)
        except Cancelled:
            raise
        except Unmet as lacking:
            self._unmet[task.key] = str(lacking)
            listener.unmet(name, str(lacking))
        except Exception as error:
            self._failed[task.token] = str(error) or type(error).__name__
            listener.failed(name, error)
        else:
            self._failed.pop(task.token, None)
            self.cache.put(task.token, outcome, self._user)
            self._running = ""
            listener.done(name, outcome, time.perf_counter() - started)
        finally:
            self._running = ""

    def _compute(
        self,
        task: Task,
        state: State,
        listener: Listener,
        stop: Stop,
        pool: ThreadPoolExecutor,
    ) -> Outcome:
        node, parameters = task.node, dict(task.setting.parameters)
        extra: dict[str, Any] = {"pause": stop}
        if node.memo is not None:
            extra["memo"] = self._memo(task, state)
        keywords = prepared(node, state, parameters, **extra)

        def work(block: Block) -> Outcome:
            stop()
            # A copy of the block: its frames are freed when it is done, not when all blocks are.
            outcome = computed(node, replace(block), keywords)
            return outcome.placed(block.frames, block.rows, state.shape)

        blocks = cut_blocks(state, node.by, node.halo)
        parts = []
        for part in in_order(pool, work, blocks, ahead=2 * self.threads):
            parts.append(part)
            listener.progress(task.node.name, len(parts) / len(blocks))
        outcome = of_blocks(node, parts)
        outcome = finished(
            node, asked(node, "finish", node.finish, outcome, state, **keywords), outcome, state
        )
        return node.look(outcome, state).of_sky(node.sky).sealed()

    def _memo(self, task: Task, state: State) -> Any:
        """Return the memo of a step; make one if there is none."""
        node = task.node
        made_for, memo = self._memos.get(node.name, ((), None))
        if made_for != task.waits_for and node.memo is not None:
            memo = asked(node, "memo", node.memo, state, previous=memo)
            self._memos[node.name] = task.waits_for, memo
        return memo


def in_order(
    pool: ThreadPoolExecutor, work: Callable[[Block], Any], blocks: Sequence[Block], ahead: int
) -> Iterator[Any]:
    """Yield work(block) for each block in order, with at most `ahead` of them under way."""
    waiting: deque[Future[Any]] = deque()
    try:
        for block in blocks:
            waiting.append(pool.submit(work, block))
            if len(waiting) >= ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
