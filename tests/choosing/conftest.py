"""A visit in memory whose light is known to the electron, and a chain that is done in a moment."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from visits import tiny_visit  # noqa: E402

from hustle_widgets import Reduction  # noqa: E402

OFF = ("led", "smooth", "Pagul", "bkg_stars", "uniform", "0thtracking", "fixed_iter", "hst_flags", "save")


def quick(visit, **parameters):
    """A Reduction of free iteration, column background and quicklook."""
    off = {f"do_{name}": False for name in OFF}
    return Reduction(visit, **{"verbose": 0, "mask_trace": False, "rows": (0, 1, 2, 3), **off, **parameters})


@pytest.fixture
def visit():
    return tiny_visit(36, orbits=3, seed=1)


@pytest.fixture
def reduction(visit):
    return quick(visit)
