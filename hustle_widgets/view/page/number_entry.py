"""A slider and a box for a number. The box holds any value; the slider stands at the mark next to it."""

from __future__ import annotations

import math
import re
import time
from collections import deque
from typing import Any

import ipywidgets as w

from hustle_widgets.config import format_value, parse_value
from hustle_widgets.steps.parameters import Real, Whole
from hustle_widgets.view.page.parameter_entry import Entry

# From this ratio of its ends on, a slider counts in factors.
LOGARITHMIC = 30
# Seconds within which a slider may send back what it was told.
ECHO = 5.0
# A slider counts in steps so many times finer to stand at a value between its marks.
FINER = (1, 10, 100)
# A slider becomes this many times as long to hold a value beyond its ends; for one further off it stands at its end.
LONGEST = 10


def number_entry(parameter: Real | Whole, name: str, tip: str, soft: tuple[float, float] | None) -> Entry:
    """Return a slider, a box to type the number into, and one for None where it is accepted."""
    marks = Marks(parameter, soft or parameter.soft or _usual(parameter), name, tip)
    slider = marks.slider
    typed = w.Text(continuous_update=False, tooltip=tip)
    typed.add_class("hustle-number")
    none = None
    if parameter.optional:
        words = f"None: {parameter.optional}"
        none = w.Checkbox(description=words, indent=False, tooltip=words)

    def is_echo(part: Any) -> bool:
        return part is slider and marks.is_echo()

    def get(part: Any) -> Any:
        if part is none and none is not None and none.value:
            return None
        return _number_typed(typed.value.strip()) if part is typed else marks.value()

    def put(value: Any) -> None:
        follow(None, value)

    def follow(part: Any, value: Any) -> None:
        if none is not None:
            none.value = value is None
        slider.disabled = value is None
        if part is not slider and value is not None:
            marks.show(value)
        if part is not typed or value is None:
            typed.value = "" if value is None else format_value(parameter.written(value))

    return Entry([slider, typed], get, put, [] if none is None else [none], follow, is_echo=is_echo)


class Marks:
    """A slider that stands at marks: its lower end, and every step from there.

    The browser moves a slider to the nearest mark and sends that back as if a person had moved it. So it is only
    told of marks, and what it sends is an edit when it is another mark than the one where it stands.

    Parameters
    ----------
    parameter : Real or Whole
    ends : (float, float)
        Where the marks are to reach.
    name, tip : str
        Label and tooltip.
    """

    def __init__(self, parameter: Real | Whole, ends: tuple[float, float], name: str, tip: str) -> None:
        self.parameter = parameter
        low, high = ends if ends[1] > ends[0] else (ends[0], ends[0] + 1)
        self.logarithmic = isinstance(parameter, Real) and low > 0 and high / low >= LOGARITHMIC
        made: Any = w.FloatSlider
        if isinstance(parameter, Whole):
            made, self.step = w.IntSlider, 1.0
        elif self.logarithmic:
            made, self.step = w.FloatLogSlider, 0.01
        else:
            self.step = 10.0 ** math.floor(math.log10((high - low) / 100))
        self.usual_step = self.step
        self.low, self.high = self._ends(self._position(low), self._position(high))
        options = {} if isinstance(parameter, Whole) else {"step": self.step}
        self.slider = made(
            min=self.low,
            max=self.high,
            description=name,
            tooltip=tip,
            readout=False,
            continuous_update=True,
            **options,
        )
        self._stands = self._position(self.slider.value)
        # The browser sends a value back once, if its last digits differ there; with other ends or step more often.
        self._unanswered = False  # whether it may still send the present one
        self._reshaped = False  # whether ends or step changed with it
        # When others were left that it may still send, which, and whether only once.
        self._left: deque[tuple[float, float, bool]] = deque(maxlen=3)

    def show(self, value: float) -> None:
        """Stand at a value or the mark next to it; the slider grows for one beyond its ends, within reason."""
        position, length = self._position(value), self.high - self.low
        low, high = self.low, self.high
        before, self.step = self.step, self._step_for(position)
        if not low <= position <= high and abs(position - (low + high) / 2) < LONGEST * length:
            beyond = 0.1 * length  # so that it can be moved on
            low, high = self._ends(min(low, position - beyond), max(high, position + beyond))
        slider = self.slider
        reshaped = (before, slider.min, slider.max) != (self.step, low, high)
        if self._unanswered or reshaped:
            self._left.append((time.monotonic(), slider.value, not reshaped and not self._reshaped))
        self._unanswered, self._reshaped = True, reshaped
        # One message each, in this order: the browser moves a value that lies outside of the ends or off the marks.
        if self.step < before:
            slider.step = self.step
        slider.min, slider.max = min(slider.min, low), max(slider.max, high)
        slider.value = self._value(self._mark(position, low, high))
        slider.min, slider.max = low, high
        if self.step > before:
            slider.step = self.step
        self._stands = self._position(slider.value)

    def is_echo(self) -> bool:
        """Tell whether the slider sent what it had been told. What it was told before is not shown again."""
        value, now = self.slider.value, time.monotonic()
        position = self._position(value)
        late = (
            left for left in self._left if now - left[0] < ECHO and self._sent_back(left[1], left[2], value)
        )
        left = next(late, None)
        if left is not None and left[2]:
            self._left.remove(left)  # so that a person can go back to it
        if self._same(position, self._stands):
            self._unanswered = self._reshaped or left is not None
            return True
        if left is not None:
            self.slider.value, self._unanswered = self._value(self._stands), True
            return True
        self._stands, self._unanswered, self._reshaped = position, False, False
        self._left.clear()  # a person moves it: what comes now is no echo
        return False

    def value(self) -> float | int:
        """Return the value of the mark where the slider stands."""
        if self.logarithmic:
            return float(f"{self.slider.value:.3g}")
        return self._value(self._mark(self.slider.value, self.slider.min, self.slider.max))

    def _step_for(self, position: float) -> float:
        """Return the largest step on which a position lies, or the finest."""
        if self.logarithmic or isinstance(self.parameter, Whole):
            return self.usual_step
        steps = [_tidy(self.usual_step / finer) for finer in FINER]
        on = (step for step in steps if abs(position / step - round(position / step)) < 1e-6)
        return next(on, steps[-1])

    def _position(self, value: float) -> float:
        """Return where a value is along the slider."""
        if not self.logarithmic:
            return float(value)
        return math.log10(value) if value > 0 else -math.inf

    def _value(self, position: float) -> float | int:
        """Return the value at a position."""
        if isinstance(self.parameter, Whole):
            return round(position)
        return 10.0**position if self.logarithmic else _tidy(position)

    def _mark(self, position: float, low: float, high: float) -> float:
        """Return the mark next to a position."""
        inside = min(max(position, low), high)
        return min(low + round((inside - low) / self.step) * self.step, high)

    def _ends(self, low: float, high: float) -> tuple[float, float]:
        """Return the ends that hold two positions: round numbers, and none that the parameter refuses."""
        low, high = (
            _tidy(math.floor(low / self.step + 1e-6) * self.step),
            _tidy(math.ceil(high / self.step - 1e-6) * self.step),
        )
        least, most, above = self.parameter.min, self.parameter.max, self.parameter.above
        if above is not None and low <= self._position(above):
            low = _tidy(self._position(above) + self.step)
        low = low if least is None else max(low, self._position(least))
        return low, high if most is None else min(high, self._position(most))

    def _sent_back(self, told: float, once: bool, value: float) -> bool:
        """Tell whether a value may be what became of another one in the browser."""
        # A slider sends what it was told when it first appears: by then the parameter may be another, and the slider
        # shorter, which cuts what comes from the browser at its ends.
        mark = min(max(self._position(told), self.slider.min), self.slider.max)
        return (value != told or not once) and self._same(self._position(value), mark)

    def _same(self, one: float, other: float) -> bool:
        return abs(one - other) < 0.4 * self.step


def _number_typed(text: str) -> Any:
    """Return what was typed; what is no number is for the parameter to refuse."""
    if re.fullmatch(r"[-+]?\d+,\d+", text):
        raise ValueError(f"Numbers are written with a point: {text.replace(',', '.')} in place of {text}.")
    try:
        return parse_value(text)
    except ValueError:
        return text


def _usual(parameter: Real | Whole) -> tuple[float, float]:
    tutorial = parameter.tutorial or 1
    low = parameter.min if parameter.min is not None else 0
    high = parameter.max if parameter.max is not None else max(10 * tutorial, 10)
    return low, high


def _tidy(number: float) -> float:
    """Return a number without the last digits that sums of steps leave."""
    return round(number, 12)
