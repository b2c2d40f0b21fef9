"""What must be computed: tokens, and the status that follows from them. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hustle_widgets.engine.blocks import Cut, State
from hustle_widgets.engine.deltas import Delta, Outcome


class Unmet(Exception):
    """A step lacks something. It is then off and says what it needs, but has not failed."""


def _nothing(state: State) -> dict[str, Any]:
    return {}


def _as_it_is(outcome: Outcome, state: State) -> Outcome:
    return outcome


@dataclass(frozen=True)
class Node:
    """One step as the engine sees it.

    Parameters
    ----------
    name : str
    compute : callable
        compute(block, **parameters, **prepared) -> delta or sequence of deltas. Pure. It is given
        those of the keywords that it names; so are the next two. With the keyword `pause` it is given
        a function to call a few times a second where a block takes longer: it ends what is cancelled.
    by : {'rows', 'frames', 'visit'}
        How the visit is cut for it.
    halo : int
        Rows it needs beyond a block of rows.
    alters : bool
        Whether later steps see a change: their tokens then depend on this step's.
    sky : bool
        Whether what it takes off is light of the sky.
    needs : tuple of str
        Non-altering steps whose tables it reads; '*' for all before it.
    prepare : callable
        prepare(state, **parameters) -> keywords for compute, once a computation. Raises Unmet when
        something is missing. It may ask for `memo` and `pause` as well.
    finish : callable
        finish(outcome, state, **parameters, **prepared) -> Outcome, once all blocks are joined.
    memo : callable, optional
        memo(state) -> what `compute` is given as the keyword `memo` and fills with what saves it work when
        only the step's own parameters change. It is given again until something before the step changes;
        then memo(state, previous) may also return the one before.
    in_sight : bool
        Whether its result is always looked at: it is computed before others that alter nothing.
    explicit : bool
        Whether it is only computed when asked for by a person, since it writes files.
    called : str
        How messages call it; its name without.
    look : callable
        look(outcome, state) -> Outcome, last: what is declared of the step is compared with what it gave.
    """

    name: str
    compute: Callable[..., Delta | Sequence[Delta] | None]
    by: Cut = "frames"
    halo: int = 0
    alters: bool = True
    sky: bool = False
    needs: tuple[str, ...] = ()
    prepare: Callable[..., dict[str, Any]] = _nothing
    finish: Callable[..., Outcome] = _as_it_is
    memo: Callable[..., Any] | None = None
    in_sight: bool = False
    explicit: bool = False
    called: str = ""
    look: Callable[[Outcome, State], Outcome] = _as_it_is


@dataclass(frozen=True)
class Setting:
    """One step's switch and parameters, frozen when a request is made.

    Parameters
    ----------
    enabled : bool
    parameters : mapping of str to object
        What the step is computed with, borrowed ones included.
    display : mapping of str to object
        Parameters that only change what is shown: files that are written depend on them, no outcome does.
    """

    enabled: bool = True
    parameters: Mapping[str, Any] = field(default_factory=dict)
    display: Mapping[str, Any] = field(default_factory=dict)


Request = Mapping[str, Setting]


@dataclass(frozen=True)
class Task:
    """One step of a plan: its token, '' when it is off, and the tokens it cannot do without."""

    node: Node
    setting: Setting
    key: str
    token: str
    waits_for: tuple[str, ...]


def digest(*parts: Any) -> str:
    """Return a short hash of plain values."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()


def plan(
    nodes: Sequence[Node], request: Request, source_token: str, unmet: Mapping[str, str] | None = None
) -> list[Task]:
    """Give each step its token: a hash of its parameters and of the tokens it depends on.

    Parameters
    ----------
    nodes : sequence of Node
        The chain in order.
    request : mapping of str to Setting
        By step name.
    source_token : str
        Token of the visit.
    unmet : mapping of str to str
        Keys (`Task.key`) of steps known to lack something, with what they lack. They are off.

    Returns
    -------
    list of Task
        In the order of the chain. Steps that are off, and steps that alter nothing, drop out of the
        tokens after them, unless a later step reads their table.
    """
    unmet = unmet or {}
    tasks: list[Task] = []
    tokens: dict[str, str] = {}
    altering = [source_token]
    for node in nodes:
        setting = request[node.name]
        read = tokens if "*" in node.needs else {n: tokens[n] for n in node.needs if n in tokens}
        builds_on = tuple(dict.fromkeys([*altering, *read.values()]))
        shown = [sorted(request[other.name].display.items()) for other in nodes if node.explicit]
        key = digest(node.name, sorted(setting.parameters.items()), builds_on, *shown)
        on = setting.enabled and key not in unmet
        # A step can do without a table that could not be made. Files are written of a whole chain only.
        waits_for = builds_on if "*" in node.needs else tuple(altering)
        tasks.append(Task(node, setting, key, key if on else "", waits_for))
        if on:
            tokens[node.name] = key
            if node.alters:
                altering.append(key)
    return tasks


def statuses(
    tasks: Sequence[Task], known: Callable[[str], bool], failed: Mapping[str, str], running: str = ""
) -> dict[str, str]:
    """Tell the status of each step of a plan.

    Parameters
    ----------
    tasks : sequence of Task
    known : callable
        Whether the outcome of a token is at hand.
    failed : mapping of str to str
        Tokens whose computation failed, with the message.
    running : str
        Token being computed.

    Returns
    -------
    dict of str to str
        'off', 'fresh', 'running', 'failed' or 'stale' by step name.
    """

    def status(task: Task) -> str:
        if not task.token:
            return "off"
        if known(task.token):
            return "fresh"
        if task.token == running:
            return "running"
        return "failed" if task.token in failed else "stale"

    return {task.node.name: status(task) for task in tasks}


def blocked(task: Task, failed: Mapping[str, str]) -> bool:
    """Tell whether a step waits for one that failed."""
    return any(token in failed for token in task.waits_for)
