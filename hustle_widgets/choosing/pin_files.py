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
from hustle_widgets.choosing.curves import Curve
from hustle_widgets.choosing.pins import Pin, check_name, run_of
from hustle_widgets.settings import Kinds, checked, config_of, declared
from hustle_widgets.steps.parameters import as_lists
from hustle_widgets.user_paths import user_path

FORMAT, VERSION = "hustle_widgets pins", 1
PINS = "pins.json"
_MAX_BYTES = 200_000_000


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
    partial = place / f".{PINS}.partial-{os.getpid()}"
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    kept = set()
    for pin in pins:
        run = run_of(pin.name)
        name = f"stage_1_{run}.hustle"
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
        found = json.loads((place / PINS).read_text(encoding="utf-8"))["pins"]
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
        if place.stat().st_size > _MAX_BYTES:
            raise PinError(f"{place} is larger than {_MAX_BYTES // 10**6} MB: this is no file of pins.")
        data = json.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise PinError(f"{place} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
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
        values = {key: value for key, value in entry["values"].items() if key in known}
        return Pin(
            name=check_name(entry["name"]),
            made=str(entry["made"]),
            values=checked(values, f"pin {number}", kinds),
            figures={str(name): _float(value) for name, value in entry["figures"].items()},
            curves={str(order): _curve(str(order), curve) for order, curve in entry["curves"].items()},
            backgrounds={str(step): _array(level) for step, level in entry["backgrounds"].items()},
            findings=[_finding(finding) for finding in entry["findings"]],
            visit=str(entry["visit"]),
            versions=str(entry.get("versions", "")),
            transit=_transit(entry.get("transit")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise PinError(f"{place}: pin {number} cannot be used: {what}") from error


def _float(value: Any) -> float:
    return math.nan if value is None else float(value)


def _array(values: Any) -> np.ndarray:
    return np.array([_float(value) for value in values])


def _curve(order: str, curve: Mapping[str, Any]) -> Curve:
    times, flux, error = (_array(curve[name]) for name in ("times", "flux", "error"))
    orbits = np.array([int(orbit) for orbit in curve["orbits"]], dtype=np.int64)
    if not times.shape == flux.shape == error.shape == orbits.shape:
        raise ValueError(f"the light curve of order {order} has columns of unlike lengths.")
    return Curve(order, times, flux, error, orbits)


def _transit(given: Any) -> Transit | None:
    if given is None:
        return None
    middle, duration, ingress = (float(number) for number in given)
    return Transit(middle, duration, ingress)


def _finding(finding: Mapping[str, Any]) -> dict[str, Any]:
    texts = ("step", "title", "figure", "verdict", "sentence")
    return {**{name: str(finding[name]) for name in texts}, "value": _float(finding["value"])}
