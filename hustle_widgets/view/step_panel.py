"""The panel of one step: title, switch, status and controls, and beside them its live plots."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as w

from hustle_widgets.steps.base import Step, plain
from hustle_widgets.view.controls import Control
from hustle_widgets.view.look import Look
from hustle_widgets.view.status import StatusLine


def settings_of(step: Step) -> w.VBox:
    """Return title, switch, status and controls of a step."""
    title = w.HTML(
        f'<div style="line-height:18px"><b style="font-size:15px">{escape(step.section)} {escape(step.title)}</b>'
        f'<div style="font-size:13px;color:#444;max-width:390px">{escape(plain(step.__doc__))}</div></div>'
    )
    parts: list[Any] = [title]
    if step.switch:
        switch = w.Checkbox(
            value=step.enabled, description=step.switch, indent=False, tooltip=step.switch_help
        )
        w.link((step, "enabled"), (switch, "value"))
        parts.append(switch)
    parts.append(StatusLine(step).widget)
    parts += [Control(step, name).widget for name in step.parameters]
    return w.VBox(parts, layout=w.Layout(width="410px", min_width="410px", padding="0 8px 0 0"))


def panel_of(step: Step) -> tuple[Any, ...]:
    """Return the children of a step shown by itself: settings, and its live plots if it is in a Reduction."""
    from hustle_widgets.view.live import live_view

    settings = settings_of(step)
    live = None if step.reduction is None else live_view(step, Look(step=step.name))
    if live is None:
        return (settings,)
    live.update()
    step.reduction.watch(lambda event, name: live.update() if event == "idle" else None)
    return (w.HBox([settings, live.widget], layout=w.Layout(width="100%")),)
