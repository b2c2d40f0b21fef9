"""Colours, type sizes and axes that all live plots share."""

from __future__ import annotations

from typing import Any

import bqplot
import ipywidgets

# Okabe & Ito (2008), "Color Universal Design": told apart with any kind of colour vision.
BLACK = "#000000"
ORANGE = "#e69f00"
SKY = "#56b4e9"
GREEN = "#009e73"
YELLOW = "#f0e442"
BLUE = "#0072b2"
VERMILLION = "#d55e00"
PURPLE = "#cc79a7"
GREY = "#8c8c8c"

# In the order in which unnamed curves take them; yellow is left out, it is lost on white.
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
# The same trace has the same colour and marker wherever it is drawn.
TRACE_COLORS = {"+1": BLUE, "-1": VERMILLION, "+2": GREEN, "-2": PURPLE}
TRACE_MARKERS = {"+1": "circle", "-1": "triangle-up", "+2": "square", "-2": "diamond"}

KEPT = BLUE
REJECTED = VERMILLION
CENTRE = BLACK
BAND = SKY
CHOSEN = GREEN
GHOST = GREY

FONT_PX = 14
TICK_PX = 13
# bqplot's own margins (60 all round) waste the top and cut long tick labels on the left.
MARGIN = {"top": 12, "right": 22, "bottom": 52, "left": 78}
PLOT_HEIGHT = "260px"


def axes(
    x_scale: Any, y_scale: Any, x_label: str, y_label: str, *, grid: bool = True
) -> tuple[bqplot.Axis, bqplot.Axis]:
    """Bottom and left axis in the common style."""
    style: dict[str, Any] = {
        "grid_lines": "solid" if grid else "none",
        "grid_color": "#e4e4e4",
        "tick_style": {"font-size": f"{TICK_PX}px"},
        "tick_format": "~r",  # no 7e+3
    }
    x_axis = bqplot.Axis(scale=x_scale, label=x_label, label_offset="36px", **style)
    y_axis = bqplot.Axis(scale=y_scale, label=y_label, side="left", label_offset="60px", **style)
    return x_axis, y_axis


def figure(marks: list[Any], plot_axes: list[Any], *, height: str = PLOT_HEIGHT, **options: Any) -> Any:
    """Figure of the full width of its parent, with margins that hold the labels."""
    settings: dict[str, Any] = {
        "fig_margin": MARGIN,
        "padding_x": 0.0,
        "padding_y": 0.0,
        "animation_duration": 0,
        "display_toolbar": False,
        # White in a dark notebook too: the colours are chosen for it.
        "background_style": {"fill": "#ffffff"},
        "layout": ipywidgets.Layout(width="100%", height=height, min_width="280px"),
    }
    return bqplot.Figure(marks=marks, axes=plot_axes, **(settings | options))
