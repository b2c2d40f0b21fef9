"""Step 6a: where the target is in the direct image."""

from __future__ import annotations

from typing import Any

from hustle_widgets.algorithms.centroid import target_position
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Table
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.base import Step


class TargetLocation(Step):
    """Refine the target's place in the direct image by its centroid."""

    name, title, section, by = "location", "Target location", "6a", "visit"
    heading = ("Step 6: Displacement estimation", "Step 6a: Refine target location")
    switch = "do_location"
    switch_help = "Refine the target's place in the direct image."
    alters = False
    borrows = ("zeroth_tracking.location",)

    @staticmethod
    def prepare(state: State) -> dict[str, Any]:
        """Ask for a direct image."""
        if state.facts["direct_image"] is None:
            raise Unmet(
                "The visit has no direct image (directimages/*_flt.fits): the given location is used."
            )
        return {}

    @staticmethod
    def compute(block: Block, *, location: tuple[float, float]) -> Table:
        """Fit the target nearest to the given location."""
        try:
            column, row = target_position(block.state.facts["direct_image"], location)
        except ValueError as error:  # a subarray without the target, or a place that is wrong
            raise Unmet(
                f"{error} The given location is used as it is: set 'location' to the target's [column, row] in "
                "the direct image, or switch this step off."
            ) from None
        return Table(facts={"target_posx": float(column), "target_posy": float(row)})
