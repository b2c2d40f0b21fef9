"""What is looked at, shared by all views of a Reduction: the frame, the pixel, the step."""

from __future__ import annotations

from traitlets import HasTraits, Int, Unicode


class Selection(HasTraits):
    """The frame, pixel and step on display.

    Attributes
    ----------
    frame : int
        Number of the frame among those worked on.
    row, column : int
        The pixel whose time series is shown.
    step : str
        Name of the step whose panel is open.
    shown : str
        The point of the chain whose frames are shown: 'after' or 'before' the open step, or the name of a step
        for the frames as they leave it.
    minus : str
        The point of the chain that is taken away from them; '' for none.
    """

    frame = Int(0)
    row = Int(0)
    column = Int(0)
    step = Unicode()
    shown = Unicode("after")
    minus = Unicode("")


def select_pixel(selection: Selection, column: float, row: float, shape: tuple[int, int]) -> None:
    """Look at the pixel nearest to a place on frames of a shape (rows, columns)."""
    with selection.hold_trait_notifications():
        selection.row = min(max(round(row), 0), shape[0] - 1)
        selection.column = min(max(round(column), 0), shape[1] - 1)
