"""Pins as a JSON file with a version of its format, and each as a config of its own output_run."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hustle_widgets.algorithms.transits import Transit
from hustle_widgets.assessment import VERDICTS
from hustle_widgets.choosing.curves import Curve
from hustle_widgets.choosing.pins import Pin, check_name, run_of
from hustle_widgets.settings import Kinds, checked, config_of, declared
from hustle_widgets.small_files import read_json, write_small
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


def save_pins(pins: Iterable[Pin], folder: str | os.PathLike[str], kinds: Kinds) -> Path:
    """Write pins.json and a config for each pin into a folder; return the path of pins.json.

    Parameters
    ----------
    pins : iterable of Pin
    folder : path
        Made if it is not there. Configs of pins that are no longer there are removed.
    kinds : sequence of type of Step
        The steps of the chain.
    """
    place = user_path(folder)
    place.mkdir(parents=True, exist_ok=True)
    pins = list(pins)
    before = _runs_in(place)
    text = json.dumps(
        {"format": FORMAT, "version": VERSION, "pins": [_plain(pin) for pin in pins]},
        indent=1,
        allow_nan=False,
    )
    path = place / PINS
    write_small(path, text.encode())
    kept = set()
    for pin in pins:
        run = run_of(pin.name)
        name = f"stage_1_{run}.hustle"
        if (place / name).is_symlink():  # it would be written through
            (place / name).unlink()
        config_of({**_usual(kinds), **pin.values, "output_run": run}, None, kinds).write(place / name)
        kept.add(name)
    for name in before - kept:
        (place / name).unlink(missing_ok=True)
    return path


def _usual(kinds: Kinds) -> dict[str, Any]:
    return {key: True if p is None else p.tutorial for key, (_, p) in declared(kinds).items()}


def _runs_in(place: Path) -> set[str]:
    """Return the names of the configs that an earlier save wrote here."""
    try:
        found = read_json(place / PINS, _MAX_BYTES)["pins"]
        return {f"stage_1_{run_of(pin['name'])}.hustle" for pin in found}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


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
    place = user_path(path)
    place = place / PINS if place.is_dir() else place
    try:
        data = read_json(place, _MAX_BYTES)
    except OSError as error:
        raise PinError(f"{place} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise PinError(f"{place} is no file of pins: {error}.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise PinError(f"{place} is no file of pins.")
    version = data.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise PinError(
            f"{place} has version {version!r} of the format of pins, this package reads up to {VERSION}: update it."
        )
    found = data.get("pins")
    if not isinstance(found, list):
        raise PinError(f"{place} is no file of pins: it has no list of them.")
    if len(found) > _MOST:
        raise PinError(f"{place} has {len(found)} pins: at most {_MOST} are read.")
    return [_pin(entry, place, number, kinds) for number, entry in enumerate(found)]


def _plain(pin: Pin) -> dict[str, Any]:
    return {
        "name": pin.name,
        "made": pin.made,
        "visit": pin.visit,
        "versions": pin.versions,
        "transit": None if pin.transit is None else [_number(value) for value in pin.transit],
        "values": {key: as_lists(value) for key, value in pin.values.items()},
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
        values = {key: value for key, value in _table(entry["values"]).items() if key in known}
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
        )
    except KeyError as error:
        raise PinError(f"{place}: pin {number} cannot be used: it lacks {error}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise PinError(f"{place}: pin {number} cannot be used: {error}") from error


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
