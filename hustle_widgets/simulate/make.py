"""Write a simulated visit into its folder, whole or not at all."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets.algorithms import simulation as sim
from hustle_widgets.algorithms import simulation_effects as effects
from hustle_widgets.algorithms.geometry import trace_mask
from hustle_widgets.algorithms.simulation_effects import STAR_TEMPERATURE
from hustle_widgets.algorithms.simulation_star import EXPOSURE_OF_COUNTS
from hustle_widgets.simulate import times
from hustle_widgets.simulate.files import write_exposure, write_sky
from hustle_widgets.simulate.options import check_options
from hustle_widgets.simulate.scene import Scene, first_orders, make_scene, red_ends
from hustle_widgets.simulate.truth import TWIN, make_truth
from hustle_widgets.user_paths import user_path
from hustle_widgets.visit import load_visit

PRODUCTS = ("specimages", "directimages")
FALSE_FLAGS_WITHIN = 6  # rows of an order


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
    smooth: bool = False,
    temperature: float = STAR_TEMPERATURE,
    neighbour: tuple[float, float, float] | None = None,
    flat_error: float = 0.0,
    breathing: float = 0.0,
    hook: float = 0.0,
    cte: float = 0.0,
    false_flags: float = 0.0,
    frames_per_orbit: int | None = None,
    transit_span: tuple[float, float] | None = None,
    failed: Sequence[int] = (),
    twin: bool = False,
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
    smooth : bool
        Integrate the spectrum over pixels and let it end at a wavelength, so that it neither gains nor loses light
        as it moves by parts of a pixel. By default it is sampled in the middle of each pixel, which makes the
        white light curve of a visit that drifts uneven by 50 ppm.
    temperature : float
        Colour of the star: that of a black body [K] over that of HAT-P-41's 6500 K.
    neighbour : (columns, rows, brightness), optional
        A second star, that far from the target and that much brighter, with orders of its own.
    flat_error : float
        Scatter of the sensitivity from pixel to pixel that the flat field leaves.
    breathing : float
        Largest relative change of the width of the point spread in an orbit.
    hook : float
        Light lost at the start of an orbit, twice as much in the first; it comes back within 12 minutes.
    cte : float
        Share of a packet of 100 e- that is trailed over the whole chip, see `simulation_effects.trailed`.
    false_flags : float
        Share of the pixels within 6 rows of orders +1 and -1 that carry DQ 4096 although nothing hit them.
    frames_per_orbit : int, optional
        At most so many exposures an orbit: with `transit_span`, for orbits out of transit.
    transit_span : (start, stop), optional
        Where in the visit the transit begins and ends, as parts of the frames (0..1).
    failed : sequence of int
        Frames (zero-based) whose shutter stayed closed; their EXPFLAG says so.
    twin : bool
        Write twin.nc too: the same frames without faults, see `read_twin`.
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
    sky template and its scale, pointing, relative flux and the ramp on top of it, target, 0th order and stars,
    traces and spectra.

    Examples
    --------
    >>> visit = simulate_visit("small_visit", n_frames=4, shape=(200, 400), overwrite=True)
    >>> visit.images.shape
    (4, 200, 400)
    """
    given = {k: v for k, v in locals().items() if k not in ("folder", "overwrite", "progress")}
    check_options(given)
    final = user_path(folder)
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
    scene = scene._replace(
        red_ends=red_ends(scene) if smooth else None,
        temperature=temperature,
        neighbour=neighbour,
        flat=_flat(scene.shape, seed, flat_error),
    )
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{final.name}.partial-", dir=final.parent))
    try:
        _write_visit(partial, scene, given, progress)
        _move_into_place(partial, final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return load_visit(final)


def _flat(shape: tuple[int, int], seed: int, error: float) -> NDArray[np.float32] | None:
    """Draw the sensitivity of each pixel."""
    if not error:
        return None
    noise = np.random.default_rng([seed, 5]).standard_normal(shape, dtype=np.float32)
    return np.clip(1 + np.float32(error) * noise, 0, None)


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
    stale = [path.name for path in (*final.glob("sky_G280_chip?_flt.fits"), *final.glob(TWIN))]
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
    start, orbits = times.timing(n_frames, exposure_time, given["frames_per_orbit"])
    middle = start + exposure_time / 2 / times.DAY
    moved = sim.pointing(rng, middle, orbits, given["drift"], given["jitter"])
    orbit_levels = rng.normal(0, 0.03, int(orbits.max()) + 1)
    phase = 2 * np.pi * (start - start[0]) * times.DAY / times.ORBIT
    sky_scale = given["sky"] * (1 + 0.1 * np.cos(phase) + orbit_levels[orbits])
    light_curve, in_transit = times.light_curve(middle, exposure_time, given["depth"], given["transit_span"])
    frame_in_orbit = np.arange(n_frames) - np.searchsorted(orbits, orbits)
    in_orbit = (start - start[np.searchsorted(orbits, orbits)]) * times.DAY
    ramp = effects.ramp(in_orbit, orbits, given["hook"])
    width = effects.breathing_width(phase, given["breathing"])
    defects = sim.draw_defects(rng, scene.shape, exposure_time, given["hot_fraction"])
    hit_fraction = given["cosmic_ray_rate"] * exposure_time / 1800
    transfer = sim.Transfer(given["cte"], scene.corner[1], scene.chip == 2) if given["cte"] else None
    on_traces = trace_mask(scene.shape, first_orders(scene), None, FALSE_FLAGS_WITHIN)

    hits: list[sim.Frame] = []
    twins = np.empty((n_frames, *scene.shape), np.float32) if given["twin"] else None
    for k in range(n_frames):
        light = scene.light(moved[k], sky_scale[k], light_curve[k] * ramp[k], width[k])
        shut = k in given["failed"]
        if shut:
            light = np.zeros_like(light)
        frame = sim.expose(
            np.random.default_rng([seed, 2, k]),
            light,
            defects,
            exposure_time,
            hit_fraction,
            transfer=transfer,
            of_twin=None if twins is None else np.random.default_rng([seed, 6, k]),
        )
        if given["false_flags"]:
            chance = np.random.default_rng([seed, 7, k])
            frame.hst_dq[effects.falsely_flagged(chance, on_traces, given["false_flags"])] |= 4096
        path = folder / "specimages" / f"or{orbits[k] + 1:02d}fm{frame_in_orbit[k] + 1:03d}_flt.fits"
        condition = "EXCESSIVE DOWNTIME" if shut else "NORMAL"
        write_exposure(path, frame, scene, start[k], exposure_time, k + 1, "G280", condition)
        if twins is not None and frame.twin is not None:
            twins[k] = frame.twin
        empty = np.empty((0, 0), dtype=np.float32)
        hits.append(
            frame._replace(image=empty, errors=empty, hst_dq=np.empty((0, 0), dtype=np.int16), twin=None)
        )
        if progress is not None:
            progress(0.9 * (k + 1) / n_frames)

    direct = _direct_image(np.random.default_rng([seed, 3]), scene, given["hot_fraction"])
    write_exposure(
        folder / "directimages" / "or01dr001_flt.fits",
        direct,
        scene,
        start[0] - 180 / times.DAY,
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
    truth["ramp"] = ("exp_time", ramp, {"units": "1", "long_name": "sensitivity that climbs in an orbit"})
    if twins is not None:
        kept = {"images": (("exp_time", "x", "y"), twins, {"units": "electron"})}
        xr.Dataset(kept, {"exp_time": middle}).to_netcdf(folder / TWIN, engine="netcdf4")
    truth.assign_coords(exp_time=middle).to_netcdf(folder / "truth.nc", engine="netcdf4")
    if progress is not None:
        progress(1.0)


def _direct_image(rng: np.random.Generator, scene: Scene, hot_fraction: float) -> sim.Frame:
    """One second through F300X: the target and the stars, not dispersed."""
    light = np.full(scene.shape, 0.1)
    of_target = 1.2e5 * min(scene.strength, 1.0)
    sim.add_star(light, scene.target, of_target)
    if scene.neighbour is not None:
        column, row, ratio = scene.neighbour
        sim.add_star(light, (scene.target[0] + column, scene.target[1] + row), ratio * of_target)
    for (column, row), flux in zip(scene.stars - sim.ZEROTH_SHIFT, scene.star_fluxes, strict=True):
        sim.add_star(light, (column, row), flux / 10)
    defects = sim.draw_defects(rng, scene.shape, 1.0, hot_fraction)
    return sim.expose(rng, light, defects, 1.0, 0.07 / 1800)
