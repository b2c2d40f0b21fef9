"""A file is read once as a whole, so that its pixels and its checksum are those of the same bytes."""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path

Stamp = tuple[int, int]


@dataclass(frozen=True)
class Content:
    """The bytes of a file, and what it was when they were read.

    Parameters
    ----------
    data : memoryview
        Valid until its `Buffer` reads the next file.
    stamp : (int, int)
        See `stamp_of`.
    """

    data: memoryview
    stamp: Stamp

    def checksum(self) -> str:
        """Return their SHA-256, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


class Buffer(threading.local):
    """Memory for the bytes of one file after the other; each thread has its own.

    New memory for every file would take the system longer than to read the file.
    """

    def __init__(self) -> None:
        self._memory = bytearray()

    def read(self, path: Path) -> Content:
        """Read a file.

        Raises
        ------
        OSError
            When it cannot be read.
        """
        with path.open("rb", buffering=0) as file:
            stamp = _stamp(os.fstat(file.fileno()))
            size = stamp[0]
            if len(self._memory) < size:
                self._memory = bytearray(size)
            data = memoryview(self._memory)[:size]
            filled = 0
            while filled < size and (more := file.readinto(data[filled:])):
                filled += more
        return Content(data[:filled].toreadonly(), stamp)


def checksum_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp_of(path: Path) -> Stamp:
    """Return the size of a file [bytes] and the time of its last change [ns]."""
    return _stamp(path.stat())


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns
