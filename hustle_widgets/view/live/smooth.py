"""Live view of spatial smoothing: model and residual along the clicked row, and the regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from hustle_widgets.algorithms.smoothing import reject_by_smoothing, smooth_model
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.steps.smooth import SpatialSmoothing
from hustle_widgets.view import theme
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.frame.marks import Region
from hustle_widgets.view.live.base import side_by_side
from hustle_widgets.view.live.bloom import Bloom
from hustle_widgets.view.live.boxes import BoxEditor
from hustle_widgets.view.live.flagged import FlaggedLive
from hustle_widgets.view.live.preview import frame_patch, put_into
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.selection import Selection

# Pixels of a preview by type of model; of '2D_smooth' with a kernel of 25 pixels.
AT_ONCE = {"1D_smooth": 700_000, "2D_smooth": 60_000, "polyfit": 120_000}
MAD_TO_SIGMA = 1.4826


class SmoothLive(FlaggedLive[SpatialSmoothing]):
    """Model and residual along the clicked row, the regions, and the pixels flagged in each frame."""

    decorations = ("smth_bounds",)

    def __init__(self, step: SpatialSmoothing, selection: Selection) -> None:
        super().__init__(step, selection)
        self.editor = BoxEditor(self, "smth_bounds")
        self.model = CurvePlot("Column [px]", "Value [e⁻]")
        self.residual = CurvePlot("Column [px]", "Value − model [e⁻]")
        below = side_by_side(self.model.widget, self.counts.widget)
        self.widget = self.boxed(self.editor.widget, self.residual.widget, below)
        self._bloom = Bloom()
        self._cut_by: Any = None

    def decorate(self, image: FrameImage) -> None:
        """Draw the regions."""
        if self.image is None:
            image.on_zoom(self._zoomed)
        super().decorate(image)
        self.editor.draw(image)

    def _zoomed(self, region: Region) -> None:
        with self.reduction.frozen():
            if self.selection.step == self.step.name:
                self.redraw()

    def read_noise(self) -> float:
        """Return the read noise of the frame on display, e-."""
        return float(self.upstream.state.column("read_noise")[self.number])

    def cut(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return values, model and scatter along the clicked row, as the step has them there."""
        step = self.step
        # The threshold matters here only where it chooses what the polynomial is fitted to.
        fitted_to = step.smth_type == "polyfit" and step.smth_threshold
        model = (step.smth_type, step.smth_kernel, step.smth_order, fitted_to)
        key = (self.upstream, self.number, self.selection.row, model)
        if key != self._cut_by:
            self._cut, self._cut_by = self._cut_anew(), key
        return self._cut

    def _cut_anew(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        step, row, rows = self.step, self.selection.row, self.shape[0]
        kernel = step.smth_kernel
        reach = (kernel[0] if isinstance(kernel, tuple) else 1) + 3
        top, bottom = max(0, row - reach), min(rows, row + reach + 1)
        image = self.upstream.frame(self.number)[top:bottom]
        model = smooth_model(
            image, step.smth_type, kernel, step.smth_order,
            smth_threshold=step.smth_threshold, read_noise=self.read_noise(),
        )  # fmt: skip
        at = row - top
        first = max(at - 1, 0)
        near = slice(first, at + 2)
        away = np.nan_to_num(np.abs(image[near] - model[near]))
        scatter = np.sqrt(np.maximum(model[at], 0) + self.read_noise() ** 2)
        for window in ((1, 7), (3, 5)):
            around = median_filter(away, size=window, mode="reflect")[at - first]
            scatter = np.maximum(scatter, MAD_TO_SIGMA * around)
        return image[at], model[at], scatter

    def redraw(self) -> None:
        """Draw the row with the present parameters."""
        step, row = self.step, self.selection.row
        try:
            values, model, scatter = self.cut()
        except ValueError:  # the step says what does not fit
            return
        region = (0, 0, 0, self.shape[1]) if self.image is None else self.image.region
        shown = slice(region[2], region[3])
        columns = np.arange(self.shape[1])[shown]
        values, model, scatter = values[shown], model[shown], scatter[shown]
        residual = values - model
        band = step.smth_threshold * scatter
        inside = self._inside(columns)
        hit = inside & (np.abs(residual) > band)
        # High enough for most of the band; hits beyond it are drawn at the edge. In steps of a half, or every move of
        # the threshold's slider would have the browser draw all anew on another scale.
        edge = float(10 ** (np.ceil(6 * np.log10(1.4 * np.nanpercentile(band, 90))) / 6))
        self.model.show(
            Curve("frame", columns, values, color=theme.KEPT, marker=""),
            Curve("model", columns, model, color=theme.REJECTED, marker=""),
            title=f"Row {row}, frame {self.number}",
            vertical=(self.selection.column,),
        )
        label = "flagged" if inside.any() else "no region in this row"
        self.residual.show(
            Curve("band", columns, np.zeros(columns.size), error=band, color=theme.BAND, marker="", line="",
                  label=f"± {step.smth_threshold:g} × scatter"),
            Curve("residual", columns, np.clip(residual, -edge, edge), color=theme.KEPT, marker=""),
            Curve("flagged", columns, np.where(hit, np.clip(residual, -edge, edge), np.nan),
                  color=theme.REJECTED, marker="cross", line="", label=f"{label}: {hit.sum()}"),
            title="Residual",
            y_limits=(-1.05 * edge, 1.05 * edge),
            vertical=(self.selection.column,),
        )  # fmt: skip

    def _inside(self, columns: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return which columns of the clicked row are corrected."""
        if self.step.smth_bounds is None:
            return np.ones(columns.size, bool)
        inside = np.zeros(columns.size, bool)
        for row0, row1, column0, column1 in self.editor.boxes():
            if row0 <= self.selection.row < row1:
                inside |= (columns >= column0) & (columns < column1)
        return inside

    def update(self) -> None:
        """Draw counts and row."""
        super().update()
        self.redraw()

    def look_ahead(self) -> Outcome | None:
        """Smooth what is on view, or a band of it around the clicked pixel."""
        step, frame = self.step, self.upstream.frame(self.number)
        most = AT_ONCE[step.smth_type]
        if isinstance(step.smth_kernel, tuple):
            most = most * 25 // max(25, step.smth_kernel[0] * step.smth_kernel[1])
        keywords = self.upstream.prepared(type(step), self.parameters)
        boxes = keywords["smth_bounds"]
        whole = (0, self.shape[0], 0, self.shape[1])
        part = self.part(most) if boxes is None or sum(map(_area, boxes)) > most else whole
        boxes = [box for box in (_overlap(box, part) for box in boxes or (whole,)) if _area(box) > 0]
        mask, values = reject_by_smoothing(
            frame, smth_type=step.smth_type, smth_kernel=step.smth_kernel, smth_bounds=boxes,
            smth_threshold=step.smth_threshold, smth_order=step.smth_order, read_noise=self.read_noise(),
            protect=self._bloom.of(frame, keywords.get("zeroth")),
        )  # fmt: skip
        found = frame_patch(self.shape, np.flatnonzero(mask), values)
        if part == whole:
            return self.placed(found)
        row0, row1, column0, column1 = part
        inside = mask[row0:row1, column0:column1]
        replaced = np.zeros(mask.shape, np.float32)
        replaced[mask] = values
        cut = frame_patch(inside.shape, np.flatnonzero(inside), replaced[row0:row1, column0:column1][inside])
        return self.placed(put_into(self.shape, part, cut, self.known_in_frame()))


def _overlap(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int, int, int]:
    return max(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), min(one[3], other[3])


def _area(box: tuple[int, ...]) -> int:
    return max(box[1] - box[0], 0) * max(box[3] - box[2], 0)
