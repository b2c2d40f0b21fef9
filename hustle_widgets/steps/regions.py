"""Boxes on a frame: those a person gave must fit; the tutorial's are fitted to other subarrays."""

from __future__ import annotations

from hustle_widgets.engine.plan import Unmet

Box = tuple[int, int, int, int]


def fitted(
    name: str, boxes: tuple[Box, ...] | None, tutorial: tuple[Box, ...] | None, shape: tuple[int, int]
) -> tuple[tuple[Box, ...] | None, tuple[str, ...]]:
    """Return the boxes to use on frames of `shape` (rows, columns), and remarks on what was adapted.

    Raises
    ------
    ValueError
        If a box that is not the tutorial's reaches outside the frame.
    Unmet
        If nothing of the tutorial's boxes lies on the frame.
    """
    if boxes is None:
        return None, ()
    rows, columns = shape
    if all(row1 <= rows and column1 <= columns for _, row1, _, column1 in boxes):
        return boxes, ()
    if boxes != tutorial:
        outside = next(box for box in boxes if box[1] > rows or box[3] > columns)
        raise ValueError(
            f"The region {list(outside)} of '{name}' reaches outside the frame of {rows} rows and {columns} "
            "columns. A region is [row0, row1, column0, column1], the ends not included."
        )
    inside = tuple(
        (row0, min(row1, rows), column0, min(column1, columns))
        for row0, row1, column0, column1 in boxes
        if row0 < rows and column0 < columns
    )
    if not inside:
        raise Unmet(
            f"The tutorial's '{name}' lie outside this frame of {rows} rows and {columns} columns: "
            f"set '{name}' to regions [row0, row1, column0, column1], or to None for the whole frame."
        )
    shown = [list(box) for box in inside]
    return inside, (f"The tutorial's '{name}' were cut to this frame of {rows} x {columns}: {shown}.",)
