"""What a person moves, chooses or types to set a parameter, by its kind."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from hustle_widgets.config import format_value, parse_value
from hustle_widgets.steps.parameters import Choice, Orders, Parameter, Real, Switch, Whole
from hustle_widgets.view.page.number_entry import number_entry
from hustle_widgets.view.page.parameter_entry import Entry


def entry_of(parameter: Parameter, name: str, tip: str, soft: tuple[float, float] | None = None) -> Entry:
    """Return the entry of a parameter.

    Parameters
    ----------
    parameter : Parameter
    name : str
        Its label.
    tip : str
        Its tooltip.
    soft : (float, float), optional
        Range of its slider.
    """
    if isinstance(parameter, Switch):
        return _single(w.Checkbox(description=name, indent=False, tooltip=tip))
    if isinstance(parameter, Choice):
        return _choice(parameter, name, tip)
    if isinstance(parameter, Orders):
        return _orders(parameter, name, tip)
    if isinstance(parameter, (Real, Whole)):
        return number_entry(parameter, name, tip, soft)
    return _written(parameter, name, tip)


def _single(widget: Any) -> Entry:
    def put(value: Any) -> None:
        widget.value = value

    return Entry([widget], lambda _: widget.value, put)


def _choice(parameter: Choice, name: str, tip: str) -> Entry:
    # By their words: a Dropdown takes None for nothing chosen.
    words = {str(option): option for option in parameter.options}
    widget = w.Dropdown(options=list(words), description=name, tooltip=tip)

    def put(value: Any) -> None:
        widget.value = str(value)

    return Entry([widget], lambda _: words[widget.value], put)


def _orders(parameter: Orders, name: str, tip: str) -> Entry:
    """Return a button for each order, those chosen pressed."""
    label = w.Label(name)
    buttons = [
        w.ToggleButton(description=order, tooltip=f"Order {order}. {tip}") for order in parameter.options
    ]
    row = w.HBox(buttons)
    row.add_class("hustle-orders")

    def get(_: Any) -> tuple[str, ...]:
        return tuple(button.description for button in buttons if button.value)

    def put(value: tuple[str, ...]) -> None:
        for button in buttons:
            button.value = button.description in value

    return Entry([label, row], get, put, sources=buttons)


def _written(parameter: Parameter, name: str, tip: str) -> Entry:
    """Return a text entry, read when Enter is pressed or the entry is left."""
    widget = w.Text(description=name, continuous_update=False, tooltip=tip)

    def get(_: Any) -> Any:
        text = widget.value.strip()
        try:
            return parse_value(text)
        except ValueError:
            return text  # a path or a name needs no quotes

    def put(value: Any) -> None:
        widget.value = value if isinstance(value, str) else format_value(parameter.written(value))

    return Entry([widget], get, put)
