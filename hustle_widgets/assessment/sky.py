"""Whether the sky is gone from under the traces, judged by what is left of it in the light curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.geometry import Trace
from hustle_widgets.algorithms.photometry import MAD_TO_SIGMA, flux_error, point_scatter, usual_light
from hustle_widgets.assessment.crossing import crossed_rows, rows_in_words
from hustle_widgets.assessment.finding import Finding, Remedy, judge
from hustle_widgets.assessment.zones import Zones
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.frame_names import sound_frames
from hustle_widgets.steps.quicklook import light_table, subtracted_sky
from hustle_widgets.steps.targets import median_of

Floats = NDArray[np.float64]

# Frames that the background is measured on, and pixels of each in all and beside each part of a trace.
FRAMES, PIXELS, BESIDE = 6, 60_000, 1500
# Parts that a trace is cut into, and rows from it in which the sky beside it is measured.
PARTS, REACH = 8, 120
NEAREST = 30  # of these rows are used: a sky with a step has another level further off
# Where 'good' ends and where 'bad' begins.
EFFECT = (1.0, 5.0)  # background left in the aperture, in units of the photon limit of a frame
RESIDUAL = (0.15, 0.5)  # background left, in units of the noise of a pixel; where there is no light curve
# Share of what is left that is another in each frame: then it is the method's noise.
UNSTEADY = 0.5
# A method is proposed when it would leave less than this share of what is left now.
CLEARLY = 0.6


class Part(NamedTuple):
    """A part of a trace, and the pixels of the sky on its two sides."""

    weight: float
    row: float
    columns: NDArray[np.int64]
    sides: tuple[tuple[float, NDArray[np.intp]], ...]  # mean row, flat places

    def level(self, values: NDArray[Any]) -> float:
        """Return the sky on the trace, between its sides."""
        rows = [row for row, _ in self.sides]
        levels = [clipped_median(values[places]) for _, places in self.sides]
        if len(levels) == 1:
            return levels[0]
        (low, high), (first, second) = rows, levels
        return first + (second - first) * (self.row - low) / (high - low)


def background(
    state: State,
    zones: Zones,
    kinds: Sequence[type[Step]],
    values: Mapping[str, Any] | None = None,
) -> list[Finding]:
    """Judge what is left of the sky that `kinds` subtract: along the traces that are summed, else off all traces."""
    outside = np.flatnonzero(zones.of_pixel == 2)
    if not (outside.size and kinds):
        return []
    outside = outside[:: max(1, outside.size // PIXELS)]
    sound = np.flatnonzero(sound_frames(state))
    numbers = sound[np.unique(np.linspace(0, sound.size - 1, FRAMES).astype(int))]
    frames = [state.frame(int(number)).reshape(-1) for number in numbers]
    parts, crossed = parts_of(state, zones, median_of(frames[:: max(1, len(frames) // 3)][:3]))
    usual = [float(bn.nanmedian(frame[outside])) for frame in frames]
    noise = [
        1.4826 * float(bn.nanmedian(np.abs(frame[outside] - u)))
        for frame, u in zip(frames, usual, strict=True)
    ]
    sigma = float(bn.nanmedian(np.array(noise)))
    if parts:
        local = np.array([[part.level(frame) for part in parts] for frame in frames])
        local += _skew(state, numbers)[:, np.newaxis]
        left = local @ np.array([part.weight for part in parts])
    else:
        local, left = np.array(usual)[:, np.newaxis], np.array(usual)
    residual = float(left[int(np.nanargmax(np.abs(left)))]) if np.isfinite(left).any() else float("nan")
    used = [kind for kind in kinds if kind.name in state.outcomes]
    step = used[-1].name if used else kinds[0].name
    limit = photon_limit(state) if parts else float("nan")
    jitter = _noise_of_levels(state, used[-1].name) if used else 0.0
    where = "under the traces" if parts else "off the traces"
    sentence = f"{residual:+.2f} e⁻ a pixel are left {where} in the worst of {len(numbers)} frames"
    if limit > 0:
        effect = max(abs(residual), jitter) / limit
        verdict = judge(effect, EFFECT)
        sentence += f": {abs(residual) / limit:.1f} times the photon limit of the light curve"
        if jitter > abs(residual):
            sentence += (
                f"; the values of the frames scatter by {jitter:.2f} e⁻, {jitter / limit:.1f} times the limit"
            )
    else:
        verdict = judge(abs(residual) / sigma if sigma > 0 else abs(residual), RESIDUAL)
        sentence += f", with a noise of {sigma:.1f} e⁻ a pixel"
    if crossed.size:
        sentence += f". Another source's trace lies at rows {rows_in_words(crossed)}: these are left out"
    remedy = None
    if verdict == "good":
        sentence += "."
    else:
        unsteady = jitter > abs(residual) or float(bn.nanstd(left)) > UNSTEADY * abs(residual)
        told, remedy = _advice(state, zones, kinds, used, parts, local, numbers, outside, unsteady, values)
        sentence += f". {told}{remedy.words[0].upper()}{remedy.words[1:]}"
    return [Finding(step, "Background left", residual, f"{residual:+.2f} e⁻", verdict, sentence, remedy)]


def clipped_median(values: NDArray[Any]) -> float:
    """Return the median without what stands out: light of a neighbour, hits."""
    kept = values[np.isfinite(values)].astype(np.float64)
    for _ in range(3):
        if not kept.size:
            return float("nan")
        middle = float(bn.median(kept))
        away = np.abs(kept - middle)
        kept = kept[away <= 2.5 * MAD_TO_SIGMA * float(bn.median(away)) + 1e-9]
    return float(bn.median(kept))


def photon_limit(state: State) -> float:
    """Return the background a pixel that changes a frame's light by its photon noise, the smallest of the orders."""
    table = light_table(state.outcomes)
    if table is None:
        return float("nan")
    found = []
    for order, laid in table.facts["apertures"].items():
        pixels = float(laid.weights.sum())
        # A background that takes the star's light leaves the photons of the sky.
        light = np.maximum(table.columns[f"flux_{order}"], 0)
        error = flux_error(light, subtracted_sky(state), state.column("read_noise"), pixels)
        found.append(float(bn.nanmedian(error)) / pixels if pixels else np.nan)
    return float(np.nanmin(found)) if np.isfinite(found).any() else float("nan")


def parts_of(
    state: State, zones: Zones, flat: NDArray[np.floating[Any]]
) -> tuple[list[Part], NDArray[np.intp]]:
    """Cut the traces that are summed into parts with sky on one or two sides; weights add up to 1.

    Parameters
    ----------
    state : State
    zones : Zones
    flat : ndarray, shape (rows * columns,)
        Median of a few frames [e-]: rows that the trace of another source crosses are no sky.

    Returns
    -------
    parts : list of Part
    crossed : ndarray of int
        The rows left out, sorted.
    """
    table = light_table(state.outcomes)
    traces: Mapping[str, Trace] = {} if table is None else table.facts["traces"]
    sky = (zones.of_pixel == 2).reshape(state.shape[1:])
    image = flat.reshape(state.shape[1:])
    found: list[Part] = []
    left_out: set[int] = set()
    for line in traces.values():
        for columns, rows in zip(
            np.array_split(line.columns, PARTS), np.array_split(line.rows, PARTS), strict=True
        ):
            if not columns.size:
                continue
            row = float(np.mean(rows))
            low, high = max(0, round(row) - REACH), min(state.shape[1], round(row) + REACH + 1)
            around = np.s_[low:high, columns.min() : columns.max() + 1]
            crossed = crossed_rows(image[around], sky[around])
            left_out |= set((np.flatnonzero(crossed) + low).tolist())
            sides = []
            for first, last in ((low, round(row)), (round(row), high)):
                if last > first:
                    here = np.s_[first:last, columns.min() : columns.max() + 1]
                    clear = sky[here] & ~crossed[first - low : last - low, np.newaxis]
                    part = nearest(clear, first < row - 1)
                    y, x = np.nonzero(part)
                    if y.size >= 3 * columns.size:
                        thin = slice(None, None, max(1, y.size // (BESIDE // 2)))
                        places = (y[thin] + first) * state.shape[2] + x[thin] + columns.min()
                        sides.append((float(np.mean(y[thin])) + first, places))
            if sides:
                found.append(Part(float(columns.size), row, columns, tuple(sides)))
    total = sum(part.weight for part in found)
    every = np.array(sorted(left_out), dtype=np.intp)
    return [part._replace(weight=part.weight / total) for part in found], every


def nearest(sky: NDArray[np.bool_], below: bool) -> NDArray[np.bool_]:
    """Leave the rows of the sky that are nearest to a trace: below it they are the last ones."""
    some = np.flatnonzero(sky.mean(axis=1) > 0.25)
    rows = some[-NEAREST:] if below else some[:NEAREST]
    left = np.zeros_like(sky)
    left[rows] = sky[rows]
    return left


def _skew(state: State, numbers: NDArray[np.intp]) -> Floats:
    """Return by how much the median of a sky of few photons lies below its mean."""
    sky, read_noise = subtracted_sky(state)[numbers], np.asarray(state.column("read_noise"), float)[numbers]
    return np.nan_to_num(sky / (6 * np.maximum(sky + read_noise**2, 1e-6)))


def _noise_of_levels(state: State, name: str) -> float:
    """Return by how much the values of a background of one value a frame scatter [e-], 0 for other backgrounds."""
    offset = state.outcomes[name].offset
    if offset is None or offset.level.ndim > 1 or offset.template is not None:
        return 0.0
    level = np.where(sound_frames(state), offset.level.astype(float), np.nan)
    usual = usual_light(level)
    if not usual > 0:  # what is left of another background
        level, usual = level - usual + 1, 1.0
    ppm = point_scatter(level, state.column("orbit_numbers"))
    return 1e-6 * ppm * usual if np.isfinite(ppm) else 0.0


def _advice(
    state: State,
    zones: Zones,
    kinds: Sequence[type[Step]],
    used: Sequence[type[Step]],
    parts: list[Part],
    local: Floats,
    numbers: NDArray[np.intp],
    outside: NDArray[np.intp],
    unsteady: bool,
    values: Mapping[str, Any] | None,
) -> tuple[str, Remedy]:
    """Say which method of a background fits, from what each would leave along the traces."""
    known = {kind.name: kind for kind in kinds}
    last = used[-1] if used else None
    mode = last is not None and "fit" in last.parameters and (values or {}).get("fit", None) is None
    if last is not None and mode and unsteady:
        words = "set fit to 'Gaussian': the highest bin of a histogram has a noise of some 0.5 e⁻."
        return "It is another in each frame. ", Remedy(last.name, "fit", "set", "Gaussian", words)
    would = left_by_methods(state, zones, kinds, parts, local, numbers, outside) if parts else {}
    names = {"uniform": "one value a frame", "column": "a value a column", "pagul": "the sky image"}
    told = ", ".join(
        f"{known[name].section or name} {names.get(name, name)}: {rms:.2f}" for name, rms in would.items()
    )
    told = f"From the sky beside the traces each method would leave [e⁻ rms]: {told}. " if would else ""
    now = float(np.sqrt(bn.nanmean(bn.nanmean(local, axis=0) ** 2)))
    best = min(would, key=lambda name: would[name], default="")
    if best and (last is None or (best != last.name and would[best] < CLEARLY * now)):
        kind, after = known[best], [one for one in used if kinds.index(one) > kinds.index(known[best])]
        label = kind.section or kind.title
        if best not in state.outcomes and kind.switch and (values or {}).get(kind.switch):
            return told, _without_result(kind, label, values)
        if best not in state.outcomes:
            return told, Remedy(best, "enabled", "set", True, f"turn {label} on, {names.get(best, best)}.")
        if after:
            label = after[-1].section or after[-1].title
            return told, Remedy(
                after[-1].name, "enabled", "set", False, f"switch {label} off, it makes it worse."
            )
    if last is not None:
        return told, _beside(used, kinds, parts, state.shape[2], values or {})
    first, final = (kind.section or kind.title for kind in (kinds[0], kinds[-1]))
    which = first if len(kinds) == 1 else f"one of {first} to {final}"
    return told, Remedy(
        kinds[0].name, "enabled", "set", True, f"turn {which} on: no background is subtracted."
    )


def _without_result(kind: type[Step], label: str, values: Mapping[str, Any] | None) -> Remedy:
    """Say what to do about a step that is on and has no result."""
    now = (values or {}).get("dist_from_trace")
    if "dist_from_trace" in kind.parameters and now:
        words = f"lower dist_from_trace of {label}, so that rows are left for it."
        return Remedy(kind.name, "dist_from_trace", "lower", int(now) // 2, words)
    return Remedy(kind.name, None, "set", None, f"see why {label} has no result: it says so itself.")


def _beside(
    used: Sequence[type[Step]],
    kinds: Sequence[type[Step]],
    parts: list[Part],
    n_columns: int,
    values: Mapping[str, Any],
) -> Remedy:
    """Propose the rows beside the traces, where no method follows the sky from further off: what is to be done next."""
    rows = np.unique(
        np.concatenate(
            [places // n_columns for part in parts for _, places in part.sides] or [np.empty(0, int)]
        )
    )
    column = next((kind for kind in kinds if {"rows", "mask_trace"} <= kind.parameters.keys()), None)
    if column is None or not rows.size:
        return Remedy(used[-1].name, None, "set", None, "change the region or the method of the background.")
    named = rows_in_words(rows)
    label = column.section or column.title
    wanted = tuple(int(row) for row in rows)
    begin = "take the sky beside the traces:"
    after = [kind for kind in used if kinds.index(kind) > kinds.index(column)]
    # Before the rows are set, `mask_trace` off would take all of a column.
    if tuple(values.get("rows") or ()) != wanted:
        words = f"{begin} in {label} set mask_trace to False and rows to {named}: first the rows."
        return Remedy(column.name, "rows", "set", wanted, words)
    if values.get("mask_trace", True):
        words = f"{begin} in {label} set mask_trace to False, so that the rows {named} are used."
        return Remedy(column.name, "mask_trace", "set", False, words)
    if column not in used:
        return Remedy(column.name, "enabled", "set", True, f"{begin} turn {label} on.")
    if after:
        other = after[-1].section or after[-1].title
        words = f"{begin} switch {other} off, which comes after {label} and takes it from further off."
        return Remedy(after[-1].name, "enabled", "set", False, words)
    words = f"look at the rows {named} on the frame: another source may lie there. Choose rows without one."
    return Remedy(column.name, "rows", "set", None, words)


def left_by_methods(
    state: State,
    zones: Zones,
    kinds: Sequence[type[Step]],
    parts: list[Part],
    local: Floats,
    numbers: NDArray[np.intp],
    outside: NDArray[np.intp],
) -> dict[str, float]:
    """Return what each method would leave along the traces, e- rms over their parts, from the sky before all of them.

    A method is told by what its step makes: one value a frame, a value a column, or a multiple of a template that
    is known.
    """
    sky_of = {name for name, out in state.outcomes.items() if out.offset is not None and out.offset.sky}
    bare = State(state.source, {name: out for name, out in state.outcomes.items() if name not in sky_of})
    frames = [bare.frame(int(number)).reshape(-1) for number in numbers]
    true = np.array([[part.level(frame) for part in parts] for frame in frames])
    n_columns = state.shape[2]
    found: dict[str, list[Floats]] = {}
    names = [kind.name for kind in kinds]
    for frame, here in zip(frames, true, strict=True):
        if "uniform" in names:
            found.setdefault("uniform", []).append(here - bn.nanmedian(frame[outside]))
        if "column" in names:
            column = outside % n_columns
            levels = []
            for part in parts:
                inside = (column >= part.columns[0]) & (column <= part.columns[-1])
                levels.append(float(bn.nanmedian(frame[outside[inside]])) if inside.any() else np.nan)
            found.setdefault("column", []).append(here - np.array(levels))
        template = _template(state)
        if "pagul" in names and template is not None:
            shape = template.reshape(-1)
            scale = float(bn.nanmedian(frame[outside] / shape[outside]))
            model = np.array([part.level(shape) for part in parts])
            found.setdefault("pagul", []).append(here - scale * model)
    rms = {name: float(np.sqrt(bn.nanmean(np.mean(rest, axis=0) ** 2))) for name, rest in found.items()}
    return {name: value for name, value in rms.items() if np.isfinite(value)}


def _template(state: State) -> NDArray[np.float32] | None:
    """Return the sky image, if a step has used one."""
    for outcome in state.outcomes.values():
        offset = outcome.offset
        if offset is not None and offset.template is not None and offset.sky:
            return np.broadcast_to(offset.template, state.shape[1:])
    return None
