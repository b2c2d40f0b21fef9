"""What a real visit adds to a simulated one: colour, breathing, the ramp of an orbit, trails of charge, false flags."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["breathing_width", "colour", "falsely_flagged", "ramp", "trailed"]

STAR_TEMPERATURE = 6500.0  # [K], of the star whose counts are tabulated
COLOUR_PIVOT = 5500.0  # [Angstrom] where another colour leaves the counts as they are
RAMP_TIME = 12 * 60.0  # [s]
TRAIL_REACH = 40  # rows
TRAIL_SCALE = 6.0  # rows
CHIP_ROWS = 2051


def colour(wavelengths: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Return how much brighter a star of another temperature is at each wavelength.

    Parameters
    ----------
    wavelengths : array_like, shape (n,)
        [Angstrom].
    temperature : float
        Of a black body [K].

    Returns
    -------
    ndarray of float, shape (n,)
        Its light over that of a black body of 6500 K; 1 at 5500 Angstrom.

    Examples
    --------
    >>> bool(colour([3000.0], 5000.0)[0] < 1 < colour([9000.0], 5000.0)[0])
    True
    """
    wave = np.asarray(wavelengths, dtype=float)

    def planck(at: NDArray[np.float64] | float, kelvin: float) -> NDArray[np.float64]:
        return 1 / np.expm1(1.438777e8 / (np.asarray(at) * kelvin))

    there = planck(wave, temperature) / planck(wave, STAR_TEMPERATURE)
    here = planck(COLOUR_PIVOT, temperature) / planck(COLOUR_PIVOT, STAR_TEMPERATURE)
    return there / here


def breathing_width(phase: ArrayLike, amplitude: float) -> NDArray[np.float64]:
    """Return the width of the point spread of each frame, in units of the mean one.

    Parameters
    ----------
    phase : array_like, shape (n_frames,)
        Of the orbit [radian].
    amplitude : float
        Largest relative change: the telescope warms and cools once an orbit.
    """
    return 1 + amplitude * np.sin(np.asarray(phase, dtype=float) + 0.7)


def ramp(seconds: ArrayLike, orbits: ArrayLike, amplitude: float) -> NDArray[np.float64]:
    """Return the sensitivity of each frame when it climbs at the start of an orbit.

    Parameters
    ----------
    seconds : array_like, shape (n_frames,)
        Since the first frame of the orbit.
    orbits : array_like of int, shape (n_frames,)
        Zero-based.
    amplitude : float
        What is lost at the start of an orbit; twice as much in the first one.
    """
    lost = np.exp(-np.asarray(seconds, dtype=float) / RAMP_TIME)
    return 1 - amplitude * np.where(np.asarray(orbits) == 0, 2.0, 1.0) * lost


def trailed(
    charge: NDArray[np.float64], lost: float, first_row: int, register_below: bool
) -> NDArray[np.float64]:
    """Trail charge behind its pixel, away from the serial register.

    Parameters
    ----------
    charge : ndarray, shape (rows, columns)
        [e-].
    lost : float
        Share that a packet of 100 e- loses over the whole chip; larger ones lose a smaller share.
    first_row : int
        Row of the chip that the frame starts at.
    register_below : bool
        True when rows are read towards row 0, as on chip 2.

    Returns
    -------
    ndarray of float, shape (rows, columns)
        What is read. Charge trailed beyond the frame is lost.

    Notes
    -----
    A packet of q electrons loses ``lost (q / 100)^0.6 100 n / 2051`` over n transfers, never more than half;
    the trail falls off exponentially over rows.
    """
    rows = np.arange(len(charge)) + first_row
    transfers = rows if register_below else CHIP_ROWS - 1 - rows
    packets = np.clip(charge, 0, None)
    taken = lost * 100 * (packets / 100) ** 0.6 * (transfers[:, None] / CHIP_ROWS)
    taken = np.minimum(taken, packets / 2)
    read = charge - taken
    shares = np.exp(-np.arange(TRAIL_REACH) / TRAIL_SCALE)
    shares /= shares.sum()
    for step, share in enumerate(shares, start=1):
        if step >= len(charge):
            break
        if register_below:
            read[step:] += share * taken[:-step]
        else:
            read[:-step] += share * taken[step:]
    return read


def falsely_flagged(rng: np.random.Generator, where: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """Draw the pixels that are called cosmic rays without reason: a `share` of those in `where`.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the random draws.
    where : ndarray of bool, shape (rows, columns)
        Pixels among which they lie.
    share : float
        0..1.
    """
    return where & (rng.random(where.shape, dtype=np.float32) < share)
