"""Step 6b: how the frames move, by the 0th order."""

from __future__ import annotations

from typing import Any

import numpy as np

from hustle_widgets.algorithms.centroid import NoSignal, zeroth_order_position
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Table
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Column
from hustle_widgets.steps.parameters import Position
from hustle_widgets.steps.reference import failed_fact, from_reference, reference_notes
from hustle_widgets.steps.targets import doubts_of, expected_zeroth


class ZerothOrderTracking(Step):
    """Track the displacement of the frames by the centroid of the 0th order."""

    name, title, section, by = "zeroth_tracking", "Displacement: 0th order", "6b", "frames"
    label = "0th order"
    heading = ("Step 6b: Source center-of-mass tracking",)
    switch = "do_0thtracking"
    switch_help = "Track the motion of the frames by the 0th order."
    alters, needs = False, ("location",)
    records = {
        "0th_order_pos": Column("pixel", "position of the 0th order (column, row)", ("xy",)),
        "0th_order_disp": Column(
            "pixel", "displacement of the 0th order from the first sound frame (column, row)", ("xy",)
        ),
    }
    follows, doing = ("0th_order_disp", "0th order"), "Tracking 0th order..."
    live, figures = (
        "hustle_widgets.view.live.tracks:ZerothLive",
        "hustle_widgets.view.figures.motion:zeroth_figures",
    )
    every_frame = ("0th_order_window", "hustle_widgets.view.figures.motion:ZerothWindow")
    tour = """
    The 0th order on the frame shown and on the ends of the visit, and what all trackers say together. Its bloom makes
    rows less sure than columns.
    """
    location = Position(
        (970, 170),
        "The target's [column, row] in the direct image. Refinement and tracking start there.",
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
        try:
            column, row = zeroth_order_position(block.images[0], expected)
        except NoSignal:  # one lost frame is no reason to lose the visit
            column = row = np.nan
        return Table({"0th_order_pos": np.array([[column, row]], dtype=float)})

    @staticmethod
    def finish(
        outcome: Outcome, state: State, *, expected: tuple[float, float], location: tuple[float, float]
    ) -> Outcome:
        """Subtract the position in the first sound frame in which it was found."""
        position = outcome.table.columns["0th_order_pos"]
        seen = np.isfinite(position).all(axis=1)
        doubts = () if "location" in state.outcomes else doubts_of(state, location)
        if not seen.any():
            raise Unmet(
                f"The 0th order was found in no frame: nothing stands out of the sky around column "
                f"{expected[0]:.0f}, row {expected[1]:.0f}. Check 'location', the target's [column, row] in the "
                f"direct image. {' '.join(doubts)}".rstrip()
            )
        columns = {"0th_order_pos": position, "0th_order_disp": from_reference(position, state)}
        lost = np.count_nonzero(~seen)
        notes: tuple[str, ...] = (
            (f"The 0th order was not found in {lost} of {seen.size} frames.",) if lost else ()
        )
        notes += reference_notes(state, {"": position})
        return Outcome((Table(columns, failed_fact(state), (*doubts, *notes)),))
