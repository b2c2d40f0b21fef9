"""What takes longer than a click: done in a thread, with a word of how it goes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import ipywidgets as w

from hustle_widgets.engine.chain import Cancelled
from hustle_widgets.view.words import alert, quiet, said


class Task:
    """Does one thing at a time; what goes wrong is said, and what is asked for meanwhile is refused.

    Attributes
    ----------
    widget : ipywidgets.HTML
        Says what is done, and what became of it.
    """

    def __init__(self) -> None:
        self.widget = w.HTML()
        self.widget.add_class("hustle-task")
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether something is done now."""
        return self._thread is not None

    def start(
        self, work: Callable[[], str | None], doing: str, ended: Callable[[], Any] = lambda: None
    ) -> None:
        """Call `work` in a thread.

        Parameters
        ----------
        work : callable
            Returns what to say then.
        doing : str
            Said meanwhile.
        ended : callable
            Called at the end, however it came about.
        """
        if self.busy:
            self.say("The last act is still under way.")
            return
        self.widget.value = quiet(doing)
        self._thread = threading.Thread(
            target=self._do, args=(work, ended), name="hustle-choosing", daemon=True
        )
        try:
            self._thread.start()
        except RuntimeError as error:  # no thread is to be had
            self._end(error, ended)

    def _do(self, work: Callable[[], str | None], ended: Callable[[], Any]) -> None:
        failure: BaseException | None = None
        try:
            self.widget.value = said(work() or "")
        except Cancelled:
            self.widget.value = quiet("Stopped.")
        except BaseException as error:  # whatever it is, a person who waits is told
            failure = error
        self._end(failure, ended)

    def _end(self, failure: BaseException | None, ended: Callable[[], Any]) -> None:
        if failure is not None:
            self.refuse(failure)
        self._thread = None
        try:
            ended()
        except Exception as error:
            self.refuse(error)

    def attempt(self, act: Callable[[], str | None]) -> None:
        """Do something short at once, and say what goes wrong."""
        try:
            self.widget.value = said(act() or "")
        except Exception as error:
            self.refuse(error)

    def say(self, text: str) -> None:
        """Say how it goes."""
        self.widget.value = quiet(text)

    def refuse(self, error: BaseException) -> None:
        """Say what went wrong; what is no refusal in words is said with the kind of its error."""
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        if " " not in text or not isinstance(error, (ValueError, OSError, RuntimeError, KeyError)):
            text = f"It failed by an error that was not expected: {type(error).__name__}{': ' * bool(text)}{text}"
        self.widget.value = alert(text)


def button(
    text: str, tip: str, act: Callable[[], Any], name: str = "", *, icon: str = "", style: str = ""
) -> w.Button:
    """Return a button."""
    made = w.Button(description=text, tooltip=tip, icon=icon, button_style=style)
    if name:
        made.add_class(f"hustle-{name}")
    if not text:
        made.add_class("hustle-icon")
    made.on_click(lambda _: act())
    return made


def row(*parts: Any, name: str = "hustle-choose-row") -> w.HBox:
    """Return widgets on one line, which wraps."""
    made = w.HBox(list(parts))
    made.add_class(name)
    return made
