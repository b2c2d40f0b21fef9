"""Whether the light of a trace lies in the apertures, and where it seems to lie."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.centroid import SATURATION
from hustle_widgets.algorithms.centroid import target_position as source_position
from hustle_widgets.algorithms.geometry import Trace, measure_trace, trace
from hustle_widgets.algorithms.sources import sources_near, without_spikes
from hustle_widgets.algorithms.windowed import measure_sky
from hustle_widgets.assessment.finding import Finding, Remedy, Verdict, judge, worse
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.quicklook import light_table
from hustle_widgets.steps.targets import find_traces, median_frame, refined_target, target_position

Floats = NDArray[np.float64]

# Rows from where a trace is expected in which it is sought.
NEAR = 60
# Columns of a part of a trace whose profile is measured, at least, and how many parts there are, at most.
COLUMNS, PARTS = 40, 12
# A peak of a profile counts from so many times its scatter, and from this share of the highest on.
PEAK, SHARE = 6.0, 0.15
# Where 'good' ends and where 'bad' begins.
ACROSS = (2.5, 8.0)  # rows between the light and where it is expected
ALONG = (12.0, 24.0)  # columns by which the trace is displaced along itself: its wavelengths are then wrong
BESIDE = 3.0  # columns by which a location that nothing refined may miss its source
# Displacement along the trace counts from so many of its errors: it is told from the curvature alone.
SURE = 4.0
# A source of the direct image this near to a proposed place is the target [pixels].
SOURCE = 12.0


class Peaks(NamedTuple):
    """Where the light of the parts of the traces peaks: rows off, slope of the trace, and light."""

    away: Floats
    slope: Floats
    light: Floats


class Displaced(NamedTuple):
    """By how much the target is off: columns and rows, error of the columns, rows of the middle part."""

    columns: float
    rows: float
    error: float
    across: float


def in_aperture(
    state: State,
    location: tuple[float, float],
    kinds: Sequence[type[Step]],
    values: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Judge whether the traces lie where they are expected, if their light has been summed or was to be."""
    owner = next((kind for kind in kinds if "location" in kind.parameters), None)
    wanted = light_table(state.outcomes) is not None or (
        bool(state.outcomes) and values is not None and bool(values.get("do_quicklook"))
    )
    if not wanted or owner is None or state.facts["subarr_coords"] is None:
        return []
    step = next((kind.name for kind in kinds if kind.name == "location"), owner.name)
    image = np.nan_to_num(median_frame(state, most=3))
    traces, notes = find_traces(state, location, ("+1", "-1"), useful=True)
    place = target_position(state, location)
    if not traces or "The trace was measured" in " ".join(notes):
        return [_off_the_frame(state, step, owner, place)]
    peaks = peaks_of(image, traces, NEAR)
    if peaks.away.size < 2:
        found = _lost(image, traces)
        sentence = f"No trace lies within {NEAR} rows of where it is expected"
        if found is None:
            remedy = Remedy(
                owner.name, "location", "set", None, "set the target's place in the direct image."
            )
            return [_finding(step, float("nan"), "no trace", "bad", f"{sentence}, nor elsewhere", remedy)]
        remedy = _to(state, owner, place, (0.0, found))
        sentence += f"; the brightest light lies {found:+.0f} rows away"
        return [_finding(step, found, f"{found:+.0f} px", "bad", sentence, remedy)]
    off = displaced(peaks)
    along = abs(off.columns) if abs(off.columns) > SURE * off.error else 0.0
    verdict = worse(judge(abs(off.across), ACROSS), judge(along, ALONG))
    figure = f"{off.across:+.1f} px"
    sentence = f"The light of the traces lies {off.across:+.1f} rows from where it is expected"
    if verdict == "good" and refined_target(state) is None:
        missed = _unrefined(state, step, owner, place, off)
        if missed is not None:
            return [missed]
    if verdict == "good":
        return [_finding(step, off.across, figure, verdict, sentence, None)]
    move = (off.columns, off.rows) if along > ALONG[0] else (0.0, off.across)
    if along > ALONG[0]:
        figure = f"{off.columns:+.0f}, {off.rows:+.0f} px"
        sentence += (
            f", and by its bend the target is {off.columns:+.0f} columns and {off.rows:+.0f} rows away"
        )
    reach = max(SOURCE, min(5 * off.error, NEAR), 0.6 * abs(move[0])) if move[0] else SOURCE + ALONG[0]
    remedy = _to(state, owner, place, move, reach)
    return [_finding(step, math.hypot(*move), figure, verdict, sentence, remedy)]


def _unrefined(
    state: State, step: str, owner: type[Step], place: tuple[float, float], off: Displaced
) -> Finding | None:
    """Compare a place that was not refined with the direct image: a target that is off along its trace hides there."""
    direct = state.facts["direct_image"]
    source = None if direct is None else source_at(direct, (place[0], place[1] + off.rows), ALONG[1])
    if source is None:
        return None
    columns = source[0] - place[0]
    verdict = judge(abs(columns), (BESIDE, ALONG[1]))
    if verdict == "good" or abs(columns - off.columns) > max(SURE * off.error, ALONG[0]):
        return None
    value = (round(float(source[0]), 1), round(float(source[1]), 1))
    words = f"set location to [{value[0]:g}, {value[1]:g}]."
    sentence = (
        f"The direct image has its source {columns:+.1f} columns from the location, and nothing refines it: "
        "wavelengths and the ends of the traces are off by as much"
    )
    remedy = Remedy(owner.name, "location", "set", value, words)
    return _finding(step, columns, f"{columns:+.1f} px", verdict, sentence, remedy)


def _finding(
    step: str, value: float, figure: str, verdict: Verdict, sentence: str, remedy: Remedy | None
) -> Finding:
    more = "." if remedy is None else f": {remedy.words}"
    return Finding(step, "Trace in the aperture", value, figure, verdict, sentence + more, remedy)


def _to(
    state: State,
    owner: type[Step],
    place: tuple[float, float],
    move: tuple[float, float],
    along: float = SOURCE,
) -> Remedy:
    """Propose another place of the target: a source of the direct image, if there is one so near along the rows."""
    column, row = place[0] + move[0], place[1] + move[1]
    direct = state.facts["direct_image"]
    source = None if direct is None else source_at(direct, (column, row), along)
    if source is not None:
        column, row = source
    value = (round(float(column), 1), round(float(row), 1))
    return Remedy(owner.name, "location", "set", value, f"set location to [{value[0]:g}, {value[1]:g}].")


def source_at(direct: Floats, place: tuple[float, float], along: float) -> tuple[float, float] | None:
    """Return the place of the brightest source of the direct image near a place; columns may be further off."""
    if not (0 <= place[0] < direct.shape[1] and -SOURCE <= place[1] < direct.shape[0] + SOURCE):
        return None
    sky, noise = measure_sky(direct)
    clean = without_spikes(direct, sky, noise)
    reach = math.ceil(max(along, SOURCE)) + 2
    near = [
        source
        for source in sources_near(clean, place, reach, SATURATION)
        if abs(source.column - place[0]) <= along and abs(source.row - place[1]) <= SOURCE
    ]
    if not near:
        return None
    found = max(near, key=lambda source: source.light)
    try:
        return source_position(direct, (found.column, found.row))
    except ValueError:  # no star after all
        return None


def _off_the_frame(state: State, step: str, owner: type[Step], place: tuple[float, float]) -> Finding:
    """Tell that no order of a target at this place is on the frame, and where the light of one is."""
    figure, sentence = "no trace", "No order of a target at this location lies on the frame"
    measured = measure_trace(median_frame(state, most=3))
    whole = trace_of(state, place)
    rows = np.interp(measured.columns, whole.columns, whole.rows, left=np.nan, right=np.nan)
    off = float(bn.nanmedian(measured.rows - rows)) if np.isfinite(rows).any() else float("nan")
    if np.isfinite(off):
        sentence += f"; the light of one lies {off:+.0f} rows from where it would be"
        return _finding(
            step, off, f"{off:+.0f} px", "bad", sentence, _to(state, owner, place, (0.0, off), NEAR)
        )
    remedy = Remedy(owner.name, "location", "set", None, "set the target's place in the direct image.")
    return _finding(step, float("nan"), figure, "bad", sentence, remedy)


def trace_of(state: State, place: tuple[float, float]) -> Trace:
    """Return the whole trace of order +1, beyond the frame too, in frame coordinates, columns in order."""
    left, _, bottom, _ = state.facts["subarr_coords"]
    left, bottom = left - 1, bottom - 1
    line = trace("+1", place[0] + left, place[1] + bottom, state.facts["chip"])
    order = np.argsort(line.columns)
    return Trace(line.columns[order] - left, line.rows[order] - bottom, line.wavelengths[order])


def _straight(image: Floats, line: Trace, reach: int) -> Floats:
    """Return the rows around a trace, shape (2 reach + 1, columns); NaN off the frame."""
    rows = np.rint(line.rows).astype(int) + np.arange(-reach, reach + 1)[:, np.newaxis]
    values = image[np.clip(rows, 0, image.shape[0] - 1), line.columns].astype(float)
    values[(rows < 0) | (rows >= image.shape[0])] = np.nan
    return values


def _profile(values: Floats) -> tuple[Floats, float]:
    """Return the median over columns, the sky taken off, and the scatter of its points."""
    profile = bn.nanmedian(values, axis=1)
    profile = profile - bn.nanmedian(profile)
    steps = np.diff(profile)
    scatter = 1.4826 * float(bn.nanmedian(np.abs(steps))) / math.sqrt(2)
    return np.nan_to_num(profile), max(scatter, 1e-6)


def peaks_of(image: Floats, traces: dict[str, Trace], reach: int) -> Peaks:
    """Find the light of each part of the traces, the peak nearest to where it is expected."""
    found = []
    for line in traces.values():
        number = min(PARTS, line.columns.size // COLUMNS)
        if not number:
            continue
        values = _straight(image, line, reach)
        fraction = line.rows - np.rint(line.rows)
        for part in np.array_split(np.arange(line.columns.size), number):
            profile, scatter = _profile(values[:, part])
            inner = profile[1:-1]
            highest = (inner >= profile[:-2]) & (inner > profile[2:])
            strong = highest & (inner > PEAK * scatter) & (inner > SHARE * profile.max())
            at = np.flatnonzero(strong) + 1
            if not at.size:
                continue
            peak = int(at[np.argmin(np.abs(at - reach))])
            around = slice(max(0, peak - 4), peak + 5)
            light = np.clip(profile[around], 0, None)
            centre = float(np.sum(np.arange(profile.size)[around] * light) / light.sum())
            slope = np.polyfit(line.columns[part], line.rows[part], 1)[0]
            found.append((centre - reach - float(np.mean(fraction[part])), float(slope), float(light.sum())))
    away, slope, light = np.array(found).reshape(-1, 3).T
    return Peaks(away, slope, light)


def displaced(peaks: Peaks) -> Displaced:
    """Tell by how much the target is off: a trace that moves along itself leaves where it is bent or sloped."""
    across = float(np.median(peaks.away))
    good = np.abs(peaks.away - across) < max(4.0, 4 * 1.4826 * float(np.median(np.abs(peaks.away - across))))
    away, slope = peaks.away[good], peaks.slope[good]
    if away.size < 4 or np.ptp(slope) < 1e-3:
        return Displaced(0.0, across, float("inf"), across)
    design = np.stack([-slope, np.ones_like(slope)], axis=1)
    (columns, rows), *_ = np.linalg.lstsq(design, away, rcond=None)
    rest = away - design @ np.array([columns, rows])
    variance = max(float(np.sum(rest**2)) / max(away.size - 2, 1), 0.05**2)
    error = math.sqrt(variance * float(np.linalg.inv(design.T @ design)[0, 0]))
    return Displaced(float(columns), float(rows), error, across)


def _lost(image: Floats, traces: dict[str, Trace]) -> float | None:
    """Return how many rows away the brightest light is that has the shape of a trace, None if there is none."""
    best: tuple[float, float] | None = None
    for line in traces.values():
        if line.columns.size < COLUMNS:
            continue
        reach = image.shape[0]
        profile, scatter = _profile(_straight(image, line, reach))
        peak = int(profile.argmax())
        if profile[peak] > PEAK * scatter and (best is None or profile[peak] > best[1]):
            best = (float(peak - reach), float(profile[peak]))
    return None if best is None else best[0]
