"""A small plot under a slider: how much it matters around the present value, and what is marked on it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import ipywidgets as w
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.choosing.sensitivity import Response, Sensitivity
from hustle_widgets.steps.parameters import Choice, Parameter, Real, Switch, Whole
from hustle_widgets.view.choosing.subject import ChoosingLike, ChoosingPart
from hustle_widgets.view.words import quiet

# Seconds without an edit before values around the present ones are tried.
REST = 2.0
# What is plotted: figure of merit, what it is called, colour, factor and form of its ends.
LINES = (
    ("scatter", "scatter / photons", "var(--hustle-blue)", 1.0, ".2f"),
    ("flagged_on", "% flagged on", "var(--hustle-vermillion)", 100.0, ".2f"),
    ("flagged_off", "% flagged off", "var(--hustle-green)", 100.0, ".2f"),
    ("depth_bias", "depth's bias in errors", "var(--hustle-purple)", 1.0, "+.2f"),
)
WIDTH, HEIGHT, EDGE = 58.0, 28.0, 4.0


class Responses(ChoosingPart):
    """The small plots under the sliders of all steps that were opened; only those of the open step fill themselves.

    They take room and work, so a person switches them on, once for all steps.

    Parameters
    ----------
    reduction : Reduction
    """

    def __init__(self, reduction: ChoosingLike) -> None:
        super().__init__(reduction)
        self._plots: dict[str, dict[str, Any]] = {}
        self._toggles: dict[str, Any] = {}
        self._running: dict[str, Sensitivity] = {}
        self._open = self._filling = ""
        self._on = False

    def under(self, step: str) -> Mapping[str, Any]:
        """Return what to place under the controls of a step, by parameter."""
        if step not in self._plots:
            parameters = self.reduction.steps[step].parameters
            plots = self._plots[step] = {
                name: w.HTML() for name in parameters if _can_be_tried(parameters[name])
            }
            for plot in plots.values():
                plot.add_class("hustle-response")
                plot.layout.display = None if self._on else "none"
        return self._plots[step]

    def tools(self, step: str) -> list[Any]:
        """Return the button that switches the plots of a step on and off; none where there is nothing to try."""
        if not self.under(step):
            return []
        toggle = w.ToggleButton(
            value=self._on,
            icon="line-chart",
            tooltip="How much each slider matters: plots that fill while nobody edits",
        )
        toggle.add_class("hustle-icon")
        toggle.add_class("hustle-responses")
        toggle.observe(lambda change: self._switched(change["new"]), "value")
        self._toggles[step] = toggle
        return [toggle]

    def open(self, step: str) -> None:
        """Fill the plots of a step, '' for none, while nobody edits."""
        self._open = step
        if step in self._toggles:
            self._toggles[step].value = self._on
        self._fill()

    def close(self) -> None:
        """Fill none any more."""
        self._open = ""
        self._fill()

    def _switched(self, on: bool) -> None:
        if on != self._on:
            self._on = on
            for plots in self._plots.values():
                for plot in plots.values():
                    plot.layout.display = None if on else "none"
            self._fill()

    def _fill(self) -> None:
        wanted = self._open if self._on and self._plots.get(self._open) else ""
        if wanted == self._filling:
            return
        if self._filling:
            self._running[self._filling].stop()
        self._filling = wanted
        if not wanted:
            return
        if wanted in self._running:
            self._running[wanted].start()
        else:
            for plot in self._plots[wanted].values():
                plot.value = quiet("filled while nobody edits")
            names = [f"{wanted}.{name}" for name in self._plots[wanted]]
            self._running[wanted] = self.reduction.sensitivity(names, self._changed, rest=REST)

    def _changed(self, response: Response) -> None:
        step, _, name = response.name.partition(".")
        with self.reduction.frozen():
            self._plots[step][name].value = response_html(response)


def _can_be_tried(parameter: Parameter) -> bool:
    return isinstance(parameter, (Real, Whole, Choice, Switch)) and not parameter.display


def response_html(response: Response) -> str:
    """Return the curves of a response as small pictures in one line; what is not known yet is left out."""
    told = response.text()
    if response.flat and response.complete:
        sentence = "does not matter " + told.partition(" does not matter ")[2]
        return f'<div class="hustle-quiet" title="{escape(told)}">{escape(sentence)}</div>'
    parts = []
    places = _places(response.values)
    for figure, name, color, factor, form in LINES:
        values = factor * response.curve(figure)
        if np.isfinite(values).sum() > 1:
            low, high = format(np.nanmin(values), form), format(np.nanmax(values), form)
            ends = low if low == high else f"{low} … {high}"
            parts.append(
                f"<span>{_svg(places, values, response, color)}<span>{escape(name)}<br/>{ends}</span></span>"
            )
    return f'<div title="{escape(told)}">{"".join(parts)}<span class="hustle-sr">{escape(told)}</span></div>'


def _places(values: list[Any]) -> NDArray[np.float64]:
    """Return where values lie across the picture: numbers to scale, others side by side."""
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    at = np.array(values, dtype=float) if numbers else np.arange(len(values), dtype=float)
    span = np.ptp(at) or 1.0
    return EDGE + (WIDTH - 2 * EDGE) * (at - at.min()) / span


def _svg(x: NDArray[np.float64], values: NDArray[np.float64], response: Response, color: str) -> str:
    known = np.isfinite(values)
    span = np.ptp(values[known])
    share = (values - values[known].min()) / span if span > 0 else np.full(values.shape, 0.5)
    y = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[known], y[known], strict=True))
    marks = [f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.8"/>']
    for value, kind in ((response.tutorial, "tutorial"), (response.present, "present")):
        if value in response.values:
            k = response.values.index(value)
            if kind == "tutorial":
                marks.append(
                    f'<line x1="{x[k]:.1f}" x2="{x[k]:.1f}" y1="0" y2="{HEIGHT}" stroke="var(--hustle-grey)" '
                    'stroke-dasharray="2 2"/>'
                )
            elif known[k]:
                marks.append(f'<circle cx="{x[k]:.1f}" cy="{y[k]:.1f}" r="3.4" fill="{color}"/>')
    return (
        f'<svg width="{WIDTH:.0f}" height="{HEIGHT:.0f}" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" aria-hidden="true">'
        f"{''.join(marks)}</svg>"
    )
