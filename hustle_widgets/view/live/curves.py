"""Live views of numbers found in each frame: background, displacement, light curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from hustle_widgets.view import theme
from hustle_widgets.view.curve_plot import Curve, CurvePlot
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.look import Look


class BackgroundLive(Live):
    """The background of each frame."""

    def __init__(self, step: Any, look: Look) -> None:
        super().__init__(step, look)
        self.levels = CurvePlot("Time since first frame [h]", "Background [e⁻]", height="230px")
        self.widget = self.levels.widget

    def update(self) -> None:
        """Draw the values of the last result."""
        outcome = self.outcome
        if outcome is None or "bkg_vals" not in outcome.table.columns:
            return
        values = np.asarray(outcome.table.columns["bkg_vals"], dtype=float)
        if values.ndim == 2:
            values = np.nanmedian(values, axis=1)
        self.levels.show(
            Curve("background of each frame", self.hours, values, color=theme.BLUE),
            title=f"Background {np.nanmedian(values):.2f} e⁻",
            vertical=(self.hour,),
        )

    def close(self) -> None:
        """Close the plot."""
        self.levels.close()


class MotionLive(Live):
    """Columns and rows that the frames moved by."""

    def __init__(self, step: Any, look: Look) -> None:
        super().__init__(step, look)
        self.motion = CurvePlot("Time since first frame [h]", "Displacement [px]", height="250px")
        self.widget = self.motion.widget

    def update(self) -> None:
        """Draw the displacements of the last result."""
        outcome = self.outcome
        if outcome is None:
            return
        moves = {
            name.removesuffix("_disp"): values
            for name, values in outcome.table.columns.items()
            if name.endswith("_disp")
        }
        curves = [
            Curve(f"{name} {axis}", self.hours, move[:, number])
            for name, move in moves.items()
            for number, axis in enumerate(("column", "row"))
        ]
        self.motion.show(*curves, title="Displacement from the first frame", vertical=(self.hour,))

    def close(self) -> None:
        """Close the plot."""
        self.motion.close()
