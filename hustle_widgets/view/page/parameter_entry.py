"""The widgets of one parameter, and how a value gets in and out of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


def _alone(source: Any, value: Any) -> None:
    """Leave the rest of an entry that has one part."""


def _never(part: Any) -> bool:
    return False


@dataclass
class Entry:
    """The widgets of one parameter.

    Attributes
    ----------
    beside, below : list of Widget
        Those on the line of the label, and those below it.
    get : callable
        get(part) -> the value that the part a person has moved stands for. Raises ValueError.
    put : callable
        put(value) shows a value on all parts.
    follow : callable
        follow(part, value) shows a value on the parts beside the one a person has moved.
    sources : list of Widget
        Those that a person sets, if not all of them.
    is_echo : callable
        is_echo(part) -> whether the value that just came from the browser is one it was sent, not one of a person.
        It sets what the part is to show, if that was another value.
    """

    beside: list[Any]
    get: Callable[[Any], Any]
    put: Callable[[Any], None]
    below: list[Any] = field(default_factory=list)
    follow: Callable[[Any, Any], None] = _alone
    sources: list[Any] = field(default_factory=list)
    is_echo: Callable[[Any], bool] = _never

    @property
    def parts(self) -> list[Any]:
        """All widgets that a person sets."""
        return self.sources or [*self.beside, *self.below]
