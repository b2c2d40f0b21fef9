"""Whether cosmic rays are left on the traces: what no step took away."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import bottleneck as bn
import numpy as np

from hustle_widgets.algorithms.drift_model import FEWEST_FRAMES
from hustle_widgets.algorithms.temporal import farthest_lone_outlier
from hustle_widgets.assessment.finding import Finding, Remedy, judge
from hustle_widgets.assessment.flagged import LEAST_THRESHOLD
from hustle_widgets.assessment.followed import walk
from hustle_widgets.assessment.traces import HIT, TraceLight, trace_light
from hustle_widgets.assessment.zones import Zones
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.following import FOLLOWS
from hustle_widgets.steps.quicklook import light_table

# Scatter that hits add to the light of the traces, in units of its photon noise: where 'good' ends, where 'bad' begins.
LEFT = (0.5, 1.5)
LOOK = "click on the points that stand out, to see what moved them."
OF_MODEL = 4.0  # [sigma], the threshold that fits a model of light and drift
RAISED = 1.3


def hits_left(
    state: State, zones: Zones, kinds: Sequence[type[Step]], values: Mapping[str, Any] | None = None
) -> list[Finding]:
    """Judge the hits that are left on the traces; nothing is said of a few."""
    step = rejecting(kinds)
    summed = light_table(state.outcomes) is not None
    star = trace_light(state, zones) if summed and step is not None else None
    if star is None or step is None:
        return []
    number, noise = of_hits(state, star)
    verdict = judge(noise, LEFT)
    if verdict == "good":
        return []
    remedy = how_to_remove(state, step, kinds, values)
    sentence = (
        f"{number:.0f} values a frame on the traces lie more than {HIT:g} sigma above the star's light, and no step "
        f"took them away: they add {noise:.1f} times the photon noise. {remedy.words[0].upper()}{remedy.words[1:]}"
    )
    return [Finding(step.name, "Hits left", noise, f"{noise:.1f} x photons", verdict, sentence, remedy)]


def rejecting(kinds: Sequence[type[Step]]) -> type[Step] | None:
    """Return the last step that rejects in time."""
    return next((kind for kind in reversed(kinds) if kind.by == "rows" and kind.threshold), None)


def of_hits(state: State, star: TraceLight) -> tuple[float, float]:
    """Return how many hits a frame are left, and the scatter they add in units of the photon noise."""
    values = star.raw.values.astype(np.float64)
    for done in walk(state, star.raw):
        taken = np.broadcast_to(done.taken, values.shape)[done.frame, done.place]
        values[done.frame, done.place] = done.after + taken
    lit = np.isfinite(star.factor)
    rest = values - star.raw.sky[:, np.newaxis] - np.nan_to_num(star.factor)[:, np.newaxis] * star.usual
    with np.errstate(invalid="ignore"):
        hit = (rest > HIT * star.spread) & star.sound & lit[:, np.newaxis]
    hit &= np.count_nonzero(hit, axis=0) < max(2, state.shape[0] / 4)  # a fault that stays adds no scatter
    light = np.where(hit, rest, 0).sum(axis=1)[lit]
    flux = float(star.usual.sum())
    # A frame with a large hit is no noise, it is an outlier: it counts, but not by its square.
    away = np.abs(light - np.median(light))
    return float(hit[lit].sum(axis=1).mean()), float(bn.nanmean(away)) * 1.2533 / math.sqrt(flux)


def how_to_remove(
    state: State, step: type[Step], kinds: Sequence[type[Step]], values: Mapping[str, Any] | None
) -> Remedy:
    """Say how hits are found."""
    name, outcome = step.name, state.outcomes.get(step.name)
    edges = next((kind for kind in kinds if kind.by == "frames" and kind.threshold), None)
    if farthest_lone_outlier(state.shape[0]) < LEAST_THRESHOLD:
        if edges is not None and edges.name not in state.outcomes:
            words = f"turn {edges.section or edges.title} on: so few frames tell little in time."
            return Remedy(edges.name, "enabled", "set", True, words)
        return Remedy(name, None, "set", None, LOOK)
    if outcome is None:
        words = f"turn {step.section or step.title} on, which rejects outliers in time."
        return Remedy(name, "enabled", "set", True, words)
    follows = outcome.table.facts.get(FOLLOWS) == "model"
    tutorial: Any = OF_MODEL if follows else step.parameters[step.threshold].tutorial
    now = (values or {}).get(step.threshold)
    # What the traces ask for is a quarter more than the tutorial's at most: to take that back would be a circle.
    if isinstance(now, (int, float)) and now > RAISED * tutorial:
        words = f"lower {step.threshold} to {tutorial:g}."
        return Remedy(name, step.threshold, "lower", float(tutorial), words)
    if "free_model" in step.parameters and not follows and state.shape[0] >= FEWEST_FRAMES:
        words = "set free_model to 'drift', which tells hits from motion."
        return Remedy(name, "free_model", "set", "drift", words)
    return Remedy(name, None, "set", None, LOOK)
