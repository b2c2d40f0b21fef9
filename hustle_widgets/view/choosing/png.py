"""A button on every plot of the page that saves it as PNG: made in the browser, of what it shows."""

from __future__ import annotations

from pathlib import Path

import anywidget


class PlotSaver(anywidget.AnyWidget):
    """Shows nothing itself; wherever it is shown, the plots of the page around it get their buttons."""

    # Its text: for a path anywidget would keep every instance, to send the file when it changes.
    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

    def __init__(self) -> None:
        super().__init__()
        self.add_class("hustle-conduct")
