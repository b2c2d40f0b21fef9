"""One control for each parameter, made from its declaration; it sets the trait and follows it."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as w
from traitlets import TraitError

from hustle_widgets.config import format_value
from hustle_widgets.steps.parameters import Parameter
from hustle_widgets.view.page.entries import entry_of
from hustle_widgets.view.words import alert

# Units as they are written beside a number, where room is dear.
SHORT = {"sigma": "σ", "pixels": "px", "e-": "e⁻", "rounds": "×"}


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
    widget : ipywidgets.VBox
        Label, control, a button that goes back to the tutorial's value, and help that opens below.
    """

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name
        self.parameter: Parameter = owner.traits()[name]
        self._busy = False
        soft = owner.soft(name) if hasattr(owner, "soft") else self.parameter.soft
        self.entry = entry_of(self.parameter, name, self._tooltip(), soft)
        for part in self.entry.parts:
            part.observe(self._from_page, "value")
        shown = format_value(self.parameter.written(self.parameter.tutorial))
        self._back = w.Button(icon="undo", tooltip=f"Back to the tutorial's {shown}")
        self._back.add_class("hustle-back")
        self._back.on_click(lambda _: self._set(self.parameter.tutorial))
        self._ask = w.Button(description="?", tooltip=f"What {name} does")
        self._ask.add_class("hustle-help-key")
        self._ask.on_click(lambda _: self._toggle_help())
        self._help = w.HTML(layout=w.Layout(display="none"))
        self._help.add_class("hustle-help")
        self._refusal = w.HTML(layout=w.Layout(display="none"))
        unit = [w.HTML(_unit_html(self.parameter.unit))] if self.parameter.unit else []
        for part in unit:
            part.add_class("hustle-unit")
        line = w.HBox([self._ask, *self.entry.beside, *unit, self._back])
        line.add_class("hustle-line")
        lines: list[Any] = [line]
        if self.entry.below:
            lines.append(w.HBox(self.entry.below))
            lines[-1].add_class("hustle-below")
        self.widget = w.VBox([*lines, self._refusal, self._help])
        self.widget.add_class("hustle-control")
        owner.observe(self._from_trait, name)
        self._from_trait()

    def _tooltip(self) -> str:
        unit = f" [{self.parameter.unit}]" if self.parameter.unit else ""
        return f"{self.name}{unit}: {self.parameter.meaning} Accepts {self.parameter.accepts()}."

    def _toggle_help(self) -> None:
        opened = self._help.layout.display == ""
        if not opened and not self._help.value:
            tutorial = format_value(self.parameter.written(self.parameter.tutorial))
            self._help.value = (
                f"<div>{escape(self.parameter.meaning)} {escape(self.parameter.advice)}</div>"
                f"<div>Accepts {escape(self.parameter.accepts())}. The tutorial has {escape(tutorial)}.</div>"
            )
        self._help.layout.display = "none" if opened else ""

    def _from_trait(self, change: Any = None) -> None:
        value = getattr(self.owner, self.name)
        self._back.layout.visibility = "hidden" if value == self.parameter.tutorial else "visible"
        if self._busy:
            return
        self._busy = True
        try:
            self._refuse("")
            self.entry.put(value)
        finally:
            self._busy = False

    def _from_page(self, change: Any) -> None:
        if self._busy:
            return
        if self.entry.is_echo(change["owner"]):
            return
        self._busy = True
        try:
            value = self.entry.get(change["owner"])
            self._set(value)
            if getattr(self.owner, self.name) == value:
                self.entry.follow(change["owner"], value)
        except ValueError as error:
            self._refuse(str(error))
        finally:
            self._busy = False

    def _set(self, value: Any) -> None:
        try:
            setattr(self.owner, self.name, value)
            self._refuse("")
        except TraitError as error:
            self._refuse(str(error))

    def _refuse(self, message: str) -> None:
        self._refusal.value = alert(message)
        self._refusal.layout.display = "" if message else "none"

    def close(self) -> None:
        """Stop following the trait."""
        self.owner.unobserve(self._from_trait, self.name)


def _unit_html(unit: str) -> str:
    return f'<span title="{escape(unit)}">{escape(SHORT.get(unit, unit))}</span>'
