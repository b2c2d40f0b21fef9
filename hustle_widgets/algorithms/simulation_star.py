"""The star of a simulated visit: its spectrum in each order and its transit."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

EXPOSURE_OF_COUNTS = 190.0  # [s]
BIN_OF_COUNTS = 14.0  # [Angstrom]
_COUNT_WAVELENGTHS = np.arange(1900.0, 9601.0, 100.0)
# Electrons per 14 Angstrom of order +1 in 190 s for HAT-P-41 (V 11.4, 6500 K), exposure time calculator,
# means over 100 Angstrom.
# fmt: off
_COUNTS = np.array([
    0, 3090, 14990, 29260, 30420, 22090, 28750, 34260, 44900, 35120, 64570, 81020, 88000, 81630, 90470,
    85390, 86480, 75850, 78180, 98960, 108530, 125460, 134000, 139230, 123340, 128520, 129980, 128800,
    125690, 122000, 109780, 108760, 105840, 96520, 93650, 91460, 88940, 85310, 82100, 79220, 74950, 71580,
    67360, 63890, 61290, 58200, 54720, 49860, 49870, 46590, 43990, 41320, 38580, 35750, 33360, 30840,
    28450, 26070, 23420, 21090, 18990, 17180, 15500, 13610, 12300, 11050, 9720, 8980, 8170, 7740, 6980,
    6310, 5820, 5120, 4660, 4060, 2050, 0,
], dtype=float)

# Sensitivity of the other orders relative to +1 (Pirzkal 2020, chip 2), every 200 Angstrom.
_RATIO_WAVELENGTHS = np.arange(1900.0, 8001.0, 200.0)
_RATIOS = {
    "+1": np.ones(31),
    "-1": np.array([
        0.097, 0.164, 0.209, 0.244, 0.273, 0.302, 0.335, 0.369, 0.409, 0.429, 0.451, 0.461, 0.484,
        0.508, 0.527, 0.533, 0.549, 0.562, 0.578, 0.596, 0.607, 0.619, 0.615, 0.616, 0.627, 0.635,
        0.637, 0.604, 0.593, 0.600, 0.663,
    ]),
    "+2": np.array([0.143, 0.104, 0.090, 0.080, 0.071, 0.069, 0.068, 0.067, 0.072, 0.065, 0.065] + 20 * [0]),
    "-2": np.array([0.024, 0.025, 0.027, 0.030, 0.033, 0.037, 0.042, 0.043, 0.045, 0.044] + 21 * [0.0]),
}
# fmt: on
FADE = 12.0  # columns
SIMULATED_ORDERS = tuple(_RATIOS)


def order_counts(order: str, wavelengths: ArrayLike) -> NDArray[np.float64]:
    """Electrons in each column of an order of the star, in 190 s.

    Parameters
    ----------
    order : str
        '+1', '-1', '+2' or '-2'.
    wavelengths : array_like, shape (n,)
        Wavelength of consecutive columns [Angstrom].

    Returns
    -------
    ndarray of float, shape (n,)
        [e-]. Fades over the last 12 columns at the red end, where the trace calibration stops.
    """
    wave = np.asarray(wavelengths, dtype=float)
    density = np.interp(wave, _COUNT_WAVELENGTHS, _COUNTS, left=0, right=0) / BIN_OF_COUNTS
    ratio = np.interp(wave, _RATIO_WAVELENGTHS, _RATIOS[order])
    counts = density * ratio * np.abs(np.gradient(wave))
    from_red_end = np.argsort(np.argsort(-wave))
    return counts * np.clip(from_red_end / FADE, 0, 1)


def integrated_counts(order: str, wavelengths: ArrayLike, red_end: float) -> NDArray[np.float64]:
    """Electrons in each column of an order that moves by parts of a pixel without gaining or losing light.

    Parameters
    ----------
    order, wavelengths
        As for `order_counts`.
    red_end : float
        Wavelength to which the order has faded [Angstrom].

    Returns
    -------
    ndarray of float, shape (n,)
        [e-]. Integrals of the spectrum between the edges of the columns.
    """
    wave = np.asarray(wavelengths, dtype=float)
    fine = np.arange(_COUNT_WAVELENGTHS[0], _COUNT_WAVELENGTHS[-1] + 1)
    density = np.interp(fine, _COUNT_WAVELENGTHS, _COUNTS) / BIN_OF_COUNTS
    density *= np.interp(fine, _RATIO_WAVELENGTHS, _RATIOS[order])
    per_column = np.abs(np.gradient(wave))[np.abs(wave - red_end).argmin()]
    density *= np.clip((red_end - fine) / (FADE * per_column), 0, 1)
    below = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    middles = (wave[1:] + wave[:-1]) / 2
    edges = np.concatenate([[2 * wave[0] - middles[0]], middles, [2 * wave[-1] - middles[-1]]])
    return np.abs(np.diff(np.interp(edges, fine, below)))


def transit(
    separation: ArrayLike, radius_ratio: float, u1: float = 0.45, u2: float = 0.2
) -> NDArray[np.float64]:
    """Relative flux of a star with a dark disc in front of it, quadratic limb darkening.

    Parameters
    ----------
    separation : array_like, shape (n,)
        Distance of the centres, in stellar radii.
    radius_ratio : float
        Radius of the disc in stellar radii, below 1.
    u1, u2 : float
        Limb darkening, ``I(mu) = 1 - u1 (1 - mu) - u2 (1 - mu)^2``.

    Returns
    -------
    ndarray of float, shape (n,)
        1 out of transit.

    Notes
    -----
    The hidden light is ``int I(r) 2 r acos((r^2 + z^2 - k^2) / (2 r z)) dr`` over the part of the star's
    rings behind the disc, by Gauss-Legendre quadrature after ``r = middle - half cos(pi s)``, which removes
    the square root at the ends.

    Examples
    --------
    >>> bool(abs(transit([0.0], 0.1, 0, 0)[0] - 0.99) < 1e-6)
    True
    """
    z = np.abs(np.atleast_1d(np.asarray(separation, dtype=float)))[:, None]
    k = float(radius_ratio)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    s = (nodes + 1) / 2

    def ring_light(r: NDArray[np.float64]) -> NDArray[np.float64]:
        mu = np.sqrt(np.clip(1 - r * r, 0, None))
        return (1 - u1 * (1 - mu) - u2 * (1 - mu) ** 2) * r

    # Rings wholly behind the disc, then those that stick out of it.
    inner = np.clip(k - z, 0, 1)
    hidden = 2 * np.pi * (ring_light(inner * s) * inner * weights / 2).sum(axis=1)
    low, high = np.minimum(np.abs(z - k), 1), np.minimum(z + k, 1)
    middle, half = (low + high) / 2, (high - low) / 2
    r = middle - half * np.cos(np.pi * s)
    cosine = (r * r + z * z - k * k) / np.maximum(2 * r * z, 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    step = half * np.pi * np.sin(np.pi * s) * weights / 2
    hidden += (2 * ring_light(r) * angle * step).sum(axis=1)
    return 1 - hidden / (np.pi * (1 - u1 / 3 - u2 / 6))
