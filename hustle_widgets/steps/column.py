"""Step 5b: background, one value a column."""

from __future__ import annotations

from typing import Any

import numpy as np

from hustle_widgets.algorithms.columns import ColumnMeans, ColumnPixels, column_means, compared
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Offset, Outcome, Table
from hustle_widgets.engine.memos import FrameMemo, frame_memo
from hustle_widgets.steps.bad_frames import (
    REASON,
    estimated,
    filled_from_neighbours,
    notes_of,
    without_reason,
)
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Column
from hustle_widgets.steps.parameters import Real, Switch, Whole, Wholes
from hustle_widgets.steps.targets import background_region


class ColumnBackground(Step):
    """Subtract the background of each column of each frame."""

    name, title, section, by = "column", "Background: column by column", "5b", "frames"
    label = "Columns"
    heading = ("Step 5b: Column-by-column background subtraction",)
    switch = "do_column"
    switch_help = "Subtract a background value from each column of each frame."
    borrows = ("zeroth_tracking.location",)
    sky, doing = True, "Removing background by columns..."
    records = {"bkg_vals": Column("electron", "background of each column", ("y",))}
    live, figures = (
        "hustle_widgets.view.live.column:ColumnLive",
        "hustle_widgets.view.figures.backgrounds:column_figures",
    )
    every_frame = ("bkg_columns_column", "hustle_widgets.view.figures.backgrounds:ColumnsOfFrame")
    tour = """
    Dots on the frame are the pixels that count as background. The level along the columns should be smooth and without
    a bump under the 0th order; crosses are columns that were interpolated.
    """
    rows = Wholes(
        tuple(range(10)),
        "Rows whose pixels are background. They are used only if mask_trace is False.",
        min=0,
        rows=True,
    )
    mask_trace = Switch(
        True,
        ("True: all pixels far from the traces and the 0th order are background, and rows is not used."),
    )
    dist_from_trace = Whole(
        100,
        "With mask_trace: how far a background pixel must be from every trace.",
        unit="rows",
        min=1,
        soft=(5, 200),
        advice="Lower it on a small subarray; raise it if the wings of the trace are taken for sky.",
    )
    col_sigma = Real(
        3,
        (
            "Distance beyond which a value is an outlier: a pixel from the background of its column, and a "
            "column from its neighbours."
        ),
        unit="sigma",
        above=0,
        soft=(1, 10),
        advice="Lower it if stars shine through; raise it if too few pixels are left.",
    )

    @classmethod
    def matters(cls, name: str, state: State) -> tuple[float, float] | None:
        """End the slider of the distance where no row is left."""
        return (5, min(200, max(10, state.shape[1] // 2))) if name == "dist_from_trace" else None

    @staticmethod
    def prepare(
        state: State,
        *,
        rows: tuple[int, ...],
        mask_trace: bool,
        dist_from_trace: int,
        location: tuple[float, float],
    ) -> dict[str, Any]:
        """Find the background pixels, the same for all frames."""
        mask, notes = background_region(state, rows, mask_trace, dist_from_trace, location)
        return {"pixels": ColumnPixels.of(mask), "notes": notes}

    memo = staticmethod(frame_memo)

    @staticmethod
    def compute(
        block: Block,
        *,
        pixels: ColumnPixels,
        col_sigma: float,
        notes: tuple[str, ...],
        memo: FrameMemo[tuple[ColumnMeans, ColumnPixels]] | None = None,
    ) -> tuple[Offset, Table]:
        """Find the background of each column of one frame."""
        image = block.images[0]
        memo = FrameMemo() if memo is None else memo
        recalled = memo.recall(block, col_sigma)
        if recalled.before is None:
            means = column_means(image, pixels, col_sigma)
        else:
            means, pixels_then = recalled.before.found
            other = pixels.unlike(pixels_then)
            other[recalled.before.changed % image.shape[1]] = True
            columns = np.flatnonzero(other)
            means = means.replaced(columns, column_means(image, pixels, col_sigma, columns))
        memo.keep(recalled, (means, pixels))
        found: dict[str, Any] = {}

        def estimate() -> np.ndarray:
            level, interpolated = compared(means, col_sigma)
            found["interpolated"] = np.flatnonzero(interpolated)
            return level[np.newaxis]

        level, reason = estimated(image, estimate, (1, image.shape[1]))
        return Offset(level), Table({"bkg_vals": level, REASON: np.array([reason])}, found, notes)

    @staticmethod
    def finish(outcome: Outcome, state: State) -> Outcome:
        """Give frames without a background the one of their neighbours, column by column."""
        columns, known, reasons = without_reason(outcome.table, "bkg_vals")
        level = filled_from_neighbours(columns["bkg_vals"], known)
        notes = notes_of(state, reasons, "It takes the background of its neighbours.")
        table = Table({**columns, "bkg_vals": level}, outcome.table.facts, (*outcome.table.notes, *notes))
        return Outcome((Offset(level), table))
