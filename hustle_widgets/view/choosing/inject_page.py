"""The page on which something known is put into the visit, and looked for behind the last step."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as w
import numpy as np

from hustle_widgets.choosing.recovery import UNTOLD, Recovery
from hustle_widgets.view import theme
from hustle_widgets.view.choosing.page import ChoosingPage
from hustle_widgets.view.choosing.subject import ChoosingLike, ChoosingPart
from hustle_widgets.view.choosing.task import button, row
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.words import quiet

TEXT = (
    "A transit of a depth that you know, cosmic rays and hot pixels of known places go into your own visit, before all "
    "steps. The chain runs with and without them: what comes back tells what it does to a planet, and what it misses."
)
# What is counted, with its colour, marker and line.
KINDS = (
    ("cosmic rays off", "cosmic ray", "off", theme.BLUE, "circle"),
    ("cosmic rays on", "cosmic ray", "on", theme.VERMILLION, "triangle-up"),
    ("hot pixels off", "hot pixel", "off", theme.GREEN, "square"),
    ("hot pixels on", "hot pixel", "on", theme.PURPLE, "diamond"),
)


class InjectPage(ChoosingPage):
    """One button that injects and tells what is recovered, and one that takes it out.

    Parameters
    ----------
    reduction : Reduction
    tabs : Widget
        Ways to the other pages of this kind.
    """

    def __init__(self, reduction: ChoosingLike, tabs: Any) -> None:
        super().__init__(reduction, tabs, CurvePlot("log₁₀ of the electrons injected", "Share found [%]"))
        self.found: Recovery | None = None
        self.depth = w.BoundedFloatText(
            value=1.0,
            min=0,
            max=50,
            step=0.1,
            description="Depth [%]",
            tooltip="Share of the light that is missing",
        )
        self.depth.add_class("hustle-depth")
        self.act = button(
            "Inject and recover", "Put a transit and hits into the visit; tell what comes back", self._start, "inject",
            style="primary",
        )  # fmt: skip
        self.cancel = button("Cancel", "Stop, and take it out", reduction.cancel, "stop-inject")
        self.cancel.disabled = True
        self.figures = w.HTML(quiet(TEXT))
        self.figures.add_class("hustle-recovered")
        self.place(row(self.depth, self.act, self.cancel), self.task.widget, self.figures)
        self._draw()

    def _start(self) -> None:
        reduction, depth = self.reduction, self.depth.value / 100

        def work() -> str:
            reduction.take_out()
            try:
                reduction.inject(depth)
                found = reduction.recover()
            except BaseException:
                reduction.take_out()  # of no use without figures, and a danger
                raise
            reduction.compute()  # the page shows the visit with it
            with reduction.frozen():
                if not self.closed:
                    self.found = found
                    self.figures.value = recovery_html(found)
                    self._draw()
            return "Recovered. The visit on the page holds the injection until you take it out."

        def ended() -> None:
            self.cancel.disabled = True
            if reduction.injected is None and not self.closed:
                reduction.compute()

        if not self.task.busy:
            self.cancel.disabled = False
        self.task.start(work, "Injected; the chain runs with and without it.", ended)

    def taken_out(self) -> None:
        """Say that the visit is as it was observed."""
        if not self.task.busy and self.found is not None:
            self.task.say(
                "Taken out: the page shows the visit as it was observed. The figures stay to be read."
            )

    def _draw(self) -> None:
        if self.found is None:
            self.plots.show(title="Completeness: nothing is injected yet")
            return
        hits = self.found.hits
        curves = []
        for name, kind, zone, color, marker in KINDS:
            chosen = hits[(hits["kind"] == kind) & (hits["zone"] == zone) & (hits["injected"] > 0)]
            if len(chosen):
                middle = np.sqrt(np.asarray(chosen["electrons_low"]) * np.asarray(chosen["electrons_high"]))
                share = 100 * np.asarray(chosen["completeness"], dtype=float)
                curves.append(Curve(name, np.log10(middle), share, color=color, marker=marker))
        self.plots.show(*curves, y_limits=(-4, 104), title="Completeness on and off the traces")


def recovery_html(found: Recovery) -> str:
    """Return the figures in words, the verdict first."""
    lines = []
    if found.depth_in and not np.isfinite(found.bias):
        lines.append(f'<div class="hustle-quiet">{escape(UNTOLD[0].upper() + UNTOLD[1:])}</div>')
    elif found.depth_in:
        good = found.within_error
        kind, verdict = (
            ("hustle-good", "The depth comes back") if good else ("hustle-bad", "The depth is changed")
        )
        lines.append(
            f'<div class="{kind}"><b>{"●" if good else "■"} {verdict}</b>: {100 * found.ratio:.2f} ± '
            f"{100 * found.ratio_error:.2f} % of what was put in.</div>"
        )
        lines.append(
            f"<div>In {1e6 * found.depth_in:,.0f} ppm, out {1e6 * found.depth_out:,.0f} ppm; the error of a depth is "
            f"{1e6 * found.depth_error:,.0f} ppm, the bias {found.bias:+.2f} of it.</div>"
        )
    rows = []
    for kind, name in (("cosmic ray", "cosmic rays"), ("hot pixel", "hot pixels")):
        cells = [f"{100 * share:.0f} %" if np.isfinite(share := found.completeness(kind, zone)) else "–"
                 for zone in ("on", "off")]  # fmt: skip
        rows.append((f"{name} found", *cells))
    hits = found.hits
    lost = [str(int(np.sum(hits["false"][hits["zone"] == zone]))) for zone in ("on", "off")]
    rows.append(("good pixels lost to them", *lost))
    rows.append(
        ("flagged though low, so falsely", f"{100 * found.low_on:.2f} %", f"{100 * found.low_off:.2f} %")
    )
    body = "".join(
        f'<tr><th scope="row">{name}</th><td>{on}</td><td>{off}</td></tr>' for name, on, off in rows
    )
    head = (
        '<tr><th scope="col"></th><th scope="col">on the traces</th><th scope="col">off the traces</th></tr>'
    )
    lines.append(f'<table class="hustle-pins-table hustle-small">{head}{body}</table>')
    lines.append(f'<div class="hustle-quiet hustle-small">{escape(found.words)}</div>')
    return "".join(lines)


class InjectedWarning(ChoosingPart):
    """Says on every page that something is injected, with a button that takes it out.

    Parameters
    ----------
    reduction : Reduction
    gone : callable
        Called when it was taken out.

    Attributes
    ----------
    widget : ipywidgets.HBox
    """

    def __init__(self, reduction: ChoosingLike, gone: Callable[[], None]) -> None:
        super().__init__(reduction)
        self._gone = gone
        self._text = w.HTML()
        out = button(
            "Take out", "Take the injection out of the visit again", self._take_out, "take-out", icon="eraser"
        )
        self.widget = row(self._text, out, name="hustle-injected")
        self.show()

    def show(self) -> None:
        """Show it, or take it away."""
        injected = self.reduction.injected
        shown = "" if injected is None else _sentence(injected.words)
        if self._text.value != shown:
            self._text.value = shown
        self.widget.layout.display = None if shown else "none"

    def _take_out(self) -> None:
        self.reduction.take_out()
        self.show()
        self.reduction.compute()
        self._gone()


def _sentence(words: str) -> str:
    return f'<div role="alert" class="hustle-one-line" title="{escape(words)}"><b>⚠ {escape(words)}</b></div>'
