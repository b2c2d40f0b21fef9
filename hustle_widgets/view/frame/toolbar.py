"""Controls of a picture: stretch, limits, colours and zoom."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ipywidgets
from numpy.typing import NDArray

from hustle_widgets.view import encode


class ImageToolbar:
    """One row of small controls.

    Parameters
    ----------
    changed : callable
        Called without arguments when stretch, limits or colour map change.
    zoom : callable
        Called with None when the whole frame is asked for.

    Attributes
    ----------
    widget : ipywidgets.HBox
        What to place on the page.
    """

    def __init__(self, changed: Callable[[], None], zoom: Callable[[None], None]) -> None:
        def narrow(width: str) -> Any:
            return ipywidgets.Layout(width=width)

        self._changed = changed
        self._zoom_mode: list[Callable[[bool], None]] = []
        self._stretch = ipywidgets.Dropdown(
            options=encode.STRETCHES,
            value="asinh",
            layout=narrow("84px"),
            tooltip="Stretch of the brightness",
        )
        self._map = ipywidgets.Dropdown(
            options=encode.COLOR_MAPS, value="viridis", layout=narrow("92px"), tooltip="Colour map"
        )
        self._auto = ipywidgets.ToggleButton(
            value=True, description="Auto", tooltip="On: limits follow each frame. Off: they stay"
        )
        # Values of the darkest and the brightest colour [e-].
        self._low, self._high = (
            ipywidgets.FloatText(
                description=word, layout=narrow("124px"), style={"description_width": "32px"}
            )
            for word in ("from", "to")
        )
        self._zoom = ipywidgets.ToggleButton(
            icon="search-plus", tooltip="Zoom: then drag a rectangle over the picture"
        )
        self._whole = ipywidgets.Button(icon="expand", tooltip="Show the whole frame")
        self._more = ipywidgets.ToggleButton(
            icon="sliders", tooltip="Stretch, colours and limits of the picture"
        )
        for button in (self._zoom, self._whole, self._more):
            button.add_class("hustle-icon")
        self.readout = ipywidgets.HTML()
        self.readout.add_class("hustle-readout")
        self._look = ipywidgets.HBox(
            [self._stretch, self._map, self._auto, self._low, self._high],
            layout=ipywidgets.Layout(display="none"),
        )
        self._look.add_class("hustle-frame-look")
        tools = ipywidgets.HBox([self._zoom, self._whole, self._more])
        tools.add_class("hustle-frame-tools")
        self.widget = ipywidgets.Box([tools, self._look])
        self.widget.add_class("hustle-over-picture")
        self._more.observe(self._look_toggled, "value")
        self._stretch.observe(lambda _: changed(), "value")
        self._map.observe(lambda _: changed(), "value")
        self._auto.observe(self._auto_toggled, "value")
        self._low.observe(lambda change: self._edited(0, change["new"]), "value")
        self._high.observe(lambda change: self._edited(1, change["new"]), "value")
        self._zoom.observe(self._toggled, "value")
        self._whole.on_click(lambda _: zoom(None))
        # Frames and differences have limits of their own.
        self._limits: dict[bool, tuple[float, float]] = {}
        self._difference = False

    @property
    def stretch(self) -> str:
        """Name of the stretch."""
        return self._stretch.value

    @property
    def color_map(self) -> str:
        """Name of the colour map."""
        return self._map.value

    def set_limits(self, low: float, high: float) -> None:
        """Draw with these limits until a person sets others."""
        self._shown = (low, high)
        self._auto.value = False
        self._low.value, self._high.value = low, high

    def limits_for(self, frame: NDArray[Any], difference: bool) -> tuple[float, float]:
        """Limits to draw a frame with: its own, or those that a person has set."""
        self._difference = difference
        self._stretch.disabled = self._map.disabled = difference
        if self._auto.value or difference not in self._limits:
            low, high = encode.auto_limits(frame, symmetric=difference)
            # Four digits are enough to read, and the picture is drawn with exactly these limits.
            told = (float(f"{low:.4g}"), float(f"{high:.4g}"))
            self._limits[difference] = told if told[1] > told[0] else (low, high)
        limits = self._limits[difference]
        self._low.value, self._high.value = limits
        return limits

    def _look_toggled(self, change: dict[str, Any]) -> None:
        self._look.layout.display = "" if change["new"] else "none"

    def _auto_toggled(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self._changed()

    def _edited(self, which: int, value: float) -> None:
        low, high = self._limits.get(self._difference, (math.nan, math.nan))
        if value == (low, high)[which]:
            return  # written from here
        limits = (value, high) if which == 0 else (low, value)
        if limits[1] > limits[0]:
            self._limits[self._difference] = limits
            self._auto.value = False
            self._changed()

    def on_zoom_mode(self, callback: Callable[[bool], None]) -> None:
        """Register a function told whether the next drag shall zoom."""
        self._zoom_mode.append(callback)

    def end_zoom_mode(self) -> None:
        """Put the zoom button back up."""
        self._zoom.value = False

    def _toggled(self, change: dict[str, Any]) -> None:
        for callback in self._zoom_mode:
            callback(change["new"])
