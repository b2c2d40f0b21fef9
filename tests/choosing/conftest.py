"""A visit in memory whose light is known to the electron, and a chain that is done in a moment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from quick_chain import quick  # noqa: E402
from visits import tiny_visit  # noqa: E402


@pytest.fixture
def visit():
    return tiny_visit(36, orbits=3, seed=1)


@pytest.fixture
def reduction(visit):
    return quick(visit)
