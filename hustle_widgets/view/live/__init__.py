"""The live view of each step."""

from __future__ import annotations

from typing import Any

from hustle_widgets.view.live.base import Live
from hustle_widgets.view.live.column import ColumnLive
from hustle_widgets.view.live.ends import ReadLive, SaveLive
from hustle_widgets.view.live.hst_flags import HSTFlagsLive
from hustle_widgets.view.live.led import LedLive
from hustle_widgets.view.live.location import LocationLive
from hustle_widgets.view.live.pagul import SkyLive
from hustle_widgets.view.live.quicklook import QuicklookLive
from hustle_widgets.view.live.smooth import SmoothLive
from hustle_widgets.view.live.temporal import FixedSeriesLive, SeriesLive
from hustle_widgets.view.live.tracks import StarsLive, ZerothLive
from hustle_widgets.view.live.uniform import UniformLive
from hustle_widgets.view.selection import Selection

LIVE: dict[str, type[Live]] = {
    "read_data": ReadLive,
    "hst_flags": HSTFlagsLive,
    "fixed_iter": FixedSeriesLive,
    "free_iter": SeriesLive,
    "led": LedLive,
    "smooth": SmoothLive,
    "uniform": UniformLive,
    "column": ColumnLive,
    "pagul": SkyLive,
    "location": LocationLive,
    "zeroth_tracking": ZerothLive,
    "bkg_stars": StarsLive,
    "quicklook": QuicklookLive,
    "save": SaveLive,
}


def live_view(step: Any, selection: Selection) -> Live | None:
    """Make the live view of a step, or None if it has none."""
    kind = LIVE.get(step.name)
    return None if kind is None else kind(step, selection)
