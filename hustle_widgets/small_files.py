"""Small files that a stranger may have made: regular ones only, up to a size, and JSON of any content."""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class TooLarge(OSError):
    """A file that is larger than any of its kind."""


def read_small(path: str | os.PathLike[str], most: int) -> bytes:
    """Return the content of a regular file; a pipe or a device could keep a reader waiting for ever.

    Parameters
    ----------
    path : path
    most : int
        Bytes that such a file has at most.

    Raises
    ------
    OSError
        If it cannot be read, is no regular file, or is larger (`TooLarge`).
    """
    # Not to wait for the writer of a pipe; on Windows, not to change the ends of lines.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(0, "it is no regular file (a pipe or a device)")
        content = file.read(most + 1)
    if len(content) > most:
        raise TooLarge(0, f"it is larger than {most / 1e6:g} MB")
    return content


def json_of(content: bytes) -> Any:
    """Return what JSON holds; raise ValueError for what is none, or is nested without end."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def read_json(path: str | os.PathLike[str], most: int) -> Any:
    """Return what a file of JSON holds, see `read_small` and `json_of`."""
    return json_of(read_small(path, most))


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give the name of a new file beside `path`, which takes its place when the block ends well, also that of a link.

    The name cannot be known before: a link that somebody put there would be written through.
    """
    partial = path.with_name(f".{path.name[:200]}.{secrets.token_hex(8)}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_small(path: Path, content: bytes) -> None:
    """Write a file in one step: another program sees the old one or the new one."""
    with replaced(path) as partial, open(partial, "xb") as file:
        file.write(content)
