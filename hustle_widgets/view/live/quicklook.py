"""Live view of the quicklook: flags of the frame on display, light curves, apertures on the frame."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np

from hustle_widgets.algorithms.detector import COSMIC_RAY_FLAGS, HOT_FLAG
from hustle_widgets.algorithms.dq import flagged
from hustle_widgets.algorithms.photometry import AT_CONTACTS
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.quicklook import Quicklook
from hustle_widgets.view import colors, theme
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.live.by_wavelength import DepthSpectrum, WavelengthMap
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.selection import Selection

STEP_COLORS = (colors.SKY, colors.ORANGE, colors.VERMILLION, colors.GREEN, colors.YELLOW, colors.PURPLE)
HST_COLOR = "#8c8c8c"


PAGES = (("flags and light", "flags"), ("by wavelength", "wavelength"))


class QuicklookLive(Live[Quicklook]):
    """Which step flags which pixel, and the light of each trace and of the whole frame."""

    decorations = ("aperture",)

    def __init__(self, step: Quicklook, selection: Selection) -> None:
        super().__init__(step, selection)
        self.flags = FrameImage(self.shape, title="Flags", toolbar=False)
        self.flags.show_frame(np.zeros(self.shape, dtype=np.float32))
        self.curves = CurvePlot("time [h]", "Flux / median", low=True)
        self.scatter = w.HTML()
        self._traces: dict[str, Any] = {}
        self.map = WavelengthMap(lambda frame: setattr(self.selection, "frame", frame))
        self.depths = DepthSpectrum()
        self.choice = w.ToggleButtons(
            options=PAGES,
            tooltips=[
                "Flags of the frame, and light of the traces",
                "Light by time and wavelength, and depths",
            ],
        )
        self.choice.add_class("hustle-choice")
        self.choice.observe(lambda _: self._place(), "value")
        self.widget = self.boxed()
        self._place()

    def _place(self) -> None:
        """Place two of the four plots: more would leave none of them room."""
        flags = self.choice.value == "flags"
        plots = (self.flags, self.curves) if flags else (self.map, self.depths)
        self.widget.children = [self.choice, self.scatter, *(plot.widget for plot in plots), self.said]

    def update(self) -> None:
        """Draw flags and light curves."""
        self._draw_flags(self.state)
        outcome = self.outcome
        if outcome is None:
            return
        columns, facts = outcome.table.columns, outcome.table.facts
        lights = facts.get("by_wavelength", {})
        order = next(iter(lights), "")
        self.map.show(lights.get(order), order, self.number)
        self.depths.draw(lights)
        hours = self.hours
        curves = []
        for name, values in columns.items():
            order = name.removeprefix("flux_")
            if order == "total":
                curves.append(Curve("whole frame", hours, values / np.nanmedian(values), color=theme.BLACK,
                                    marker="square", line="dotted"))  # fmt: skip
            else:
                curves.append(Curve(f"order {order.replace('-', '−')}", hours, values / np.nanmedian(values),
                                    color=theme.TRACE_COLORS.get(order, theme.GREEN),
                                    marker=theme.TRACE_MARKERS.get(order, "circle")))  # fmt: skip
        self.curves.show(*curves, title="Light of each trace and of the whole frame", vertical=(self.hour,))
        self.scatter.value = scatter_of(
            *(facts.get(name, {}) for name in ("scatter_ppm", "expected_ppm", "scatter_freedom"))
        )

    def _draw_flags(self, state: State) -> None:
        number = self.number
        free = iter(STEP_COLORS)
        layers: dict[str, tuple[Any, Any, str, str]] = {}
        if self.step.include_hst_dq:
            bits = state.source.hst_dq[state.kept_frames[number]]
            rows, columns = np.nonzero(flagged(bits, (HOT_FLAG, *COSMIC_RAY_FLAGS)))
            layers["hst_dq"] = (rows, columns, HST_COLOR, "HST: hot, cosmic ray")
        for name, outcome in state.outcomes.items():
            if outcome.patch is not None:
                rows, columns = outcome.patch.frame_pixels(number)
                layers[name] = (rows, columns, next(free, colors.SKY), name)
        self.flags.set_overlays(layers)
        self.flags.set_title(f"Flags of frame {number}")

    def decorate(self, image: FrameImage) -> None:
        """Draw the edges of the apertures on the frame, at once as wide as the slider says."""
        super().decorate(image)
        if self.outcome is not None:
            self._traces = self.outcome.table.facts.get("traces", {})
        elif self.step.status in ("off", "failed"):
            self._traces = {}
        some = np.s_[::8]  # a trace is smooth, and the browser draws these faster
        paths = [
            (trace.columns[some], trace.rows[some] + side * (self.step.aperture + 0.5))
            for order, trace in self._traces.items()
            if order in self.step.traces_included
            for side in (-1, 1)
        ]
        image.set_paths("aperture", paths, color=colors.ORANGE)

    def close(self) -> None:
        """Close the plots."""
        self.flags.close()
        close_tree(self.choice)
        self.curves.close()
        self.map.close()
        self.depths.close()
        super().close()


def scatter_of(
    scatter: dict[str, float], expected: dict[str, float], freedom: dict[str, float] | None = None
) -> str:
    """Return the scatter of each order beside what photons give, as HTML."""
    lines = []
    for order, ppm in scatter.items():
        limit = expected.get(order, float("nan"))
        name = order.replace("-", "−")
        told = "its scatter is not known"
        if np.isfinite(ppm) and limit > 0:
            few = (freedom or {}).get(order, np.inf) <= AT_CONTACTS
            ratio = "too few frames to compare them" if few else f"ratio {ppm / limit:.2f}"
            told = f"scatter {ppm:,.0f} ppm, photons {limit:,.0f}, {ratio}"
        lines.append(f"<div>Order {name}: {told}</div>")
    return f'<div class="hustle-scatter">{"".join(lines)}</div>'
