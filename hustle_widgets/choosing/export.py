"""What a reduction found as tables with units, for other programs: CSV and ECSV."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units
from astropy.table import Column, QTable, Table

from hustle_widgets.algorithms.photometry import relative
from hustle_widgets.choosing.curves import curve_of, orders_of, quicklook_of
from hustle_widgets.engine.blocks import State
from hustle_widgets.small_files import replaced

FORMATS = {"ecsv": "ascii.ecsv", "csv": "ascii.csv"}


def white_table(state: State, meta: Mapping[str, Any] | None = None) -> QTable:
    """Return the white light curve of each order: mid-exposure MJD (UTC), flux, error and flux over its median."""
    table = _of_frames(state, meta, "white light curves; depths and trends are those of the visit")
    for order in orders_of(state):
        curve = curve_of(state, order)
        table[f"flux_{order}"] = curve.flux * units.electron
        table[f"flux_{order}_err"] = curve.error * units.electron
        table[f"relative_{order}"] = relative(curve.flux)
    return table


def spectral_table(state: State, meta: Mapping[str, Any] | None = None) -> QTable:
    """Return the light curves by wavelength, a row for each frame and bin; empty without bins."""
    facts = quicklook_of(state).facts
    parts: dict[str, list[Any]] = {
        name: [] for name in ("time", "orbit", "order", "low", "high", "flux", "err")
    }
    for order, light in facts["by_wavelength"].items():
        for number in range(light.centres.size):
            curve = curve_of(state, order, bin=number)
            n_frames = curve.flux.size
            parts["time"].append(curve.times)
            parts["orbit"].append(curve.orbits)
            parts["order"].append(np.full(n_frames, order))
            parts["low"].append(np.full(n_frames, light.edges[number]))
            parts["high"].append(np.full(n_frames, light.edges[number + 1]))
            parts["flux"].append(curve.flux)
            parts["err"].append(curve.error)
    joined = {name: np.concatenate(values) if values else np.empty(0) for name, values in parts.items()}
    table = QTable(meta=_meta(state, meta, "light curves by wavelength"))
    table["time_mjd_utc"] = joined["time"] * units.day
    table["orbit"] = joined["orbit"].astype(np.int64)
    table["order"] = joined["order"].astype(str)
    table["wavelength_low"] = joined["low"] * units.AA
    table["wavelength_high"] = joined["high"] * units.AA
    table["flux"] = joined["flux"] * units.electron
    table["flux_err"] = joined["err"] * units.electron
    return table


def depth_table(state: State, meta: Mapping[str, Any] | None = None) -> QTable:
    """Return depth, error and scatter of each wavelength bin; depths are plain least squares with a trend."""
    columns: dict[str, list[Any]] = {}
    for order, light in quicklook_of(state).facts["by_wavelength"].items():
        number = light.centres.size
        for name, values in (
            ("order", [order] * number),
            ("wavelength_low", light.edges[:-1]),
            ("wavelength_high", light.edges[1:]),
            ("depth", light.depth),
            ("depth_err", light.depth_error),
            ("scatter", light.scatter_ppm * 1e-6),
            ("photon_limit", light.expected_ppm * 1e-6),
        ):
            columns.setdefault(name, []).extend(values)
    said = (
        "depths by plain least squares: the box or trapezoid of the white light curve, with a line over the visit "
        "and one over the orbit; to compare reductions, no final spectrum"
    )
    table = QTable(columns, meta=_meta(state, meta, said))
    for name in ("wavelength_low", "wavelength_high"):
        if name in table.colnames:
            table[name].unit = units.AA
    return table


def background_table(state: State, meta: Mapping[str, Any] | None = None) -> QTable:
    """Return the background that each method took off, one number a frame or the median of its columns."""
    table = _of_frames(state, meta, "background taken off each frame, median over the pixels")
    for name, outcome in state.outcomes.items():
        if outcome.offset is not None and outcome.offset.sky:
            table[f"background_{name}"] = outcome.offset.usual() * units.electron
    return table


def displacement_table(state: State, meta: Mapping[str, Any] | None = None) -> QTable:
    """Return positions and displacements that were tracked, as columns and rows of the detector."""
    table = _of_frames(state, meta, "positions and displacements")
    for outcome in state.outcomes.values():
        for name, values in outcome.table.columns.items():
            if values.ndim == 2 and values.shape[1] == 2 and (name.endswith(("_disp", "_pos"))):
                for axis, along in enumerate(("column", "row")):
                    table[f"{name}_{along}"] = np.asarray(values[:, axis], dtype=float) * units.pix
    return table


TABLES = {
    "white": white_table,
    "spectral": spectral_table,
    "depths": depth_table,
    "background": background_table,
    "displacements": displacement_table,
}


def export_tables(
    state: State,
    folder: str | os.PathLike[str],
    *,
    formats: Iterable[str] = ("ecsv", "csv"),
    meta: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write all tables of a reduction.

    Parameters
    ----------
    state : State
        The visit behind the last step.
    folder : path
        Made if it is not there. Tables of an earlier export are replaced.
    formats : iterable of {'ecsv', 'csv'}
        ECSV keeps units and remarks; CSV is read by anything.
    meta : mapping, optional
        Put into every table.

    Returns
    -------
    list of Path
        What was written. Tables without a row or a column of their own are left out.
    """
    wanted = [formats] if isinstance(formats, str) else list(formats)
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown:
        raise ValueError(f"Tables are written as {', '.join(FORMATS)}. Got {unknown[0]!r} instead.")
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    written = []
    for name, make in TABLES.items():
        table = make(state, meta)
        if not len(table) or len(table.colnames) <= len(_FRAME):
            continue
        for kind in wanted:
            path = place / f"{name}.{kind}"
            # CSV has no place for units: they go into the names of its columns.
            shown = _with_units_in_names(table) if kind == "csv" else table
            with replaced(path) as partial:
                shown.write(partial, format=FORMATS[kind])
            written.append(path)
    return written


_FRAME = ("time_mjd_utc", "exposure", "orbit", "frame")


def _of_frames(state: State, meta: Mapping[str, Any] | None, what: str) -> QTable:
    table = QTable(meta=_meta(state, meta, what))
    table["time_mjd_utc"] = state.column("exp_time") * units.day
    table["exposure"] = state.column("exp_duration").astype(float) * units.s
    table["orbit"] = state.column("orbit_numbers").astype(np.int64)
    table["frame"] = np.asarray(state.kept_frames, dtype=np.int64)
    return table


def _meta(state: State, meta: Mapping[str, Any] | None, what: str) -> dict[str, Any]:
    return {"content": what, **(meta or {})}


def _with_units_in_names(table: QTable) -> Table:
    plain = Table()
    if "injected" in table.meta:  # CSV has no place for remarks either
        plain["INJECTED"] = np.ones(len(table), dtype=bool)
    for name in table.colnames:
        column = table[name]
        unit = getattr(column, "unit", None)
        said = "" if unit in (None, units.dimensionless_unscaled) else f" [{unit}]"
        plain[f"{name}{said}"] = Column(np.asarray(getattr(column, "value", column)))
    return plain
