"""Whether the files of a visit belong together, and are of the detector this is made for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from hustle_widgets.reading.cards import Cards
from hustle_widgets.reading.errors import VisitError
from hustle_widgets.reading.finding import GRISM, Found
from hustle_widgets.reading.headers import Exposure, Headers
from hustle_widgets.reading.times import DAY

#: Coordinates further apart than this are of another pointing [arcsec].
SAME_POINTING = 1.0
#: Exposures may overlap by this much [s]: times are rounded.
OVERLAP = 1.0
_MANY = 4


def check_filters(found: Found) -> list[str]:
    """Tell what is odd in the filters of exposures and direct images.

    Direct images of another filter than G280 come first afterwards.

    Returns
    -------
    list of str

    Raises
    ------
    VisitError
        When the two folders are swapped, or files of several filters are mixed. Names the files.
    """
    spectra = Counter(h.filter for h in found.spectra)
    direct = Counter(h.filter for h in found.direct)
    none_is_grism = GRISM not in spectra and "UNKNOWN" not in spectra
    if none_is_grism and direct[GRISM] > len(found.spectra):
        raise VisitError(
            f"{found.spectra[0].path} and the other files of specimages are of filter {', '.join(sorted(spectra))}, "
            f"{direct[GRISM]} files of directimages are of G280: the two folders are swapped. Exchange their names."
        )
    if len(spectra) > 1:
        usual = GRISM if GRISM in spectra else spectra.most_common(1)[0][0]
        odd = [h for h in found.spectra if h.filter != usual]
        raise VisitError(
            f"Frames of unlike filters: {_some([f'{h.path} is {h.filter}' for h in odd])}, the others are {usual}. "
            "Move direct images to directimages/, and other files out of the folder."
        )
    messages = []
    if GRISM not in spectra:
        messages.append(
            f"Filter {', '.join(sorted(spectra))} where G280 was expected; the traces are those of G280."
        )
        if direct[GRISM]:
            messages.append(
                "The direct image is of G280 and the frames are not: are the two folders swapped?"
            )
    found.direct.sort(key=lambda h: h.filter == GRISM)
    first = found.direct[0]
    if first.filter == GRISM:
        messages.append(
            f"The direct image {first.path.name} is a G280 frame: the target's place cannot be measured on it. "
            "Put the image through an ordinary filter into directimages/."
        )
    if len(found.direct) > 1:
        others = _some([f"{h.path.name} ({h.filter})" for h in found.direct[1:]])
        messages.append(f"Several direct images; {first.path.name} is used, not {others}.")
    return messages


def check_alike(exposures: Sequence[Exposure]) -> list[str]:
    """Compare the frames of a visit with one another.

    Returns
    -------
    list of str
        What differs and does not forbid that they are worked on together. Names the files.

    Raises
    ------
    VisitError
        For frames whose pixels are not the same pixels: unlike shapes, subarrays, chips or binning. Names the
        files.
    """
    first = exposures[0]
    for other in exposures[1:]:
        if other.shape != first.shape:
            raise VisitError(
                f"Frames of unlike shapes: {first.path} is {first.shape[0]} rows x {first.shape[1]} columns, "
                f"{other.path} is {other.shape[0]} x {other.shape[1]}. Keep those of one subarray only."
            )
    for what, of, shown in (
        ("subarrays", lambda e: e.headers.corner(e.version), "starts at column, row {} of the chip"),
        ("chips", lambda e: e.chip, "is of chip {}"),
        ("binning", lambda e: _binning(e.cards), "has BINAXIS {}"),
    ):
        odd = _odd(exposures, of)
        if odd:
            usual, others = odd
            words = _some([f"{e.path} {shown.format(_plain(value))}" for e, value in others])
            raise VisitError(
                f"Frames of unlike {what}: {words}, where the others have {_plain(usual)}. Keep those of one kind only."
            )
    messages = []
    for what, of in (
        ("TARGNAME", lambda e: e.cards.text("TARGNAME").upper() or None),
        ("CCDGAIN", lambda e: e.cards.number("CCDGAIN")),
        ("APERTURE", lambda e: e.cards.text("APERTURE").upper() or None),
        ("CCDAMP", lambda e: e.cards.text("CCDAMP").upper() or None),
    ):
        odd = _odd(exposures, of)
        if odd:
            usual, others = odd
            words = _some([f"{e.path.name} has {_plain(value)}" for e, value in others])
            messages.append(
                f"Frames of unlike {what}: {words}, the others {_plain(usual)}. Do they belong together?"
            )
    apart = _apart(exposures)
    if apart:
        messages.append(
            f"Frames of unlike coordinates: {_some(apart)} from the others (RA_TARG, DEC_TARG). "
            "Do they belong together?"
        )
    return messages + _not_usual(exposures)


def check_times(exposures: Sequence[Exposure]) -> list[str]:
    """Name the exposures, in the order of time, that begin with the one before them or before it ends."""
    same, early = [], []
    for before, exposure in pairwise(exposures):
        names = f"{before.path.name} and {exposure.path.name}"
        if exposure.start <= before.start:
            same.append(names)
        elif (before.end - exposure.start) * DAY > OVERLAP:
            early.append(names)
    messages = []
    if same:
        messages.append(
            f"Some exposures have the same start time: {_some(same)}. Is a file there twice? Take one out."
        )
    if early:
        messages.append(
            f"Some exposures begin before the one before them ends: {_some(early)}. Are they of one visit, and are "
            "EXPSTART and EXPTIME right?"
        )
    return messages


def check_direct_binning(direct: Headers, exposures: Sequence[Exposure]) -> list[str]:
    """Say when the direct image has pixels of another size than the frames."""
    own, theirs = _binning(direct.cards), _binning(exposures[0].cards)
    if own == theirs:
        return []
    return [
        f"The direct image {direct.path.name} has BINAXIS {_plain(own)}, the frames {_plain(theirs)}: the target's "
        "place on it is not that in the frames. Take a direct image of the same binning."
    ]


def _not_usual(exposures: Sequence[Exposure]) -> list[str]:
    """Say what is odd in all frames, or not known of some and taken from elsewhere."""
    messages = []
    binning = _binning(exposures[0].cards)
    if binning != (1, 1):
        messages.append(
            f"The frames have BINAXIS {_plain(binning)}; traces, wavelengths and the sky image are those of unbinned "
            "pixels and do not fit them."
        )
    unknown = [e for e in exposures if e.headers.corner(e.version) is None]
    if unknown and len(unknown) < len(exposures):
        messages.append(
            f"LTV1 or LTV2 is no number in {_some([e.path.name for e in unknown])}: taken to be of the subarray of "
            "the other frames."
        )
    assumed = [e for e in exposures if not e.headers.tells_chip(e.version)]
    if assumed:
        messages.append(
            f"CCDCHIP is neither 1 nor 2 in {_some([e.path.name for e in assumed])}: taken to be of chip "
            f"{assumed[0].chip}."
        )
    return messages


def _odd(
    exposures: Sequence[Exposure], of: Callable[[Exposure], Hashable]
) -> tuple[Any, list[tuple[Exposure, Any]]] | None:
    """Most common value, and the exposures with another one; what is not known (None) is like any."""
    values = [of(exposure) for exposure in exposures]
    counts = Counter(value for value in values if value is not None)
    if len(counts) < 2:
        return None
    usual = counts.most_common(1)[0][0]
    return usual, [(e, v) for e, v in zip(exposures, values, strict=True) if v is not None and v != usual]


def _binning(cards: Cards) -> tuple[int, int]:
    return cards.whole("BINAXIS1", 1) or 1, cards.whole("BINAXIS2", 1) or 1


def _apart(exposures: Sequence[Exposure]) -> list[str]:
    """Frames whose target lies elsewhere than that of most."""
    places = np.array(
        [[e.cards.number(key, np.nan) for key in ("RA_TARG", "DEC_TARG")] for e in exposures], dtype=float
    )
    known = np.isfinite(places).all(axis=1)
    if known.sum() < 2:
        return []
    # The coordinates that most frames have: a median could lie between two pointings.
    rounded = Counter(map(tuple, np.round(places[known], 5)))
    right_ascension, declination = rounded.most_common(1)[0][0]
    around = (places[:, 0] - right_ascension + 180) % 360 - 180
    distance = 3600 * np.hypot(around * np.cos(np.deg2rad(declination)), places[:, 1] - declination)
    return [
        f"{e.path.name} is {d:.1f} arcsec away"
        for e, d in zip(exposures, distance, strict=True)
        if np.isfinite(d) and d > SAME_POINTING
    ]


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(_plain(entry) for entry in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _some(words: Sequence[str]) -> str:
    shown = ", ".join(words[:_MANY])
    return shown if len(words) <= _MANY else f"{shown} and {len(words) - _MANY} more"
