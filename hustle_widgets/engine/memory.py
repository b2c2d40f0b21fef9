"""What the C library keeps of memory that was freed, and giving it back to the system.

glibc gives each new thread an arena of its own, and keeps the freed memory of each for what comes next. Frames that
come and go leave holes between what stays. A page on which twenty values were tried then held as much free memory as
objects, and a notebook that runs a cell again and again grew by tens of MB a run without any object being left.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from pathlib import Path
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
#: Threads that allocate at the same time wait for each other: seldom, since they work on large arrays.
ARENAS = 2
#: Bytes from which an array has pages of its own, which go back when it is freed: a frame at full size has more.
#: Unless it is set, glibc raises it to 32 MiB, and frames lie in the arenas.
OWN_PAGES = 4 * 2**20
#: Free bytes at the end of an arena that are kept: growing it again and again takes time.
SPARE = 8 * 2**20
#: What glibc reads of the environment, by what it sets.
_SET_BY_USER = {
    _M_ARENA_MAX: ("MALLOC_ARENA_MAX", "glibc.malloc.arena_max"),
    _M_MMAP_THRESHOLD: ("MALLOC_MMAP_THRESHOLD_", "glibc.malloc.mmap_threshold"),
    _M_TRIM_THRESHOLD: ("MALLOC_TRIM_THRESHOLD_", "glibc.malloc.trim_threshold"),
}


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
def keep_little() -> bool:
    """Let threads share arenas, and large arrays have pages of their own; return whether all of that was done.

    What the environment sets, by MALLOC_ARENA_MAX and its like or by GLIBC_TUNABLES, is left as it is.
    """
    library = _glibc()
    if library is None:
        return False
    wanted = {_M_ARENA_MAX: ARENAS, _M_MMAP_THRESHOLD: OWN_PAGES, _M_TRIM_THRESHOLD: SPARE}
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    free = {
        option: value
        for option, value in wanted.items()
        if (names := _SET_BY_USER[option])[0] not in os.environ and names[1] not in tunables
    }
    done = [bool(library.mallopt(option, value)) for option, value in free.items()]
    return len(free) == len(wanted) and all(done)


def give_back() -> None:
    """Give memory that was freed back to the system; takes some ms, and nothing where there is no glibc."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


def free_bytes() -> int | None:
    """Return how much memory this process may still take: of the machine's, or of its container's; None if unknown."""
    found = [free for free in (_free_of_machine(), _free_of_container()) if free is not None]
    return min(found, default=None)


def _free_of_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        (kib,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
        return 1024 * int(kib)
    except (OSError, ValueError, IndexError):  # not Linux
        return None


def _free_of_container(folder: str = "/sys/fs/cgroup") -> int | None:
    """Return what a control group (version 2) leaves; files that the system keeps in memory give way."""
    place = Path(folder)
    try:
        most = int((place / "memory.max").read_text(encoding="ascii"))
        used = int((place / "memory.current").read_text(encoding="ascii"))
        lines = (place / "memory.stat").read_text(encoding="ascii").splitlines()
        kept = sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
        return max(0, most - used + kept)
    except (OSError, ValueError, IndexError):  # no such group, or 'max': no limit
        return None
