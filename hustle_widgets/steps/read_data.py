"""Step 1: which frames of the visit are worked on."""

from __future__ import annotations

import numpy as np

from hustle_widgets.engine.blocks import Block
from hustle_widgets.engine.deltas import KeptFrames, Table
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.parameters import Switch


class ReadData(Step):
    """Choose the frames to reduce: all, or without the first of each orbit or the first orbit."""

    name, title, section, by = "read_data", "Read in the data", "1", "visit"
    doing, live = "Reading in the data...", "hustle_widgets.view.live.ends:ReadLive"
    tour = """
    Dots are frames, by time and orbit; crosses are frames left out. Leave out first frames or the first orbit if the
    light curve begins with a hook there.
    """
    skip_first_fm = Switch(
        False,
        ("Leave out the first frame of every orbit, which may suffer most from the telescope's settling."),
    )
    skip_first_or = Switch(False, "Leave out the whole first orbit.")

    @staticmethod
    def compute(block: Block, *, skip_first_fm: bool, skip_first_or: bool) -> tuple[KeptFrames, Table]:
        """Select frames by their orbit numbers."""
        orbits = block.state.source.columns["orbit_numbers"]
        keep = np.ones(orbits.size, dtype=bool)
        if skip_first_fm:
            keep[np.flatnonzero(np.diff(orbits, prepend=orbits[0] - 1))] = False
        if skip_first_or:
            keep &= orbits != orbits[0]
        if not keep.any():
            raise ValueError(
                f"No frame is left of {orbits.size} in {np.unique(orbits).size} orbit(s): "
                "set skip_first_fm or skip_first_or to False."
            )
        frames = np.flatnonzero(keep)
        injection = block.state.source.injection
        notes = () if injection is None else (injection.words,)
        if not keep.all():
            notes = (*notes, f"{frames.size} of {orbits.size} frames are worked on.")
        return KeptFrames(frames), Table(notes=notes)
