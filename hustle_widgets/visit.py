"""A visit from its FITS files to memory."""

import os
from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr
from astropy.time import Time

from hustle_widgets.algorithms.failed_frames import pixel_problems
from hustle_widgets.clean_file import save_clean
from hustle_widgets.lazy.reading import read_pixels
from hustle_widgets.reading.direct import read_direct
from hustle_widgets.reading.errors import VisitError, VisitNotFoundError
from hustle_widgets.reading.failures import failure_messages, infinite_messages
from hustle_widgets.reading.finding import visit_names
from hustle_widgets.reading.planes import FilesGoneError, ImageSet
from hustle_widgets.reading.survey import survey
from hustle_widgets.user_paths import expanded

__all__ = ["FilesGoneError", "VisitError", "VisitNotFoundError", "load_visit", "save_clean"]

_MANY = 6
EDGES = ["left edge", "right edge", "bottom edge", "top edge"]


def load_visit(
    folder: str | os.PathLike[str],
    *,
    visit: str | Sequence[str] | None = None,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Load the G280 exposures and the direct image of a visit.

    Parameters
    ----------
    folder : str or path
        Stage 0 folder: specimages/ and directimages/ with files under the names of Stage 0 (or01fm001_flt.fits)
        or of MAST (iexr16lkq_flt.fits). Or any folder of files from the archive, as astroquery leaves them
        (mastDownload/HST/<root>/<root>_flt.fits) or side by side: FILTER tells grism and direct images apart.
        _flt or _flc, .fits or .fits.gz. Order and orbits come from the headers. ``~`` is the home folder.
    visit : str or sequence of str, optional
        Which visit, where the folder holds several: 'iexr16', or '16'.
    progress : callable, optional
        Called with the fraction read, 0..1.

    Returns
    -------
    xarray.Dataset
        images, errors (exp_time, x, y) float32 [e-]; hst_dq (exp_time, x, y), calwf3's flags as they came;
        direct_image; subarr_coords (left, right, bottom, top; 1-indexed, inclusive); orbit_numbers, from 1;
        read_noise [e-]; exp_duration [s]; file_names; file_checksums (SHA-256); frame_problem, what failed in
        a frame, '' for most.
        exp_time is mid-exposure MJD (UTC). Dim x is the row, y the column. attrs: target_posx, target_posy
        (column and row of the target in the direct image as the header has it), chip, toplevel_dir,
        target_name, filter, messages. subarr_coords is missing where no header tells.

    Raises
    ------
    VisitError
        (a ValueError) For a missing folder (also a FileNotFoundError), no exposures, no direct image, several
        visits, a file that is truncated or has no SCI extension, is of another detector or unit, or whose
        pixels are not those of the other frames. Names the file.

    Notes
    -----
    Only the images are in memory. errors and hst_dq are read from the files when they are indexed, frame by
    frame; a file that has gone or changed by then gives a FilesGoneError that names it. ``visit.load()`` reads
    them all.
    A gap of more than 35 min between the end of an exposure and the start of the next begins a new orbit. The
    read noise of a frame is the root of the median of ``errors^2 - images`` over unflagged pixels. Files that
    look like exposures and are not used, frames that failed, frames with infinite pixels (they become NaN), and
    cards that cannot be read are named in ``messages``.
    """
    if not isinstance(folder, (str, os.PathLike)):
        kind = type(folder).__name__
        raise TypeError(
            f"A visit is a Dataset of load_visit, or the path of its folder. Got a {kind} instead."
        )
    chosen = visit_names(visit)
    found = survey(folder, chosen)
    exposures, messages = found.exposures, list(found.messages)
    direct = read_direct(found.direct, found.direct_version, messages)
    sets = [exposure.pixels for exposure in exposures]
    messages += _lacking(sets)
    pixels = read_pixels(sets, progress)
    messages += infinite_messages(found.names, pixels.infinite)
    useless = [name for name, without in zip(found.names, pixels.without_errors, strict=True) if without]
    if useless:
        messages.append(
            f"Most errors are no numbers above 0 in {_listed(useless)}: they are kept as they are and mean nothing. "
            "The read noise is taken from other frames, or the usual one."
        )

    by_pixels = pixel_problems(pixels.images.values, found.durations)
    problems = [header or pixels for header, pixels in zip(found.problems, by_pixels, strict=True)]
    failures = failure_messages(found.names, problems)
    subarray = found.subarray
    where = (
        {}
        if subarray is None
        else {"subarr_coords": ("index", subarray, {"units": "pixel", "long_name": "1-indexed, inclusive"})}
    )
    same = direct.shape == found.shape
    electron = {"units": "electron"}
    return xr.Dataset(
        {
            "images": pixels.images,
            "errors": pixels.errors,
            "hst_dq": pixels.hst_dq,
            "direct_image": (("x", "y") if same else ("x_direct", "y_direct"), direct, electron),
            **where,
            "orbit_numbers": ("exp_time", found.orbits, {"units": "1"}),
            "read_noise": ("exp_time", pixels.read_noise, electron),
            "exp_duration": ("exp_time", found.durations, {"units": "s"}),
            "file_names": ("exp_time", np.array(found.names)),
            "file_checksums": (
                "exp_time",
                pixels.checksums,
                {"units": "1", "long_name": "SHA-256 of each file"},
            ),
            "frame_problem": (
                "exp_time",
                np.array(problems),
                {"units": "1", "long_name": "what failed in the exposure"},
            ),
        },
        coords={
            "exp_time": ("exp_time", found.middle, {"units": "d", "long_name": "mid-exposure MJD (UTC)"}),
            "exp_time_UT": ("exp_time", np.array(Time(found.middle, format="mjd", scale="utc").isot)),
            "index": EDGES,
        },
        attrs={
            "target_posx": found.target[0],
            "target_posy": found.target[1],
            "chip": found.chip,
            "toplevel_dir": expanded(folder),
            "target_name": found.target_name,
            "filter": found.filter,
            **({} if chosen is None else {"visit": ",".join(chosen)}),
            "messages": "\n".join(dict.fromkeys([*messages, *failures])),
        },
    )


def _lacking(sets: list[ImageSet]) -> list[str]:
    """Say which extensions are missing, and what is done instead."""
    said = []
    for what, lacking, instead in (
        ("ERR", [one for one in sets if one.error is None], "errors are those of photons and read noise"),
        ("DQ", [one for one in sets if one.quality is None], "no pixel is flagged"),
    ):
        if lacking and len(lacking) == len(sets):
            said.append(f"No {what} extension: {instead}.")
        elif lacking:
            said.append(
                f"No {what} extension in {_listed([one.path.name for one in lacking])}: {instead} there."
            )
    return said


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MANY])
    return shown if len(names) <= _MANY else f"{shown} and {len(names) - _MANY} more"
