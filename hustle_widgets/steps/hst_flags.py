"""Step 2: pixels that the HST pipeline flagged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hustle_widgets.algorithms.dq import FIRST_TEMPORAL, flagged, replace_flagged
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Patch, Table
from hustle_widgets.engine.plan import Setting
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Lines
from hustle_widgets.steps.following import (
    NOTHING_FOLLOWED,
    Following,
    follow,
    followed_facts,
    replace_by_choice,
    replaced_by_flux,
    replaced_by_neighbours,
    without_location,
)
from hustle_widgets.steps.parameters import Switch, Wholes
from hustle_widgets.steps.words import pixels


class HSTFlags(Step):
    """Correct pixels that calwf3 flagged: bits below 4096 in space, the others in time."""

    name, title, section = "hst_flags", "HST pipeline flags", "2"
    label = "HST flags"
    heading = ("Step 2: Correct pixels flagged by HST pipeline",)
    switch = "do_hst_flags"
    switch_help = "Correct the pixels that the HST pipeline flagged."
    by, halo, flag = "rows", 3, 1
    borrows = ("zeroth_tracking.location",)
    flags_what, color, line = "Pixels flagged by calwf3", "purple", ":"
    doing, done = "Correcting pixels flagged by HST...", "HST flags complete."
    figure = "HST_flags"
    live = "hustle_widgets.view.live.hst_flags:HSTFlagsLive"
    tour = """
    A bar is a flag of calwf3 in this frame: click it to choose the flag or drop it. Flags of things that stay (hot,
    saturated) are corrected in space, those of cosmic rays in time. If the orange pixels draw the trace, a flag marks
    more than faults.
    """
    hst_flags = Wholes(
        (16, 4096),
        (
            "Flags of calwf3 to correct: 4 bad, 16 hot, 32 CTE, 64 warm, 256 saturated, 512 flat, 1024 sink, "
            "4096 and 8192 cosmic ray."
        ),
        min=1,
        max=65535,
    )
    hst_replace = Switch(
        True,
        (
            "True: replace them, by neighbours in the frame for flags below 4096, by other frames from 4096 "
            "on. False: only record them in data_quality and badpix_mask."
        ),
    )

    replace_by = replace_by_choice()

    @classmethod
    def setting(cls, values: Mapping[str, Any]) -> Setting:
        """Depend on the target's location only where the traces are followed."""
        return without_location(super().setting(values))

    @classmethod
    def words(cls, outcome: Outcome, parameters: Mapping[str, Any]) -> Lines:
        """Leave the iterations out: there is one."""
        return [] if outcome.patch is None else pixels(cls, outcome.patch, of_iteration=None)

    @staticmethod
    def prepare(
        state: State, *, replace_by: str, location: tuple[float, float] | None = None
    ) -> dict[str, Any]:
        """Follow the traces, if flagged pixels are replaced by their light."""
        return {"following": follow(state, location) if replace_by == "flux" else NOTHING_FOLLOWED}

    @staticmethod
    def compute(
        block: Block,
        *,
        hst_flags: tuple[int, ...],
        hst_replace: bool,
        replace_by: str = "median",
        following: Following = NOTHING_FOLLOWED,
    ) -> tuple[Patch, Table]:
        """Flag, and with `hst_replace` replace, the pixels of a band of rows."""
        mask, values, unrepaired = replace_flagged(block.images, block.hst_dq, hst_flags, core=block.core)
        notes = following.notes
        if hst_replace and unrepaired:
            notes = (
                *notes,
                "Some flagged pixels have no good neighbour in space or time and stay as they are.",
            )
        if hst_replace and replace_by == "flux":
            hst_dq = block.hst_dq[:, block.core]
            standing = flagged(hst_dq, [flag & (FIRST_TEMPORAL - 1) for flag in hst_flags])
            usable = ~flagged(hst_dq, hst_flags)
            values = replaced_by_flux(block, mask, values, following, usable=usable, chosen=~standing[mask])
            values = replaced_by_neighbours(block, mask, values, following, standing)
        table = Table(facts=followed_facts(following), notes=notes)
        return Patch.where(mask, values if hst_replace else None), table
