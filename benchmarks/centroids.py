"""Backgrounds and centroids on simulated visits: how far from the truth, and how long a frame takes.

    python benchmarks/centroids.py [--frames 20] [--rows 600] [--columns 2100] [--seed 1]

Cosmic rays are removed by free iteration alone (which needs some 20 frames), hot pixels stay. The column
background is compared with the sky over the same background pixels, the noise of the median is 1.2533 sigma /
sqrt(pixels). Slope and rms are of the position found against the true one, over both axes and all stars of a
flux: one star of 5000 e- in 20 frames alone leaves a slope uncertain by 0.025. Times are processor time for
one frame.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets import simulate_visit
from hustle_widgets.algorithms.background import uniform_level
from hustle_widgets.algorithms.centroid import star_position, target_position, zeroth_order_position
from hustle_widgets.algorithms.columns import ColumnPixels, column_level
from hustle_widgets.algorithms.geometry import trace_mask, traces_on_frame, zeroth_order_guess
from hustle_widgets.algorithms.sky import fit_sky
from hustle_widgets.algorithms.temporal import clip_until_stable
from hustle_widgets.simulate import read_truth

SKY = 12.0


def simulate(arguments: argparse.Namespace, frames: int, structure: float) -> tuple[xr.Dataset, xr.Dataset]:
    """A visit whose cosmic rays are replaced by free iteration, and its truth."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "visit"
        shape = arguments.rows, arguments.columns
        visit = simulate_visit(
            place,
            n_frames=frames,
            shape=shape,
            seed=arguments.seed,
            sky=SKY,
            sky_structure=structure,
            drift=(0.5, 0.5),
            jitter=0.1,
        ).load()
        truth = read_truth(place)
    images = visit["images"].values
    for first in range(0, shape[0], 50):
        band = images[:, first : first + 50]
        mask, values, _ = clip_until_stable(band, 3.5)
        band[mask] = values
    return visit, truth


def each_frame(images: NDArray[Any], function: Callable[[NDArray[Any]], Any]) -> tuple[list[Any], float]:
    """Results, and processor seconds a frame."""
    start = time.process_time()
    results = [function(image) for image in images]
    return results, (time.process_time() - start) / len(images)


def line(what: str, figure: str, needed: str, seconds: float | None = None) -> None:
    """Print a line of the table."""
    print(f"{what:42} {figure:34} {needed:26} {'' if seconds is None else f'{1e3 * seconds:7.1f} ms'}")


def followed(found: list[NDArray[np.float64]], true: list[NDArray[np.float64]]) -> str:
    """Slope and rms of the motion found against the true one; lists of (frames, 2), one a source."""
    moved, seen = (
        np.concatenate([(place - place.mean(axis=0)).ravel() for place in places]) for places in (true, found)
    )
    slope = float(moved @ seen / (moved @ moved))
    return f"slope {slope:.3f}, rms {np.std(seen - moved):.4f} px"


def uniform(arguments: argparse.Namespace) -> None:
    visit, truth = simulate(arguments, max(4, arguments.frames // 4), 0)
    images, true = visit["images"].values, truth["sky_scale"].values
    rows, columns = images.shape[1:]
    bounds = [[0, rows // 4, 0, columns // 5], [rows * 11 // 15, rows * 59 // 60, 0, columns // 5]]
    for fit, corrected in (("Gaussian", False), ("median", False), ("median", True), (None, False)):
        found, seconds = each_frame(
            images,
            lambda image, fit=fit, corrected=corrected: uniform_level(
                image, fit=fit, bounds=bounds, hist_min=-20, hist_max=50, skew_corrected=corrected
            ),
        )
        name = f"uniform, {fit}{', skew_corrected' if corrected else ''}"
        needed = "" if fit is None else "bias < 0.05 e-"
        line(name, f"bias {np.mean(found - true):+.3f} e-", needed, seconds)


def column(visit: xr.Dataset, truth: xr.Dataset) -> None:
    images = visit["images"].values
    shape = images.shape[1], images.shape[2]
    target = truth["target"].values
    traces = traces_on_frame(target, visit["subarr_coords"].values, shape, int(visit.attrs["chip"]))
    background = ~trace_mask(shape, traces, truth["zeroth_order"].values, 100)
    number = background.sum(axis=0)
    template = truth["sky_template"].values.astype(float)
    sky = np.where(background, template, 0).sum(axis=0) / np.maximum(number, 1)
    pixels = ColumnPixels.of(background)
    found, seconds = each_frame(images, lambda image: column_level(image, pixels, 3))
    error = np.array([level for level, _ in found]) - truth["sky_scale"].values[:, None] * sky
    error = error[:, number > 0]
    noise = 1.2533 * np.sqrt(np.mean((SKY + 3.1**2) / number[number > 0]))
    line("column, mask_trace", f"bias {error.mean():+.3f} e-", "bias < 0.05 e-", seconds)
    line("", f"scatter {error.std():.3f} e-", f"noise of median {noise:.3f} e-")


def sky_image(visit: xr.Dataset, truth: xr.Dataset) -> None:
    template = truth["sky_template"].values
    for parameter in (1e-3, 1e-2):
        found, seconds = each_frame(
            visit["images"].values, lambda image, p=parameter: fit_sky(image, template, p).scale
        )
        error = np.array(found) / truth["sky_scale"].values - 1
        what = f"sky image, mask_parameter {parameter:g}"
        line(what, f"largest error {100 * np.abs(error).max():.2f} %", "0.5 % a frame", seconds)


def positions(visit: xr.Dataset, truth: xr.Dataset) -> None:
    images, target = visit["images"].values, truth["target"].values
    moved = truth["drift"].values
    rng = np.random.default_rng(0)
    guesses = [target + rng.uniform(-20, 20, 2) for _ in range(10)]
    found, seconds = each_frame(
        np.array(guesses), lambda guess: target_position(visit["direct_image"].values, guess)
    )
    worst = max(float(np.hypot(*(np.array(place) - target))) for place in found)
    line("target, guesses up to 20 px off", f"error {worst:.4f} px", "0.03 px", seconds)
    stars, fluxes = truth["star_positions"].values, truth["star_fluxes"].values
    for flux, needed in ((5_000, "1 +- 0.05, < 0.03 px"), (20_000, "1 +- 0.02, < 0.015 px")):
        tracks, seconds = [], 0.0
        for place in stars[fluxes == flux]:
            found, seconds = each_frame(images, lambda image, at=place: star_position(image, np.round(at)))
            tracks.append(np.array(found))
        figure = followed(tracks, [place + moved for place in stars[fluxes == flux]])
        line(f"{len(tracks)} stars of {flux} e-", figure, needed, seconds)
    expected = zeroth_order_guess(target)
    found, seconds = each_frame(images, lambda image: zeroth_order_position(image, expected))
    true = truth["zeroth_order"].values + moved
    line("0th order", followed([np.array(found)], [true]), "1 +- 0.03, < 0.03 px", seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("frames", 20), ("rows", 600), ("columns", 2100), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    line("what", "measured", "needed", None)
    uniform(arguments)
    visit, truth = simulate(arguments, arguments.frames, 1)
    images = visit["images"].values
    _, seconds = each_frame(images, np.copy)
    line("one copy of the frame", "", "", seconds)
    column(visit, truth)
    sky_image(visit, truth)
    positions(visit, truth)


if __name__ == "__main__":
    main()
