"""Whether a reduction succeeded: the tutorial's criteria as figures, each with a verdict and a sentence.

Numbers only. It is quick enough to follow every edit: it reads the patches and tables of the steps, and a few frames.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.geometry import trace_mask
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Patch
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.frame_names import failed_frames, frame_name, numbers_in_words
from hustle_widgets.steps.targets import expected_zeroth, find_traces

Verdict = Literal["good", "check", "bad"]
VERDICTS: tuple[Verdict, ...] = ("good", "check", "bad")

# Rows from a trace that hold its light, and rows beyond which there is none of it.
ON, OFF = 6, 30
# Pixels of a patch that are looked at: the share of 2 million is known to 0.1 %.
MOST = 2_000_000
# Frames and pixels of each that the background is measured on.
FRAMES, PIXELS = 6, 60_000

# Where 'good' ends and where 'bad' begins.
TRACE_RATE = (1.5, 3.0)  # flagged share on the traces over that off them
TRACE_SHARE = (0.03, 0.06)  # flagged share on the traces; cosmic rays hit 1 % in 190 s (WFC3 IHB 5.4)
TRACE_FEW = 0.002  # share on the traces that is too small to matter, whatever it is off them
CHANGED = (0.05, 0.15)  # share of all pixels changed
RESIDUAL = (0.15, 0.5)  # background left, in units of the noise of a pixel
MOTION = (1.0, 10.0)  # pixels
AGREEMENT = (0.25, 1.0)  # pixels between trackers
SCATTER = (1.5, 3.0)  # in units of the photon limit
TOO_QUIET = (0.75, 0.5)  # the same, from below: noise that was corrected away
WORSE = (1.05, 1.25)  # scatter over that before the last edit


@dataclass(frozen=True)
class Finding:
    """One criterion applied to one step.

    Parameters
    ----------
    step : str
        Name of the step that it is about.
    title : str
        Name of the criterion.
    value : float
        What was measured.
    figure : str
        The same in a few words, with unit.
    verdict : {'good', 'check', 'bad'}
    sentence : str
        What was found, and what to do unless it is good.
    """

    step: str
    title: str
    value: float
    figure: str
    verdict: Verdict
    sentence: str


def judge(value: float, limits: tuple[float, float]) -> Verdict:
    """Return 'good' up to the first limit, 'bad' beyond the second, and 'check' between them and for NaN."""
    if value <= limits[0]:
        return "good"
    return "bad" if value > limits[1] else "check"


def worst(findings: Iterable[Finding]) -> Finding:
    """Return the finding with the worst verdict. Among equals, return that with the largest value."""
    return max(findings, key=lambda finding: (VERDICTS.index(finding.verdict), abs(finding.value)))


def worst_of_steps(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return the worst finding of each step."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.step, []).append(finding)
    return {step: worst(own) for step, own in found.items()}


def assess(
    state: State,
    location: tuple[float, float],
    previous_ppm: Mapping[str, float] | None = None,
    kinds: Sequence[type[Step]] = STAGE_1,
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

    Returns
    -------
    list of Finding
        Those criteria whose steps are known, in the order of the tutorial.
    """
    zones = Zones.of(state, location)
    return [
        *made_up(state),
        *failures(state, kinds),
        *on_traces(state, zones),
        *changed(state),
        *background(state, zones, [kind for kind in kinds if kind.sky]),
        *motion(state, [kind for kind in kinds if kind.follows]),
        *light(state, previous_ppm or {}),
    ]


def failures(state: State, kinds: Sequence[type[Step]]) -> list[Finding]:
    """Tell which frames failed and are worked on, if one of `kinds` can leave them out."""
    step = next((kind.name for kind in kinds if "skip_frames" in kind.parameters), "")
    worked_on = set(state.kept_frames.tolist())
    failed = {number: text for number, text in failed_frames(state).items() if number in worked_on}
    if not (failed and step):
        return []
    first, text = next(iter(failed.items()))
    return [
        Finding(
            step,
            "Failed frames",
            len(failed),
            f"{len(failed)} of {len(worked_on)}",
            "check",
            f"{frame_name(state.source, first)}: {text}. Leave such frames out: skip_frames = "
            f"{numbers_in_words(failed)}.",
        )
    ]


def made_up(state: State) -> list[Finding]:
    """Say that something was injected: such a result is no observation, however good it looks."""
    if state.source.injection is None:
        return []
    sentence = f"{state.source.injection.words} Take it out before a result is kept: reduction.take_out()."
    first = next(iter(state.outcomes), "")
    return [Finding(first, "As observed", 1.0, "injected", "bad", sentence)]


@dataclass(frozen=True)
class Zones:
    """Which pixels of a frame hold light of the traces, and which hold none.

    Parameters
    ----------
    of_pixel : ndarray of uint8, shape (rows * columns,)
        1 on a trace, 2 off all of them and off the 0th order, 0 between.
    counts : (int, int, int)
        Pixels in each.
    """

    of_pixel: NDArray[np.uint8]
    counts: tuple[int, int, int]

    @classmethod
    def of(cls, state: State, location: tuple[float, float]) -> Zones:
        """Find the traces of a visit."""
        shape = state.shape[1:]
        traces, _ = find_traces(state, location)
        lit, _ = find_traces(state, location, ("+1", "-1"), useful=True)
        zeroth = expected_zeroth(state, location)
        near = trace_mask(shape, traces, zeroth, min(OFF, shape[0] / 8))
        on = trace_mask(shape, lit, None, ON)
        zones = np.where(on, 1, np.where(near, 0, 2)).astype(np.uint8).ravel()
        middle, inside, outside = (int(n) for n in np.bincount(zones, minlength=3))
        return cls(zones, (middle, inside, outside))

    def shares(self, patch: Patch) -> tuple[float, float]:
        """Return which shares of the pixels on and off the traces a patch flags."""
        step = max(1, len(patch) // MOST)
        hits = np.bincount(self.of_pixel[patch.index[::step] % self.of_pixel.size], minlength=3) * step
        _, on, off = self.counts
        frames = patch.shape[0]
        return (
            hits[1] / (on * frames) if on else float("nan"),
            hits[2] / (off * frames) if off else float("nan"),
        )


def on_traces(state: State, zones: Zones) -> list[Finding]:
    """Judge whether a step that flags pixels takes the traces for outliers."""
    found = []
    for name, patch in patches(state):
        on, off = zones.shares(patch)
        if not (np.isfinite(on) and np.isfinite(off)):
            continue
        # One pixel more or less in a frame is chance.
        spread = 1 / (zones.counts[1] * patch.shape[0]) * 20
        rate = (on + spread) / (off + spread)
        verdict = max(judge(rate, TRACE_RATE), judge(on, TRACE_SHARE), key=VERDICTS.index)
        if on < TRACE_FEW:
            verdict = "good"
        figure = f"{on:.2%} hit"
        sentence = f"{on:.2%} of the pixels on the traces are flagged, {off:.2%} of those off them"
        if not len(patch):
            sentence = "No pixel is flagged."
        elif rate > TRACE_RATE[0] and verdict == "good":
            sentence += ": too few to matter."
        elif verdict == "good":
            sentence += ": the hits do not follow the traces."
        else:
            sentence += ": the traces are being corrected away; raise the threshold, or look at the frame."
        found.append(Finding(name, "Traces kept", on, figure, verdict, sentence))
    return found


def changed(state: State) -> list[Finding]:
    """Judge how many pixels each step changes, and all steps together."""
    total = float(np.prod(state.shape))
    shares = {name: len(patch) / total for name, patch in patches(state) if patch.value is not None}
    found = []
    together = sum(shares.values())
    for name, share in shares.items():
        verdict = judge(share, CHANGED)
        sentence = f"{share:.2%} of all pixels are changed by this step, {together:.2%} by all steps."
        if verdict != "good":
            sentence += " Cosmic rays and bad pixels are about 1 to 3 %: raise the threshold."
        found.append(Finding(name, "Pixels changed", share, f"{together:.2%}", verdict, sentence))
    return found


def background(state: State, zones: Zones, kinds: Sequence[type[Step]]) -> list[Finding]:
    """Judge whether what is left of the sky that `kinds` subtract is consistent with 0 off the traces."""
    used = [kind.name for kind in kinds if kind.name in state.outcomes]
    pixels = np.flatnonzero(zones.of_pixel == 2)
    if not (pixels.size and kinds):
        return []
    pixels = pixels[:: max(1, pixels.size // PIXELS)]
    numbers = np.unique(np.linspace(0, state.shape[0] - 1, FRAMES).astype(int))
    left, noise = [], []
    for number in numbers:
        values = state.frame(int(number)).ravel()[pixels]
        level = float(bn.nanmedian(values))
        left.append(level)
        noise.append(1.4826 * float(bn.nanmedian(np.abs(values - level))))
    residual = left[int(np.nanargmax(np.abs(left)))] if np.isfinite(left).any() else float("nan")
    sigma = float(bn.nanmedian(np.array(noise)))
    verdict = judge(abs(residual) / sigma if sigma > 0 else abs(residual), RESIDUAL)
    step = used[-1] if used else kinds[0].name
    sentence = f"{residual:+.2f} e⁻ are left off the traces in the worst of {len(numbers)} frames"
    sentence += f", with a noise of {sigma:.1f} e⁻ a pixel"
    if verdict == "good":
        sentence += ": consistent with 0."
    elif used:
        sentence += ": change the region or the method of the background."
    else:
        first, last = (kind.section or kind.title for kind in (kinds[0], kinds[-1]))
        which = first if len(kinds) == 1 else f"one of {first} to {last}"
        sentence += f": no background is subtracted, turn {which} on."
    return [Finding(step, "Background left", residual, f"{residual:+.2f} e⁻", verdict, sentence)]


def motion(state: State, kinds: Sequence[type[Step]]) -> list[Finding]:
    """Judge whether the frames move by less than a pixel, and whether what `kinds` follow agrees."""
    found = []
    trackers: dict[str, NDArray[np.float64]] = {}
    step = ""
    for kind in kinds:
        outcome, (column, what) = state.outcomes.get(kind.name), kind.follows or ("", "")
        if outcome is None or column not in outcome.table.columns:
            continue
        step = kind.name
        columns = outcome.table.columns
        move = np.asarray(columns[column], dtype=float)
        trackers |= displacements(columns, column, what)
        far = float(np.nanmax(np.hypot(*move.T))) if np.isfinite(move).any() else float("nan")
        verdict = judge(far, MOTION)
        sentence = f"By the {what} the frames move by up to {far:.2f} px"
        sentence += (
            ": below a pixel."
            if verdict == "good"
            else ": look at the windows, it may have followed a cosmic ray or another source."
        )
        found.append(Finding(step, "Displacement", far, f"{far:.2f} px", verdict, sentence))
    return [*found, *_agreement(step, trackers)]


def displacements(
    columns: Mapping[str, NDArray[Any]], column: str, what: str
) -> dict[str, NDArray[np.float64]]:
    """Return what a step followed, by name: its single sources (star0_disp, ...), or all together if it has one."""
    single = {
        re.sub(r"([a-z])(\d)", r"\1 \2", name.removesuffix("_disp")): np.asarray(values, dtype=float)
        for name, values in columns.items()
        if name.endswith("_disp") and name != column
    }
    return single or {what: np.asarray(columns[column], dtype=float)}


def _agreement(step: str, moves: Mapping[str, NDArray[np.float64]]) -> list[Finding]:
    if len(moves) < 2:
        return []
    every = np.stack(list(moves.values()))
    # Each tracker is compared with the middle of all. Its displacements all contain the noise of the first frame.
    away = every - bn.nanmedian(every, axis=0)
    away -= bn.nanmedian(away, axis=1)[:, np.newaxis]
    rms = np.sqrt(np.nanmean(away**2, axis=(1, 2)))
    last = int(np.nanargmax(rms)) if np.isfinite(rms).any() else 0
    name, value = list(moves)[last], float(rms[last])
    verdict = judge(value, AGREEMENT)
    sentence = f"{len(moves)} trackers agree to {value:.2f} px (rms of the furthest, {name})"
    sentence += "." if verdict == "good" else f": look at the window of {name}, or leave it out."
    return [Finding(step, "Trackers agree", value, f"{value:.2f} px", verdict, sentence)]


def light(state: State, previous_ppm: Mapping[str, float]) -> list[Finding]:
    """Judge the scatter of the light curve against the photon limit and against that before the last edit."""
    found = []
    name, facts = next(
        ((name, o.table.facts) for name, o in state.outcomes.items() if "scatter_ppm" in o.table.facts),
        ("", {}),
    )
    for order, ppm in facts.get("scatter_ppm", {}).items():
        limit = facts.get("expected_ppm", {}).get(order, float("nan"))
        value = ppm / limit if limit > 0 else float("nan")
        verdict = judge(value, SCATTER)
        figure = f"{value:.2f} x photons"
        sentence = f"Order {order} scatters by {ppm:,.0f} ppm; photons alone give {limit:,.0f} ppm."
        if value < TOO_QUIET[0]:
            verdict = "bad" if value < TOO_QUIET[1] else "check"
            sentence += (
                " Less than photons can: the noise itself is being corrected away, raise the thresholds."
            )
        elif verdict != "good":
            sentence += (
                " Cosmic rays left, pixels wrongly corrected, the background, or an ingress that few frames "
                "sample may be the reason."
            )
        found.append(Finding(name, "Scatter", value, figure, verdict, sentence))
        if order in previous_ppm and previous_ppm[order] > 0:
            found.append(_edit(name, order, ppm, previous_ppm[order]))
    return found


def _edit(name: str, order: str, now: float, before: float) -> Finding:
    ratio = now / before
    verdict = judge(ratio, WORSE)
    sentence = f"Since the last edit the scatter of order {order} went from {before:,.0f} to {now:,.0f} ppm."
    if verdict != "good":
        sentence += " The edit made it worse."
    return Finding(name, "Last edit", ratio, f"{ratio - 1:+.1%} scatter", verdict, sentence)


def patches(state: State) -> Sequence[tuple[str, Patch]]:
    """Return the patches of the steps that flag pixels."""
    return [(name, out.patch) for name, out in state.outcomes.items() if out.patch is not None]
