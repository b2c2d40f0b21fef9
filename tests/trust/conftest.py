"""How long the attacks last, and what they count."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import pytest

One = TypeVar("One")
_COUNTS: Counter[str] = Counter()


class Trust:
    """The time that one test may take, its random numbers, and the counts of all.

    Parameters
    ----------
    seconds : float
        0 for the short, repeatable run; otherwise how long each test goes on.
    name : str
        Of the test.
    """

    def __init__(self, seconds: float, name: str) -> None:
        self.seconds = seconds
        self.random = random.Random(f"{name} {time.time() if seconds else 0}")
        self._started = time.monotonic()

    def count(self, what: str, how_many: int = 1) -> None:
        """Add to what is told at the end."""
        _COUNTS[what] += how_many

    def chosen(self, all_of_them: Sequence[One], least: int) -> Sequence[One]:
        """Return a sample, spread evenly; all of them in a long run."""
        if self.seconds or len(all_of_them) <= least:
            return all_of_them
        step = (len(all_of_them) - 1) / (least - 1)
        return [all_of_them[round(k * step)] for k in range(least)]

    def turns(self, least: int) -> Iterator[int]:
        """Yield numbers: so many, and on until the time is over."""
        number = 0
        while number < least or time.monotonic() - self._started < self.seconds:
            yield number
            number += 1


def pytest_addoption(parser: Any) -> None:
    """Add the long mode."""
    parser.addoption(
        "--trust-seconds",
        type=float,
        default=0,
        help="how long each attack of tests/trust goes on; 0: a short run",
    )


@pytest.fixture
def trust(request: pytest.FixtureRequest) -> Trust:
    """Time, random numbers and counts for one test."""
    return Trust(request.config.getoption("--trust-seconds"), request.node.name)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was done."""
    if _COUNTS:
        told = ", ".join(f"{number} {what}" for what, number in sorted(_COUNTS.items()))
        passed, failed = (len(terminalreporter.stats.get(kind, ())) for kind in ("passed", "failed"))
        terminalreporter.write_line(f"tests/trust: {told}. {passed} tests passed, {failed} failed.")
