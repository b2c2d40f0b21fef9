"""One FITS file of calwf3 at a time: what its headers say, and its pixels."""

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

PLATE_SCALE = 0.0395  # [arcsec/px], HST Primer
READ_NOISE = 3.1  # [e-], WFC3 Data Handbook 5


class VisitError(ValueError):
    """A visit's folder or one of its files cannot be used; the message says which and what to do."""


class VisitNotFoundError(VisitError, FileNotFoundError):
    """There is no such folder."""


class Exposure(NamedTuple):
    """What the headers say of one file."""

    path: Path
    start: float
    end: float
    duration: float
    filter: str
    version: int
    shape: tuple[int, int]


class _Reading:
    """Turn whatever astropy raises for a damaged file into one error that names it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._caught = warnings.catch_warnings()

    def __enter__(self) -> None:
        self._caught.__enter__()
        warnings.filterwarnings("error", message=".*truncated.*")
        warnings.filterwarnings("ignore", category=fits.verify.VerifyWarning)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._caught.__exit__(kind, error, trace)
        if isinstance(error, Exception) and not isinstance(error, VisitError):
            raise VisitError(
                f"{self.path} cannot be read; it is damaged or truncated ({type(error).__name__}: {error}). "
                "Download it again or take it out of the folder."
            ) from error


def _open(path: Path) -> fits.HDUList:
    """Open a file unmapped, so that closing it lets go of it, and see that it is all there."""
    hdus = fits.open(path, memmap=False, lazy_load_hdus=False)
    # astropy drops an extension whose header is cut off without a word.
    last = hdus.fileinfo(len(hdus) - 1)
    complete = path.stat().st_size == last["datLoc"] + last["datSpan"]
    if not complete or len(hdus) - 1 < int(hdus[0].header.get("NEXTEND", 0)):
        hdus.close()
        raise OSError("it ends early, or something follows its last extension")
    return hdus


def _versions(hdus: Iterable[Any]) -> dict[int, Any]:
    return {int(hdu.ver): hdu for hdu in hdus if hdu.name == "SCI"}


def _choose_version(path: Path, hdus: fits.HDUList, chip: int | None) -> int:
    """Image set to use: that of the chip, or the one that holds the target."""
    science = _versions(hdus)
    if not science:
        names = ", ".join(hdu.name or "unnamed" for hdu in hdus)
        raise VisitError(f"{path} has no SCI extension (it has {names}). Give calibrated files, *_flt.fits.")
    if len(science) == 1:
        return next(iter(science))
    primary = hdus[0].header
    if chip is None:
        holding = []
        for version, hdu in science.items():
            column, row = target_pixel(primary, hdu.header)
            rows, columns = int(hdu.header["NAXIS2"]), int(hdu.header["NAXIS1"])
            if "CRVAL1" in hdu.header and 0 <= column < columns and 0 <= row < rows:
                holding.append(version)
        if len(holding) == 1:
            return holding[0]
        chip = int(primary.get("CCDCHIP", 1 if str(primary.get("APERTURE", "")).startswith("UVIS1") else 2))
    for version, hdu in science.items():
        if int(hdu.header.get("CCDCHIP", 3 - version)) == chip:
            return version
    raise VisitError(f"{path} has no image of chip {chip}, the one that holds the target.")


def chip_of(path: Path) -> int | None:
    """Say which chip a subarray is of, or None for a full frame of both."""
    with _Reading(path), _open(path) as hdus:
        version = _choose_version(path, hdus, None)
        science = _versions(hdus)
        return int(science[version].header.get("CCDCHIP", 2)) if len(science) == 1 else None


def read_headers(path: Path, version: int) -> tuple[fits.Header, fits.Header]:
    """Read the primary header and that of the SCI extension of an image set."""
    with _Reading(path), _open(path) as hdus:
        return hdus[0].header, _versions(hdus)[version].header


def read_exposure(path: Path, chip: int) -> Exposure:
    """Read when, how long and on how many pixels a file was exposed."""
    with _Reading(path), _open(path) as hdus:
        version = _choose_version(path, hdus, chip)
        primary, science = hdus[0].header, _versions(hdus)[version].header
        missing = [key for key in ("EXPSTART", "EXPTIME") if key not in primary and key not in science]
        if missing:
            raise VisitError(
                f"{path} has no {' and no '.join(missing)} in its header: no time can be given to it."
            )
        start, duration = (float(primary.get(key, science.get(key))) for key in ("EXPSTART", "EXPTIME"))
        end = float(primary.get("EXPEND", start + duration / 86_400))
        axes = ("NAXIS2", "NAXIS1") if science.get("NAXIS", 0) == 2 else ("NPIX2", "NPIX1")
        if not all(key in science for key in axes):
            raise VisitError(f"The SCI extension of {path} is not an image of two dimensions.")
        shape = (int(science[axes[0]]), int(science[axes[1]]))
        return Exposure(path, start, end, duration, str(primary.get("FILTER", "unknown")), version, shape)


def _pixels(hdus: fits.HDUList, name: str, version: int, shape: tuple[int, int]) -> NDArray[Any] | None:
    """Pixels of an extension; calwf3 stores a constant one as a header only."""
    if (name, version) not in hdus:
        return None
    hdu = hdus[name, version]
    if hdu.data is None:
        return np.full(shape, hdu.header.get("PIXVALUE", 0))
    return np.asarray(hdu.data)


def _in_electrons(hdus: fits.HDUList, version: int, duration: float) -> float:
    unit = str(hdus["SCI", version].header.get("BUNIT", "ELECTRONS")).strip().upper()
    return duration if unit in ("ELECTRONS/S", "ELECTRON/S") else 1.0


def read_frame(
    exposure: Exposure,
    k: int,
    images: NDArray[np.float32],
    errors: NDArray[np.float32],
    hst_dq: NDArray[Any],
    messages: list[str],
) -> NDArray[Any]:
    """Copy one file into frame k of the cubes; gives back hst_dq, which grows if a flag needs more bits."""
    with _Reading(exposure.path), _open(exposure.path) as hdus:
        factor = _in_electrons(hdus, exposure.version, exposure.duration)
        science = _pixels(hdus, "SCI", exposure.version, exposure.shape)
        error = _pixels(hdus, "ERR", exposure.version, exposure.shape)
        quality = _pixels(hdus, "DQ", exposure.version, exposure.shape)
        images[k] = science
        if error is None:
            messages.append("No ERR extension: errors are those of photons and read noise.")
            errors[k] = np.sqrt(np.clip(images[k] * factor, 0, None) + READ_NOISE**2) / factor
        else:
            errors[k] = error
        if factor != 1:
            messages.append("Images in e-/s were multiplied by the exposure time.")
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


def read_direct(path: Path, chip: int | None) -> tuple[NDArray[np.float32], tuple[fits.Header, fits.Header]]:
    """Read a direct image [e-] with its primary and SCI headers."""
    with _Reading(path), _open(path) as hdus:
        version = _choose_version(path, hdus, chip)
        science = hdus["SCI", version]
        if science.data is None or science.data.ndim != 2:
            raise VisitError(f"The SCI extension of {path} is not an image of two dimensions.")
        factor = _in_electrons(hdus, version, float(hdus[0].header.get("EXPTIME", 1.0)))
        return np.array(science.data, dtype=np.float32) * np.float32(factor), (hdus[0].header, science.header)


def target_pixel(primary: fits.Header, science: fits.Header) -> tuple[float, float]:
    """Find the column and row (zero-based) at which the header puts the target.

    From the target's sky coordinates where the header has them (tangent plane), else POSTARG [arcsec] from
    the reference pixel, else the middle of the image.
    """
    size = [float(science.get(f"NAXIS{axis}", 0)) for axis in (1, 2)]
    reference = np.array([float(science.get(f"CRPIX{axis}", size[axis - 1] / 2 + 0.5)) for axis in (1, 2)])
    sky_keys = ("RA_TARG", "DEC_TARG")
    wcs_keys = ("CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")
    if all(key in primary for key in sky_keys) and all(key in science for key in wcs_keys):
        ra, dec, ra0, dec0 = np.deg2rad(
            [float(primary[k]) for k in sky_keys] + [float(science[k]) for k in wcs_keys[:2]]
        )
        depth = np.sin(dec) * np.sin(dec0) + np.cos(dec) * np.cos(dec0) * np.cos(ra - ra0)
        xi = np.cos(dec) * np.sin(ra - ra0) / depth
        eta = (np.sin(dec) * np.cos(dec0) - np.cos(dec) * np.sin(dec0) * np.cos(ra - ra0)) / depth
        matrix = np.array([[float(science[f"CD{i}_{j}"]) for j in (1, 2)] for i in (1, 2)])
        if depth > 0 and np.linalg.det(matrix) != 0:
            column, row = reference - 1 + np.linalg.solve(matrix, np.rad2deg([xi, eta]))
            if 0 <= column < size[0] and 0 <= row < size[1]:
                return float(column), float(row)
    offset = np.array([float(primary.get(f"POSTARG{axis}", 0.0)) for axis in (1, 2)])
    column, row = reference - 1 + offset / PLATE_SCALE
    return float(column), float(row)
