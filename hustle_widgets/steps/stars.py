"""Step 6c: how the frames move, by background stars."""

from __future__ import annotations

from typing import Any

import numpy as np

from hustle_widgets.algorithms.centroid import check_stars, displacements, track_stars
from hustle_widgets.algorithms.mean_track import mean_track
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Table
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Column
from hustle_widgets.steps.frame_names import numbers_in_words
from hustle_widgets.steps.parameters import Positions, Whole
from hustle_widgets.steps.reference import failed_fact, from_reference, reference_notes

Places = tuple[tuple[float, float], ...]


class BackgroundStarTracking(Step):
    """Track the displacement of the frames by the centroids of background stars."""

    name, title, section, by = "bkg_stars", "Displacement: background stars", "6c", "frames"
    label = "Stars"
    heading = ("Step 6c: Background star tracking",)
    switch = "do_bkg_stars"
    switch_help = "Track the motion of the frames by background stars."
    alters = False
    records = {
        "meanstar_disp": Column(
            "pixel", "mean displacement of the stars from the first sound frame (column, row)", ("xy",)
        )
    }
    follows, doing = ("meanstar_disp", "stars"), "Tracking background stars..."
    live, figures = (
        "hustle_widgets.view.live.tracks:StarsLive",
        "hustle_widgets.view.figures.motion:star_figures",
    )
    every_frame = ("bkg_stars", "hustle_widgets.view.figures.motion:StarWindows")
    tour = """
    Click on the frame to place a star, on a star to remove it, drag to move it. A star that disagrees with the others
    has a neighbour in its window, or a bad pixel.
    """
    bkg_stars_loc = Positions(
        ((0, 0), (0, 0)),
        (
            "[column, row] of each star on the frames: [[column, row], ...]. Choose stars that are not "
            "saturated."
        ),
        unit="pixels",
    )
    bkg_window = Whole(
        15,
        "Half-width of the window around each star. Make it smaller for a star near a trace.",
        unit="pixels",
        min=3,
        soft=(3, 50),
        advice="Lower it near a bright trace or another star; raise it if the star leaves the window.",
    )

    @classmethod
    def record(cls, column: str) -> Column:
        """Describe the columns of each star."""
        star, _, what = column.removeprefix("star").partition("_")
        text = {"pos": "position", "disp": "displacement from the first sound frame"}.get(what)
        if not (text and star.isdecimal()):
            return super().record(column)
        return Column("pixel", f"{text} of star {star} (column, row)", ("xy",))

    @staticmethod
    def prepare(state: State, *, bkg_stars_loc: Places, bkg_window: int) -> dict[str, Any]:
        """Check the places of the stars."""
        if not bkg_stars_loc or bkg_stars_loc == BackgroundStarTracking.parameters["bkg_stars_loc"].tutorial:
            raise Unmet(
                "No star has been chosen: set 'bkg_stars_loc' to the [column, row] of unsaturated stars."
            )
        check_stars(bkg_stars_loc, state.shape[1:], bkg_window)
        return {}

    @staticmethod
    def compute(block: Block, *, bkg_stars_loc: Places, bkg_window: int) -> Table:
        """Find each star in one frame."""
        positions = track_stars(block.images[0], bkg_stars_loc, bkg_window)
        return Table({f"star{number}_pos": place[np.newaxis] for number, place in enumerate(positions)})

    @staticmethod
    def finish(outcome: Outcome, state: State) -> Outcome:
        """Subtract the positions in the first sound frame, and average the stars."""
        found = outcome.table.columns
        positions = np.stack(list(found.values()), axis=1)
        moves = displacements(positions)
        columns = dict(found)
        for star, name in enumerate(found):
            columns[name.replace("_pos", "_disp")] = from_reference(moves[:, star], state)
        track, used, _ = mean_track(positions)
        columns["meanstar_disp"] = from_reference(track, state)
        seen = {name.removesuffix("_pos"): np.isfinite(place).all(axis=1) for name, place in found.items()}
        notes = tuple(
            f"{star} was found in {frames.sum()} of {frames.size} frames."
            for star, frames in seen.items()
            if not frames.all()
        )
        for star, name in enumerate(found):
            out = np.flatnonzero(np.isfinite(positions[:, star]).all(axis=1) & ~used[:, star])
            if out.size:
                numbers = numbers_in_words(state.kept_frames[out])
                notes += (
                    f"{name.removesuffix('_pos')} stands out in frames {numbers} and is left out of the mean there: a "
                    "cosmic ray in its window, or another source.",
                )
        notes += reference_notes(state, {name.removesuffix("_pos"): place for name, place in found.items()})
        return Outcome((Table(columns, failed_fact(state), notes),))
