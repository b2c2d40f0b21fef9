"""Figures of the quicklook: the white light curve, and the apertures it is summed over."""

from __future__ import annotations

import itertools
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from hustle_widgets.algorithms.photometry import relative, usual_light
from hustle_widgets.steps.frame_names import middle_frame
from hustle_widgets.view import colors
from hustle_widgets.view.figures import base
from hustle_widgets.view.figures.base import Maker, Page, Paper, StepResult


def light_figures(result: StepResult) -> dict[str, Maker]:
    """Return the figures of the quicklook."""
    return {"light_curve": partial(light_curve, result), "quicklook_apertures": partial(apertures, result)}


def light_curve(result: StepResult, paper: Paper) -> Figure:
    """Draw the light of each order, and of the whole frame, in time."""
    table = result.outcome.table
    scatter = table.facts.get("scatter_ppm", {})
    expected = table.facts.get("expected_ppm", {})
    caption = (
        "Light, as its change from the median. The scatter is that from point to point; expected is what photons, "
        "sky and read noise would give."
    )
    names = [name for name in table.columns if name.startswith("flux_")]
    page = Page(paper, [1.7] * len(names), caption, right=0.3)
    for axes, name in zip(page.axes, names, strict=True):
        order = name.removeprefix("flux_")
        flux = np.asarray(table.columns[name], dtype=float)
        middle = usual_light(flux)
        color = colors.TRACE_COLORS.get(order, colors.BLACK)
        axes.plot(result.hours, 100 * (relative(flux) - 1), "o", color=color, ms=4)
        title = "Whole frame" if order == "total" else f"Order {order}"
        title += f": median {middle:.4g} {base.ELECTRONS}"
        if order in scatter:
            title += f", scatter {scatter[order]:.0f} ppm (expected {expected[order]:.0f})"
        base.curve_axes(axes, base.HOURS if axes is page.axes[-1] else "", "Change [%]", title)
    return page.figure


def apertures(result: StepResult, paper: Paper) -> Figure:
    """Draw the apertures on the middle frame."""
    facts = result.outcome.table.facts
    middle = middle_frame(result.state)
    image = result.before(middle)
    caption = f"Light is summed {facts['half_width']:g} rows to either side of each trace, between the lines."
    page = Page(paper, [base.image_height(paper, image.shape)], caption)
    (axes,) = page.axes
    shown = base.show_frame(axes, image, paper, norm=base.frame_norm(image))
    cycle = itertools.cycle(
        (colors.VERMILLION, colors.SKY, colors.PURPLE, "white")
    )  # seen on blue and on yellow
    for (order, line), color in zip(facts["traces"].items(), cycle, strict=False):
        for side in (-1, 1):
            axes.plot(line.columns, line.rows + side * (facts["half_width"] + 0.5), color=color, lw=1.3)
        end = int(len(line.columns) // 2)
        axes.annotate(
            f"order {order}",
            (line.columns[end], line.rows[end] + facts["half_width"] + 3),
            color=color,
            fontsize=10,
            ha="center",
            va="bottom",
        )
    base.title_of(axes, f"Apertures on frame {middle}")
    page.bar(axes, shown, f"Signal [{base.ELECTRONS}]")
    return page.figure
