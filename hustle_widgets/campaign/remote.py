"""Visits that are elsewhere: their files are fetched by fsspec before a visit is read, and results are sent back.

A visit is read from local files: errors and flags stay in them until they are needed, and netCDF is written to a
file. So a URL is not opened in place.
"""

from __future__ import annotations

import importlib
import posixpath
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# A scheme of two letters or more, so that a drive of Windows is none.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+(::|://)")
_RESULTS = ("outputs", "configs", "quicklooks", "plots")
_STAGE_0 = ("outputs/stage_0/", "outputs/stage0/")


def is_url(place: str) -> bool:
    """Tell whether a place is a URL."""
    return bool(_URL.match(place))


def system_of(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it.

    Raises
    ------
    ValueError
        When fsspec or what it needs for this kind of URL is not installed.
    """
    try:
        fsspec = importlib.import_module("fsspec")
        system, path = fsspec.url_to_fs(url)
    except ImportError as error:
        raise ValueError(
            f"{url} cannot be opened: {error}. Paths that are URLs need fsspec, python -m pip install "
            '"hustle_widgets[batch]", and for s3:// s3fs, for gs:// gcsfs.'
        ) from error
    return system, path


def text_of(url: str) -> str:
    """Return the text of a config file."""
    system, path = system_of(url)
    try:
        with system.open(path, "rb") as file:
            content = file.read(1_000_001)
    except FileNotFoundError:
        raise ValueError(f"The config file {url} does not exist.") from None
    if len(content) > 1_000_000:
        raise ValueError(f"{url} is larger than 1 MB: it is no config file.")
    return str(content, "utf-8", "replace")


def config_in(url: str) -> str:
    """Return the URL of the only stage_1*.hustle in a folder, '' for none."""
    system, path = system_of(url)
    found = sorted(system.glob(posixpath.join(path, "stage_1*.hustle")))
    if len(found) > 1:
        names = ", ".join(map(posixpath.basename, found))
        raise ValueError(f"There are several config files of stage 1 in {url}: {names}. Name one.")
    return join(url, posixpath.basename(found[0])) if found else ""


def folder_of(url: str) -> str:
    """Return the URL of the folder that holds a file."""
    return url.rsplit("/", 1)[0]


def join(url: str, *names: str) -> str:
    """Return the URL of what is below a folder."""
    return "/".join([url.rstrip("/"), *names])


def files_of(url: str) -> dict[str, str]:
    """Return what tells the present content of each file of a visit, by its path below the folder.

    Raises
    ------
    ValueError
        When there is no such folder.
    """
    system, top = system_of(url)
    if not system.isdir(top):
        raise ValueError(f"The folder {url} does not exist.")
    top = top.rstrip("/")
    found = {}
    for path in sorted(system.find(top)):
        name = path[len(top) :].lstrip("/")
        if name.split("/")[0] not in _RESULTS or name.startswith(_STAGE_0):
            found[name] = str(system.ukey(path))
    return found


@contextmanager
def fetched(url: str) -> Iterator[Path]:
    """Give a local folder with the files of a visit, which goes at the end."""
    system, top = system_of(url)
    with tempfile.TemporaryDirectory(prefix="hustle-visit-") as place:
        folder = Path(place)
        for name in files_of(url):
            target = (folder / name).resolve()
            if not target.is_relative_to(folder.resolve()):
                raise ValueError(f"{join(url, name)} would be fetched to outside of its folder.")
            target.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(posixpath.join(top, name), str(target))
        yield folder


def send(folder: Path, url: str) -> None:
    """Copy the files of a run to a URL. The clean visit comes last: when it is there, all of the run is."""
    system, top = system_of(url)
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.suffix == ".nc"):
        target = posixpath.join(top, path.relative_to(folder).as_posix())
        system.makedirs(posixpath.dirname(target), exist_ok=True)
        system.put_file(str(path), target)


def read_bytes(url: str, most: int) -> bytes:
    """Return the content of a small file, b'' when there is none; raise OSError for one of more bytes than `most`."""
    system, path = system_of(url)
    try:
        with system.open(path, "rb") as file:
            content = bytes(file.read(most + 1))
    except FileNotFoundError:
        return b""
    if len(content) > most:
        raise OSError(f"{url} is larger than {most / 1e6:g} MB")
    return content


def write_bytes(url: str, content: bytes) -> None:
    """Write a small file."""
    system, path = system_of(url)
    system.makedirs(posixpath.dirname(path), exist_ok=True)
    system.pipe_file(path, content)


def key_of(url: str) -> str:
    """Return what tells the present content of a file, '' when there is none."""
    system, path = system_of(url)
    try:
        return str(system.ukey(path))
    except FileNotFoundError:
        return ""
