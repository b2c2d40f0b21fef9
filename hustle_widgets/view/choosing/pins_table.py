"""Pins side by side: what differs between them, and how good each is."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from hustle_widgets.choosing.merit import FIGURES, Figure
from hustle_widgets.choosing.pins import Pins
from hustle_widgets.config import format_value
from hustle_widgets.steps.parameters import as_lists

# What a figure of merit is called where room is dear, and how it is written.
SHORT: dict[str, tuple[str, str, float]] = {
    "scatter": ("scatter / photon limit", ".3f", 1),
    "scatter_ppm": ("scatter [ppm]", ",.0f", 1),
    "photon_limit_ppm": ("photon limit [ppm]", ",.0f", 1),
    "light_kept": ("light kept [%]", ".2f", 100),
    "background_left": ("background left [e⁻]", ".3f", 1),
    "flagged_on": ("flagged on traces [%]", ".3f", 100),
    "flagged_off": ("flagged off traces [%]", ".3f", 100),
    "depth": ("depth [ppm]", ",.0f", 1e6),
    "depth_error": ("its error [ppm]", ",.0f", 1e6),
}


def written(name: str, value: float) -> str:
    """Return a figure of merit as text, in the unit that its name tells."""
    if not np.isfinite(value):
        return "–"
    _, form, factor = SHORT.get(name, (name, ".4g", 1))
    return format(value * factor, form)


def table_html(pins: Pins, names: Sequence[str]) -> str:
    """Return a table: a column for each pin, a row for each parameter that differs and each figure of merit."""
    if not names:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    rows = [f'<tr><th scope="col"></th>{head}</tr>']
    differing = pins.differences(names)
    for key, values in differing.items():
        cells = [format_value(as_lists(values[name])) for name in names]
        rows.append(_row(key, cells, "hustle-differs"))
    if len(names) > 1 and not differing:
        rows.append(f'<tr><td colspan="{len(names) + 1}">All parameters are the same.</td></tr>')
    for key, figure in FIGURES.items():
        found = np.array([pins[name].figures.get(key, np.nan) for name in names])
        if np.isfinite(found).any():
            cells = [written(key, value) for value in found]
            best = best_of(found, figure) if len(set(cells)) > 1 else -1
            rows.append(_row(SHORT[key][0], cells, "", figure.text, best))
    return f'<table class="hustle-pins-table hustle-small">{"".join(rows)}</table>'


def best_of(values: Any, figure: Figure) -> int:
    """Return which value is nearest to that of a perfect reduction; -1 where that is not told."""
    off = np.abs(np.asarray(values, dtype=float) - figure.aim)
    if off.size < 2 or not np.isfinite(off).any() or np.nanmin(off) == np.nanmax(off):
        return -1
    return int(np.nanargmin(off))


def _row(name: str, cells: Sequence[str], kind: str, tip: str = "", best: int = -1) -> str:
    told = "".join(
        f"<td>{f'<b>{escape(cell)}</b>' if number == best else escape(cell)}</td>"
        for number, cell in enumerate(cells)
    )
    return f'<tr class="{kind}" title="{escape(tip or name)}"><th scope="row">{escape(name)}</th>{told}</tr>'
