"""A visit from its FITS files to memory, and the clean visit to its file."""

import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from astropy.time import Time

from .algorithms.failed_frames import pixel_problems
from .lazy.reading import read_pixels
from .reading.direct import read_direct
from .reading.errors import VisitError, VisitNotFoundError
from .reading.failures import failure_messages
from .reading.planes import FilesGoneError, ImageSet
from .reading.survey import survey
from .storable import of_fixed_length, storable, written_whole

__all__ = ["HDF5", "FilesGoneError", "VisitError", "VisitNotFoundError", "load_visit", "save_clean"]

# The HDF5 library crashes when two threads of one process write at the same time.
HDF5 = threading.Lock()

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
    look like exposures and are not used, frames that failed, and cards that were done without are named in
    ``messages``.
    """
    if not isinstance(folder, (str, os.PathLike)):
        kind = type(folder).__name__
        raise TypeError(
            f"A visit is a Dataset of load_visit, or the path of its folder. Got a {kind} instead."
        )
    found = survey(folder, visit)
    exposures, messages = found.exposures, list(found.messages)
    direct = read_direct(found.direct, found.direct_version, messages)
    sets = [exposure.pixels for exposure in exposures]
    messages += _lacking(sets)
    pixels = read_pixels(sets, progress)

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
            "toplevel_dir": os.path.expanduser(folder),
            "target_name": found.target_name,
            "filter": found.filter,
            **({} if visit is None else {"visit": visit if isinstance(visit, str) else ",".join(visit)}),
            "messages": "\n".join(dict.fromkeys([*messages, *failures])),
        },
    )


def _lacking(sets: list[ImageSet]) -> list[str]:
    """Say which extensions are missing, and what is done without them."""
    said = []
    if any(one.error is None for one in sets):
        said.append("No ERR extension: errors are those of photons and read noise.")
    if any(one.quality is None for one in sets):
        said.append("No DQ extension: no pixel is flagged.")
    return said


def save_clean(
    dataset: xr.Dataset, path: str | Path, *, progress: Callable[[float], None] | None = None
) -> None:
    """Write a clean visit to a netCDF file, all of it or nothing.

    Parameters
    ----------
    dataset : xarray.Dataset
        The clean visit, with units and flags in its attrs.
    path : str or Path
        File to write; its folder is made. A file already there stays until the new one is complete.
    progress : callable, optional
        Called with the fraction written, 0..1.

    Notes
    -----
    Small variables are written by xarray, cubes frame by frame, so that no second copy of a cube is made.
    Readable with ``xarray.open_dataset``.
    """
    final = Path(path).expanduser()
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{final.name}.partial-", dir=final.parent)
    os.close(handle)
    partial = Path(name)
    try:
        cubes = [str(n) for n, variable in dataset.data_vars.items() if variable.ndim == 3]
        # How a file that the visit once came from was packed is not how this one is.
        small = dataset.drop_vars(cubes).drop_encoding()
        small.attrs = storable(small.attrs)
        for variable in small.variables.values():
            variable.attrs = storable(variable.attrs, of_variable=True)
        for coordinate in small.coords.values():
            coordinate.encoding["_FillValue"] = None  # CF: coordinates have no missing values
        with HDF5, written_whole(final):
            small.to_netcdf(partial, engine="netcdf4", encoding=of_fixed_length(small))
        with HDF5, written_whole(final), netCDF4.Dataset(partial, "a") as file:
            total = sum(dataset[n].shape[0] for n in cubes)
            written = 0
            for cube in cubes:
                target = _create_variable(file, cube, dataset[cube])
                values = dataset[cube].variable
                for k in range(values.shape[0]):
                    frame = values[k].values
                    target[k] = frame.view(np.int8) if frame.dtype == bool else frame
                    written += 1
                    if progress is not None:
                        progress(written / total)
        # mkstemp makes a private file; a result is as readable as any other file of its owner.
        mask = os.umask(0)
        os.umask(mask)
        partial.chmod(0o666 & ~mask)
        os.replace(partial, final)
    finally:
        partial.unlink(missing_ok=True)


def _create_variable(file: netCDF4.Dataset, name: str, variable: xr.DataArray) -> Any:
    for dimension, size in variable.sizes.items():
        if dimension not in file.dimensions:
            file.createDimension(str(dimension), size)
    boolean = variable.dtype == bool
    kind = np.dtype(np.int8) if boolean else variable.dtype.newbyteorder("=")
    dimensions = [str(d) for d in variable.dims]
    # Flags shrink to a twentieth in the time of a few copies; electrons hardly shrink, and take a hundred.
    flags = kind.kind in "iu"
    options: dict[str, Any] = (
        {"zlib": True, "complevel": 1, "chunksizes": (1, *variable.shape[1:])} if flags else {}
    )
    created = file.createVariable(name, kind, dimensions, fill_value=False, **options)
    created.setncatts(storable(variable.attrs, of_variable=True))
    if boolean:
        created.setncattr("dtype", "bool")
    along = [str(n) for n, c in variable.coords.items() if n not in variable.dims and c.ndim]
    if along:
        created.setncattr("coordinates", " ".join(along))
    created.set_auto_maskandscale(False)
    return created
