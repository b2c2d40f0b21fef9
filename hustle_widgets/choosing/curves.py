"""Light curves of a reduction as numbers with errors, and as an astropy TimeSeries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units
from astropy.time import Time
from astropy.timeseries import TimeSeries
from numpy.typing import NDArray

from hustle_widgets.algorithms.photometry import flux_error
from hustle_widgets.choosing import arguments
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Table
from hustle_widgets.steps.parameter_base import shown
from hustle_widgets.steps.quicklook import light_table, subtracted_sky

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """A light curve.

    Attributes
    ----------
    order : str
        Spectral order.
    times : ndarray of float, shape (frames,)
        Mid-exposure MJD (UTC).
    flux, error : ndarray of float, shape (frames,)
        Light, and its error by photons, sky and read noise [e-].
    orbits : ndarray of int, shape (frames,)
        Orbit of each frame.
    wavelengths : (float, float) or None
        Bluest and reddest wavelength [Angstrom]; None for the white light curve.
    """

    order: str
    times: Floats
    flux: Floats
    error: Floats
    orbits: NDArray[np.int64]
    wavelengths: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """Say whose light it is."""
        if self.wavelengths is None:
            return f"order {self.order}"
        return f"order {self.order}, {self.wavelengths[0]:.0f}-{self.wavelengths[1]:.0f} Angstrom"


def quicklook_of(state: State) -> Table:
    """Return what the quicklook found.

    Raises
    ------
    ValueError
        When it is off or could not be computed.
    """
    table = light_table(state.outcomes)
    if table is None:
        raise ValueError(
            "There is no light curve: the quicklook is off, failed, or found no trace on the frame. Set "
            "do_quicklook to True and look at reduction.quicklook.error."
        )
    return table


def orders_of(state: State) -> tuple[str, ...]:
    """Return the orders whose light was summed."""
    return tuple(quicklook_of(state).facts["apertures"])


def curve_of(
    state: State,
    order: str | None = None,
    bin: int | None = None,
    wavelength: tuple[float, float] | None = None,
) -> Curve:
    """Return a light curve of a reduction.

    Parameters
    ----------
    state : State
        The visit behind the last step.
    order : str, optional
        Spectral order; the first of `traces_included` by default.
    bin : int, optional
        Wavelength bin of the quicklook, from 0, bluest first. Negative numbers count from the reddest.
    wavelength : (low, high), optional
        Instead of a bin: a range [Angstrom], of which whole columns are summed.

    Raises
    ------
    ValueError
        For an order that was not summed, a bin that is not there, a range without a column, and what is neither.
    """
    facts = quicklook_of(state).facts
    orders = orders_of(state)
    order = orders[0] if order is None else order
    if not isinstance(order, str) or order not in orders:
        raise ValueError(
            f"Order {order!r} was not summed, only {', '.join(orders)}: add it to quicklook.traces_included."
        )
    if bin is not None and wavelength is not None:
        raise ValueError("Give a bin or a range of wavelengths, not both.")
    along = facts["traces"][order].wavelengths
    used = np.ones(along.size, bool)
    if bin is not None:
        light = facts["by_wavelength"].get(order)
        number = 0 if light is None else light.centres.size
        bin = arguments.whole("bin", bin)
        if light is None or not -number <= bin < number:
            raise ValueError(
                f"There is no wavelength bin {bin} of order {order}: it has {number}. Set quicklook.wavelength_bins."
            )
        low, high = (float(edge) for edge in light.edges[bin % number : bin % number + 2])
        last = bin % number == number - 1
        used = (along >= low) & ((along <= high) if last else (along < high))
        wavelength = low, high
    elif wavelength is not None:
        low, high = _range(wavelength)
        used = (along >= low) & (along <= high)
        if not used.any():
            known = f"{np.nanmin(along):.0f} to {np.nanmax(along):.0f}" if np.isfinite(along).any() else "no"
            raise ValueError(
                f"No column of order {order} lies between {low:g} and {high:g} Angstrom: it has {known} Angstrom."
            )
        wavelength = low, high
    flux = np.asarray(facts["spectra"][order][:, used].sum(axis=1), dtype=float)
    pixels = float(facts["apertures"][order].weights[:, used].sum())
    error = flux_error(flux, subtracted_sky(state), state.column("read_noise"), pixels)
    orbits = state.column("orbit_numbers").astype(np.int64)
    return Curve(order, state.column("exp_time"), flux, error, orbits, wavelength)


def _range(wavelength: Any) -> tuple[float, float]:
    """Return the ends of a range of wavelengths [Angstrom], the bluest first."""
    what = "a pair (low, high) of numbers [Angstrom]"
    try:
        ends = list(wavelength)
    except TypeError:
        ends = []
    if len(ends) != 2 or isinstance(wavelength, (str, bytes)):
        raise ValueError(f"'wavelength' must be {what}. Got {shown(wavelength)} instead.")
    open_ends = (math.inf, -math.inf)
    low, high = sorted(
        end
        if isinstance(end, float) and end in open_ends
        else arguments.finite("wavelength", end, what, unit="AA")
        for end in ends
    )
    return low, high


def left_of(before: Floats, after: Floats) -> Floats:
    """Return which share of a light curve is left in another; NaN where it holds no light."""
    lit = before > 0
    return np.divide(after, before, out=np.full(before.shape, np.nan), where=lit)


def time_series(curve: Curve, meta: dict[str, Any] | None = None) -> TimeSeries:
    """Return a light curve as an astropy TimeSeries: time (MJD, UTC), flux and flux_err [electron], orbit."""
    series = TimeSeries(time=Time(curve.times, format="mjd", scale="utc"))
    series["flux"] = curve.flux * units.electron
    series["flux_err"] = curve.error * units.electron
    series["orbit"] = curve.orbits
    series.meta.update({"light": curve.name, "order": curve.order, **(meta or {})})
    if curve.wavelengths is not None:
        series.meta.update({"wavelength_low": curve.wavelengths[0], "wavelength_high": curve.wavelengths[1]})
    return series


def lightkurve_of(curve: Curve, meta: dict[str, Any] | None = None) -> Any:
    """Return a light curve as lightkurve's LightCurve.

    Raises
    ------
    ImportError
        When lightkurve is not installed.
    """
    try:
        from lightkurve import LightCurve
    except ImportError as error:
        raise ImportError(
            "lightkurve is not installed: python -m pip install lightkurve, or leave lightkurve=True out for an "
            "astropy TimeSeries."
        ) from error
    series = time_series(curve, meta)
    return LightCurve(data=series, meta=dict(series.meta))
