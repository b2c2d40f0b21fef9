"""A reduction with other values than the present ones, judged by its figures of merit."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.transits import Transit, fit_depth, shape_of, trend_terms
from hustle_widgets.choosing.curves import curve_of, left_of, orders_of
from hustle_widgets.choosing.merit import FIGURES, Figure, figures_of
from hustle_widgets.choosing.subject import Subject
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.chain import Cancelled, Listener
from hustle_widgets.engine.passing import Passing
from hustle_widgets.engine.plan import digest
from hustle_widgets.settings import checked, request_of
from hustle_widgets.steps.base import unknown
from hustle_widgets.steps.frame_names import sound_frames
from hustle_widgets.steps.parameter_base import shown
from hustle_widgets.steps.parameters import Parameter
from hustle_widgets.steps.quicklook import light_table
from hustle_widgets.steps.targets import given_location

# What is told as well while something is injected.
RECOVERED = {
    "depth_ratio": Figure("1", "depth out over depth in, of what is injected", 1.0),
    "depth_bias": Figure("1", "depth out minus depth in, in units of the error of a depth", 0.0),
}
ALL_FIGURES = {**FIGURES, **RECOVERED}


class Place(NamedTuple):
    """Where a parameter is: its step, its key in the config file, and how it is declared (None for a switch)."""

    name: str
    step: str
    key: str
    parameter: Parameter | None


def place_of(reduction: Subject, name: str) -> Place:
    """Return where a parameter is, given as 'free_iter.free_sigma', 'led.enabled', or its key in the config file.

    Raises
    ------
    ValueError
        When there is none; says which one may have been meant.
    """
    if not isinstance(name, str):
        raise ValueError(
            f"A parameter is named by a text such as 'free_iter.free_sigma' or 'do_led'. Got {shown(name)} instead."
        )
    places: dict[str, Place] = {}
    for step in reduction.steps.values():
        if step.switch:
            places[f"{step.name}.enabled"] = Place(f"{step.name}.enabled", step.name, step.switch, None)
        for key, parameter in step.parameters.items():
            places[f"{step.name}.{key}"] = Place(f"{step.name}.{key}", step.name, key, parameter)
    by_key = {place.key: place for place in places.values()}
    found = places.get(name) or by_key.get(name)
    if found is None:
        raise ValueError(unknown(name, [*places, *by_key], "The chain"))
    return found


class Evaluation:
    """Judges other values of parameters of a Reduction, whose own stay as they are.

    Parameters
    ----------
    reduction : Reduction
    transit : Transit, optional
        Where depths are measured [MJD], the same for all values: by default where something is injected, or
        where the present light curve has its dip.
    order : str, optional
        Whose light; the first of `traces_included` by default.
    sure : bool
        Whether a scatter that so few frames hardly tell is NaN.

    Attributes
    ----------
    unmet : dict of str to str
        Steps that were off because they lack something, and what.
    trouble : str
        Why depths are not all measured at the same time, '' if they are.
    """

    def __init__(
        self,
        reduction: Subject,
        transit: Transit | None = None,
        order: str | None = None,
        sure: bool = False,
    ) -> None:
        self.reduction, self.sure = reduction, sure
        self.values = dict(reduction.values())
        self.injected = reduction.injected
        # Kept: what is injected or taken out meanwhile would mix two visits in one result.
        self._clean = reduction.observed_source()
        self._source = self._clean if self.injected is None else self.injected.into(self._clean)
        self.order = order
        self.unmet: dict[str, str] = {}
        self.trouble = ""
        self._transit = transit or (self.injected.transit if self.injected else None)
        self._asked = transit is not None or self.injected is not None

    def identity(self, changes: Mapping[str, Any]) -> str:
        """Return a short hash of what would be computed."""
        request = request_of({**self.values, **changes}, self.reduction.kinds)
        parts = [(name, one.enabled, sorted(one.parameters.items())) for name, one in request.items()]
        return digest(self._source.token, self.order, parts)

    def state(
        self,
        changes: Mapping[str, Any],
        stop: threading.Event | None = None,
        listener: Listener | None = None,
        clean: bool = False,
    ) -> State:
        """Return the visit behind the last step with some values changed, given by their keys."""
        request = request_of({**self.values, **changes}, self.reduction.kinds)
        source = self._clean if clean else self._source
        return self.reduction.computed(
            request, stop=stop, listener=_Lacks(self.unmet, listener), source=source
        )

    def transit(self, stop: threading.Event | None = None) -> Transit | None:
        """Return where depths are measured, found once."""
        if not self._asked:
            try:
                table = light_table(self.state({}, stop).outcomes)
                self._transit = None if table is None else table.facts["transit"]
            except ValueError as error:  # other values may be computed all the same
                self.trouble = (
                    f"The present parameters cannot be computed ({error}), so depths are measured where each light "
                    "curve has its own dip."
                )
            self._asked = True
        return self._transit

    def __call__(
        self,
        changes: Mapping[str, Any],
        stop: threading.Event | None = None,
        listener: Listener | None = None,
        parts: Mapping[str, NDArray[np.int64]] | None = None,
    ) -> dict[str, float]:
        """Return the figures of merit with some values changed.

        Parameters
        ----------
        changes : mapping of str to object
            By key in the config file.
        stop : threading.Event, optional
        listener : Listener, optional
        parts : mapping of str to ndarray, optional
            Orbits; the figures of the light curve are told of each part too, as 'name_part'.

        Raises
        ------
        ValueError
            When a step cannot be computed.
        Cancelled
        """
        transit = self.transit(stop)
        state = self.state(changes, stop, listener)
        clean = self.state(changes, stop, listener, clean=True) if self.injected else None
        found = self._figures(state, clean, transit, None, self.sure)
        for part, orbits in (parts or {}).items():
            chosen = np.isin(state.column("orbit_numbers"), orbits)
            more = self._figures(state, clean, transit, chosen, sure=True)  # else chance would choose
            found |= {f"{name}_{part}": value for name, value in more.items()}
        return found

    def _figures(
        self,
        state: State,
        clean: State | None,
        transit: Transit | None,
        frames: NDArray[np.bool_] | None,
        sure: bool,
    ) -> dict[str, float]:
        found = figures_of(
            state,
            given_location(state, self.values),
            transit=transit,
            order=self.order,
            kinds=self.reduction.kinds,
            frames=frames,
            sure=sure,
        )
        lit = all(one is not None and light_table(one.outcomes) is not None for one in (state, clean))
        if lit and clean is not None and self.injected is not None and self.injected.depth:
            order = self.order or orders_of(state)[0]
            before, after = curve_of(clean, order), curve_of(state, order)
            used = sound_frames(state) & (True if frames is None else frames)
            shape = shape_of(after.times, self.injected.transit)[used]
            constant = trend_terms(after.times[used])[:, :1]
            out = fit_depth(left_of(before.flux, after.flux)[used], shape, constant).depth
            found["depth_ratio"] = out / self.injected.depth
            error = found["depth_error"]
            found["depth_bias"] = (out - self.injected.depth) / error if error > 0 else float("nan")
        return found


class _Lacks(Passing):
    """Notes which steps lack something, and passes on what is told."""

    def __init__(self, found: dict[str, str], other: Listener | None) -> None:
        super().__init__(other)
        self.found = found

    def unmet(self, name: str, message: str) -> None:
        """Keep it."""
        self.found[name] = message
        super().unmet(name, message)


def checked_value(place: Place, value: Any, reduction: Subject) -> Any:
    """Return a value as its parameter keeps it; raise ParameterError for one that is not accepted."""
    value = bool(value) if isinstance(value, np.bool_) else value
    return checked({place.key: value}, "sweep", reduction.kinds)[place.key]


__all__ = ["ALL_FIGURES", "Cancelled", "Evaluation", "Place", "checked_value", "place_of"]
