"""What the pixels of a file are counted in, and what turns them into electrons."""

from __future__ import annotations

import re

from hustle_widgets.reading.cards import Cards
from hustle_widgets.reading.errors import VisitError

ELECTRONS = ("ELECTRON", "ELECTRONS", "E-", "E", "EL")
COUNTS = ("COUNT", "COUNTS", "DN", "ADU", "CTS")
SECONDS = ("S", "SEC", "SECS", "SECOND", "SECONDS")
#: Gains of WFC3/UVIS that can be commanded lie between 1 and 4 e-/DN (WFC3 Instrument Handbook 5.4).
GAINS = (0.5, 10.0)
AMPLIFIERS = "ABCD"


def electrons_factor(cards: Cards, duration: float) -> tuple[float, str]:
    """Return what the pixels of a file must be multiplied by to be electrons, and what that means.

    Parameters
    ----------
    cards : Cards
        The SCI header, then the primary one.
    duration : float
        Exposure time [s]; of 0 s come 0 electrons.

    Returns
    -------
    factor : float
    remark : str
        What a person should know, '' for a file in electrons.

    Raises
    ------
    VisitError
        When BUNIT is missing or unknown, or what it must be multiplied by is. Names the file.
    """
    written = cards.text("BUNIT")
    if not written:
        if cards.text("FLATCORR").upper() == "COMPLETE":
            # calwf3 goes over to electrons when it divides by the flat field.
            return 1.0, "BUNIT is missing: electrons, since FLATCORR is COMPLETE."
        raise VisitError(
            f"{cards.path} has no BUNIT in its SCI header, so it is not known whether its pixels are electrons, "
            "electrons/s or counts. Set it, e.g. to 'ELECTRONS', or calibrate the file with calwf3."
        )
    unit, per_second = _parsed(written)
    factor, remarks = 1.0, []
    if unit in COUNTS:
        factor, source = _gain(cards)
        remarks.append(f"Images in {written} were multiplied by the gain, {factor:g} e-/DN ({source})")
    elif unit not in ELECTRONS:
        raise VisitError(
            f"{cards.path} has BUNIT = {written!r}, which is neither electrons nor counts, by frame or by second. "
            "Give calibrated files, *_flt.fits, or set BUNIT."
        )
    if per_second:
        factor *= duration
        remarks.append(
            "and by the exposure time" if remarks else "Images in e-/s were multiplied by the exposure time"
        )
    return factor, " ".join(remarks) + "." if remarks else ""


def _parsed(written: str) -> tuple[str, bool]:
    """Return a unit without blanks and in capitals, and whether it is by second."""
    text = re.sub(r"\s*/\s*", "/", " ".join(written.upper().split()))
    text = re.sub(r"[ .*]?(?:S|SEC|SECOND)(?:\*\*|\^)?\(?-1\)?$| PER (?:S|SEC|SECOND)\.?$", "/S", text)
    text = "COUNTS/S" if text == "CPS" else text
    unit, _, rest = text.partition("/")
    if rest and rest not in SECONDS:
        return text, False
    return unit.strip(), bool(rest)


def _gain(cards: Cards) -> tuple[float, str]:
    """Electrons a count: the mean of the calibrated gains, else the commanded one."""
    used = cards.text("CCDAMP").upper()
    amplifiers = [a for a in AMPLIFIERS if a in used] or list(AMPLIFIERS)
    calibrated = [cards.number(f"ATODGN{amplifier}") for amplifier in amplifiers]
    known = [gain for gain in calibrated if gain is not None and GAINS[0] <= gain <= GAINS[1]]
    if known and len(known) == len(calibrated):
        return sum(known) / len(known), "ATODGN"
    commanded = cards.number("CCDGAIN")
    if commanded is not None and GAINS[0] <= commanded <= GAINS[1]:
        return commanded, "CCDGAIN"
    raise VisitError(
        f"{cards.path} is in {cards.text('BUNIT')} and its gain is not known: it "
        f"{cards.state('CCDGAIN') if commanded is None else f'has CCDGAIN = {commanded:g}'}. "
        "Give files in electrons, *_flt.fits of calwf3."
    )
