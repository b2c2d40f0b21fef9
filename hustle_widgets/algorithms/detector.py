"""What is true of WFC3/UVIS whatever is done with its frames (WFC3 Data Handbook 5)."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COSMIC_RAY_FLAGS", "HST_FLAGS", "HOT_FLAG", "READ_NOISE", "Flag"]

READ_NOISE = 3.1
"""Read noise of a pixel, electrons: of use where the errors of a frame do not tell it."""


class Flag(NamedTuple):
    """What a bit of calwf3's data quality means, in words and in few letters."""

    meaning: str
    short: str


HST_FLAGS = {
    1: Flag("decoding error", "decoding"),
    2: Flag("filled", "filled"),
    4: Flag("bad detector pixel", "bad"),
    8: Flag("blemish", "blemish"),
    16: Flag("hot", "hot"),
    32: Flag("CTE tail", "CTE tail"),
    64: Flag("warm", "warm"),
    128: Flag("bias", "bias"),
    256: Flag("saturated", "saturated"),
    512: Flag("bad flat", "flat"),
    1024: Flag("charge trap", "sink"),
    2048: Flag("A-to-D saturated", "A/D sat."),
    4096: Flag("cosmic ray (AstroDrizzle)", "CR (drizzle)"),
    8192: Flag("cosmic ray (calwf3)", "CR (calwf3)"),
    16384: Flag("ghost", "ghost"),
    32768: Flag("spare", "spare"),
}
"""The bits of calwf3's data quality (table 3.3)."""

HOT_FLAG = 16
COSMIC_RAY_FLAGS = (4096, 8192)
