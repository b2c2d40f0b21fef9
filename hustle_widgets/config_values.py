"""Which values a `.hustle` file can hold, and how they are written so that they can be read again."""

from __future__ import annotations

import math
import os

import numpy as np

MAX_DEPTH = 20  # lists inside one another
MAX_DIGITS = 400
_RUN_AS_RANGE = range(4, 4097)  # lengths of 0..n-1 that are written as a range


class ConfigError(ValueError):
    """What is wrong with a config file or value, and where.

    Parameters
    ----------
    message : str
        What is wrong.
    path : path-like, optional
        The file.
    line : int, optional
        Its line, counted from 1.
    """

    def __init__(
        self, message: str, path: str | os.PathLike[str] | None = None, line: int | None = None
    ) -> None:
        where = [os.fspath(path)] if path is not None else []
        where += [f"line {line}"] if line is not None else []
        super().__init__(f"{', '.join(where)}: {message}" if where else message)
        self.message, self.path, self.line = message, path, line


class BareText(str):
    """A text that stood without quotes in a config file.

    Attributes
    ----------
    problem : str
        Why it could not be read as anything else.
    """

    problem: str

    def __new__(cls, text: str, problem: str = "") -> BareText:
        """Keep the text, and why it is one."""
        made = super().__new__(cls, text)
        made.problem = problem
        return made


def format_value(value: object) -> str:
    r"""Write one value so that `parse_value` gives it back.

    Parameters
    ----------
    value : object
        None, bool, int, float, str, path, numpy number or array, range, or a list or tuple of these.

    Returns
    -------
    str
        One line. Floats have the fewest digits that give them back exactly.

    Raises
    ------
    ConfigError
        If the value is of another kind.

    Examples
    --------
    >>> format_value([0, 1, 2, 3, 4]), format_value((np.float64(0.1), "it's #1"))
    ('[i for i in range(5)]', '(0.1, "it\'s #1")')
    """
    return write_plain(plain(value))


def plain(value: object, depth: int = 0) -> object:
    """Give the value with plain Python types, lists and tuples only."""
    if depth > MAX_DEPTH:
        raise ConfigError(f"a value with more than {MAX_DEPTH} lists inside one another cannot be written.")
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, range)):
        return [plain(element, depth + 1) for element in value]
    if isinstance(value, tuple):
        return tuple(plain(element, depth + 1) for element in value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        if abs(int(value)) >= 10 ** (MAX_DIGITS - 1):
            raise ConfigError(f"a number of more than {MAX_DIGITS - 1} digits cannot be written.")
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise ConfigError(f"a value of type {type(value).__name__} cannot be written to a .hustle file.")


def write_plain(value: object) -> str:
    """Write a plain value."""
    if isinstance(value, list):
        if len(value) in _RUN_AS_RANGE and all(type(v) is int and v == k for k, v in enumerate(value)):
            return f"[i for i in range({len(value)})]"
        return f"[{', '.join(map(write_plain, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(write_plain, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')"
    return repr(value)


def shorten(text: str, quote: str = "'") -> str:
    """Quote a text for a message, cut to a readable length and with nothing unprintable."""
    cut = text if len(text) <= 40 else text[:37] + "..."
    return quote + "".join(c if c.isprintable() else "?" for c in cut) + quote
