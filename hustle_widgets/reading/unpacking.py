"""How large a file of an exposure may be, packed, unpacked, and as it says itself: told before room is made for it."""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path
from typing import Any

from hustle_widgets.reading.errors import VisitError

#: Bytes of one file, unpacked. A full frame of both chips, with errors and flags, has 170 MB.
MOST_BYTES = 2**30
#: Pixels of one image. A chip of UVIS has 2051 x 4096, a drizzled full frame some 4500 x 4500.
MOST_PIXELS = 5000 * 5000
MOST_EXTENSIONS = 200
_GZIP = b"\x1f\x8b"
_PIECE = 2**20


def source_of(path: Path) -> Any:
    """Return what astropy opens: the path itself, or the content of a file that gzip packed, in memory.

    Raises
    ------
    VisitError
        For what is no regular file, and for one that is, or unpacks to, more than any exposure.
    """
    if path.is_symlink() and not path.exists():
        raise VisitError(
            f"{path} is a link to {os.readlink(path)}, which is not there: take it out of the folder."
        )
    if path.exists() and not path.is_file():  # to open a pipe would wait for a writer
        raise VisitError(f"{path} is no regular file: take it out of the folder.")
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise VisitError(_too_large(path, "is"))
        packed = file.read(len(_GZIP)) == _GZIP
    return io.BytesIO(_unpacked(path)) if packed else path


def _unpacked(path: Path) -> bytes:
    """Unpack a file piece by piece, so that one that unpacks to more than memory never does."""
    found, size = [], 0
    unpacker = zlib.decompressobj(wbits=31)
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            while piece:
                part = unpacker.decompress(piece, MOST_BYTES - size + 1)
                size += len(part)
                if size > MOST_BYTES:
                    raise VisitError(_too_large(path, "unpacks to"))
                found.append(part)
                piece = unpacker.unconsumed_tail
                if unpacker.eof:  # another member may follow
                    piece = unpacker.unused_data.lstrip(b"\0")
                    unpacker = zlib.decompressobj(wbits=31) if piece else unpacker
                    if not piece:
                        break
    if not unpacker.eof:
        raise EOFError("it ends early")
    return b"".join(found)


def _too_large(path: Path, how: str) -> str:
    return (
        f"{path} {how} more than {MOST_BYTES / 2**30:g} GiB, which no exposure of WFC3 has: take it out of the "
        "folder."
    )


def check_pixels(path: Path, name: str, rows: int, columns: int) -> None:
    """Refuse an image that says that it has more pixels than any detector; nothing is allocated for it by then."""
    if rows * columns > MOST_PIXELS:
        raise VisitError(
            f"The {name} image of {path} says that it has {rows} x {columns} pixels, which no image of WFC3 has: take "
            "the file out of the folder."
        )


def check_room(folder: Path, frames: int, shape: tuple[int, int]) -> None:
    """Refuse a visit whose frames have no room in this machine's memory; nothing is allocated by then."""
    wanted, there = 4 * frames * shape[0] * shape[1], _memory()
    if there and wanted > there:
        raise VisitError(
            f"The {frames} frames of {shape[0]} x {shape[1]} in {folder} take {wanted / 2**30:.1f} GiB, and this "
            f"machine has {there / 2**30:.1f} GiB: put fewer of them into the folder, or use a larger machine."
        )


def _memory() -> int:
    """Return the machine's memory [bytes], 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
