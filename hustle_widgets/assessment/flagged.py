"""Whether the pixels that steps flag are faults: the traces kept, few pixels changed, and anything found at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hustle_widgets.algorithms.drift_model import FEWEST_FRAMES
from hustle_widgets.assessment.finding import Finding, Remedy, Verdict, judge, worse
from hustle_widgets.assessment.traces import TraceLoss, losses
from hustle_widgets.assessment.zones import Zones, patches
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.following import FOLLOWS, OUT_OF_REACH
from hustle_widgets.steps.frame_names import sound_frames

# Where 'good' ends and where 'bad' begins.
TRACE_RATE = (1.5, 3.0)  # flagged share on the traces over that off them
TRACE_SHARE = (0.03, 0.06)  # flagged share on the traces; cosmic rays hit 1 % in 190 s (WFC3 IHB 5.4)
TRACE_FEW = 0.002  # share on the traces that is too small to matter, whatever it is off them
CHANGED = (0.05, 0.15)  # share of all pixels changed
DILUTION = (0.01, 0.05)  # share of a transit's depth that is lost
LOST = (0.01, 0.05)  # share of the light of the traces that is taken away
NOISE = (
    0.6,
    1.8,
)  # scatter that replaced values add, in units of the photon noise: 0.6 makes it 1.17 times as large
TOLD = 0.003, 0.6  # share of the depth, and noise, that are worth a word though they do not matter
# With so few frames that no outlier reaches this [sigma], a threshold that finds any takes good values too.
LEAST_THRESHOLD = 3.0
# A change of the dip that was found counts from so many of its errors.
SURE = 5.0

Kinds = Mapping[str, type[Step]]


def on_traces(
    state: State, zones: Zones, kinds: Sequence[type[Step]] = (), values: Mapping[str, Any] | None = None
) -> list[Finding]:
    """Judge whether a step that flags pixels takes the traces for outliers, and what that costs."""
    named = {kind.name: kind for kind in kinds}
    in_time = followers(state, named)
    cost = dict(losses(state, zones, in_time, values))
    together = sum(one.dilution for one in cost.values())
    most = max(cost, key=lambda name: cost[name].dilution, default="")
    helped = [
        name for name, patch in patches(state) if name in in_time and named[name].threshold and len(patch)
    ]
    found, sound = [], sound_frames(state)
    for name, patch in patches(state):
        on, off = zones.shares(patch, sound)
        if not len(patch):
            found.append(nothing_found(state, name, named, values, [one for one in helped if one != name]))
        elif np.isfinite(on) and np.isfinite(off):
            # One pixel more or less in a frame is chance.
            spread = 1 / (zones.counts[1] * np.count_nonzero(sound)) * 20
            rate = (on + spread) / (off + spread)
            # What all steps lose together is told of the one that loses most.
            whole = together if name == most else 0.0
            # In few frames no trace can be followed, whatever is set.
            follows = in_time.get(name) if state.shape[0] >= FEWEST_FRAMES else None
            found.append(_kept(name, on, off, rate, cost.get(name), whole, named, values, follows))
    return found


def followers(state: State, named: Kinds) -> dict[str, str]:
    """Return what the steps in time replace outliers by: 'median', 'flux' or 'model', see `traces.losses`."""
    return {
        name: outcome.table.facts.get(FOLLOWS, "median")
        for name, outcome in state.outcomes.items()
        if name in named and named[name].by == "rows"
    }


def _kept(
    name: str,
    on: float,
    off: float,
    rate: float,
    cost: TraceLoss | None,
    together: float,
    named: Kinds,
    values: Mapping[str, Any] | None,
    follows: str | None,
) -> Finding:
    sentence = f"{on:.2%} of the pixels on the traces are flagged, {off:.2%} of those off them"
    remedy = None
    if cost is None:
        verdict = worse(judge(rate, TRACE_RATE), judge(on, TRACE_SHARE))
        if on < TRACE_FEW:
            verdict = "good"
        if verdict == "good":
            sentence += ": "
            sentence += "too few to matter." if rate > TRACE_RATE[0] else "the hits do not follow the traces."
        else:
            remedy = spare(name, cost, named, values, follows)
            sentence += f": the traces are being corrected away: {remedy.words}"
        return Finding(name, "Traces kept", on, f"{on:.2%} hit", verdict, sentence, remedy)
    # What is flagged does no harm that can be measured, however it looks.
    costs, verdict = _cost(cost, together)
    if verdict == "good":
        told = []
        if cost.dilution >= TOLD[0]:
            told.append(f"{cost.dilution:.1%} of the depth of a transit is lost by it")
        if cost.noise >= TOLD[1]:
            told.append(f"it adds {cost.noise:.1f} times the photon noise")
        sentence += f": {', '.join(told)}." if told else "."
    else:
        remedy = spare(name, cost, named, values, follows)
        sentence += f". {costs} {remedy.words[0].upper()}{remedy.words[1:]}"
    return Finding(name, "Traces kept", on, f"{on:.2%} hit", verdict, sentence, remedy)


def _cost(cost: TraceLoss, together: float) -> tuple[str, Verdict]:
    """Return what a step costs in words, where that is worth a word, and the verdict on it."""
    sure = abs(cost.bias) > SURE * cost.bias_error
    diluted = max(cost.dilution, together, abs(cost.bias) if sure else 0.0)
    verdicts = judge(diluted, DILUTION), judge(abs(cost.lost), LOST), judge(cost.noise, NOISE)
    words = []
    if verdicts[0] != "good":
        if sure and abs(cost.bias) > DILUTION[0]:
            words.append(f"It changes the depth of the dip by {cost.bias:+.1%}")
        if cost.dilution > DILUTION[0]:
            words.append(f"{cost.dilution:.1%} of the depth of a transit is lost")
        elif together > DILUTION[0]:
            words.append(
                f"{together:.1%} of the depth of a transit is lost by all steps, most by this one ({cost.dilution:.1%})"
            )
    if verdicts[1] != "good":
        change = "taken from" if cost.lost > 0 else "added to"
        words.append(f"{abs(cost.lost):.1%} of their light is {change} the traces")
    if verdicts[2] != "good":
        words.append(f"It adds {cost.noise:.1f} times the photon noise to their light")
    return (". ".join(words) + "." if words else ""), worse(*verdicts)


def spare(
    name: str, cost: TraceLoss | None, named: Kinds, values: Mapping[str, Any] | None, follows: str | None
) -> Remedy:
    """Say how a step spares the traces."""
    kind = named.get(name)
    parameters = {} if kind is None else kind.parameters
    of_hits = cost is not None and cost.hits > cost.dilution / 2
    if "replace_by" in parameters and follows == "median" and (of_hits or not (kind and kind.threshold)):
        return Remedy(
            name,
            "replace_by",
            "set",
            "flux",
            "set replace_by to 'flux', which keeps a transit in what is replaced.",
        )
    if kind is not None and kind.by == "rows" and _above_tutorial(kind, values):
        return _beyond(name, kind, follows)
    return more(name, named, values)


def _above_tutorial(kind: type[Step], values: Mapping[str, Any] | None) -> bool:
    now, tutorial = (values or {}).get(kind.threshold), kind.parameters[kind.threshold].tutorial
    return isinstance(now, int | float) and isinstance(tutorial, int | float) and now > tutorial


def _beyond(name: str, kind: type[Step], follows: str | None) -> Remedy:
    """Say what else spares the traces where a threshold was raised already: a higher one would leave the hits."""
    if "free_model" in kind.parameters and follows in ("median", "flux"):
        words = f"set free_model to 'drift': a higher {kind.threshold} would leave hits."
        return Remedy(name, "free_model", "set", "drift", words)
    words = f"look at the frame: {kind.threshold} was raised already, and a higher one would leave hits."
    return Remedy(name, None, "set", None, words)


def more(name: str, named: Kinds, values: Mapping[str, Any] | None) -> Remedy:
    """Say how a step flags less."""
    kind = named.get(name)
    if kind is not None and kind.switch and _raised_in_vain(kind, values):
        return Remedy(
            name,
            "enabled",
            "set",
            False,
            f"switch {kind.title!r} off: beyond the tutorial's {kind.threshold} it still takes the spectrum's own "
            "structure for faults.",
        )
    if kind is not None and kind.threshold:
        value = raised(kind, values)
        to = "" if value is None else f" to {value_in_words(value)}"
        return Remedy(
            name, kind.threshold, "raise", value, f"raise {kind.threshold}{to}, or look at the frame."
        )
    if kind is not None and "hst_flags" in kind.parameters:
        return Remedy(
            name,
            "hst_flags",
            "set",
            None,
            "leave out the flag that marks more than faults: look at the bars.",
        )
    if kind is not None and kind.switch:
        return Remedy(name, "enabled", "set", False, f"look at the frame, or switch {kind.title!r} off.")
    return Remedy(name, None, "set", None, "look at the frame: what does this step take for faults?")


def _raised_in_vain(kind: type[Step], values: Mapping[str, Any] | None) -> bool:
    """Tell whether a step that looks at single frames has a threshold above the tutorial's and still does harm.

    The edges of a bright spectrum grow with its light: no threshold parts them from hits.
    """
    if not kind.threshold or "replace_by" in kind.parameters or not values:
        return False
    now, tutorial = values.get(kind.threshold), kind.parameters[kind.threshold].tutorial
    return isinstance(now, int | float) and isinstance(tutorial, int | float) and now > tutorial


def raised(kind: type[Step], values: Mapping[str, Any] | None) -> Any:
    """Return a higher threshold: the tutorial's, or a quarter more than the present one; None if that is not known."""
    tutorial: Any = kind.parameters[kind.threshold].tutorial
    now = (values or {}).get(kind.threshold)
    if now is None:
        return None
    if isinstance(now, tuple):
        pairs = zip(now, [*tutorial, *now[len(tutorial) :]], strict=False)
        return tuple(_higher(one, other) for one, other in pairs)
    return _higher(now, tutorial)


def _higher(now: float, tutorial: float) -> float:
    return float(tutorial) if now < tutorial else float(f"{1.25 * now:.2g}")


def value_in_words(value: Any) -> str:
    """Return a value as a person writes it."""
    if isinstance(value, tuple):
        return "[" + ", ".join(value_in_words(one) for one in value) + "]"
    return f"{value:g}" if isinstance(value, (int, float)) and not isinstance(value, bool) else repr(value)


def nothing_found(
    state: State,
    name: str,
    named: Kinds,
    values: Mapping[str, Any] | None,
    others: Sequence[str] = (),
) -> Finding:
    """Say why a step flags nothing: a visit without a single fault is not to be had.

    Where another step in time, one of `others`, finds what this one cannot reach, nothing is missed.
    """
    kind = named.get(name)
    reach = state.outcomes[name].table.facts.get(OUT_OF_REACH)
    frames = f"{state.shape[0]} frame{'s' * (state.shape[0] != 1)}"
    if reach is not None and others:
        helper = named[others[-1]]
        sentence = (
            f"No pixel is flagged: with {frames} a lone outlier reaches at most {reach:.2f} sigma, less than the "
            f"threshold. {helper.section or helper.title} finds them."
        )
        return Finding(name, "Traces kept", 0.0, "nothing flagged", "good", sentence)
    if reach is not None and kind is not None and reach < LEAST_THRESHOLD:
        remedy = Remedy(
            name,
            "enabled",
            "set",
            False,
            "do without this step; 4a finds hits in single frames.",
        )
        why = f"with {frames} a lone outlier reaches at most {reach:.2f} sigma, as good pixels do"
    elif reach is not None and kind is not None:
        low: Any = kind.parameters[kind.threshold].tutorial
        value = float(f"{0.95 * reach:.2g}")
        listed = isinstance(low, tuple)
        remedy = Remedy(
            name,
            kind.threshold,
            "lower",
            (value,) if listed else value,
            f"lower {kind.threshold} below {reach:.2f}, or do without this step.",
        )
        why = f"with {frames} a lone outlier reaches at most {reach:.2f} sigma, less than the threshold"
    elif kind is not None and kind.threshold:
        remedy = Remedy(
            name,
            kind.threshold,
            "lower",
            _lowered(kind, values),
            f"lower {kind.threshold}, or look at the frame.",
        )
        why = "every visit has cosmic rays and hot pixels, but none is beyond the threshold where this step looks"
    elif kind is not None and "hst_flags" in kind.parameters:
        remedy = Remedy(
            name,
            "hst_flags",
            "set",
            kind.parameters["hst_flags"].tutorial,
            "choose flags that the bars show.",
        )
        why = "no pixel of the visit carries a flag that is chosen"
    else:
        remedy = Remedy(name, None, "set", None, "look at the parameters of this step.")
        why = "this step does nothing"
    sentence = f"No pixel is flagged: {why}. {remedy.words[0].upper()}{remedy.words[1:]}"
    return Finding(name, "Traces kept", 0.0, "nothing flagged", "check", sentence, remedy)


def _lowered(kind: type[Step], values: Mapping[str, Any] | None) -> Any:
    tutorial: Any = kind.parameters[kind.threshold].tutorial
    now = (values or {}).get(kind.threshold)
    if now is None:
        return None
    if isinstance(now, tuple):
        return tuple(min(float(one), *tutorial) * 0.8 for one in now)
    return float(tutorial) if now > tutorial else float(f"{0.8 * now:.2g}")


def changed(
    state: State, kinds: Sequence[type[Step]] = (), values: Mapping[str, Any] | None = None
) -> list[Finding]:
    """Judge how many pixels each step changes, and all steps together."""
    named = {kind.name: kind for kind in kinds}
    sound, plane = sound_frames(state), int(np.prod(state.shape[1:]))
    total = float(np.count_nonzero(sound) * plane)
    shares = {
        name: (len(patch) if sound.all() else np.count_nonzero(sound[patch.index // plane])) / total
        for name, patch in patches(state)
        if patch.value is not None and len(patch)
    }
    found = []
    together = sum(shares.values())
    for name, share in shares.items():
        verdict = judge(share, CHANGED)
        sentence = f"{share:.2%} of all pixels are changed by this step, {together:.2%} by all steps."
        remedy = None
        if verdict != "good":
            remedy = more(name, named, values)
            sentence += f" Cosmic rays and bad pixels are about 1 to 3 %: {remedy.words}"
        found.append(Finding(name, "Pixels changed", share, f"{together:.2%}", verdict, sentence, remedy))
    return found
