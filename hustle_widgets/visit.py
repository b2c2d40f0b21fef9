"""A visit from its FITS files to memory, and the clean visit to its file."""

import json
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from astropy.io import fits
from astropy.time import Time
from numpy.typing import NDArray

from .exposures import (
    READ_NOISE,
    Exposure,
    VisitError,
    VisitNotFoundError,
    chip_of,
    read_direct,
    read_exposure,
    read_frame,
    read_headers,
    target_pixel,
)

__all__ = ["HDF5", "VisitError", "VisitNotFoundError", "load_visit", "save_clean"]

# The HDF5 library crashes when two threads of one process write at the same time.
HDF5 = threading.Lock()

ORBIT_GAP = 35.0 / 1440  # [d]
EDGES = ["left edge", "right edge", "bottom edge", "top edge"]


def load_visit(
    folder: str | os.PathLike[str], *, progress: Callable[[float], None] | None = None
) -> xr.Dataset:
    """Load the G280 exposures and the direct image of a visit.

    Parameters
    ----------
    folder : str or path
        Stage 0 folder: specimages/*_flt.fits and directimages/*_flt.fits, under the names of Stage 0
        (or01fm001_flt.fits) or of MAST (iexr16lkq_flt.fits). Order and orbits come from the headers.
    progress : callable, optional
        Called with the fraction read, 0..1.

    Returns
    -------
    xarray.Dataset
        images, errors (exp_time, x, y) float32 [e-]; hst_dq (exp_time, x, y), calwf3's flags as they came;
        direct_image; subarr_coords (left, right, bottom, top; 1-indexed, inclusive); orbit_numbers, from 1;
        read_noise [e-]; exp_duration [s]; file_names. exp_time is mid-exposure MJD (UTC). Dim x is the row, y
        the column. attrs: target_posx, target_posy (column and row of the target in the direct image as the
        header has it), chip, toplevel_dir, target_name, filter, messages.

    Raises
    ------
    VisitError
        (a ValueError) For a missing folder (also a FileNotFoundError), no exposures, no direct image, a file
        that is truncated or has no SCI extension, or frames of unlike shapes. Names the file.

    Notes
    -----
    A gap of more than 35 min between the end of an exposure and the start of the next begins a new orbit. The
    read noise of a frame is the root of the median of ``errors^2 - images`` over unflagged pixels.
    """
    if not isinstance(folder, (str, os.PathLike)):
        kind = type(folder).__name__
        raise TypeError(
            f"A visit is a Dataset of load_visit, or the path of its folder. Got a {kind} instead."
        )
    top = Path(folder)
    paths = _list_files(top)
    messages: list[str] = []
    direct_path = paths["directimages"][0]
    if len(paths["directimages"]) > 1:
        messages.append(f"Several direct images; {direct_path.name} is used.")
    chip = chip_of(paths["specimages"][0])
    direct, direct_headers = read_direct(direct_path, chip)
    if chip is None:
        chip = int(direct_headers[1].get("CCDCHIP", 2))

    exposures = sorted((read_exposure(path, chip) for path in paths["specimages"]), key=lambda e: e.start)
    _check_shapes(exposures)
    n_frames, shape = len(exposures), exposures[0].shape
    # The only big arrays; each file is copied straight into its place.
    images = np.empty((n_frames, *shape), dtype=np.float32)
    errors = np.empty_like(images)
    hst_dq = np.zeros((n_frames, *shape), dtype=np.uint16)
    for k, exposure in enumerate(exposures):
        hst_dq = read_frame(exposure, k, images, errors, hst_dq, messages)
        if progress is not None:
            progress((k + 1) / n_frames)

    primary, science = read_headers(exposures[0].path, exposures[0].version)
    start, end, duration = np.array([(e.start, e.end, e.duration) for e in exposures]).T
    middle = (start + end) / 2
    if n_frames > 1 and not (np.diff(middle) > 0).all():
        messages.append("Some exposures have the same start time: is a file there twice?")
    names = {exposure.filter for exposure in exposures}
    if names != {"G280"}:
        messages.append(
            f"Filter {', '.join(sorted(names))} where G280 was expected; the traces are those of G280."
        )
    left, bottom = _corner(science)
    if _corner(direct_headers[1]) != (left, bottom):
        across, up = (d - f for d, f in zip(_corner(direct_headers[1]), (left, bottom), strict=True))
        messages.append(
            f"The direct image is of another subarray: add {across:g} to its columns and {up:g} to its rows to get "
            "those of the frames."
        )
    coords = np.array([left, left + shape[1] - 1, bottom, bottom + shape[0] - 1])
    orbits = 1 + np.concatenate([[0], np.cumsum(start[1:] - end[:-1] > ORBIT_GAP)])
    column, row = target_pixel(*direct_headers)
    if not (0 <= column < direct.shape[1] and 0 <= row < direct.shape[0]):
        messages.append(
            f"The header puts the target at column {column:.0f}, row {row:.0f}, outside the direct image: "
            "give its location."
        )
    same = direct.shape == shape
    electron = {"units": "electron"}
    return xr.Dataset(
        {
            "images": (("exp_time", "x", "y"), images, electron),
            "errors": (("exp_time", "x", "y"), errors, electron),
            "hst_dq": (("exp_time", "x", "y"), hst_dq, {"units": "1", "long_name": "calwf3 data quality"}),
            "direct_image": (("x", "y") if same else ("x_direct", "y_direct"), direct, electron),
            "subarr_coords": ("index", coords, {"units": "pixel", "long_name": "1-indexed, inclusive"}),
            "orbit_numbers": ("exp_time", orbits.astype(np.int64), {"units": "1"}),
            "read_noise": ("exp_time", _read_noises(images, errors, hst_dq), electron),
            "exp_duration": ("exp_time", duration.astype(np.float32), {"units": "s"}),
            "file_names": ("exp_time", np.array([e.path.name for e in exposures])),
        },
        coords={
            "exp_time": ("exp_time", middle, {"units": "d", "long_name": "mid-exposure MJD (UTC)"}),
            "exp_time_UT": ("exp_time", np.array(Time(middle, format="mjd", scale="utc").isot)),
            "index": EDGES,
        },
        attrs={
            "target_posx": column,
            "target_posy": row,
            "chip": chip,
            "toplevel_dir": str(folder),
            "target_name": str(primary.get("TARGNAME", "unknown")),
            "filter": ", ".join(sorted(names)),
            "messages": "\n".join(dict.fromkeys(messages)),
        },
    )


def _corner(science: fits.Header) -> tuple[float, float]:
    """Full-chip column and row of the first pixel, 1-indexed."""
    return 1 - float(science.get("LTV1", 0.0)), 1 - float(science.get("LTV2", 0.0))


def _list_files(top: Path) -> dict[str, list[Path]]:
    """Exposures and direct images of a folder, or what is wrong with it."""
    if not top.is_dir():
        raise VisitNotFoundError(
            f"{top} is no folder. Give the Stage 0 folder that holds specimages/."
            if top.exists()
            else f"The folder {top} does not exist. Give the Stage 0 folder that holds specimages/."
        )
    found = {}
    for name, what in (("specimages", "G280 exposures"), ("directimages", "direct image")):
        found[name] = sorted(p for p in (top / name).glob("*_flt.fits") if not p.name.startswith("."))
        if not found[name]:
            hint = "Run Stage 0, or put them there."
            if top.name in ("specimages", "directimages"):
                hint = f"Give the folder above it, {top.parent}."
            elif any(top.glob("*_flt.fits")):
                hint = f"There are *_flt.fits files in {top} itself: move them there."
            raise VisitError(f"No {what}: {top / name} has no *_flt.fits file. {hint}")
    return found


def _check_shapes(exposures: list[Exposure]) -> None:
    first = exposures[0]
    for other in exposures[1:]:
        if other.shape != first.shape:
            raise VisitError(
                f"Frames of unlike shapes: {first.path} is {first.shape[0]} rows x {first.shape[1]} columns, "
                f"{other.path} is {other.shape[0]} x {other.shape[1]}. Keep those of one subarray only."
            )


def _read_noises(
    images: NDArray[np.float32], errors: NDArray[np.float32], hst_dq: NDArray[Any]
) -> NDArray[np.float32]:
    """Read noise of each frame, from a sample of its pixels; the usual one where it cannot be told."""
    found = np.full(len(images), np.nan)
    step = max(1, images[0].size // 100_000)
    for k, (image, error, flags) in enumerate(zip(images, errors, hst_dq, strict=True)):
        value, sigma = image.ravel()[::step].astype(float), error.ravel()[::step].astype(float)
        square = sigma**2 - value
        # Where the image is negative calwf3 counts no photons and the difference means nothing.
        good = np.isfinite(square) & (value > 0) & (flags.ravel()[::step] == 0)
        if good.any() and np.median(square[good]) > 0:
            found[k] = np.sqrt(np.median(square[good]))
    usual = np.nanmedian(found) if np.isfinite(found).any() else READ_NOISE
    return np.where(np.isfinite(found), found, usual).astype(np.float32)


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
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{final.name}.partial-", dir=final.parent)
    os.close(handle)
    partial = Path(name)
    try:
        cubes = [str(n) for n, variable in dataset.data_vars.items() if variable.ndim == 3]
        # How a file that the visit once came from was packed is not how this one is.
        small = dataset.drop_vars(cubes).drop_encoding()
        small.attrs = _encodable(small.attrs)
        for variable in small.variables.values():
            variable.attrs = _encodable(variable.attrs)
        for coordinate in small.coords.values():
            coordinate.encoding["_FillValue"] = None  # CF: coordinates have no missing values
        with HDF5:
            small.to_netcdf(partial, engine="netcdf4")
        with HDF5, netCDF4.Dataset(partial, "a") as file:
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
    created.setncatts(_encodable(variable.attrs))
    if boolean:
        created.setncattr("dtype", "bool")
    along = [str(n) for n, c in variable.coords.items() if n not in variable.dims and c.ndim]
    if along:
        created.setncattr("coordinates", " ".join(along))
    created.set_auto_maskandscale(False)
    return created


def _encodable(attrs: Any) -> dict[str, Any]:
    """Attributes as netCDF can hold them: numbers, texts, arrays; anything else as JSON."""
    plain: dict[str, Any] = {}
    for key, value in attrs.items():
        if isinstance(value, (bool, np.bool_)):
            value = int(value)
        elif not isinstance(value, (str, int, float, np.generic, np.ndarray)):
            array = np.asarray(value) if isinstance(value, (list, tuple)) and len(value) else None
            numeric = array is not None and array.ndim == 1 and array.dtype.kind in "iuf"
            value = array if numeric else json.dumps(value, default=str)
        plain[str(key)] = value
    return plain
