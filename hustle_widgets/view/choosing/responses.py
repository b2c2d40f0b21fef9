"""Small plots under the sliders of the open step, which fill themselves while nobody edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as w

from hustle_widgets.choosing.sensitivity import Response, Sensitivity
from hustle_widgets.engine.memory import free_bytes
from hustle_widgets.steps.parameters import Choice, Parameter, Real, Switch, Whole
from hustle_widgets.view.choosing.response_picture import response_html
from hustle_widgets.view.choosing.subject import ChoosingLike, ChoosingPart
from hustle_widgets.view.words import quiet

# Seconds without an edit before values around the present ones are tried.
REST = 3.0
# What trying takes, in sizes of the frames and beyond that: nothing is begun unasked where less is free.
ROOM, SPARE = 0.5, 256 * 2**20
# Seconds that one value may take, by what the steps took last, if it is tried unasked.
LONG = 20.0
WAITS = "how much it matters: filled while nobody edits"
OLD = "hustle-old-response"


class Responses(ChoosingPart):
    """The small plots of all steps that were opened; only those of the open step fill themselves.

    Nothing is tried before a page has come up in a browser: a notebook that is run without one has no use for it.
    A button in the title of each step switches them off and on, once for all steps.

    Parameters
    ----------
    reduction : Reduction
    """

    def __init__(self, reduction: ChoosingLike) -> None:
        super().__init__(reduction)
        self._plots: dict[str, dict[str, Any]] = {}
        self._toggles: dict[str, Any] = {}
        self._running: dict[str, Sensitivity] = {}
        self._open = self._filling = ""
        self._on, self._asked, self._seen = True, False, False
        self._old: set[str] = set()  # steps whose plots are of an earlier reduction

    def under(self, step: str) -> Mapping[str, Any]:
        """Return what to place under the controls of a step, by parameter."""
        if step not in self._plots:
            parameters = self.reduction.steps[step].parameters
            plots = self._plots[step] = {
                name: w.HTML(quiet(WAITS)) for name in parameters if _can_be_tried(parameters[name])
            }
            for plot in plots.values():
                plot.add_class("hustle-response")
                plot.layout.display = None if self._on else "none"
        return self._plots[step]

    def tools(self, step: str) -> list[Any]:
        """Return the button that switches the plots of a step on and off; none where there is nothing to try."""
        if not self.under(step):
            return []
        toggle = w.ToggleButton(
            value=self._on,
            icon="line-chart",
            tooltip="How much each slider matters: plots that fill while nobody edits",
        )
        toggle.add_class("hustle-icon")
        toggle.add_class("hustle-responses")
        toggle.observe(lambda change: self._switched(change["new"]), "value")
        self._toggles[step] = toggle
        return [toggle]

    def looked_at(self) -> None:
        """Note that a page has come up in a browser."""
        self._seen = True
        self._fill()

    def open(self, step: str) -> None:
        """Fill the plots of a step, '' for none, while nobody edits."""
        self._open = step
        if step in self._toggles:
            self._toggles[step].value = self._on
        self._fill()

    def response(self, name: str) -> Response:
        """Return what is known of a parameter, given as 'step.parameter'; KeyError before there is anything."""
        return self._running[name.partition(".")[0]].responses[name]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the plots of the open step are complete; return whether that came about in time."""
        return not self._filling or self._running[self._filling].wait(timeout)

    def happened(self, event: str) -> None:
        """Answer what is told of the reduction: after an edit the plots are of another one, until they fill again."""
        if event == "stale" and self._filling and self._filling not in self._old:
            for plot in self._plots[self._filling].values():
                plot.add_class(OLD)
            self._old.add(self._filling)
        elif event == "idle":
            self._fill()  # what the steps took is known by now

    def close(self) -> None:
        """Fill none any more."""
        self._open = ""
        self._fill()
        self._running.clear()

    def _switched(self, on: bool) -> None:
        if on != self._on:
            self._on, self._asked = on, on
            for plots in self._plots.values():
                for plot in plots.values():
                    plot.layout.display = None if on else "none"
            self._fill()

    def _fill(self) -> None:
        steps = self.reduction.steps.values()
        stopped = not self.reduction.busy and any(s.status == "stale" and not s.explicit for s in steps)
        # Whoever stops a computation, or edits without one, wants none.
        wanted = self._open if self._on and self._seen and self._plots.get(self._open) and not stopped else ""
        against = "" if self._asked or not wanted else self.against(wanted)
        if against:
            for plot in self._plots[wanted].values():
                plot.value = quiet(against)
            wanted = ""
        if wanted == self._filling:
            return
        if self._filling:
            self._running[self._filling].stop()
        self._filling = wanted
        if not wanted:
            return
        if wanted not in self._running:
            names = [f"{wanted}.{name}" for name in self._plots[wanted]]
            self._running[wanted] = Sensitivity(self.reduction, names, self._changed, REST)
        self._running[wanted].start()

    def against(self, step: str) -> str:
        """Return why nothing is tried unasked, '' if it is."""
        steps = list(self.reduction.steps.values())
        place = [one.name for one in steps].index(step)
        seconds = sum(one.seconds for one in steps[place:] if one.enabled and (one.alters or one.in_sight))
        if seconds > LONG:
            return f"not filled by itself: a value takes {seconds:.0f} s; switch it off and on above to begin"
        free, needed = free_bytes(), ROOM * self.reduction.visit["images"].nbytes + SPARE
        if free is not None and free < needed:
            return f"not filled by itself: only {free / 2**20:.0f} MiB of memory are free"
        return ""

    def _changed(self, response: Response) -> None:
        step, _, name = response.name.partition(".")
        plot = self._plots[step][name]
        with self.reduction.frozen():
            plot.value = response_html(response)
            if step in self._old:
                self._old.discard(step)
                for one in self._plots[step].values():
                    one.remove_class(OLD)


def _can_be_tried(parameter: Parameter) -> bool:
    return isinstance(parameter, (Real, Whole, Choice, Switch)) and not parameter.display
