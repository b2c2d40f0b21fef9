"""One FITS file of calwf3 at a time: its pixels."""

from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from .reading.errors import VisitError
from .reading.headers import Exposure, Headers
from .reading.opening import opened
from .reading.units import electrons_factor

READ_NOISE = 3.1  # [e-], WFC3 Data Handbook 5


def _pixels(hdus: fits.HDUList, name: str, version: int, shape: tuple[int, int]) -> NDArray[Any] | None:
    """Pixels of an extension; calwf3 stores a constant one as a header only."""
    if (name, version) not in hdus:
        return None
    hdu = hdus[name, version]
    if hdu.data is None:
        return np.full(shape, hdu.header.get("PIXVALUE", 0))
    return np.asarray(hdu.data)


def read_frame(
    exposure: Exposure,
    k: int,
    images: NDArray[np.float32],
    errors: NDArray[np.float32],
    hst_dq: NDArray[Any],
    messages: list[str],
) -> NDArray[Any]:
    """Copy one file into frame k of the cubes; gives back hst_dq, which grows if a flag needs more bits."""
    factor = exposure.factor
    with opened(exposure.path) as hdus:
        science = _pixels(hdus, "SCI", exposure.version, exposure.shape)
        error = _pixels(hdus, "ERR", exposure.version, exposure.shape)
        quality = _pixels(hdus, "DQ", exposure.version, exposure.shape)
        images[k] = science
        if error is None:
            messages.append("No ERR extension: errors are those of photons and read noise.")
            errors[k] = np.sqrt(np.clip(images[k] * factor, 0, None) + READ_NOISE**2) / (factor or 1)
        else:
            errors[k] = error
        if factor != 1:
            images[k] *= factor
            errors[k] *= factor
        if quality is None:
            messages.append("No DQ extension: no pixel is flagged.")
        elif quality.dtype == np.dtype(">i2") or quality.dtype == np.dtype("i2"):
            hst_dq[k] = quality.astype(np.int16).view(np.uint16)  # bit 15 is a flag, not a sign
        else:
            if hst_dq.dtype == np.uint16 and quality.size and int(quality.max()) > 65_535:
                hst_dq = hst_dq.astype(np.int32)
            hst_dq[k] = quality
    return hst_dq


def read_direct(headers: Headers, version: int, messages: list[str]) -> NDArray[np.float32]:
    """Read a direct image [e-]; one that is stored as a header only is constant, which is said."""
    cards = headers.both(version)
    try:
        factor, remark = electrons_factor(cards, cards.number("EXPTIME", 1.0) or 1.0)
        remark = remark.replace("Images", "The direct image", 1).replace(" were ", " was ", 1)
    except VisitError as error:
        # Where a star is does not depend on the unit.
        factor, remark = 1.0, f"The direct image is used as it is. {error}"
    with opened(headers.path) as hdus:
        pixels = _pixels(hdus, "SCI", version, headers.shape(version))
        if pixels is None or pixels.ndim != 2:
            raise VisitError(f"The SCI extension of {headers.path} is not an image of two dimensions.")
        if hdus["SCI", version].data is None:
            messages.append(
                f"The direct image {headers.path.name} has one value in all its pixels: nothing can be found on it."
            )
        image = np.array(pixels, dtype=np.float32) * np.float32(factor)
    if remark:
        messages.append(remark)
    return image
