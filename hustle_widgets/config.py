"""`.hustle` config files: lines ``key value # comment`` up to a line ``# ENDPARSE``.

Reading keeps every line as it is. Writing changes the value of a line only where it is another one, so that
order, comments and unknown keys survive.
"""

from __future__ import annotations

import copy
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hustle_widgets.config_lines import lines_of, text_of
from hustle_widgets.config_parser import Budget, Parser, is_call, parse_value
from hustle_widgets.config_values import BareText, ConfigError, format_value, plain, shorten, write_plain
from hustle_widgets.user_paths import user_path

__all__ = [
    "BareText",
    "ConfigEntry",
    "ConfigError",
    "HustleConfig",
    "format_value",
    "parse_value",
    "read_config",
    "template",
]

_KEY = re.compile(r"[ \t]*(\w+)(?:[ \t\xa0]*=(?!=)[ \t\xa0]*|[ \t\xa0]+|(?=#|$))")
_STRAY_BYTES = re.compile("[\udc80-\udcff]")  # of another encoding
_BARE_END = re.compile(r"\s#|$")


def read_config(path: str | os.PathLike[str]) -> HustleConfig:
    """Read a `.hustle` file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    HustleConfig
        Its entries. Lines that could not be read are kept, and listed in ``problems``.

    Raises
    ------
    ConfigError
        If the file cannot be read, is no regular file, is no text, or is larger than 1 MB.

    Notes
    -----
    Text may stand without quotes, as HUSTLE-tools' own writer leaves it: what cannot be read as a value and
    does not start with a quote or a bracket becomes a `BareText`, up to a ``#`` behind a space.
    """
    path = user_path(path)
    return config_from_text(text_of(path), path)


def template(sections: Iterable[tuple[str, Sequence[tuple[str, object, str]]]]) -> HustleConfig:
    """Make a config from declarations.

    Parameters
    ----------
    sections : iterable of (title, entries)
        The title is written as a comment line; entries are (key, value, comment).

    Returns
    -------
    HustleConfig

    Raises
    ------
    ConfigError
        If a key is no name or comes twice, or a value cannot be written.

    Examples
    --------
    >>> config = template([("Step 3b: Free iteration parameters", [("free_sigma", 3.5, "float.")])])
    >>> print(config.text(), end="")
    # Step 3b: Free iteration parameters
    free_sigma 3.5 # float.
    # ENDPARSE
    """
    config = HustleConfig()
    for title, entries in sections:
        if title:
            config._lines.append(f"# {_one_line(title).lstrip('# ')}\n")
        for key, value, comment in entries:
            if key in config:
                raise ConfigError(f"the key {key} is declared twice.")
            config.set(key, value, comment)
    config._tail = "# ENDPARSE\n"
    return config


@dataclass
class ConfigEntry:
    """One line ``key value # comment``; `before`, `written` and `after` make up its text."""

    key: str
    value: object
    comment: str
    line: int | None
    before: str = field(repr=False)
    written: str = field(repr=False)
    after: str = field(repr=False)


class HustleConfig:
    """The entries of a config file in order, with everything around them.

    Attributes
    ----------
    path : Path or None
        The file it was read from.
    problems : list of (int, str)
        Line number and message of each line that could not be read or whose key comes again later (the last
        one counts).
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.problems: list[tuple[int, str]] = []
        self._unread: list[tuple[int, str]] = []
        self._lines: list[str | ConfigEntry] = []
        self._by_key: dict[str, ConfigEntry] = {}
        self._tail = ""
        self._end = "\n"

    def __deepcopy__(self, memo: object) -> HustleConfig:
        # Values are replaced, never changed in place: the copy may share them.
        other = HustleConfig(self.path)
        other.problems, other._unread = [*self.problems], [*self._unread]
        other._lines = [line if isinstance(line, str) else copy.copy(line) for line in self._lines]
        other._by_key = {line.key: line for line in other._lines if isinstance(line, ConfigEntry)}
        other._tail, other._end = self._tail, self._end
        return other

    @property
    def entries(self) -> list[ConfigEntry]:
        """The entries that count, in the order of the file."""
        return [line for line in self._lines if isinstance(line, ConfigEntry)]

    def comments(self) -> Iterator[str]:
        """Give the lines that are no entries."""
        return (line for line in self._lines if isinstance(line, str))

    def as_dict(self) -> dict[str, object]:
        """Give the values by key, in the order of the file."""
        return {entry.key: entry.value for entry in self.entries}

    def __getitem__(self, key: str) -> object:
        return self._by_key[key].value

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: str, default: object = None) -> object:
        """Give the value of a key, or `default` if it is not there."""
        entry = self._by_key.get(key)
        return default if entry is None else entry.value

    def entry(self, key: str) -> ConfigEntry | None:
        """Give the line of a key, or None if it is not there."""
        return self._by_key.get(key)

    def line(self, key: str) -> int | None:
        """Give the line number of a key; None if it is not there or was not read from a file."""
        entry = self._by_key.get(key)
        return entry.line if entry else None

    def below_end(self) -> list[tuple[int, str]]:
        """Give the line number and first word of each line below the end mark, where nothing is read."""
        first = "".join(map(_text, self._lines)).replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
        lines = enumerate(re.split(r"\r\n|\r|\n", self._tail), start=first)
        return [(number, match[1]) for number, line in lines if (match := _KEY.match(line))]

    def check(self) -> None:
        """Raise a ConfigError for the first line that could not be read, if there is any."""
        for line, message in self._unread:
            raise ConfigError(message, self.path, line)

    def set(self, key: str, value: object, comment: str = "") -> None:
        """Change a value, or append a new key.

        Parameters
        ----------
        key : str
            A name.
        value : object
            What `format_value` can write. Where it equals the value that is there (a tuple the list of the
            same elements, 10.0 the int 10), the line stays as it is.
        comment : str
            For a new key; the comment of one that is there stays.

        Raises
        ------
        ConfigError
            If the key is no name or the value cannot be written.
        """
        value = plain(value)
        entry = self._by_key.get(key)
        if entry is not None:
            if not _same(entry.value, value):
                entry.value, entry.written = value, write_plain(value)
            return
        if not re.fullmatch(r"\w+", key):
            raise ConfigError(f"{shorten(key)} is no name for a key.")
        end = self._end
        if self._lines and not _text(self._lines[-1]).endswith(("\n", "\r")):
            self._lines.append(end)
        comment = _one_line(comment)
        entry = ConfigEntry(
            key,
            value,
            comment,
            None,
            f"{key} ",
            write_plain(value),
            (f" # {comment}" if comment else "") + end,
        )
        self._lines.append(entry)
        self._by_key[key] = entry

    def remove(self, key: str) -> None:
        """Take out all lines of a key; nothing happens where there is none."""
        self._by_key.pop(key, None)
        self._lines = [
            line for line in self._lines if not (isinstance(line, ConfigEntry) and line.key == key)
        ]

    def text(self) -> str:
        """Give the whole file, with the lines that did not change as they were read."""
        return "".join(_text(line) for line in self._lines) + self._tail

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file, in one step: another program sees the old one or the new one.

        Parameters
        ----------
        path : path-like
            Where to; missing folders are made.

        Raises
        ------
        OSError
            If it cannot be written; a file that is there is left as it is.
        """
        target = user_path(path).resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name[:200]}.{uuid.uuid4().hex}.tmp")
        try:
            with open(beside, "xb") as file:
                file.write(self.text().encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)


def config_from_text(text: str, path: Path | None = None) -> HustleConfig:
    """Make a config from the text of a file, see `read_config`. The time grows in proportion to its length."""
    config = HustleConfig(path)
    budget = Budget()
    places: dict[str, int] = {}
    lines, config._tail = lines_of(text)
    for number, line in lines:
        try:
            entry = _read_line(line, number, budget)
        except ConfigError as error:
            config._unread.append((number, error.message))
            config._lines.append(line)
            continue
        if entry is not None:
            earlier = config._by_key.get(entry.key)
            if earlier is not None and earlier.line is not None:
                message = f"{shorten(entry.key, '')} comes again in line {number}: that one counts."
                config.problems.append((earlier.line, message))
                config._lines[places[entry.key]] = _text(earlier)
            config._by_key[entry.key] = entry
            places[entry.key] = len(config._lines)
        config._lines.append(line if entry is None else entry)
    config.problems = sorted(config.problems + config._unread)
    if any(_text(line).endswith("\r\n") for line in config._lines):
        config._end = "\r\n"
    return config


def _read_line(line: str, number: int, budget: Budget) -> ConfigEntry | None:
    """Read one line; None for a blank one or a comment."""
    if not line.strip() or line.lstrip().startswith("#"):
        return None
    # The ends of the lines of an array count as spaces.
    body = line.rstrip("\r\n").replace("\n", " ").replace("\r", " ")
    match = _KEY.match(body)
    if match is None:
        raise ConfigError(f"{shorten(body.strip())} does not start with a key, such as free_sigma.")
    start = match.end()
    if start == len(body) or body[start] == "#":
        raise ConfigError(
            f"{shorten(match[1], '')} has no value. Write: {shorten(match[1], '')} VALUE # comment"
        )
    parser = Parser(body, budget, start)
    value: object
    try:
        value = parser.whole_value()
        if parser.position < len(body) and body[parser.position] != "#":
            raise ConfigError(f"unexpected {parser.rest()} after the value.")
        end = parser.position
    except ConfigError as error:
        message = f"{shorten(match[1], '')}: {error.message}"
        hash_mark = _BARE_END.search(body, start)
        end = len(body) if hash_mark is None else hash_mark.end() - (hash_mark[0][-1:] == "#")
        text = body[start:end].strip()
        printable = _STRAY_BYTES.sub("", text).isprintable()
        if not text or not printable or text[0] in "'\"[(" or text[-1] in "'\"" or is_call(text):
            raise ConfigError(message) from None
        value = BareText(text, message)
    written = line[start:end].rstrip()
    stop = start + len(written)
    comment = body[end + 1 :].strip()
    return ConfigEntry(match[1], value, comment, number, line[:start], written, line[stop:])


def _same(one: object, other: object) -> bool:
    """Tell whether two plain values mean the same; True is not 1, NaN is NaN, a tuple is its list."""
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other or (one != one and other != other)


def _text(line: str | ConfigEntry) -> str:
    return line if isinstance(line, str) else line.before + line.written + line.after


def _one_line(text: str) -> str:
    return " ".join(text.split())
