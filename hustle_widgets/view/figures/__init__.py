"""Saved figures, by step. Matplotlib without pyplot: nothing is kept once a figure is let go."""

from __future__ import annotations

from collections.abc import Callable

from hustle_widgets.view.figures.backgrounds import (
    ColumnsOfFrame,
    HistogramOfFrame,
    SkyMask,
    background_figures,
)
from hustle_widgets.view.figures.base import Drawer, Maker, Paper, StepResult
from hustle_widgets.view.figures.flagged import PREFIX, BeforeAfter, flagged_figures
from hustle_widgets.view.figures.light import light_figures
from hustle_widgets.view.figures.motion import (
    StarWindows,
    ZerothWindow,
    location_figures,
    star_figures,
    zeroth_figures,
)

__all__ = ["Drawer", "Maker", "Paper", "StepResult", "every_frame_of", "figures_of"]

_MAIN: dict[str, Callable[[StepResult], dict[str, Maker]]] = {
    **dict.fromkeys(PREFIX, flagged_figures),
    **dict.fromkeys(("uniform", "column", "pagul"), background_figures),
    "location": location_figures,
    "zeroth_tracking": zeroth_figures,
    "bkg_stars": star_figures,
    "quicklook": light_figures,
}
_EVERY_FRAME: dict[str, tuple[str, Callable[[StepResult, Paper], Drawer]]] = {
    **{
        name: (f"{prefix}_{name}" if prefix == "CR" else prefix, BeforeAfter)
        for name, prefix in PREFIX.items()
    },
    "uniform": ("bkg_histogram_uniform", HistogramOfFrame),
    "column": ("bkg_columns_column", ColumnsOfFrame),
    "pagul": ("bkg_mask_pagul", SkyMask),
    "zeroth_tracking": ("0th_order_window", ZerothWindow),
    "bkg_stars": ("bkg_stars", StarWindows),
}


def figures_of(result: StepResult) -> dict[str, Maker]:
    """Return the main figures of a step by file name, not yet drawn; none for steps without figures."""
    make = _MAIN.get(result.name)
    return {} if make is None else make(result)


def every_frame_of(result: StepResult, paper: Paper) -> tuple[str, Drawer] | None:
    """Return name and drawer of the figure that a step has of every frame, if it has one."""
    found = _EVERY_FRAME.get(result.name)
    flagged_none = result.outcome.patch is not None and not len(result.outcome.patch)
    if found is None or flagged_none:  # nothing to see in any frame
        return None
    return found[0], found[1](result, paper)
