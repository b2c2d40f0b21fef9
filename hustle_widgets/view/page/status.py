"""How the status of a step is shown: a sign that can be told without colour, a word, a message."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as w

from hustle_widgets.protocols import StepLike

# Sign, colour, word. Colours of Okabe & Ito (2008), dark enough for text on white.
LOOKS = {
    "fresh": ("✔", "#00664b", "fresh"),
    "stale": ("○", "#8a6100", "stale"),
    "running": ("▶", "#0072b2", "running"),
    "failed": ("✖", "#b03a00", "failed"),
    "off": ("–", "#666666", "off"),
}

# The same of verdicts; other shapes, so that nobody takes one for the other.
VERDICTS = {"good": ("●", "#00664b"), "check": ("▲", "#8a6100"), "bad": ("■", "#b03a00")}


def verdict_sign(verdict: str, sentence: str) -> str:
    """Return HTML of a verdict's sign."""
    sign, color = VERDICTS[verdict]
    tip = escape(f"{verdict}: {sentence}")
    return f'<span role="img" aria-label="{tip}" title="{tip}" style="color:{color};font-size:14px">{sign}</span>'


def badge(status: str, extra: str = "") -> str:
    """Return HTML of a status."""
    sign, color, word = LOOKS[status]
    return f'<span class="hustle-status" style="color:{color}"><b>{sign}</b> {word}{escape(extra)}</span>'


class StatusLine:
    """Status, time taken, progress, message and remarks of a step; follows its traits.

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(self, step: StepLike) -> None:
        self._step = step
        self._head = w.HTML(layout=w.Layout(height="22px"))
        self._bar = w.FloatProgress(min=0, max=1, layout=w.Layout(width="140px", height="14px"))
        self._message = w.HTML()
        head = w.HBox([self._head, self._bar], layout=w.Layout(align_items="center", height="24px"))
        self.widget = w.VBox([head, self._message])
        step.observe(self._follow, ["status", "error", "notes", "seconds", "progress", "compute_count"])
        self._follow()

    def _follow(self, change: Any = None) -> None:
        step = self._step
        took = f", {step.seconds:.2f} s" if step.status == "fresh" and step.compute_count else ""
        self._head.value = badge(step.status, took)
        self._bar.layout.visibility = "visible" if step.status == "running" else "hidden"
        self._bar.value = step.progress
        lines = []
        if step.error:
            color = "#b03a00" if step.status == "failed" else "#555"
            lines.append(
                f'<div role="alert" class="hustle-error" style="color:{color}">{escape(step.error)}</div>'
            )
        lines += [f'<div style="color:#555">{escape(note)}</div>' for note in step.notes.splitlines()]
        self._message.layout.display = "" if lines else "none"
        self._message.value = (
            f'<div style="font-size:13px;line-height:17px;max-width:370px">{"".join(lines)}</div>'
            if lines
            else ""
        )

    def close(self) -> None:
        """Stop following the step."""
        self._step.unobserve(
            self._follow, ["status", "error", "notes", "seconds", "progress", "compute_count"]
        )
