"""The tutorial's criteria of success, as a list with verdicts and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import ipywidgets as w

from hustle_widgets.assessment import Finding, worst
from hustle_widgets.view.page.status import VERDICTS, verdict_sign


def line_of(finding: Finding) -> str:
    """Return one criterion as a line of HTML."""
    color = VERDICTS[finding.verdict][1]
    return (
        f'<div title="{escape(finding.sentence)}" style="white-space:nowrap;overflow:hidden;text-overflow:ellipsis">'
        f"{verdict_sign(finding.verdict, finding.sentence)} "
        f'<b style="color:{color}">{finding.verdict}</b> {escape(finding.title)}: {escape(finding.figure)}</div>'
    )


class AssessmentView:
    """All criteria in a compact list.

    Attributes
    ----------
    widget : ipywidgets.HTML
    """

    def __init__(self) -> None:
        self.widget = w.HTML(layout=w.Layout(width="auto", margin="0 0 0 12px"))
        self._html = ""

    def show(self, findings: Sequence[Finding]) -> None:
        """Show the worst finding of each criterion."""
        lines = [line_of(worst(same)) for same in _by_title(findings)]
        self._html = "".join(lines)
        self._write("")

    def out_of_date(self) -> None:
        """Grey the list: the parameters have changed."""
        self._write("opacity:0.5")

    def _write(self, more: str) -> None:
        grid = "display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));column-gap:8px;min-height:72px"
        self.widget.value = (
            f'<div class="hustle-assessment" style="font-size:13px;line-height:18px;{more}"><b>Assessment</b>'
            f'<div style="{grid}">{self._html or "follows when all steps are computed"}</div></div>'
        )


def sentences_of(findings: Iterable[Finding]) -> str:
    """Return the findings on one step, with their sentences, as HTML for its panel."""
    lines = [
        f"<div>{verdict_sign(f.verdict, f.sentence)} <b>{f.verdict}</b>: {escape(f.sentence)}</div>"
        for f in findings
    ]
    return f'<div class="hustle-verdict" style="font-size:13px;line-height:17px;max-width:370px">{"".join(lines)}</div>'


def _by_title(findings: Iterable[Finding]) -> list[list[Finding]]:
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.title, []).append(finding)
    return list(found.values())
