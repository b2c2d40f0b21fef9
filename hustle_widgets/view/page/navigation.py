"""The list of steps: status, switch, title and verdict of each; a press opens its panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import ipywidgets as w

from hustle_widgets.assessment import Finding
from hustle_widgets.protocols import ReductionLike, StepLike
from hustle_widgets.view.page.status import LOOKS, VERDICTS, verdict_sign
from hustle_widgets.view.page_part import PagePart

SETUP = "setup"
CHOSEN, PLAIN, MARK = "#cfe3f3", "#f4f4f4", "#0072b2"


class Navigation(PagePart):
    """One row a step.

    Parameters
    ----------
    reduction : Reduction
    open_page : callable
        Called with the name of the step.

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(self, reduction: ReductionLike, open_page: Callable[[str], None]) -> None:
        super().__init__(reduction)
        self._open_page = open_page
        self._signs: dict[str, w.HTML] = {}
        self._verdicts: dict[str, w.HTML] = {}
        self._buttons: dict[str, w.Button] = {}
        rows = []
        for step in reduction.steps.values():
            rows.append(self._row(step.name, f"{step.section}  {step.title}", step))
            step.observe(lambda change: self.show_status(change["owner"].name), ["status", "error"])
            self.show_status(step.name)
        words = [
            f'<span style="color:{color}">{sign}</span>&nbsp;{word}' for sign, color, word in LOOKS.values()
        ]
        words += [
            f'<span style="color:{color}">{sign}</span>&nbsp;{word}'
            for word, (sign, color) in VERDICTS.items()
        ]
        key = w.HTML(f'<div style="font-size:11px;line-height:15px;color:#444">{" &ensp;".join(words)}</div>')
        self.widget = w.VBox([*rows, key], layout=w.Layout(width="286px", min_width="286px"))
        self.widget.add_class("hustle-navigation")

    def _row(self, name: str, text: str, step: StepLike) -> w.HBox:
        button = w.Button(
            description=text,
            tooltip=f"Open: {text}",
            layout=w.Layout(width="222px", height="20px", padding="0 4px"),
        )
        button.layout.margin = "1px 0 1px 0"
        button.style.text_color, button.style.font_size = "#000", "11.5px"
        button.add_class("hustle-step")
        button.on_click(lambda _: self._open_page(name))
        sign, verdict = (w.HTML(layout=w.Layout(width="18px", margin="0")) for _ in range(2))
        self._buttons[name], self._signs[name], self._verdicts[name] = button, sign, verdict
        if not step.switch:
            switch: Any = w.HTML(layout=w.Layout(width="20px", margin="0"))
        else:
            switch = w.Checkbox(
                value=step.enabled, indent=False, tooltip=f"{step.switch}: {step.switch_help}",
                layout=w.Layout(width="20px", margin="6px 0 0 0"),
            )  # fmt: skip
            w.link((step, "enabled"), (switch, "value"))
        return w.HBox([sign, switch, button, verdict], layout=w.Layout(align_items="center", height="22px"))

    def mark_open(self, name: str) -> None:
        """Show which page is open."""
        for other, button in self._buttons.items():
            button.layout.border_left = f"5px solid {MARK if other == name else PLAIN}"
            button.style.button_color = CHOSEN if other == name else PLAIN

    def show_status(self, name: str) -> None:
        """Show the status of a step."""
        step = self.reduction[name]
        glyph, color, word = LOOKS[step.status]
        tip = f"{word}: {step.error}" if step.error else word
        self._signs[name].value = (
            f'<span role="img" aria-label="{escape(tip)}" title="{escape(tip)}" '
            f'style="color:{color};font-size:15px">{glyph}</span>'
        )

    def show_verdicts(self, findings: Mapping[str, Finding]) -> None:
        """Show what was found of each step; those not named wear no verdict."""
        for name, sign in self._verdicts.items():
            found = findings.get(name)
            sign.value = verdict_sign(found.verdict, found.sentence) if found else ""
