"""What a campaign says in a terminal or notebook: a bar over the visits, and the step that each is at."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from tqdm import tqdm

from hustle_widgets.campaign.driver import Heard
from hustle_widgets.console import say

_EVERY = 0.5  # s
_SHOWN = 3  # visits whose step is named


class Progress:
    """A bar that counts visits; behind it stand the steps of those under way.

    Parameters
    ----------
    total : int
        Visits in all.
    heard : Heard
    shown : bool
        Whether anything is shown.
    unit : str
        What is counted.

    Attributes
    ----------
    names : sequence of str
        Of the visits that are worked on, in the order in which `heard` numbers them.
    """

    def __init__(self, total: int, heard: Heard, shown: bool = True, unit: str = "visit") -> None:
        self.names: Sequence[str] = ()
        self._heard, self._shown = heard, shown
        self._bar: Any = tqdm(
            total=total, desc=f"{unit.capitalize()}s", unit=unit, disable=not shown, file=sys.stderr
        )
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="hustle-campaign", daemon=True)
        if shown:
            self._thread.start()

    def _follow(self) -> None:
        while not self._over.wait(_EVERY):
            self._bar.set_postfix_str(words_of(self._heard.under_way(), self.names), refresh=True)

    def done(self, row: Mapping[str, Any]) -> None:
        """Count a visit, and say what became of it if that is worth a line."""
        self._bar.update(1)
        if row["status"] == "failed" and self._shown:
            say(f"{row['name']} failed: {row['message']}", 1)

    def close(self) -> None:
        """Take the bar away."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        self._bar.set_postfix_str("", refresh=False)
        self._bar.close()


def words_of(under_way: Mapping[int, tuple[str, float]], names: Sequence[str]) -> str:
    """Say at which step visits are."""
    words = [
        f"{names[number]} {step} {100 * fraction:.0f} %"
        for number, (step, fraction) in sorted(under_way.items())
        if step
    ]
    more = len(words) - _SHOWN
    return ", ".join(words[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
