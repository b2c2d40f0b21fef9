"""The panel of one step: title, switch, status and controls, and beside them its live plots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from html import escape
from typing import Any

import ipywidgets as w

from hustle_widgets.protocols import StepLike
from hustle_widgets.steps.base import first_paragraph
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.page.controls import Control
from hustle_widgets.view.page.status import StatusLine

WIDTH = "388px"
Together = Callable[[], AbstractContextManager[None]]


def heading_of(title: str, text: str) -> w.HTML:
    """Return a title with a sentence below."""
    return w.HTML(
        f'<div style="line-height:17px"><b style="font-size:15px">{escape(title)}</b>'
        f'<div style="font-size:13px;color:#444;max-width:370px">{escape(text)}</div></div>'
    )


def settings_of(
    step: StepLike, *more: Any, together: Together = nullcontext, figures: Callable[[], None] | None = None
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
    """
    parts: list[Any] = [heading_of(f"{step.section} {step.title}", first_paragraph(step.__doc__))]
    row: list[Any] = []
    if step.switch:
        switch = w.Checkbox(
            value=step.enabled, description=step.switch, indent=False, tooltip=step.switch_help,
            layout=w.Layout(width="150px"),
        )  # fmt: skip
        w.link((step, "enabled"), (switch, "value"))
        row.append(switch)
    if step.parameters:
        reset = w.Button(
            description="Reset this step", icon="undo", layout=w.Layout(width="150px"),
            tooltip="Back to the tutorial's values of all parameters of this step",
        )  # fmt: skip

        def back(_: Any) -> None:
            with together():
                step.reset()

        reset.on_click(back)
        row.append(reset)
    if figures is not None:
        show = w.Button(icon="picture-o", tooltip="The step's figures at full size, to zoom into")
        show.layout.width, show.layout.flex = "36px", "0 0 auto"
        show.on_click(lambda _: figures())
        row.append(show)
    if row:
        parts.append(w.HBox(row, layout=w.Layout(align_items="center")))
    parts += [StatusLine(step).widget, *more]
    parts += [Control(step, name).widget for name in step.parameters]
    return settings_box(parts)


def settings_box(parts: Sequence[Any]) -> w.VBox:
    """Return a column of controls, of the width that all pages give to them."""
    box = w.VBox(list(parts), layout=w.Layout(width=WIDTH, min_width=WIDTH, padding="0 8px 0 0"))
    box.add_class("hustle-settings")
    return box


def beside(settings: Any, live: Live[Any] | None) -> w.HBox:
    """Place live plots beside the settings of a step."""
    plots = [] if live is None else [w.VBox([live.widget], layout=w.Layout(flex="1 1 auto", width="100%"))]
    both = w.HBox([settings, *plots], layout=w.Layout(width="100%"))
    both.add_class("hustle-beside")
    return both
