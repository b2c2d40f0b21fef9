"""All that the headers of a visit's files say together, before a pixel is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.reading.checks import check_alike, check_direct_binning, check_filters, check_times
from hustle_widgets.reading.failures import header_problems
from hustle_widgets.reading.finding import Found, find_files
from hustle_widgets.reading.headers import Exposure, Headers, target_pixel
from hustle_widgets.reading.unpacking import check_room

ORBIT_GAP = 35.0 / 1440  # [d]


@dataclass(frozen=True)
class Survey:
    """A visit by its headers.

    Attributes
    ----------
    exposures : list of Exposure
        In the order of time.
    direct : Headers
        Of the direct image.
    direct_version : int
        Its image set.
    chip : int
    corner : (float, float) or None
        Full-chip column and row of the frames' first pixel, 1-indexed; None when no file tells.
    target : (float, float)
        Column and row of the target in the direct image, by its header.
    problems : list of str
        What failed in each exposure, '' where nothing did.
    messages : list of str
        What a person should know.
    """

    exposures: list[Exposure]
    direct: Headers
    direct_version: int
    chip: int
    corner: tuple[float, float] | None
    target: tuple[float, float]
    problems: list[str]
    messages: list[str]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a frame."""
        return self.exposures[0].shape

    @property
    def middle(self) -> NDArray[np.float64]:
        """Middle of each exposure, MJD (UTC)."""
        return np.array([(e.start + e.end) / 2 for e in self.exposures])

    @property
    def durations(self) -> NDArray[np.float32]:
        """Exposure times [s]."""
        return np.array([e.duration for e in self.exposures], dtype=np.float32)

    @property
    def orbits(self) -> NDArray[np.int64]:
        """Orbit of each exposure, from 1: a gap of more than 35 min begins a new one."""
        gaps = [b.start - a.end > ORBIT_GAP for a, b in zip(self.exposures, self.exposures[1:], strict=False)]
        return 1 + np.concatenate([[0], np.cumsum(gaps)]).astype(np.int64)

    @property
    def subarray(self) -> NDArray[np.float64] | None:
        """Left, right, bottom and top edge on the chip, 1-indexed and inclusive; None when no file tells."""
        if self.corner is None:
            return None
        (left, bottom), (rows, columns) = self.corner, self.shape
        return np.array([left, left + columns - 1, bottom, bottom + rows - 1])

    @property
    def filter(self) -> str:
        """Filters of the exposures."""
        return ", ".join(sorted({e.filter for e in self.exposures}))

    @property
    def names(self) -> list[str]:
        """File of each exposure."""
        return [exposure.path.name for exposure in self.exposures]

    @property
    def target_name(self) -> str:
        """TARGNAME of the first exposure."""
        return self.exposures[0].cards.text("TARGNAME", "unknown")


def survey(folder: str | os.PathLike[str], visit: str | Sequence[str] | None = None) -> Survey:
    """Read the headers of a visit and compare them.

    Parameters
    ----------
    folder, visit
        See `find_files`.

    Returns
    -------
    Survey

    Raises
    ------
    VisitError
        From `find_files`, and for files that cannot be worked on together. Names them.
    """
    found = find_files(folder, visit)
    messages = [*found.messages, *check_filters(found)]
    direct = found.direct[0]
    chip = _chip_of(found)
    exposures = [Exposure(headers, chip) for headers in found.spectra]
    exposures.sort(key=lambda exposure: exposure.start)
    messages += [*check_alike(exposures), *check_direct_binning(direct, exposures)]
    check_room(Path(folder), len(exposures), exposures[0].shape)
    direct_version = direct.choose(chip)
    for exposure in exposures:
        messages += exposure.remarks
    messages += check_times(exposures)
    corners = [e.headers.corner(e.version) for e in exposures]
    corner = next((c for c in corners if c is not None), None)
    if corner is None:
        messages.append(
            f"LTV1 and LTV2 of {exposures[0].path.name} are no numbers: where the subarray lies on the chip is not "
            "known, and no sky image can be cut at it."
        )
    messages += _direct_offset(direct.corner(direct_version), corner, direct.path.name)
    column, row, remarks = target_pixel(direct, direct_version)
    messages += remarks
    rows, columns = direct.shape(direct_version)
    if not (0 <= column < columns and 0 <= row < rows):
        messages.append(
            f"The header puts the target at column {column:.0f}, row {row:.0f}, outside the direct image: "
            "give its location."
        )
    if direct.own_chip() not in (None, exposures[0].chip):
        messages.append(
            f"The direct image {direct.path.name} is of chip {direct.own_chip()}, the frames of {exposures[0].chip}."
        )
    problems = header_problems(exposures)
    return Survey(
        exposures,
        direct,
        direct_version,
        exposures[0].chip,
        corner,
        (column, row),
        problems,
        messages,
    )


def _chip_of(found: Found) -> int:
    """Chip of the frames: a subarray's own, of full frames the one that holds the target."""
    first, direct = found.spectra[0], found.direct[0]
    for headers in (first, direct):
        chip = headers.own_chip()
        if chip is not None:
            return chip
    return direct.chip_number(direct.choose(None))


def _direct_offset(direct: Any, frames: Any, name: str) -> list[str]:
    """Say how far the direct image's subarray lies from that of the frames."""
    if direct is None or frames is None:
        return (
            []
            if direct is not None or frames is None
            else [
                f"{name}: LTV1 or LTV2 is no number; the direct image is taken to be of the frames' subarray."
            ]
        )
    across, up = (d - f for d, f in zip(direct, frames, strict=True))
    if (across, up) == (0, 0):
        return []
    return [
        f"The direct image is of another subarray: add {across:g} to its columns and {up:g} to its rows to get "
        "those of the frames."
    ]
