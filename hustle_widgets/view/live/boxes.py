"""Boxes of a parameter on the shared frame image: drawn, moved, resized, added and removed with the mouse."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.regions import Box, fitted
from hustle_widgets.view import colors
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.frame.marks import Region
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.words import quiet


class BoxEditor:
    """Two buttons, and the boxes of one parameter on the frame image.

    Parameters
    ----------
    live : Live
        Of the step.
    name : str
        The parameter, of kind Regions; None stands for the whole frame.

    Attributes
    ----------
    widget : ipywidgets.HBox
        The buttons.
    """

    def __init__(self, live: Live[Any], name: str) -> None:
        self.live, self.name = live, name
        self._image: FrameImage | None = None
        add = w.Button(
            description="Add a region", icon="plus-square-o",
            tooltip="Then drag a rectangle over the frame; its cross removes it, its middle and corners move it",
        )  # fmt: skip
        whole = w.Button(
            description="Whole frame", icon="expand",
            tooltip=f"Use the whole frame: {name} = None",
        )  # fmt: skip
        add.on_click(lambda _: self.begin())
        whole.on_click(lambda _: live.act(**{name: None}))
        self._add = add
        self.hint = w.HTML()
        self._show_armed(False)
        self.widget = w.HBox([add, whole, self.hint])
        self.widget.add_class("hustle-tools")

    def _show_armed(self, armed: bool) -> None:
        """Show on the button whether the next drag over the frame adds a region."""
        (self._add.add_class if armed else self._add.remove_class)("mod-active")
        self._add.description = "Drag on the frame..." if armed else "Add a region"
        self.hint.value = quiet("Press again to leave it." if armed else "")

    def boxes(self) -> tuple[Box, ...]:
        """Return the boxes in use; none for the whole frame."""
        step, shape = self.live.step, self.live.shape
        try:
            boxes, _ = fitted(self.name, getattr(step, self.name), step.parameters[self.name].tutorial, shape)
        except (Unmet, ValueError):  # the step says so
            return ()
        return boxes or ()

    def draw(self, image: FrameImage) -> None:
        """Draw the boxes."""
        self._image = image
        image.set_regions(self.name, self.boxes(), color=colors.ORANGE, on_change=self.changed)

    def begin(self) -> None:
        """Let the next drag over the frame add a box."""
        if self._image is not None:
            with self.live.reduction.frozen():
                self.draw(self._image)
                if self._image.drawing:
                    self._image.stop_drawing()
                else:
                    self._image.draw_region(self.name, self._show_armed)

    def changed(self, regions: list[Region]) -> None:
        """Take the boxes as the mouse has left them. Without the last one, the whole frame is used."""
        self.live.act(**{self.name: tuple(regions) or None})
