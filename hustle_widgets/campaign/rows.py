"""The table of a campaign, made of the rows that workers return."""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hustle_widgets.assessment import VERDICTS
from hustle_widgets.settings import checked
from hustle_widgets.small_files import read_small
from hustle_widgets.user_paths import expanded

Row = Mapping[str, Any]

#: Columns with numbers: name, unit, what it is.
NUMBERS = {
    "scatter": ("", "scatter from point to point over that of photons, sky and read noise"),
    "scatter_ppm": ("1e-6", "scatter from point to point"),
    "expected_ppm": ("1e-6", "scatter of photons, sky and read noise"),
    "displacement": ("pix", "furthest displacement from the first frame"),
    "seconds": ("s", "time of load, all steps and save"),
    "cpu_seconds": ("s", "processor time of the worker for it"),
    "memory": ("Mibyte", "peak of resident memory of the worker"),
}
#: The same, of an injected transit; only where one was asked for.
BIAS = {
    "depth_in": ("", "injected depth"),
    "depth_out": ("", "depth that is left of it"),
    "depth_error": ("", "error of a depth"),
    "depth_bias": ("", "depth out minus depth in, in units of the error of a depth"),
}
WHOLE = {
    "frames": "frames",
    "rows": "rows of a frame",
    "columns": "columns of a frame",
    "tries": "how often begun",
}

STATUSES = ("done", "known", "failed")
_TEXTS = ("name", "place", "folder", "output_run", "status", "message", "target", "sentence", "result_id")
_MOST_BYTES = 50_000_000  # of a table; a visit takes 1 kB


def checked_row(row: Any) -> dict[str, Any]:
    """Return what a row that was kept beside a result may hold: a stranger may have made it.

    Raises
    ------
    ValueError
        For a value of another kind. What is not known is left out.
    """
    if not isinstance(row, dict):
        raise ValueError("it has no row")
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name in (*_TEXTS, "verdict", "run_folder"):
            good = isinstance(value, str)
        elif name in (*NUMBERS, *BIAS, "peak_bytes"):
            good = value is None or _is_number(value)
        elif name in WHOLE:
            good = type(value) is int and abs(value) < 2**53
        elif name == "criteria":
            good = isinstance(value, dict) and all(one in VERDICTS for one in value.values())
        elif name == "times":
            good = _are_numbers(value)
        elif name == "curves":
            times = row.get("times", [])
            good = isinstance(value, dict) and all(
                _are_numbers(curve) and len(curve) == len(times) for curve in value.values()
            )
        else:
            continue
        if not good:
            raise ValueError(f"its {name!r} is of another kind")
        found[name] = value
    if found.get("verdict", VERDICTS[0]) not in VERDICTS:
        raise ValueError("its 'verdict' is none")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(value is None or _is_number(value) for value in values)


def read_rows(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return what a table on disk says of each visit: where it is, and what became of it.

    Raises
    ------
    ValueError
        For a file that cannot be read, or is no table of a campaign.
    """
    from astropy.table import Table

    place = expanded(path)
    try:
        lines = str(read_small(place, _MOST_BYTES), "utf-8").replace("\r\n", "\n").split("\n")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = Table.read(lines, format="ascii.ecsv")
        return [_row_of(table[number]) for number in range(len(table))]
    except OSError as error:
        raise ValueError(f"{place} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # the reader of tables raises what it likes
        what = " ".join(str(error).split())[:300]
        raise ValueError(f"{place} is no table of a campaign: {type(error).__name__}: {what}") from error


def _row_of(line: Any) -> dict[str, Any]:
    # An empty text comes back masked.
    texts = ("name", "place", "folder", "output_run", "status", "message")
    row: dict[str, Any] = {name: "" if np.ma.is_masked(line[name]) else str(line[name]) for name in texts}
    if row["status"] not in STATUSES:
        raise ValueError(f"{row['status']!r} is no status")
    if row["output_run"]:
        checked({"output_run": row["output_run"]}, "the table")
    row["tries"] = int(line["tries"])
    return row


def orders_of(row: Row) -> list[str]:
    """Return the orders whose light was summed."""
    return list(row.get("curves", {}))


def number_of(row: Row, name: str) -> float:
    """Return a number of a row by its column; NaN for none."""
    if name == "memory":
        value = row.get("peak_bytes")
        return float("nan") if not value else value / 2**20
    if name == "scatter":
        found, limit = row.get("scatter_ppm"), row.get("expected_ppm")
        return found / limit if found is not None and limit else float("nan")
    value = row.get(name)
    return float("nan") if value is None else float(value)


def criteria_of(rows: Sequence[Row]) -> list[str]:
    """Return the criteria that any visit was judged by, in the order of the assessment."""
    return list(dict.fromkeys(title for row in rows for title in row.get("criteria", {})))


def column_of(title: str) -> str:
    """Return the name of the column of a criterion."""
    return title.lower().replace(" ", "_")


def text_of_table(table: Any) -> str:
    """Return a table as ECSV."""
    file = io.StringIO()
    table.write(file, format="ascii.ecsv")
    lines = file.getvalue().split("\n")
    header = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    for number in range(header + 1, len(lines)):
        if lines[number].startswith("#"):  # a name, which would be read as a comment
            name, _, rest = lines[number].partition(" ")
            lines[number] = f'"{name}" {rest}'
    return "\n".join(lines)


def _one_line(text: str) -> str:
    """Return a text as a table can hold it: bytes of a path that are no character are written as numbers."""
    return re.sub(r"[\r\n]+", " ", text).encode("utf-8", "backslashreplace").decode()


def table_of(rows: Sequence[Row]) -> Any:
    """Return the rows as an astropy Table. NaN and '' stand for what is not known."""
    from astropy.table import Column, Table

    def text(name: str, values: Sequence[Any], words: str) -> Any:
        return Column([_one_line(str(value)) for value in values], name=name, dtype=str, description=words)

    columns = [
        text("name", [row["name"] for row in rows], "visit"),
        text("status", [row["status"] for row in rows], "done, known (from before) or failed"),
        text(
            "verdict", [row.get("verdict", "") for row in rows], "worst of all criteria: good, check or bad"
        ),
    ]
    for title in criteria_of(rows):
        values = [row.get("criteria", {}).get(title, "") for row in rows]
        columns.append(text(column_of(f"verdict {title}"), values, f"verdict of {title!r}"))
    asked = any("depth_bias" in row for row in rows)
    for name, (unit, words) in {**NUMBERS, **(BIAS if asked else {})}.items():
        numbers = np.array([number_of(row, name) for row in rows], dtype=float)
        columns.append(Column(numbers, name=name, unit=unit or None, description=words))
    for name, words in WHOLE.items():
        whole = np.array([int(row.get(name) or 0) for row in rows], dtype=np.int64)
        columns.append(Column(whole, name=name, description=words))
    for name, words in (
        ("target", "TARGNAME"),
        ("sentence", "what the worst criterion says"),
        ("message", "why there is no result, or no record of it"),
        ("place", "config or folder that was given"),
        ("folder", "folder of the visit"),
        ("output_run", "name of the run"),
        ("result_id", "hash of the result, as in clean_obs.nc"),
    ):
        columns.append(text(name, [row.get(name, "") for row in rows], words))
    return Table(columns)
