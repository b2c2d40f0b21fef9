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
from hustle_widgets.engine.plan import digest
from hustle_widgets.small_files import replaced
from hustle_widgets.steps.parameter_base import shown as shown_value
from hustle_widgets.user_paths import user_path
from hustle_widgets.written import Written, digest_of

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
    formats: Iterable[str] = FORMATS,
    meta: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write all tables of a reduction, and remove those that an earlier export left in the folder.

    Parameters
    ----------
    state : State
        The visit behind the last step.
    folder : path
        Made if it is not there. A table of an earlier export is replaced, or removed where this reduction has none
        like it; so is its other format, unless it holds the same. A file that was changed since stays.
    formats : iterable of {'ecsv', 'csv'}
        ECSV keeps units and remarks; CSV is read by anything.
    meta : mapping, optional
        Put into every table.

    Returns
    -------
    list of Path
        What was written. Tables without a row or a column of their own are left out.
    """
    wanted, tables = _wanted(formats), tables_of(state, meta)
    place = user_path(folder)
    if place.exists() and not place.is_dir():
        raise FileExistsError(f"{place} is a file: name a folder for the tables.")
    place.mkdir(parents=True, exist_ok=True)
    written = write_tables(tables, place, wanted)
    facts = {name: _content(table) for name, table in tables.items()}
    files = {path.name: digest_of(path) for path in written}
    before = Written.of(place, LIST) or Written()
    for path in (place / f"{name}.{kind}" for name in TABLES for kind in FORMATS):
        if path in written or not before.wrote(path, place):
            continue
        if before.facts.get(path.stem) == facts.get(path.stem):
            files[path.name] = before.files[path.name]
        else:
            path.unlink()
    Written(True, files, [], facts).keep(place, LIST, _ABOUT)
    return written


def tables_of(state: State, meta: Mapping[str, Any] | None = None) -> dict[str, QTable]:
    """Return all tables of a reduction by name; those without a row or a column of their own are left out."""
    made = {name: make(state, meta) for name, make in TABLES.items()}
    return {name: one for name, one in made.items() if len(one) and len(one.colnames) > len(_FRAME)}


def write_tables(tables: Mapping[str, QTable], folder: Path, formats: Iterable[str] = FORMATS) -> list[Path]:
    """Write tables into a folder that is there; return their paths."""
    written = []
    for name, table in tables.items():
        for kind in formats:
            path = folder / f"{name}.{kind}"
            # CSV has no place for units: they go into the names of its columns.
            shown = _with_units_in_names(table) if kind == "csv" else table
            with replaced(path) as partial:
                shown.write(partial, format=FORMATS[kind])
            written.append(path)
    return written


def _wanted(formats: Any) -> list[str]:
    """Return the formats that are asked for, each once."""
    wanted = [formats] if isinstance(formats, str) else list(formats) if isinstance(formats, Iterable) else []
    if not wanted or any(not isinstance(kind, str) or kind not in FORMATS for kind in wanted):
        raise ValueError(
            f"Tables are written as one or more of {', '.join(FORMATS)}. Got {shown_value(formats)} instead."
        )
    return list(dict.fromkeys(wanted))


def _content(table: QTable) -> str:
    """Return what tells a table from another one; what it was made by does not count."""
    columns = [
        (name, np.asarray(getattr(table[name], "value", table[name])).tobytes()) for name in table.colnames
    ]
    return digest(columns, table.meta.get("injected", ""))


# Which tables were written by an export, kept beside them.
LIST = ".hustle_widgets.tables.json"
_ABOUT = "Tables that hustle_widgets wrote into this folder. A new export replaces or removes these, and no other file."
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
