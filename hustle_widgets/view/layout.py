"""The page that holds a view, with the rules of layout that no trait of a widget can state.

Its width is that of the notebook's cell, which says more than the window's: a side bar takes a third of it.
"""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from hustle_widgets.view import theme

#: Width of a cell's output [px] in a window of 1280.
NOMINAL = 1110
#: Widths of a cell's output [px] below which lists and controls give way to the plots, and go above them.
NARROW, VERY_NARROW = 1000, 840

STYLE = f"""<style>
.hustle-page {{ container-type: inline-size; contain-intrinsic-inline-size: {NOMINAL}px; }}
.hustle-step {{ text-align: left !important; line-height: 18px !important; }}
.hustle-walk button {{ line-height: 20px !important; }}
.hustle-maps > * {{ flex: 1 1 200px; }}
@container (max-width: {NARROW}px) {{
  .hustle-navigation {{ width: 216px !important; min-width: 216px !important; }}
  .hustle-navigation .hustle-step {{ width: 152px !important; }}
  .hustle-settings {{ width: 326px !important; min-width: 326px !important; }}
  .hustle-settings .widget-checkbox {{ width: auto !important; flex: 1 1 auto; }}
  .hustle-settings .hustle-below {{ margin-left: 20px !important; }}
  .hustle-settings .widget-hslider, .hustle-settings .widget-text,
  .hustle-settings .widget-dropdown, .hustle-settings .widget-select-multiple
    {{ width: auto !important; flex: 1 1 0; min-width: 0; }}
  .hustle-settings .widget-hslider > .widget-label, .hustle-settings .widget-text > .widget-label,
  .hustle-settings .widget-dropdown > .widget-label {{ width: 110px !important; }}
  .hustle-settings .widget-readout {{ width: auto !important; min-width: 40px; }}
  .hustle-frame-controls {{ flex-wrap: wrap; }}
  .hustle-bar {{ flex-wrap: wrap; height: 64px !important; }}
  .hustle-bar > .hustle-bar-said {{ flex: 1 0 60% !important; height: 26px; }}
}}
@container (max-width: {VERY_NARROW}px) {{
  .hustle-beside {{ flex-wrap: wrap; }}
  .hustle-beside > :last-child {{ flex: 1 1 330px !important; width: auto !important; }}
}}
</style>"""


def proportions(aspect: float, share: float) -> tuple[float, str]:
    """Return width over height of a figure, and its height in CSS, for a picture with square pixels.

    Parameters
    ----------
    aspect : float
        Width over height of the picture.
    share : float
        Part of the page's width that the figure will get.
    """
    # bqplot keeps the shape of the figure with its margins: square pixels come out at this width.
    across = theme.MARGIN["left"] + theme.MARGIN["right"]
    upright = theme.MARGIN["top"] + theme.MARGIN["bottom"]
    width = max(NOMINAL * share - across, 200)
    ratio = (width + across) / (width / aspect + upright)
    tallest = min(1.6 * width / aspect, 480) + upright
    return ratio, f"clamp(150px, {100 * share / ratio:.1f}cqw, {tallest:.0f}px)"


def page(*parts: Any) -> w.VBox:
    """Return a page of these parts, one below the other."""
    made = w.VBox(
        [w.HTML(STYLE, layout=w.Layout(display="none")), *parts],
        layout=w.Layout(width="100%", overflow="hidden"),
    )
    made.add_class("hustle-page")
    return made
