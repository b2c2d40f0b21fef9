"""The light of the traces in all frames, gathered for steps that follow it in time."""

from __future__ import annotations

from typing import NamedTuple

import bottleneck as bn
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_propagation

from hustle_widgets.algorithms.drift_fit import Layout, Motion, fit_motion, lay_out
from hustle_widgets.algorithms.drift_model import FEWEST_FRAMES, saturated
from hustle_widgets.algorithms.full_runs import FullRuns, full_in_two, full_runs
from hustle_widgets.algorithms.geometry import trace_mask
from hustle_widgets.algorithms.series import Floats, row_medians
from hustle_widgets.engine.blocks import SERIES, State
from hustle_widgets.steps.targets import expected_zeroth, find_traces, found_zeroth

ORDERS = ("+1", "-1", "+2", "-2")
NEAR = 12  # rows from an order
FAR = 30  # rows from all light, or an eighth of the frame if that is less
SKY_ROWS = 24  # in which the sky is measured
RUN_STEP = 8  # rows by which a run of full pixels is followed at once
ALONG_COLUMN = np.array([[0, 1, 0]] * 3, bool)
FAINT = 0.25  # of the variance without light: what is fainter does not follow the star measurably


class TraceLight(NamedTuple):
    """The series of the pixels that follow the star.

    Attributes
    ----------
    layout : Layout
        Where they are.
    light : ndarray of float32, shape (n_pixels, n_frames)
        The sky taken off [e-]; NaN where there is no value.
    sky : ndarray, shape (n_frames,)
        Background off the traces [e-].
    floor : ndarray, shape (n_frames,)
        Variance of a pixel without light [e-^2].
    motion : Motion
        Light and displacement of each frame.
    full : FullRuns
        The pixels that fill up, or take what runs over: they hold light of others, which no median in time tells.
    """

    layout: Layout
    light: NDArray[np.float32]
    sky: Floats
    floor: Floats
    motion: Motion
    full: FullRuns


def trace_light(state: State, location: tuple[float, float]) -> tuple[TraceLight | None, tuple[str, ...]]:
    """Gather the series of the traces and fit light and motion of each frame.

    Parameters
    ----------
    state : State
        The visit as it enters a step.
    location : (column, row)
        Of the target in the direct image.

    Returns
    -------
    TraceLight or None
        None when there is no trace, or nothing to be followed.
    notes : tuple of str
        What a person should know: why there is none, frames without light.
    """
    n_frames = state.shape[0]
    if n_frames < FEWEST_FRAMES:
        return None, (
            f"The traces cannot be followed in {n_frames} frame{'s' * (n_frames > 1)}, {FEWEST_FRAMES} are needed: "
            "they are treated as the other pixels.",
        )
    traces, notes = find_traces(state, location, ORDERS)
    shape = state.shape[1:]
    zeroth = found_zeroth(state, location) or expected_zeroth(state, location)
    near = trace_mask(shape, traces, None, NEAR) & ~trace_mask(shape, {}, zeroth, 5)
    far = ~trace_mask(shape, find_traces(state, location)[0], zeroth, min(FAR, shape[0] / 8))
    index = np.flatnonzero(near)
    sky, floor = sky_levels(state, far)
    light = gathered(state, index) - sky.astype(np.float32)
    bright = np.zeros(shape, bool)
    with np.errstate(invalid="ignore"):
        bright.reshape(-1)[index] = row_medians(light) > FAINT * np.median(floor)
    layout = lay_out(bright)
    light = light[bright.reshape(-1)[index]]
    good = ~saturated(light, layout)
    bright.reshape(-1)[layout.pixels[~good]] = False
    over = run_over(state, layout.pixels[~good], near)
    full = full_runs(over, gathered(state, over) - sky.astype(np.float32), shape)
    bright.reshape(-1)[over] = False
    good = bright.reshape(-1)[layout.pixels]
    layout, light = lay_out(bright), light[good]
    motion = fit_motion(light, floor, layout)
    lost = np.flatnonzero(~np.isfinite(motion.flux))
    if lost.size == n_frames:
        why = notes or ("No light was found where the traces are expected: check 'location'.",)
        return None, (*why, "The traces are treated as the other pixels.")
    if lost.size:
        notes = (*notes, f"No trace to follow in {frames_named(lost)}.")
    return TraceLight(layout, light, sky, floor, motion, full), notes


def frames_named(numbers: NDArray[np.intp]) -> str:
    """Return 'frame 3' or 'frames 3, 4, 7 and 12 more'."""
    shown = ", ".join(str(number) for number in numbers[:6])
    more = f" and {numbers.size - 6} more" if numbers.size > 6 else ""
    return f"frame{'s' * (numbers.size > 1)} {shown}{more}"


def sky_levels(state: State, far: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the background of each frame off the traces, and the variance of a pixel there.

    The median of some rows; of noise that photons make skewed it lies below the mean by level / (6 variance).
    """
    n_frames = state.shape[0]
    rows = np.flatnonzero(far.mean(axis=1) > 0.25)
    if not rows.size:
        rows = np.arange(state.shape[1])
        far = np.ones_like(far)
    rows = rows[np.unique(np.linspace(0, rows.size - 1, min(rows.size, SKY_ROWS)).astype(int))]
    parts = [state.images(rows=slice(int(row), int(row) + 1))[:, 0, far[row]] for row in rows]
    level = bn.nanmedian(np.concatenate(parts, axis=1), axis=1).astype(np.float64)
    level[~np.isfinite(level)] = 0
    read_noise = np.asarray(state.column("read_noise"), dtype=np.float64)
    read_noise = np.where(np.isfinite(read_noise) & (read_noise > 0), read_noise, 1.0)
    above = np.maximum(level, 0)
    sky = level + above / (6 * (above + read_noise**2))
    return sky.reshape(n_frames), above + read_noise**2


def run_over(state: State, pixels: NDArray[np.intp], near: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Follow full pixels along their columns beyond the rows near the traces, to the one where all of it ends.

    Parameters
    ----------
    state : State
    pixels : ndarray of int, shape (n_pixels,)
        Sorted flat indices of the full pixels near the traces and those beside them.
    near : ndarray of bool, shape (rows, columns)
        What was looked at to find these.

    Returns
    -------
    ndarray of int
        Those given and those that follow, sorted flat indices.
    """
    given = np.zeros(near.shape, bool)
    given.reshape(-1)[pixels] = True
    full, looked, grows = given.copy(), near.copy(), bool(pixels.size)
    while grows:
        further = np.flatnonzero(binary_dilation(full, ALONG_COLUMN, iterations=RUN_STEP) & ~looked)
        looked.reshape(-1)[further] = True
        new = further[full_in_two(gathered(state, further))]
        full.reshape(-1)[new] = True
        grows = bool(new.size)
    joined = binary_propagation(given, ALONG_COLUMN, mask=full)
    beside = binary_dilation(joined, ALONG_COLUMN) & ~near
    return np.flatnonzero(joined | beside)


def gathered(state: State, index: NDArray[np.intp]) -> NDArray[np.float32]:
    """Return the series of some pixels, sorted flat indices into a frame, shape (n_pixels, n_frames)."""
    n_frames, n_rows, n_columns = state.shape
    series = np.empty((index.size, n_frames), np.float32)
    band = max(1, SERIES // n_columns)
    for start in range(0, n_rows, band):
        stop = min(start + band, n_rows)
        first, last = np.searchsorted(index, (start * n_columns, stop * n_columns))
        if last > first:
            images = state.images(rows=slice(start, stop)).reshape(n_frames, -1)
            series[first:last] = images[:, index[first:last] - start * n_columns].T
    series[~np.isfinite(series)] = np.nan
    return series
