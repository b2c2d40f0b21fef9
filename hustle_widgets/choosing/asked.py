"""What is asked of a sweep or a search, looked at before anything is computed: a sentence for what cannot be."""

from __future__ import annotations

import math
import numbers
import threading
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hustle_widgets.algorithms.transits import Transit
from hustle_widgets.choosing.evaluation import Place, place_of
from hustle_widgets.choosing.subject import Subject
from hustle_widgets.steps.parameter_base import shown

MOST = 10_000  # points of a sweep, runs of a search
_TOLD = ("running", "progress", "done", "reused", "failed", "unmet")


class Asked(NamedTuple):
    """What is asked of a parameter: the name that was given, its place, and what is to be tried."""

    name: str
    place: Place
    given: Any


def asked_of(reduction: Subject, given: Any, example: str) -> list[Asked]:
    """Return what is asked of each parameter, in the order of the chain.

    Parameters
    ----------
    reduction : Reduction
    given : mapping of str to object
        By 'step.parameter' or by key in the config file.
    example : str
        How it could look, for messages.

    Raises
    ------
    ValueError
        For anything else, for a name that is none, and for a parameter that comes twice.
    """
    if not isinstance(given, Mapping) or not given:
        raise ValueError(
            f"Name the parameters and what to try of each, e.g. {example}. Got {shown(given)} instead."
        )
    found: dict[str, Asked] = {}
    for name, values in given.items():
        place = place_of(reduction, name)
        if place.key in found:
            raise ValueError(
                f"{found[place.key].name!r} and {name!r} are the same parameter, {place.name}: give it once."
            )
        found[place.key] = Asked(name, place, values)
    steps = list(reduction.steps)
    return sorted(found.values(), key=lambda one: steps.index(one.place.step))


def refuse_idle(reduction: Subject, places: Collection[Place], switched: Collection[str] = ()) -> None:
    """Refuse parameters that change nothing, see `idle`; ValueError says what to do."""
    for place in places:
        if why := idle(reduction, place, switched):
            raise ValueError(why)


def idle(reduction: Subject, place: Place, switched: Collection[str] = ()) -> str:
    """Say why no figure can depend on a parameter whatever its value is, '' if one may.

    Parameters
    ----------
    reduction : Reduction
    place : Place
    switched : collection of str
        Keys of switches that are tried too.
    """
    values, users, off = reduction.values(), 0, []
    for kind in reduction.kinds:
        setting = kind.setting(values)
        if (
            place.key not in ((kind.switch,) if place.parameter is None else setting.parameters)
            or kind.explicit
        ):
            continue
        users += 1
        # A switch acts also where its step is off.
        if place.parameter is None or setting.enabled or kind.switch in switched:
            return ""
        off.append(kind.name)
    if not users:
        return f"{place.name} only decides what is shown or written: no figure of merit depends on it."
    many = len(off) > 1
    return (
        f"{place.name} changes nothing now: the step{'s' * many} {', '.join(off)} {'are' if many else 'is'} off. "
        f"Switch {'one of them' if many else 'it'} on first: reduction.{off[0]}.enabled = True."
    )


def check_run(
    reduction: Subject,
    places: Collection[Place],
    *,
    transit: Any,
    order: Any,
    progress: Any,
    listener: Any,
    stop: Any,
) -> None:
    """Check what sweeps and searches have in common; ValueError or TypeError names what is wrong.

    Parameters
    ----------
    reduction : Reduction
    places : collection of Place
        What is tried.
    transit, order, progress, listener, stop
        As `hustle_widgets.choosing.sweeps.sweep` takes them.
    """
    check_callable("progress", progress, "called with the fraction done")
    if listener is not None and not all(callable(getattr(listener, name, None)) for name in _TOLD):
        raise TypeError(
            f"'listener' must be a hustle_widgets.engine.chain.Listener, or None. Got {shown(listener)} instead."
        )
    if stop is not None and not isinstance(stop, threading.Event):
        raise TypeError(f"'stop' must be a threading.Event, or None. Got {shown(stop)} instead.")
    check_transit(transit)
    summed = reduction.values().get("traces_included")
    if order is None or summed is None or any(place.key == "traces_included" for place in places):
        return
    if not isinstance(order, str) or order not in summed:
        raise ValueError(
            f"'order' must be one whose light is summed, {', '.join(summed)}, or None for the first. "
            f"Got {shown(order)} instead. Add it to quicklook.traces_included if you want it."
        )


def check_transit(transit: Any) -> None:
    """Refuse what is no Transit of finite days, but None, with a ValueError."""
    if transit is None:
        return
    fine = isinstance(transit, Transit) and all(isinstance(one, numbers.Real) for one in transit)
    if not fine or not all(map(math.isfinite, transit)) or transit.duration <= 0 or transit.ingress < 0:
        raise ValueError(
            "'transit' must be a hustle_widgets.algorithms.transits.Transit(middle, duration, ingress) of finite "
            f"days, the duration > 0, or None. Got {shown(transit)} instead."
        )


def check_seconds(name: str, value: Any) -> None:
    """Refuse what is no length of time, with a ValueError."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf:
        raise ValueError(f"{name!r} must be seconds, 0 or more. Got {shown(value)} instead.")


def check_callable(name: str, value: Any, how: str) -> None:
    """Refuse what cannot be called, but None, with a TypeError."""
    if value is not None and not callable(value):
        raise TypeError(f"'{name}' must be a function, {how}, or None. Got {shown(value)} instead.")


def listed(place: Place, given: Any) -> Sequence[Any]:
    """Return the values that are to be tried of a parameter; ValueError if they are no list with some."""
    if isinstance(given, np.ndarray) and given.ndim:
        given = list(given)
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence) or not len(given):
        raise ValueError(f"Give a list with one or more values of {place.name}. Got {shown(given)} instead.")
    return given
