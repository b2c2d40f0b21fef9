"""Colours, type sizes and axes that all live plots share."""

from __future__ import annotations

from typing import Any

import bqplot
import ipywidgets

from hustle_widgets.view import colors
from hustle_widgets.view.colors import TRACE_MARKERS

__all__ = ["TRACE_MARKERS", "axes", "figure"]


def _follows(name: str, color: str) -> str:
    """Return a colour of the page's style sheet, which has one for light and one for dark themes."""
    return f"var(--hustle-{name}, {color})"


BLACK = _follows("black", colors.BLACK)
ORANGE = _follows("orange", colors.ORANGE)
SKY = _follows("sky", colors.SKY)
GREEN = _follows("green", colors.GREEN)
YELLOW = _follows("yellow", colors.YELLOW)
BLUE = _follows("blue", colors.BLUE)
VERMILLION = _follows("vermillion", colors.VERMILLION)
PURPLE = _follows("purple", colors.PURPLE)
GREY = _follows("grey", colors.GREY)
GROUND = _follows("ground", "#ffffff")
RULE = _follows("rule", "#e4e4e4")
QUIET = _follows("quiet", "#595959")

_LIVE = {
    colors.BLACK: BLACK, colors.ORANGE: ORANGE, colors.SKY: SKY, colors.GREEN: GREEN, colors.YELLOW: YELLOW,
    colors.BLUE: BLUE, colors.VERMILLION: VERMILLION, colors.PURPLE: PURPLE, colors.GREY: GREY,
}  # fmt: skip


def live(color: str) -> str:
    """Return the colour of the page that stands for one of the palette; others stay as they are."""
    return _LIVE.get(color, color)


CYCLE = tuple(live(color) for color in colors.CYCLE)
TRACE_COLORS = {order: live(color) for order, color in colors.TRACE_COLORS.items()}

KEPT = BLUE
REJECTED = VERMILLION
CENTRE = BLACK
BAND = SKY
CHOSEN = GREEN
GHOST = GREY

FONT_PX = 13
TICK_PX = 12
# bqplot's own margins (60 all round) waste the top and cut long tick labels on the left.
MARGIN = {"top": 6, "right": 14, "bottom": 38, "left": 54}


def axes(x_scale: Any, y_scale: Any, x_label: str, *, grid: bool = True) -> tuple[bqplot.Axis, bqplot.Axis]:
    """Bottom and left axis in the common style."""
    style: dict[str, Any] = {
        "grid_lines": "solid" if grid else "none",
        "grid_color": RULE,
        "tick_style": {"font-size": f"{TICK_PX}px"},
        "tick_format": "~r",  # no 7e+3
    }
    # The values' name stands in the heading: upright beside a low plot it would be cut.
    x_axis = bqplot.Axis(scale=x_scale, label=x_label, label_offset="27px", color=QUIET, **style)
    y_axis = bqplot.Axis(scale=y_scale, side="left", color=QUIET, **style)
    return x_axis, y_axis


def figure(marks: list[Any], plot_axes: list[Any], *, height: str = "", **options: Any) -> Any:
    """Figure that fills its parent, with margins that hold the labels; `height` is a CSS length for one of its own."""
    layout = ipywidgets.Layout(width="100%", min_width="120px", min_height="0")
    if height:
        layout.height = height
    settings: dict[str, Any] = {
        "fig_margin": MARGIN,
        "padding_x": 0.0,
        "padding_y": 0.0,
        "animation_duration": 0,
        "display_toolbar": False,
        "background_style": {"fill": GROUND},
        "layout": layout,
    }
    return bqplot.Figure(marks=marks, axes=plot_axes, **(settings | options))
