"""The values of `.hustle` files, read as data: nothing in them is ever evaluated.

The values look like Python. A small parser of our own reads the forms that parameters have, so that a file
from a stranger can neither run code nor make Python build something large or nest too deeply.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from hustle_widgets.config_values import MAX_DEPTH, MAX_DIGITS, ConfigError, shorten

MAX_CHARACTERS = 1_000_000
_MAX_RANGE = 100_000  # elements of all ranges of one value, or of one file

_SPACE = re.compile(r"[ \t\f\v\xa0]*")
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_NUMBER = re.compile(
    r"0[xXoObB][0-9a-fA-F_]+|(?:[0-9][0-9_]*+\.?[0-9_]*+|\.[0-9][0-9_]*+)(?:[eE][+-]?[0-9]++)?"
)
_INT = re.compile(r"0[xXoObB].*|[0-9_]+")
_STRING = re.compile(r"'[^'\\]*+(?:\\.[^'\\]*+)*+'|\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|.)")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"} | {
    c: c for c in "\\'\""
}
_COMPREHENSION = re.compile(r"\[\s*([A-Za-z_]\w*)\s+for\s+\1\s+in\s+(?=(?:range|(?:np|numpy)\.arange)\s*\()")
_CONSTANTS = {"None": None, "True": True, "False": False, "inf": math.inf, "nan": math.nan}
_FLOATS = {"float", "float16", "float32", "float64"}
_INTS = {"int", "intp"} | {f"{sign}int{size}" for sign in ("", "u") for size in (8, 16, 32, 64)}
_CALLS = _FLOATS | _INTS | {"range", "arange", "list", "tuple", "array", "bool", "bool_", "str_"}


def parse_value(text: str) -> object:
    """Read one value, as data.

    Parameters
    ----------
    text : str
        A number, text in quotes, True, False, None, a list or tuple of values, ``range(n)``, ``np.arange(n)``
        and ``[i for i in range(n)]``, lists joined by ``+``, or a number or an array as numpy prints it, such
        as ``np.float64(970.25)`` and ``[0 1 2]``.

    Returns
    -------
    object
        None, bool, int, float, str, or a list or tuple of these. Ranges and arrays become lists, numpy
        numbers plain ones.

    Raises
    ------
    ConfigError
        If the text is anything else, or a range has more than 100 000 elements.

    Examples
    --------
    >>> parse_value("[[260, 370, 640, 1100],]")
    [[260, 370, 640, 1100]]
    >>> parse_value("[i for i in range(4)]")
    [0, 1, 2, 3]
    """
    if len(text) > MAX_CHARACTERS:
        raise ConfigError("a value of more than a million characters.")
    parser = Parser(text, Budget())
    value = parser.whole_value()
    if parser.position < len(text):
        raise ConfigError(f"unexpected {parser.rest()} after the value.")
    return value


@dataclass
class Budget:
    """How many elements ranges may still have."""

    left: int = _MAX_RANGE


class Parser:
    """Reads one value from a place in a text. Then `position` is behind the value and the spaces that follow it."""

    def __init__(self, text: str, budget: Budget, position: int = 0) -> None:
        self.text, self.budget, self.position = text, budget, position

    def rest(self) -> str:
        """Say what comes next."""
        return shorten(self.text[self.position : self.position + 41]) if self.peek() else "end of line"

    def peek(self) -> str:
        """Give the next character; an empty text at the end."""
        return self.text[self.position : self.position + 1]

    def skip(self, number: int = 0) -> None:
        """Go on by some characters and the spaces behind them."""
        match = _SPACE.match(self.text, self.position + number)
        assert match is not None  # it matches nothing, too
        self.position = match.end()

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read what matches here, and the spaces behind it."""
        match = pattern.match(self.text, self.position)
        if match:
            self.position = match.end()
            self.skip()
        return match

    def expect(self, character: str) -> None:
        """Read this character, or say what is there instead."""
        if self.peek() != character:
            raise ConfigError(f"expected {character!r}, found {self.rest()}.")
        self.skip(1)

    def whole_value(self) -> object:
        """Read a value, or a tuple without parentheses."""
        self.skip()
        value = self.value(0)
        while isinstance(value, list) and self.peek() == "+":
            self.skip(1)
            more = self.value(0)
            if not isinstance(more, list):
                raise ConfigError("'+' joins a list with something that is no list.")
            value.extend(more)
        if self.peek() != ",":
            return value
        values = [value]
        while self.peek() == ",":
            self.skip(1)
            if self.peek() not in ("", "#"):
                values.append(self.value(1))
        return tuple(values)

    def value(self, depth: int) -> object:
        """Read a value that lies inside `depth` others."""
        if depth > MAX_DEPTH:
            raise ConfigError(f"more than {MAX_DEPTH} brackets or signs inside one another.")
        character = self.peek()
        if character in ("'", '"'):
            return self.string()
        if character == "[":
            if self.take(_COMPREHENSION):
                value = self.value(depth + 1)
                self.expect("]")
                return value
            return self.sequence("]", depth)[0]
        if character == "(":
            values, commas = self.sequence(")", depth)
            return values[0] if len(values) == 1 and not commas else tuple(values)
        if character in ("+", "-"):
            self.skip(1)
            value = self.value(depth + 1)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ConfigError(f"{character!r} stands before something that is no number.")
            return -value if character == "-" else value
        if match := self.take(_NUMBER):
            return _number(match[0])
        if match := self.take(_NAME):
            return self.named(match[0], depth)
        raise ConfigError(f"expected a value, found {self.rest()}.")

    def sequence(self, closing: str, depth: int) -> tuple[list[object], int]:
        """Read values up to the closing bracket. Return the number of commas too: an array of numpy has none."""
        values: list[object] = []
        commas = gaps = 0
        self.skip(1)
        while self.peek() != closing:
            values.append(self.value(depth + 1))
            if self.peek() == "," and not gaps:
                self.skip(1)
                commas += 1
            elif self.peek() != closing:
                if closing != "]" or commas or not self.follows_in_array(values[-1]):
                    raise ConfigError(f"expected ',' or {closing!r}, found {self.rest()}.")
                gaps += 1
        self.skip(1)
        return values, commas

    def follows_in_array(self, value: object) -> bool:
        """Tell whether the next element of an array of numbers follows here without a comma."""
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        spaced = self.position > 0 and self.text[self.position - 1].isspace()
        after = self.text[self.position + 1 : self.position + 2]
        signed = self.peek() in "+-" and after and after in "0123456789."
        return spaced and (
            (number and bool(signed or self.peek() in ".0123456789"))
            or (isinstance(value, list) and self.peek() == "[")
        )

    def string(self, raw: bool = False) -> str:
        """Read a text in quotes."""
        match = self.take(_STRING)
        if match is None:
            raise ConfigError(f"the quote of {self.rest()} is not closed.")
        inner = match[0][1:-1]
        return inner if raw else _ESCAPE.sub(_unescape, inner)

    def named(self, name: str, depth: int) -> object:
        """Read what starts with a name: a constant, or one of a few calls."""
        short = _without_numpy(name)
        if short in _CONSTANTS:
            return _CONSTANTS[short]
        if name in ("r", "R") and self.peek() in ("'", '"'):
            return self.string(raw=True)
        if self.peek() == "(" and short in _CALLS:
            return self.called(short, self.sequence(")", depth)[0])
        raise ConfigError(f"{shorten(name)} is not a value; text needs quotes, and nothing is evaluated.")

    def called(self, name: str, arguments: list[object]) -> object:
        """Give what ``name(arguments)`` stands for."""
        if name in ("range", "arange"):
            numbers = [
                n for n in arguments if isinstance(n, int) and not isinstance(n, bool) and abs(n) < 10**12
            ]
            if len(numbers) != len(arguments) or not 1 <= len(numbers) <= 3 or numbers[2:] == [0]:
                raise ConfigError(f"{name}() takes one to three small ints.")
            elements = range(*numbers)
            if len(elements) > self.budget.left:
                raise ConfigError(
                    f"{name}() of {len(elements)} elements: at most {_MAX_RANGE} in all are read."
                )
            self.budget.left -= len(elements)
            return list(elements)
        value = arguments[0] if len(arguments) == 1 else None
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if name in _FLOATS and (number or value in ("inf", "-inf", "nan")):
            return float(value)  # type: ignore[arg-type]
        if name in _INTS and isinstance(value, int) and number:
            return value
        if name in ("bool", "bool_") and isinstance(value, bool):
            return value
        if name == "str_" and isinstance(value, str):
            return value
        if name in ("list", "tuple", "array") and isinstance(value, (list, tuple)):
            return tuple(value) if name == "tuple" else list(value)
        if name == "array" and number:
            return value
        raise ConfigError(f"{name}(...) does not hold one value of that kind.")


def is_call(text: str) -> bool:
    """Tell whether a text is a call such as ``range(10)``, rather than words."""
    match = re.match(r"([A-Za-z_][\w.]*)\s*\(", text)
    return match is not None and _without_numpy(match[1]) in _CALLS


def _without_numpy(name: str) -> str:
    return re.sub(r"^(np|numpy)\.", "", name)


def _number(token: str) -> int | float:
    """Give the number of its text."""
    if len(token) > MAX_DIGITS:
        raise ConfigError(f"a number of more than {MAX_DIGITS} digits.")
    try:
        return int(token, 0) if _INT.fullmatch(token) else float(token)
    except ValueError:
        raise ConfigError(f"{shorten(token)} is not a number.") from None


def _unescape(match: re.Match[str]) -> str:
    """Give the character of an escape; one that is none stands for itself, as in Python."""
    code = match[1]
    if code[0] in "xuU" and len(code) > 1:
        number = int(code[1:], 16)
    elif code[0] in "01234567":
        number = int(code, 8)
    else:
        return _ESCAPED.get(code, match[0])
    if number > 0x10FFFF:
        raise ConfigError(f"{match[0]} is no character.")
    return chr(number)
