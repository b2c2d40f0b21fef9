"""How much a slider matters around its present value, computed while nobody edits."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.choosing.asked import check_callable, check_seconds, idle
from hustle_widgets.choosing.evaluation import Cancelled, Evaluation, Place, place_of
from hustle_widgets.choosing.search import MATTERS
from hustle_widgets.choosing.subject import Subject
from hustle_widgets.engine.callbacks import safely
from hustle_widgets.steps.parameter_base import shown
from hustle_widgets.steps.parameters import Choice, Parameter, Real, Switch, Whole

REST = 1.0  # s without an edit before it begins
NUMBER = 5  # values around the present one
_FACTORS = (0.7, 0.85, 1.0, 1.2, 1.5)
# What tells a flat line from one that matters.
SHOWN = ("scatter", "flagged_on", "flagged_off", "light_kept", "background_left", "depth_bias")


@dataclass(eq=False, repr=False)
class Response:
    """Figures of merit against the values of one parameter.

    Attributes
    ----------
    name : str
        As 'free_iter.free_sigma'.
    values : list
        In order.
    figures : list of dict
        By value, empty where it is not computed yet or a step cannot be.
    present, tutorial : object
        The values to mark.
    errors : list of str
        By value: why it could not be tried.
    idle : str
        Why the parameter changes nothing at present whatever its value is, so that nothing is tried; '' if it may.
    """

    name: str
    values: list[Any]
    present: Any
    tutorial: Any
    figures: list[dict[str, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    idle: str = ""

    def curve(self, figure: str) -> NDArray[np.float64]:
        """Return a figure of merit at each value; NaN where it is not known."""
        return np.array([one.get(figure, np.nan) for one in self.figures])

    @property
    def complete(self) -> bool:
        """Whether every value has been tried."""
        return bool(self.idle) or all(
            one or error for one, error in zip(self.figures, self.errors, strict=True)
        )

    @property
    def flat(self) -> bool:
        """Whether no figure changes by as much as anybody chooses by, and there is one to tell it from."""
        told = False
        for figure in SHOWN:
            known = self.curve(figure)
            known = known[np.isfinite(known)]
            told |= known.size > 1
            if known.size > 1 and np.ptp(known) > MATTERS[figure]:
                return False
        return told

    def __repr__(self) -> str:
        return self.text()

    def text(self) -> str:
        """Say in a sentence whether the slider matters."""
        if not self.complete:
            done = sum(bool(one) for one in self.figures)
            return f"{self.name}: {done} of {len(self.values)} values tried."
        if self.idle:
            return self.idle
        if not any((np.isfinite(self.curve(figure)).sum() > 1) for figure in SHOWN):
            why = next(filter(None, self.errors), "no figure of merit can be told of this visit.")
            return f"{self.name}: whether it matters cannot be told: {why}"
        numbers = all(type(value) in (int, float) for value in self.values)
        around = f"between {self.values[0]!r} and {self.values[-1]!r}" if numbers else "whichever is chosen"
        curve = self.curve("scatter")
        curve = curve[np.isfinite(curve)]
        if self.flat:
            unknown = "" if curve.size else ", as far as is known: the scatter is not"
            return f"{self.name} does not matter {around}{unknown}."
        moved = ""
        if curve.size:
            moved = f": the scatter goes from {curve.min():.2f} to {curve.max():.2f} times the photon limit"
        return f"{self.name} matters {around}{moved}."


def values_around(parameter: Parameter | None, present: Any) -> list[Any]:
    """Return values to try around the present one, in order; empty where there is no order to speak of.

    Parameters
    ----------
    parameter : Parameter or None
        None for a switch.
    present : object
    """
    if parameter is None or isinstance(parameter, Switch):
        return [False, True]
    if isinstance(parameter, Choice):
        return list(parameter.options)
    if not isinstance(parameter, (Real, Whole)) or present is None:
        return []
    if present:
        tried = [present * factor for factor in _FACTORS]
    elif parameter.soft is not None:
        tried = [float(value) for value in np.linspace(parameter.soft[0], parameter.soft[1], NUMBER)]
    else:
        tried = [float(value) for value in range(NUMBER)]
    if isinstance(parameter, Whole):
        tried = [present + step for step in (-2, -1, 1, 2)] + [round(value) for value in tried]
    else:
        tried = [_rounded(value) for value in tried]
    tried += [present, parameter.tutorial]
    kept = {value for value in tried if value is not None and _accepted(parameter, value)}
    if isinstance(parameter, Whole) and len(kept) > NUMBER + 2:
        near = sorted(kept, key=lambda value: abs(value - present))
        kept = {*near[:NUMBER], min(kept), max(kept), present}
    return sorted(kept)


def _rounded(value: float) -> float:
    return 0.0 if value == 0 else round(value, 2 - math.floor(math.log10(abs(value))))


def _accepted(parameter: Real | Whole, value: Any) -> bool:
    above = parameter.above is None or value > parameter.above
    low = parameter.min is None or value >= parameter.min
    return above and low and (parameter.max is None or value <= parameter.max)


class Sensitivity:
    """Fills itself while nobody edits: figures of merit around the present values of some parameters.

    The newest edit, run or cancel stops it within a block of work; it goes on when all is computed again and
    nobody edits. What is known of a value is kept. Steps before the parameter are never computed for it.

    Parameters
    ----------
    reduction : Reduction
    parameters : iterable of str
        Such as 'free_iter.free_sigma', or a step's name for all of its parameters that have an order.
    changed : callable, optional
        Called with a `Response` whenever a value has been tried; in the thread that computes.
    rest : float
        Seconds without an edit before it begins.

    Examples
    --------
    >>> sensitivity = reduction.sensitivity("free_iter.free_sigma")  # doctest: +SKIP
    >>> sensitivity.wait(60)  # doctest: +SKIP
    >>> sensitivity.responses["free_iter.free_sigma"].text()  # doctest: +SKIP
    """

    def __init__(
        self,
        reduction: Subject,
        parameters: Iterable[str],
        changed: Callable[[Response], None] | None = None,
        rest: float = REST,
    ) -> None:
        check_callable("changed", changed, "called with a Response whenever a value has been tried")
        check_seconds("rest", rest)
        self._reduction = weakref.ref(reduction)
        self.responses: dict[str, Response] = {}
        self._places = list(self._places_of(parameters))
        if not self._places:
            raise ValueError("Name a parameter such as 'free_iter.free_sigma', or a step that has some.")
        self._changed = changed or (lambda response: None)
        self._rest = rest
        self._known: dict[str, dict[str, float]] = {}
        self._going = False
        self._complete = threading.Event()

    @property
    def reduction(self) -> Subject:
        """Whose parameters are tried; not kept alive by this."""
        found = self._reduction()
        if found is None:
            raise RuntimeError("The Reduction is gone: there is nothing more to try.")
        return found

    def _places_of(self, parameters: Iterable[str]) -> Iterable[Place]:
        if not isinstance(parameters, Iterable):
            raise ValueError(
                "Name parameters such as 'free_iter.free_sigma', or a step for all of its own. "
                f"Got {shown(parameters)} instead."
            )
        for name in [parameters] if isinstance(parameters, str) else parameters:
            if isinstance(name, str) and name in self.reduction.steps:
                step = self.reduction.steps[name]
                yield from (place_of(self.reduction, f"{name}.{key}") for key in step.parameters)
            else:
                yield place_of(self.reduction, name)

    def start(self) -> None:
        """Begin, as soon as nobody edits and all is computed."""
        if not self._going:
            self._going = True
            self.reduction.watch(self._on_event)
        self._begin()

    def stop(self) -> None:
        """End it; what is known stays."""
        if self._going:
            self._going = False
            self.reduction.unwatch(self._on_event)
            self.reduction.rest_no_more()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until all values have been tried; return whether that came about in time."""
        return self._complete.wait(timeout)

    def _on_event(self, event: str, step: str) -> None:
        if event == "edited":
            self._complete.clear()
        elif event == "idle" and self._settled():
            self._begin()

    def _settled(self) -> bool:
        """Tell whether all is computed: a person who stopped a computation does not want another one."""
        steps = self.reduction.steps.values()
        return not any(step.status in ("stale", "running") and not step.explicit for step in steps)

    def _begin(self) -> None:
        self._complete.clear()
        self.reduction.at_rest(self._work)

    def _work(self, stop: threading.Event) -> None:
        if stop.wait(self._rest) or not self._going or (self.reduction.busy and not self._settled()):
            return  # it is called again when all is computed
        evaluate = Evaluation(self.reduction, sure=True)
        for place in self._places:
            response = self._response(place, evaluate.values[place.key])
            if response is None:
                continue
            self.responses[place.name] = response
            response.idle = idle(self.reduction, place)
            if response.idle:
                safely(self._changed, response)
                continue
            try:
                self._fill(response, place.key, evaluate, stop)
            except Cancelled:
                return
        self._complete.set()
        self.reduction.forget_beside()

    @staticmethod
    def _response(place: Place, present: Any) -> Response | None:
        """Return an empty response; None where there is nothing to try."""
        tried = values_around(place.parameter, present)
        if not tried:
            return None
        tutorial = True if place.parameter is None else place.parameter.tutorial
        return Response(place.name, tried, present, tutorial, [{} for _ in tried], ["" for _ in tried])

    def _fill(self, response: Response, key: str, evaluate: Evaluation, stop: threading.Event) -> None:
        """Try the values, what is nearest to the present one first: it is of most use. Cancelled ends it."""
        tried = response.values
        here = tried.index(response.present) if response.present in tried else 0
        for k in sorted(range(len(tried)), key=lambda k: abs(k - here)):
            changes = {key: tried[k]}
            identity = evaluate.identity(changes)
            if identity not in self._known:
                try:
                    self._known[identity] = evaluate(changes, stop)
                except Cancelled:
                    raise
                except Exception as error:  # the other values are tried all the same, and this one says why
                    response.errors[k] = str(error) or type(error).__name__
            response.figures[k] = self._known.get(identity, {})
            if stop.is_set():
                raise Cancelled
            safely(self._changed, response)
