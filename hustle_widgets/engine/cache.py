"""Outcomes by token. When they grow beyond a number of bytes, the one that was used least recently goes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from hustle_widgets.engine.deltas import Outcome


class OutcomeCache:
    """Keeps outcomes, so that an old value of a parameter needs no computation.

    Parameters
    ----------
    limit : int
        Bytes that outcomes not in use may hold. Those pinned, the ones of the present chain, always stay.
    """

    def __init__(self, limit: int = 256 * 2**20) -> None:
        self.limit = limit
        self._lock = threading.RLock()
        self._outcomes: OrderedDict[str, Outcome] = OrderedDict()
        self._pinned: frozenset[str] = frozenset()

    def __contains__(self, token: str) -> bool:
        return token in self._outcomes

    def __getitem__(self, token: str) -> Outcome:
        with self._lock:
            self._outcomes.move_to_end(token)
            return self._outcomes[token]

    def __len__(self) -> int:
        return len(self._outcomes)

    @property
    def nbytes(self) -> int:
        """Memory all outcomes hold."""
        with self._lock:
            return sum(outcome.nbytes for outcome in self._outcomes.values())

    @property
    def pinned(self) -> frozenset[str]:
        """Tokens that are not dropped, whatever the limit."""
        return self._pinned

    def put(self, token: str, outcome: Outcome) -> None:
        """Keep an outcome, pinned until the next call of `pin`."""
        with self._lock:
            self._outcomes[token] = outcome
            self._outcomes.move_to_end(token)
            self._pinned |= {token}
            self._trim()

    def pin(self, tokens: Iterable[str]) -> None:
        """Say which tokens the present chain uses; the others may be dropped."""
        with self._lock:
            self._pinned = frozenset(tokens)
            self._trim()

    def _trim(self) -> None:
        spare = sum(o.nbytes for token, o in self._outcomes.items() if token not in self._pinned)
        for token in [t for t in self._outcomes if t not in self._pinned]:
            if spare <= self.limit:
                return
            spare -= self._outcomes.pop(token).nbytes
