"""Pixels of an image set of a FITS file, read when they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hustle_widgets.algorithms.detector import READ_NOISE
from hustle_widgets.reading.content import Content, checksum_of, stamp_of
from hustle_widgets.reading.errors import VisitError
from hustle_widgets.reading.opening import opened

#: What `opened` does about warnings is for all threads.
_ONE_AT_A_TIME = threading.Lock()
_KINDS = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


class FilesGoneError(VisitError, OSError):
    """The file of the pixels that are asked for is gone, or has been replaced."""


@dataclass(frozen=True)
class Plane:
    """Where the pixels of one extension are.

    Parameters
    ----------
    path : Path
    name : str
        EXTNAME.
    version : int
        EXTVER.
    shape : tuple of int
        Rows and columns, by the extension's header.
    offset : int or None
        Bytes from the start of the file to the first pixel; None where astropy must unpack or scale them.
    kind : str
        Type of a pixel in the file.
    constant : float or None
        Value of all pixels, where calwf3 stores a constant plane as a header only.
    """

    path: Path
    name: str
    version: int
    shape: tuple[int, ...]
    offset: int | None = None
    kind: str = ""
    constant: float | None = None

    def read(self, rows: slice = slice(None), content: Content | None = None) -> NDArray[Any]:
        """Return a band of rows, shape (rows, columns), as they are in the file.

        Where the content of the file is given, they are a view of it and not to be changed.
        """
        start, stop, _ = rows.indices(self.shape[0])
        size = (stop - start, self.shape[1])
        if self.constant is not None:
            return np.full(size, self.constant)
        if self.offset is None:
            with _ONE_AT_A_TIME, opened(self.path) as hdus:
                return np.asarray(hdus[self.name, self.version].data)[start:stop]
        kind = np.dtype(self.kind)
        place, number = self.offset + start * size[1] * kind.itemsize, size[0] * size[1]
        if content is not None:
            if len(content.data) < place + number * kind.itemsize:
                raise OSError("it ends early")
            return np.frombuffer(content.data, kind, number, offset=place).reshape(size)
        pixels = np.fromfile(self.path, kind, number, offset=place)
        if pixels.size < number:
            raise OSError("it ends early")
        return pixels.reshape(size)


def planes_of(path: Path, hdus: fits.HDUList) -> dict[tuple[str, int], Plane]:
    """Find the pixels of all image sets of an open file, by EXTNAME and EXTVER."""
    with path.open("rb") as file:
        packed = file.read(6) != b"SIMPLE"
    return {
        (hdu.name.upper(), int(hdu.ver)): _plane(path, hdu, packed)
        for hdu in hdus
        if hdu.name.upper() in ("SCI", "ERR", "DQ") and hasattr(hdu, "shape")
    }


def _plane(path: Path, hdu: Any, packed: bool) -> Plane:
    header = hdu.header
    plane = Plane(path, hdu.name.upper(), int(hdu.ver), tuple(hdu.shape))
    if not header.get("NAXIS", 0):
        value = header.get("PIXVALUE", 0)
        usable = isinstance(value, (int, float)) and not isinstance(value, bool)
        return replace(plane, constant=value if usable else 0)
    scaled = header.get("BSCALE", 1) != 1 or header.get("BZERO", 0) != 0 or "BLANK" in header
    if packed or scaled or isinstance(hdu, fits.CompImageHDU):
        return plane
    return replace(plane, offset=int(hdu.fileinfo()["datLoc"]), kind=_KINDS[int(header["BITPIX"])])


@dataclass(frozen=True)
class ImageSet:
    """Pixels of one exposure in its file, and what the file was when it was read.

    Parameters
    ----------
    science : Plane
    error, quality : Plane or None
        None when the file has no such extension.
    factor : float
        What the pixels are multiplied by to be electrons.
    checksum : str
        SHA-256 of the file, in hexadecimal; '' until it is `stamped`.
    stamp : tuple of int
        Size and time of the last change of the file with this checksum.
    """

    science: Plane
    error: Plane | None
    quality: Plane | None
    factor: float = 1.0
    checksum: str = ""
    stamp: tuple[int, int] = (0, 0)

    @classmethod
    def of(
        cls,
        planes: Mapping[tuple[str, int], Plane],
        version: int,
        shape: tuple[int, int],
        factor: float = 1.0,
    ) -> ImageSet:
        """Take an image set of a file, of `shape` (rows, columns).

        Raises
        ------
        VisitError
            When its extensions are of unlike shapes. Names the file.
        """
        found: list[Plane | None] = []
        for name in ("SCI", "ERR", "DQ"):
            plane = planes.get((name, version))
            if plane is not None and plane.constant is not None:
                plane = replace(plane, shape=shape)
            if plane is not None and plane.shape != shape:
                size = " x ".join(str(n) for n in plane.shape)
                raise VisitError(
                    f"{plane.path} has {name} pixels of {size}, where its image is {shape[0]} x {shape[1]}. "
                    "Download it again or take it out of the folder."
                )
            found.append(plane)
        science, error, quality = found
        assert science is not None  # what the shape was taken from
        return cls(science, error, quality, factor)

    @property
    def path(self) -> Path:
        """The file."""
        return self.science.path

    def stamped(self, content: Content) -> ImageSet:
        """Take the checksum of the bytes of the file that are in memory.

        Raises
        ------
        VisitError
            When the file has changed since they were read. Names it.
        """
        if stamp_of(self.path) != content.stamp:
            raise VisitError(
                f"{self.path} changed while it was read. Load the visit again when all its files are complete."
            )
        return replace(self, checksum=content.checksum(), stamp=content.stamp)

    def images(self, into: NDArray[np.float32], content: Content | None = None) -> None:
        """Read the image in electrons into an array of its shape."""
        into[...] = self.science.read(content=content)
        if self.factor != 1:
            into *= self.factor

    def errors(
        self, rows: slice = slice(None), content: Content | None = None, every: int = 1
    ) -> NDArray[np.float32]:
        """Read the uncertainties of a band of rows [e-]; those of photons and read noise if the file has none.

        With `every`, only each so many-th pixel is taken, counted row by row; they are returned in one line.
        """
        plane = self.science if self.error is None else self.error
        values = plane.read(rows, content)
        values = (values if every == 1 else values.reshape(-1)[::every]).astype(np.float32)
        if self.error is None:
            light = np.clip(values * np.float32(self.factor), 0, None)
            return np.sqrt(light + READ_NOISE**2).astype(np.float32)
        if self.factor != 1:
            values *= self.factor
        return values

    def flags(self, rows: slice = slice(None), content: Content | None = None) -> NDArray[Any]:
        """Read calwf3's flags of a band of rows; 16 bits are read as bits, the last one is no sign."""
        if self.quality is None:
            return np.zeros(
                (len(range(*rows.indices(self.science.shape[0]))), self.science.shape[1]), np.uint16
            )
        values = self.quality.read(rows, content)
        if values.dtype.kind == "i" and values.dtype.itemsize == 2:
            return values.astype(np.int16).view(np.uint16)
        return values

    def check(self) -> None:
        """See that the file is still the one that was read.

        Raises
        ------
        FilesGoneError
            When it is not. Names the file.
        """
        try:
            if stamp_of(self.path) == self.stamp or checksum_of(self.path) == self.checksum:
                return
            what = "has changed since the visit was loaded"
        except OSError as error:
            what = f"can no longer be read ({error.strerror or error})"
        raise FilesGoneError(
            f"{self.path} {what}, and errors and hst_dq are read from the files of a visit when they are needed. "
            "Put the file back, or load the visit again."
        )
