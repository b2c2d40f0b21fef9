"""Light curves, residuals and backgrounds of pins, overlaid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as w
import numpy as np

from hustle_widgets.choosing.pins import Pins
from hustle_widgets.view import theme
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot

MARKERS = ("circle", "triangle-up", "square", "diamond", "cross", "triangle-down")
BELOW = (("residuals", "residual"), ("spread", "spread"), ("background", "background"))


class PinsPlots:
    """Two plots: the light curves with their spread as a band; below residuals, spread or background.

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(self) -> None:
        self.light = CurvePlot("", "Normalised flux")
        self.light.y_axis.tick_format = ".4~f"
        self.light.figure.fig_margin = {**theme.MARGIN, "bottom": 18}
        self.below = CurvePlot("Time since first frame [h]", "Residual [ppm]")
        self.below.ticks = 4  # it is low
        self.choice = w.ToggleButtons(options=BELOW, tooltips=[
            "What is left of the light behind dip and trend",
            "Standard deviation over the pins: a systematic error of each point",
            "What the steps took off, all backgrounds summed",
        ])  # fmt: skip
        self.choice.add_class("hustle-choice")
        self.choice.observe(lambda _: self._draw_below(), "value")
        self._shown: tuple[Pins | None, list[str]] = (None, [])
        self.widget: Any = w.VBox([self.light.widget, self.choice, self.below.widget])
        self.widget.add_class("hustle-plots")

    def show(self, pins: Pins, names: Sequence[str]) -> None:
        """Draw these pins; none leaves the plots empty."""
        names = [name for name in names if pins[name].curves]
        self._shown = pins, names
        if not names:
            self.light.show(title="No pin with a light curve is chosen")
            self._draw_below()
            return
        curves = pins.curves(names)
        hours = 24 * (curves["exp_time"].values - curves["exp_time"].values[0])
        drawn = []
        if len(names) > 1:
            spread = pins.spread(names)
            middle, half = (spread["high"] + spread["low"]) / 2, (spread["high"] - spread["low"]) / 2
            drawn.append(
                Curve("spread", hours, middle.values, error=half.values, color=theme.GREY, marker="", line="")
            )
        drawn += [
            Curve(name, hours, curves["flux"].sel(pin=name).values, line="", **look)
            for name, look in zip(names, looks(len(names)), strict=True)
        ]
        self.light.show(*drawn, title=f"Order {curves.attrs['order'].replace('-', '−')}")
        self._draw_below()

    def _draw_below(self) -> None:
        pins, names = self._shown
        kind = self.choice.value
        self.below.values = {
            "residual": "Residual [ppm]", "spread": "Spread [ppm]", "background": "Background taken off [e⁻]",
        }[kind]  # fmt: skip
        if pins is None or not names:
            self.below.show()
        elif kind == "background":
            self.below.show(*self._backgrounds(pins, names))
        elif kind == "spread" and len(names) < 2:
            self.below.show(title="A spread is of two pins or more")
        else:
            curves = pins.curves(names)
            hours = 24 * (curves["exp_time"].values - curves["exp_time"].values[0])
            if kind == "spread":
                self.below.show(
                    Curve("systematic error", hours, pins.spread(names)["systematic"].values, line="")
                )
            else:
                self.below.show(
                    *(
                        Curve(name, hours, curves["residual"].sel(pin=name).values, line="", **look)
                        for name, look in zip(names, looks(len(names)), strict=True)
                    )
                )

    @staticmethod
    def _backgrounds(pins: Pins, names: Sequence[str]) -> list[Curve]:
        found = []
        first = min(next(iter(pins[name].curves.values())).times[0] for name in names)
        for name, look in zip(names, looks(len(names)), strict=True):
            pin = pins[name]
            times = next(iter(pin.curves.values())).times
            total = np.zeros(times.size)
            for level in pin.backgrounds.values():
                if level.shape == total.shape:
                    total = total + level
            found.append(Curve(name, 24 * (times - first), total, line="", **look))
        return found

    def close(self) -> None:
        """Close the plots."""
        self.light.close()
        self.below.close()
        close_tree(self.widget)


def looks(number: int) -> list[dict[str, Any]]:
    """Return colour and marker of so many curves."""
    return [
        {"color": theme.CYCLE[k % len(theme.CYCLE)], "marker": MARKERS[k % len(MARKERS)]}
        for k in range(number)
    ]
