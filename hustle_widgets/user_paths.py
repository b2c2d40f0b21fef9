"""Paths as people write them: with ~ for the home folder, and with variables of the environment."""

from __future__ import annotations

import os
from pathlib import Path


def expanded(path: str | os.PathLike[str]) -> str:
    """Return a path with ``~``, ``$NAME`` and ``${NAME}`` written out.

    A variable that is not set stays as it is written, and so does the name of something that exists.
    """
    text = os.path.expanduser(path)
    return text if "$" not in text or os.path.lexists(text) else os.path.expanduser(os.path.expandvars(text))


def user_path(path: str | os.PathLike[str]) -> Path:
    """Return `expanded` as a Path."""
    return Path(expanded(path))
