"""FITS files of a simulated visit, shaped like those of calwf3."""

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.time import Time
from numpy.typing import NDArray

from hustle_widgets.algorithms.simulation import Frame
from hustle_widgets.simulate.scene import Scene

PLATE_SCALE = 0.0395  # [arcsec/px]
# The header of a real visit misses the star by a pixel or two.
HEADER_ERROR = (1.4, -1.1)
RIGHT_ASCENSION, DECLINATION = 297.3227, 4.6724  # HAT-P-41
ORIENTATION = np.deg2rad(41.0)


def write_exposure(
    path: Path,
    frame: Frame,
    scene: Scene,
    start: float,
    exposure_time: float,
    number: int,
    filter_name: str,
    condition: str = "NORMAL",
) -> None:
    """Write one exposure: a primary header, then SCI, ERR and DQ.

    Parameters
    ----------
    path : Path
        File to write.
    frame : Frame
        Image, errors and data quality of the exposure.
    scene : Scene
        Where the target and the subarray are.
    start : float
        EXPSTART [MJD].
    exposure_time : float
        Seconds.
    number : int
        Running number in the visit, for ROOTNAME.
    filter_name : str
        'G280' or the filter of a direct image.
    condition : str
        EXPFLAG.
    """
    rows, columns = frame.image.shape
    reference = (columns / 2.0, rows / 2.0)  # 1-indexed
    estimate = [place + miss for place, miss in zip(scene.target, HEADER_ERROR, strict=True)]
    offset = [(place + 1 - ref) * PLATE_SCALE for place, ref in zip(estimate, reference, strict=True)]
    end = start + exposure_time / 86_400
    # Whole milliseconds, the half-way rounding kept away from by a tenth of one.
    begun = Time(start + 1e-9, format="mjd", scale="utc").isot
    digits = np.base_repr(number, 36).lower().zfill(3)
    rootname = f"isim01{digits[-2:]}q"

    primary = fits.PrimaryHDU()
    for key, value, comment in (
        ("FILENAME", f"{rootname}_flt.fits", "name of file"),
        ("NEXTEND", 3, "number of standard extensions"),
        ("TELESCOP", "HST", ""),
        ("INSTRUME", "WFC3", ""),
        ("DETECTOR", "UVIS", ""),
        ("ROOTNAME", rootname, "rootname of the observation set"),
        ("IMAGETYP", "EXT", ""),
        ("SUBARRAY", True, "data from a subarray"),
        ("APERTURE", f"UVIS{scene.chip}-SUB", ""),
        ("TARGNAME", "HAT-P-41-SIMULATED", ""),
        ("RA_TARG", RIGHT_ASCENSION, "[deg]"),
        ("DEC_TARG", DECLINATION, "[deg]"),
        ("DATE-OBS", begun[:10], "UT date of start of observation"),
        ("TIME-OBS", begun[11:19], "UT time of start of observation"),
        ("EXPSTART", start, "exposure start time (Modified Julian Date)"),
        ("EXPEND", end, "exposure end time (Modified Julian Date)"),
        ("EXPTIME", exposure_time, "exposure duration (seconds)"),
        ("EXPFLAG", condition, "exposure interruption indicator"),
        ("FILTER", filter_name, "element selected from filter wheel"),
        ("POSTARG1", round(offset[0], 6), "[arcsec] along the rows"),
        ("POSTARG2", round(offset[1], 6), "[arcsec] along the columns"),
        ("CCDGAIN", 1.5, ""),
        ("FLSHDURN", 0.0, ""),
    ):
        primary.header[key] = (value, comment)

    hdus: list[Any] = [primary]
    for name, data in (("SCI", frame.image), ("ERR", frame.errors), ("DQ", frame.hst_dq)):
        hdu = fits.ImageHDU(data, name=name, ver=1)
        hdu.header["ROOTNAME"] = rootname
        hdu.header["CCDCHIP"] = (scene.chip, "CCD chip (1 or 2)")
        hdu.header["BUNIT"] = "UNITLESS" if name == "DQ" else "ELECTRONS"
        hdu.header["LTV1"] = (float(-scene.corner[0]), "offset in X to subsection start")
        hdu.header["LTV2"] = (float(-scene.corner[1]), "offset in Y to subsection start")
        hdu.header["LTM1_1"], hdu.header["LTM2_2"] = 1.0, 1.0
        _add_wcs(hdu.header, reference, offset)
        hdus.append(hdu)
    fits.HDUList(hdus).writeto(path, overwrite=True)


def _add_wcs(header: fits.Header, reference: tuple[float, float], offset: list[float]) -> None:
    """Tangent-plane coordinates that put the target where POSTARG has it."""
    degree = PLATE_SCALE / 3600
    cosine, sine = np.cos(ORIENTATION), np.sin(ORIENTATION)
    matrix = degree * np.array([[-cosine, sine], [sine, cosine]])
    xi, eta = np.deg2rad(-(matrix @ np.array(offset)) / PLATE_SCALE)
    dec = np.deg2rad(DECLINATION)
    # The reference pixel lies at (xi, eta) from the target.
    alpha = np.arctan2(xi, np.cos(dec) - eta * np.sin(dec))
    delta = np.arctan2((np.sin(dec) + eta * np.cos(dec)) * np.cos(alpha), np.cos(dec) - eta * np.sin(dec))
    header["CRPIX1"], header["CRPIX2"] = reference
    header["CRVAL1"] = round(RIGHT_ASCENSION + float(np.rad2deg(alpha)), 10)
    header["CRVAL2"] = round(float(np.rad2deg(delta)), 10)
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    for i in (0, 1):
        for j in (0, 1):
            header[f"CD{i + 1}_{j + 1}"] = float(f"{matrix[i, j]:.12g}")


def write_sky(path: Path, template: NDArray[np.float32], chip: int) -> None:
    """Write the sky of a whole chip: a primary header, then SCI."""
    primary = fits.PrimaryHDU()
    primary.header["FILTER"] = "G280"
    primary.header["INSTRUME"], primary.header["DETECTOR"] = "WFC3", "UVIS"
    science = fits.ImageHDU(template, name="SCI", ver=1)
    science.header["CCDCHIP"] = chip
    fits.HDUList([primary, science]).writeto(path, overwrite=True)
