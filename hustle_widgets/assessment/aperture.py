"""Whether the aperture holds the light of the star, and of no other: its height, and neighbours in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.centroid import SATURATION
from hustle_widgets.algorithms.geometry import Trace
from hustle_widgets.algorithms.sources import sources_near, unblended_light, without_spikes
from hustle_widgets.algorithms.windowed import measure_sky
from hustle_widgets.assessment.finding import Finding, Remedy, judge
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.quicklook import light_table, subtracted_sky
from hustle_widgets.steps.targets import median_frame, target_position

Floats = NDArray[np.float64]

# Rows from a trace in which its light is looked at, and those beyond which the sky of the profile is measured.
REACH, SKY = 30, 22
# Rows of the core, whose profile is not compared with its mirror image.
CORE = 3
# Where 'good' ends and where 'bad' begins.
CUT = (0.04, 0.15)  # share of the light that is outside
NOISY = (1.1, 1.5)  # noise over that of the best height
SHARED = (0.03, 0.1)  # light of others over that of the star: so much shallower is its transit
# Heights that are proposed: the lowest that holds this share of the light.
HOLDS = 0.985
# How far from the target other sources of the direct image are looked for [pixels], and which count.
AROUND, LEAST = 150, 0.02


class Profile(NamedTuple):
    """Light of a trace across it, in rows from its middle, sky taken off [e-]."""

    light: Floats  # of each row from -REACH to REACH, summed along the trace
    columns: int

    def within(self, half_width: float) -> float:
        """Return the light within so many rows."""
        away = np.abs(np.arange(-REACH, REACH + 1))
        return float(self.light @ np.clip(half_width + 1 - away, 0, 1))

    def of_the_fainter_side(self) -> Profile:
        """Return the profile without what one side has more than the other: light of a neighbour."""
        light = self.light.copy()
        outer = np.abs(np.arange(-REACH, REACH + 1)) > CORE
        light[outer] = np.minimum(light, light[::-1])[outer]
        return self._replace(light=light)


def aperture(state: State, location: tuple[float, float], kinds: Sequence[type[Step]]) -> list[Finding]:
    """Judge height of and strangers in the apertures that were summed; nothing is said where all is well."""
    table = light_table(state.outcomes)
    owner = next((kind for kind in kinds if "aperture" in kind.parameters), None)
    if table is None or owner is None:
        return []
    image = np.nan_to_num(median_frame(state, most=3))
    half_width = float(table.facts["half_width"])
    variance = float(np.median(subtracted_sky(state))) + float(bn.nanmedian(state.column("read_noise"))) ** 2
    found: list[Finding] = []
    for order, line in table.facts["traces"].items():
        profile = profile_of(image, line)
        if profile is None:
            continue
        found += _height(owner.name, order, profile.of_the_fainter_side(), half_width, variance)
        others = in_direct_image(state, target_position(state, location), line, half_width)
        if judge(others, SHARED) == "good":
            others = beside(profile, half_width)
        found += _strangers(owner.name, order, others)
    return found


def profile_of(image: Floats, line: Trace) -> Profile | None:
    """Sum the light along a trace, row by row from its middle; None where it has no light or no room."""
    middle = np.rint(line.rows).astype(int)
    inside = (middle >= REACH) & (middle < image.shape[0] - REACH)
    if np.count_nonzero(inside) < 20:
        return None
    columns, rows = line.columns[inside], line.rows[inside]
    at = rows + np.arange(-REACH, REACH + 1)[:, np.newaxis]
    low = np.floor(at).astype(int)
    part = at - low
    low = np.clip(low, 0, image.shape[0] - 2)
    values = (1 - part) * image[low, columns] + part * image[low + 1, columns]
    away = np.abs(np.arange(-REACH, REACH + 1))
    sky = np.median(values[away > SKY])
    # A hot pixel or a star beside the trace stands out of its row.
    usual = bn.nanmedian(values[away > CORE], axis=1)[:, np.newaxis]
    spread = 1.4826 * bn.nanmedian(np.abs(values[away > CORE] - usual), axis=1)[:, np.newaxis]
    values[away > CORE] = np.clip(values[away > CORE], usual - 5 * spread, usual + 5 * spread)
    light = (values - sky).sum(axis=1)
    found = Profile(light, columns.size)
    noise = 1.4826 * float(np.median(np.abs(light[away > SKY] - np.median(light[away > SKY]))))
    return found if light[REACH - 1 : REACH + 2].sum() > 20 * max(noise, 1e-6) else None


def _height(name: str, order: str, profile: Profile, now: float, variance: float) -> list[Finding]:
    whole = profile.within(SKY - 2)
    if not whole > 0:  # a background takes more than the wings hold
        return []
    outside = 1 - profile.within(min(now, SKY - 2)) / whole
    heights = np.arange(2, SKY - 1)
    light = np.array([profile.within(float(height)) for height in heights])
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = np.sqrt(light + (2 * heights + 1) * profile.columns * variance) / light
        noise[~(light > 0)] = np.inf
    held = light >= HOLDS * whole
    proposed = int(heights[held][np.argmin(noise[held])]) if held.any() else SKY - 2
    mine = profile.within(min(now, SKY - 2))
    mine_noise = np.sqrt(mine + (2 * now + 1) * profile.columns * variance) / mine if mine > 0 else np.inf
    ratio = float(mine_noise / noise.min())
    if judge(outside, CUT) != "good":
        words = f"set aperture to {proposed} rows."
        sentence = (
            f"{outside:.1%} of the light of order {order} lies outside the aperture, and how much it is changes as the "
            f"frames move: {words}"
        )
        remedy = Remedy(name, "aperture", "raise", float(proposed), words)
        return [
            Finding(
                name, "Aperture", outside, f"{outside:.1%} outside", judge(outside, CUT), sentence, remedy
            )
        ]
    if judge(ratio, NOISY) != "good" and proposed < now:
        words = f"set aperture to {proposed} rows."
        sentence = (
            f"The aperture of order {order} holds so much sky that its noise is {ratio:.2f} times that of a lower one: "
            f"{words}"
        )
        remedy = Remedy(name, "aperture", "lower", float(proposed), words)
        return [
            Finding(name, "Aperture", ratio, f"{ratio:.2f} x noise", judge(ratio, NOISY), sentence, remedy)
        ]
    return []


def _strangers(name: str, order: str, share: float) -> list[Finding]:
    verdict = judge(share, SHARED)
    if verdict == "good":
        return []
    words = "lower aperture if it lies beside the trace, else correct the depth by that much."
    told = f"{share:.0%} more"
    if share > 1:  # of so little light of the star no share is certain
        words = f"look at the frame, and leave order {order} out of traces_included."
        told = "more than the star's"
        sentence = (
            f"Most light in the aperture of order {order} is another source's or another order's: {words}"
        )
    else:
        sentence = (
            f"Another source shares the aperture of order {order}: it adds {share:.0%} to the star's light, so that a "
            f"transit is {share / (1 + share):.0%} shallower: {words}"
        )
    remedy = Remedy(name, "aperture", "lower", None, words)
    return [Finding(name, "Light of others", share, told, verdict, sentence, remedy)]


def beside(profile: Profile, half_width: float) -> float:
    """Return the light of a source on one side of a trace within the aperture, over that of the star.

    A spectrum has the same light on either side of its middle; what one side has more is another's.
    """
    light = profile.light
    core = slice(REACH - CORE, REACH + CORE + 1)
    weights = np.clip(light[core], 0, None)
    middle = float(np.sum(np.arange(-CORE, CORE + 1) * weights) / max(weights.sum(), 1e-6))
    if abs(middle) > 1.5:
        return 0.0
    rows = np.arange(-REACH, REACH + 1, dtype=float)
    reach = np.arange(CORE, int(min(half_width, SKY - 2)) + 1, dtype=float)
    above = np.interp(middle + reach, rows, light)
    below = np.interp(middle - reach, rows, light)
    more = float(np.sum(above - below))
    star = profile.within(half_width) - abs(more)
    return abs(more) / star if star > 0 else 0.0


def in_direct_image(state: State, target: tuple[float, float], line: Trace, half_width: float) -> float:
    """Return the light of sources whose trace lies in the aperture over that of the target, by the direct image."""
    direct = state.facts["direct_image"]
    if direct is None:
        return 0.0
    sky, noise = measure_sky(direct)
    near = sources_near(without_spikes(direct, sky, noise), target, AROUND, SATURATION, LEAST)
    own = min(near, key=lambda source: source.distance, default=None)
    if own is None or own.distance > 4 or own.saturated:
        return 0.0
    single = [source for source in near if not source.saturated]
    light = dict(zip(single, unblended_light(single), strict=True))
    added = 0.0
    for source in near:
        held = light.get(source, source.light) / light[own]
        if source is own or held < LEAST:
            continue
        column, row = source.column - own.column, source.row - own.row
        # Its trace is the target's, displaced.
        there = np.interp(line.columns, line.columns + column, line.rows + row, left=np.nan, right=np.nan)
        with np.errstate(invalid="ignore"):
            inside = np.abs(there - line.rows) < half_width
        added += float(held) * float(np.mean(inside))
    return added
