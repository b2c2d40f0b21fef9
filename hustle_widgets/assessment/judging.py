"""All criteria, applied to a reduction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hustle_widgets.assessment import sources
from hustle_widgets.assessment.finding import Finding, Remedy
from hustle_widgets.assessment.flagged import changed, on_traces
from hustle_widgets.assessment.light import light
from hustle_widgets.assessment.location import by_header
from hustle_widgets.assessment.motion import motion
from hustle_widgets.assessment.sky import background
from hustle_widgets.assessment.target import in_aperture
from hustle_widgets.assessment.zones import Zones
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.frame_names import failed_frames, frame_name, numbers_in_words


def assess(
    state: State,
    location: tuple[float, float],
    previous_ppm: Mapping[str, float] | None = None,
    kinds: Sequence[type[Step]] = STAGE_1,
    values: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Judge a reduction.

    Parameters
    ----------
    state : State
        The visit as it leaves the chain.
    location : (column, row)
        Where the target is in the direct image.
    previous_ppm : mapping of str to float, optional
        Scatter of the light curve of each order before the last edit [ppm].
    kinds : sequence of type of Step
        The steps of the chain, in order.
    values : mapping of str to object, optional
        The present parameters by their keys in the config file: what is proposed starts from them.

    Returns
    -------
    list of Finding
        Those criteria whose steps are known, in the order of the tutorial.
    """
    zones = Zones.of(state, location)
    found = [
        *made_up(state),
        *failures(state, kinds),
        *by_header(state, location, kinds),
        *on_traces(state, zones, kinds, values),
        *sources.kept(state, zones, kinds, values),
        *changed(state, kinds, values),
        *background(state, zones, [kind for kind in kinds if kind.sky], values),
        *in_aperture(state, location, kinds),
        *motion(state, [kind for kind in kinds if kind.follows]),
    ]
    return [*found, *light(state, previous_ppm or {}, kinds, found)]


def failures(state: State, kinds: Sequence[type[Step]]) -> list[Finding]:
    """Tell which frames failed and are worked on, if one of `kinds` can leave them out."""
    step = next((kind.name for kind in kinds if "skip_frames" in kind.parameters), "")
    worked_on = set(state.kept_frames.tolist())
    failed = {number: text for number, text in failed_frames(state).items() if number in worked_on}
    if not (failed and step):
        return []
    first, text = next(iter(failed.items()))
    words = f"leave such frames out: skip_frames = {numbers_in_words(failed)}."
    return [
        Finding(
            step,
            "Failed frames",
            len(failed),
            f"{len(failed)} of {len(worked_on)}",
            "check",
            f"{frame_name(state.source, first)}: {text}. L{words[1:]}",
            Remedy(step, "skip_frames", "set", tuple(failed), words),
        )
    ]


def made_up(state: State) -> list[Finding]:
    """Say that something was injected: such a result is no observation, however good it looks."""
    if state.source.injection is None:
        return []
    words = "take it out before a result is kept: reduction.take_out()."
    sentence = f"{state.source.injection.words} T{words[1:]}"
    first = next(iter(state.outcomes), "")
    remedy = Remedy(first, None, "set", None, words)
    return [Finding(first, "As observed", 1.0, "injected", "bad", sentence, remedy)]
