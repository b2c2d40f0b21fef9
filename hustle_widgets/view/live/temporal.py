"""Live views of the rejections in time: the clicked pixel's series with the band, and the flags of each frame."""

from __future__ import annotations

from typing import Any, NamedTuple

import ipywidgets as w
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.steps.fixed_iter import FixedIteration
from hustle_widgets.steps.free_iter import FreeIteration
from hustle_widgets.steps.reference import without_failed
from hustle_widgets.view.live.base import S, side_by_side
from hustle_widgets.view.live.flagged import FlaggedLive
from hustle_widgets.view.live.kept_fit import KeptFit
from hustle_widgets.view.live.preview import MOST_SERIES, Suspects, computed, cut_visit, frame_patch, put_into
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.plots.series_plot import SeriesPlot
from hustle_widgets.view.selection import Selection

# Series that are clipped for a preview.
AT_ONCE = 12_000


class Rejection(NamedTuple):
    """What is rejected of a series, shape (frames,), what it becomes, and centre and sigma of the band [e-].

    Centre and sigma are numbers, or have a value in each frame. `centre_is` names the centre, `remark` follows the
    pixel in the title.
    """

    values: NDArray[np.float32]
    rejected: NDArray[np.bool_]
    replaced: NDArray[np.float32]
    centre: float | NDArray[np.float32]
    sigma: float | NDArray[np.float32]
    centre_is: str = "median"
    remark: str = "click another pixel"


class SeriesOf(FlaggedLive[S]):
    """The clicked pixel's time series with the rejection band, and the pixels flagged in each frame."""

    def __init__(self, step: S, selection: Selection) -> None:
        super().__init__(step, selection)
        self.series = SeriesPlot()
        self.series.on_threshold(self.dragged)
        self.widget = self.boxed(*self.extra(), self.series.widget, self.counts.widget)

    def extra(self) -> list[Any]:
        """Return widgets above the series."""
        return []

    def threshold(self) -> float:
        """Return the threshold whose band is drawn."""
        raise NotImplementedError

    def dragged(self, threshold: float) -> None:
        """Take the threshold to which an edge of the band was dragged."""
        raise NotImplementedError

    def clipped(
        self, series: NDArray[np.float32], parameters: dict[str, Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return series, shape (frames, n), as the step leaves them, and what it flags."""
        cube = series[:, np.newaxis]
        patch = computed(type(self.step), cut_visit(self.state, cube, slice(None)), parameters).patch
        assert patch is not None
        flagged = np.zeros(cube.shape, bool)
        flagged.reshape(-1)[patch.index] = True
        after = cube.copy()
        if patch.value is not None:
            after.reshape(-1)[patch.index] = patch.value
        return after[:, 0], flagged[:, 0]

    def redraw(self) -> None:
        """Clip the pixel's series with the present parameters: exact, and quick."""
        row, column = self.selection.row, self.selection.column
        found = self.rejection(self.upstream.row(row)[:, column])
        self.series.show(
            found.values,
            centre=found.centre,
            sigma=found.sigma,
            threshold=self.threshold(),
            rejected=found.rejected,
            replaced=found.replaced,
            here=self.number,
            title=f"Row {row}, column {column} ({found.remark})",
            centre_is=found.centre_is,
        )

    def rejection(self, series: NDArray[np.float32]) -> Rejection:
        """Return what the step does to a series, shape (frames,)."""
        after, rejected = self.clipped(series[:, np.newaxis], dict(self.parameters))
        kept = series[~rejected[:, 0] & np.isfinite(series)]
        return Rejection(series, rejected[:, 0], after[:, 0], *centre_of(kept))

    def update(self) -> None:
        """Draw both plots, and begin to gather what a preview of this frame needs."""
        super().update()
        self.redraw()
        if self.step.enabled and self.step.status == "fresh":
            self.suspects()

    def suspects(self) -> Suspects:
        """Return the pixels of the frame on display that may be rejected."""
        return self.upstream.suspects(self.number, type(self.step), self.parameters, self.choice())

    def choice(self) -> tuple[float, int]:
        """Return which pixels are clipped for a preview: all, for few of them end differently than before."""
        return 0.0, MOST_SERIES

    def _waits(self) -> bool:
        return self.suspects().ready.is_set()

    def look_ahead(self) -> Outcome | None:
        """Clip the series that may be flagged in this frame; until they are gathered, a band of rows."""
        upstream, number, suspects = self.upstream, self.number, self.suspects()
        if suspects.ready.is_set():
            index, value = suspects.clipped(upstream.state, self.parameters, self.choice())
            return self.placed(frame_patch(self.shape, index, value))
        row0, row1, column0, column1 = self.part(AT_ONCE // 2)
        rows = slice(row0, row1)
        patch = self.computed_on(slice(0, upstream.state.shape[0]), rows).patch
        assert patch is not None
        entries, inside = patch.find(slice(number, number + 1), slice(0, row1 - row0))
        assert patch.value is not None
        band = frame_patch((row1 - row0, self.shape[1]), inside, patch.value[entries])
        whole = put_into(self.shape, (row0, row1, 0, self.shape[1]), band, self.known_in_frame())
        return self.placed(whole)


class SeriesLive(SeriesOf[FreeIteration]):
    """The same for the iteration until nothing is rejected any more.

    Where the traces are followed, a pixel on them is drawn with the model of light and drift, and the plots below
    say how bright the traces were in each frame, and where.
    """

    def __init__(self, step: FreeIteration, selection: Selection) -> None:
        super().__init__(step, selection)
        self.light = CurvePlot("Time [h]", "over its mean")
        self.moves = CurvePlot("Time [h]", "[px]")
        self.track = side_by_side(self.counts.widget, self.light.widget, self.moves.widget)
        self._rest = self.widget.children
        with_track = {self.counts.widget: self.track}
        self._followed = tuple(with_track.get(child, child) for child in self._rest)
        self._fit: tuple[Outcome | None, KeptFit | None] = (None, None)

    def close(self) -> None:
        """Close the plots, those of the traces too when they are not shown."""
        super().close()
        close_tree(self.track)

    def threshold(self) -> float:
        """Return the threshold whose band is drawn."""
        return float(self.step.free_sigma)

    def dragged(self, threshold: float) -> None:
        """Take the threshold to which an edge of the band was dragged."""
        self.act(free_sigma=float(f"{threshold:.3g}"))

    def update(self) -> None:
        """Draw light and motion of the traces too, where they are followed."""
        super().update()
        outcome = self.outcome
        if outcome is None:
            return
        columns = outcome.table.columns
        shown = self._followed if "trace_flux" in columns else self._rest
        if shown is self._followed:
            self._draw_track(columns["trace_flux"], without_failed(outcome.table, "trace_disp"))
        if shown != self.widget.children:
            self.widget.children = shown

    def _draw_track(self, flux: NDArray[np.float64], moved: NDArray[np.float64]) -> None:
        self.light.show(Curve("light", self.hours, flux), title="Light of the traces", vertical=(self.hour,))
        curves = [Curve(axis, self.hours, moved[:, k]) for k, axis in enumerate(("columns", "rows"))]
        self.moves.show(*curves, title="Drift by the traces", vertical=(self.hour,))

    @property
    def follows(self) -> bool:
        """Tell whether pixels of the traces are compared with a model."""
        return self.step.free_model is not None

    def fit(self) -> KeptFit | None:
        """Return the model as it was last fitted to these frames, None before it was."""
        known = self.known
        if known is not self._fit[0]:
            self._fit = known, KeptFit.of(known, self.shape)
        return self._fit[1]

    def rejection(self, series: NDArray[np.float32]) -> Rejection:
        """Return what the step does to a series: on the traces by the model, if it is to be followed."""
        if not self.follows:
            return super().rejection(series)
        fit, row, column = self.fit(), self.selection.row, self.selection.column
        nan = float("nan")
        if fit is None:
            nothing = np.zeros(series.size, bool)
            return Rejection(series, nothing, series, nan, nan, remark="the traces are being followed")
        rejected = fit.rejected_of(row, column, series.size)
        if fit.is_full(row, column):
            after = fit.replaced(row, column, series)
            return Rejection(
                series, rejected, after, nan, nan, remark="full: judged by the sum of its column"
            )
        modelled = fit.of_pixel(row, column)
        if modelled is None:
            return super().rejection(series)
        if self.outcome is None:  # else the result knows which neighbours were rejected too
            rejected = modelled.beyond(series, self.threshold())
        replaced = np.where(rejected, modelled.model, series)
        centre, sigma = modelled
        return Rejection(series, rejected, replaced, centre, sigma, "light and drift", "on a trace")

    def look_ahead(self) -> Outcome | None:
        """Reject on the traces by the model as it was last fitted; nothing is told before it was."""
        if not self.follows:
            return super().look_ahead()
        fit, suspects = self.fit(), self.suspects()
        if fit is None or not suspects.ready.is_set():
            return None
        upstream = self.upstream
        index, value = suspects.clipped(upstream.state, self.parameters, self.choice())
        patch = frame_patch(self.shape, index, value)
        frame = upstream.frame(self.number)
        return self.placed(fit.put_into(patch, frame, self.number, self.threshold()))


class FixedSeriesLive(SeriesOf[FixedIteration]):
    """The same for a fixed number of iterations, which are looked at one after the other."""

    def extra(self) -> list[Any]:
        """Return the choice of an iteration."""
        self.iteration = w.ToggleButtons(style={"button_width": "92px"}, layout=w.Layout(margin="0 0 0 12px"))
        self._offer()
        self.iteration.observe(self._chosen, "value")
        return [self.iteration]

    def _offer(self) -> None:
        """Name the iterations, and keep the chosen one if there still is one of its number."""
        names = tuple(f"{k + 1}: {sigma:g} σ" for k, sigma in enumerate(self.step.fixed_sigmas))
        if self.iteration.options != names:
            at = self.iteration.index or 0
            self._offering = True  # the options put the choice back to the first one
            self.iteration.options = names
            self.iteration.index = min(at, len(names) - 1) if names else None
            self._offering = False

    def _chosen(self, change: Any) -> None:
        if self._offering:
            return
        with self.reduction.frozen():
            self.redraw()

    @property
    def at(self) -> int:
        """Number of the iteration whose band is drawn."""
        return min(self.iteration.index or 0, len(self.step.fixed_sigmas) - 1)

    def threshold(self) -> float:
        """Return the threshold of the chosen iteration."""
        return float(self.step.fixed_sigmas[self.at]) if self.step.fixed_sigmas else float("nan")

    def choice(self) -> tuple[float, int]:
        """Return which pixels are clipped for a preview: those that may reach a threshold."""
        # The usual value is known to half a sigma only, hence the margin.
        return 0.75 * min(self.step.fixed_sigmas, default=float("inf")), AT_ONCE

    def dragged(self, threshold: float) -> None:
        """Set the threshold of the chosen iteration."""
        sigmas = list(self.step.fixed_sigmas)
        if sigmas:
            sigmas[self.at] = float(f"{threshold:.3g}")
            self.act(fixed_sigmas=tuple(sigmas))

    def redraw(self) -> None:
        """Draw the series as the chosen iteration finds it."""
        self._offer()
        super().redraw()

    def rejection(self, series: NDArray[np.float32]) -> Rejection:
        """Return the series as the iteration before left it, and what this one does to it."""
        sigmas = self.step.fixed_sigmas
        if not sigmas:
            finite = series[np.isfinite(series)]
            return Rejection(series, np.zeros(series.size, bool), series, *centre_of(finite))
        found, past = self._after(series, sigmas[: self.at])
        after, flagged = self._after(series, sigmas[: self.at + 1])
        return Rejection(found, flagged & ~past, after, *centre_of(found[np.isfinite(found)]))

    def _after(
        self, series: NDArray[np.float32], sigmas: tuple[float, ...]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        if not sigmas:
            return series, np.zeros(series.size, bool)
        after, flagged = self.clipped(series[:, np.newaxis], {**self.parameters, "fixed_sigmas": sigmas})
        return after[:, 0], flagged[:, 0]


def centre_of(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return median and population standard deviation in double precision; NaN of nothing."""
    if not values.size:
        return float("nan"), float("nan")
    return float(np.median(values.astype(float))), float(np.std(values.astype(float)))
