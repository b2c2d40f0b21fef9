"""Step 6a: where the target is in the direct image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hustle_widgets.algorithms.centroid import SEARCH, SEARCH_FAR, Target, target_among
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Table
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Lines
from hustle_widgets.steps.targets import doubts_of, near_header

#: Sources whose distances from the given location differ by less than this are about as near [pixels].
NEAR = 3.0


class TargetLocation(Step):
    """Refine the target's place in the direct image by its centroid."""

    name, title, section, by = "location", "Target location", "6a", "visit"
    label = "Target"
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
        """Fit the source nearest to the given location, of those with a tenth of the light of the brightest."""
        try:
            target = target_among(block.state.facts["direct_image"], location)
        except ValueError as error:  # a subarray without the target, or a place that is wrong
            raise Unmet(
                f"{error} The given location is used as it is: set 'location' to the target's [column, row] in "
                "the direct image, or switch this step off."
            ) from None
        column, row = target.position
        facts = {"target_posx": float(column), "target_posy": float(row)}
        return Table(
            facts=facts,
            notes=(
                *_ambiguity(target),
                *(() if near_header(block.state, (column, row)) else doubts_of(block.state, location)),
            ),
        )


def _ambiguity(target: Target) -> tuple[str, ...]:
    """Say which source was taken, where another one could be meant: one brighter, or about as near."""
    source = target.source
    if source.distance > SEARCH and not target.others:
        return (
            f"The nearest source is {source.distance:.0f} pixels from the given location: it is taken for the target. "
            "Set 'location' onto the target if it is another.",
        )
    rivals = [
        other
        for other in target.others
        if other.light > source.light or other.distance < 2 * source.distance + NEAR
    ]
    if not rivals:
        return ()
    other = max(rivals, key=lambda one: one.light)
    radius = SEARCH if source.distance <= SEARCH else SEARCH_FAR
    return (
        f"{len(rivals) + 1} sources lie within {radius} pixels of the given location. The nearest is taken, "
        f"{source.distance:.1f} pixels away; the one at column {other.column:.0f}, row {other.row:.0f} is "
        f"{other.distance:.1f} pixels away and has {other.light / source.light:.2g} times its light. Set 'location' "
        "onto the target if it is another.",
    )
