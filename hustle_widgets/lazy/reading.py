"""The pixels of a visit: frames into memory, errors and flags left in the files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets.algorithms.detector import READ_NOISE
from hustle_widgets.algorithms.failed_frames import blank_infinite
from hustle_widgets.engine.chain import usable_cores
from hustle_widgets.engine.flags import FlaggedPixels, keep_flagged
from hustle_widgets.engine.memory import give_back, keep_little
from hustle_widgets.lazy.arrays import lazy_variable
from hustle_widgets.lazy.files import FileFrames
from hustle_widgets.reading.content import Buffer
from hustle_widgets.reading.errors import VisitError
from hustle_widgets.reading.planes import ImageSet

CUBE = ("exp_time", "x", "y")
#: Pixels of a frame that its read noise is estimated from.
SAMPLE = 100_000


@dataclass(frozen=True)
class Pixels:
    """What `read_pixels` gives.

    Attributes
    ----------
    images, errors, hst_dq : Variable, shape (frames, rows, columns)
        Of float32 [e-], float32 [e-], and uint16, or int32 where a flag needs more bits. The first is in memory.
    read_noise : ndarray of float32, shape (frames,)
        Electrons.
    checksums : ndarray of str, shape (frames,)
        SHA-256 of each file, of the bytes that were read.
    infinite : list of int
        Pixels of each frame that were infinite and are NaN now.
    without_errors : list of bool
        Whether most errors of a frame are no numbers above 0.
    """

    images: xr.Variable
    errors: xr.Variable
    hst_dq: xr.Variable
    read_noise: NDArray[np.float32]
    checksums: NDArray[np.str_]
    infinite: list[int]
    without_errors: list[bool]


def read_pixels(sets: Sequence[ImageSet], progress: Callable[[float], None] | None = None) -> Pixels:
    """Read the frames of a visit, and look once at their errors and flags.

    Parameters
    ----------
    sets : sequence of ImageSet
        One a frame, all of one shape.
    progress : callable, optional
        Called with the fraction read, 0..1. What it raises ends the reading.

    Raises
    ------
    VisitError
        When the pixels of a file cannot be read. Names the file.

    Notes
    -----
    The frames are the only cube that is kept. Of the flags the flagged pixels are kept too: steps need them.
    """
    keep_little()
    # Each thread copies a frame straight into its place.
    images = np.empty((len(sets), *sets[0].science.shape), dtype=np.float32)
    stamped, kept, noises, infinite, without_errors = [], [], [], [], []
    with ThreadPoolExecutor(min(4, usable_cores())) as pool:
        try:
            done = pool.map(partial(_read_frame, Buffer()), sets, images)
            for number, (image_set, flags, noise, not_finite, no_errors) in enumerate(done, start=1):
                stamped.append(image_set)
                kept.append(flags)
                noises.append(noise)
                infinite.append(not_finite)
                without_errors.append(no_errors)
                if progress is not None:
                    progress(number / len(sets))
        except BaseException:  # Ctrl-C, or what `progress` raises: the other files need not be read
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    give_back()
    flagged = FlaggedPixels(kept, images.shape)
    electron = {"units": "electron"}
    dq_attrs = {"units": "1", "long_name": "calwf3 data quality"}
    return Pixels(
        xr.Variable(CUBE, images, electron),
        lazy_variable(CUBE, FileFrames("errors", stamped, np.float32), electron),
        lazy_variable(CUBE, FileFrames("flags", stamped, flagged.dtype, flagged), dq_attrs),
        _read_noises(np.array(noises)),
        np.array([image_set.checksum for image_set in stamped]),
        infinite,
        without_errors,
    )


def _read_frame(
    buffer: Buffer, source: ImageSet, image: NDArray[np.float32]
) -> tuple[ImageSet, Any, float, int, bool]:
    """Read one frame into its place.

    Return its file's checksum, flagged pixels, read noise, infinite pixels, whether it has no usable errors.
    """
    try:
        content = buffer.read(source.path)
        source.images(image, content)
        infinite = blank_infinite(image)
        flags = source.flags(content=content)
        # Bits beyond the 16 of calwf3 are kept where there are any.
        fits_in_16 = flags.dtype == np.uint16 or int(flags.max(initial=0)) <= 65_535
        flags = flags.astype(np.uint16 if fits_in_16 else np.int32, copy=False)
        every = max(1, image.size // SAMPLE)
        errors = source.errors(content=content, every=every)
        noise = _read_noise(image, errors, flags, every)
        no_errors = float(((errors > 0) & np.isfinite(errors)).mean()) < 0.5
        return source.stamped(content), keep_flagged(flags), noise, infinite, no_errors
    except VisitError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise VisitError(
            f"{source.path} cannot be read; it is damaged or truncated ({type(error).__name__}: {error}). "
            "Download it again or take it out of the folder."
        ) from error


def _read_noise(
    image: NDArray[np.float32], errors: NDArray[np.float32], flags: NDArray[Any], every: int
) -> float:
    """Read noise of one frame [e-], from every so many-th pixel and its error; NaN where it cannot be told."""
    value, sigma = image.ravel()[::every].astype(float), errors.ravel().astype(float)
    square = sigma**2 - value
    # Where the image is negative calwf3 counts no photons and the difference means nothing.
    good = np.isfinite(square) & (value > 0) & (flags.ravel()[::every] == 0)
    median = float(np.median(square[good])) if good.any() else 0.0
    return float(np.sqrt(median)) if median > 0 else np.nan


def _read_noises(found: NDArray[np.float64]) -> NDArray[np.float32]:
    """Give the usual read noise to frames of which it cannot be told."""
    usual = np.nanmedian(found) if np.isfinite(found).any() else READ_NOISE
    return np.where(np.isfinite(found), found, usual).astype(np.float32)
