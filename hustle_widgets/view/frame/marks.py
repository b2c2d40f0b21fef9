"""Marks on a frame that answer to the mouse: boxes, points and paths.

Regions are [row0, row1, column0, column1], half open; positions are (column, row), with the centre of the
first pixel at (0, 0), so that the pixel in row r reaches from r - 0.5 to r + 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import bqplot
import numpy as np

from hustle_widgets.view.plots.panel import update

Region = tuple[int, int, int, int]
# Colour of the cross that takes a region away.
REMOVE = "#ff6b4a"
# Part of the view's width that a name may take.
NAME = 0.12
Point = tuple[float, float]


class Boxes:
    """Rectangles that are moved by the square in their middle and resized by their corners.

    Parameters
    ----------
    scales : dict
        The figure's 'x' and 'y' scale.
    shape : (int, int)
        Rows and columns of the frame; boxes stay inside.
    color : str
        CSS colour.
    editable : bool
        Whether boxes have handles.
    on_change : callable, optional
        Called with the list of regions while one is dragged, and when one is removed by its cross.
    """

    def __init__(
        self,
        scales: dict[str, Any],
        shape: tuple[int, int],
        *,
        color: str,
        editable: bool = True,
        on_change: Callable[[list[Region]], None] | None = None,
    ) -> None:
        self.regions: list[Region] = []
        self.on_change = on_change
        self._shape = shape
        self._view: Region = (0, shape[0], 0, shape[1])
        self._held: Any = None  # the handle under the mouse
        self._outline = bqplot.Lines(
            scales=scales, colors=[color], fill_colors=[color], fill="inside", fill_opacities=[0.12],
            close_path=False, stroke_width=2, visible=False,
        )  # fmt: skip
        self.marks: list[Any] = [self._outline]
        # Each kind of handle is a mark of its own, so that the one under the mouse is never moved from here.
        self._handles: dict[tuple[int, int], Any] = {}
        if editable:
            for kind in ((0, 0), (0, 1), (1, 0), (1, 1), (-1, -1)):
                handle = bqplot.Scatter(
                    scales=scales, colors=[color], stroke="#ffffff", stroke_width=1.5, marker="square",
                    default_size=150 if kind == (-1, -1) else 80, enable_move=True, update_on_move=True,
                )  # fmt: skip
                handle.observe(lambda change, kind=kind: self._moved(kind), ("x", "y"))
                handle.on_drag_start(lambda *_, handle=handle: setattr(self, "_held", handle))
                handle.on_drag_end(lambda *_: self._released())
                self._handles[kind] = handle
            # A plus turned by 45 degrees: a cross, which takes away.
            turned = {**scales, "rotation": bqplot.LinearScale(min=0, max=180)}
            self._removers = bqplot.Scatter(
                scales=turned,
                colors=[REMOVE],
                stroke="#ffffff",
                stroke_width=1,
                marker="cross",
                default_size=190,
            )
            self._removers.on_element_click(self._remove)
            self.marks += [*self._handles.values(), self._removers]

    def set(self, regions: Iterable[Sequence[int]]) -> None:
        """Show these regions, without calling back."""
        self.regions = [tuple(int(edge) for edge in region) for region in regions]  # type: ignore[misc]
        self._draw()

    def set_view(self, region: Region) -> None:
        """Tell which part of the frame is on view."""
        self._view = region
        self._draw()

    def _corner(self, region: Region, kind: tuple[int, int]) -> Point:
        row0, row1, column0, column1 = region
        if kind == (-1, -1):
            return (column0 + column1 - 1) / 2, (row0 + row1 - 1) / 2
        return (column0, column1)[kind[1]] - 0.5, (row0, row1)[kind[0]] - 0.5

    def _released(self) -> None:
        self._held = None
        self._draw()

    def _draw(self) -> None:
        x: list[float] = []
        y: list[float] = []
        for row0, row1, column0, column1 in self.regions:
            left, right, bottom, top = (edge - 0.5 for edge in (column0, column1, row0, row1))
            x += [left, right, right, left, left, np.nan]
            y += [bottom, bottom, top, top, bottom, np.nan]
        update(self._outline, x=x, y=y, visible=bool(self.regions))
        for kind, handle in self._handles.items():
            if handle is not self._held:
                corners = np.array([self._corner(region, kind) for region in self.regions]).reshape(-1, 2)
                update(handle, x=corners[:, 0], y=corners[:, 1])
        if self._handles:
            at = np.array([self._remover_at(region) for region in self.regions]).reshape(-1, 2)
            update(self._removers, x=at[:, 0], y=at[:, 1], rotation=np.full(len(at), 45.0))

    def _remover_at(self, region: Region) -> Point:
        """Place of the cross: outside the upper right corner, or where there is room on view."""
        _, row1, column0, column1 = region
        _, _, left, right = self._view
        gap = 0.03 * (right - left)
        if column1 + gap < right:
            return column1 - 0.5 + gap, row1 - 0.5
        if column0 - gap > left:
            return column0 - 0.5 - gap, row1 - 0.5
        return column1 - 0.5 - gap, row1 - 0.5

    def _moved(self, kind: tuple[int, int]) -> None:
        handle = self._handles[kind]
        x, y = np.atleast_1d(handle.x), np.atleast_1d(handle.y)
        if not len(x) == len(y) == len(self.regions):
            return  # half of an update from here
        now = [self._corner(region, kind) for region in self.regions]
        moved = [i for i, (cx, cy) in enumerate(now) if (x[i], y[i]) != (cx, cy)]
        if not moved:
            return
        regions = list(self.regions)
        for i in moved:
            regions[i] = self._resized(regions[i], kind, float(x[i]), float(y[i]))
        if regions != self.regions:
            self.regions = regions
            self._draw()
            self.tell()

    def _resized(self, region: Region, kind: tuple[int, int], x: float, y: float) -> Region:
        row0, row1, column0, column1 = region
        rows, columns = self._shape
        if kind == (-1, -1):
            height, width = row1 - row0, column1 - column0
            row0 = int(np.clip(round(y - (height - 1) / 2), 0, max(rows - height, 0)))
            column0 = int(np.clip(round(x - (width - 1) / 2), 0, max(columns - width, 0)))
            return row0, row0 + height, column0, column0 + width
        row, column = round(y + 0.5), round(x + 0.5)
        if kind[0] == 0:
            row0 = int(np.clip(row, 0, row1 - 1))
        else:
            row1 = int(np.clip(row, row0 + 1, rows))
        if kind[1] == 0:
            column0 = int(np.clip(column, 0, column1 - 1))
        else:
            column1 = int(np.clip(column, column0 + 1, columns))
        return row0, row1, column0, column1

    def _remove(self, _: Any, event: dict[str, Any]) -> None:
        index = event.get("data", {}).get("index")
        if index is not None and 0 <= index < len(self.regions):
            del self.regions[index]
            self._draw()
            self.tell()

    def tell(self) -> None:
        """Call back with the regions as they are."""
        if self.on_change is not None:
            self.on_change(list(self.regions))


class Points:
    """Positions on the frame, dragged with the mouse if asked for.

    Parameters
    ----------
    scales : dict
        The figure's 'x' and 'y' scale.
    color : str
        Colour as '#rrggbb'.
    marker : str
        Shape, as bqplot names it.
    draggable : bool
        Whether the mouse moves them.
    on_change : callable, optional
        Called with the list of (column, row) when one has been dragged.
    on_click : callable, optional
        Called with the number of the point that is clicked.
    """

    def __init__(
        self,
        scales: dict[str, Any],
        *,
        color: str,
        marker: str = "circle",
        draggable: bool = False,
        on_change: Callable[[list[Point]], None] | None = None,
        on_click: Callable[[int], None] | None = None,
    ) -> None:
        self.points: list[Point] = []
        self._labels: Sequence[str] = ()
        self.on_change, self.on_click = on_change, on_click
        # A pale filling: without any, the mouse would not find the inside.
        self.mark = bqplot.Scatter(
            scales=scales, colors=[f"{color}22"], stroke=color, stroke_width=2.5, marker=marker,
            default_size=240, enable_move=draggable, update_on_move=draggable,
        )  # fmt: skip
        # On the right of a point; on its left where the view ends soon, and a name would be cut off.
        self._scale = scales["x"]
        self._names, self._names_left = (
            bqplot.Label(
                scales=scales, colors=[color], default_size=14, font_weight="bold", align=align,
                x_offset=offset, y_offset=-9,
            )
            for align, offset in (("start", 11), ("end", -11))
        )  # fmt: skip
        self.marks = [self.mark, self._names, self._names_left]
        self._held = False
        self.mark.on_drag_start(lambda *_: setattr(self, "_held", True))
        self.mark.on_drag_end(lambda *_: self._released())
        self.mark.observe(lambda _: self._moved(), ("x", "y"))
        self.mark.on_element_click(self._clicked)

    def _clicked(self, _: Any, event: dict[str, Any]) -> None:
        index = (event.get("data") or {}).get("index")
        if self.on_click is not None and index is not None and 0 <= index < len(self.points):
            self.on_click(int(index))

    def set(self, points: Iterable[Sequence[float]], labels: Sequence[str] = ()) -> None:
        """Show these points, without calling back."""
        self.points = [(float(column), float(row)) for column, row in points]
        self._labels = labels
        if not self._held:
            self._draw()

    def _draw(self) -> None:
        x = [column for column, _ in self.points]
        y = [row for _, row in self.points]
        update(self.mark, x=x, y=y)
        self._draw_names()

    def _draw_names(self) -> None:
        low, high = self._scale.min, self._scale.max
        edge = np.inf if low is None or high is None else high - NAME * (high - low)
        named = [(x, y, name) for (x, y), name in zip(self.points, self._labels, strict=False)]
        for mark, there in (
            (self._names, [point for point in named if point[0] <= edge]),
            (self._names_left, [point for point in named if point[0] > edge]),
        ):
            x, y, names = zip(*there, strict=True) if there else ((), (), ())
            update(mark, x=x, y=y, text=np.array(names, dtype=str))

    def _released(self) -> None:
        self._held = False
        self._draw()

    def _moved(self) -> None:
        x, y = np.atleast_1d(self.mark.x), np.atleast_1d(self.mark.y)
        if len(x) != len(y) or len(x) != len(self.points):
            return
        points = [(float(column), float(row)) for column, row in zip(x, y, strict=True)]
        if points != self.points:
            self.points = points
            self._draw_names()
            if self.on_change is not None:
                self.on_change(list(points))


class Paths:
    """Lines over the frame, such as spectral traces; all of one name in one colour.

    Parameters
    ----------
    scales : dict
        The figure's 'x' and 'y' scale.
    color : str
        CSS colour.
    dashed : bool
        Style of the lines.
    """

    def __init__(self, scales: dict[str, Any], *, color: str, dashed: bool = False) -> None:
        self.mark = bqplot.Lines(
            scales=scales, colors=[color], stroke_width=1.5, line_style="dashed" if dashed else "solid"
        )
        self.marks = [self.mark]

    def set(self, paths: Iterable[tuple[Any, Any]]) -> None:
        """Show these paths, each (columns, rows)."""
        x: list[float] = []
        y: list[float] = []
        for columns, rows in paths:
            x += [*np.asarray(columns, dtype=float), np.nan]
            y += [*np.asarray(rows, dtype=float), np.nan]
        update(self.mark, x=x, y=y)
