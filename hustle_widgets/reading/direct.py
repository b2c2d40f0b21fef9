"""The direct image of a visit, in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.failed_frames import blank_infinite
from hustle_widgets.reading.errors import VisitError
from hustle_widgets.reading.headers import Headers
from hustle_widgets.reading.units import electrons_factor


def read_direct(headers: Headers, version: int, messages: list[str]) -> NDArray[np.float32]:
    """Read a direct image [e-]; one without content is said."""
    cards = headers.both(version)
    try:
        factor, remark = electrons_factor(cards, cards.number("EXPTIME", 1.0) or 1.0)
        remark = remark.replace("Images", "The direct image", 1).replace(" were ", " was ", 1)
    except VisitError as error:
        # Where a star is does not depend on the unit.
        factor, remark = 1.0, f"The direct image is used as it is. {error}"
    plane = headers.planes["SCI", version]
    if plane.constant is not None:
        plane = replace(plane, shape=headers.shape(version))
    if len(plane.shape) != 2:
        raise VisitError(f"The SCI extension of {headers.path} is not an image of two dimensions.")
    image = plane.read().astype(np.float32) * np.float32(factor)
    if remark:
        messages.append(remark)
    if number := blank_infinite(image):
        messages.append(
            f"The direct image {headers.path.name} has {number:,} infinite pixels, which are treated as pixels "
            "without a value (NaN)."
        )
    with_value = image[np.isfinite(image)]
    if not with_value.size or with_value.min() == with_value.max():
        what = "one value in all its pixels" if with_value.size else "no pixel with a value"
        messages.append(f"The direct image {headers.path.name} has {what}: nothing can be found on it.")
    return image
