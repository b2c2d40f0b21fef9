"""What a visit takes: memory and processor time, counted; and its peak of memory, told beforehand by its files."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

GIB = 2**30
#: Peak of load, all steps and save of a visit of 74 frames of 600 x 2100 [bytes], see benchmarks/memory.py.
FULL_SIZE = int(0.98 * GIB)
#: The same without any frame: Python, the libraries, and what does not grow with the visit [bytes].
EMPTY = int(0.22 * GIB)
#: Further memory for each byte of the cube of frames.
PER_CUBE = 2.1
# An exposure holds 10 bytes a pixel (SCI, ERR, DQ), a frame in memory 4; gzip halves a file.
_FRAME_SHARE, _PACKED = 0.4, 2


def expected_peak(folder: str) -> int:
    """Return the peak of memory that the reduction of a visit needs, from the size of its files [bytes].

    A folder that cannot be looked into is taken for a visit of full size.
    """
    size = 0.0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "outputs"]
        for name in names:
            if "_flt.fits" in name or "_flc.fits" in name:
                with suppress(OSError):
                    size += (Path(place) / name).stat().st_size * (_PACKED if name.endswith(".gz") else 1)
    return int(EMPTY + PER_CUBE * _FRAME_SHARE * size) if size else FULL_SIZE


def forget_peak() -> None:
    """Begin to count this process's peak of memory anew, where the system can do that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """Return this process's peak of resident memory [bytes]: since `forget_peak` on Linux, else of all its life."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    if resource is None:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def cpu_seconds() -> float:
    """Return the processor time of this process so far, all its threads and ended children included [s]."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
