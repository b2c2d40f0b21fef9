"""Step 4b: hot pixels, by comparison with a smooth model of the frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hustle_widgets.algorithms.bloom import bloom_mask
from hustle_widgets.algorithms.smoothing import reject_by_smoothing
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Patch, Table
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.parameters import Choice, Kernel, Real, Regions, Whole
from hustle_widgets.steps.regions import Box, fitted
from hustle_widgets.steps.targets import found_zeroth


class SpatialSmoothing(Step):
    """Reject pixels that stand out of a smoothed frame."""

    name, title, section = "smooth", "Hot pixels: spatial smoothing", "4b"
    label = "Smoothing"
    heading = ("Step 4b: Spatial smoothing parameters",)
    switch = "do_smooth"
    switch_help = "Reject pixels that stand out of a smoothed frame."
    by, threshold, flag = "frames", "smth_threshold", 16
    flags_what, color, line = "Pixels rejected by spatial smoothing", "green", "--"
    doing = "Comparing with smoothed frames..."
    done = "Spatial smoothing complete."
    figure, every_frame = (
        "spatial_smoothing",
        ("spatial_smoothing", "hustle_widgets.view.figures.flagged:BeforeAfterInBoxes"),
    )
    figures = "hustle_widgets.view.figures.flagged:boxed_figures"
    live = "hustle_widgets.view.live.smooth:SmoothLive"
    tour = """
    Frame and model along the chosen row, and what is left between them, with the band of the threshold. Hits are only
    made in the boxes, which are moved, resized, added and removed on the frame. A model that cuts off the peaks of the
    trace shows in the residual: take a narrower kernel, or 'polyfit'.
    """
    borrows = ("zeroth_tracking.location",)
    smth_type = Choice(
        "1D_smooth",
        ("1D_smooth", "2D_smooth", "polyfit"),
        (
            "How the smooth model of a frame is made: median along the row (1D_smooth), median in a box "
            "(2D_smooth), or a polynomial along the row (polyfit). On the traces polyfit finds most hot pixels, and "
            "takes the fewest sound ones for hot."
        ),
        advice="Try polyfit where hot pixels are left on the traces.",
    )
    smth_kernel = Kernel(
        11,
        (
            "Size of the window: an odd number of columns, or for 2D_smooth a pair of odd numbers (rows, "
            "columns). Choose about the width of the trace, or less."
        ),
        unit="pixels",
        soft=(3, 31),
    )
    smth_threshold = Real(
        5,
        "Distance from the model beyond which a pixel is rejected; a lower value rejects more.",
        unit="sigma",
        above=0,
        soft=(2, 20),
        advice="Lower it to flag more pixels; raise it if the trace's structure is flagged.",
    )
    smth_bounds = Regions(
        ((260, 370, 640, 1100),),
        "Regions to correct, each [row0, row1, column0, column1], ends not included.",
        unit="pixels",
        optional="the full frame",
    )
    smth_order = Whole(
        2,
        "Degree of the polynomial of polyfit.",
        min=0,
        max=6,
        soft=(0, 5),
        added=True,
        advice="Raise it where the trace is curved within the window.",
    )

    @staticmethod
    def prepare(
        state: State,
        *,
        smth_type: str,
        smth_kernel: int | tuple[int, int],
        smth_bounds: tuple[Box, ...] | None,
        location: tuple[float, float],
    ) -> dict[str, Any]:
        """Fit the regions to the frame and the kernel to the type."""
        if smth_type == "2D_smooth" and not isinstance(smth_kernel, tuple):
            raise ValueError(
                f"smth_type '2D_smooth' takes a 'smth_kernel' of two odd ints (rows, columns), "
                f"e.g. ({smth_kernel}, {smth_kernel}). Got {smth_kernel}."
            )
        if smth_type != "2D_smooth" and isinstance(smth_kernel, tuple):
            raise ValueError(
                f"smth_type {smth_type!r} takes a 'smth_kernel' of one odd int. Got {smth_kernel}."
            )
        boxes, notes = fitted(
            "smth_bounds", smth_bounds, SpatialSmoothing.parameters["smth_bounds"].tutorial, state.shape[1:]
        )
        return {"smth_bounds": boxes, "notes": notes, "zeroth": found_zeroth(state, location)}

    @staticmethod
    def compute(
        block: Block,
        *,
        smth_type: str,
        smth_kernel: int | tuple[int, int],
        smth_threshold: float,
        smth_bounds: tuple[Box, ...] | None,
        smth_order: int,
        notes: tuple[str, ...],
        zeroth: tuple[float, float] | None,
        pause: Callable[[], None] | None = None,
    ) -> tuple[Patch, Table]:
        """Reject and replace in one frame."""
        image = block.images[0]
        mask, values = reject_by_smoothing(
            image,
            smth_type=smth_type,
            smth_kernel=smth_kernel,
            smth_threshold=smth_threshold,
            smth_bounds=smth_bounds,
            smth_order=smth_order,
            read_noise=float(block.column("read_noise")[0]),
            protect=None if zeroth is None else bloom_mask(image, zeroth),
            pause=pause,
        )
        return Patch.where(mask[np.newaxis], values), Table(notes=notes)
