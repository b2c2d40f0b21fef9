"""Live view of the background by columns: its pixels on the frame, and its estimate along the columns."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.columns import ColumnPixels, column_level
from hustle_widgets.engine.deltas import Offset, Outcome
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.column import ColumnBackground
from hustle_widgets.steps.targets import background_region
from hustle_widgets.view import colors, theme
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.frame.marks import Region
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.selection import Selection
from hustle_widgets.view.words import quiet

# Background pixels that a preview estimates from.
AT_ONCE = 300_000


class ColumnLive(Live[ColumnBackground]):
    """Estimate along the columns, of the frame on display and the median of all, and the pixels it is of."""

    decorations = ("rows", "region")

    def __init__(self, step: ColumnBackground, selection: Selection) -> None:
        super().__init__(step, selection)
        self.add = w.Button(
            description="Add rows", icon="plus-square-o",
            tooltip="Then drag over the frame above; the rows touched become background",
        )  # fmt: skip
        self.add.on_click(lambda _: self.begin())
        self.hint = w.HTML()
        bar = w.HBox([self.add, self.hint])
        bar.add_class("hustle-tools")
        self.along = CurvePlot("Column [px]", "Background [e⁻]")
        self.levels = CurvePlot("Time since first frame [h]", "Median [e⁻]")
        self.widget = self.boxed(bar, self.along.widget, self.levels.widget)
        self._dotted: Any = None
        self._mask: tuple[Any, Any] = (None, None)
        self._estimate: tuple[Any, Any] = (None, None)

    # --- rows on the frame --------------------------------------------------------------------------

    def decorate(self, image: FrameImage) -> None:
        """Draw the rows as bands that can be moved, or the pixels kept by the mask."""
        super().decorate(image)
        if self.step.mask_trace:
            image.remove("rows")
            mask = self.mask()
            if mask is None:
                image.hide_overlay("region")
            elif mask is not self._dotted or not image.has_overlay("region"):
                self._dotted = mask
                rows, columns = np.nonzero(sparse(mask))
                image.show_overlay("region", rows, columns, colors.ORANGE)
        else:
            image.hide_overlay("region")
            image.set_regions("rows", self.bands(), color=colors.ORANGE, on_change=self.brushed)

    def bands(self) -> list[Region]:
        """Return the rows as boxes of the full width, one for each run of rows."""
        n_rows, n_columns = self.shape
        rows = sorted({row for row in self.step.rows if row < n_rows})
        starts = [row for row in rows if row - 1 not in set(rows)]
        ends = [row + 1 for row in rows if row + 1 not in set(rows)]
        return [(start, end, 0, n_columns) for start, end in zip(starts, ends, strict=True)]

    def begin(self) -> None:
        """Let the next drag over the frame add rows."""
        if self.image is not None and not self.step.mask_trace:
            with self.reduction.frozen():
                self.decorate(self.image)
                self.image.draw_region("rows")

    def brushed(self, regions: list[Region]) -> None:
        """Take the rows of all boxes."""
        rows = sorted({row for row0, row1, *_ in regions for row in range(row0, row1)})
        self.act(rows=tuple(rows))

    def mask(self) -> NDArray[np.bool_] | None:
        """Return the background pixels, shape (rows, columns); None when the parameters leave none."""
        step, state = self.step, self.upstream.state
        location = self.parameters["location"]
        key = (self.upstream, step.rows, step.mask_trace, step.dist_from_trace, location)
        if key != self._mask[0]:
            try:
                mask, _ = background_region(state, step.rows, step.mask_trace, step.dist_from_trace, location)
            except (ValueError, Unmet):  # the step says so
                mask = None
            self._mask = key, mask
        return self._mask[1]

    # --- plots --------------------------------------------------------------------------------------

    def estimate(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
        """Return the level of each column of the frame on display, and which are interpolated.

        From every n-th row of the background, so that it is there at once.
        """
        mask = self.mask()
        if mask is None:
            return None
        key = (self.upstream, id(mask), self.step.col_sigma, self.number)
        if key != self._estimate[0]:
            thinned = mask
            every = -(-int(mask.sum()) // AT_ONCE)
            if every > 1:
                thinned = np.zeros_like(mask)
                thinned[::every] = mask[::every]
            pixels = ColumnPixels.of(thinned)
            found = column_level(self.upstream.frame(self.number), pixels, self.step.col_sigma)
            self._estimate = key, found
        return self._estimate[1]

    def redraw(self) -> None:
        """Draw the estimate of the frame on display with the present parameters."""
        masked = self.step.mask_trace
        self.add.disabled = masked
        self.hint.value = quiet(
            "Dots on the frame: background. With mask_trace off, rows are chosen here."
            if masked
            else "Drag bands on the frame; ✖ removes."
        )
        estimate = self.estimate()
        if estimate is not None:
            self._draw_along(*estimate, "preview")

    def _draw_along(
        self, level: NDArray[Any], interpolated: NDArray[np.bool_], word: str, *more: Curve
    ) -> None:
        columns = np.arange(level.size)
        self.along.show(
            *more,
            Curve("frame on display", columns, level, color=theme.BLUE, marker=""),
            Curve(
                "interpolated", columns, np.where(interpolated, level, np.nan), color=theme.REJECTED,
                marker="cross", line="", label=f"interpolated: {interpolated.sum()}",
            ),
            title=f"Background of frame {self.number}" + (f" ({word})" if word else ""),
            y_limits=limits_of(level),
            vertical=(self.selection.column,),
        )  # fmt: skip

    def update(self) -> None:
        """Draw the estimate of the last result, or a preview of it."""
        outcome = self.outcome
        self.redraw()
        if outcome is None or "bkg_vals" not in outcome.table.columns:
            return
        values = np.asarray(outcome.table.columns["bkg_vals"], dtype=float)
        median = np.nanmedian(values, axis=0)
        all_frames = Curve(
            "median of all frames", np.arange(median.size), median, color=theme.ORANGE, marker=""
        )
        estimate = self.estimate()
        interpolated = np.zeros(median.size, bool) if estimate is None else estimate[1]
        self._draw_along(values[self.number], interpolated, "", all_frames)
        levels = np.nanmedian(values, axis=1)
        self.levels.show(
            Curve("median over the columns", self.hours, levels, color=theme.BLUE),
            title=f"Median {np.nanmedian(levels):.2f} e⁻",
            vertical=(self.hour,),
        )

    def look_ahead(self) -> Outcome | None:
        """Take off the estimate that is drawn."""
        estimate = self.estimate()
        if estimate is None:
            return None
        levels = np.zeros((self.upstream.state.shape[0], self.shape[1]), np.float32)
        levels[self.number] = estimate[0]
        return Outcome((Offset(levels),))


def sparse(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask thinned to a pattern of dots, through which a frame can be seen."""
    step = max(4, round(mask.shape[1] / 130))
    dots = np.zeros_like(mask)
    dots[step // 2 :: step, step // 2 :: step] = mask[step // 2 :: step, step // 2 :: step]
    return dots


def limits_of(values: NDArray[Any]) -> tuple[float, float] | None:
    """Return limits that show nearly all values, not single wild ones."""
    good = values[np.isfinite(values)]
    if not good.size:
        return None
    low, high = (float(value) for value in np.percentile(good, (0.5, 99.5)))
    margin = max(0.4 * (high - low), 0.5)
    return low - margin, high + margin
