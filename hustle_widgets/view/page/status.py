"""How the status of a step is shown: a sign that can be told without colour, a word, a message."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as w

from hustle_widgets.protocols import StepLike
from hustle_widgets.view.words import alert, quiet

# Sign and class of its colour, by status.
LOOKS = {
    "fresh": ("✔", "hustle-good"),
    "stale": ("○", "hustle-check"),
    "running": ("▶", "hustle-busy"),
    "failed": ("✖", "hustle-bad"),
    "off": ("–", "hustle-quiet"),
}
# The same of verdicts; other shapes, so that nobody takes one for the other.
VERDICTS = {"good": ("●", "hustle-good"), "check": ("▲", "hustle-check"), "bad": ("■", "hustle-bad")}


def sign_html(sign: str, kind: str, tip: str) -> str:
    """Return a sign that says in words what it means."""
    tip = escape(tip)
    return f'<span role="img" aria-label="{tip}" title="{tip}" class="{kind}">{sign}</span>'


def verdict_sign(verdict: str, sentence: str) -> str:
    """Return HTML of a verdict's sign."""
    return sign_html(*VERDICTS[verdict], f"{verdict}: {sentence}")


def badge(status: str, extra: str = "") -> str:
    """Return HTML of a status."""
    sign, kind = LOOKS[status]
    return f'<span class="hustle-status {kind}"><b>{sign}</b> {status}{escape(extra)}</span>'


class StatusLine:
    """Status, time taken, progress, message and remarks of a step; follows its traits.

    Attributes
    ----------
    head, message : ipywidgets.HTML
        One line, and what there is to say beyond it.
    """

    _FOLLOWED = ("status", "error", "notes", "seconds", "progress", "compute_count")

    def __init__(self, step: StepLike) -> None:
        self._step = step
        self.head = w.HTML()
        self.head.add_class("hustle-status-line")
        self.message = w.HTML()
        step.observe(self._follow, self._FOLLOWED)
        self._follow()

    def _follow(self, change: Any = None) -> None:
        step = self._step
        extra = ""
        if step.status == "fresh" and step.compute_count:
            extra = f", {step.seconds:.2f} s"
        elif step.status == "running":
            extra = f", {100 * step.progress:.0f} %"
        elif step.status == "stale":
            extra = ": what is shown is of other parameters" if step.compute_count else ": not computed yet"
        self.head.value = badge(step.status, extra)
        said = ""
        if step.error:
            said = alert(step.error) if step.status == "failed" else quiet(step.error)
        if step.status != "off":
            said += "".join(quiet(note) for note in step.notes.splitlines())
        self.message.value = said
        self.message.layout.display = "" if said else "none"

    def close(self) -> None:
        """Stop following the step."""
        self._step.unobserve(self._follow, self._FOLLOWED)
