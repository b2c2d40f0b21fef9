"""Header cards, read as a number, a whole number or a text. The caller gets nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from astropy.io import fits

from hustle_widgets.reading.errors import VisitError


class Cards:
    """Cards of one file, looked up in several headers one after the other.

    A card that is missing, blank or of another kind gives the default. One that is there and cannot be read
    is noted, a sentence each, in `remarks`.

    Parameters
    ----------
    path : Path
        The file, for messages.
    *headers : Header
        The first that has a card wins.

    Attributes
    ----------
    remarks : list of str
        Which cards were not used, and why.
    """

    def __init__(self, path: Path, *headers: fits.Header) -> None:
        self.path, self.headers = path, headers
        self.remarks: list[str] = []

    def value(self, key: str) -> Any:
        """Return what stands in a card, None for a missing or blank one; text that FITS cannot hold as it is."""
        for header in self.headers:
            if key not in header:
                continue
            try:
                value = header[key]
            except (fits.VerifyError, ValueError):  # a card against the standard: its text, for the message
                value = header.cards[key].image[10:].split("/")[0].strip()
            if isinstance(value, str):
                value = value.strip()
            if isinstance(value, fits.card.Undefined) or value == "":
                continue
            return value
        return None

    def text(self, key: str, default: str = "") -> str:
        """Return a card as text; `default` when it is missing or blank."""
        value = self.value(key)
        return default if value is None else str(value)

    def number(self, key: str, default: float | None = None) -> float | None:
        """Return a card as a finite number, else `default`."""
        value = self.value(key)
        if value is None:
            if self.has(key):
                self._remark(key, "is blank")
            return default
        number = _finite(value)
        if number is None:
            self._remark(key, f"is {_shown(value)}, which is no number")
            return default
        return number

    def whole(self, key: str, default: int | None = None) -> int | None:
        """Return a card as a whole number, else `default`."""
        number = self.number(key)
        if number is None:
            return default
        if number != int(number):
            self._remark(key, f"is {number:g}, which is no whole number")
            return default
        return int(number)

    def has(self, key: str) -> bool:
        """Tell whether the card is there, readable or not."""
        return any(key in header for header in self.headers)

    def state(self, key: str) -> str:
        """Say what is wrong with a card that gives no number, e.g. 'has no EXPSTART in its header'."""
        if not self.has(key):
            return f"has no {key} in its header"
        value = self.value(key)
        return f"has a blank {key}" if value is None else f"has {key} = {_shown(value)}, which is no number"

    def required(self, key: str, kind: Callable[[str], Any], why: str) -> Any:
        """Return a card that is needed.

        Raises
        ------
        VisitError
            When it is missing or of another kind. Names file and card.
        """
        value = kind(key)
        if value is None:
            raise VisitError(f"{self.path} {self.state(key)}: {why}")
        return value

    def _remark(self, key: str, what: str) -> None:
        remark = f"{self.path.name}: {key} {what}; it is not used."
        if remark not in self.remarks:
            self.remarks.append(remark)


def _finite(value: Any) -> float | None:
    """Take a number from a card; text that reads as one counts, True and False do not."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
