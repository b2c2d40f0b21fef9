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

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._lock = threading.RLock()
        self._outcomes: OrderedDict[str, Outcome] = OrderedDict()
        self._pinned: dict[str, frozenset[str]] = {}  # by user

    def __contains__(self, token: str) -> bool:
        return token in self._outcomes

    def __getitem__(self, token: str) -> Outcome:
        with self._lock:
            self._outcomes.move_to_end(token)
            return self._outcomes[token]

    def get(self, token: str) -> Outcome | None:
        """Return an outcome, None for one that is not known: another thread may have pushed it out just now."""
        with self._lock:
            return self[token] if token in self._outcomes else None

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
        return frozenset().union(*self._pinned.values())

    def put(self, token: str, outcome: Outcome, user: str = "") -> None:
        """Keep an outcome, pinned until the user's next call of `pin`."""
        with self._lock:
            self._outcomes[token] = outcome
            self._outcomes.move_to_end(token)
            self._add(token, user)
            self._trim()

    def hold(self, token: str, user: str = "") -> bool:
        """Pin an outcome until the user's next call of `pin`; return whether it is there."""
        with self._lock:
            if token not in self._outcomes:
                return False
            self._add(token, user)
            return True

    def pin(self, tokens: Iterable[str], user: str = "") -> None:
        """Say which tokens a user needs from now on; those that no user needs may be dropped.

        The present chain is the user ''.
        """
        with self._lock:
            self._pinned[user] = frozenset(tokens)
            if not self._pinned[user]:
                del self._pinned[user]
            self._trim()

    def drop(self, tokens: Iterable[str]) -> None:
        """Forget outcomes that no user needs."""
        with self._lock:
            pinned = self.pinned
            for token in tokens:
                if token not in pinned:
                    self._outcomes.pop(token, None)

    @property
    def tokens(self) -> frozenset[str]:
        """Of all outcomes that are known."""
        with self._lock:
            return frozenset(self._outcomes)

    def _add(self, token: str, user: str) -> None:
        self._pinned[user] = self._pinned.get(user, frozenset()) | {token}

    def _trim(self) -> None:
        pinned = self.pinned
        spare = sum(o.nbytes for token, o in self._outcomes.items() if token not in pinned)
        for token in [t for t in self._outcomes if t not in pinned]:
            if spare <= self.limit:
                return
            spare -= self._outcomes.pop(token).nbytes
