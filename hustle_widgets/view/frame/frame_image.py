"""A frame as a picture, with marks on top, zoom and read-out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

import bqplot
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.view import colors, encode, theme
from hustle_widgets.view.frame.brush import Brush
from hustle_widgets.view.frame.marks import Boxes, Paths, Point, Points, Region
from hustle_widgets.view.frame.picture import MarkedPixels, Picture
from hustle_widgets.view.frame.pointer import Pointer
from hustle_widgets.view.frame.toolbar import ImageToolbar
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.plots.panel import Key, PicturePanel, set_axis

# Widest picture that is sent, in picture pixels a side of the plot: a plot has about 1100.
SENT_COLUMNS = 1300


class FrameImage(PicturePanel):
    """Picture of one frame of a visit.

    It keeps the last array it was given and cuts from it what is on view: the whole frame reduced by block
    maximum, a zoomed region pixel by pixel.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the frames.
    title : str
        Heading.
    toolbar : bool
        Whether to show the controls of stretch, limits, colours and zoom.

    Attributes
    ----------
    widget : ipywidgets.VBox
        What to place on the page.
    region : (row0, row1, column0, column1)
        What is on view, half open.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        title: str = "",
        toolbar: bool = True,
    ) -> None:
        self.shape = (int(shape[0]), int(shape[1]))
        rows, columns = self.shape
        self.region: Region = (0, rows, 0, columns)
        self._aspect = float(np.clip(columns / rows, 0.5, 6.0))
        self._x_scale, self._y_scale = bqplot.LinearScale(), bqplot.LinearScale()
        for scale in (self._x_scale, self._y_scale):
            scale.allow_padding = False
        self._scales = {"x": self._x_scale, "y": self._y_scale}
        self._image = Picture(self._scales)
        self._marked = MarkedPixels(self._scales)
        for picture in (self._image, self._marked):
            picture.mark.on_element_click(self._clicked)
        self._x_axis, self._y_axis = theme.axes(self._x_scale, self._y_scale, "", grid=False)
        figure = theme.figure(
            [self._image.mark, self._marked.mark],
            [self._x_axis, self._y_axis],
            fig_margin={**theme.MARGIN, "bottom": 20},
        )
        self.toolbar = ImageToolbar(self._draw_frame, self.zoom_to)
        super().__init__(figure, self._aspect, *([self.toolbar.widget] if toolbar else []), values="[px]")
        self._title = title
        self._frame: NDArray[Any] | None = None
        self._limits: tuple[float, float] | None = None
        self._difference = False
        self._named: dict[str, Boxes | Points | Paths] = {}
        self._click: list[Callable[[float, float], None]] = []
        self._zoom: list[Callable[[Region], None]] = []
        self._describe: Callable[[int, int], str] | None = None
        self._brush = Brush(figure, self._scales, self.shape)
        self.toolbar.on_zoom_mode(self._zoom_mode)
        self._pointer = Pointer(figure)
        self._pointer.observe(self._pointed, "position")
        self._set_view(self.region)
        self._write_heading()

    # What is shown

    def show_frame(self, frame: NDArray[Any], *, difference: bool = False, title: str | None = None) -> None:
        """Show a frame.

        Parameters
        ----------
        frame : ndarray, shape (rows, columns)
            Its values [e-]; kept, not copied, until the next call.
        difference : bool
            Draw with colours and limits symmetric about 0.
        title : str, optional
            New heading.
        """
        frame = np.asarray(frame)
        if frame.shape != self.shape:
            raise ValueError(f"The frame must have the shape {self.shape}. Got {frame.shape}.")
        self._frame, self._difference = frame, difference
        self._title = self._title if title is None else title
        self._draw_frame()
        self._write_heading()

    @property
    def frame(self) -> NDArray[Any] | None:
        """The frame that is shown [e-]."""
        return self._frame

    @property
    def title(self) -> str:
        """What the heading says it is."""
        return self._title

    def set_title(self, title: str) -> None:
        """Write another title above the picture; the legend stays."""
        if title == self._title:
            return
        self._title = title
        self._write_heading()

    def show_overlay(
        self, name: str, rows: Any, columns: Any, color: str = colors.REJECTED, label: str = ""
    ) -> None:
        """Mark pixels, any number of them.

        Parameters
        ----------
        name : str
            Shown again under the same name, the marks are replaced.
        rows, columns : array of int, shape (n,)
            The pixels.
        color : str
            Colour as '#rrggbb'.
        label : str
            Text in the legend; the number of pixels follows it.
        """
        self._marked.set(name, rows, columns, color, label)
        self._draw_overlay()

    def set_overlays(self, layers: Mapping[str, tuple[Any, Any, str, str]]) -> None:
        """Mark these pixels and no others: rows, columns, colour and label by name, as for `show_overlay`."""
        self._marked.layers.clear()
        for name, layer in layers.items():
            self._marked.set(name, *layer)
        self._draw_overlay()

    def has_overlay(self, name: str) -> bool:
        """Tell whether pixels are marked under that name."""
        return name in self._marked.layers

    def hide_overlay(self, name: str) -> None:
        """Take the marks of that name away, if there are any."""
        if self._marked.layers.pop(name, None) is not None:
            self._draw_overlay()

    def set_regions(
        self,
        name: str,
        regions: Iterable[Sequence[int]],
        *,
        color: str = colors.ORANGE,
        editable: bool = True,
        on_change: Callable[[list[Region]], None] | None = None,
    ) -> None:
        """Show rectangles [row0, row1, column0, column1], half open.

        Parameters
        ----------
        name : str
            Shown again under the same name, the rectangles are replaced; colour and the rest then stay.
        regions : iterable of 4 int
            The rectangles.
        color : str
            CSS colour.
        editable : bool
            Whether they can be moved, resized and removed with the mouse.
        on_change : callable, optional
            Called with the list of regions when the mouse has changed it.
        """
        boxes = self._named.get(name)
        if not isinstance(boxes, Boxes):
            boxes = Boxes(self._scales, self.shape, color=color, editable=editable, on_change=on_change)
            boxes.set_view(self.region)
            self._add(name, boxes)
        boxes.set(regions)

    def draw_region(self, name: str, armed: Callable[[bool], None] | None = None) -> None:
        """Let the next drag over the picture add a rectangle to those of that name.

        Parameters
        ----------
        name : str
            Of regions that are shown.
        armed : callable, optional
            Called with True now, and with False when the drag is over or is given up.
        """
        boxes = self._named[name]
        assert isinstance(boxes, Boxes)

        def add(region: Region) -> None:
            boxes.set([*boxes.regions, region])
            boxes.tell()

        self._brush.start(add, armed)

    @property
    def drawing(self) -> bool:
        """Whether the next drag over the picture adds a region or zooms."""
        return self._brush.active

    def stop_drawing(self) -> None:
        """Give up what the next drag would do."""
        self._brush.stop()

    def set_points(
        self,
        name: str,
        points: Iterable[Sequence[float]],
        *,
        color: str = colors.VERMILLION,
        marker: str = "circle",
        draggable: bool = False,
        on_change: Callable[[list[Point]], None] | None = None,
        on_click: Callable[[int], None] | None = None,
        labels: Sequence[str] = (),
    ) -> None:
        """Show positions (column, row); arguments as for `set_regions`, `on_click` is told the point's number."""
        mark = self._named.get(name)
        if not isinstance(mark, Points):
            mark = Points(
                self._scales, color=color, marker=marker, draggable=draggable, on_change=on_change,
                on_click=on_click,
            )  # fmt: skip
            self._add(name, mark)
        mark.set(points, labels)

    def set_paths(
        self, name: str, paths: Iterable[tuple[Any, Any]], *, color: str = colors.SKY, dashed: bool = False
    ) -> None:
        """Show lines, each (columns, rows), for example spectral traces."""
        mark = self._named.get(name)
        if not isinstance(mark, Paths):
            mark = Paths(self._scales, color=color, dashed=dashed)
            self._add(name, mark)
        mark.set(paths)

    def remove(self, name: str) -> None:
        """Take regions, points or paths of that name away, if there are any."""
        named = self._named.pop(name, None)
        if named is not None:
            self.figure.marks = [mark for mark in self.figure.marks if mark not in named.marks]
            for mark in named.marks:
                for scale in set(mark.scales.values()) - set(self._scales.values()):
                    scale.close()  # its own
                mark.close()

    def _add(self, name: str, named: Boxes | Points | Paths) -> None:
        self.remove(name)
        self._named[name] = named
        self.figure.marks = [*self.figure.marks, *named.marks]

    # What the mouse does

    def on_click(self, callback: Callable[[float, float], None]) -> None:
        """Register a function of the (column, row) clicked; round them for the pixel."""
        self._click.append(callback)

    def on_zoom(self, callback: Callable[[Region], None]) -> None:
        """Register a function of the region on view, called when it changes."""
        self._zoom.append(callback)

    def describe_pixels(self, describe: Callable[[int, int], str]) -> None:
        """Add what this function of (column, row) tells to the read-out under the mouse, for example flags."""
        self._describe = describe

    def _pointed(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            self.toolbar.readout.value = ""
            return
        row0, row1, column0, column1 = self.region
        x, y = change["new"]
        self._read_out(column0 + x * (column1 - column0) - 0.5, row0 + y * (row1 - row0) - 0.5)

    def _read_out(self, x: float, y: float) -> None:
        if self._frame is None:
            return
        row = int(np.clip(round(y), 0, self.shape[0] - 1))
        column = int(np.clip(round(x), 0, self.shape[1] - 1))
        text = f"column {column}, row {row}: {self._frame[row, column]:.5g} e⁻"
        if self._describe is not None:
            text += f", {self._describe(column, row)}"
        self.toolbar.readout.value = escape(text)

    def _clicked(self, _: Any, event: dict[str, Any]) -> None:
        data = event.get("data") or {}
        if "click_x" in data:
            x, y = float(data["click_x"]), float(data["click_y"])
            self._read_out(x, y)
            for callback in self._click:
                callback(x, y)

    def _zoom_mode(self, on: bool) -> None:
        if on:
            self._brush.start(self.zoom_to, lambda armed: None if armed else self.toolbar.end_zoom_mode())
        else:
            self._brush.stop()

    # What is on view

    def zoom_to(self, region: Sequence[int] | None = None) -> None:
        """Show a region, widened to the shape of the plot, with all its pixels; None: the whole frame."""
        rows, columns = self.shape
        self._set_view((0, rows, 0, columns) if region is None else self._fitted(region))
        self._draw_frame()
        self._draw_overlay()
        for callback in self._zoom:
            callback(self.region)

    def bring_into_view(self, row: int, column: int) -> None:
        """Move what is on view, if it is a region without this pixel, to be around it."""
        row0, row1, column0, column1 = self.region
        if not (row0 <= row < row1 and column0 <= column < column1):
            height, width = row1 - row0, column1 - column0
            self.zoom_to((row - height // 2, row + height // 2, column - width // 2, column + width // 2))

    @property
    def zoomed(self) -> bool:
        """Whether less than the whole frame is on view."""
        return self.region != (0, self.shape[0], 0, self.shape[1])

    def _fitted(self, region: Sequence[int]) -> Region:
        row0, row1, column0, column1 = (int(edge) for edge in region)
        rows, columns = self.shape
        height = max(row1 - row0, (column1 - column0) / self._aspect, 4)
        height = min(round(height), rows)
        width = min(round(max(height * self._aspect, column1 - column0)), columns)
        row0 = int(np.clip((row0 + row1 - height) // 2, 0, rows - height))
        column0 = int(np.clip((column0 + column1 - width) // 2, 0, columns - width))
        return row0, row0 + height, column0, column0 + width

    def _set_view(self, region: Region) -> None:
        self.region = region
        for named in self._named.values():
            if isinstance(named, Boxes):
                named.set_view(region)
        row0, row1, column0, column1 = region
        set_axis(self._x_axis, column0 - 0.5, column1 - 0.5, most=8)
        set_axis(self._y_axis, row0 - 0.5, row1 - 0.5, most=5)

    def _factor(self) -> int:
        return -(-(self.region[3] - self.region[2]) // SENT_COLUMNS)

    def _draw_frame(self) -> None:
        if self._frame is None:
            return
        row0, row1, column0, column1 = self.region
        factor = self._factor()
        low, high = self._limits = self.toolbar.limits_for(self._frame, self._difference)
        cut = self._frame[row0:row1, column0:column1]
        cut = encode.shrink(cut, factor, by="extreme" if self._difference else "max")
        kind = "linear" if self._difference else self.toolbar.stretch
        indices = encode.stretch(cut, low, high, kind)
        colors = encode.palette("diverging" if self._difference else self.toolbar.color_map)
        self._image.show(encode.png(indices, colors), self.region, factor)

    def _draw_overlay(self) -> None:
        self._marked.draw(self.shape, self.region, self._factor())
        self._write_heading()

    def _write_heading(self) -> None:
        keys = [
            Key(f"{label}: {np.size(rows):,}", theme.live(color), "square")
            for rows, _, color, label in self._marked.layers.values()
            if label
        ]
        row0, row1, column0, column1 = self.region
        told = [f"Picture of rows {row0} to {row1 - 1} and columns {column0} to {column1 - 1}."]
        if self._limits is not None:
            told.append("Colours from {:.4g} to {:.4g} e⁻.".format(*self._limits))
        told += [f"{key.text} pixels." for key in keys]
        self.set_heading(self._title, keys, " ".join(told))

    def close(self) -> None:
        """Close every widget made for this part and let go of the frame."""
        self._frame = None
        self._marked.layers.clear()
        self._brush.stop()
        close_tree(self.widget, self.toolbar.widget, self.toolbar.readout, self._pointer)
