"""Pictures on a bqplot figure: one that can be replaced, and marked pixels over it."""

from __future__ import annotations

from typing import Any

import bqplot
import ipywidgets
import numpy as np
from traitlets import Instance

from hustle_widgets.view import encode
from hustle_widgets.view.frame.marks import Region
from hustle_widgets.view.plots.panel import update

BLANK = encode.png(np.zeros((1, 1), dtype=np.uint8), np.zeros((1, 3), dtype=np.uint8), [0])


class _TurningImage(bqplot.Image):
    """Two images that take turns: bqplot does not see new bytes in the one it has."""

    spare = Instance(ipywidgets.Image)  # a trait, so that it is closed with the mark


class Picture:
    """An image mark in pixel coordinates.

    Parameters
    ----------
    scales : dict
        The figure's 'x' and 'y' scale.

    Attributes
    ----------
    mark : bqplot.Image
        To be placed in a figure.
    """

    def __init__(self, scales: dict[str, Any]) -> None:
        self.mark = _TurningImage(
            image=_image(BLANK), spare=_image(BLANK), scales=scales, x=(0, 1), y=(0, 1), pixelated=True
        )

    def show(self, file: bytes, region: Region, factor: int = 1) -> None:
        """Draw a PNG file of a region of the frame, reduced by a factor."""
        row0, row1, column0, column1 = region
        # The last block of a reduced picture may reach over the edge of the region.
        width, height = (-(-size // factor) * factor for size in (column1 - column0, row1 - row0))
        shown, self.mark.spare = self.mark.spare, self.mark.image
        shown.value = file
        update(
            self.mark,
            image=shown,
            x=(column0 - 0.5, column0 + width - 0.5),
            y=(row0 - 0.5, row0 + height - 0.5),
        )


class MarkedPixels(Picture):
    """Any number of marked pixels as one picture with a transparent ground.

    One file of some 10 to 40 kB, however many pixels: as a scatter mark each would be an element of the page.
    """

    def __init__(self, scales: dict[str, Any]) -> None:
        super().__init__(scales)
        self.layers: dict[str, tuple[Any, Any, str, str]] = {}

    def set(self, name: str, rows: Any, columns: Any, color: str, label: str) -> None:
        """Add or replace a layer."""
        _rgb(color)
        self.layers[name] = (np.asarray(rows), np.asarray(columns), color, label)

    def draw(self, shape: tuple[int, int], region: Region, factor: int) -> None:
        """Draw all layers for a region of the frame, reduced by a factor."""
        if not self.layers:
            self.show(BLANK, region)
            return
        width = region[3] - region[2]
        pixels = [(rows, columns) for rows, columns, _, _ in self.layers.values()]
        indices = encode.overlay_indices(shape, pixels, region=region, factor=factor, grow=width > 500)
        colors = [(0, 0, 0)] + [_rgb(color) for _, _, color, _ in self.layers.values()]
        # Up close the value of a marked pixel must still be seen.
        opacity = 185 if width < 250 else 235
        file = encode.png(indices, np.array(colors, dtype=np.uint8), [0] + [opacity] * len(self.layers))
        self.show(file, region, factor)


def _image(file: bytes) -> Any:
    return ipywidgets.Image(value=file, format="png")


def _rgb(color: str) -> tuple[int, int, int]:
    try:
        red, green, blue = bytes.fromhex(color.removeprefix("#"))
    except ValueError:
        raise ValueError(f"The colour of marked pixels must be like '#d55e00'. Got {color!r}.") from None
    return red, green, blue
