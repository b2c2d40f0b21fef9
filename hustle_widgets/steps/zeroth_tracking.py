"""Step 6b: how the frames move, by the 0th order."""

from __future__ import annotations

from typing import Any

import numpy as np

from hustle_widgets.algorithms.centroid import zeroth_order_position
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Table
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.parameters import Position
from hustle_widgets.steps.targets import expected_zeroth


class ZerothOrderTracking(Step):
    """Track the displacement of the frames by the centroid of the 0th order."""

    name, title, section, by = "zeroth_tracking", "Displacement: 0th order", "6b", "frames"
    heading = ("Step 6b: Source center-of-mass tracking",)
    switch = "do_0thtracking"
    switch_help = "Track the motion of the frames by the 0th order."
    alters, needs = False, ("location",)
    records = {
        "0th_order_pos": ("pixel", "position of the 0th order (column, row)"),
        "0th_order_disp": ("pixel", "displacement of the 0th order from the first frame (column, row)"),
    }
    location = Position(
        (970, 170),
        "The target's place in the direct image, [column, row]: where refinement and tracking start.",
        unit="pixels",
    )

    @staticmethod
    def prepare(state: State, *, location: tuple[float, float]) -> dict[str, Any]:
        """Say where to search."""
        expected = expected_zeroth(state, location)
        if expected is None:
            raise Unmet(
                f"The 0th order of a target at column {location[0]:.0f}, row {location[1]:.0f} is not on this "
                "frame: set 'location' to the target's [column, row] in the direct image."
            )
        return {"expected": expected}

    @staticmethod
    def compute(block: Block, *, expected: tuple[float, float]) -> Table:
        """Find the 0th order in one frame."""
        column, row = zeroth_order_position(block.images[0], expected)
        return Table({"0th_order_pos": np.array([[column, row]], dtype=float)})

    @staticmethod
    def finish(outcome: Outcome, state: State) -> Outcome:
        """Take the first frame's position off."""
        position = outcome.table.columns["0th_order_pos"]
        columns = {"0th_order_pos": position, "0th_order_disp": position - position[0]}
        return Outcome((Table(columns),))
