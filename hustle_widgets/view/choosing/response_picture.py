"""How much a slider matters, as curves so small that they fit under it; what is marked on them."""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.choosing.search import MATTERS
from hustle_widgets.choosing.sensitivity import Response

# What can be plotted: figure of merit, what it is called, colour, factor and form of its ends.
LINES = (
    ("scatter", "scatter / photons", "var(--hustle-blue)", 1.0, ".2f"),
    ("depth_bias", "depth's bias [errors]", "var(--hustle-purple)", 1.0, "+.2f"),
    ("flagged_on", "% flagged on", "var(--hustle-vermillion)", 100.0, ".2f"),
    ("flagged_off", "% flagged off", "var(--hustle-green)", 100.0, ".2f"),
    ("light_kept", "% light kept", "var(--hustle-orange)", 100.0, ".2f"),
    ("background_left", "background left", "var(--hustle-sky)", 1.0, ".2f"),
)
# So many fit beside one another; the first two are shown wherever they are known.
MOST, ALWAYS = 3, 2
WIDTH, HEIGHT, EDGE = 54.0, 24.0, 4.0
# A curve is as high as its picture when it changes by so many times what anybody would choose by.
FULL = 4.0


def response_html(response: Response) -> str:
    """Return the curves of a response in one line; what is not known yet is left out.

    A flat line does not matter. The dotted line is the tutorial's value, the dot the present one.
    """
    told = response.text()
    if any(response.errors):
        told += " " + " ".join(dict.fromkeys(error for error in response.errors if error))
    done = str(response.complete).lower()
    at = _places(response.values)
    if response.flat and response.complete:
        sentence = escape(told.partition(f"{response.name} ")[2])
        parts = [f'{_svg(at, LINES[0], response)}<span class="hustle-quiet">{sentence}</span>']
    else:
        parts = [_curve_html(at, line, response) for line in _shown(response)]
        if not parts:
            parts = [f'<span class="hustle-quiet">{escape(told.partition(": ")[2])}</span>']
    heard = f'<span class="hustle-sr">{escape(told)}</span>'
    return f'<div data-complete="{done}" title="{escape(told)}">{"".join(parts)}{heard}</div>'


def _shown(response: Response) -> list[tuple[str, str, str, float, str]]:
    """Return which curves to plot: those that tell most."""
    known = [line for line in LINES if np.isfinite(response.curve(line[0])).sum() > 1]
    wanted = [line for line in known if line in LINES[:ALWAYS] or _moves(response, line[0])]
    wanted += [line for line in known if line not in wanted]
    return sorted(wanted[:MOST], key=LINES.index)


def _moves(response: Response, figure: str) -> bool:
    values = response.curve(figure)
    return bool(np.ptp(values[np.isfinite(values)]) > MATTERS[figure])


def _curve_html(at: NDArray[np.float64], line: tuple[str, str, str, float, str], response: Response) -> str:
    figure, name, _, factor, form = line
    values = factor * response.curve(figure)
    low, high = format(np.nanmin(values), form), format(np.nanmax(values), form)
    ends = low if low == high else f"{low} … {high}"
    return f"<span>{_svg(at, line, response)}<span>{escape(name)}<br/>{ends}</span></span>"


def _places(values: list[Any]) -> NDArray[np.float64]:
    """Return where values lie across the picture: numbers to scale, others side by side."""
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    at = np.array(values, dtype=float) if numbers else np.arange(len(values), dtype=float)
    span = np.ptp(at) or 1.0
    return EDGE + (WIDTH - 2 * EDGE) * (at - at.min()) / span


def _svg(x: NDArray[np.float64], line: tuple[str, str, str, float, str], response: Response) -> str:
    figure, _, color, _, _ = line
    values = response.curve(figure)
    known = np.isfinite(values)
    share = np.full(values.shape, 0.5)
    if known.any():
        low, high = values[known].min(), values[known].max()
        share = 0.5 + (values - (low + high) / 2) / max(high - low, FULL * MATTERS[figure])
    y = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * share
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[known], y[known], strict=True))
    marks = [f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.8"/>']
    places = {"tutorial": _index(response.values, response.tutorial)}
    places["present"] = _index(response.values, response.present)
    if (k := places["tutorial"]) >= 0:
        marks.insert(0, f'<line x1="{x[k]:.1f}" x2="{x[k]:.1f}" y1="0" y2="{HEIGHT}" class="hustle-usual"/>')
    if (k := places["present"]) >= 0 and known[k]:
        marks.append(f'<circle cx="{x[k]:.1f}" cy="{y[k]:.1f}" r="3.2" fill="{color}"/>')
    size = f'width="{WIDTH:.0f}" height="{HEIGHT:.0f}"'
    return f'<svg {size} viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" aria-hidden="true">{"".join(marks)}</svg>'


def _index(values: list[Any], value: Any) -> int:
    return values.index(value) if value in values else -1
