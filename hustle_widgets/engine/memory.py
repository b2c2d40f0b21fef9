"""What the C library keeps of memory that was freed, and giving it back to the system.

glibc gives each new thread an arena of its own, and keeps the freed memory at the end of each. A notebook that runs
a cell again and again starts threads each time, and would grow by tens of MB a run without any object being left.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from typing import Any

_M_ARENA_MAX = -8  # malloc.h
#: Threads that allocate at the same time wait for each other: seldom, since they work on large arrays.
ARENAS = 2


@functools.cache
def _glibc() -> Any:
    """Return the C library if it is glibc, else None."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
        library.gnu_get_libc_version  # noqa: B018  # not in musl
        library.malloc_trim.argtypes = [ctypes.c_size_t]
        return library
    except (OSError, AttributeError):
        return None


@functools.cache
def keep_few_arenas() -> bool:
    """Let threads share arenas, unless MALLOC_ARENA_MAX says how many; return whether that was done."""
    library = _glibc()
    if library is None or "MALLOC_ARENA_MAX" in os.environ:
        return False
    return bool(library.mallopt(_M_ARENA_MAX, ARENAS))


def give_back() -> None:
    """Give memory that was freed back to the system; takes some ms, and nothing where there is no glibc."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)
