"""Read a `.hustle` file as lines. What a line means is decided elsewhere."""

from __future__ import annotations

import os
import re

from hustle_widgets.config_values import ConfigError
from hustle_widgets.small_files import TooLarge, read_small

_MAX_BYTES = 1_000_000  # of a file; the tutorial's has 8 000
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_END = re.compile(r"\s*#\s*ENDPARSE\b")
# A line whose value may go on in the next, as numpy prints an array.
_OPEN = re.compile(r"[^#'\"]*\[[^#'\"]*")
_MORE = re.compile(r"[ \t][-+0-9.,eE\[\] \t]*(?:#.*)?")
_MORE_LINES = 200  # numpy prints no more elements than 1000


def text_of(path: str | os.PathLike[str]) -> str:
    """Return the text of a regular file. A pipe or a device is refused: it could keep a reader waiting for ever.

    Stray bytes of another encoding, mostly in comments, are kept as they are.

    Raises
    ------
    ConfigError
        If it cannot be read, is no regular file, no text, or larger than 1 MB.
    """
    try:
        raw = read_small(path, _MAX_BYTES)
    except TooLarge as error:
        raise ConfigError("is larger than 1 MB: this is no .hustle file.", path) from error
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise ConfigError(f"cannot be read: {getattr(error, 'strerror', None) or error}.", path) from error
    if b"\0" in raw:
        line = raw[: raw.index(b"\0")].count(b"\n") + 1
        raise ConfigError("binary data: this is no .hustle file, or not saved as UTF-8 text.", path, line)
    return raw.decode("utf-8", "surrogateescape").removeprefix("\ufeff")


def lines_of(text: str) -> tuple[list[tuple[int, str]], str]:
    """Return the lines up to the end mark, each with its number, and the text from there on.

    An array that numpy printed over several lines is one line.
    """
    lines = _LINES.findall(text)
    found = []
    place = position = tried = 0
    while place < len(lines) and not _END.match(lines[place]):
        count = 1
        if place >= tried and _OPEN.fullmatch(lines[place].rstrip("\r\n")):
            count, tried = _array_lines(lines, place)
        found.append((place + 1, "".join(lines[place : place + count])))
        position += len(found[-1][1])
        place += count
    return found, text[position:]


def _array_lines(lines: list[str], place: int) -> tuple[int, int]:
    """Return how many lines the array that begins here covers, 1 if there is none, and where the search ended."""
    depth = lines[place].count("[") - lines[place].count("]")
    for count in range(1, _MORE_LINES):
        if depth <= 0:
            return count, place + count
        if place + count >= len(lines) or not _MORE.fullmatch(lines[place + count].rstrip("\r\n")):
            return 1, place + count
        before_comment = lines[place + count].partition("#")[0]
        depth += before_comment.count("[") - before_comment.count("]")
    return 1, place + _MORE_LINES
