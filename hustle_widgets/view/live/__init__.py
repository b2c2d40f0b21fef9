"""The live view of each step."""

from __future__ import annotations

from typing import Any

from hustle_widgets.protocols import StepLike
from hustle_widgets.steps.declaration import loaded
from hustle_widgets.view.live.any_step import AnyFlaggedLive, TakenOffLive
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.selection import Selection


def live_view(step: StepLike, selection: Selection) -> Live[Any]:
    """Make the live view of a step: the one it declares, or one of what its deltas hold."""
    kind: type[Live[Any]] = loaded(step.live) if step.live else AnyFlaggedLive if step.flag else TakenOffLive
    return kind(step, selection)
