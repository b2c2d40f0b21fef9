"""What a person moves, chooses or types to set a parameter, by its kind."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ipywidgets as w

from hustle_widgets.config import format_value, parse_value
from hustle_widgets.steps.parameters import Choice, Orders, Parameter, Real, Switch, Whole

# From this ratio of its ends on, a slider counts in factors.
LOGARITHMIC = 30
# Seconds within which a slider may send back what it was told.
ECHO = 5.0


def _alone(source: Any, value: Any) -> None:
    """Leave the rest of an entry that has one part."""


def _never(part: Any) -> bool:
    return False


@dataclass
class Entry:
    """The widgets of one parameter.

    Attributes
    ----------
    beside, below : list of Widget
        Those on the line of the label, and those below it.
    get : callable
        get(part) -> the value that the part a person has moved stands for. Raises ValueError.
    put : callable
        put(value) shows a value on all parts.
    follow : callable
        follow(part, value) shows a value on the parts beside the one a person has moved.
    sources : list of Widget
        Those that a person sets, if not all of them.
    is_echo : callable
        is_echo(part) -> whether the value that just came from the browser is one it was sent, not one of a person.
    """

    beside: list[Any]
    get: Callable[[Any], Any]
    put: Callable[[Any], None]
    below: list[Any] = field(default_factory=list)
    follow: Callable[[Any, Any], None] = _alone
    sources: list[Any] = field(default_factory=list)
    is_echo: Callable[[Any], bool] = _never

    @property
    def parts(self) -> list[Any]:
        """All widgets that a person sets."""
        return self.sources or [*self.beside, *self.below]


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
        return _number(parameter, name, tip, soft)
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


def _number(parameter: Real | Whole, name: str, tip: str, soft: tuple[float, float] | None) -> Entry:
    """Return a slider, a box to type the number into, and one for None where it is accepted."""
    slider = _slider(parameter, name, tip, soft or parameter.soft or _usual(parameter))
    typed = w.Text(continuous_update=False, tooltip=tip)
    typed.add_class("hustle-number")
    none = None
    if parameter.optional:
        words = f"None: {parameter.optional}"
        none = w.Checkbox(description=words, indent=False, tooltip=words)

    sent: deque[tuple[float, float]] = deque(maxlen=4)  # when, and what the slider was told

    def is_echo(part: Any) -> bool:
        # A logarithmic slider sends what it was told, in other last digits, when it first appears: by then the
        # parameter may be another.
        now = time.monotonic()
        older = [value for when, value in list(sent)[:-1] if now - when < ECHO]
        return part is slider and any(math.isclose(slider.value, value, rel_tol=1e-6) for value in older)

    def get(part: Any) -> Any:
        if part is none and none is not None and none.value:
            return None
        if part is typed:
            return parse_value(typed.value.strip())
        return _of_slider(slider, parameter)

    def put(value: Any) -> None:
        follow(None, value)

    def follow(part: Any, value: Any) -> None:
        if none is not None:
            none.value = value is None
        slider.disabled = value is None
        if part is not slider and value is not None:
            _widened(slider, value)
            sent.append((time.monotonic(), float(slider.value)))
        if part is not typed or value is None:
            typed.value = "" if value is None else format_value(parameter.written(value))

    return Entry([slider, typed], get, put, [] if none is None else [none], follow, is_echo=is_echo)


def _slider(parameter: Real | Whole, name: str, tip: str, ends: tuple[float, float]) -> Any:
    low, high = ends
    common: dict[str, Any] = {
        "description": name,
        "tooltip": tip,
        "readout": False,
        "continuous_update": True,
    }
    if isinstance(parameter, Whole):
        return w.IntSlider(min=int(low), max=int(high), **common)
    if low > 0 and high / low >= LOGARITHMIC:
        return w.FloatLogSlider(base=10, min=math.log10(low), max=math.log10(high), step=0.01, **common)
    return w.FloatSlider(min=low, max=high, step=10.0 ** math.floor(math.log10((high - low) / 100)), **common)


def _of_slider(slider: Any, parameter: Parameter) -> Any:
    # The browser counts in steps from the slider's end, and sends 9.999999999999998 for 10 unasked.
    if isinstance(slider, w.FloatLogSlider):
        return float(f"{slider.value:.3g}")
    return slider.value if isinstance(parameter, Whole) else round(slider.value, _decimals(slider.step))


def _widened(slider: Any, value: float) -> None:
    """Show a value on a slider: bounded ones clamp in silence, so it is widened to hold the value."""
    if isinstance(slider, w.FloatLogSlider):
        if value <= 0:
            return  # only the box can hold it
        edge = math.log10(value)
    else:
        edge = value
    slider.min, slider.max = min(slider.min, edge), max(slider.max, edge)
    if isinstance(slider, w.FloatSlider) and round(value / slider.step) * slider.step != value:
        slider.step = min(slider.step, _finest(value))
    slider.value = value


def _usual(parameter: Real | Whole) -> tuple[float, float]:
    tutorial = parameter.tutorial or 1
    low = parameter.min if parameter.min is not None else 0
    high = parameter.max if parameter.max is not None else max(10 * tutorial, 10)
    return low, high


def _decimals(step: float) -> int:
    return max(0, -math.floor(math.log10(step) + 1e-9))


def _finest(value: float) -> float:
    """Return the power of ten that the last digit of a number stands for."""
    digits = repr(float(value)).partition("e")[0].partition(".")[2].rstrip("0")
    return 10.0 ** -min(6, len(digits))
