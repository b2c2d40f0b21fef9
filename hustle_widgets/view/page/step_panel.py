"""The panel of one step: title, switch, status, verdicts and controls; beside it, its live plots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from html import escape
from inspect import cleandoc
from typing import Any

import ipywidgets as w

from hustle_widgets.protocols import StepLike
from hustle_widgets.steps.base import first_paragraph
from hustle_widgets.view.page.controls import Control
from hustle_widgets.view.page.layout import area
from hustle_widgets.view.page.status import StatusLine

Together = Callable[[], AbstractContextManager[None]]


def heading_of(title: str, text: str = "") -> w.HTML:
    """Return a title, with a sentence below."""
    below = f'<div class="hustle-quiet hustle-small">{escape(text)}</div>' if text else ""
    return w.HTML(f'<b class="hustle-panel-title">{escape(title)}</b>{below}')


def icon_button(icon: str, tip: str, act: Callable[[], None]) -> w.Button:
    """Return a button that shows an icon only."""
    button = w.Button(icon=icon, tooltip=tip)
    button.add_class("hustle-icon")
    button.on_click(lambda _: act())
    return button


def settings_of(
    step: StepLike,
    *more: Any,
    together: Together = nullcontext,
    figures: Callable[[], None] | None = None,
    tools: Sequence[Any] = (),
    under: Mapping[str, Any] | None = None,
) -> w.VBox:
    """Return title, switch, status and controls of a step.

    Parameters
    ----------
    step : Step
    *more : Widget
        Placed between the status and the controls.
    together : callable
        Context in which all parameters are reset.
    figures : callable, optional
        Called when the step's figures are asked for.
    tools : sequence of Widget
        Further buttons of the title.
    under : mapping of str to Widget, optional
        What to place under the control of a parameter, by its name.
    """
    title: list[Any] = []
    status = StatusLine(step)
    state: list[Any] = [status.head]
    if step.switch:
        switch = w.Checkbox(
            value=step.enabled, description=step.switch, indent=False, tooltip=step.switch_help
        )
        w.link((step, "enabled"), (switch, "value"))
        state.insert(0, switch)
    about = w.HTML(about_html(step), layout=w.Layout(display="none"))
    about.add_class("hustle-about")

    def toggle_about() -> None:
        about.layout.display = "none" if about.layout.display == "" else ""

    if step.parameters:

        def back() -> None:
            with together():
                step.reset()

        title.append(
            icon_button("undo", "Reset this step: the tutorial's values of all its parameters", back)
        )
    if figures is not None:
        title.append(icon_button("picture-o", "The step's figures at full size, to zoom into", figures))
    title.append(icon_button("question", "What this step shows, and how to set it", toggle_about))
    title[-1:-1] = tools
    head = w.HBox([heading_of(f"{step.section} {step.title}".strip()), *title])
    head.add_class("hustle-title")
    row = w.HBox(state)
    row.add_class("hustle-state")
    parts = [head, about, row, status.message, *more]
    under = under or {}
    for name in step.parameters:
        parts += [Control(step, name).widget, *([under[name]] if name in under else [])]
    return settings_box(parts)


def about_html(step: StepLike) -> str:
    """Return what a step does, how its page is read, and what its parameters do, as HTML."""
    paragraphs = [first_paragraph(step.__doc__), *cleandoc(step.tour).split("\n\n")]
    text = "".join(f"<p>{escape(' '.join(part.split()))}</p>" for part in paragraphs if part)
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(f"{kind.meaning} {kind.advice}")}</td></tr>'
        for name, kind in step.parameters.items()
    )
    return f"{text}<table>{rows}</table>"


def settings_box(parts: Sequence[Any]) -> w.VBox:
    """Return a column of controls."""
    return area("settings", *parts)
