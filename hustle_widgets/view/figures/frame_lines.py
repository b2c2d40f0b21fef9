"""One value of each row or column of each frame, as a picture whose lines are the frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from hustle_widgets.view.figures import base
from hustle_widgets.view.figures.base import Page


def draw_frame_lines(
    page: Page, axes: Axes, values: NDArray[Any], *, along: str, name: str, title: str
) -> None:
    """Draw values, shape (frames, n), with a colour bar; nearly all of them lie between its ends."""
    low, high = np.nanpercentile(values, (1, 99)) if np.isfinite(values).any() else (0.0, 1.0)
    shown = axes.imshow(
        values,
        origin="lower",
        aspect="auto",
        extent=(-0.5, values.shape[1] - 0.5, -0.5, values.shape[0] - 0.5),
        vmin=low,
        vmax=max(high, low + 1e-3),
        cmap=base.heat(),
        interpolation="nearest",
    )
    axes.set(xlabel=along, ylabel="Frame")
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    base.title_of(axes, title)
    page.bar(axes, shown, name)
