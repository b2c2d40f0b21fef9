"""A button that saves a file in the browser, wherever the kernel is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import traitlets

from hustle_widgets.view.choosing.task import Task

#: Bytes that go to the browser in one message at most; a larger file is written on the kernel's machine.
MOST = 32 * 10**6
KINDS = {
    ".csv": "text/csv",
    ".ecsv": "text/plain",
    ".zip": "application/zip",
    ".json": "application/json",
    ".py": "text/x-python",
}


class File(NamedTuple):
    """What is to be saved."""

    name: str
    data: bytes


class Download(anywidget.AnyWidget):
    """A button; a press has the file made and hands it to the browser that asked.

    Parameters
    ----------
    text, tip : str
        Its label and tooltip.
    make : callable
        Returns the `File`; called in the task's thread. What it raises is said by the task.
    task : Task
        Makes it, and says how that goes.
    """

    # Its text: for a path anywidget would keep every instance, to send the file when it changes.
    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    text = traitlets.Unicode().tag(sync=True)
    tip = traitlets.Unicode().tag(sync=True)

    def __init__(self, text: str, tip: str, make: Callable[[], File], task: Task) -> None:
        super().__init__(text=text, tip=tip)
        self._make, self._task = make, task
        self.on_msg(self._told)

    def _told(self, _: Any, content: Any, buffers: Any) -> None:
        if isinstance(content, dict) and content.get("wanted"):
            self.save()

    def save(self) -> None:
        """Make the file and send it; the button waits until it is told something."""
        sent = False

        def work() -> str:
            nonlocal sent
            file = self._make()
            if len(file.data) > MOST:
                raise ValueError(
                    f"{file.name} has {len(file.data) / 1e6:.0f} MB, more than the {MOST / 1e6:.0f} MB that go through "
                    "the browser: write it into the run's folder instead."
                )
            kind = KINDS.get(Path(file.name).suffix, "application/octet-stream")
            self.send({"name": file.name, "kind": kind, "bytes": len(file.data)}, buffers=[file.data])
            sent = True
            return f"Saved by the browser: {file.name}"

        def ended() -> None:
            if not sent:
                self.send({"name": ""})

        if self._task.busy:
            self._task.say("The last act is still under way.")
            ended()
            return
        self._task.start(work, "The reduction is completed, and the file made.", ended)
