"""Step 5c: background, a scaled image of the G280 sky (Pagul et al. 2023)."""

from __future__ import annotations

import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from hustle_widgets.algorithms.sky import cut_sky, fit_sky, median_columns, smooth_scales
from hustle_widgets.algorithms.sky_sums import without_repeats
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Offset, Outcome, Table
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.reading.errors import VisitError
from hustle_widgets.reading.unpacking import check_pixels, source_of
from hustle_widgets.steps.bad_frames import (
    REASON,
    estimated,
    filled_from_neighbours,
    notes_of,
    without_reason,
)
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Column
from hustle_widgets.steps.parameters import Real, Switch, Text
from hustle_widgets.user_paths import user_path

WHERE = (
    "download sky_G280_chip2_flt.fits (or chip 1's) from "
    "https://www.stsci.edu/hst/instrumentation/wfc3/documentation/grism-resources/uvis-grism-sky-images "
    "and set 'path_to_Pagul' to it"
)


class PagulBackground(Step):
    """Subtract the G280 sky image, scaled to each frame."""

    name, title, section, by = "pagul", "Background: sky image", "5c", "frames"
    label = "Sky image"
    heading = ("Step 5c: Pagul et al. background subtraction",)
    switch = "do_Pagul"
    switch_help = "Subtract the image of the G280 sky, scaled to each frame (Pagul et al. 2023)."
    sky, doing = True, "Removing background with the sky image..."
    live, figures = (
        "hustle_widgets.view.live.pagul:SkyLive",
        "hustle_widgets.view.figures.backgrounds:sky_figures",
    )
    every_frame = ("bkg_mask_pagul", "hustle_widgets.view.figures.backgrounds:SkyMask")
    tour = """
    Dots on the frame are masked: sources, and no more. The factor of the sky image should follow the sky smoothly, and
    what is taken off should lie near the mode of each frame. Here the two backgrounds before are off: mostly it is one
    or the other.
    """
    records = {
        "bkg_vals": Column("electron", "factor of the sky image, times its median over the frame"),
        "sky_scale": Column("electron", "factor of the sky image"),
        "sky_scale_fitted": Column("electron", "factor of the sky image before it was smoothed in time"),
    }
    path_to_Pagul = Text(
        "./",
        "Where the sky image is: the FITS file, or its folder.",
    )
    mask_parameter = Real(
        0.001,
        (
            "How far from the level of the sky a pixel may lie to be used, in standard deviations of the whole "
            "frame; a smaller value masks more."
        ),
        above=0,
        soft=(0.0001, 0.1),
        advice="Lower it to mask more of the frame; raise it if too few pixels are left for the fit.",
    )
    smooth_fits = Switch(
        True,
        (
            "Replace scaling factors that stand out in time by the median of the visit, so that the background "
            "does not flicker. Where the sky rises and falls within orbits, they become what the frames around "
            "them and other orbits give."
        ),
    )
    smoothing_param = Real(
        2.5,
        (
            "How far a factor may lie from the median of all, or from the course of its orbit; a smaller value "
            "smooths more."
        ),
        unit="sigma",
        above=0,
        soft=(0.5, 10),
        advice="Lower it to smooth more; raise it if true changes of the sky are smoothed away.",
    )
    median_columns = Switch(
        True,
        ("Use the median of each column of the sky image: early versions are noisy from pixel to pixel."),
    )

    @staticmethod
    def prepare(state: State, *, path_to_Pagul: str, median_columns: bool) -> dict[str, Any]:
        """Read the sky image and cut it at the subarray."""
        return {"sky": sky_on_frame(state, path_to_Pagul, median_columns)}

    @staticmethod
    def compute(block: Block, *, sky: NDArray[np.float32], mask_parameter: float) -> tuple[Offset, Table]:
        """Scale the sky image to one frame."""
        image = block.images[0]

        def estimate() -> NDArray[np.float64]:
            return np.array([fit_sky(image, sky, mask_parameter).scale])

        scale, reason = estimated(image, estimate, (1,))
        return Offset(scale.astype(np.float32), sky), Table({"sky_scale": scale, REASON: np.array([reason])})

    @staticmethod
    def finish(
        outcome: Outcome,
        state: State,
        *,
        sky: NDArray[np.float32],
        smooth_fits: bool,
        smoothing_param: float,
    ) -> Outcome:
        """Smooth the factors in time, and give one to frames that have none."""
        found, known, reasons = without_reason(outcome.table, "sky_scale")
        fitted = found["sky_scale"]
        scale = (
            smoothed(state, fitted, smoothing_param) if smooth_fits else filled_from_neighbours(fitted, known)
        )
        replaced = int(np.count_nonzero((scale != fitted) & known))
        notes: tuple[str, ...] = (
            (f"The factor of {replaced} frame(s) was replaced by what the others say.",) if replaced else ()
        )
        instead = "what the others' factors say" if smooth_fits else "the factor of its neighbours"
        notes += notes_of(state, reasons, f"It takes {instead}.")
        columns = {
            "bkg_vals": scale * float(np.nanmedian(without_repeats(sky))),
            "sky_scale": scale,
            "sky_scale_fitted": fitted,
        }
        return Outcome((Offset(scale.astype(np.float32), sky), Table(columns, notes=notes)))


def smoothed(state: State, fitted: NDArray[np.float64], smoothing_param: float) -> NDArray[np.float64]:
    """Return the factors of a visit with those replaced that stand out."""
    times = np.asarray(state.column("exp_time"), dtype=np.float64)
    return smooth_scales(fitted, smoothing_param, times, np.asarray(state.column("orbit_numbers")))


def sky_on_frame(state: State, path: str, by_columns: bool) -> NDArray[np.float32]:
    """Return the sky image on the frame, shape (rows, columns); raise Unmet when there is none."""
    subarray, shape = state.facts["subarr_coords"], state.shape[1:]
    found = find_sky_image(path, state.facts["folder"], state.facts["chip"])
    sky = sky_of_chip(str(found), found.stat().st_mtime, by_columns)
    if subarray is None and sky.shape != shape:
        raise Unmet("The visit does not say where its subarray lies on the chip, so no sky image can be cut.")
    return cut_sky(sky, subarray, shape)


@lru_cache(maxsize=1)
def sky_of_chip(path: str, changed: float, by_columns: bool) -> NDArray[np.float32]:
    """Return the sky image of a chip, or the medians of its columns, which take as long as ten frames.

    `changed` is the time stamp of the file, so that a new one is read anew.
    """
    sky = read_sky_image(path)
    return median_columns(sky) if by_columns else sky


def find_sky_image(path: str, visit_folder: str, chip: int) -> Path:
    """Return the sky image's file: `path` itself, or the one in that folder, or in the visit's."""
    place = user_path(path)
    if place.is_file():
        return place
    if not place.is_dir():
        raise Unmet(f"There is no sky image at {path!r}: {WHERE}.")
    folders = [place] + ([Path(visit_folder)] if visit_folder else [])
    for folder in folders:
        images = sorted(folder.glob("*sky*.fits"))
        of_chip = [image for image in images if f"chip{chip}" in image.name]
        if of_chip or len(images) == 1:
            return (of_chip or images)[0]
    raise Unmet(f"There is no sky image (*sky*chip{chip}*.fits) in {path!r}: {WHERE}.")


def read_sky_image(path: str) -> NDArray[np.float32]:
    """Read the first image of a FITS file; VisitError for one that no detector has made, by its size."""
    place = Path(path)
    try:
        # calwf3's headers are not always to the letter of the standard: no reason to alarm a person.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(source_of(place), memmap=False) as file:
                image = next(hdu for hdu in file if getattr(hdu, "is_image", False) and len(hdu.shape) == 2)
                check_pixels(place, "sky", *image.shape)
                data = np.asarray(image.data, dtype=np.float32)
    except VisitError:
        raise
    except Exception as error:  # astropy raises what it likes for a damaged file
        raise ValueError(
            f"{path} is not a FITS file with an image, or is damaged: set 'path_to_Pagul' to a sky image."
        ) from error
    return data
