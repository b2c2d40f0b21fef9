"""A step of a Reduction shown by itself: the frames, its settings and its live plots."""

from __future__ import annotations

from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.protocols import ReductionLike, StepLike
from hustle_widgets.view.frame.frame_view import FrameView
from hustle_widgets.view.live import live_view
from hustle_widgets.view.page.conduct import Conduct
from hustle_widgets.view.page.layout import area, page
from hustle_widgets.view.page.step_panel import settings_of
from hustle_widgets.view.page.turning import Turning
from hustle_widgets.view.page.view_errors import ViewErrors
from hustle_widgets.view.page_part import PagePart
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.selection import Selection, select_pixel


class StepView(PagePart):
    """What a cell shows that ends with a step of a Reduction.

    Attributes
    ----------
    children : tuple of Widget
    """

    def __init__(self, step: StepLike, reduction: ReductionLike) -> None:
        super().__init__(reduction)
        self._name, self._closed = step.name, False
        _, rows, columns = reduction.state().shape
        self.selection = Selection(step=step.name, row=rows // 2, column=columns // 2)
        self.trouble = ViewErrors()
        self.frames = FrameView(reduction, self.selection)
        self.live = live_view(step, self.selection)
        self.frames.image.on_click(self._clicked)
        self.selection.observe(lambda _: self.draw(), list(self.selection.trait_names()))
        self.frames.overlay.observe(lambda _: self.draw(), "value")
        reduction.watch(self._happened)
        self.turning = Turning(self.frames)
        plots = [] if self.live is None else [self.live.widget]
        areas = self.frames.widget, area("panel", settings_of(step)), area("plot", *plots)
        self.children = (
            page(*areas, above=(self.trouble.widget, self.turning.conduct), kind="hustle-one-step"),
        )
        self.draw()

    def _clicked(self, column: float, row: float) -> None:
        with self.trouble.shown("click"):  # not frozen: a click may set a parameter
            if self.live is None or not self.live.clicked(column, row):
                select_pixel(self.selection, column, row, self.frames.image.shape)

    def _happened(self, event: str, name: str) -> None:
        if event == "edited" and name == self._name and self.live is not None:
            with self.trouble.shown("preview"), self.reduction.frozen():
                preview = self.live.preview()
                if isinstance(preview, Outcome):
                    self.frames.draw(preview)
        elif event == "idle" or (event == "done" and name == self._name):
            self.draw()

    def draw(self) -> None:
        """Draw the frame and the plots."""
        with self.trouble.shown("drawing"), self.reduction.frozen():
            if self._closed:  # a player may be on its way here
                return
            self.frames.draw()
            if self.live is not None:
                self.live.decorate(self.frames.image)
                self.live.draw()

    def close(self) -> None:
        """Close every widget of the panel."""
        self.turning.stop()
        self.reduction.unwatch(self._happened)
        with self.reduction.frozen():
            self._closed = True
        self.frames.image.close()
        if self.live is not None:
            self.live.close()
        close_tree(self.children)


class AloneView:
    """The settings of a step that belongs to no Reduction.

    Attributes
    ----------
    children : tuple of Widget
    """

    def __init__(self, step: StepLike) -> None:
        panel = area("panel", settings_of(step))
        self.children = (page(panel, above=(Conduct(),), kind="hustle-alone"),)

    def close(self) -> None:
        """Close every widget of the panel."""
        close_tree(self.children)
