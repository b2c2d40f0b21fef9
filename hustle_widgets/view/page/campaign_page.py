"""The page of a campaign: its visits in a table, all light curves, and the visit that was clicked as widgets."""

from __future__ import annotations

import io
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import ipywidgets as w
import traitlets

from hustle_widgets.protocols import CampaignLike, ReductionLike
from hustle_widgets.view.page.layout import style
from hustle_widgets.view.words import alert, said

# Heading, name of the number or text, digits behind the point, what it is.
COLUMNS: tuple[tuple[str, str, int | None, str], ...] = (
    ("Visit", "name", None, "Click to open it as widgets"),
    ("Verdict", "verdict", None, "Worst of all criteria"),
    (
        "Scatter [photons]",
        "scatter",
        2,
        "Scatter from point to point over that of photons, sky and read noise",
    ),
    ("[ppm]", "scatter_ppm", 0, "Scatter from point to point"),
    ("Displacement [px]", "displacement", 2, "Furthest displacement from the first frame"),
    (
        "Depth bias [sigma]",
        "depth_bias",
        2,
        "Injected transit: depth out minus depth in, over the error of a depth",
    ),
    ("Time [s]", "seconds", 1, "Load, all steps and save"),
    ("Memory [MiB]", "memory", 0, "Peak of the worker"),
    ("Begun", "tries", 0, "How often it was begun"),
    ("Remark", "message", None, "Why there is no result"),
)


class CampaignTable(anywidget.AnyWidget):
    """Rows that sort by a press on the head, and tell which of them was pressed.

    Attributes
    ----------
    columns : list of dict
        name, text and digits (behind the point) of each.
    rows : list of dict
        cells (text, number or None) and text of each.
    chosen : int
        Number of the row that is open, -1 for none.
    """

    _esm = Path(__file__).with_name("campaign_table.js").read_text(encoding="utf-8")
    _css = Path(__file__).with_name("campaign_table.css").read_text(encoding="utf-8")
    columns: Any = traitlets.List().tag(sync=True)
    rows: Any = traitlets.List().tag(sync=True)
    chosen = traitlets.Int(-1).tag(sync=True)


class CampaignPage:
    """The table, the light curves, and below them the visit that is open.

    Parameters
    ----------
    campaign : Campaign

    Attributes
    ----------
    widget : ipywidgets.VBox
    table : CampaignTable
    opened : Reduction or None
    """

    def __init__(self, campaign: CampaignLike) -> None:
        self._campaign = campaign
        self.opened: ReductionLike | None = None
        self.table = table_of(campaign)
        self.table.on_msg(self._told)
        self._said = w.HTML()
        self._below = w.VBox()
        head = w.HTML(f"<b>{escape(campaign.summary().splitlines()[0])}</b>")
        parts = [w.HTML(style(), layout=w.Layout(display="none")), head, self.table, self._said]
        page = w.VBox(parts)
        page.add_class("hustle-page")
        self.widget = w.VBox([page, self._below, *_picture(campaign)])

    def _told(self, _: Any, content: Any, buffers: Any) -> None:
        number = content.get("open") if isinstance(content, dict) else None
        if isinstance(number, int) and 0 <= number < len(self.table.rows):
            self.open(number)

    def open(self, number: int) -> None:
        """Open a visit by the number of its row; what was open is closed."""
        name = self._campaign.names[number]
        self.table.chosen = number
        self._said.value = f'<span class="hustle-busy" role="status">Loading {escape(name)}...</span>'
        try:
            reduction: ReductionLike = self._campaign.open(name)
        except (ValueError, OSError) as error:
            self._said.value = alert(f"{name}: {error}")
            return
        before, self.opened = self.opened, reduction
        self._below.children = (reduction,)
        if before is not None:
            before.close()
        self._said.value = said(
            f"{name} is open below. It is saved as the run {reduction.output_run!r}, beside that of the campaign."
        )


def table_of(campaign: CampaignLike) -> CampaignTable:
    """Return the table; columns that say nothing of any visit are left out."""
    cells = {
        name: [_cell(campaign, number, name, digits) for number in range(len(campaign.rows))]
        for _, name, digits, _ in COLUMNS
    }
    shown = [column for column in COLUMNS if any(value not in (None, "") for value in cells[column[1]])]
    rows = [
        {
            "cells": [cells[name][number] for _, name, _, _ in shown],
            "text": str(row.get("sentence") or row.get("message", "")),
        }
        for number, row in enumerate(campaign.rows)
    ]
    columns = [{"name": head, "text": text, "digits": digits or 0} for head, _, digits, text in shown]
    return CampaignTable(columns=columns, rows=rows)


def _cell(campaign: CampaignLike, number: int, name: str, digits: int | None) -> str | float | None:
    row = campaign.rows[number]
    if digits is None:
        failed = name == "verdict" and row["status"] == "failed"
        return "failed" if failed else str(row.get(name, ""))
    value = campaign.number(number, name)
    if value != value:  # NaN has no JSON
        return None
    return round(value, digits) if digits else int(round(value))


def _picture(campaign: CampaignLike) -> list[Any]:
    if not campaign.light_curves():
        return []
    file = io.BytesIO()
    campaign.figure().savefig(file, format="png")
    # As large as it is drawn: the page would stretch it.
    layout = w.Layout(max_width="100%", align_self="flex-start")
    return [w.Image(value=file.getvalue(), format="png", layout=layout)]
