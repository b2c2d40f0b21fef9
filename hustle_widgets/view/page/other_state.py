"""Plots whose numbers are not those of the present parameters are greyed, and their headings say so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hustle_widgets.protocols import StepLike

# Status of a step -> class of its plots; page.css has the words.
CLASSES = {"off": "hustle-of-off", "stale": "hustle-of-stale", "failed": "hustle-of-stale"}


def mark_state(widget: Any, steps: Iterable[StepLike], waits: bool) -> None:
    """Grey plots, or no longer.

    Parameters
    ----------
    widget : Widget
        The box of the plots.
    steps : iterable of Step
        Those whose numbers they show.
    waits : bool
        Whether the result is about to come: then what is stale is not marked, or a drag would flicker.
    """
    states = {step.status for step in steps}
    worn = {CLASSES[state] for state in states & set(CLASSES) if state == "off" or not waits}
    for name in set(CLASSES.values()):
        (widget.add_class if name in worn else widget.remove_class)(name)
