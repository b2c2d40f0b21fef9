"""Exposures that failed, by what their headers say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hustle_widgets.algorithms.failed_frames import FILL
from hustle_widgets.reading.headers import Exposure

#: An exposure time further than this from that of most frames, as a share of it, is odd.
UNLIKE = 0.1
#: Frames that are named one by one.
_MANY = 8
_GOOD = {"EXPFLAG": ("NORMAL",), "QUALITY": ("OK", "GOOD", "NORMAL", "NOMINAL"), "FGSLOCK": ("FINE",)}
_MEANS = {
    "EXPFLAG": "the exposure did not go as planned",
    "QUALITY": "the archive warns of its quality",
    "FGSLOCK": "the telescope was not guided as planned",
}


def header_problems(exposures: Sequence[Exposure]) -> list[str]:
    """Say what failed in each exposure, '' for one of which the header says nothing bad.

    Parameters
    ----------
    exposures : sequence of Exposure

    Returns
    -------
    list of str
        A few words an exposure, e.g. 'EXPTIME is 0'.
    """
    durations = np.array([exposure.duration for exposure in exposures])
    exposed = durations[durations > 0]
    usual = float(np.median(exposed)) if exposed.size else 0.0
    return ["; ".join(_problems(exposure, usual)) for exposure in exposures]


def failure_messages(names: Sequence[str], problems: Sequence[str]) -> list[str]:
    """Name the frames that failed, a sentence each, and offer to leave them out.

    Parameters
    ----------
    names, problems : sequence of str
        File of each frame, and what failed in it, '' where nothing did.

    Returns
    -------
    list of str
        Of many frames, the rest is one sentence.
    """
    failed = [k for k, problem in enumerate(problems) if problem]
    lines = [f"Frame {k} ({names[k]}): {problems[k]}. Leave it out with skip_frames." for k in failed[:_MANY]]
    if len(failed) > _MANY:
        rest = ", ".join(map(str, failed[_MANY:]))
        lines.append(f"Something failed in {len(failed) - _MANY} more frames: {rest}.")
    return lines


def infinite_messages(names: Sequence[str], infinite: Sequence[int]) -> list[str]:
    """Name the frames with pixels that are infinite, or beyond `FILL`.

    Parameters
    ----------
    names : sequence of str
        File of each frame.
    infinite : sequence of int
        Infinite pixels of each frame.

    Returns
    -------
    list of str
        A sentence, or none.
    """
    where = [
        f"frame {k} ({names[k]}) {number:,}" if names[k] else f"frame {k} {number:,}"
        for k, number in enumerate(infinite)
        if number
    ]
    if not where:
        return []
    listed = ", ".join(where[:_MANY]) + (
        f" and {len(where) - _MANY} more frames" if len(where) > _MANY else ""
    )
    return [f"Pixels that are infinite or beyond {FILL:g} e- are treated as without a value (NaN): {listed}."]


def _problems(exposure: Exposure, usual: float) -> list[str]:
    found = []
    if exposure.duration == 0:
        found.append("EXPTIME is 0: nothing was exposed")
    elif abs(exposure.duration - usual) > UNLIKE * usual:
        found.append(f"EXPTIME is {exposure.duration:g} s where most frames have {usual:g} s")
    for key, good in _GOOD.items():
        value = exposure.cards.text(key)
        if value and value.upper() not in good:
            found.append(f"{key} is {value}: {_MEANS[key]}")
    return found
