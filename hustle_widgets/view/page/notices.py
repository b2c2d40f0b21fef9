"""What a person should know about the visit's files and the config file, on top of the page."""

from __future__ import annotations

from html import escape

import ipywidgets as w

from hustle_widgets.protocols import ReductionLike


class Notices:
    """Remarks of loading, folded to one line that says how many there are; takes no room when there is none.

    Parameters
    ----------
    reduction : Reduction

    Attributes
    ----------
    widget : ipywidgets.HTML
    """

    def __init__(self, reduction: ReductionLike) -> None:
        self._reduction = reduction
        self.widget = w.HTML()
        self.write()

    def write(self) -> None:
        """Show what there is now."""
        reduction = self._reduction
        parts = [
            ("the visit", reduction.visit.attrs.get("messages", "").splitlines()),
            ("the config file", reduction.config_remarks),
        ]
        text = "".join(
            f'<details class="hustle-notices" style="line-height:18px"><summary>{len(lines)} '
            f"remark{'s' * (len(lines) > 1)} on {what}: {escape(lines[0][:90])}...</summary>"
            + "".join(f"<div>{escape(line)}</div>" for line in lines)
            + "</details>"
            for what, lines in parts
            if lines
        )
        self.widget.value = text
        self.widget.layout.display = None if text else "none"
