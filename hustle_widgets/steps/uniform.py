"""Step 5a: background, one value a frame."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.background import share_in_range, uniform_level
from hustle_widgets.algorithms.photometry import MAD_TO_SIGMA
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Offset, Outcome, Table
from hustle_widgets.steps.bad_frames import (
    REASON,
    estimated,
    filled_from_neighbours,
    notes_of,
    without_reason,
)
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Column
from hustle_widgets.steps.frame_names import first_sound
from hustle_widgets.steps.parameters import Choice, Real, Regions, Switch, Whole
from hustle_widgets.steps.regions import Box, fitted

#: Share of pixels in the range of the histogram, in units of that of most frames, that makes no level.
FEW = 0.2
NOISY = 0.15  # [e-], noise of a level that a light curve shows
BIASED = 0.05  # [e-]


class UniformBackground(Step):
    """Subtract one background value from each frame, taken from the histogram of its pixels."""

    name, title, section, by = "uniform", "Background: uniform", "5a", "frames"
    label = "Uniform"
    heading = ("Step 5: Background subtraction", "Step 5a: uniform value background subtraction")
    switch = "do_uniform"
    switch_help = "Subtract one background value from each frame."
    sky, doing = True, "Removing background..."
    records = {"bkg_vals": Column("electron", "background of each frame")}
    live, figures = (
        "hustle_widgets.view.live.uniform:UniformLive",
        "hustle_widgets.view.figures.backgrounds:uniform_figures",
    )
    every_frame = ("bkg_histogram_uniform", "hustle_widgets.view.figures.backgrounds:HistogramOfFrame")
    tour = """
    The histogram of the pixels in the boxes, with mode, median and Gaussian; drag its limits. A shoulder on the right
    is light of the traces or the 0th order in a box. The values of the frames below follow the sky through each orbit.
    """
    fit = Choice(
        None,
        (None, "Gaussian", "median"),
        (
            "What is taken from the histogram of pixel values. None: its highest bin, which scatters by some "
            "tenths of an electron. 'Gaussian': the centre of a fitted Gaussian. 'median': the median between "
            "hist_min and hist_max."
        ),
    )
    bounds = Regions(
        ((0, 150, 0, 400), (440, 590, 0, 400)),
        ("Regions whose pixels count as background, each [row0, row1, column0, column1], ends not included."),
        unit="pixels",
        optional="the full frame",
    )
    hist_min = Real(
        -20,
        "Pixels below this value are not used.",
        unit="e-",
        soft=(-100, 50),
        optional="min(data)",
        advice="Raise it if bad low pixels draw the level down.",
    )
    hist_max = Real(
        50,
        "Pixels above this value are not used.",
        unit="e-",
        soft=(0, 500),
        optional="max(data)",
        advice="Lower it to leave out the wings of the traces and of the 0th order.",
    )
    hist_bins = Whole(
        1000,
        "Number of bins of the histogram.",
        min=2,
        max=1_000_000,
        soft=(50, 2000),
        advice="Raise it for a finer level; lower it if the histogram is ragged.",
    )
    skew_corrected = Switch(
        False,
        (
            "With fit 'median': add the difference between mean and median of a sky of few photons (0.09 e- at "
            "12 e- and 3.1 e- read noise)."
        ),
        added=True,
    )

    @classmethod
    def matters(cls, name: str, state: State) -> tuple[float, float] | None:
        """Let the limits reach over the sky's pixels: what lies further off hardly counts."""
        if name not in ("hist_min", "hist_max"):
            return None
        frame = state.frame(first_sound(state)).ravel()
        values = frame[:: max(1, frame.size // 20_000)]
        values = values[np.isfinite(values)]
        if not values.size:
            return None
        low, middle, high = (float(number) for number in np.percentile(values, (0.5, 50, 97)))
        spread = max(middle - low, high - middle, 5.0)
        ends = (
            (middle - 6 * spread, middle + spread)
            if name == "hist_min"
            else (min(middle, 0.0), middle + 12 * spread)
        )
        return float(np.floor(ends[0])), float(np.ceil(ends[1]))

    @staticmethod
    def prepare(
        state: State, *, bounds: tuple[Box, ...] | None, hist_min: float | None, hist_max: float | None
    ) -> dict[str, Any]:
        """Fit the regions to the frame."""
        if hist_min is not None and hist_max is not None and hist_min >= hist_max:
            raise ValueError(f"'hist_min' must be below 'hist_max'. Got {hist_min:g} and {hist_max:g}.")
        boxes, notes = fitted(
            "bounds", bounds, UniformBackground.parameters["bounds"].tutorial, state.shape[1:]
        )
        return {"bounds": boxes, "notes": notes}

    @staticmethod
    def compute(
        block: Block,
        *,
        fit: str | None,
        bounds: tuple[Box, ...] | None,
        hist_min: float | None,
        hist_max: float | None,
        hist_bins: int,
        skew_corrected: bool,
        notes: tuple[str, ...],
    ) -> tuple[Offset, Table]:
        """Find the background of one frame."""

        def estimate() -> np.ndarray:
            level = uniform_level(
                block.images[0],
                fit=fit,
                bounds=bounds,
                hist_min=hist_min,
                hist_max=hist_max,
                hist_bins=hist_bins,
                skew_corrected=skew_corrected,
            )
            return np.array([level], dtype=np.float32)

        level, reason = estimated(block.images[0], estimate, (1,))
        share = share_in_range(block.images[0], bounds, hist_min, hist_max)
        found = {"bkg_vals": level, REASON: np.array([reason]), "share": np.array([share])}
        return Offset(level), Table(found, notes=notes)

    @staticmethod
    def finish(outcome: Outcome, state: State, *, fit: str | None, skew_corrected: bool) -> Outcome:
        """Give frames that have no level that of their neighbours.

        A level is none when a fifth of the usual share of pixels lies in the range: those are others than the sky's.
        """
        columns, known, reasons = without_reason(outcome.table, "bkg_vals")
        share = columns.pop("share")
        usual = float(np.median(share))
        for k in np.flatnonzero(known & (share < FEW * usual)):
            reasons[int(k)] = (
                f"only {share[k]:.1%} of its pixels lie between hist_min and hist_max, {usual:.0%} in a usual frame"
            )
            known[k] = False
        level = filled_from_neighbours(columns["bkg_vals"], known)
        notes = notes_of(state, reasons, "It takes the background of its neighbours.")
        if fit is None:
            notes += of_the_mode(level[known])
        if fit == "median" and not skew_corrected:
            notes += of_the_median(level[known], np.asarray(state.column("read_noise"))[known])
        table = Table({**columns, "bkg_vals": level}, outcome.table.facts, (*outcome.table.notes, *notes))
        return Outcome((Offset(level), table))


def of_the_mode(level: NDArray[np.floating]) -> tuple[str, ...]:
    """Say how noisy the highest bin is, from how far each frame lies off the middle of its neighbours."""
    bends = np.abs(np.diff(level.astype(np.float64), 2))
    noise = MAD_TO_SIGMA * float(np.median(bends)) / np.sqrt(6) if bends.size > 2 else 0.0
    if noise < NOISY:
        return ()
    return (
        f"The highest bin scatters by {noise:.1f} e- from frame to frame, which an aperture of thousands of pixels "
        "adds up: fit 'Gaussian' is surer.",
    )


def of_the_median(level: NDArray[np.floating], read_noise: NDArray[np.floating]) -> tuple[str, ...]:
    """Say how far the median of skewed noise lies below its mean."""
    above = np.maximum(level.astype(np.float64), 0)
    below = float(np.nanmedian(above / (6 * (above + read_noise.astype(np.float64) ** 2))))
    if not below > BIASED:
        return ()
    return (f"The median of so few photons lies {below:.2f} e- below their mean: skew_corrected adds it.",)
