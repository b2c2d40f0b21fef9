"""What a run was made of, kept beside its result: so a run that was done is recognised, and not done again.

A record names every file that was read, with its SHA-256, and the parameters that were asked for. It counts only as
long as the clean visit beside it has the same `result_id`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hustle_widgets.campaign import remote
from hustle_widgets.campaign.jobs import Job, values_asked
from hustle_widgets.campaign.rows import checked_row
from hustle_widgets.config import format_value
from hustle_widgets.engine.plan import digest
from hustle_widgets.outputs import not_science, package_version
from hustle_widgets.pipeline import stage_0_location
from hustle_widgets.reading.content import checksum_of
from hustle_widgets.reading.finding import find_files
from hustle_widgets.run_folder import CLEAN, result_in
from hustle_widgets.small_files import json_of, read_json, write_small
from hustle_widgets.steps.own_file import own_steps
from hustle_widgets.steps.parameters import as_lists
from hustle_widgets.user_paths import user_path

RECORD = "campaign.json"
#: The layout of a record. One of another layout is not used, and its visit is done again.
LAYOUT = 2
MOST = 20_000_000  # bytes of a record; that of 100 frames has 50 kB


def run_folder(job: Job) -> str:
    """Return the folder of a job's run, or its URL."""
    if remote.is_url(job.folder):
        return remote.join(job.folder, "outputs", "stage_1", job.output_run)
    return str(Path(job.folder) / "outputs" / "stage_1" / job.output_run)


def known_row(job: Job) -> dict[str, Any] | None:
    """Return the row of a job that was done before with the same inputs and parameters; None if it was not."""
    if job.error:
        return None
    try:
        record = read(job)
        if record.get("layout") != LAYOUT or record["asked"] != asked(job):
            return None
        if not _result_is_there(job, record) or not _same_inputs(record, job):
            return None
    except (
        ValueError,
        OSError,
        KeyError,
        TypeError,
        AttributeError,
    ):  # what cannot be read is done again, and named then
        return None
    return {**record["row"], "name": job.name, "place": job.place, "status": "known"}


def files_before(job: Job) -> dict[str, Any]:
    """Return what tells the present content of each file of a visit, before any is read, by its path in the folder."""
    if remote.is_url(job.folder):
        return dict(remote.files_of(job.folder))
    found = {}
    for place, folders, names in os.walk(job.folder):
        folders[:] = [name for name in folders if name != "outputs" and not name.startswith(".")]
        for name in names:
            path = Path(place) / name
            with suppress(OSError):  # a link to nothing, or gone since
                found[path.relative_to(job.folder).as_posix()] = _stamp(path)
    return found


def keep(job: Job, row: Mapping[str, Any], files: Mapping[str, Any], checksums: Mapping[str, str]) -> None:
    """Write the record of a run that has just been done.

    Parameters
    ----------
    job : Job
    row : mapping
        Plain values.
    files : mapping
        What `files_before` said before the visit was loaded.
    checksums : mapping of str to str
        SHA-256 of the exposures by their names, as they were when they were read.
    """
    record = {
        "layout": LAYOUT,
        "asked": asked(job),
        "files": dict(files),
        "inputs": {} if remote.is_url(job.folder) else _inputs(job, checksums),
        "result_id": row["result_id"],
        "clean": _clean_now(job),
        "row": dict(row),
    }
    content = json.dumps(record, indent=1).encode()
    if remote.is_url(job.folder):
        remote.write_bytes(remote.join(run_folder(job), RECORD), content)
        return
    write_small(Path(run_folder(job)) / RECORD, content)


def asked(job: Job) -> str:
    """Return a short hash of all that a result follows from, beside the files of the visit."""
    left_out = not_science(job.steps) - {kind.switch for kind in job.steps if kind.explicit}
    values = {key: value for key, value in values_asked(job).items() if key not in left_out}
    plain = sorted((key, format_value(as_lists(value))) for key, value in values.items())
    # Stage 0's location takes the place of the config's.
    location = None if remote.is_url(job.folder) or not job.config else stage_0_location(Path(job.folder))
    steps = [(kind.__module__, kind.__qualname__, _source(kind)) for kind in job.steps]
    inject = None if job.inject is None else sorted(job.inject.items())
    return digest(plain, location, steps, inject, job.figures, package_version("hustle_widgets"))


def _source(kind: type[Any]) -> str:
    """Return a hash of the file of a user's own step, which has no version: its functions stand beside its class."""
    return "".join(digest(step.source) for step in own_steps([kind]).values() if step.source)


def read(job: Job) -> dict[str, Any]:
    """Return the record beside a result; raise OSError, ValueError, KeyError or TypeError where there is none."""
    if remote.is_url(job.folder):
        found = json_of(remote.read_bytes(remote.join(run_folder(job), RECORD), MOST))
    else:
        found = read_json(Path(run_folder(job)) / RECORD, MOST)
    record = dict(found)
    record["row"] = checked_row(record["row"])
    return record


def _clean_now(job: Job) -> Any:
    """Return what tells the present clean visit from others."""
    if remote.is_url(job.folder):
        return remote.key_of(remote.join(run_folder(job), CLEAN))
    return (Path(run_folder(job)) / CLEAN).stat().st_size


def _result_is_there(job: Job, record: Mapping[str, Any]) -> bool:
    if not record["clean"] or _clean_now(job) != record["clean"]:
        return False
    return remote.is_url(job.folder) or result_in(Path(run_folder(job))) == record["result_id"]


# --- inputs -----------------------------------------------------------------------------------------


def _inputs(job: Job, checksums: Mapping[str, str]) -> dict[str, Any]:
    found = {}
    for path in _files(job):
        checksum = checksums.get(path.name) or checksum_of(path)
        found[str(path)] = {"sha256": checksum, "stamp": _stamp(path)}
    return found


def _files(job: Job) -> list[Path]:
    """Return the files that a run reads."""
    found = find_files(job.folder)
    paths = [headers.path for headers in (*found.spectra, *found.direct)]
    return [*paths, *_sky_images(job)]


def _sky_images(job: Job) -> list[Path]:
    """Return the sky images that step 5c may take."""
    place = user_path(str(values_asked(job).get("path_to_Pagul", "./")))
    if place.is_file():
        return [place]
    return [*sorted(place.glob("*sky*.fits")), *sorted(Path(job.folder).glob("*sky*.fits"))]


def _same_inputs(record: Mapping[str, Any], job: Job) -> bool:
    same_files = record["files"] == files_before(job)
    if remote.is_url(job.folder):
        return same_files
    inputs = record["inputs"]
    # No file of the folder was touched: its headers need not be read to know which of them are used.
    if same_files and _same_sky(inputs, job):
        return True
    files = _files(job)
    if {str(path) for path in files} == set(inputs):
        return all(_is_same(path, inputs) for path in files)
    # The visit may have been moved: then all are read.
    return sorted((path.name, checksum_of(path)) for path in files) == sorted(
        (Path(path).name, kept["sha256"]) for path, kept in inputs.items()
    )


def _same_sky(inputs: Mapping[str, Any], job: Job) -> bool:
    inside = Path(job.folder)
    elsewhere = {path for path in inputs if not Path(path).is_relative_to(inside)}
    now = _sky_images(job)
    return elsewhere <= {str(path) for path in now} and all(_is_same(path, inputs) for path in now)


def _is_same(path: Path, inputs: Mapping[str, Any]) -> bool:
    kept = inputs.get(str(path))
    return kept is not None and (kept["stamp"] == _stamp(path) or kept["sha256"] == checksum_of(path))


def _stamp(path: Path) -> list[int]:
    """Return what no change of a file's content leaves alike: the time of change cannot be set."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
