"""The page that holds a view: a grid whose rules stand in page.css."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import ipywidgets as w


@lru_cache
def style() -> str:
    """Return the style sheet as HTML."""
    text = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    return f"<style>{text}</style>"


def area(name: str, *parts: Any) -> w.VBox:
    """Return a box that the grid has a place for."""
    box = w.VBox(list(parts))
    box.add_class(f"hustle-{name}")
    return box


def page(*areas: Any, above: Any = (), kind: str = "hustle-whole") -> w.VBox:
    """Return a page.

    Parameters
    ----------
    *areas : Widget
        Boxes with the classes that the grid places.
    above : iterable of Widget
        What lies outside of the grid.
    kind : str
        Class of the grid: which places it has.
    """
    grid = w.VBox(list(areas))
    grid.add_class("hustle-grid")
    grid.add_class(kind)
    made = w.VBox([w.HTML(style(), layout=w.Layout(display="none")), *above, grid])
    made.add_class("hustle-page")
    return made
