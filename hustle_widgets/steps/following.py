"""How steps that reject in time follow the light of the traces: what is common to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.drift_model import Followed
from hustle_widgets.algorithms.full_runs import FULL_WELL
from hustle_widgets.algorithms.scaled import light_of_neighbours, scaled_medians
from hustle_widgets.algorithms.series import Floats
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Patch, Table
from hustle_widgets.engine.memos import BandMemo
from hustle_widgets.engine.plan import Setting
from hustle_widgets.steps.parameters import Choice
from hustle_widgets.steps.reference import failed_fact, from_reference, reference_notes
from hustle_widgets.steps.trace_light import TraceLight, trace_light

REPLACE_BY = ("median", "flux")


class Following(NamedTuple):
    """What is known of the traces before a step computes.

    Attributes
    ----------
    traces : TraceLight or None
        None where they cannot be followed.
    notes : tuple of str
        Why not, and what else a person should know.
    followed : Followed or None
        What was rejected by the model of light and drift, if the step has one.
    runs : (ndarray of bool, ndarray) or None
        Which sums of full pixels were rejected by it, and what the model says of them [e-], both (run, frame).
    """

    traces: TraceLight | None
    notes: tuple[str, ...] = ()
    followed: Followed | None = None
    runs: tuple[NDArray[np.bool_], Floats] | None = None

    def part(self, rows: slice, n_columns: int) -> tuple[slice, NDArray[np.intp]]:
        """Return which pixels lie in a band of rows, and their flat places in it."""
        if self.traces is None:
            return slice(0, 0), np.empty(0, np.intp)
        index = self.traces.layout.pixels
        first, last = np.searchsorted(index, (rows.start * n_columns, rows.stop * n_columns))
        return slice(int(first), int(last)), index[first:last] - rows.start * n_columns

    def apart(self, rows: slice, n_columns: int) -> NDArray[np.bool_] | None:
        """Return the pixels of a band that are not clipped, shape (rows, columns): the model's, and full ones."""
        if self.traces is None or self.followed is None:
            return None
        apart = np.zeros((rows.stop - rows.start, n_columns), bool)
        for pixels in (self.traces.layout.pixels, self.traces.full.pixels):
            first, last = np.searchsorted(pixels, (rows.start * n_columns, rows.stop * n_columns))
            apart.reshape(-1)[pixels[first:last] - rows.start * n_columns] = True
        return apart


NOTHING_FOLLOWED = Following(None)

# Facts of steps in time: what their outliers become, unless it is the median of the series; their lowest threshold
# [sigma]; how far a lone outlier reaches [sigma] where that is not far enough for it.
FOLLOWS, CLIPS_AT, OUT_OF_REACH = "follows", "clips_at", "out_of_reach"
# Facts of a model of light and drift: flat indices of its pixels and of full ones, which it leaves alone; what it says
# of each of its pixels in each frame, the sky included, and what its threshold counts in, (pixel, frame) [e-].
FOLLOWED_PIXELS, FULL_PIXELS = "followed_pixels", "full_pixels"
MODEL, MODEL_SIGMA = "model", "model_sigma"


def followed_facts(following: Following) -> dict[str, Any]:
    """Tell what outliers on the traces become: 'model' if they are found by it too, 'flux' if only replaced by it."""
    if following.traces is None:
        return {}
    return {FOLLOWS: "flux" if following.followed is None else "model"}


def out_of_reach(n_frames: int, reach: float, threshold: float, where: str = "") -> str:
    """Say that with so few frames a threshold finds nothing."""
    frames = f"{n_frames} frame{'s' * (n_frames != 1)}"
    begin = f"{where}, with {frames}," if where else f"With {frames}"
    return f"{begin} a lone outlier reaches at most {reach:.2f} sigma: a threshold of {threshold:g} flags nothing."


def replace_by_choice() -> Choice:
    """Return the parameter that says what outliers on the traces become."""
    return Choice(
        "median",
        REPLACE_BY,
        "What replaces an outlier in time on a trace; one setting for steps 2, 3a and 3b. 'median': the median of the "
        "pixel's time series, which is too bright within a transit. 'flux': the same after each frame was divided by "
        "the light of its trace, at the place of the trace, and multiplied by this frame's; a pixel that step 2 finds "
        "flagged in all frames takes the light of the trace beside it. Off the traces both give the same.",
        added=True,
        common=True,
    )


def follows_traces(values: Mapping[str, Any]) -> bool:
    """Tell whether a step with these parameters needs the traces."""
    return values.get("free_model") is not None or values["replace_by"] != "median"


def without_location(setting: Setting) -> Setting:
    """Leave the target's location out where the traces are not followed: moving it then changes nothing."""
    if follows_traces(setting.parameters):
        return setting
    kept = {name: value for name, value in setting.parameters.items() if name != "location"}
    return Setting(setting.enabled, kept, setting.display)


def follow(
    state: State, location: tuple[float, float] | None, memo: BandMemo[Any] | None = None
) -> Following:
    """Follow the traces of a visit, not without a location; what was found is kept in a memo."""
    if location is None:
        return NOTHING_FOLLOWED
    known = {} if memo is None else memo.of_visit
    if location not in known:
        known.clear()
        known[location] = Following(*trace_light(state, location))
    found: Following = known[location]
    return found


def replaced_by_flux(
    block: Block,
    mask: NDArray[np.bool_],
    values: NDArray[np.float32],
    following: Following,
    half_width: int | None = None,
    usable: NDArray[np.bool_] | None = None,
    chosen: NDArray[np.bool_] | None = None,
) -> NDArray[np.float32]:
    """Return the replacements of a band of rows with those on the traces scaled by light and motion.

    Pixels that are full keep their values.

    Parameters
    ----------
    block : Block
        All frames of a band of rows.
    mask : ndarray of bool, shape (frame, row, column)
        What is replaced in the band.
    values : ndarray, shape (number of True in mask,)
        Replacements [e-], in C order.
    following : Following
        Of the visit.
    half_width : int, optional
        Only so many frames before and after count.
    usable : ndarray of bool, same shape as mask, optional
        Which values medians are made of; by default those that are not replaced.
    chosen : ndarray of bool, shape of `values`, optional
        Which replacements may be changed; all by default.
    """
    traces = following.traces
    n_frames, n_rows, n_columns = mask.shape
    part, places = following.part(block.rows, n_columns)
    if traces is None or not values.size:
        return values
    number = np.full(n_rows * n_columns, -1, np.intp)
    number[places] = np.arange(places.size)
    frame, place = np.divmod(np.flatnonzero(mask), n_rows * n_columns)
    full = np.isin(place + block.rows.start * n_columns, traces.full.pixels)
    # What runs over from others follows their light, not the median's: the value measured is the best there is.
    values = np.where(full, block.images[:, block.core][mask], values)
    on = number[place] >= 0
    if chosen is not None:
        on &= chosen
    good = ~mask if usable is None else usable
    series = good.reshape(n_frames, -1)[:, places].T
    scaled = scaled_medians(
        traces.light[part], series, traces.motion.factor[part], number[place[on]], frame[on], half_width
    )
    scaled += traces.sky[frame[on]]
    values[on] = np.where(np.isfinite(scaled), scaled, values[on])
    return values


def replaced_by_neighbours(
    block: Block,
    mask: NDArray[np.bool_],
    values: NDArray[np.float32],
    following: Following,
    standing: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """Return the replacements of a band with those of faults that stand still made of the trace beside them.

    The median of 7 x 7 pixels is that of a steep profile, and moves with it. What the trace holds a column to the left
    and to the right, moved and scaled as it is two columns away, is the pixel's own light to some percent.

    Parameters
    ----------
    block, mask, values, following
        As for `replaced_by_flux`.
    standing : ndarray of bool, shape of `mask`
        Pixels with a fault that stands still.
    """
    traces = following.traces
    n_frames, n_rows, n_columns = mask.shape
    part, places = following.part(block.rows, n_columns)
    faulty = standing.any(axis=0).reshape(-1)[places]
    if traces is None or not faulty.any():
        return values
    found = light_of_neighbours(traces.layout, traces.motion, np.flatnonzero(faulty) + part.start)
    number = np.full(n_rows * n_columns, -1, np.intp)
    number[places[faulty]] = np.arange(np.count_nonzero(faulty))
    frame, place = np.divmod(np.flatnonzero(mask), n_rows * n_columns)
    on = (number[place] >= 0) & standing.reshape(n_frames, -1)[frame, place]
    light = found[number[place[on]], frame[on]] + traces.sky[frame[on]]
    values = values.copy()
    values[on] = np.where(np.isfinite(light), light, values[on])
    return values


def flagged_before(state: State, traces: TraceLight) -> NDArray[np.bool_]:
    """Tell which sums of full pixels hold what an earlier step flagged, and kept, in less than half of the frames."""
    n_frames = state.shape[0]
    plane = state.shape[1] * state.shape[2]
    runs = traces.full
    marked = np.zeros((runs.pixels.size, n_frames), bool)
    for outcome in state.outcomes.values():
        if outcome.patch is not None and runs.pixels.size:
            frame, place = np.divmod(outcome.patch.index, plane)
            number = np.minimum(np.searchsorted(runs.pixels, place), runs.pixels.size - 1)
            on = runs.pixels[number] == place
            marked[number[on], frame[on]] = True
    marked[marked.sum(axis=1) > n_frames / 2] = False  # a fault that stands still adds the same to all frames
    return runs.any_of(marked)


def with_followed(
    block: Block,
    mask: NDArray[np.bool_],
    values: NDArray[np.float32],
    counts: NDArray[np.int64],
    following: Following,
) -> Patch:
    """Return the patch of a band: what was clipped off the traces, and what the model rejects on them."""
    part, places = following.part(block.rows, mask.shape[2])
    traces, followed = following.traces, following.followed
    if traces is None or followed is None:
        return Patch.where(mask, values, counts)
    plane = mask.shape[1] * mask.shape[2]
    pixel, frame = np.nonzero(followed.rejected[part])
    model = followed.model[part][pixel, frame] + traces.sky[frame]
    run_frame, run_place, run_value = _of_runs(block, following)
    frame = np.concatenate([frame, run_frame])
    place = np.concatenate([places[pixel], run_place])
    index = np.concatenate([np.flatnonzero(mask), frame * plane + place])
    order = np.argsort(index, kind="stable")
    together = np.zeros((max(1, len(counts)), mask.shape[0]), np.int64)
    together[: len(counts)] = counts
    together[0] += np.bincount(frame, minlength=mask.shape[0])
    new = np.concatenate([values, model, run_value]).astype(np.float32)
    return Patch.at(index[order], new[order], together, mask.shape)


def _of_runs(block: Block, following: Following) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Return frame, place in the band and new value of the full pixels whose sum is rejected.

    Which pixel was hit is not known: those that are full in the frame share what the model does not explain.
    """
    traces = following.traces
    nothing = np.empty(0, np.intp)
    if traces is None or following.runs is None:
        return nothing, nothing, np.empty(0)
    n_columns = block.images.shape[2]
    runs, (rejected, model) = traces.full, following.runs
    first, last = np.searchsorted(runs.pixels, (block.rows.start * n_columns, block.rows.stop * n_columns))
    pixel, frame = np.nonzero(rejected[runs.run[first:last]])
    place = runs.pixels[first:last][pixel] - block.rows.start * n_columns
    run = runs.run[first:last][pixel]
    images = block.images[:, block.core].reshape(len(block.images), -1)
    sky = traces.sky.astype(np.float32)[frame]
    light = images[frame, place] - sky
    some = runs.full[run, frame] > 0
    shares = ~some | (light > FULL_WELL)
    excess = runs.light[run, frame] - model[run, frame]
    value = sky + light * (1 - excess / np.where(some, runs.full[run, frame], runs.light[run, frame]))
    return frame[shares], place[shares], value[shares]


def track_of(following: Following, state: State) -> Table:
    """Return light and displacement of the traces by frame, from the first sound one, and the remarks."""
    if following.traces is None:
        return Table(notes=following.notes)
    motion = following.traces.motion
    moved = np.stack([motion.column, motion.row], axis=1)
    columns: Mapping[str, Floats] = {"trace_flux": motion.flux, "trace_disp": from_reference(moved, state)}
    facts = {
        **failed_fact(state),
        FOLLOWED_PIXELS: following.traces.layout.pixels,
        **followed_facts(following),
    }
    if following.followed is not None:
        facts |= {
            FULL_PIXELS: following.traces.full.pixels,
            MODEL: following.followed.model + following.traces.sky.astype(np.float32),
            MODEL_SIGMA: following.followed.sigma,
        }
    return Table(columns, facts, (*following.notes, *reference_notes(state, {"": moved})))
