"""When and how long a file was exposed, from cards that contradict one another or are no numbers."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from astropy.time import Time

from hustle_widgets.reading.cards import Cards
from hustle_widgets.reading.errors import VisitError

DAY = 86_400.0  # [s]
#: Between Hubble's launch and the end of what a date can be [MJD].
PLAUSIBLE = (48_000.0, 90_000.0)
#: An exposure ends at most this much after its start and its own time [s]: overheads, interruptions by the Earth.
#: No exposure time is as long as this.
LONGEST_PAUSE = 6_000.0


class Times(NamedTuple):
    """When a file was exposed.

    Attributes
    ----------
    start, end : float
        MJD (UTC).
    duration : float
        Exposure time [s].
    remarks : tuple of str
        Which cards were not used, and what was used instead.
    """

    start: float
    end: float
    duration: float
    remarks: tuple[str, ...]


def exposure_times(cards: Cards) -> Times:
    """Return the times of a file.

    Parameters
    ----------
    cards : Cards

    Returns
    -------
    Times

    Raises
    ------
    VisitError
        When neither EXPSTART nor DATE-OBS tells the start, or neither EXPTIME nor EXPEND how long it was
        exposed. Names file and card.

    Notes
    -----
    EXPEND is only taken where it agrees with the start and EXPTIME: later than the start by at least half the
    exposure time and by no more than it and 100 min. Elsewhere the end is the start and the exposure time.
    """
    name = cards.path.name
    remarks = []
    start, duration = cards.number("EXPSTART"), cards.number("EXPTIME")
    missing = [key for key in ("EXPSTART", "EXPTIME") if not cards.has(key)]
    if start is None or not PLAUSIBLE[0] < start < PLAUSIBLE[1]:
        what = cards.state("EXPSTART") if start is None else f"has EXPSTART = {start:g}, no date of Hubble"
        start = _observed(cards)
        if start is None:
            if len(missing) == 2:
                what = "has no EXPSTART and no EXPTIME in its header"
            raise VisitError(f"{cards.path} {what}: no time can be given to it. Take it out of the folder.")
        remarks.append(f"{name} {what}: DATE-OBS and TIME-OBS are used.")
    end = cards.number("EXPEND")
    if duration is None or not 0 <= duration < LONGEST_PAUSE:
        what = cards.state("EXPTIME") if duration is None else f"has EXPTIME = {duration:g}"
        passed = np.nan if end is None else (end - start) * DAY
        if not 0 < passed < LONGEST_PAUSE:
            raise VisitError(
                f"{cards.path} {what}, and EXPEND does not tell the exposure time either: no time can be given to "
                "it. Take it out of the folder."
            )
        duration = float(passed)
        remarks.append(f"{name} {what}: {duration:.1f} s from EXPSTART to EXPEND are taken.")
    expected = start + duration / DAY
    if end is None or not duration / 2 <= round((end - start) * DAY, 3) <= duration + LONGEST_PAUSE:
        if end is not None:
            remarks.append(
                f"{name} has EXPEND = {end:.9g}, which does not fit EXPSTART and EXPTIME: the exposure is taken to "
                "end EXPTIME after EXPSTART."
            )
        elif cards.has("EXPEND"):
            remarks.append(f"{name} {cards.state('EXPEND')}: the end is EXPTIME after EXPSTART.")
        end = expected
    return Times(start, end, duration, tuple(remarks))


def _observed(cards: Cards) -> float | None:
    """Start by DATE-OBS and TIME-OBS [MJD], None where they are no date."""
    date, clock = cards.text("DATE-OBS"), cards.text("TIME-OBS")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", date) or not re.fullmatch(r"\d\d:\d\d:\d\d(\.\d*)?", clock):
        return None
    try:
        start = float(Time(f"{date}T{clock}", format="isot", scale="utc").mjd)
    except ValueError:
        return None
    return start if PLAUSIBLE[0] < start < PLAUSIBLE[1] else None
