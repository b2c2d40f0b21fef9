"""What several attacks need: a call that must not hang, how much memory it took, and files that are none."""

from __future__ import annotations

import os
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def in_time(function: Callable[[], Any], seconds: float = 60) -> Any:
    """What a function gives or raises; it hangs if it does neither within so many seconds, however busy the machine."""
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(function())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    assert found, "it hangs"
    return found[0]


@contextmanager
def little_memory(most: int) -> Iterator[None]:
    """See that not more than so many bytes are allocated meanwhile, arrays included."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak / 1e6:.0f} MB were allocated"


def no_file(place: Path, kind: str) -> None:
    """Put something that is no small regular file to a place."""
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    elif kind == "folder":
        place.mkdir()
    elif kind == "endless":  # takes no room on the disk
        with place.open("wb") as file:
            file.truncate(10**12)
    elif kind == "loop":
        place.symlink_to(place)
    else:
        place.write_bytes(KINDS[kind])


_DEEP = 100_000
KINDS: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)) * 10,
    "deep": b"[" * _DEEP + b"]" * _DEEP,
    "deep table": b'{"files":' * _DEEP,
    "long number": b'{"format": ' + b"9" * 100_000 + b"}",
    "not a number": b"NaN",
    "text": b'"pins"',
    "list": b"[1, 2, 3]",
    "table": b"{}",
}
NO_FILES = ["pipe", "device", "folder", "endless", "loop", *KINDS]
