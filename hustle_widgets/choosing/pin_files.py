"""Pins as a JSON file with a version of its format."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hustle_widgets.algorithms.transits import Transit
from hustle_widgets.assessment import VERDICTS
from hustle_widgets.choosing.curves import Curve
from hustle_widgets.choosing.pins import Pin, check_name
from hustle_widgets.config_values import format_value
from hustle_widgets.settings import Kinds, checked, declared
from hustle_widgets.small_files import read_json
from hustle_widgets.steps.parameter_base import MOST, Refused, number_of, shown
from hustle_widgets.steps.parameters import as_lists
from hustle_widgets.user_paths import user_path

FORMAT, VERSION = "hustle_widgets pins", 1
PINS = "pins.json"
_MAX_BYTES = 20_000_000  # a pin of 100 frames and two orders has 20 kB
_MOST = 1000  # pins in a file
_LONGEST = 2000  # letters of a text in it


class PinError(ValueError):
    """A file that holds no pins that can be used."""


class NoPins(PinError):
    """A file that is none of pins."""


class NewerPins(PinError):
    """A file of a newer version of this package."""


def load_pins(path: str | os.PathLike[str], kinds: Kinds) -> list[Pin]:
    """Read pins.

    Parameters
    ----------
    path : path
        pins.json, or the folder that holds it.
    kinds : sequence of type of Step
        The steps of the chain.

    Raises
    ------
    PinError
        (a ValueError) For a file that cannot be read, is none of pins, is of a newer format, or has a value that
        a parameter does not accept; says which.
    """
    found, troubles = usable_pins(path, kinds)
    if troubles:
        raise PinError(troubles[0])
    return found


def usable_pins(path: str | os.PathLike[str], kinds: Kinds) -> tuple[list[Pin], list[str]]:
    """Return the pins of a file that can be used, and a sentence for each that cannot; see `load_pins`."""
    place = user_path(path)
    place = place / PINS if place.is_dir() else place
    try:
        entries = entries_of(place)
    except OSError as error:
        raise PinError(f"{place} cannot be read: {error.strerror}.") from error
    found, troubles = [], []
    for number, entry in enumerate(entries):
        try:
            found.append(_pin(entry, place, number, kinds))
        except PinError as error:
            troubles.append(str(error))
    return found, troubles


def entries_of(path: Path) -> list[Any]:
    """Return the list that pins.json holds, each entry as it is written.

    Raises
    ------
    OSError
        If it cannot be read.
    NoPins
        If it is no file of pins.
    NewerPins
        If it is of a newer version.
    """
    try:
        data = read_json(path, _MAX_BYTES)
    except ValueError as error:
        raise NoPins(f"{path} is no file of pins: {error}.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise NoPins(f"{path} is no file of pins.")
    version = data.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise NewerPins(
            f"{path} has version {version!r} of the format of pins, this package reads up to {VERSION}: update it."
        )
    found = data.get("pins")
    if not isinstance(found, list):
        raise NoPins(f"{path} is no file of pins: it has no list of them.")
    if len(found) > _MOST:
        raise PinError(f"{path} has {len(found)} pins: at most {_MOST} are read.")
    return found


def plain(pin: Pin) -> dict[str, Any]:
    """Return a pin as JSON holds it."""
    return {
        "name": pin.name,
        "made": pin.made,
        "visit": pin.visit,
        "versions": pin.versions,
        "transit": None if pin.transit is None else [_number(value) for value in pin.transit],
        "values": {**pin.others, **{key: as_lists(value) for key, value in pin.values.items()}},
        "figures": {name: _number(value) for name, value in pin.figures.items()},
        "curves": {
            order: {
                "times": _numbers(curve.times),
                "flux": _numbers(curve.flux),
                "error": _numbers(curve.error),
                "orbits": [int(orbit) for orbit in curve.orbits],
            }
            for order, curve in pin.curves.items()
        },
        "backgrounds": {step: _numbers(level) for step, level in pin.backgrounds.items()},
        "findings": [
            {key: _number(value) if isinstance(value, float) else value for key, value in finding.items()}
            for finding in pin.findings
        ],
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _numbers(values: np.ndarray) -> list[float | None]:
    return [_number(float(value)) for value in values]


def _pin(entry: Any, place: Path, number: int, kinds: Kinds) -> Pin:
    try:
        known = declared(kinds)
        given = _table(entry["values"])
        values = {key: value for key, value in given.items() if key in known}
        # It was made without such a step, as a config without the step's switch.
        lacking = (kind.switch for kind in kinds if kind.switch and not kind.explicit)
        values |= {switch: False for switch in lacking if switch not in given}
        return Pin(
            name=check_name(entry["name"]),
            made=_text(entry["made"]),
            values=checked(values, f"pin {number}", kinds),
            figures={name: _float(value) for name, value in _table(entry["figures"]).items()},
            curves={order: _curve(order, curve) for order, curve in _table(entry["curves"]).items()},
            backgrounds={step: _array(level) for step, level in _table(entry["backgrounds"]).items()},
            findings=[_finding(finding) for finding in _list(entry["findings"])],
            visit=_text(entry["visit"]),
            versions=_text(entry.get("versions", "")),
            transit=_transit(entry.get("transit")),
            others={key: _other(key, value) for key, value in given.items() if key not in known},
        )
    except KeyError as error:
        raise PinError(f"{place}: pin {number} cannot be used: it lacks {error}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PinError(f"{place}: pin {number} cannot be used: {error}") from error


def _other(key: str, value: Any) -> Any:
    """Return the value of a step that is not here, if a config and JSON can hold it."""
    if not key.isidentifier():
        raise ValueError(f"{shown(key)} is no name of a parameter.")
    format_value(value)
    json.dumps(value, allow_nan=False)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError(f"{shown(value)} is no text of at most {_LONGEST} letters.")
    return value


def _table(value: Any, most: int = _MOST) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > most:
        raise ValueError(f"{shown(value)} is no table of at most {most} entries.")
    return {_text(name): entry for name, entry in value.items()}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST:
        raise ValueError(f"{shown(value)} is no list of at most {MOST} entries.")
    return value


def _float(value: Any) -> float:
    if value is None:
        return math.nan
    try:
        return number_of(value)
    except (Refused, OverflowError):
        raise ValueError(f"{shown(value)} is no number.") from None


def _whole(value: Any) -> int:
    number = _float(value)
    if not (number.is_integer() and abs(number) < 2**31):
        raise ValueError(f"{shown(value)} is no number of an orbit.")
    return int(number)


def _array(values: Any) -> np.ndarray:
    return np.array([_float(value) for value in _list(values)], dtype=float)


def _curve(order: str, curve: Mapping[str, Any]) -> Curve:
    times, flux, error = (_array(curve[name]) for name in ("times", "flux", "error"))
    orbits = np.array([_whole(orbit) for orbit in _list(curve["orbits"])], dtype=np.int64)
    if not times.shape == flux.shape == error.shape == orbits.shape:
        raise ValueError(f"the light curve of order {order} has columns of unlike lengths.")
    return Curve(order, times, flux, error, orbits)


def _transit(given: Any) -> Transit | None:
    if given is None:
        return None
    numbers = [_float(number) for number in _list(given)]
    if len(numbers) != 3 or not (np.isfinite(numbers).all() and 0 <= 2 * numbers[2] <= numbers[1] > 0):
        raise ValueError(f"{shown(given)} is no middle, duration and ingress of a transit.")
    return Transit(*numbers)


def _finding(finding: Any) -> dict[str, Any]:
    texts = {
        name: _text(_table(finding)[name]) for name in ("step", "title", "figure", "verdict", "sentence")
    }
    if texts["verdict"] not in VERDICTS:
        raise ValueError(f"{shown(texts['verdict'])} is no verdict.")
    return {**texts, "value": _float(finding["value"])}
