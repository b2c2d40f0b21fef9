"""Ends widgets with all their parts, at once in the kernel and bit by bit on the page."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import Any

import ipywidgets

# A Jupyter server passes on 3000 messages in 3 seconds and drops the rest, what a new page says among them. A
# page whose steps have all been opened has 3600 widgets, and each is one message when it ends.
AT_ONCE = 100
PAUSE = 0.2


def close_tree(*roots: Any) -> None:
    """Close widgets and all that their traits hold: children, marks, scales, axes, layouts, styles.

    ipywidgets keeps every widget in a global table until it is closed, and closing a box or a figure
    closes none of its parts. In the kernel all are gone on return; the page is told by a thread.
    """
    seen: dict[int, Any] = {}
    todo: list[Any] = list(roots)
    while todo:
        value = todo.pop()
        if isinstance(value, ipywidgets.Widget):
            if id(value) not in seen:
                seen[id(value)] = value
                # Only what has a value: asking for the others would create default widgets only to close them.
                todo.extend(getattr(value, name) for name in value.traits() if value.trait_has_value(name))
        elif isinstance(value, dict):
            todo.extend(value.values())
        elif isinstance(value, (list, tuple)):
            todo.extend(value)
    comms = []
    for widget in seen.values():
        if widget.comm is not None:
            comms.append(widget.comm)
            widget.comm = _Mute(widget.comm.comm_id)
            widget.close()
    _farewell.say(comms)


class _Mute:
    """Stands in for a widget's comm while the widget closes, and tells the page nothing."""

    def __init__(self, comm_id: str) -> None:
        self.comm_id = comm_id

    def on_msg(self, callback: Any) -> None:
        """Hear nothing from the page."""

    def close(self) -> None:
        """Leave it to the thread to tell the page."""


class _Farewell:
    """Closes comms in a thread of its own, a few at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._comms: deque[Any] = deque()
        self._runs = False

    def say(self, comms: list[Any]) -> None:
        """Close these comms after those that wait already."""
        heard = []
        for comm in comms:
            comm.on_msg(None)  # it would keep its widget alive
            if getattr(comm, "kernel", None) is None:  # and so no server between widget and page
                comm.close()
            else:
                heard.append(comm)
        with self._lock:
            self._comms.extend(heard)
            if self._runs or not self._comms:
                return
            self._runs = True
        threading.Thread(target=self._work, name="hustle-farewell", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._lock:
                some = [self._comms.popleft() for _ in range(min(AT_ONCE, len(self._comms)))]
                if not some:
                    self._runs = False
                    return
            for comm in some:
                with contextlib.suppress(Exception):  # the kernel ends, and nobody is left to tell
                    comm.close()
            time.sleep(PAUSE)


_farewell = _Farewell()
