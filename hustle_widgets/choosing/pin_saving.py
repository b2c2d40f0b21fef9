"""To write pins beside those that others keep in the same folder: nothing that is not ours is lost."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from hustle_widgets.choosing.pin_files import FORMAT, PINS, VERSION, NewerPins, NoPins, entries_of, plain
from hustle_widgets.choosing.pins import Pin, run_of
from hustle_widgets.folders import held
from hustle_widgets.settings import Kinds, config_of, declared
from hustle_widgets.small_files import write_small
from hustle_widgets.user_paths import user_path

Key = tuple[str, str]  # a pin's name, and when it was made


def save_pins(
    pins: Iterable[Pin], folder: str | os.PathLike[str], kinds: Kinds, known: Collection[Key] = ()
) -> Path:
    """Write pins.json and a config for each pin into a folder; return the path of pins.json.

    Parameters
    ----------
    pins : iterable of Pin
    folder : path
        Made if it is not there. Pins that it holds of another kernel, of another visit or of other steps stay.
    kinds : sequence of type of Step
        The steps of the chain.
    known : collection of (str, str)
        Name and time of all pins that there have been here: those that are no more are removed with their config.

    Raises
    ------
    PinError
        (a ValueError) When the folder holds pins of a newer format, or another pin of the same name.

    Notes
    -----
    A file that cannot be read as pins is kept beside the new one, and a warning names it.
    """
    place = user_path(folder)
    place.mkdir(parents=True, exist_ok=True)
    path = place / PINS
    ours = {(pin.name, pin.made): pin for pin in pins}
    with held(place):
        before = _entries(path)
        kept = [entry for entry in before if key_of(entry) in ours or key_of(entry) not in known]
        _check_names(kept, ours, path)
        new = [key for key in ours if key not in [key_of(entry) for entry in kept]]
        entries = [plain(ours[key]) if (key := key_of(entry)) in ours else entry for entry in kept]
        entries += [plain(ours[key]) for key in new]
        text = json.dumps({"format": FORMAT, "version": VERSION, "pins": entries}, indent=1, allow_nan=False)
        write_small(path, text.encode())
        _write_configs(place, before, entries, ours, kinds)
    return path


def key_of(entry: Any) -> Key:
    """Return the name of an entry of pins.json and when it was made; '' for what it does not tell."""
    found = [entry.get(word) if isinstance(entry, Mapping) else "" for word in ("name", "made")]
    name, made = (word if isinstance(word, str) else "" for word in found)
    return name, made


def names_in(folder: Path) -> list[str]:
    """Return the names of all pins of a folder, also of those that cannot be used here."""
    try:
        return [key_of(entry)[0] for entry in entries_of(folder / PINS)]
    except (OSError, ValueError):
        return []


def _entries(path: Path) -> list[Any]:
    """Return the entries of pins.json; one that is damaged is moved away."""
    try:
        return entries_of(path)
    except FileNotFoundError:
        return []
    except NewerPins as error:
        raise NewerPins(f"{error} Nothing was written there.") from error
    except NoPins as error:
        free = (path.with_name(f"{path.name}.damaged-{number}") for number in range(1, 10_000))
        aside = next(name for name in free if not os.path.lexists(name))
        os.replace(path, aside)
        warnings.warn(f"{error} It is kept as {aside.name}.", stacklevel=4)
        return []


def _check_names(kept: Iterable[Any], ours: Mapping[Key, Pin], path: Path) -> None:
    names = {name for name, _ in ours}
    for name, made in map(key_of, kept):
        if name in names and (name, made) not in ours:
            raise NoPins(
                f"{path} holds another pin {name!r}, made {made or 'at an unknown time'}: pin yours under another "
                "name, or take that one in instead by load_pins()."
            )


def _write_configs(
    place: Path, before: list[Any], entries: list[Any], ours: Mapping[Key, Pin], kinds: Kinds
) -> None:
    """Write a config for each of our pins, and remove those of pins that are no more."""
    usual = {key: True if p is None else p.tutorial for key, (_, p) in declared(kinds).items()}
    runs = _runs(entries)
    for key, run in runs.items():
        if key in ours:
            file = place / _config(run)
            if file.is_symlink():  # it would be written through
                file.unlink()
            config = config_of({**usual, **ours[key].values, "output_run": run}, None, kinds)
            for other, value in ours[key].others.items():
                config.set(other, value, "Of a step that was not there when this was written.")
            config.write(file)
    still = set(runs.values())
    for key, run in _runs(before).items():
        if run not in still and (key in ours or key not in runs):
            (place / _config(run)).unlink(missing_ok=True)


def _config(run: str) -> str:
    return f"stage_1_{run}.hustle"


def _runs(entries: Iterable[Any]) -> dict[Key, str]:
    """Return the output_run of each pin: no two alike, also where upper and lower case are one."""
    found: dict[Key, str] = {}
    taken: set[str] = set()
    for entry in entries:
        key = key_of(entry)
        try:
            plain_run = run_of(key[0])
        except ValueError:
            continue
        names = (plain_run if number == 1 else f"{plain_run}_{number}" for number in range(1, 10_000))
        found[key] = next(name for name in names if name.casefold() not in taken)
        taken.add(found[key].casefold())
    return found
