"""What netCDF can hold: attributes as numbers and texts, texts of fixed length, and what a failed write means."""

from __future__ import annotations

import errno
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from hustle_widgets.reading.errors import VisitError

RENAMED = "renamed_attributes"
_WHOLE = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")
#: Kinds of numbers that netCDF holds, in any order of their bytes.
NUMBERS = {np.dtype(order + kind) for kind in (*_WHOLE, "f4", "f8") for order in "<>"}
NUMBERS |= {np.dtype(bool)}
_INT64 = 2**63
_NAME_BYTES = 200  # NC_MAX_NAME is 256
# Names in which the libraries keep what they need themselves.
_LIBRARY = {
    "_NCProperties",
    "_nc3_strict",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_SuperblockVersion",
    "_IsNetcdf4",
}
_LIBRARY |= {"CLASS", "NAME", "DIMENSION_LIST", "DIMENSION_LABELS", "REFERENCE_LIST", "_Format"}
# Names that say how the values of a variable are packed.
_RESERVED = {
    *(
        "_FillValue",
        "missing_value",
        "scale_factor",
        "add_offset",
        "_Unsigned",
        "_Encoding",
        "dtype",
        "coordinates",
    ),
    *(
        "grid_mapping",
        "bounds",
        "calendar",
        "compress",
        "_Storage",
        "_ChunkSizes",
        "_DeflateLevel",
        "_Shuffle",
    ),
    *("_Endianness", "_NoFill", "_Fletcher32", "_Filter", "_Codecs"),
}


def storable(attrs: Mapping[Any, Any], *, of_variable: bool = False) -> dict[str, Any]:
    """Return attributes as netCDF can hold them; nothing is lost.

    Parameters
    ----------
    attrs : mapping
    of_variable : bool
        Whether they are a variable's, where some names say how it is packed.

    Returns
    -------
    dict of str to number, text or 1-D array of numbers
        Other values are written as text, as JSON where they have parts. A name that netCDF does not allow is
        changed, and ``renamed_attributes`` says what it was.
    """
    found: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    for key, value in attrs.items():
        name = _allowed(str(key))
        if of_variable and name in _RESERVED:
            name = f"attribute_{name}"
        while name in found:
            name += "_"
        found[name] = _value(value)
        if name != key:
            renamed[name] = str(key)
    if renamed:
        found[RENAMED] = _text(json.dumps(renamed))
    return found


def _allowed(name: str) -> str:
    """Return a name that netCDF and xarray take as nothing but a name."""
    changed = re.sub(r"[\x00-\x1f\x7f/]", "_", _text(name)).strip()
    changed = changed.encode()[:_NAME_BYTES].decode(errors="ignore")
    return changed if re.match(r"\w", changed) and changed not in _LIBRARY else f"attribute_{changed}"


def _value(value: Any) -> Any:
    """Return a value as a number, a text or a 1-D array of numbers; masked numbers are NaN."""
    if isinstance(value, np.ma.MaskedArray) and value.dtype.kind in "iuf" and np.ma.is_masked(value):
        value = np.where(np.ma.getmaskarray(value), np.nan, np.ma.getdata(value))
    if (
        isinstance(value, (np.ndarray, np.generic))
        or isinstance(value, (list, tuple))
        and value
        and all(type(item) in (int, float) for item in value)
    ):
        array = np.asarray(value)
    else:
        array = None
    if array is not None and array.dtype.kind in "iuf" and array.ndim < 2 and array.size:
        if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
            array = array.astype(np.float64)
        return array if array.ndim else array[()]
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return str(value)
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else str(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes):
        return _text(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, np.ndarray):
        value = value.astype(str).tolist() if value.dtype.kind in "Mm" else value.tolist()
    try:
        return _text(json.dumps(value, default=str))
    except (TypeError, ValueError):  # keys that are no text, or a list that holds itself
        return _text(repr(value))


def _text(text: str) -> str:
    """Return a text without what ends one early or is no character."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def of_fixed_length(texts: np.ndarray) -> np.ndarray:
    """Return texts as their characters in UTF-8, along one more axis.

    Texts of variable length end in a segmentation fault of the libraries when a file is opened lazily several
    times, closed and opened again.
    """
    packed = np.char.encode(texts.astype(str), "utf-8", "backslashreplace")
    packed = packed.astype(f"S{max(1, packed.dtype.itemsize)}")
    return np.ascontiguousarray(packed).reshape(-1).view("S1").reshape(*texts.shape, packed.dtype.itemsize)


def as_stored(name: str, values: np.ndarray) -> np.ndarray:
    """Return numbers as netCDF has them: half as single precision, long as double; ValueError for what is none."""
    if values.dtype.kind == "f":
        values = values.astype(np.float32 if values.dtype.itemsize <= 4 else np.float64, copy=False)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.dtype not in NUMBERS and values.dtype != "S1":
        raise ValueError(
            f"The variable {name!r} is {values.dtype}, which netCDF cannot hold: convert it, or leave it out by "
            f"visit.drop_vars({name!r})."
        )
    return values


def check_name(name: str) -> None:
    """Refuse a name that no variable or dimension of netCDF may have, with a ValueError."""
    if not re.fullmatch(r"\w[^/\x00-\x1f\x7f]*(?<!\s)", name) or len(name.encode()) > _NAME_BYTES:
        raise ValueError(
            f"The visit has a variable or dimension {name[:_NAME_BYTES]!r}, which is no name in a netCDF file: "
            "rename it, or leave it out by visit.drop_vars."
        )


@contextmanager
def written_whole(path: Path) -> Iterator[None]:
    """Turn what the libraries raise when a file cannot be written into an OSError with a sentence."""
    try:
        yield
    except VisitError:  # of the files that are read meanwhile
        raise
    except (RuntimeError, OSError) as error:
        if isinstance(error, RuntimeError) and not str(error).startswith("NetCDF"):
            raise
        what = getattr(error, "strerror", None) or str(error).rstrip(".")
        if getattr(error, "errno", None) in (errno.EACCES, errno.EPERM, errno.EROFS):
            why = what
        elif path.parent.is_dir():
            free = shutil.disk_usage(path.parent).free / 1e6
            why = f"{what}; {free:,.0f} MB are free on the disk. Is it full, or is there a quota?"
        else:
            why = f"the folder {path.parent} is gone ({what})"
        raise OSError(f"{path} could not be written whole: {why}") from error
