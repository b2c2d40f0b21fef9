"""Numbers that people give: as Python, numpy or astropy have them. What is none is refused by its name."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from astropy.time import Time, TimeDelta
from astropy.units import Quantity

from hustle_widgets.steps.parameter_base import Refused, number_of, shown


def whole(name: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """Return an argument as an int; ValueError names it and says what it may be."""
    words = "" if least is None else f", {least} or more"
    words += "" if most is None else f", at most {most}"
    found = _whole(value)
    if found is None or (least is not None and found < least) or (most is not None and found > most):
        raise ValueError(f"'{name}' must be a whole number{words}. Got {shown(value)} instead.")
    return found


def finite(
    name: str, value: Any, what: str, *, unit: str = "", least: float = -math.inf, most: float = math.inf
) -> float:
    """Return an argument as a finite float; ValueError names it and says what it may be.

    Parameters
    ----------
    name : str
    value : object
        A number, an astropy Quantity, or a Time where `unit` is 'd'.
    what : str
        What is accepted, in words.
    unit : str
        Which unit a Quantity is turned into; '' for a share.
    least, most : float
        Bounds.
    """
    found = value
    try:
        if isinstance(value, Time) and unit == "d":
            found = value.utc.mjd
        elif isinstance(value, (Quantity, TimeDelta)):
            found = value.to_value(unit)
        found = number_of(found[()] if isinstance(found, np.ndarray) else found)
    except (Refused, ValueError, TypeError):
        found = math.nan
    if not least <= found <= most or not math.isfinite(found):
        raise ValueError(f"{name!r} must be {what}. Got {shown(value)} instead.")
    return float(found)


def _whole(value: Any) -> int | None:
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)
    except TypeError:
        pass
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return int(value)
    return None
