"""Live view of Laplacian edge detection: what its thresholds apply to around a pixel, and hits of each round."""

from __future__ import annotations

import numpy as np

from hustle_widgets.algorithms.laplacian import detect_edges, significance
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.steps.led import LaplacianEdgeDetection
from hustle_widgets.view import theme
from hustle_widgets.view.frame.marks import Region
from hustle_widgets.view.live.base import side_by_side
from hustle_widgets.view.live.bloom import Bloom
from hustle_widgets.view.live.flagged import FlaggedLive
from hustle_widgets.view.live.maps import MapPlot
from hustle_widgets.view.live.preview import frame_patch, put_into
from hustle_widgets.view.plots.curve_plot import Curve
from hustle_widgets.view.selection import Selection

# Pixels to each side of the clicked one, pixels of a preview, and how far away a pixel can matter.
ROWS, COLUMNS = 8, 12
AT_ONCE = 450_000
MARGIN = 10


class LedLive(FlaggedLive[LaplacianEdgeDetection]):
    """Significance and contrast around the clicked pixel, and the hits of each round in each frame."""

    def __init__(self, step: LaplacianEdgeDetection, selection: Selection) -> None:
        super().__init__(step, selection)
        self.significance, self.contrast = MapPlot(), MapPlot()
        self.maps = side_by_side(self.significance.widget, self.contrast.widget)
        self.widget = self.boxed(self.maps, self.counts.widget)
        self._bloom = Bloom()

    def neighbourhood(self) -> Region:
        """Return the region around the clicked pixel that lies on the frame."""
        rows, columns = self.shape
        row0 = int(np.clip(self.selection.row - ROWS, 0, max(rows - 2 * ROWS - 1, 0)))
        column0 = int(np.clip(self.selection.column - COLUMNS, 0, max(columns - 2 * COLUMNS - 1, 0)))
        return row0, min(row0 + 2 * ROWS + 1, rows), column0, min(column0 + 2 * COLUMNS + 1, columns)

    def read_noise(self) -> float:
        """Return the read noise of the frame on display, e-."""
        return float(self.upstream.state.column("read_noise")[self.number])

    def redraw(self) -> None:
        """Draw both maps with the present parameters."""
        step, region = self.step, self.neighbourhood()
        frame = self.upstream.frame(self.number)
        # The contrast is always made: its map helps to decide whether to switch fine_structure on.
        sigma, contrast = significance(frame, self.read_noise(), step.led_factor, True, region)
        assert contrast is not None
        at = self.selection.row - region[0], self.selection.column - region[2]
        pixel = self.selection.row, self.selection.column
        threshold, factor = step.led_threshold, step.contrast_factor
        self.significance.show(
            sigma, region, pixel, high=2 * threshold, over=sigma > threshold,
            title=f"Significance {sigma[at]:.3g}", over_label=f"above {threshold:g}",
        )  # fmt: skip
        both = (contrast > factor) & (sigma > threshold)
        self.contrast.show(
            contrast, region, pixel, high=2 * factor, over=both,
            title=f"Contrast {contrast[at]:.3g}" + ("" if step.fine_structure else " (not used)"),
            over_label=f"above {factor:g} too",
        )  # fmt: skip

    def update(self) -> None:
        """Draw maps and counts."""
        super().update()
        self.redraw()

    def count_curves(self, counts: np.ndarray) -> list[Curve]:
        """Return a curve for each round."""
        return [
            Curve(f"round {number + 1}", self.hours, found, color=theme.CYCLE[number % len(theme.CYCLE)])
            for number, found in enumerate(counts)
            if number < 4
        ]

    def look_ahead(self) -> Outcome | None:
        """Detect in what is on view, or in a band of it around the clicked pixel."""
        frame, part = self.upstream.frame(self.number), self.part(AT_ONCE)
        row0, row1, column0, column1 = part
        top, left = max(row0 - MARGIN, 0), max(column0 - MARGIN, 0)
        around = np.s_[top : row1 + MARGIN, left : column1 + MARGIN]
        inside = np.s_[row0 - top : row1 - top, column0 - left : column1 - left]
        keywords = self.upstream.prepared(type(self.step), self.parameters)
        protect = self._bloom.of(frame, keywords.get("zeroth"))
        own = {name: getattr(self.step, name) for name in self.step.parameters}
        mask, values, _ = detect_edges(
            frame[around], self.read_noise(), protect=None if protect is None else protect[around], **own
        )
        replaced = np.zeros(mask.shape, np.float32)
        replaced[mask] = values
        index = np.flatnonzero(mask[inside])
        found = frame_patch((row1 - row0, column1 - column0), index, replaced[inside].ravel()[index])
        return self.placed(put_into(self.shape, part, found, self.known_in_frame()))
