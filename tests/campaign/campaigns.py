"""Folders of visits that differ, made of one that was simulated; and a step that ends its worker."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from hustle_widgets import simulate_visit
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Table
from hustle_widgets.steps.base import Step

SHAPE = (200, 480)
# What a visit of this size is reduced by in a moment.
FAST: dict[str, Any] = {
    "do_fixed_iter": False,
    "do_led": False,
    "do_smooth": False,
    "do_Pagul": False,
    "do_0thtracking": False,
    "do_bkg_stars": False,
    "bounds": None,
    "dist_from_trace": 15,
    "verbose": 0,
}


def simulated(folder: Path) -> Path:
    """A visit of four frames."""
    simulate_visit(folder, n_frames=4, shape=SHAPE, seed=4)
    return folder


def made_visits(first: Path, top: Path, number: int) -> list[Path]:
    """Copies of a visit, each with other cosmic rays put in."""
    folders = []
    for k in range(number):
        folder = top / f"visit_{k}"
        for name in ("specimages", "directimages"):
            shutil.copytree(first / name, folder / name)
        hit = sorted((folder / "specimages").glob("*.fits"))[k % 4]
        with fits.open(hit, mode="update", memmap=False) as file:
            pixels = np.random.default_rng(k).integers(0, SHAPE, (50, 2))
            file["SCI"].data[pixels[:, 0], pixels[:, 1]] += 5000
        folders.append(folder)
    return folders


def set_trap(folder: Path) -> Path:
    """Let the next `Tripwire` of this visit end its process."""
    trap = folder / "trap"
    trap.touch()
    return trap


class Tripwire(Step):
    """Kill the process that computes a visit with a trap, once."""

    name, title, section, by, after = "tripwire", "Tripwire", "5z", "frames", "uniform"
    switch, alters = "do_tripwire", False

    @staticmethod
    def prepare(state: State) -> dict[str, Any]:
        trap = Path(state.facts["folder"]) / "trap"
        if trap.exists():
            trap.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return {}

    @staticmethod
    def compute(block: Block) -> Table:
        return Table({})
