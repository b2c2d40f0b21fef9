"""Light by wavelength: a small map of time and wavelength, and a spectrum of depths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import bqplot
import numpy as np

from hustle_widgets.algorithms.wavelengths import ByWavelength, deviation_map
from hustle_widgets.view import encode, theme
from hustle_widgets.view.frame.picture import BLANK, Picture
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.plots.panel import Key, PlotPanel, set_axis, update

# Deviation of the strongest colours, in photon limits.
STRONGEST = 5.0
NONE = "No light by wavelength: wavelength_bins is 0, or the trace has no calibration"


class WavelengthMap(PlotPanel):
    """How far each wavelength bin lies from the white light curve in each frame; a click looks at the frame.

    Parameters
    ----------
    on_frame : callable
        Called with the number of the frame that was clicked.
    """

    def __init__(self, on_frame: Callable[[int], None]) -> None:
        x_scale, y_scale = (bqplot.LinearScale(allow_padding=False) for _ in range(2))
        scales = {"x": x_scale, "y": y_scale}
        self._picture = Picture(scales)
        self._here = bqplot.Lines(scales=scales, colors=[theme.GREY], line_style="dotted", stroke_width=1.5)
        self.x_axis, self.y_axis = theme.axes(x_scale, y_scale, "Frame", grid=False)
        super().__init__(
            theme.figure([self._picture.mark, self._here], [self.x_axis, self.y_axis]), values="[Å]"
        )
        self._frames, self._on_frame = 0, on_frame
        self._picture.mark.on_element_click(self._clicked)

    def show(self, light: ByWavelength | None, order: str, frame: int) -> None:
        """Draw the light of an order, and mark a frame."""
        if light is None:
            self._frames = 0
            self._picture.show(BLANK, (0, 1, 0, 1))
            self.set_heading(NONE, sentence="Nothing is drawn.")
            return
        off = deviation_map(light).T
        bins, self._frames = off.shape
        indices = encode.stretch(np.clip(off, -STRONGEST, STRONGEST), -STRONGEST, STRONGEST)
        self._picture.show(encode.png(indices, encode.palette("diverging")), (0, bins, 0, self._frames))
        low, high = float(light.edges[0]), float(light.edges[-1])
        update(self._picture.mark, y=(low, high))
        set_axis(self.x_axis, -0.5, self._frames - 0.5, most=6)
        set_axis(self.y_axis, low, high, most=5)
        update(self._here, x=[frame, frame], y=[low, high])
        keys = [
            Key(f"+{STRONGEST:.0f} photon limits", theme.VERMILLION, "square"),
            Key(f"−{STRONGEST:.0f}", theme.BLUE, "square"),
        ]
        worst = np.nanmax(np.abs(off)) if np.isfinite(off).any() else np.nan
        name = order.replace("-", "−")
        self.set_heading(f"Order {name} less white", keys, f"Largest deviation {worst:.1f} photon limits.")

    def _clicked(self, _: Any, event: dict[str, Any]) -> None:
        data = event.get("data") or {}
        if self._frames and "click_x" in data:
            self._on_frame(int(np.clip(round(float(data["click_x"])), 0, self._frames - 1)))


class DepthSpectrum(CurvePlot):
    """Depths by wavelength with error bars; without a dip, scatter over the photon limit."""

    def __init__(self) -> None:
        super().__init__("Wavelength [Å]", "Depth [ppm]")
        self.ticks = 3  # it is low

    def draw(self, lights: Mapping[str, ByWavelength]) -> None:
        """Draw the light of all orders."""
        deep = {order: light for order, light in lights.items() if np.isfinite(light.depth).any()}
        curves = []
        for order, light in (deep or lights).items():
            color = theme.TRACE_COLORS.get(order, theme.BLACK)
            marker = theme.TRACE_MARKERS.get(order, "circle")
            name, centres = f"order {order.replace('-', '−')}", light.centres
            if deep:
                depth, error = 1e6 * light.depth, 1e6 * light.depth_error
                gap = np.full(centres.shape, np.nan)
                ends = np.column_stack([depth - error, depth + error, gap]).ravel()
                bars = np.column_stack([centres, centres, gap]).ravel()
                curves.append(Curve(f"{name}, error", bars, ends, color=color, marker="", label="error"))
                curves.append(Curve(name, centres, depth, color=color, marker=marker, line=""))
            else:
                ratio = light.scatter_ppm / light.expected_ppm
                curves.append(Curve(name, centres, ratio, color=color, marker=marker))
        self.values = "Depth [ppm]" if deep else "Scatter / photon limit"
        self.show(*curves, title="" if lights else NONE)
