"""A visit's folder as a format of xarray: ``xr.open_dataset(folder, engine="hustle")``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import xarray as xr
from xarray.backends import BackendEntrypoint

from hustle_widgets.visit import load_visit


class HustleBackend(BackendEntrypoint):
    """Opens what `load_visit` loads; also with ``chunks=...``, as dask arrays."""

    description = "Open a folder of HST WFC3/UVIS G280 exposures"
    open_dataset_parameters = ("drop_variables", "visit")

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        visit: str | Sequence[str] | None = None,
    ) -> xr.Dataset:
        """Load a visit, see `load_visit`; errors and flags are read when they are indexed."""
        loaded = load_visit(filename_or_obj, visit=visit)
        names = [drop_variables] if isinstance(drop_variables, str) else list(drop_variables or ())
        return loaded.drop_vars(names, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell whether this is a folder with specimages/."""
        return (
            isinstance(filename_or_obj, (str, os.PathLike))
            and (Path(filename_or_obj) / "specimages").is_dir()
        )
