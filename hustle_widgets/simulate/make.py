"""Write a simulated visit into its folder, whole or not at all."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..algorithms import simulation as sim
from ..algorithms.simulation_star import EXPOSURE_OF_COUNTS, transit
from ..visit import load_visit
from .files import write_exposure, write_sky
from .scene import Scene, check_number, make_scene
from .truth import make_truth

PRODUCTS = ("specimages", "directimages")
FIRST_EXPOSURE = 58331.25  # MJD
READOUT = 30.0  # [s] between exposures
ORBIT = 95.0 * 60  # [s]
VISIBLE = 57.0 * 60  # [s] of an orbit


def _timing(n_frames: int, exposure_time: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Start [MJD] and zero-based orbit of each frame; orbits as even as possible."""
    per_orbit = int(np.clip(VISIBLE // (exposure_time + READOUT), 1, 15))
    n_orbits = -(-n_frames // per_orbit)
    groups = [len(part) for part in np.array_split(np.arange(n_frames), n_orbits)]
    orbit = np.repeat(np.arange(n_orbits), groups)
    within = np.concatenate([np.arange(n) for n in groups])
    seconds = orbit * ORBIT + within * (exposure_time + READOUT)
    return FIRST_EXPOSURE + seconds / 86_400, orbit


def simulate_visit(
    folder: str | Path,
    *,
    n_frames: int = 30,
    shape: tuple[int, int] = (600, 2100),
    seed: int = 1,
    cosmic_ray_rate: float = 0.07,
    sky: float = 12.0,
    sky_structure: float = 1.0,
    drift: tuple[float, float] = (0.35, 0.2),
    jitter: float = 0.08,
    depth: float = 0.0104,
    brightness: float = 1.0,
    n_stars: int = 4,
    hot_fraction: float = 0.002,
    exposure_time: float = 190.0,
    target: tuple[float, float] | None = None,
    chip: int = 2,
    corner: tuple[int, int] | None = None,
    overwrite: bool = False,
    progress: Callable[[float], None] | None = None,
) -> xr.Dataset:
    """Write a simulated WFC3/UVIS G280 visit and load it.

    Parameters
    ----------
    folder : str or Path
        Stage 0 folder to make: specimages/, directimages/, a sky image and truth.nc.
    n_frames : int
        Number of G280 exposures, at most 15 an orbit.
    shape : (rows, columns)
        Shape of the subarray, (200, 300) to (2051, 4096).
    seed : int
        The same seed (and other parameters) gives the same files, byte for byte.
    cosmic_ray_rate : float
        Share of pixels hit in 1800 s (0.05 to 0.09 on the real detector).
    sky : float
        Sky level [e-] an exposure, about the mean over the chip; it varies by a tenth within an orbit.
    sky_structure : float
        Strength of the sky's structure on the detector; 0 is a flat sky.
    drift : (column, row)
        Linear motion over the visit [px].
    jitter : float
        Scatter of the pointing from orbit to orbit [px]; less within an orbit.
    depth : float
        Area of the planet over that of the star; 0 for no transit. Mid-transit is the middle of the
        visit; about 45 % of the frames are in transit.
    brightness : float
        Flux of the target in units of HAT-P-41 (V = 11.4).
    n_stars : int
        Background stars of 20 000 and 5000 e- in turn; fewer if there is no room for them.
    hot_fraction : float
        Share of hot pixels (> 54 e-/hr); twice as many are warm.
    exposure_time : float
        Seconds an exposure.
    target : (column, row), optional
        Position of the target in the direct image. Default (970.25, 170.4) at the full size, nearer to the
        corner on smaller frames so that the spectra stay on them.
    chip : int
        CCD chip, 1 or 2.
    corner : (column, row), optional
        Zero-based full-chip position of the subarray's first pixel. Default: the target near the middle of
        the chip.
    overwrite : bool
        Replace a simulated visit that is already in the folder. Other files there, outputs for example, stay.
    progress : callable, optional
        Called with the fraction done, 0..1.

    Returns
    -------
    xarray.Dataset
        ``load_visit(folder)``.

    Raises
    ------
    FileExistsError
        When the folder holds anything, unless it is a simulated visit and `overwrite` is set.
    ValueError
        For a parameter out of bounds; names it.

    Notes
    -----
    Truth (see `read_truth`): cosmic-ray pixels and electrons of each frame, hot, warm, cold and dead pixels,
    sky template and its scale, pointing, relative flux, target, 0th order and stars, traces and spectra.

    Examples
    --------
    >>> visit = simulate_visit("small_visit", n_frames=4, shape=(200, 400), overwrite=True)
    >>> visit.images.shape
    (4, 200, 400)
    """
    given = {k: v for k, v in locals().items() if k not in ("folder", "overwrite", "progress")}
    check_number(n_frames, "n_frames", 1, 10_000, whole=True)
    if len(tuple(shape)) != 2:
        raise ValueError(f"The 'shape' parameter of simulate_visit must be (rows, columns). Got {shape!r}.")
    check_number(shape[0], "shape[0]", 200, sim.CHIP_SHAPE[0], whole=True)
    check_number(shape[1], "shape[1]", 300, sim.CHIP_SHAPE[1], whole=True)
    check_number(seed, "seed", 0, 2**63, whole=True)
    check_number(cosmic_ray_rate, "cosmic_ray_rate", 0, 1)
    check_number(sky, "sky", 0, 10_000)
    check_number(sky_structure, "sky_structure", 0, 3)
    if len(tuple(drift)) != 2:
        raise ValueError(f"The 'drift' parameter of simulate_visit must be (column, row). Got {drift!r}.")
    check_number(drift[0], "drift[0]", -20, 20)
    check_number(drift[1], "drift[1]", -20, 20)
    check_number(jitter, "jitter", 0, 10)
    check_number(depth, "depth", 0, 0.5)
    check_number(brightness, "brightness", 0, 100)
    check_number(n_stars, "n_stars", 0, 100, whole=True)
    check_number(hot_fraction, "hot_fraction", 0, 0.1)
    check_number(exposure_time, "exposure_time", 1, 3000)
    check_number(chip, "chip", 1, 2, whole=True)
    final = Path(folder)
    _refuse_to_overwrite(final, overwrite)

    scene = make_scene(
        (int(shape[0]), int(shape[1])),
        seed,
        sky_structure,
        brightness * exposure_time / EXPOSURE_OF_COUNTS,
        n_stars,
        target,
        chip,
        corner,
    )
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{final.name}.partial-", dir=final.parent))
    try:
        _write_visit(partial, scene, given, progress)
        _move_into_place(partial, final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return load_visit(final)


def _refuse_to_overwrite(final: Path, overwrite: bool) -> None:
    if final.exists() and (not final.is_dir() or any(final.iterdir())):
        simulated = (final / "truth.nc").is_file()
        if not simulated:
            raise FileExistsError(
                f"{final} holds something that is not a simulated visit; nothing was changed. "
                "Choose another folder."
            )
        if not overwrite:
            raise FileExistsError(
                f"{final} already holds a simulated visit. Pass overwrite=True (--overwrite on the command line) "
                "to replace it, or choose another folder."
            )


def _move_into_place(partial: Path, final: Path) -> None:
    """Swap the new products in, truth.nc last: with it the folder counts as a simulated visit."""
    final.mkdir(exist_ok=True)
    old = partial / "old"
    old.mkdir()
    names = sorted(path.name for path in partial.iterdir() if path.name not in ("old", "truth.nc"))
    stale = [path.name for path in final.glob("sky_G280_chip?_flt.fits")]
    for name in {*names, *stale}:
        if (final / name).exists():
            (final / name).rename(old / name)
    for name in [*names, "truth.nc"]:
        (partial / name).replace(final / name)


def _write_visit(
    folder: Path, scene: Scene, given: dict[str, Any], progress: Callable[[float], None] | None
) -> None:
    seed, exposure_time, n_frames = given["seed"], float(given["exposure_time"]), int(given["n_frames"])
    for name in PRODUCTS:
        (folder / name).mkdir()
    rng = np.random.default_rng([seed, 0])
    start, orbits = _timing(n_frames, exposure_time)
    middle = start + exposure_time / 2 / 86_400
    moved = sim.pointing(rng, middle, orbits, given["drift"], given["jitter"])
    orbit_levels = rng.normal(0, 0.03, int(orbits.max()) + 1)
    phase = 2 * np.pi * (start - start[0]) * 86_400 / ORBIT
    sky_scale = given["sky"] * (1 + 0.1 * np.cos(phase) + orbit_levels[orbits])
    light_curve, in_transit = _light_curve(middle, exposure_time, given["depth"])
    defects = sim.draw_defects(rng, scene.shape, exposure_time, given["hot_fraction"])
    hit_fraction = given["cosmic_ray_rate"] * exposure_time / 1800

    hits: list[sim.Frame] = []
    frame_in_orbit = np.arange(n_frames) - np.searchsorted(orbits, orbits)
    for k in range(n_frames):
        light = scene.light(moved[k], sky_scale[k], light_curve[k])
        frame = sim.expose(np.random.default_rng([seed, 2, k]), light, defects, exposure_time, hit_fraction)
        path = folder / "specimages" / f"or{orbits[k] + 1:02d}fm{frame_in_orbit[k] + 1:03d}_flt.fits"
        write_exposure(path, frame, scene, start[k], exposure_time, k + 1, "G280")
        empty = np.empty((0, 0), dtype=np.float32)
        hits.append(frame._replace(image=empty, errors=empty, hst_dq=np.empty((0, 0), dtype=np.int16)))
        if progress is not None:
            progress(0.9 * (k + 1) / n_frames)

    direct = _direct_image(np.random.default_rng([seed, 3]), scene, given["hot_fraction"])
    write_exposure(
        folder / "directimages" / "or01dr001_flt.fits",
        direct,
        scene,
        start[0] - 180 / 86_400,
        1.0,
        0,
        "F300X",
    )
    template = sim.sky_template(
        np.arange(sim.CHIP_SHAPE[0], dtype=float),
        np.arange(sim.CHIP_SHAPE[1], dtype=float),
        given["sky_structure"],
    )
    template *= 1 + 0.01 * np.random.default_rng([seed, 4]).standard_normal(sim.CHIP_SHAPE, dtype=np.float32)
    write_sky(folder / f"sky_G280_chip{scene.chip}_flt.fits", template, scene.chip)
    truth = make_truth(scene, given, defects, hits)
    truth["sky_scale"] = ("exp_time", sky_scale, {"units": "electron", "long_name": "sky over sky_template"})
    truth["drift"] = (
        ("exp_time", "xy"),
        moved,
        {"units": "pixel", "long_name": "displacement (column, row)"},
    )
    truth["light_curve"] = ("exp_time", light_curve, {"units": "1", "long_name": "relative flux"})
    truth["in_transit"] = ("exp_time", in_transit)
    truth.assign_coords(exp_time=middle).to_netcdf(folder / "truth.nc", engine="netcdf4")
    if progress is not None:
        progress(1.0)


def _light_curve(
    middle: NDArray[np.float64], exposure_time: float, depth: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Relative flux of each frame, and which frames the planet touches: the middle 45 %."""
    if depth == 0:
        return np.ones(len(middle)), np.zeros(len(middle), dtype=bool)
    k, impact = float(np.sqrt(depth)), 0.2
    mid_transit = (middle[0] + middle[-1]) / 2
    # Counted in frames, not hours: else a visit of two orbits has its transit in the gap.
    first = int(0.275 * len(middle))
    half = (middle[-1 - first] - middle[first] + exposure_time / 86_400) / 2
    contact = np.sqrt((1 + k) ** 2 - impact**2)
    along = (middle - mid_transit) / half * contact
    separation = np.hypot(along, impact)
    return transit(separation, k), separation < 1 + k


def _direct_image(rng: np.random.Generator, scene: Scene, hot_fraction: float) -> sim.Frame:
    """One second through F300X: the target and the stars, not dispersed."""
    light = np.full(scene.shape, 0.1)
    sim.add_star(light, scene.target, 1.2e5 * min(scene.strength, 1.0))
    for (column, row), flux in zip(scene.stars - sim.ZEROTH_SHIFT, scene.star_fluxes, strict=True):
        sim.add_star(light, (column, row), flux / 10)
    defects = sim.draw_defects(rng, scene.shape, 1.0, hot_fraction)
    return sim.expose(rng, light, defects, 1.0, 0.07 / 1800)
