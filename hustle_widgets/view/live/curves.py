"""Live view of displacements."""

from __future__ import annotations

from typing import Any

from hustle_widgets.view.curve_plot import Curve, CurvePlot
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.look import Look


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
