"""Why a point of the light curve is where it is: a row a step, and a way to the pixels behind each."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as w
import numpy as np

from hustle_widgets.choosing.explain import LAST_EDIT, VISIT, Explanation, Pixels
from hustle_widgets.view import colors
from hustle_widgets.view.choosing.subject import ChoosingLike, ChoosingPart
from hustle_widgets.view.choosing.task import Task, button, row
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.page.step_panel import heading_of
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.selection import Selection, select_pixel

NO_CORRECTION = ""
# Pixels that are marked, and half the width of what is shown around the strongest.
MARKED = 200
AROUND = 40
OVERLAY = "moves the point"


class Why(ChoosingPart):
    """A table of steps with the ppm of a point that come from each.

    Parameters
    ----------
    reduction : Reduction
    selection : Selection
        What is on display; set when a row is pressed.
    image : FrameImage
        The shared picture.
    open_step : callable
        Called with the name of a step.
    shut : callable
        Called when the table is to go.

    Attributes
    ----------
    widget : ipywidgets.VBox
    """

    def __init__(
        self,
        reduction: ChoosingLike,
        selection: Selection,
        image: FrameImage,
        open_step: Callable[[str], None],
        shut: Callable[[], None],
    ) -> None:
        super().__init__(reduction)
        self.selection, self._image, self._open_step = selection, image, open_step
        self.found: Explanation | None = None
        self._asked = -1
        self.task = Task()
        self._head = w.HTML()
        self._rows = w.VBox()
        self._rows.add_class("hustle-why-rows")
        self.against = w.Dropdown(
            description="against",
            tooltip="What the point is compared with",
            options=[("no correction", NO_CORRECTION)],
        )
        self.against.add_class("hustle-why-against")
        self.against.observe(self._other_chosen, "value")
        away = button("", "Close this table", shut, icon="times")
        title = row(heading_of("Why this point?"), self.against, away)
        self.widget: Any = w.VBox([title, self._head, self._rows, self.task.widget])
        self.widget.add_class("hustle-why")

    def ask(self, frame: int) -> None:
        """Explain the point of a frame, by its number in the visit."""
        self._asked = frame
        self._offer()
        self._explain()

    def again(self) -> None:
        """Explain the same point with the present parameters."""
        if self._asked >= 0 and not self.task.busy:
            self._offer()
            self._explain()

    def _offer(self) -> None:
        options = [("no correction", NO_CORRECTION), ("the last edit", LAST_EDIT)]
        options += [(f"pin {name}", name) for name in self.reduction.pins]
        if list(self.against.options) != options:
            kept = self.against.value
            self.against.options = options
            self.against.value = kept if kept in dict(options).values() else NO_CORRECTION

    def _other_chosen(self, change: Any) -> None:
        if change["new"] is not None and self._asked >= 0:
            self._explain()

    def _explain(self) -> None:
        frame, against = self._asked, self.against.value or None

        def work() -> str:
            found = self.reduction.explain(frame, against=against)
            with self.reduction.frozen():
                self.found = found
                self._show(found)
            return ""

        def ended() -> None:
            if (frame, against) != (self._asked, self.against.value or None):
                self._explain()  # another point was clicked meanwhile

        if not self.task.busy:
            self.task.start(work, "The light is followed from step to step.", ended)

    def _show(self, found: Explanation) -> None:
        order = found.order.replace("-", "−")
        whole = f"<b>{found.whole:+,.1f} ppm</b> against {escape(found.against)}"
        self._head.value = f"<div>Frame {found.frame}, order {order}: {whole}, by step:</div>"
        longest = max((abs(part.ppm) for part in found.parts), default=0.0)
        rows = []
        for part in found.parts:
            if part.step == VISIT:
                name, tip = "another aperture", "What changes because other pixels are summed"
            else:
                step = self.reduction[part.step]
                name, tip = (
                    f"{step.section} {step.label}",
                    f"Open {step.section} {step.label} and look at these pixels",
                )
            press = button(name, tip, lambda name=part.step: self.look_at(name), "why-step")  # type: ignore[misc]
            press.disabled = part.step == VISIT or part.electrons == 0
            share = abs(part.ppm) / longest if longest else 0.0
            bar = w.HTML(_bar_html(share, part.ppm))
            number = w.HTML(f'<div class="hustle-why-ppm">{part.ppm:+,.1f} ppm</div>')
            rows.append(row(press, number, bar, name="hustle-why-row"))
        old, self._rows.children = self._rows.children, rows
        close_tree(*old)

    def look_at(self, step: str) -> None:
        """Open a step, and show the pixels by which it moves the point, the strongest in the middle."""
        found = self.found
        if found is None:
            return
        pixels = found.pixels(step)
        self._open_step(step)
        if pixels.rows.size:
            self._image.zoom_to(_around(pixels, self._image.shape))
            select_pixel(self.selection, int(pixels.columns[0]), int(pixels.rows[0]), self._image.shape)
            self._image.show_overlay(
                OVERLAY, pixels.rows[:MARKED], pixels.columns[:MARKED], colors.SKY, f"{OVERLAY}, strongest"
            )

    def forget_marks(self) -> None:
        """Take the marks of `look_at` off the picture."""
        if self._image.has_overlay(OVERLAY):
            self._image.hide_overlay(OVERLAY)


def _around(pixels: Pixels, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    row, column = int(pixels.rows[0]), int(pixels.columns[0])
    top, right = shape
    return (
        max(row - AROUND // 2, 0),
        min(row + AROUND // 2, top),
        max(column - AROUND, 0),
        min(column + AROUND, right),
    )


def _bar_html(share: float, ppm: float) -> str:
    color = "var(--hustle-vermillion)" if ppm < 0 else "var(--hustle-blue)"
    width = 0.0 if not np.isfinite(share) else 100 * share
    style = f"width:{width:.1f}%;background:{color}"
    return f'<div class="hustle-why-bar" aria-hidden="true"><span style="{style}"></span></div>'
