"""Step 7: a look at the frames and at the white light curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hustle_widgets.algorithms.photometry import (
    Aperture,
    expected_scatter,
    scatter_of,
    spectrum,
    trace_aperture,
    usual_light,
)
from hustle_widgets.algorithms.transits import Transit, find_transit
from hustle_widgets.algorithms.wavelengths import ByWavelength, light_by_wavelength, wavelength_bins
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Table
from hustle_widgets.engine.plan import Unmet
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Column, Lines
from hustle_widgets.steps.frame_names import sound_frames
from hustle_widgets.steps.parameters import Orders, Real, Switch, Whole
from hustle_widgets.steps.targets import ORDERS, doubts_of, find_traces


class Quicklook(Step):
    """Sum the light of the traces: the white light curve that the reduction leads to."""

    name, title, section, by = "quicklook", "Quality quicklook", "7", "frames"
    label = "Quicklook"
    heading = ("Step 7: Quality quicklook",)
    switch = "do_quicklook"
    switch_help = "Sum the white light curve and make the quicklook animations."
    alters, needs, in_sight = False, ("location",), True
    doing = "Parsing light curves for quicklookup..."
    live, figures = (
        "hustle_widgets.view.live.quicklook:QuicklookLive",
        "hustle_widgets.view.figures.light:light_figures",
    )
    tour = """
    The light curve of each trace, with its aperture on the frame, and all flags of the frame by step. Play the frames
    with the button below the picture. Flags that trace the spectrum mean over-correction.
    """
    borrows = ("zeroth_tracking.location",)
    traces_included = Orders(
        ("+1",),
        ORDERS,
        "Orders whose light is summed.",
    )
    include_hst_dq = Switch(
        True, "Show the HST pipeline's flags as well in the animation of data quality.", display=True
    )
    aperture = Real(
        12,
        "Rows on each side of a trace whose light is summed.",
        unit="rows",
        min=0,
        max=200,
        soft=(2, 40),
        added=True,
        advice="Raise it to hold all light of the trace; lower it if the sky's noise counts more than what it adds.",
    )
    wavelength_bins = Whole(
        10,
        (
            "Number of bins of equal width in wavelength, with a light curve each. 0: the white light curve "
            "alone."
        ),
        unit="bins",
        min=0,
        max=200,
        soft=(0, 40),
        added=True,
    )

    @classmethod
    def record(cls, column: str) -> Column:
        """Describe the light of each order."""
        order = column.removeprefix("flux_")
        if order == "total":
            return Column("electron", "light of the frame")
        return Column("electron", f"light of order {order}, all columns")

    @classmethod
    def words(cls, outcome: Outcome, parameters: Mapping[str, Any]) -> Lines:
        """Say how the light curves scatter."""
        facts = outcome.table.facts
        expected = facts.get("expected_ppm", {})
        scatter = facts.get("scatter_ppm", {}).items()
        limit = "photons, sky, read noise"
        return [
            (1, f"Light curve of order {order}: scatter {ppm:.0f} ppm ({limit}: {expected[order]:.0f}).")
            for order, ppm in scatter
            if np.isfinite(ppm)
        ]

    @staticmethod
    def prepare(
        state: State, *, traces_included: tuple[str, ...], aperture: float, location: tuple[float, float]
    ) -> dict[str, Any]:
        """Lay an aperture along each trace on the frame."""
        traces, notes = find_traces(state, location, useful=True)
        found = {order: traces[order] for order in traces_included if order in traces}
        lost = [order for order in traces_included if order not in traces]
        if not found:
            raise Unmet(
                f"No trace of {', '.join(traces_included)} lies on the frame. "
                + " ".join(notes or ("Choose others of 'traces_included', or check 'location'.",))
            )
        if lost:
            notes = (*notes, f"Not on the frame: order {', '.join(lost)}.")
        if not {"location", "zeroth_tracking"} & {*state.outcomes}:
            notes = (*doubts_of(state, location), *notes)
        apertures = {order: trace_aperture(line, aperture, state.shape[1:]) for order, line in found.items()}
        return {"apertures": apertures, "traces": found, "notes": notes}

    @staticmethod
    def compute(block: Block, *, apertures: dict[str, Aperture], notes: tuple[str, ...]) -> Table:
        """Sum one frame."""
        image = block.images[0]
        light = {}
        for order, aperture in apertures.items():
            columns = spectrum(image, aperture)
            light[f"flux_{order}"] = columns.sum()
            light[f"spectrum_{order}"] = columns
        total = image.sum(dtype=np.float64)
        light["flux_total"] = np.nansum(image, dtype=np.float64) if np.isnan(total) else total
        return Table({name: np.array([value]) for name, value in light.items()}, notes=notes)

    @staticmethod
    def finish(
        outcome: Outcome,
        state: State,
        *,
        apertures: dict[str, Aperture],
        traces: dict[str, Any],
        aperture: float,
        wavelength_bins: int,
    ) -> Outcome:
        """Measure the scatter of each light curve, and what photons, sky and read noise would give."""
        columns = dict(outcome.table.columns)
        spectra = {order: columns.pop(f"spectrum_{order}") for order in apertures}
        orbits, read_noise = state.column("orbit_numbers"), state.column("read_noise")
        sky = subtracted_sky(state)
        times = state.column("exp_time")
        sound = sound_frames(state)
        white = np.where(sound, sum(columns[f"flux_{order}"] for order in apertures), np.nan)
        transit = find_transit(times, lit(white), orbits)
        scatter, expected, freedom = {}, {}, {}
        for order, laid in apertures.items():
            flux = np.where(sound, columns[f"flux_{order}"], np.nan)
            scatter[order], freedom[order] = scatter_of(lit(flux), orbits, times, transit)
            expected[order] = expected_scatter(flux, sky, read_noise, float(laid.weights.sum()))
        colours = by_wavelength(state, spectra, apertures, traces, wavelength_bins, transit)
        facts = {
            "scatter_ppm": scatter,
            "scatter_freedom": freedom,
            "expected_ppm": expected,
            "traces": traces,
            "half_width": aperture,
            "apertures": apertures,
            "spectra": spectra,
            "transit": transit,
            "by_wavelength": colours,
            "variables": {name: value for order in colours for name, value in saved(order, colours[order])},
        }
        notes = (*outcome.table.notes, *without_light(columns, tuple(apertures)))
        return Outcome((Table(columns, facts, notes),))


def without_light(columns: Mapping[str, np.ndarray], orders: tuple[str, ...]) -> tuple[str, ...]:
    """Name the orders whose light curve lies at zero or below it."""
    usual = {order: usual_light(columns[f"flux_{order}"]) for order in orders}
    return tuple(
        f"The light curve of order {order} holds {light:,.0f} e- in the usual frame. Does the background that is "
        "subtracted take the star's light, or does the aperture lie beside it?"
        for order, light in usual.items()
        if light <= 0
    )


def lit(flux: np.ndarray) -> np.ndarray:
    """Return a light curve with NaN where the shutter stayed closed: less than a tenth of the usual light."""
    known = flux[np.isfinite(flux)]
    usual = float(np.median(known)) if known.size else 0.0
    return np.where(flux < 0.1 * usual, np.nan, flux) if usual > 0 else flux


def by_wavelength(
    state: State,
    spectra: dict[str, np.ndarray],
    apertures: dict[str, Aperture],
    traces: dict[str, Any],
    number: int,
    transit: Transit | None,
) -> dict[str, ByWavelength]:
    """Return the light of each calibrated order in wavelength bins, none where `number` is 0."""
    found = {}
    for order, laid in apertures.items():
        bins = wavelength_bins(traces[order].wavelengths, number)
        if bins is not None:
            found[order] = light_by_wavelength(
                spectra[order],
                bins,
                times=state.column("exp_time"),
                orbits=state.column("orbit_numbers"),
                sky=subtracted_sky(state),
                read_noise=state.column("read_noise"),
                pixels=laid.weights.sum(axis=0),
                transit=transit,
                used=sound_frames(state),
            )
    return found


def saved(order: str, light: ByWavelength) -> list[tuple[str, tuple[Any, ...]]]:
    """Return what the clean visit keeps of an order's light by wavelength: (name, (dims, values, attrs))."""
    along = f"wavelength_{order}"
    fit = "least squares: box or trapezoid of the white light curve, with a trend over visit and orbit"

    def of_bin(values: Any, unit: str, text: str, **more: str) -> tuple[Any, ...]:
        return (along,), values, {"units": unit, "long_name": f"{text}, order {order}", **more}

    flux = {"units": "electron", "long_name": f"light of order {order} by wavelength"}
    return [
        (along, of_bin(light.centres, "angstrom", "middle of each wavelength bin")),
        (f"{along}_low", of_bin(light.edges[:-1], "angstrom", "bluest wavelength of each bin")),
        (f"{along}_high", of_bin(light.edges[1:], "angstrom", "reddest wavelength of each bin")),
        (f"flux_{order}_by_wavelength", (("exp_time", along), light.flux, flux)),
        (f"scatter_{order}_ppm", of_bin(light.scatter_ppm, "1e-6", "scatter from point to point")),
        (f"expected_{order}_ppm", of_bin(light.expected_ppm, "1e-6", "scatter of photons, sky, read noise")),
        (f"depth_{order}", of_bin(light.depth, "1", "depth of the dip, to compare reductions", method=fit)),
        (f"depth_{order}_error", of_bin(light.depth_error, "1", "its error, from the residuals")),
    ]


def light_table(outcomes: Mapping[str, Outcome]) -> Table | None:
    """Return the table with the light curves, None when it is not known."""
    tables = (outcome.table for outcome in outcomes.values())
    return next((table for table in tables if "flux_total" in table.columns), None)


def subtracted_sky(state: State) -> np.ndarray:
    """Return the light of the sky that was taken off each frame, electrons a pixel: its photons are noise still."""
    total = np.zeros(state.shape[0])
    for outcome in state.outcomes.values():
        if outcome.offset is not None and outcome.offset.sky:
            total += outcome.offset.usual()
    return np.clip(total, 0, None)
