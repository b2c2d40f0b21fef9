"""What is to be done to each visit of a campaign: plain values, which can be sent to another machine."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hustle_widgets.campaign import remote
from hustle_widgets.choosing.injecting import checked_options
from hustle_widgets.config import config_from_text, read_config
from hustle_widgets.opening import folder_of
from hustle_widgets.pipeline import find_config
from hustle_widgets.settings import checked, checked_values, tutorial_values
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.own_file import received, sent
from hustle_widgets.steps.parameter_base import shown
from hustle_widgets.user_paths import expanded, user_path

Place = str | os.PathLike[str]


@dataclass(frozen=True)
class Job:
    """One visit, and how it is reduced.

    Attributes
    ----------
    name : str
        What the visit is called in the campaign.
    place : str
        The config file or the folder that was given.
    folder : str
        The visit's folder or its URL.
    output_run : str
    steps : tuple of type of Step
    config : str
        Text of the config file; '' for none.
    parameters : dict of str to object
        Take the place of the config's values.
    inject : dict or None
        What is injected to measure the bias of a depth, see `Reduction.inject`.
    figures : bool
        Whether figures and quicklooks are drawn.
    error : str
        Why nothing can be done, '' when it can.
    """

    name: str
    place: str
    folder: str
    output_run: str
    steps: tuple[type[Step], ...]
    config: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    inject: dict[str, Any] | None = None
    figures: bool = False
    error: str = ""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "steps": tuple(map(sent, self.steps))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({**state, "steps": tuple(map(received, state["steps"]))})


def jobs_of(
    places: Place | Iterable[Place],
    *,
    steps: Iterable[type[Step]],
    config: Place | None = None,
    parameters: Mapping[str, Any],
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    inject: Mapping[str, Any] | None = None,
    figures: bool = False,
) -> list[Job]:
    """Return a job for each place.

    Parameters
    ----------
    places : path or iterable of path
        Config files, folders with stage_1*.hustle, or Stage 0 folders; also their URLs.
    steps : iterable of type of Step
    config : path, optional
        A config file for all of the folders.
    parameters : mapping
        For all visits; they take the place of the config's values.
    overrides : mapping of str to mapping, optional
        For single visits by their names, in place of what all have.
    inject, figures
        See `Job`.

    Raises
    ------
    TypeError, ValueError
        For a parameter that is none, a name that no visit has, an injection that is none, and two visits that would
        write to one folder.
        A place that cannot be used is told by its job's `error`.
    """
    if inject is not None:
        _check_mapping("inject", inject, '{"depth": 0.01}')
        checked_options(inject)
    _check_mapping("overrides", overrides or {}, '{"visit_07": {"free_sigma": 5}}')
    listed = [places] if isinstance(places, (str, os.PathLike)) else list(places)
    if not listed:
        raise ValueError("There is no visit to reduce: give config files or folders.")
    for place in listed:
        if not isinstance(place, (str, os.PathLike)):
            raise TypeError(
                "run_many takes paths of config files or folders, so that each worker reads its own visit. "
                f"Got a {type(place).__name__} instead."
            )
        if not os.fspath(place):
            raise ValueError("A place of a visit is '', which is none: '.' is the folder that you are in.")
    kinds = tuple(steps)
    given = checked(parameters, "run_many", kinds)
    names = _names([os.fspath(place) for place in listed])
    for name in overrides or {}:
        if name not in names:
            raise ValueError(f"'overrides' names {name!r}, but the visits are {', '.join(names[:20])}.")
        _check_mapping(f"overrides of {name}", (overrides or {})[name], '{"free_sigma": 5}')
    shared = None if config is None else _text_of(os.fspath(config))
    jobs = []
    for place, name in zip(listed, names, strict=True):
        own = {**given, **checked((overrides or {}).get(name, {}), f"overrides of {name}", kinds)}
        start = Job(
            name, os.fspath(place), "", "", kinds, "", own, None if inject is None else dict(inject), figures
        )
        try:
            jobs.append(_placed(start, shared))
        except (ValueError, OSError) as error:
            jobs.append(replace(start, folder=start.place, error=" ".join(str(error).split())))
    _check_apart(jobs)
    return jobs


def _check_mapping(name: str, value: Any, example: str) -> None:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name!r} must be a dict such as {example}. Got {shown(value)} instead.")


def _names(places: list[str]) -> list[str]:
    """Return short names of the places, each another one."""
    parts = [[part for part in place.rstrip("/\\").replace("\\", "/").split("/") if part] for place in places]
    repeated = [place for place, number in Counter(places).items() if number > 1]
    if repeated:
        raise ValueError(f"{repeated[0]} is given {places.count(repeated[0])} times: once is enough.")
    names = [""] * len(places)
    for length in range(1, max(map(len, parts)) + 1):
        short = ["/".join(part[-length:]) for part in parts]
        counts = Counter(short)
        names = [name or (text if counts[text] == 1 else "") for name, text in zip(names, short, strict=True)]
    found = [name or place for name, place in zip(names, places, strict=True)]
    plain = [name.removesuffix(".hustle").removeprefix("stage_1_") or name for name in found]
    return plain if len(set(plain)) == len(plain) else found


def _placed(job: Job, shared: str | None) -> Job:
    """Find the config and the folder of a job's visit."""
    text, folder = shared, job.place
    if shared is None:
        text, folder = _own_config(job)
    usual = tutorial_values(job.steps)
    values = _values(text, job) if text else {}
    if not remote.is_url(folder):
        folder = os.path.abspath(expanded(folder))
    run = str({**usual, **values, **job.parameters}["output_run"])
    own = {key: value for key, value in job.parameters.items() if key != "toplevel_dir"}
    return replace(job, folder=folder, output_run=run, config=text or "", parameters=own)


def _own_config(job: Job) -> tuple[str, str]:
    """Return the text of the config that a place is or holds, '' for none, and the folder of its visit."""
    if remote.is_url(job.place):
        found = job.place if job.place.endswith(".hustle") else remote.config_in(job.place)
        if not found:
            return "", job.place
        text = remote.text_of(found)
        named = str(job.parameters.get("toplevel_dir", _values(text, job).get("toplevel_dir", "")))
        return text, named if remote.is_url(named) else remote.folder_of(found)
    place = user_path(job.place)
    if place.suffix != ".hustle" and not (place.is_dir() and list(place.glob("stage_1*.hustle"))):
        return "", job.place
    path = find_config(place, 1)
    text = _text_of(str(path))
    values = {**tutorial_values(job.steps), **_values(text, job), **job.parameters}
    return text, folder_of(path, str(values["toplevel_dir"]))


def _text_of(place: str) -> str:
    return remote.text_of(place) if remote.is_url(place) else read_config(place).text()


def _values(text: str, job: Job) -> dict[str, Any]:
    return checked_values(config_from_text(text, Path(job.place)), job.steps)


def values_asked(job: Job) -> dict[str, Any]:
    """Return the parameters that a job sets; those it does not follow from the visit."""
    return {**(_values(job.config, job) if job.config else {}), **job.parameters}


def _check_apart(jobs: list[Job]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for job in jobs:
        if job.error:
            continue
        key = (job.folder if remote.is_url(job.folder) else os.path.realpath(job.folder), job.output_run)
        if key in seen:
            raise ValueError(
                f"{seen[key]} and {job.place} would both be written to the run {job.output_run!r} of {job.folder}: "
                "give them different values of output_run."
            )
        seen[key] = job.place
