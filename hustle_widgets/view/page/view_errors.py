"""Errors of the view itself, shown on the page: in a callback nobody would see them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import ipywidgets as w

from hustle_widgets.view.words import alert

LOG = logging.getLogger("hustle_widgets")


class ViewErrors:
    """Shows what went wrong in a part of the page, until that part works again.

    Attributes
    ----------
    widget : ipywidgets.HTML
    """

    def __init__(self) -> None:
        self.widget = w.HTML(layout=w.Layout(display="none"))
        self._messages: dict[str, str] = {}

    @contextmanager
    def shown(self, part: str) -> Iterator[None]:
        """Show an exception raised meanwhile as one of this part of the page; it goes into the log too."""
        try:
            yield
        except Exception as error:
            LOG.exception("%s could not be drawn", part)
            self._messages[part] = f"{type(error).__name__}: {error}"
            self._write()
        else:
            if self._messages.pop(part, None) is not None:
                self._write()

    def _write(self) -> None:
        lines = [alert(f"✖ {part}: {text}") for part, text in self._messages.items()]
        self.widget.value = f'<div class="hustle-trouble">{"".join(lines)}</div>' if lines else ""
        self.widget.layout.display = "" if lines else "none"
