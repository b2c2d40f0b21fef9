"""Figures of what a step compares a frame with: the models of edge detection, the scale of the sky image."""

from __future__ import annotations

from functools import partial

import bottleneck as bn
import numpy as np
from matplotlib.figure import Figure

from hustle_widgets.algorithms.edge_models import edge_models
from hustle_widgets.steps.frame_names import middle_frame
from hustle_widgets.view import colors
from hustle_widgets.view.figures import base
from hustle_widgets.view.figures.base import Maker, Page, Paper, StepResult

ROWS = 40  # rows of a frame that are enough for its median
MODELS = {
    "LED_noise_model": (
        "Noise model",
        f"Noise [{base.ELECTRONS}]",
        "What an edge is measured in: the root of the 5 x 5 median of the frame plus the read noise squared.",
    ),
    "LED_fine_structure_model": (
        "Fine-structure model",
        f"Fine structure [{base.ELECTRONS}]",
        "3 x 3 median less its own 7 x 7 median: narrow features that are real. With fine_structure a hit must "
        "stand out of it by contrast_factor.",
    ),
}


def model_figures(result: StepResult) -> dict[str, Maker]:
    """Return the figures of the models of edge detection, of the frame in the middle of the visit."""
    return {name: partial(model, result, number) for number, name in enumerate(MODELS)}


def model(result: StepResult, number: int, paper: Paper) -> Figure:
    """Draw one of the models."""
    middle = middle_frame(result.state)
    read_noise = float(result.state.column("read_noise")[middle])
    image = edge_models(result.before(middle), read_noise)[number]
    title, label, caption = list(MODELS.values())[number]
    page = Page(paper, [base.image_height(paper, image.shape)], caption)
    (axes,) = page.axes
    shown = base.show_frame(axes, image, paper, norm=base.frame_norm(image))
    base.title_of(axes, f"{title} of frame {middle}")
    page.bar(axes, shown, label)
    return page.figure


def scaling(result: StepResult, paper: Paper) -> Figure:
    """Draw the factor of the sky image in time, before and after smoothing, and against the sky of the frames."""
    columns = result.outcome.table.columns
    scale = np.asarray(columns["sky_scale"], dtype=float)
    fitted = np.asarray(columns.get("sky_scale_fitted", scale), dtype=float)
    n_frames, n_rows, _ = result.state.shape
    some = slice(None, None, max(1, n_rows // ROWS))
    level = np.array([bn.nanmedian(result.before(frame)[some]) for frame in range(n_frames)])
    caption = (
        "Above: the factor of each frame, as it was fitted and as it was used. Below: against the median of the frame "
        "before; the two should rise together, and a frame off the line was scaled by a source."
    )
    page = Page(paper, [2.2, 2.2], caption, right=0.3)
    time, against = page.axes
    time.plot(result.hours, fitted, "s", color=colors.VERMILLION, ms=5, mfc="none", label="fitted")
    time.plot(*base.broken(result.hours, scale), "o-", color=colors.BLUE, ms=3, lw=1, label="used")
    time.legend(fontsize=9)
    base.curve_axes(time, base.HOURS, f"Factor [{base.ELECTRONS}]", "Factor of the sky image")
    against.plot(level, fitted, "s", color=colors.VERMILLION, ms=5, mfc="none")
    against.plot(level, scale, "o", color=colors.BLUE, ms=3)
    base.curve_axes(
        against, f"Median of the frame [{base.ELECTRONS}]", f"Factor [{base.ELECTRONS}]", "Factor and sky"
    )
    return page.figure
