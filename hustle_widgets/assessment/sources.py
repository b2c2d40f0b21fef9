"""Whether steps that reject pixels spare the stars."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import bottleneck as bn
import numpy as np
from scipy.ndimage import maximum_filter, median_filter

from hustle_widgets.assessment.finding import Finding, judge
from hustle_widgets.assessment.flagged import more
from hustle_widgets.assessment.followed import as_read, raw_series, walk
from hustle_widgets.assessment.zones import Zones
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.frame_names import sound_frames
from hustle_widgets.steps.targets import median_frame

# Stars that are looked at, the brightest, and half the box that their light is summed in [pixels].
MOST, HALF = 12, 3
# Flags of calwf3 for pixels that are faulty throughout a visit: bad, hot, warm, sink.
FAULTS = 4 | 16 | 64 | 1024
# A star counts from so many times the noise of a pixel on, in the median of nine pixels.
BRIGHT = 12.0
# Where 'good' ends and where 'bad' begins: share of the light of a star that a step takes from the usual frame.
TAKEN = (0.1, 0.3)


def stars(state: State, zones: Zones) -> list[tuple[int, int]]:
    """Find stars off the traces, (column, row), the brightest first."""
    image = np.nan_to_num(median_frame(as_read(state), most=3))
    sky = zones.of_pixel.reshape(image.shape) == 2
    level = float(np.median(image[sky])) if sky.any() else 0.0
    noise = 1.4826 * float(np.median(np.abs(image[sky] - level))) if sky.any() else 0.0
    smooth = median_filter(image, size=3)  # keeps a star and drops a hot pixel
    peak = (
        (smooth == maximum_filter(smooth, size=2 * HALF + 1))
        & (smooth > level + BRIGHT * max(noise, 1e-6))
        & sky
    )
    peak[:HALF], peak[-HALF:], peak[:, :HALF], peak[:, -HALF:] = False, False, False, False
    rows, columns = np.nonzero(peak)
    order = np.argsort(-smooth[rows, columns])[:MOST]
    return [(int(columns[k]), int(rows[k])) for k in order]


def kept(
    state: State, zones: Zones, kinds: Sequence[type[Step]], values: Mapping[str, Any] | None = None
) -> list[Finding]:
    """Judge how much light of the stars off the traces each step takes away."""
    places = stars(state, zones)
    if not places:
        return []
    n_rows, n_columns = state.shape[1:]
    boxes = [
        (
            (np.arange(-HALF, HALF + 1)[:, np.newaxis] + row) * n_columns
            + np.arange(-HALF, HALF + 1)
            + column
        ).ravel()
        for column, row in places
    ]
    index, inverse = np.unique(np.concatenate(boxes), return_inverse=True)
    raw = raw_series(state, "stars", index, np.flatnonzero(zones.of_pixel == 2))
    members = inverse.reshape(len(boxes), -1)
    light = (raw.values - raw.sky[:, np.newaxis])[:, members].sum(axis=2)
    sound = sound_frames(state)
    usual = bn.nanmedian(light[sound], axis=0)
    # What calwf3 knows as a fault is no star's light.
    first = int(state.kept_frames[sound][0])
    faulty = (np.asarray(state.source.hst_dq[first]).reshape(-1)[index] & FAULTS) > 0
    named = {kind.name: kind for kind in kinds}
    wanted = [] if values is None or not values.get("do_bkg_stars") else values.get("bkg_stars_loc") or []
    followed = np.array(
        [any(math.dist(place, star) < 2 * HALF for star in wanted) for place in places], dtype=bool
    )
    found = []
    for done in walk(state, raw):
        if done.before is done.after:
            continue
        taken = np.zeros(raw.values.shape)
        np.add.at(taken, (done.frame, done.place), np.nan_to_num(done.before - done.after))
        taken[:, faulty] = 0
        share = bn.nanmedian(taken[sound][:, members].sum(axis=2), axis=0) / np.maximum(usual, 1e-6)
        worst = int(np.argmax(share))
        value = float(share[worst])
        verdict = judge(value, TAKEN)
        if verdict == "bad" and not (
            np.mean(share > TAKEN[1]) > 0.5 or share[followed].max(initial=0) > TAKEN[1]
        ):
            verdict = "check"  # a star that nothing follows, while the others are spared
        column, row = places[worst]
        sentence = (
            f"The star at column {column}, row {row} loses most light by this step, {value:.1%} in a frame"
        )
        remedy = None if verdict == "good" else more(done.name, named, values)
        sentence += "." if remedy is None else f": it is taken for a fault, {remedy.words}"
        found.append(Finding(done.name, "Stars kept", value, f"{value:.1%} lost", verdict, sentence, remedy))
    return found
