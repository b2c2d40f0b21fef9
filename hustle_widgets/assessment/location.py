"""Whether the given location of the target agrees with the header of the direct image."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hustle_widgets.assessment.finding import Finding, Remedy
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.targets import near_header, refined_target, source_of_header


def by_header(state: State, location: tuple[float, float], kinds: Sequence[type[Step]]) -> list[Finding]:
    """Tell that the location is far from the header's, if the direct image shows a source where the header has it."""
    owner = next((kind for kind in kinds if "location" in kind.parameters), None)
    place = refined_target(state) or location
    source = None if owner is None or near_header(state, place) else source_of_header(state, location)
    if owner is None or source is None:
        return []
    step = next((kind.name for kind in kinds if kind.name == "location"), owner.name)
    far = math.dist(place, state.facts["target"])
    value = (round(source[0], 1), round(source[1], 1))
    words = f"set location to [{value[0]:g}, {value[1]:g}] unless the header is wrong."
    sentence = (
        f"The given location is {far:.0f} pixels from where the header puts the target, and the direct image shows "
        f"a source there: {words}"
    )
    remedy = Remedy(owner.name, "location", "set", value, words)
    return [Finding(step, "Location and header", far, f"{far:.0f} px", "check", sentence, remedy)]
