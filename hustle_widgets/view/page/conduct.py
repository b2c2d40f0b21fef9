"""Keys, the whole window, the wheel, and whether the page is there: what no trait of a widget can do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets


class Conduct(anywidget.AnyWidget):
    """Shows nothing itself; wherever it is shown, it conducts the page around it.

    Attributes
    ----------
    seen : int
        How often a page with it has come up in a browser.
    """

    # Its text: for a path anywidget would keep every instance, to send the file when it changes.
    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    seen = traitlets.Int(0).tag(sync=True)

    def __init__(self, on_key: Callable[[str], None]) -> None:
        super().__init__()
        self.add_class("hustle-conduct")
        self._on_key = on_key
        self._heard: Callable[[], None] | None = None
        self.on_msg(self._told)

    def _told(self, _: Any, content: Any, buffers: Any) -> None:
        if "key" in content:
            self._on_key(str(content["key"]))
        elif "tick" in content and self._heard is not None:
            self._heard()

    def ask(self, heard: Callable[[], None]) -> None:
        """Call `heard` when a browser has received all that was sent before."""
        self._heard = heard
        self.send({"tick": 1})
