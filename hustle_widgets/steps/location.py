"""Step 6a: where the target is in the direct image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hustle_widgets.algorithms.centroid import target_position
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Table
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Lines
from hustle_widgets.steps.targets import doubts_of, near_header


class TargetLocation(Step):
    """Refine the target's place in the direct image by its centroid."""

    name, title, section, by = "location", "Target location", "6a", "visit"
    heading = ("Step 6: Displacement estimation", "Step 6a: Refine target location")
    switch = "do_location"
    switch_help = "Refine the target's place in the direct image."
    alters = False
    doing = "Refining location of source in direct image with centroiding..."
    live, figures = (
        "hustle_widgets.view.live.location:LocationLive",
        "hustle_widgets.view.figures.motion:location_figures",
    )
    tour = """
    The direct image with the given location and the centroid. Click or drag to set the location; "Whole image" shows
    other stars.
    """
    borrows = ("zeroth_tracking.location",)

    @classmethod
    def words(cls, outcome: Outcome, parameters: Mapping[str, Any]) -> Lines:
        """Say where the target was found."""
        facts = outcome.table.facts
        place = f"column {facts['target_posx']:.2f}, row {facts['target_posy']:.2f}"
        return [(1, f"Refined location of source: {place}.")]

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
        facts = {"target_posx": float(column), "target_posy": float(row)}
        return Table(
            facts=facts,
            notes=() if near_header(block.state, (column, row)) else doubts_of(block.state, location),
        )
