"""Live view of the target's location: the direct image around it, with the centroid; a click moves it."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np
from traitlets import TraitError

from hustle_widgets.algorithms.windowed import cutout
from hustle_widgets.steps.location import TargetLocation
from hustle_widgets.view import colors, theme
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.selection import Selection

# Half height [px] of what is shown around the target.
AROUND = 20


class LocationLive(Live[TargetLocation]):
    """The direct image; the guess is set by a click or a drag, the centroid follows."""

    def __init__(self, step: TargetLocation, selection: Selection) -> None:
        super().__init__(step, selection)
        self.direct: FrameImage | None = None
        self._centred: Any = None
        self._heading = w.HTML()
        direct = self.reduction.state().facts["direct_image"]
        if direct is None:
            self.say("The visit has no direct image: set 'location' by hand.")
            self.widget = self.boxed()
            return
        self.direct = FrameImage(direct.shape, title="Direct image", toolbar=False)
        self.direct.on_click(self._place)
        around = w.Button(description="Around the target", icon="crosshairs", layout=w.Layout(width="170px"))
        around.tooltip = "Zoom to the given location"
        whole = w.Button(description="Whole image", icon="expand", layout=w.Layout(width="140px"))
        whole.tooltip = "Show the whole direct image, to choose another star"
        around.on_click(lambda _: self._zoom(True))
        whole.on_click(lambda _: self._zoom(False))
        self.direct.show_frame(direct)
        self.widget = self.boxed(self._heading, w.HBox([around, whole]), self.direct.widget)

    @property
    def guess(self) -> tuple[float, float]:
        """The given location (column, row)."""
        location: tuple[float, float] = self.parameters["location"]
        return location

    def _zoom(self, around: bool) -> None:
        assert self.direct is not None
        with self.reduction.frozen():
            column, row = (int(round(number)) for number in self.guess)
            wide = AROUND * 2
            region = (row - AROUND, row + AROUND, column - wide, column + wide)
            self.direct.zoom_to(region if around else None)

    def _stretch(self) -> None:
        """Let the colours reach from the sky to the target: its image is mostly sky."""
        assert self.direct is not None
        direct = self.reduction.state().facts["direct_image"]
        near = cutout(direct, self.guess, AROUND)
        if np.isfinite(near).any():
            low, high = np.nanmedian(near), np.nanmax(near)
            if high > low:
                self.direct.toolbar.set_limits(float(low), float(high))

    def _place(self, column: float, row: float) -> None:
        try:
            self.reduction.set(location=(round(column, 1), round(row, 1)))
        except TraitError as error:
            self.say(str(error))

    def update(self) -> None:
        """Draw the given location and the centroid."""
        if self.direct is None:
            return
        if self._centred is None:
            self._centred = self.guess
            self._stretch()
            self._zoom(True)
        self.direct.set_points(
            "guess", [self.guess], color=colors.ORANGE, marker="cross", draggable=True,
            on_change=lambda points: self._place(*points[0]),
        )  # fmt: skip
        facts = {} if self.outcome is None else self.outcome.table.facts
        found = (facts.get("target_posx", np.nan), facts.get("target_posy", np.nan))
        seen = bool(np.isfinite(found).all())
        self.direct.set_points("centroid", [found] if seen else [], color=colors.VERMILLION)
        column, row = self.guess
        given = f"given location: column {column:.1f}, row {row:.1f} (click or drag to move it)"
        lines = [f'<span aria-hidden="true" style="color:{theme.ORANGE}">✚</span> {given}']
        if seen:
            away = float(np.hypot(found[0] - column, found[1] - row))
            lines.append(
                f'<span aria-hidden="true" style="color:{theme.VERMILLION}">◯</span> centroid: column {found[0]:.2f}, '
                f"row {found[1]:.2f}, {away:.2f} px away"
            )
        elif self.step.enabled:
            lines.append("The centroid is not computed yet.")
        else:
            lines.append("do_location is off: the given location is used as it is.")
        self._heading.value = f'<div class="hustle-centroid">{"<br>".join(lines)}</div>'

    def close(self) -> None:
        """Close the image."""
        if self.direct is not None:
            self.direct.close()
        super().close()
