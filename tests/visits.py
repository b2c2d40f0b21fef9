"""Small visits that test modules share."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from hustle_widgets import Reduction, load_visit, simulate_visit
from hustle_widgets.simulate import read_truth
from hustle_widgets.testing import example_visit

tiny_visit = example_visit

# Made once for all modules that import the fixture.
_made: dict[str, Path] = {}


def simulated(factory: pytest.TempPathFactory, name: str, **options: Any) -> Path:
    """The folder of a simulated visit, made once a session."""
    if name not in _made:
        folder = factory.mktemp("visits") / name
        simulate_visit(folder, **options)
        _made[name] = folder
    return _made[name]


@pytest.fixture(scope="session")
def small_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six frames with orders +1 and -1, the 0th order, two stars, a direct and a sky image."""
    return simulated(tmp_path_factory, "small", n_frames=6, shape=(240, 640), n_stars=2, seed=3)


@pytest.fixture(scope="session")
def small_visit(small_folder: Path) -> xr.Dataset:
    """The visit of `small_folder`."""
    return load_visit(small_folder)


def everything(folder: Path) -> dict[str, Any]:
    """Parameters with which every step finds what it needs in a simulated visit."""
    truth = read_truth(folder)
    return {
        "path_to_Pagul": str(folder),
        "bkg_stars_loc": [tuple(np.rint(place)) for place in truth["star_positions"].values],
        "dist_from_trace": 20,
        "smth_bounds": None,
        "bounds": None,
        "verbose": 0,
    }


def digests(visit: xr.Dataset) -> dict[str, str]:
    """A hash of every array of a visit, and of its attributes."""
    found = {
        str(name): hashlib.sha256(np.ascontiguousarray(variable.values).tobytes()).hexdigest()
        for name, variable in visit.variables.items()
        if variable.dtype.kind != "U"
    }
    return {**found, "attrs": repr(visit.attrs)}


def run_all(reduction: Reduction) -> None:
    """Run, whatever fails: the statuses tell."""
    try:
        reduction.run()
    except ValueError:
        assert any(step.status == "failed" for step in reduction.steps.values())
