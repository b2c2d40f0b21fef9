"""The view of a whole Reduction: frames and light curve always in sight, and the panel of one step."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, NamedTuple

import ipywidgets as w

from hustle_widgets.assessment import assess, worst_of_steps
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.worker import OFTEN
from hustle_widgets.steps.targets import given_location
from hustle_widgets.undo import Edit, History
from hustle_widgets.view.choosing.pages import ChoosingPages
from hustle_widgets.view.choosing.png import PlotSaver
from hustle_widgets.view.choosing.subject import ChoosingLike
from hustle_widgets.view.frame.frame_view import FrameView
from hustle_widgets.view.live import live_view
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.page.alternatives import Alternatives
from hustle_widgets.view.page.assessment_view import AssessmentView
from hustle_widgets.view.page.beginning import Beginning
from hustle_widgets.view.page.figures_place import FiguresPlace
from hustle_widgets.view.page.first_sight import telling_pixel
from hustle_widgets.view.page.layout import area, page
from hustle_widgets.view.page.light_curve_view import LightCurveView
from hustle_widgets.view.page.navigation import SETUP, Navigation
from hustle_widgets.view.page.notices import Notices
from hustle_widgets.view.page.other_state import mark_state
from hustle_widgets.view.page.setup_panel import SetupPanel
from hustle_widgets.view.page.step_panel import settings_of
from hustle_widgets.view.page.step_verdicts import StepVerdicts
from hustle_widgets.view.page.still import Contents, Still, contents_of
from hustle_widgets.view.page.top_bar import TopBar
from hustle_widgets.view.page.turning import Turning
from hustle_widgets.view.page.view_errors import ViewErrors
from hustle_widgets.view.page_part import PagePart
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.selection import Selection, select_pixel

# What of the selection the page is drawn from.
LOOKED = ("step", "frame", "row", "column", "shown", "minus")


class Opened(NamedTuple):
    """What a step, or the set-up, places on the page when it is opened."""

    settings: w.VBox
    plots: tuple[Any, ...]

    @property
    def children(self) -> tuple[Any, ...]:
        """All of it."""
        return (self.settings, *self.plots)


class ReductionView(PagePart):
    """Everything on the page of one Reduction, and what it does when something happens.

    Attributes
    ----------
    children : tuple of Widget
        What to place in the Reduction's box.
    selection : Selection
        What is on display.
    history : History
        Edits made while the view is there.
    """

    def __init__(self, reduction: ChoosingLike) -> None:
        super().__init__(reduction)
        _, rows, columns = reduction.state().shape
        self.selection = Selection(step=next(iter(reduction.steps)), row=rows // 2, column=columns // 2)
        self.still = Still(self._seen)
        self._untouched: tuple[int, int] | None = (rows // 2, columns // 2)
        self.history = History()
        self.lives: dict[str, Live[Any] | None] = {}
        self.panels: dict[str, Opened] = {}
        self.verdicts = StepVerdicts()
        self._drawn: tuple[Any, Any] = (None, None)  # what tells the picture, and the panel, that are there
        self._page = ""
        self._previewed, self._closed, self._undoing = False, False, 0  # the thread that undoes, of several
        self._said = 0.0
        self._values = reduction.values()

        self.trouble = ViewErrors()
        self.frames = FrameView(reduction, self.selection)
        self.choosing = ChoosingPages(
            reduction, self.selection, self.frames, self.open_step, self._draw_instead, self._show_plots
        )
        set_up = functools.partial(self.open_step, SETUP)
        self.bar = TopBar(reduction, self.undo, self.redo, set_up, self.choosing.buttons)
        self.image = self.frames.image
        self.curve = LightCurveView(reduction, self.selection)
        self.assessment = AssessmentView(self.open_step, lambda name: reduction[name].label)
        self.navigation = Navigation(reduction, self.open_step)
        self.panel, self.plots, self.figures = area("panel"), area("plot"), FiguresPlace()
        self.notices = Notices(reduction)
        self.turning = Turning(self.frames)

        self._beginning = Beginning(reduction, self.turning.conduct)
        self.turning.conduct.on_seen(self.choosing.responses.looked_at)
        self.image.on_click(self._clicked)
        self.curve.on_point(self._point_clicked)
        self.selection.observe(self._looked, LOOKED[1:])
        self.frames.overlay.observe(self._looked, "value")
        reduction.observe(self._set_up, list(reduction.setup_parameters()))
        reduction.watch(self._happened)
        reduction.join_edits(self.together)

        advice = w.HBox([*self.bar.state, *self.assessment.widgets])
        advice.add_class("hustle-advice")
        self.bar.widget.children = (*self.bar.widget.children, self.choosing.warning.widget)
        areas = [
            self.bar.widget, self.navigation.widget, advice, self.frames.widget,
            self.curve.widget, self.panel, self.plots, self.figures.widget,
        ]  # fmt: skip
        self.children = (
            page(*areas, above=(self.trouble.widget, self.notices.widget, self.turning.conduct, PlotSaver())),
        )
        opens = [step.name for step in reduction.steps.values() if step.opens]
        self.open_step([*opens, *reduction.steps][0])

    def begin(self) -> None:
        """Compute what the page shows; in a notebook, once its first frame is on the screen."""
        self._beginning.begin(wait=self.still.in_notebook)

    # --- pages --------------------------------------------------------------------------------------

    def open_step(self, name: str) -> None:
        """Show a step, the set-up or another page. Plots are made now: made out of sight they come up squashed."""
        with self.trouble.shown("panel"), self.reduction.frozen():
            if name not in self.panels:
                self.panels[name] = self._panel(name)
            left = self.lives.get(self.selection.step)
            if left is not None and name != self.selection.step:
                left.undecorate(self.image)
            self._page = name
            opened = self.panels[name]
            self.panel.children = (opened.settings,)
            self._show_plots()
            self.figures.close()
            self.navigation.mark_open(name)
            if name in self.reduction.steps:
                self.selection.step = name
            self.choosing.opened(name)
            self._draw()
            self._mark_states()

    def _panel(self, name: str) -> Opened:
        """Make what is placed in the panel and beside it."""
        if name == SETUP:
            setup = SetupPanel(self.reduction, self.together, opened=self.notices.write)
            return Opened(setup.settings, (setup.files,))
        if name in self.choosing:
            return Opened(*self.choosing.open(name))
        step = self.reduction[name]
        live = self.lives[name] = live_view(step, self.selection)
        drawn = step.switch and not step.explicit
        figures = functools.partial(self._open_figures, name) if drawn else None
        others = Alternatives(self.reduction, step, self.together).widgets
        settings = settings_of(
            step, *others, *self.verdicts.of(step), together=self.together, figures=figures,
            **self.choosing.of_step(name),
        )  # fmt: skip
        return Opened(settings, () if live is None else (live.widget,))

    def _open_figures(self, name: str) -> None:
        """Show a step's figures over its panel, until they are closed or another step is opened."""
        with self.trouble.shown("figures"), self.reduction.frozen():
            self.figures.open(self.reduction[name], lambda: self.open_step(name))

    # --- edits --------------------------------------------------------------------------------------

    @contextmanager
    def together(self) -> Iterator[None]:
        """Take all edits made meanwhile as one, which one press of undo takes back."""
        with self.history.together():
            yield
        self.bar.show_history(self.history)

    def undo(self) -> None:
        """Take the last edit back."""
        self._apply(self.history.undo)

    def redo(self) -> None:
        """Make the edit again that was undone last."""
        self._apply(self.history.redo)

    def _apply(self, edits: Any) -> None:
        with self.trouble.shown("undo"):
            self._undoing = get_ident()
            try:
                for edit in edits():
                    self._make(edit)
            finally:
                self._undoing = 0
                self.bar.show_history(self.history)

    def _make(self, edit: Edit) -> None:
        # First the step, then the value: a person may open another step while this one computes, from another thread.
        if edit.step and edit.step != self.selection.step and self._page not in self.choosing:
            self.open_step(edit.step)
        setattr(self.reduction[edit.step] if edit.step else self.reduction, edit.parameter, edit.new)

    def _note_edits(self) -> None:
        """Keep what has changed, for undo and for comparison."""
        values = self.reduction.values()
        for key, (owner, trait) in self.reduction.parameter_owners().items():
            if values[key] != self._values[key]:
                name = getattr(owner, "name", "")
                old, new = self._values[key], values[key]
                began = self._undoing == get_ident() or self.history.record(name, trait, old, new)
                if began and name:
                    self.curve.remember()
        self._values = values
        self.bar.show_history(self.history)

    def _set_up(self, change: Any) -> None:
        with self.trouble.shown("set-up"), self.reduction.frozen():
            self._note_edits()

    # --- what happens -------------------------------------------------------------------------------

    def _clicked(self, column: float, row: float) -> None:
        with self.trouble.shown("click"):  # not frozen: a click may set a parameter
            live = self.lives.get(self.selection.step)
            if self._page not in self.reduction.steps or live is None or not live.clicked(column, row):
                select_pixel(self.selection, column, row, self.image.shape)

    def _point_clicked(self, number: int) -> None:
        """Look at the frame of a point of the light curve, and tell why the point is there."""
        with self.trouble.shown("click"):
            self.selection.frame = number
            self.plots.children = (self.choosing.why.widget,)
            self.choosing.why.ask(int(self.reduction.state().kept_frames[number]))

    def _show_plots(self) -> None:
        """Show the plots of the open page."""
        self.plots.children = self.panels[self._page].plots

    def _looked(self, change: Any) -> None:
        with self.trouble.shown("frame"), self.reduction.frozen():
            if not self._closed:  # a player may be on its way here
                self._draw()

    def _happened(self, event: str, name: str) -> None:
        with self.trouble.shown("view"), self.reduction.frozen():
            if event == "edited":
                self.still.edited()
                self._preview(name)
            elif event == "stale":
                self._note_edits()
                self.assessment.out_of_date()
                self.bar.forget_saved()
                self.verdicts.grey()
                self.bar.say_preview(self._previewed)
                self.bar.say_state(idle=not self.reduction.auto)
                self._mark_states()
            elif event in ("running", "progress"):
                self._say_running(name)
            elif event in ("failed", "off"):
                self.bar.say_state(idle=False)
            elif event == "done":
                self._draw(name)
                self._mark_states()
            elif event == "idle":
                self._look_at_something()
                self.bar.previewed, self._said = False, 0.0
                self._draw()
                self._mark_states(rests=True)
                self.bar.finished()
        self.choosing.happened(event, self.plots.children)
        if event == "idle":
            with self.trouble.shown("assessment"):
                self._assess()
            self.still.rested()

    def _seen(self) -> Contents | None:
        """Return what a picture of the page shows, or None before there is anything."""
        with self.reduction.frozen():
            return contents_of(self.reduction, self.image, self.curve.shown, self.verdicts.findings)

    def _look_at_something(self) -> None:
        """Move from the pixel in the middle, once, to one that tells something; not from one a person has chosen."""
        selection, reduction = self.selection, self.reduction
        outcome = reduction.outcomes().get(selection.step)
        location = reduction.values().get("location")
        if (selection.row, selection.column) != self._untouched or outcome is None or location is None:
            return
        before = reduction.state(before=selection.step)
        number = min(selection.frame, before.shape[0] - 1)
        place = telling_pixel(before, outcome.patch, number, location)
        self._untouched = None
        if place is not None:
            select_pixel(selection, place[1], place[0], self.image.shape)

    def _say_running(self, name: str) -> None:
        """Say what is computed, unless that was said just now: every message costs the page some work."""
        now = time.monotonic()
        if now - self._said >= OFTEN:
            self._said = now
            self.bar.say_running(name)

    def _assess(self) -> None:
        """Judge the reduction, if it is computed: not under the lock, a slider must not wait for it."""
        reduction = self.reduction
        with reduction.frozen():
            states = {step.status for step in reduction.steps.values() if not step.explicit}
            if not states <= {"fresh", "off", "failed"}:
                return
            state = reduction.state()
            values = reduction.values()
            location = given_location(state, values)
            before = None if self.curve.previous is None else self.curve.previous.ppm
        findings = assess(state, location, before, reduction.kinds, values)
        with reduction.frozen():
            self.assessment.show(findings)
            self.navigation.show_verdicts(worst_of_steps(findings))
            self.verdicts.show(findings)

    # --- drawing ------------------------------------------------------------------------------------

    def _preview(self, name: str) -> None:
        self._previewed = self.bar.previewed
        opened = self.reduction[self.selection.step]
        read = {opened.name, *(place.partition(".")[0] for place in opened.borrows)}
        live = self.lives.get(opened.name)
        if live is not None and name in read:
            preview = live.preview()
            if isinstance(preview, Outcome):
                self._drawn = (None, None)
                self.frames.draw(preview)
                self._previewed = True

    def _mark_states(self, rests: bool = False) -> None:
        """Grey what is shown of another state than the present one."""
        steps, waits = self.reduction.steps, not rests and self.reduction.busy
        mark_state(self.plots, [steps[self._page]] if self._page in steps else [], waits)
        mark_state(self.curve.widget, [step for step in steps.values() if step.in_sight], waits)

    def _draw(self, done: str = "") -> None:
        """Draw what is looked at; after a step was done, only what it has changed."""
        if done in ("", self.selection.step):
            self._draw_step(waiting=done != "")
        if not done or self.reduction[done].in_sight:
            self.curve.draw()

    def _draw_instead(self) -> None:
        """Draw what is shown in place of the reduction's frame, or that frame again."""
        with self.trouble.shown("frame"), self.reduction.frozen():
            if self.frames.instead is not None:
                self.frames.draw()
            else:
                self._drawn = (None, None)
                self._draw()

    def _draw_step(self, waiting: bool) -> None:
        """Draw the frame and the open panel, unless they show just this already.

        While the result of a later step, whose frame is shown, is waited for, the picture stays.
        """
        selection, live = self.selection, self.lives.get(self.selection.step)
        looked = tuple(getattr(selection, name) for name in LOOKED)
        before = self.reduction.known_tokens(self.frames.depth())
        frame = (*looked, self.frames.overlay.value, self.frames.instead, *before)
        panel = (*looked, *self.reduction.known_tokens())
        if waiting and "" in before:
            frame = self._drawn[0]
        if (frame, panel) == self._drawn:
            return
        if frame != self._drawn[0]:  # a picture takes longest on its way to the page
            known = selection.step in self.reduction.outcomes()
            preview = None if known or live is None else live.glimpse()
            self.frames.draw(preview)
            self.bar.say_preview(preview is not None)
        if live is not None:
            live.decorate(self.image)
            live.draw()
        self._drawn = frame, panel

    def close(self) -> None:
        """Close every widget of the view, those out of sight included."""
        self.turning.stop()
        self.still.edited()
        self.reduction.unwatch(self._happened)
        with self.reduction.frozen():
            self._closed = True
        self.choosing.close()
        self.figures.close()
        parts: list[Any] = [self.image, *filter(None, self.lives.values())]
        for part in parts:
            part.close()
        close_tree(self.children, self.choosing.widgets, [opened.children for opened in self.panels.values()])
