"""Whether files are of the detector this is made for."""

from __future__ import annotations

from collections.abc import Sequence

from hustle_widgets.reading.errors import VisitError
from hustle_widgets.reading.headers import Headers


def check_instrument(files: Sequence[Headers]) -> None:
    """Refuse files of another instrument or detector.

    Raises
    ------
    VisitError
        Names the files.
    """
    for key, expected in (("INSTRUME", "WFC3"), ("DETECTOR", "UVIS")):
        others = [(h, h.cards.text(key)) for h in files if h.cards.text(key, expected).upper() != expected]
        if others:
            headers, value = others[0]
            more = f", and {len(others) - 1} more," if len(others) > 1 else ""
            is_or_are = "are" if more else "is"
            raise VisitError(
                f"{headers.path}{more} {is_or_are} of {key} {value}, not {expected}: only WFC3/UVIS can be reduced "
                "here. Take it out of the folder."
            )
