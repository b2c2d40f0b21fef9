"""Keys, names of controls and plots, the whole window, the wheel: what no trait of a widget can do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget


class Conduct(anywidget.AnyWidget):
    """Shows nothing itself; wherever it is shown, it conducts the page around it.

    Parameters
    ----------
    on_key : callable, optional
        Called with the keys that frames are turned with: ',', '.' and 'p'. None where there are no frames.
    """

    # Its text: for a path anywidget would keep every instance, to send the file when it changes.
    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")

    def __init__(self, on_key: Callable[[str], None] | None = None) -> None:
        super().__init__()
        self.add_class("hustle-conduct")
        self._on_key = on_key
        self._heard: Callable[[], None] | None = None
        self._on_seen: list[Callable[[], None]] = []
        self.on_msg(self._told)

    def _told(self, _: Any, content: Any, buffers: Any) -> None:
        if "key" in content and self._on_key is not None:
            self._on_key(str(content["key"]))
        elif "tick" in content and self._heard is not None:
            self._heard()
        elif "seen" in content:
            self.seen()

    def seen(self) -> None:
        """Note that a browser has the page on the screen."""
        for callback in self._on_seen:
            callback()

    def on_seen(self, callback: Callable[[], None]) -> None:
        """Call a function each time that a browser has the page, with its first frame, on the screen."""
        self._on_seen.append(callback)

    def ask(self, heard: Callable[[], None]) -> None:
        """Call `heard` when a browser has received all that was sent before."""
        self._heard = heard
        self.send({"tick": 1})
