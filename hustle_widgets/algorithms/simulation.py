"""What falls on the detector in a simulated G280 visit: light, charge, defects, cosmic rays.

Frames are (row, column); positions (column, row). All random draws come from the generator passed in.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.special import ndtr

from hustle_widgets.algorithms.detector import READ_NOISE
from hustle_widgets.algorithms.geometry import Trace
from hustle_widgets.algorithms.simulation_effects import STAR_TEMPERATURE, colour, trailed
from hustle_widgets.algorithms.simulation_star import integrated_counts, order_counts

DARK = 11.0 / 3600  # [e-/s], WFC3 Data Handbook 5
FULL_WELL = 65_000.0  # [e-], 63..72 ke- over the detector
CHIP_SHAPE = (2051, 4096)

# Weight and sigma [px] of the Gaussians that make up the point spread: core of FWHM 2 px, then wings.
PSF = ((0.83, 0.85), (0.14, 2.0), (0.03, 6.0))
PSF_REACH = 32
# The 0th order is undispersed along the row but drawn out a little in rows: (row offset, weight).
ZEROTH_SPREAD = ((-2.0, 0.50), (-0.8, 0.22), (1.0, 0.12), (4.0, 0.08), (7.0, 0.05), (10.0, 0.03))
ZEROTH_STRENGTH = 0.4  # of the light in order +1
ZEROTH_SHIFT = (118.0, 149.0)  # from the target


class Frame(NamedTuple):
    """One exposure as it is read out, with what only a simulation knows; `twin` is the image without faults."""

    image: NDArray[np.float32]
    errors: NDArray[np.float32]
    hst_dq: NDArray[np.int16]
    hit_index: NDArray[np.int32]
    hit_electrons: NDArray[np.float32]
    twin: NDArray[np.float32] | None = None


class Transfer(NamedTuple):
    """How charge is lost on its way to the register, see `simulation_effects.trailed`."""

    lost: float
    first_row: int
    register_below: bool


class Defects(NamedTuple):
    """Pixels that are not like the others; all (rows, columns)."""

    hot_electrons: NDArray[np.float32]
    response: NDArray[np.float32]
    hot: NDArray[np.bool_]
    warm: NDArray[np.bool_]
    cold: NDArray[np.bool_]
    dead: NDArray[np.bool_]
    dq: NDArray[np.int16]
    full_well: NDArray[np.float32]


def _line_spread(
    centres: NDArray[np.float64] | float, pixels: NDArray[np.int64], sigma: float
) -> NDArray[np.float64]:
    """Share of a Gaussian line caught by each pixel."""
    return ndtr((pixels + 0.5 - centres) / sigma) - ndtr((pixels - 0.5 - centres) / sigma)


def add_trace(
    frame: NDArray[np.float64], trace: Trace, counts: NDArray[np.float64], width: float = 1.0
) -> None:
    """Add the light of one order, `counts` [e-] a column, to a frame in place; `width` scales its profile."""
    base = np.rint(trace.rows).astype(int)
    rows = base + np.arange(-PSF_REACH, PSF_REACH + 1)[:, None]
    light = sum(w * _line_spread(trace.rows, rows, width * sigma) for w, sigma in PSF) * counts
    inside = (rows >= 0) & (rows < frame.shape[0])
    columns = np.broadcast_to(trace.columns, rows.shape)
    frame[rows[inside], columns[inside]] += light[inside]


def add_star(
    frame: NDArray[np.float64], position: tuple[float, float], flux: float, width: float = 1.0
) -> None:
    """Add a point source of `flux` [e-] at (column, row) to a frame in place."""
    column, row = position
    columns = np.arange(int(column) - PSF_REACH, int(column) + PSF_REACH + 1)
    rows = np.arange(int(row) - PSF_REACH, int(row) + PSF_REACH + 1)
    columns = columns[(columns >= 0) & (columns < frame.shape[1])]
    rows = rows[(rows >= 0) & (rows < frame.shape[0])]
    if not (len(columns) and len(rows)):
        return
    window = np.ix_(rows, columns)
    for weight, sigma in PSF:
        across = _line_spread(column, columns, width * sigma)
        frame[window] += flux * weight * np.outer(_line_spread(row, rows, width * sigma), across)


def add_target(
    frame: NDArray[np.float64],
    traces: dict[str, Trace],
    zeroth: tuple[float, float],
    strength: float,
    red_ends: dict[str, float] | None = None,
    temperature: float = STAR_TEMPERATURE,
    width: float = 1.0,
) -> dict[str, NDArray[np.float64]]:
    """Add all orders of the target to a frame in place, `strength` times the reference star in 190 s.

    `traces` reach beyond the frame so that ends and edges are blurred alike. With `red_ends` orders end at
    these wavelengths, which do not move with the pixels. Returns the electrons per column of each order.
    """
    spectra = {}
    for order, line in traces.items():
        if red_ends is None:
            counts = order_counts(order, line.wavelengths)
        else:
            counts = integrated_counts(order, line.wavelengths, red_ends[order])
        if temperature != STAR_TEMPERATURE:
            counts = counts * colour(line.wavelengths, temperature)
        counts = strength * gaussian_filter1d(counts, PSF[0][1])
        inside = (line.columns >= 0) & (line.columns < frame.shape[1])
        add_trace(frame, line.where(inside), counts[inside], width)
        spectra[order] = counts
    flux = ZEROTH_STRENGTH * float(spectra["+1"].sum())
    centre = sum(offset * weight for offset, weight in ZEROTH_SPREAD)
    for offset, weight in ZEROTH_SPREAD:
        add_star(frame, (zeroth[0], zeroth[1] + offset - centre), flux * weight, width)
    return spectra


def bloom(frame: NDArray[np.float64], full_well: NDArray[np.float32]) -> None:
    """Let charge above the full well run up and down its column until it finds room, in place."""
    over = frame > full_well
    for column in np.flatnonzero(over.any(axis=0)):
        charge, limit = frame[:, column], full_well[:, column]
        edges = np.flatnonzero(np.diff(over[:, column].astype(np.int8), prepend=0, append=0))
        for start, stop in edges.reshape(-1, 2):
            excess = float((charge[start:stop] - limit[start:stop]).sum())
            charge[start:stop] = limit[start:stop]
            for side in (slice(stop, None), slice(start - 1, None, -1) if start else slice(0, 0)):
                room = np.clip(limit[side] - charge[side], 0, None)
                charge[side] += np.clip(excess / 2 - (np.cumsum(room) - room), 0, room)
        np.minimum(charge, limit, out=charge)


def cosmic_rays(
    rng: np.random.Generator, shape: tuple[int, int], fraction: float
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.int32]]:
    """Draw the cosmic rays of one exposure.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random draws.
    shape : (rows, columns)
        Shape of a frame.
    fraction : float
        Share of pixels hit.

    Returns
    -------
    index : ndarray of int32
        Flat indices of the pixels hit, ascending, each once.
    electrons : ndarray of float32
        Charge left in each.
    track : ndarray of int32
        Number of the track that left most recently in each.

    Notes
    -----
    Straight tracks, isotropic on the frame, lengths with an exponential tail, about 4 pixels touched; the
    charge of a track is log-normal with a median of 1000 e- (WFC3 IHB 5.4; ACS ISR 2002-07).
    """
    mean_pixels = 3.9
    n_tracks = rng.poisson(fraction * shape[0] * shape[1] / mean_pixels)
    start = rng.random((n_tracks, 2)) * shape
    angle = rng.random(n_tracks) * 2 * np.pi
    length = 0.5 + rng.exponential(1.6, n_tracks)
    charge = rng.lognormal(np.log(1000.0), 0.6, n_tracks)
    packets = np.ceil(length * 6).astype(int)
    track = np.repeat(np.arange(n_tracks, dtype=np.int32), packets)
    along = (np.arange(len(track)) - np.repeat(np.cumsum(packets) - packets, packets)) / packets[track]
    along *= length[track]
    spread = rng.normal(0, 0.15, (2, len(track)))
    rows = np.floor(start[track, 0] + along * np.sin(angle[track]) + spread[0]).astype(int)
    columns = np.floor(start[track, 1] + along * np.cos(angle[track]) + spread[1]).astype(int)
    inside = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    flat = (rows * shape[1] + columns)[inside]
    index, first, inverse = np.unique(flat, return_index=True, return_inverse=True)
    electrons = np.bincount(inverse, (charge / packets)[track[inside]], minlength=len(index))
    return index.astype(np.int32), electrons.astype(np.float32), track[inside][first]


def draw_defects(
    rng: np.random.Generator, shape: tuple[int, int], exposure_time: float, hot_fraction: float
) -> Defects:
    """Draw the pixels that are hot, warm, cold or dead throughout the visit.

    A share `hot_fraction` of all pixels is hot (> 54 e-/hr, WFC3 DHB 5.3), their rates log-uniform up to
    100 000 e-/hr; twice as many are warm. A tenth of the hot ones is not flagged, as on a real detector
    between two calibrations. Cold pixels (no flag) catch 0.3 to 0.8 of the light, dead ones (DQ 4) none.
    """
    kind = rng.random(shape, dtype=np.float32)
    hot = kind < hot_fraction
    warm = (kind >= hot_fraction) & (kind < 3 * hot_fraction)
    cold = (kind > 0.5) & (kind < 0.5 + 2e-4)
    dead = kind > 1 - 1e-4
    rate = np.zeros(shape)
    rate[hot] = np.exp(rng.uniform(np.log(54.0), np.log(1e5), hot.sum()))
    rate[warm] = rng.uniform(25.0, 54.0, warm.sum())
    response = np.ones(shape, dtype=np.float32)
    response[cold] = rng.uniform(0.3, 0.8, cold.sum())
    response[dead] = 0
    dq = np.zeros(shape, dtype=np.int16)
    dq[hot & (rng.random(shape, dtype=np.float32) < 0.9)] |= 16
    dq[warm] |= 64
    dq[dead] |= 4
    full_well = FULL_WELL * (1 + 0.01 * rng.standard_normal(shape, dtype=np.float32))
    electrons = (rate * exposure_time / 3600).astype(np.float32)
    return Defects(electrons, response, hot, warm, cold, dead, dq, full_well.astype(np.float32))


def sky_template(
    rows: NDArray[np.float64], columns: NDArray[np.float64], structure: float
) -> NDArray[np.float32]:
    """Smooth sky of about 1 at full-chip rows and columns; `structure` 0 is flat."""
    x, y = columns[None, :], rows[:, None]
    shape = 0.16 * np.tanh((x - 1700) / 900) + 0.05 * np.cos(2 * np.pi * y / 2600 + 0.4)
    shape = shape + 0.03 * np.sin(2 * np.pi * x / 740) * np.cos(2 * np.pi * y / 1900)
    return (1 + structure * shape).astype(np.float32)


def pointing(
    rng: np.random.Generator,
    time: NDArray[np.float64],
    orbits: NDArray[np.int64],
    drift: tuple[float, float],
    jitter: float,
) -> NDArray[np.float64]:
    """Displacement (column, row) of each frame from the direct image, shape (n_frames, 2) [px].

    A linear `drift` over the visit, a re-acquisition error of `jitter` an orbit, a swing of half of it within
    the orbit, and a fifth of it from frame to frame.
    """
    span = max(float(np.ptp(time)), 1e-9)
    moved = np.outer((time - time[0]) / span, drift)
    moved += jitter * rng.standard_normal((int(orbits.max()) + 1, 2))[orbits]
    moved += jitter / 5 * rng.standard_normal((len(time), 2))
    phase = 2 * np.pi * (time - time[0]) / (95.0 / 1440)
    return moved + jitter / 2 * np.stack([np.sin(phase), np.cos(phase)], axis=1)


def expose(
    rng: np.random.Generator,
    light: NDArray[np.float64],
    defects: Defects,
    exposure_time: float,
    hit_fraction: float,
    flagged_share: float = 0.3,
    transfer: Transfer | None = None,
    of_twin: np.random.Generator | None = None,
) -> Frame:
    """Turn the light [e-] that falls on the detector into a calibrated frame, as calwf3 would leave it.

    Photon noise, blooming, cosmic rays, trails (with `transfer`), read noise, mean dark taken off; errors are
    ``sqrt(charge + rn^2)``. A `flagged_share` of the tracks carries DQ 4096, and a fifth of those 8192 too.

    With a generator `of_twin` there is a twin too: the same photons and read noise, without cosmic rays,
    without hot, cold and dead pixels.
    """
    dark = DARK * exposure_time
    charge = rng.poisson(light * defects.response + (defects.hot_electrons + dark)).astype(np.float64)
    clean = None if of_twin is None else _without_defects(of_twin, charge, light, defects, dark)
    index, electrons, track = cosmic_rays(rng, light.shape, hit_fraction)
    charge.flat[index] += electrons
    bloom(charge, defects.full_well)
    dq = defects.dq.copy()
    dq[charge >= defects.full_well] |= 256
    chance = rng.random(int(track.max()) + 1 if len(track) else 0)[track]
    dq.flat[index[chance < flagged_share]] |= 4096
    dq.flat[index[chance < flagged_share / 5]] |= 8192
    noise = READ_NOISE * rng.standard_normal(light.shape, dtype=np.float32)
    read = _read_out(charge, transfer) + noise
    errors = np.sqrt(np.clip(read, 0, None) + np.float32(READ_NOISE**2))
    twin = None
    if clean is not None:
        bloom(clean, defects.full_well)
        twin = _read_out(clean, transfer) + noise - np.float32(dark)
    return Frame(read - np.float32(dark), errors, dq, index, electrons, twin)


def _read_out(charge: NDArray[np.float64], transfer: Transfer | None) -> NDArray[np.float32]:
    """Carry the charge to the register."""
    return (charge if transfer is None else trailed(charge, *transfer)).astype(np.float32)


def _without_defects(
    rng: np.random.Generator,
    charge: NDArray[np.float64],
    light: NDArray[np.float64],
    defects: Defects,
    dark: float,
) -> NDArray[np.float64]:
    """Charge that sound pixels would hold: thinned where pixels are hot, with the missing light where cold."""
    clean = charge.copy()
    hot = defects.hot_electrons > 0
    own = (light * defects.response)[hot] + dark
    clean[hot] = rng.binomial(charge[hot].astype(np.int64), own / (own + defects.hot_electrons[hot]))
    dull = defects.response < 1
    clean[dull] += rng.poisson(light[dull] * (1 - defects.response[dull].astype(np.float64)))
    return clean
