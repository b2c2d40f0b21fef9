"""Live view of the scaled sky image: what is masked, and its factor against time and against the mode."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.mode import sky_mode
from hustle_widgets.algorithms.sky import fit_sky
from hustle_widgets.engine.deltas import Offset, Outcome
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.pagul import PagulBackground, smoothed
from hustle_widgets.view import colors, theme
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.live.column import sparse
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.selection import Selection

# Pixels of a preview, and of a mode.
AT_ONCE = 150_000
OF_A_MODE = 60_000


class SkyLive(Live[PagulBackground]):
    """Mask on the frame, factor of the sky image as fitted and smoothed, and sky against the frame's mode."""

    decorations = ("sky mask",)

    def __init__(self, step: PagulBackground, selection: Selection) -> None:
        super().__init__(step, selection)
        self.show_mask = w.Checkbox(
            value=True, description="mark masked pixels on the frame", indent=False,
        )  # fmt: skip
        self.show_mask.observe(self._mask_chosen, "value")
        self.scales = CurvePlot("Time since first frame [h]", "Factor")
        self.modes = CurvePlot("Mode of the frame [e⁻]", "Sky taken off [e⁻]")
        self.widget = self.boxed(self.show_mask, self.scales.widget, self.modes.widget)
        self._fit: tuple[Any, Any] = (None, None)
        self._modes: tuple[Any, Any] = (None, None)
        self._level: tuple[Any, float] = (None, float("nan"))
        self._dotted: Any = None
        self._fitted: tuple[Any, NDArray[np.float64]] | None = None

    def _mask_chosen(self, change: Any) -> None:
        with self.reduction.frozen():
            if self.image is not None:
                self.decorate(self.image)

    def decorate(self, image: FrameImage) -> None:
        """Dot the pixels that are left out of the fit."""
        super().decorate(image)
        found = self.fit() if self.show_mask.value and self.step.enabled else None
        if found is None:
            image.hide_overlay("sky mask")
            return
        _, mask, every = found
        if mask is self._dotted and image.has_overlay("sky mask"):
            return
        self._dotted = mask
        rows, columns = np.nonzero(sparse(np.repeat(mask, every, axis=0)[: self.shape[0]]))
        image.show_overlay("sky mask", rows, columns, colors.ORANGE)

    def fit(self) -> tuple[float, NDArray[np.bool_], int] | None:
        """Return factor and mask of the frame on display, from every n-th row, and that n."""
        step, upstream = self.step, self.upstream
        key = (upstream, step.path_to_Pagul, step.median_columns, step.mask_parameter, self.number)
        if key != self._fit[0]:
            self._fit = key, None
            every = -(-self.shape[0] * self.shape[1] // AT_ONCE)
            try:
                sky = upstream.prepared(type(step), self.parameters)["sky"]
                part, sky = upstream.frame(self.number)[::every], sky[::every]
                fit = fit_sky(part, sky, step.mask_parameter)
            except (ValueError, Unmet):  # the step says so
                return None
            self._fit = key, (fit.scale, fit.mask(part, sky), every)
        return self._fit[1]

    def sky_level(self) -> float:
        """Return the median of the sky image over the frame."""
        sky = self.upstream.prepared(type(self.step), self.parameters)["sky"]
        if self._level[0] is not sky:
            self._level = sky, float(np.nanmedian(sky))
        return self._level[1]

    def modes_of_frames(self) -> NDArray[np.float64]:
        """Return the mode of each frame as it enters the step, from some of its rows."""
        upstream = self.upstream
        if self._modes[0] is not upstream:
            state = upstream.state
            n_frames, rows, columns = state.shape
            height = min(rows, max(1, OF_A_MODE // columns))
            # Bands at the top, where there are no traces; what was taken off before is taken off here too.
            band = slice(rows - height, rows)
            modes = [sky_mode(state.images(slice(k, k + 1), band)[0])[0] for k in range(n_frames)]
            self._modes = upstream, np.array(modes)
        return self._modes[1]

    def fitted(self) -> NDArray[np.float64] | None:
        """Return the factors of all frames before smoothing, if they are known for this mask."""
        outcome, step = self.outcome, self.step
        key = (self.upstream, step.path_to_Pagul, step.median_columns, step.mask_parameter)
        if outcome is not None and "sky_scale_fitted" in outcome.table.columns:
            self._fitted = key, np.asarray(outcome.table.columns["sky_scale_fitted"], dtype=float)
        return self._fitted[1] if self._fitted is not None and self._fitted[0] == key else None

    def redraw(self) -> None:
        """Draw the factors: smoothed anew when they are known, else that of the frame on display."""
        fitted = self.fitted()
        if fitted is not None:
            step = self.step
            scales = (
                smoothed(self.upstream.state, fitted, step.smoothing_param) if step.smooth_fits else fitted
            )
            self._draw(fitted, scales)
        elif (found := self.fit()) is not None:
            at = np.full(self.hours.size, np.nan)
            at[self.number] = found[0]
            self._draw(at, at, preview=True)

    def _draw(self, fitted: NDArray[Any], scales: NDArray[Any], preview: bool = False) -> None:
        replaced = int(np.count_nonzero((scales != fitted) & np.isfinite(fitted)))
        title = f"Factor of the sky image: {replaced} smoothed away"
        if preview:
            title = f"Factor in frame {self.number} (preview)"
        self.scales.show(
            Curve("fitted", self.hours, fitted, color=theme.GREY, marker="square", line=""),
            Curve("used", self.hours, scales, color=theme.BLUE),
            title=title,
            vertical=(self.hour,),
        )
        modes, level = self.modes_of_frames(), scales * self.sky_level()
        good = np.isfinite(level)
        ends = np.array([modes.min(), modes.max()])
        self.modes.show(
            Curve("equal", ends, ends, color=theme.GREY, marker="", line="dashed"),
            Curve("each frame", modes[good], level[good], color=theme.BLUE, line=""),
            title="Sky taken off against the mode",
        )

    def update(self) -> None:
        """Draw everything."""
        self.redraw()

    def look_ahead(self) -> Outcome | None:
        """Take the sky image off the frame on display, scaled by what can be told at once."""
        found = self.fit()
        if found is None:
            return None
        fitted, step = self.fitted(), self.step
        factor = found[0]
        if fitted is not None:
            used = smoothed(self.upstream.state, fitted, step.smoothing_param) if step.smooth_fits else fitted
            factor = float(used[self.number])
        levels = np.zeros(self.upstream.state.shape[0], np.float32)
        levels[self.number] = factor
        sky = self.upstream.prepared(type(step), self.parameters)["sky"]
        return Outcome((Offset(levels, sky),))
