"""The view of a whole Reduction: frames and light curve always in sight, and the panel of one step."""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as w
import numpy as np

from hustle_widgets.view.frame_image import FrameImage
from hustle_widgets.view.light_curve_plot import LightCurvePlot
from hustle_widgets.view.live import live_view
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.look import Look
from hustle_widgets.view.part import close_tree
from hustle_widgets.view.status import LOOKS, badge
from hustle_widgets.view.step_panel import settings_of

SHOWN = (("after this step", "after"), ("before this step", "before"), ("what it took away", "difference"))


class ReductionView:
    """Everything on the page of one Reduction, and what it does when something happens.

    Attributes
    ----------
    children : tuple of Widget
        What to place in the Reduction's box.
    """

    def __init__(self, reduction: Any) -> None:
        self.reduction = reduction
        frames, rows, columns = reduction.state().shape
        self.look = Look(row=rows // 2, column=columns // 2)
        self.lives: dict[str, Live | None] = {}
        self.panels: dict[str, Any] = {}
        self._previous: dict[str, Any] = {}
        self._shown_curves: dict[str, Any] = {}

        # Both fit side by side at the width of a notebook, with the panel of a step below on one screen.
        height = f"{int(np.clip(530 * rows / columns, 130, 330)) + 64}px"
        self.image = FrameImage((rows, columns), title="Frame", height=height)
        self.image.on_click(self._clicked)
        self.curve = LightCurvePlot(height=height)
        self.frame = w.IntSlider(description="Frame", min=0, max=max(frames - 1, 0))
        self.frame.layout = w.Layout(width="300px")
        self.shown = w.Dropdown(options=SHOWN, layout=w.Layout(width="150px"))
        self.overlay = w.Checkbox(value=True, description="flagged pixels", indent=False)
        self.overlay.layout = w.Layout(width="130px")
        self._drawn: tuple[Any, ...] = ()
        self.nav = {name: self._nav_row(step) for name, step in reduction.steps.items()}
        self.panel = w.HBox(layout=w.Layout(width="100%", min_height="360px"))

        w.link((self.look, "frame"), (self.frame, "value"))
        w.link((self.look, "shown"), (self.shown, "value"))
        self.look.observe(self._looked, ["frame", "row", "column", "shown", "step"])
        self.overlay.observe(self._looked, "value")
        for step in reduction.steps.values():
            step.observe(self._status_changed, ["status", "enabled"])
        reduction.watch(self._happened)

        picture = w.VBox(
            [self.image.widget, w.HBox([self.frame, self.shown, self.overlay])], layout=w.Layout(width="58%")
        )
        above = w.HBox([picture, w.VBox([self.curve.widget], layout=w.Layout(width="42%"))])
        nav = w.VBox(
            [row for row, *_ in self.nav.values()], layout=w.Layout(width="252px", min_width="252px")
        )
        below = w.HBox([nav, self.panel], layout=w.Layout(width="100%", border_top="1px solid #ccc"))
        self.children = (self._top_bar(), above, below)
        self.open_step("free_iter" if "free_iter" in reduction.steps else next(iter(reduction.steps)))

    # --- made once ----------------------------------------------------------------------------------

    def _top_bar(self) -> Any:
        self._run = w.Button(description="Run and save", icon="play", button_style="primary")
        self._run.tooltip = "Compute every step that is stale and write the outputs"
        self._cancel = w.Button(
            description="Cancel", icon="stop", tooltip="Stop computing; keep what is done"
        )
        self._auto = w.Checkbox(description="compute at every edit", indent=False)
        w.link((self.reduction, "auto"), (self._auto, "value"))
        self._said = w.HTML()
        self._run.on_click(lambda _: self.reduction.compute(save=True))
        self._cancel.on_click(lambda _: self.reduction.cancel())
        return w.HBox(
            [self._run, self._cancel, self._auto, self._said],
            layout=w.Layout(align_items="center", flex_flow="row wrap"),
        )

    def _nav_row(self, step: Any) -> tuple[Any, Any, Any]:
        button = w.Button(
            description=f"{step.section}  {step.title}",
            tooltip=f"Open {step.title}",
            layout=w.Layout(width="222px", height="26px"),
        )
        button.style.text_color, button.style.font_size = "#000", "12px"
        button.on_click(lambda _, name=step.name: self.open_step(name))
        sign = w.HTML(layout=w.Layout(width="20px"))
        self._show_status(step, sign)
        return w.HBox([sign, button], layout=w.Layout(align_items="center")), button, sign

    # --- what happens -------------------------------------------------------------------------------

    def open_step(self, name: str) -> None:
        """Show the panel of a step. Its plots are made now: made out of sight they come up squashed."""
        with self.reduction._lock:
            if name not in self.panels:
                step = self.reduction[name]
                live = live_view(step, self.look)
                self.lives[name] = live
                plots = [] if live is None else [w.VBox([live.widget], layout=w.Layout(flex="1 1 auto"))]
                self.panels[name] = w.HBox([settings_of(step), *plots], layout=w.Layout(width="100%"))
            self.panel.children = (self.panels[name],)
            for other, (_, button, _) in self.nav.items():
                button.style.font_weight = "bold" if other == name else "normal"
                button.style.button_color = "#dbe9f4" if other == name else "#f4f4f4"
            self.look.step = name
            self._draw()

    def _clicked(self, column: float, row: float) -> None:
        _, rows, columns = self.reduction.state().shape
        with self.look.hold_trait_notifications():
            self.look.row = int(np.clip(round(row), 0, rows - 1))
            self.look.column = int(np.clip(round(column), 0, columns - 1))

    def _looked(self, change: Any) -> None:
        with self.reduction._lock:
            self._draw()

    def _status_changed(self, change: Any) -> None:
        step = change["owner"]
        self._show_status(step, self.nav[step.name][2])

    def _show_status(self, step: Any, sign: Any) -> None:
        glyph, color, word = LOOKS[step.status]
        tip = f"{word}: {step.error}" if step.error else word
        sign.value = f'<span title="{escape(tip)}" style="color:{color};font-size:15px">{glyph}</span>'

    def _happened(self, event: str, name: str) -> None:
        with self.reduction._lock:
            if event == "edited":
                self._remember_curve()
                self._preview(name)
            elif event in ("running", "progress"):
                step = self.reduction[name]
                self._said.value = badge("running", f": {step.title} {100 * step.progress:.0f} %")
            elif event in ("failed", "off"):
                self._say_state()
            elif event == "done":
                self._draw(name)
            elif event == "idle":
                self._say_state()
                self._draw()

    def _say_state(self) -> None:
        failed = [step for step in self.reduction.steps.values() if step.status == "failed"]
        stale = [s for s in self.reduction.steps.values() if s.status == "stale" and not s.explicit]
        if failed:
            self._said.value = badge("failed", f": {failed[0].title}. {failed[0].error}")
        elif stale:
            self._said.value = badge("stale", f": {len(stale)} steps to compute")
        else:
            self._said.value = badge("fresh", ": all steps are computed")

    # --- drawing ------------------------------------------------------------------------------------

    def _preview(self, name: str) -> None:
        live = self.lives.get(name)
        if live is not None and name == self.look.step:
            try:
                live.preview()
            except Exception as error:
                self._said.value = badge("failed", f": {error}")

    def _draw(self, done: str = "") -> None:
        """Draw what is looked at; after a step was done, only what it has changed."""
        frames = self.reduction.state().shape[0]
        if self.frame.max != max(frames - 1, 0):
            self.frame.max = max(frames - 1, 0)
        if done in ("", self.look.step):
            self._draw_step()
        if done in ("", "quicklook"):
            self._draw_curve()

    def _draw_step(self) -> None:
        """Draw the frame and the open panel, unless they show just this already."""
        outcomes = self.reduction.outcomes()
        looked = (self.look.step, self.look.frame, self.look.row, self.look.column, self.look.shown)
        wanted = (*looked, self.overlay.value, *map(id, outcomes.values()))
        if wanted != self._drawn:
            self._drawn = wanted
            self._draw_frame()
            live = self.lives.get(self.look.step)
            if live is not None:
                live.update()

    def _draw_frame(self) -> None:
        name, number = self.look.step, min(self.look.frame, self.frame.max)
        state = self.reduction.state(before=name)
        outcome = self.reduction.outcomes().get(name)
        before = state.frame(number)
        after = before
        if outcome is not None:
            cube = before[np.newaxis].copy()
            outcome.apply(cube, slice(number, number + 1), slice(0, before.shape[0]))
            after = cube[0]
        picture = {"after": after, "before": before, "difference": before - after}[self.look.shown]
        where = dict((value, label) for label, value in SHOWN)[self.look.shown]
        title = f"Frame {number} {where}: {self.reduction[name].title}"
        self.image.show_frame(picture, difference=self.look.shown == "difference", title=title)
        if outcome is not None and outcome.patch is not None and self.overlay.value:
            rows, columns = outcome.patch.frame_pixels(number)
            self.image.show_overlay("flagged", rows, columns, label="flagged here")
        else:
            self.image.hide_overlay("flagged")
        self.image.set_points("pixel", [(self.look.column, self.look.row)])
        live = self.lives.get(name)
        if live is not None:
            live.decorate(self.image)

    def _remember_curve(self) -> None:
        if self._shown_curves and all(s.status != "running" for s in self.reduction.steps.values()):
            self._previous = self._shown_curves

    def _draw_curve(self) -> None:
        outcome = self.reduction.outcomes().get("quicklook")
        if outcome is None:
            return
        table = outcome.table
        times = self.reduction.state().column("exp_time")
        hours = (times - times[0]) * 24
        fluxes = {
            name.removeprefix("flux_"): values / np.nanmedian(values)
            for name, values in table.columns.items()
            if name.startswith("flux_") and name != "flux_total"
        }
        now = {"fluxes": fluxes, "hours": hours, "ppm": table.facts.get("scatter_ppm", {})}
        self._shown_curves = now
        before = self._previous or {"fluxes": {}, "hours": hours, "ppm": {}}
        self.curve.show(
            hours,
            fluxes,
            scatter_ppm=now["ppm"],
            previous=before["fluxes"],
            previous_hours=before["hours"],
            previous_ppm=before["ppm"],
            here=float(hours[min(self.look.frame, hours.size - 1)]),
        )

    def close(self) -> None:
        """Close every widget of the view, those out of sight included."""
        close_tree(self.children, list(self.panels.values()))
