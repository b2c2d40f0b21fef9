"""Whether the folder of a run holds another reduction, and names that are free."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hustle_widgets.config import read_config
from hustle_widgets.outputs import not_science


def holds_another(folder: Path, values: Mapping[str, Any], steps: Iterable[Any]) -> bool:
    """Tell whether a folder holds the outputs of other parameters than these, or outputs that nobody can tell of.

    Parameters
    ----------
    folder : Path
        Of a run.
    values : mapping of str to object
        Parameters and switches by their keys in the config file.
    steps : iterable of Step
        Those of the Reduction.
    """
    if not (folder / "clean_obs.nc").is_file():
        return False
    try:
        config = read_config(folder / f"stage_1_{folder.name}.hustle")
        left_out = not_science([type(step) for step in steps])
        kept = {key: config[key] for key in values if key in config and key not in left_out}
    except (OSError, ValueError):
        return True
    # The target's place is written as it was refined; what it was refined from does not tell two runs apart.
    kept.pop("location", None)
    return any(_plain(value) != _plain(values[key]) for key, value in kept.items())


def _plain(value: Any) -> Any:
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def free_name(folder: Path) -> str:
    """Return the first name like that of a run's folder, with the next number, that no folder beside it has."""
    found = re.fullmatch(r"(.*?)(\d+)?", folder.name)
    assert found is not None
    stem, number = (found[1], int(found[2])) if found[2] else (f"{folder.name}_", 1)
    while True:
        number += 1
        if not (folder.parent / f"{stem}{number}").exists():
            return f"{stem}{number}"
