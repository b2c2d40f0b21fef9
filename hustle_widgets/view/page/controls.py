"""One control for each parameter, made from its declaration; it sets the trait and follows it."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as w
from traitlets import TraitError

from hustle_widgets.config import format_value, parse_value
from hustle_widgets.steps.parameters import Choice, Orders, Parameter, Real, Switch, Whole

LABEL_WIDTH = "126px"
# A unit of more letters goes below its slider, as the box for None does: beside it they would leave no track.
SHORT_UNIT = 6


class Control:
    """A labelled control of one parameter.

    Parameters
    ----------
    owner : HasTraits
        The step, or the Reduction.
    name : str
        The parameter.

    Attributes
    ----------
    widget : ipywidgets.HBox
        Label, control and a button that goes back to the tutorial's value.
    """

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name
        self.parameter: Parameter = owner.traits()[name]
        self._busy = False
        tip = self._tooltip()
        self._inputs, self._get, self._put = _inputs(self.parameter, tip)
        for entry in self._inputs:
            entry.observe(self._from_page, "value")
        shown = format_value(self.parameter.written(self.parameter.tutorial))
        self._reset = w.Button(
            icon="undo", tooltip=f"Back to the tutorial's {shown}", layout=w.Layout(width="30px", padding="0")
        )
        self._reset.on_click(lambda _: self._set(self.parameter.tutorial))
        self._refusal = w.HTML()
        beside, below = _places(self.parameter, self._inputs)
        row = [*_labelled(self._inputs, name), *beside, self._reset]
        lines = [w.HBox(row, layout=w.Layout(align_items="center"))]
        if below:
            lines.append(w.HBox(below, layout=w.Layout(margin=f"-8px 0 0 {LABEL_WIDTH}")))
            lines[-1].add_class("hustle-below")
        self.widget = w.VBox([*lines, self._refusal], layout=w.Layout(overflow="visible"))
        owner.observe(self._from_trait, name)
        self._from_trait()

    def _tooltip(self) -> str:
        unit = f" [{self.parameter.unit}]" if self.parameter.unit else ""
        return f"{self.name}{unit}: {self.parameter.meaning} Accepts {self.parameter.accepts()}."

    def _from_trait(self, change: Any = None) -> None:
        value = getattr(self.owner, self.name)
        self._reset.layout.visibility = "hidden" if value == self.parameter.tutorial else "visible"
        if self._busy:
            return
        self._busy = True
        try:
            self._refusal.value = ""
            self._put(value)
        finally:
            self._busy = False

    def _from_page(self, change: Any) -> None:
        if self._busy:
            return
        self._busy = True
        try:
            self._set(self._get())
        except ValueError as error:
            self._refuse(str(error))
        finally:
            self._busy = False

    def _set(self, value: Any) -> None:
        try:
            setattr(self.owner, self.name, value)
            self._refusal.value = ""
        except TraitError as error:
            self._refuse(str(error))

    def _refuse(self, message: str) -> None:
        self._refusal.value = (
            f'<div role="alert" style="color:#a33;font-size:12px;line-height:15px;max-width:340px">'
            f"{escape(message)}</div>"
        )

    def close(self) -> None:
        """Stop following the trait."""
        self.owner.unobserve(self._from_trait, self.name)


def _labelled(inputs: list[Any], name: str) -> list[Any]:
    """Label the inputs of a parameter, by the browser's own label where there is one: a screen reader finds it."""
    first = inputs[0]
    if isinstance(first, w.Checkbox) and first.description:  # several boxes with a word each
        return [w.Label(name, layout=w.Layout(width=LABEL_WIDTH))]
    first.description = name
    if not isinstance(first, w.Checkbox):
        first.style.description_width = LABEL_WIDTH
    return []


def _below(parameter: Parameter) -> bool:
    return isinstance(parameter, (Real, Whole)) and len(parameter.unit) > SHORT_UNIT


def _places(parameter: Parameter, inputs: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return the inputs and the unit that go on the line of the label, and those on a line below."""
    unit = _unit(parameter.unit)
    number = isinstance(parameter, (Real, Whole))
    beside, below = (inputs[:1], inputs[1:]) if number else (inputs, [])
    return (beside, [*unit, *below]) if _below(parameter) else ([*beside, *unit], below)


def _unit(unit: str) -> list[Any]:
    return [w.HTML(f'<span style="color:#555;font-size:12px">{escape(unit)}</span>')] if unit else []


Made = tuple[list[Any], Callable[[], Any], Callable[[Any], None]]


def _inputs(parameter: Parameter, tip: str) -> Made:
    """Return the entry widgets of a parameter, how to read a value off them, and how to put one on."""
    if isinstance(parameter, Switch):
        return _single(w.Checkbox(indent=False, tooltip=tip, layout=w.Layout(width="auto")))
    if isinstance(parameter, Choice):
        return _choice(parameter, tip)
    if isinstance(parameter, Orders):
        return _orders(parameter, tip)
    if isinstance(parameter, (Real, Whole)):
        return _number(parameter, tip)
    return _written(parameter, tip)


def _choice(parameter: Choice, tip: str) -> Made:
    # By their words: a Dropdown takes None for nothing chosen.
    words = {str(option): option for option in parameter.options}
    entry = w.Dropdown(options=list(words), tooltip=tip, layout=w.Layout(width="270px"))

    def put(value: Any) -> None:
        entry.value = str(value)

    return [entry], lambda: words[entry.value], put


def _single(entry: Any) -> Made:
    def put(value: Any) -> None:
        entry.value = value

    return [entry], lambda: entry.value, put


def _orders(parameter: Orders, tip: str) -> Made:
    entry = w.SelectMultiple(
        options=parameter.options, rows=4, tooltip=f"{tip} Several with Ctrl.", layout=w.Layout(width="220px")
    )

    def put(value: tuple[str, ...]) -> None:
        entry.value = value

    return [entry], lambda: entry.value, put


def _number(parameter: Real | Whole, tip: str) -> Made:
    low, high = parameter.soft or _usual(parameter)
    layout = w.Layout(width=f"{_space(parameter)}px")
    if isinstance(parameter, Whole):
        slider: Any = w.IntSlider(min=int(low), max=int(high), tooltip=tip, layout=layout)
    elif low > 0 and high / low >= 100:
        slider = w.FloatLogSlider(
            base=10, min=math.log10(low), max=math.log10(high), step=0.01, readout_format=".2g", tooltip=tip,
            layout=layout,
        )  # fmt: skip
    else:
        step = 10.0 ** math.floor(math.log10((high - low) / 100))
        slider = w.FloatSlider(
            min=low, max=high, step=step, readout_format=f".{_decimals(step)}f", tooltip=tip, layout=layout
        )
    slider.continuous_update = True

    def value() -> Any:
        # The browser counts in steps from the slider's end, and sends 9.999999999999998 for 10 unasked.
        if isinstance(slider, w.FloatLogSlider):
            return float(f"{slider.value:.3g}")
        return slider.value if isinstance(parameter, Whole) else round(slider.value, _decimals(slider.step))

    def show(value: Any) -> None:
        # Bounded sliders clamp in silence: widen them to hold the value.
        edge = math.log10(value) if isinstance(slider, w.FloatLogSlider) else value
        slider.min, slider.max = min(slider.min, edge), max(slider.max, edge)
        if isinstance(slider, w.FloatSlider) and round(value / slider.step) * slider.step != value:
            slider.step = min(slider.step, _finest(value))
            slider.readout_format = f".{_decimals(slider.step)}f"
        slider.value = value

    return (
        _or_none(slider, value, show, parameter.optional) if parameter.optional else ([slider], value, show)
    )


def _or_none(slider: Any, value: Callable[[], Any], show: Callable[[Any], None], meaning: str) -> Made:
    """Add a box to a slider that stands for None."""
    none = w.Checkbox(
        description=f"None: {meaning}",
        indent=False,
        tooltip=f"None: {meaning}",
        layout=w.Layout(width="auto"),
    )

    def get() -> Any:
        slider.disabled = none.value
        return None if none.value else value()

    def put(wanted: Any) -> None:
        none.value = slider.disabled = wanted is None
        if wanted is not None:
            show(wanted)

    return [slider, none], get, put


def _space(parameter: Parameter) -> int:
    """Return the width [px] that is left beside the unit and the reset button."""
    beside = parameter.unit and not _below(parameter)
    return 338 - (7 * len(parameter.unit) + 6 if beside else 0)


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


def _written(parameter: Parameter, tip: str) -> Made:
    """Return a text entry, read when Enter is pressed or the entry is left."""
    entry = w.Text(continuous_update=False, tooltip=tip, layout=w.Layout(width=f"{_space(parameter)}px"))

    def get() -> Any:
        text = entry.value.strip()
        try:
            return parse_value(text)
        except ValueError:
            return text  # a path or a name needs no quotes

    def put(value: Any) -> None:
        entry.value = value if isinstance(value, str) else format_value(parameter.written(value))

    return [entry], get, put
