"""All criteria, applied to a reduction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hustle_widgets.assessment import sources
from hustle_widgets.assessment.aperture import aperture
from hustle_widgets.assessment.finding import Finding, Remedy
from hustle_widgets.assessment.flagged import changed, on_traces
from hustle_widgets.assessment.left import hits_left
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
    failed = failures(state, kinds)
    placed = in_aperture(state, location, kinds, values)
    rejected = [
        *on_traces(state, zones, kinds, values),
        *hits_left(state, zones, kinds, values),
        *sources.kept(state, zones, kinds, values),
        *changed(state, kinds, values),
    ]
    sky = background(state, zones, [kind for kind in kinds if kind.sky], values)
    summed = aperture(state, location, kinds)
    moves = motion(state, [kind for kind in kinds if kind.follows], kinds, list(failed_in(state)))
    found = [
        *made_up(state),
        *failed,
        *by_header(state, location, kinds),
        *rejected,
        *sky,
        *placed,
        *summed,
        *moves,
    ]
    found = [*found, *light(state, previous_ppm or {}, kinds, found)]
    taken = next((one for one in rejected if one.title == "Stars kept" and one.verdict != "good"), None)
    if taken is not None:
        found = [because(one, taken, OF_STARS, "a step takes light from the stars") for one in found]
    lost = next((one for one in placed if one.verdict == "bad"), None)
    if lost is not None:
        found = [
            because(one, lost, OF_TRACES, "the traces do not lie where they are expected") for one in found
        ]
    return found


# What is told of the pixels along the traces means nothing when these lie elsewhere.
OF_TRACES = ("Traces kept", "Hits left", "Background left", "Aperture", "Light of others", "Scatter")
OF_STARS = ("Trackers agree", "Displacement")


def because(finding: Finding, cause: Finding, titles: Sequence[str], words: str) -> Finding:
    """Point to the cause of a finding that is not good, which is to be mended first."""
    if finding.verdict == "good" or finding.title not in titles or cause.remedy is None:
        return finding
    sentence = f"{finding.figure}, but {words}: first {cause.remedy.words}"
    return replace(finding, sentence=sentence, remedy=cause.remedy)


def failed_in(state: State) -> dict[int, str]:
    """Return which frames that are worked on failed, and how."""
    worked_on = set(state.kept_frames.tolist())
    return {number: text for number, text in failed_frames(state).items() if number in worked_on}


def failures(state: State, kinds: Sequence[type[Step]]) -> list[Finding]:
    """Tell which frames failed and are worked on, if one of `kinds` can leave them out."""
    step = next((kind.name for kind in kinds if "skip_frames" in kind.parameters), "")
    failed = failed_in(state)
    worked_on = state.kept_frames
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
