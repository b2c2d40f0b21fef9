"""What the headers of one file say, read once: its image sets, and which of them is used."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from astropy.io import fits

from hustle_widgets.reading.cards import Cards
from hustle_widgets.reading.errors import VisitError
from hustle_widgets.reading.opening import opened
from hustle_widgets.reading.planes import ImageSet, Plane, planes_of
from hustle_widgets.reading.times import Times, exposure_times
from hustle_widgets.reading.units import electrons_factor
from hustle_widgets.reading.unpacking import check_pixels

PLATE_SCALE = 0.0395  # [arcsec/px], HST Primer
#: WFC3's begin with an i; Stage 0's or01fm001 is none.
_ROOTNAME = re.compile(r"i[0-9a-z]{8}", re.IGNORECASE)


@dataclass
class Headers:
    """Headers of one file.

    Attributes
    ----------
    path : Path
    primary : Header
    science : dict of int to Header
        SCI headers by EXTVER.
    names : tuple of str
        Extensions, for messages.
    planes : dict of (str, int) to Plane
        Where the pixels are, by EXTNAME and EXTVER.
    """

    path: Path
    primary: fits.Header
    science: dict[int, fits.Header]
    names: tuple[str, ...] = field(default=())
    planes: dict[tuple[str, int], Plane] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> Headers:
        """Read the headers of a file.

        Raises
        ------
        VisitError
            When it is damaged or has no SCI extension.
        """
        with opened(path) as hdus:
            sets = [hdu for hdu in hdus if hdu.name.upper() == "SCI"]
            science = {int(hdu.ver): hdu.header for hdu in sets if hasattr(hdu, "shape")}
            names = tuple(hdu.name or "unnamed" for hdu in hdus)
            if sets and not science:
                raise VisitError(
                    f"The SCI extension of {path} is a table, no image. Give calibrated files, *_flt.fits."
                )
            if not science:
                raise VisitError(
                    f"{path} has no SCI extension (it has {', '.join(names)}). Give calibrated files, *_flt.fits."
                )
            return cls(path, hdus[0].header, science, names, planes_of(path, hdus))

    @cached_property
    def cards(self) -> Cards:
        """Cards of the primary header."""
        return Cards(self.path, self.primary)

    @property
    def filter(self) -> str:
        """FILTER in capitals, 'unknown' when it is missing."""
        return self.cards.text("FILTER", "unknown").upper()

    @property
    def root(self) -> str:
        """ROOTNAME in small letters, or the name of the file where it is one of MAST's; else ''."""
        for name in (self.cards.text("ROOTNAME"), self.path.name.split("_")[0]):
            if _ROOTNAME.fullmatch(name):
                return name.lower()
        return ""

    @property
    def visit(self) -> str:
        """The first six characters of the root name: programme and visit; '' when they are not known."""
        return self.root[:6]

    def both(self, version: int) -> Cards:
        """Cards of an image set: its SCI header, then the primary one."""
        return Cards(self.path, self.science[version], self.primary)

    def tells_chip(self, version: int) -> bool:
        """Tell whether CCDCHIP of an image set is a chip."""
        return Cards(self.path, self.science[version]).whole("CCDCHIP") in (1, 2)

    def chip_number(self, version: int) -> int:
        """CCDCHIP of an image set; without a usable one, calwf3's order, chip 2 first, or a subarray's APERTURE."""
        chip = Cards(self.path, self.science[version]).whole("CCDCHIP")
        if chip in (1, 2):
            return int(chip)
        if len(self.science) > 1:
            return 3 - version
        return 1 if self.cards.text("APERTURE").upper().startswith("UVIS1") else 2

    def choose(self, chip: int | None) -> int:
        """Return the image set of a chip, or with None the one that holds the target.

        Raises
        ------
        VisitError
            When the chip is not in the file.
        """
        if len(self.science) == 1:
            return next(iter(self.science))
        if chip is None:
            holding = [version for version in self.science if self._holds_target(version)]
            if len(holding) == 1:
                return holding[0]
            by_aperture = 1 if self.cards.text("APERTURE").startswith("UVIS1") else 2
            chip = self.cards.whole("CCDCHIP", by_aperture)
        for version in self.science:
            if self.chip_number(version) == chip:
                return version
        raise VisitError(f"{self.path} has no image of chip {chip}, the one that holds the target.")

    def own_chip(self) -> int | None:
        """Return the chip of a subarray; None for a full frame of both."""
        return self.chip_number(next(iter(self.science))) if len(self.science) == 1 else None

    def shape(self, version: int) -> tuple[int, int]:
        """Rows and columns of an image set; calwf3 stores a constant one as a header only, with NPIX.

        Raises
        ------
        VisitError
            When it is no image of two dimensions.
        """
        science = self.science[version]
        axes = ("NAXIS2", "NAXIS1") if science.get("NAXIS", 0) == 2 else ("NPIX2", "NPIX1")
        cards = Cards(self.path, science)
        rows, columns = (cards.whole(axis) for axis in axes)
        if not rows or not columns or rows < 0 or columns < 0:
            raise VisitError(f"The SCI extension of {self.path} is not an image of two dimensions.")
        check_pixels(self.path, "SCI", rows, columns)
        return rows, columns

    def corner(self, version: int) -> tuple[float, float] | None:
        """Full-chip column and row of the first pixel, 1-indexed; None when LTV is there and is no number."""
        cards = Cards(self.path, self.science[version])
        offsets = [cards.number(key, None if cards.has(key) else 0.0) for key in ("LTV1", "LTV2")]
        across, up = offsets
        return None if across is None or up is None else (1 - across, 1 - up)

    def _holds_target(self, version: int) -> bool:
        rows, columns = self.shape(version)
        place = target_on_sky(self.primary, self.science[version], self.path)
        return place is not None and 0 <= place[0] < columns and 0 <= place[1] < rows


class Exposure:
    """One exposure: its headers, and the image set that is used.

    Attributes
    ----------
    headers : Headers
    version : int
        EXTVER of the image set.
    chip : int
    path : Path
    filter : str
    times : Times
    shape : (int, int)
        Rows and columns.
    factor : float
        What the pixels are multiplied by to be electrons.
    remarks : list of str
        What is odd in the file and does not forbid its use.
    """

    def __init__(self, headers: Headers, chip: int | None) -> None:
        self.headers, self.path, self.filter = headers, headers.path, headers.filter
        self.version = headers.choose(chip)
        self.chip = headers.chip_number(self.version)
        self.shape = headers.shape(self.version)
        self.cards = headers.both(self.version)
        # Of the exposure as a whole: calwf3 keeps them in the primary header.
        self.times: Times = exposure_times(Cards(self.path, headers.primary, headers.science[self.version]))
        self.factor, remark = electrons_factor(self.cards, self.times.duration)
        self.remarks = [*self.times.remarks, *([remark] if remark else [])]

    @property
    def pixels(self) -> ImageSet:
        """Where its pixels are.

        Raises
        ------
        VisitError
            When errors or flags are of another shape than the image.
        """
        return ImageSet.of(self.headers.planes, self.version, self.shape, self.factor)

    @property
    def start(self) -> float:
        """Start of the exposure, MJD (UTC)."""
        return self.times.start

    @property
    def end(self) -> float:
        """End of the exposure, MJD (UTC)."""
        return self.times.end

    @property
    def duration(self) -> float:
        """Exposure time [s]."""
        return self.times.duration


def target_on_sky(primary: fits.Header, science: fits.Header, path: Path) -> tuple[float, float] | None:
    """Column and row (zero-based) of the target's sky coordinates in the tangent plane; None without a usable card."""
    numbers = Cards(path, science, primary)
    sky = [numbers.number(key) for key in ("RA_TARG", "DEC_TARG", "CRVAL1", "CRVAL2")]
    matrix = [numbers.number(key) for key in ("CD1_1", "CD1_2", "CD2_1", "CD2_2")]
    reference = [numbers.number(key) for key in ("CRPIX1", "CRPIX2")]
    if None in sky or None in matrix or None in reference:
        return None
    ra, dec, ra0, dec0 = np.deg2rad(np.array(sky, dtype=float))
    depth = np.sin(dec) * np.sin(dec0) + np.cos(dec) * np.cos(dec0) * np.cos(ra - ra0)
    turn = np.array(matrix, dtype=float).reshape(2, 2)
    if not depth > 0 or np.linalg.det(turn) == 0:
        return None
    xi = np.cos(dec) * np.sin(ra - ra0) / depth
    eta = (np.sin(dec) * np.cos(dec0) - np.cos(dec) * np.sin(dec0) * np.cos(ra - ra0)) / depth
    column, row = np.array(reference, dtype=float) - 1 + np.linalg.solve(turn, np.rad2deg([xi, eta]))
    return float(column), float(row)


def target_pixel(headers: Headers, version: int) -> tuple[float, float, list[str]]:
    """Find the column and row (zero-based) at which the header puts the target.

    Parameters
    ----------
    headers : Headers
        Of the direct image.
    version : int
        Its image set.

    Returns
    -------
    column, row : float
    remarks : list of str
        Cards that were not used, and why.

    Notes
    -----
    From the target's sky coordinates where the header has them (tangent plane) and they lie on the image, else
    POSTARG [arcsec] from the reference pixel, else the middle of the image.
    """
    rows, columns = headers.shape(version)
    place = target_on_sky(headers.primary, headers.science[version], headers.path)
    cards = headers.both(version)
    for key in ("RA_TARG", "DEC_TARG", "CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        cards.number(key)
    if place is not None and 0 <= place[0] < columns and 0 <= place[1] < rows:
        return *place, cards.remarks
    reference = [cards.number("CRPIX1", columns / 2 + 0.5), cards.number("CRPIX2", rows / 2 + 0.5)]
    offset = [cards.number("POSTARG1", 0.0), cards.number("POSTARG2", 0.0)]
    column, row = (
        float(r or 0) - 1 + float(o or 0) / PLATE_SCALE for r, o in zip(reference, offset, strict=True)
    )
    return column, row, cards.remarks
