"""How the light curve scatters, against photons and against the edit before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.photometry import (
    AT_CONTACTS,
    TELL_A_DIP,
    frames_for,
    scatter_range,
    usual_light,
)
from hustle_widgets.assessment.finding import VERDICTS, Finding, Remedy, Verdict, judge
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.following import FOLLOWS
from hustle_widgets.steps.frame_names import sound_frames
from hustle_widgets.steps.quicklook import lit

# Where 'good' ends and where 'bad' begins.
SCATTER = (1.5, 3.0)  # in units of the photon limit
TOO_QUIET = (0.75, 0.5)  # the same, from below: noise that was corrected away
UNTOLD = 20.0  # the same, where the ends of a transit are in what is measured
WORSE = (1.05, 1.25)  # scatter over that before the last edit
# Chance that a scatter of photons alone lies beyond where 'good' ends, and beyond where 'bad' begins, on either side.
CHANCE = (0.003, 1e-4)


def light(
    state: State,
    previous_ppm: Mapping[str, float],
    kinds: Sequence[type[Step]] = (),
    others: Sequence[Finding] = (),
) -> list[Finding]:
    """Judge the scatter of the light curve against the photon limit and against that before the last edit.

    Parameters
    ----------
    state : State
    previous_ppm : mapping of str to float
    kinds : sequence of type of Step
    others : sequence of Finding
        What is known otherwise: the worst of it is the first to be mended.
    """
    found = []
    followed = {name for name, out in state.outcomes.items() if out.table.facts.get(FOLLOWS) == "model"}
    left = [kind for kind in kinds if kind.name not in followed]
    name, facts = next(
        ((name, o.table.facts) for name, o in state.outcomes.items() if "scatter_ppm" in o.table.facts),
        ("", {}),
    )
    for order, ppm in facts.get("scatter_ppm", {}).items():
        limit = facts.get("expected_ppm", {}).get(order, float("nan"))
        freedom = facts.get("scatter_freedom", {}).get(order, float("inf"))
        usual = usual_light(state.outcomes[name].table.columns.get(f"flux_{order}", np.nan))
        if usual <= 0:
            found.append(_below_zero(name, order, usual, state, kinds, others))
            continue
        told = facts.get("transit") is not None, int(np.count_nonzero(lit_frames(state, name, order)))
        found.append(_scatter(name, order, ppm, limit, freedom, left, others, told))
        if order in previous_ppm and previous_ppm[order] > 0:
            found.append(_edit(name, order, ppm, previous_ppm[order]))
    return found


def judged_scatter(ratio: float, freedom: float) -> Verdict:
    """Return the verdict on a scatter over the photon limit, of a light curve of so many degrees of freedom.

    Few points scatter by chance more or less than photons make many: the limits are as wide as chance. Where nearly
    all points are at a contact of a transit only a scatter that is many times too large says anything. Ask
    `known_scatter` first whether 'good' is more than that nothing is known.
    """
    if freedom <= AT_CONTACTS:
        return "check" if ratio > UNTOLD else "good"
    usual, rare = (scatter_range(freedom, chance) for chance in CHANCE)
    above = max(SCATTER[0], usual[1]), max(SCATTER[1], rare[1])
    if ratio < min(TOO_QUIET[0], usual[0]):
        return "bad" if ratio < min(TOO_QUIET[1], rare[0]) else "check"
    return judge(ratio, above)


def known_scatter(ratio: float, freedom: float) -> bool:
    """Tell whether a light curve of so few degrees of freedom says anything of its scatter over the photon limit.

    It does not where a scatter that would be bad of many points is one that chance makes of few.
    """
    if judged_scatter(ratio, freedom) != "good":
        return True
    return freedom > AT_CONTACTS and TOO_QUIET[1] <= ratio <= SCATTER[1]


def lit_frames(state: State, name: str, order: str) -> NDArray[np.bool_]:
    """Tell which frames count in a light curve: those with light that did not fail."""
    flux = state.outcomes[name].table.columns.get(f"flux_{order}", np.zeros(state.shape[0]))
    return np.isfinite(lit(np.asarray(flux, dtype=float))) & sound_frames(state)


def _not_known(
    name: str, order: str, ppm: float, limit: float, freedom: float, told: tuple[bool, int]
) -> Finding:
    """Say that a scatter is not known, and what it takes."""
    (transit, n_frames), (low, high) = told, scatter_range(freedom, CHANCE[0])
    needed = frames_for(TOO_QUIET[1], CHANCE[0])
    if freedom > AT_CONTACTS:
        why = f"points that follow one another are so few that photons alone make {low:.1f} to {high:.1f} times it"
    elif transit:
        why = f"nearly all of its {n_frames} frames lie at the ends of the dip"
    else:
        why, needed = f"in {n_frames} frames a dip is not told from scatter", TELL_A_DIP
    words = f"work on some {needed} frames or more to tell it; until then judge by what else is said."
    remedy = Remedy(name, None, "set", None, words)
    sentence = (
        f"Order {order} scatters by {ppm:,.0f} ppm; photons alone give {limit:,.0f} ppm. That tells nothing of the "
        f"scatter: {why}. {words[0].upper()}{words[1:]}"
    )
    return Finding(name, "Scatter", float("nan"), "not known", "check", sentence, remedy)


def _below_zero(
    name: str, order: str, usual: float, state: State, kinds: Sequence[type[Step]], others: Sequence[Finding]
) -> Finding:
    """Say that a light curve holds no light, and how the background leaves it."""
    sky = [kind for kind in kinds if kind.sky and kind.name in state.outcomes]
    told = (one.remedy for one in others if one.title == "Background left" and one.verdict != "good")
    remedy = next((one for one in told if one is not None), None)
    at = "is zero" if usual == 0 else f"lies below zero, at {usual:,.0f} e⁻,"
    sentence = f"The light curve of order {order} {at} in the usual frame: "
    if sky:
        sentence += "the background that is subtracted takes the star's light. "
        label = sky[-1].section or sky[-1].title
        words = f"let {label} take its background from rows and regions without light of the star."
        remedy = remedy or Remedy(sky[-1].name, None, "set", None, words)
    else:
        sentence += "the frames hold no light where the aperture lies. "
        remedy = Remedy(name, None, "set", None, "look at the aperture on the frame, and at the frames kept.")
    sentence += f"{remedy.words[0].upper()}{remedy.words[1:]}"
    return Finding(name, "Scatter", float("nan"), "no light", "bad", sentence, remedy)


def _scatter(
    name: str,
    order: str,
    ppm: float,
    limit: float,
    freedom: float,
    kinds: Sequence[type[Step]],
    others: Sequence[Finding],
    told: tuple[bool, int],
) -> Finding:
    value = ppm / limit if limit > 0 else float("nan")
    figure, remedy = f"{value:.2f} x photons", None
    if not value >= 0:
        why = "has no light" if not limit > 0 else "has too few points in a row to tell its scatter"
        remedy = Remedy(name, None, "set", None, "look at the aperture on the frame, and at the frames kept.")
        sentence = f"Order {order} {why}: {remedy.words}"
        return Finding(name, "Scatter", value, "not known", "check", sentence, remedy)
    if not known_scatter(value, freedom):
        return _not_known(name, order, ppm, limit, freedom, told)
    verdict = judged_scatter(value, freedom)
    sentence = f"Order {order} scatters by {ppm:,.0f} ppm; photons alone give {limit:,.0f} ppm."
    if verdict != "good":
        remedy = _calm(name, value < 1, kinds, others)
        if value < 1:
            sentence += " Less than photons can: the noise itself is being corrected away."
        else:
            sentence += " Cosmic rays left, pixels wrongly corrected, or the background may be the reason."
        sentence += f" {remedy.words[0].upper()}{remedy.words[1:]}"
    elif freedom < 10:
        low, high = scatter_range(freedom, CHANCE[0])
        sentence += f" So few points tell no better than {low:.1f} to {high:.1f} times."
    return Finding(name, "Scatter", value, figure, verdict, sentence, remedy)


def _calm(name: str, quiet: bool, kinds: Sequence[type[Step]], others: Sequence[Finding]) -> Remedy:
    """Say what to try on a light curve that scatters too much, or too little."""
    doubtful = [finding for finding in others if finding.verdict != "good" and finding.remedy is not None]
    # A step that finds nothing takes no light; what it leaves in, others may have found.
    doubtful = [finding for finding in doubtful if finding.value != 0]
    if doubtful:
        first = max(doubtful, key=lambda finding: VERDICTS.index(finding.verdict)).remedy
        assert first is not None
        return first
    clipping = [kind for kind in kinds if kind.threshold]
    if quiet and clipping:
        kind = clipping[0]
        return Remedy(
            kind.name, kind.threshold, "raise", None, "raise the thresholds of the steps that replace pixels."
        )
    following = next((kind for kind in kinds if "free_model" in kind.parameters), None)
    if following is not None:
        words = "set free_model to 'drift', which tells hits from motion, or click on a point to see what moved it."
        return Remedy(following.name, "free_model", "set", "drift", words)
    return Remedy(name, None, "set", None, "look at the frames of the points that stand out.")


def _edit(name: str, order: str, now: float, before: float) -> Finding:
    ratio = now / before
    verdict = judge(ratio, WORSE)
    if not np.isfinite(ratio):
        words = "undo the last edit."
        sentence = (
            f"Before the last edit order {order} scattered by {before:,.0f} ppm, now it is not known: {words}"
        )
        undo = Remedy(name, None, "set", None, words)
        return Finding(name, "Last edit", ratio, "not known", "check", sentence, undo)
    sentence = f"Since the last edit the scatter of order {order} went from {before:,.0f} to {now:,.0f} ppm."
    remedy = None
    if verdict != "good":
        sentence += " The edit made it worse."
        remedy = Remedy(name, None, "set", None, "undo the last edit.")
    return Finding(name, "Last edit", ratio, f"{ratio - 1:+.1%} scatter", verdict, sentence, remedy)
