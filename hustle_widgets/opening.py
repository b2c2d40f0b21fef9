"""A config file and its visit, opened together: what a Reduction is made of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import xarray as xr

from hustle_widgets.config import HustleConfig, read_config
from hustle_widgets.settings import Kinds, absences, checked_values, remarks, tutorial_values
from hustle_widgets.source import frame_shape
from hustle_widgets.stage_links import OURS, THEIRS
from hustle_widgets.steps import STAGE_1
from hustle_widgets.user_paths import user_path
from hustle_widgets.visit import load_visit


@dataclass(frozen=True)
class OpenedConfig:
    """What `open_config` found.

    Attributes
    ----------
    config : HustleConfig
    visit : xarray.Dataset
    values : dict of str to object
        Parameters and switches of the file, and those given instead.
    """

    config: HustleConfig
    visit: xr.Dataset
    values: dict[str, Any]


def open_config(
    path: str | os.PathLike[str],
    visit: xr.Dataset | str | os.PathLike[str] | None = None,
    parameters: Mapping[str, Any] | None = None,
    kinds: Kinds = STAGE_1,
) -> OpenedConfig:
    """Read a config file, then the visit it names, unless another one is given.

    Parameters
    ----------
    path : path of the config file
    visit : Dataset or folder, optional
        Instead of the folder `toplevel_dir` of the file.
    parameters : mapping, optional
        Take the place of the file's values.
    kinds : sequence of type of Step
        The steps of the chain, in order.

    Raises
    ------
    ValueError
        For a file or a visit that cannot be used. The file is checked first, since a visit takes longer to load.
    """
    config, given = read_config(path), dict(parameters or {})
    values = {**checked_values(config, kinds), **given}
    if not isinstance(visit, xr.Dataset):
        if visit is None:
            visit = folder_of(path, str(values.get("toplevel_dir", tutorial_values()["toplevel_dir"])))
        given.setdefault("toplevel_dir", os.fspath(visit))
        visit = load_visit(visit)
    values = {**checked_values(config, kinds, frame_shape(visit)), **given}
    return OpenedConfig(config, visit, values)


def folder_of(path: str | os.PathLike[str], toplevel_dir: str) -> str:
    """Return the folder of the visit that a config file names.

    The config beside a run holds the path as it was where the run was started. When there is nothing now, the
    visit is the one whose outputs the run is among.
    """
    above = user_path(path).absolute().parents
    in_outputs = len(above) > 3 and above[2].name == "outputs" and above[1].name in (OURS, THEIRS)
    if in_outputs and not user_path(toplevel_dir).exists():
        return str(above[3])
    return toplevel_dir


def remarks_on(config: HustleConfig, kinds: Kinds = STAGE_1) -> tuple[str, ...]:
    """Return what a person should know about a config file: keys that were absent, are older, or unknown."""
    return (*remarks(config, kinds), *absences(config, kinds))
