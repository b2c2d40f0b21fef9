"""Where the spectral orders of a G280 target lie on the detector.

Positions are (column, row), zero-based, pixel centres at whole numbers. Calibrated traces are functions of
the target's position in the direct image, in full-chip coordinates of its chip.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import bottleneck as bn
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from hustle_widgets.algorithms.g280_coefficients import BEAMS

ORDERS = ("+1", "-1", "+2", "-2", "+3", "-3", "+4", "-4")

# Wavelengths [Angstrom] at which an order has light enough to be of use (sensitivity curves of Pirzkal 2020;
# no curve is published for the third and fourth orders, theirs is the span of the wavelength calibration).
USEFUL_RANGE = {
    "+1": (2000.0, 8000.0),
    "-1": (2000.0, 8000.0),
    "+2": (2000.0, 4000.0),
    "-2": (2000.0, 3800.0),
    "+3": (2000.0, 3900.0),
    "-3": (2000.0, 3900.0),
    "+4": (2000.0, 2900.0),
    "-4": (2000.0, 3200.0),
}

# The wavelengths of orders +1 and -1, extrapolated to zero, meet about here, (column, row) from the target.
ZEROTH_OFFSET = (125.0, 152.0)
# Half the extent, in columns and rows, of a bright (saturated, bloomed) 0th order.
ZEROTH_HALF_SIZE = (15.0, 40.0)


class Trace(NamedTuple):
    """One order: a row and a wavelength for each column it crosses."""

    columns: NDArray[np.int64]
    rows: NDArray[np.float64]
    wavelengths: NDArray[np.float64]

    def where(self, keep: NDArray[np.bool_]) -> "Trace":
        """Keep some of the columns."""
        return Trace(self.columns[keep], self.rows[keep], self.wavelengths[keep])


def _polynomial(rows: Sequence[Sequence[float]], column: float, row: float) -> NDArray[np.float64]:
    """Coefficients of t^0, t^1, ... at one place of the field."""
    field = np.array([1.0, column, row, column * column, column * row, row * row])
    return np.asarray(rows, dtype=float) @ field


def trace(order: str, column: float, row: float, chip: int = 2, *, useful: bool = False) -> Trace:
    """Trace of one order on the whole chip.

    Parameters
    ----------
    order : str
        '+1', '-1', ... '+4', '-4'.
    column, row : float
        Position of the target in the direct image [px], zero-based, full-chip.
    chip : int
        CCD chip, 1 or 2.
    useful : bool
        Keep only the wavelengths at which the order is sensitive (`USEFUL_RANGE`). By default the whole
        calibrated length is given, as far as the wavelength rises along it.

    Returns
    -------
    Trace
        columns (n,) int, ascending; rows (n,) [px]; wavelengths (n,) [Angstrom]. Not clipped to the chip.

    Raises
    ------
    ValueError
        For an order or a chip that is not calibrated, or a position that is not finite.

    Notes
    -----
    With ``dx = columns - column`` and ``t = (dx - dispx[0]) / dispx[1]`` in 0..1, rows are
    ``row + sum_i dispy_i t^i`` and wavelengths ``sum_i displ_i t^i``.

    References
    ----------
    .. [1] Pirzkal 2020, WFC3 ISR, see `hustle_widgets.algorithms.g280_coefficients`.

    Examples
    --------
    >>> first = trace("+1", 2048, 1024)
    >>> int(first.columns[0]) - 2048, int(first.columns[-1]) - 2048
    (-560, 10)
    >>> round(float(first.rows[-1]) - 1024, 1)
    195.9
    """
    if chip not in BEAMS:
        raise ValueError(f"'chip' must be 1 or 2. Got {chip!r} instead.")
    if order not in BEAMS[chip]:
        raise ValueError(f"'order' must be one of {', '.join(ORDERS)}. Got {order!r} instead.")
    if not np.isfinite([column, row]).all():
        raise ValueError(f"The target position must be finite. Got column {column}, row {row} instead.")
    beam = BEAMS[chip][order]
    ends = sorted(column + beam.dispx[0] + beam.dispx[1] * t for t in (0, 1))
    columns = np.arange(int(np.ceil(ends[0])), int(np.floor(ends[1])) + 1)
    t = (columns - column - beam.dispx[0]) / beam.dispx[1]
    rows = row + np.polynomial.polynomial.polyval(t, _polynomial(beam.dispy, column, row))
    wavelengths = np.polynomial.polynomial.polyval(t, _polynomial(beam.displ, column, row))

    # Near the corners the fitted wavelengths turn back at an end, where there was nothing to fit.
    blue_first = slice(None, None, 1 if beam.dispx[1] > 0 else -1)
    turns = np.flatnonzero(np.diff(wavelengths[blue_first]) <= 0) + 1
    longest = max(np.split(np.arange(len(t))[blue_first], turns), key=len)
    keep = np.isin(np.arange(len(t)), longest)
    if useful:
        low, high = USEFUL_RANGE[order]
        keep &= (wavelengths >= low) & (wavelengths <= high)
    return Trace(columns, rows, wavelengths).where(keep)


def traces_on_frame(
    target: Sequence[float],
    subarr_coords: Sequence[float] | NDArray[np.float64],
    shape: tuple[int, int],
    chip: int = 2,
    orders: Iterable[str] = ("+1", "-1", "+2", "-2"),
    *,
    useful: bool = False,
) -> dict[str, Trace]:
    """Traces in the coordinates of a subarray, clipped to it.

    Parameters
    ----------
    target : (column, row)
        Position of the target in the direct image [px of the frame, zero-based].
    subarr_coords : (left, right, bottom, top)
        First and last full-chip columns and rows of the subarray, 1-indexed, inclusive.
    shape : (rows, columns)
        Shape of a frame.
    chip : int
        CCD chip, 1 or 2.
    orders : iterable of str
        Orders wanted.
    useful : bool
        As in `trace`.

    Returns
    -------
    dict of str to Trace
        Orders that miss the frame altogether are left out.
    """
    left, bottom = float(subarr_coords[0]) - 1, float(subarr_coords[2]) - 1
    found = {}
    for order in orders:
        full = trace(order, target[0] + left, target[1] + bottom, chip, useful=useful)
        columns, rows = full.columns - int(round(left)), full.rows - bottom
        on_frame = (columns >= 0) & (columns < shape[1]) & (rows >= -0.5) & (rows < shape[0] - 0.5)
        if on_frame.any():
            found[order] = Trace(columns, rows, full.wavelengths).where(on_frame)
    return found


def zeroth_order_guess(target: Sequence[float]) -> tuple[float, float]:
    """Say where the 0th order (column, row) is to be expected for a target at (column, row).

    Good to some tens of pixels; a search should allow +30..170 columns and +80..220 rows from the target.
    """
    return float(target[0]) + ZEROTH_OFFSET[0], float(target[1]) + ZEROTH_OFFSET[1]


def trace_mask(
    shape: tuple[int, int],
    traces: Mapping[str, Trace],
    zeroth: Sequence[float] | None,
    distance: float,
) -> NDArray[np.bool_]:
    """Pixels near a spectral order or the 0th order.

    Parameters
    ----------
    shape : (rows, columns)
        Shape of a frame.
    traces : mapping of str to Trace
        Traces in frame coordinates.
    zeroth : (column, row) or None
        Position of the 0th order. Its own extent (`ZEROTH_HALF_SIZE`) is counted as part of it.
    distance : float
        Pixels within this many rows are masked [px].

    Returns
    -------
    ndarray of bool, shape `shape`
        True near an order.
    """
    if not distance >= 0:
        raise ValueError(f"'distance' must be a number of rows >= 0. Got {distance!r} instead.")
    mask = np.zeros(shape, dtype=bool)
    row_index = np.arange(shape[0])[:, None]
    whole = row_index.astype(np.int16)  # compared several times as fast as distances in double precision
    for line in traces.values():
        low = np.clip(np.ceil(line.rows - distance), 0, shape[0]).astype(np.int16)
        high = np.clip(np.floor(line.rows + distance), -1, shape[0]).astype(np.int16)
        mask[:, line.columns] |= (whole >= low) & (whole <= high)
    if zeroth is not None and np.isfinite(zeroth).all():
        column_index = np.arange(shape[1])
        near = np.abs(row_index - zeroth[1]) <= ZEROTH_HALF_SIZE[1] + distance
        mask |= near & (np.abs(column_index - zeroth[0]) <= ZEROTH_HALF_SIZE[0] + distance)
    return mask


def measure_trace(image: ArrayLike, *, half_width: int = 2, threshold: float = 8.0) -> Trace:
    """Find the brightest spectrum on a frame without a calibration.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        A median frame is best: single bright pixels are tolerated, not wanted. NaNs are ignored.
    half_width : int
        Half the height of the box in which light is summed [rows].
    threshold : float
        A column belongs to the trace if its brightest box exceeds the column's median by this many times the
        robust scatter of all boxes.

    Returns
    -------
    Trace
        The longest run of columns on one smooth ridge; wavelengths are NaN. Empty when there is none.

    Notes
    -----
    Each column's brightest box gives a row; a running median in columns drops outliers; the row is then the
    centre of light in the box, smoothed once more. Gaps of up to 15 columns are bridged.
    """
    frame = np.array(image, dtype=float)
    if frame.ndim != 2:
        raise ValueError(f"'image' must be one frame (rows, columns). Got shape {frame.shape} instead.")
    frame -= bn.nanmedian(np.where(np.isfinite(frame), frame, np.nan), axis=0)
    frame[~np.isfinite(frame)] = 0.0
    # A lone bright pixel has no neighbours along the dispersion; a spectrum has.
    frame = median_filter(frame, size=(1, 5), mode="nearest")
    boxes = uniform_filter1d(frame, 2 * half_width + 1, axis=0, mode="constant")
    scatter = 1.4826 * np.median(np.abs(boxes - np.median(boxes)))
    peak_rows = boxes.argmax(axis=0).astype(float)
    bright = boxes.max(axis=0) > threshold * max(scatter, np.finfo(float).tiny)

    ridge = median_filter(peak_rows, size=31, mode="nearest")
    bright &= np.abs(peak_rows - ridge) <= 3 + half_width
    columns = np.flatnonzero(bright)
    if not len(columns):
        return Trace(columns, np.empty(0), np.empty(0))
    steps = np.abs(np.diff(peak_rows[columns]))
    breaks = np.flatnonzero((np.diff(columns) > 15) | (steps > 6 + half_width)) + 1
    longest = max(np.split(columns, breaks), key=len)

    offsets = np.arange(-half_width - 2, half_width + 3)[:, None]
    index = np.clip(np.rint(ridge[longest]).astype(int) + offsets, 0, frame.shape[0] - 1)
    light = np.clip(frame[index, longest], 0, None)
    total = light.sum(axis=0)
    rows = np.where(total > 0, (index * light).sum(axis=0) / np.maximum(total, 1e-30), ridge[longest])
    all_columns = np.arange(longest[0], longest[-1] + 1)
    rows = np.interp(all_columns, longest, rows)
    rows = uniform_filter1d(median_filter(rows, size=11, mode="nearest"), 11, mode="nearest")
    return Trace(all_columns, rows, np.full(len(all_columns), np.nan))
