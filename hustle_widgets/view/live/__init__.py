"""The live view of each step."""

from __future__ import annotations

from typing import Any

from hustle_widgets.view.live.base import Live
from hustle_widgets.view.live.curves import BackgroundLive, MotionLive
from hustle_widgets.view.live.flagged import FlaggedLive, SeriesLive
from hustle_widgets.view.look import Look

LIVE: dict[str, type[Live]] = {
    "hst_flags": FlaggedLive,
    "fixed_iter": SeriesLive,
    "free_iter": SeriesLive,
    "led": FlaggedLive,
    "smooth": FlaggedLive,
    "uniform": BackgroundLive,
    "column": BackgroundLive,
    "pagul": BackgroundLive,
    "zeroth_tracking": MotionLive,
    "bkg_stars": MotionLive,
}


def live_view(step: Any, look: Look) -> Live | None:
    """Make the live view of a step, or None if it has none."""
    kind = LIVE.get(step.name)
    return None if kind is None else kind(step, look)
