"""What only a simulation knows: truth.nc."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets.algorithms import simulation as sim
from hustle_widgets.algorithms.detector import READ_NOISE
from hustle_widgets.algorithms.simulation_star import SIMULATED_ORDERS
from hustle_widgets.simulate.scene import Scene, add_orders, whole_traces
from hustle_widgets.user_paths import user_path

TWIN = "twin.nc"


def make_truth(
    scene: Scene, given: dict[str, Any], defects: sim.Defects, hits: list[sim.Frame]
) -> xr.Dataset:
    """Gather the truth that does not change in time, and the hits of each frame."""
    n_columns = scene.shape[1]
    rows, wavelengths, spectra = (np.full((len(SIMULATED_ORDERS), n_columns), np.nan) for _ in range(3))
    counts = add_orders(scene, np.zeros(scene.shape), strength=scene.strength)
    for i, (order, line) in enumerate(whole_traces(scene).items()):
        inside = (line.columns >= 0) & (line.columns < n_columns)
        rows[i, line.columns[inside]] = line.rows[inside]
        wavelengths[i, line.columns[inside]] = line.wavelengths[inside]
        spectra[i, line.columns[inside]] = counts[order][inside]
    electron, pixel = {"units": "electron"}, {"units": "pixel"}
    return xr.Dataset(
        {
            "cosmic_ray_count": ("exp_time", np.array([len(f.hit_index) for f in hits], dtype=np.int32)),
            "cosmic_ray_index": ("hit", np.concatenate([f.hit_index for f in hits])),
            "cosmic_ray_electrons": ("hit", np.concatenate([f.hit_electrons for f in hits]), electron),
            "hot_electrons": (("x", "y"), defects.hot_electrons, electron),
            "response": (("x", "y"), defects.response, {"units": "1"}),
            **{name: (("x", "y"), getattr(defects, name)) for name in ("hot", "warm", "cold", "dead")},
            "sky_template": (("x", "y"), scene.sky, {"units": "1"}),
            "target": ("xy", np.array(scene.target), pixel),
            "zeroth_order": ("xy", np.array(scene.zeroth), pixel),
            "star_positions": (("star", "xy"), scene.stars, pixel),
            "star_fluxes": ("star", scene.star_fluxes, electron),
            "trace_rows": (("order", "y"), rows, pixel),
            "trace_wavelengths": (("order", "y"), wavelengths, {"units": "angstrom"}),
            "trace_electrons": (("order", "y"), spectra, electron),
        },
        coords={"order": list(SIMULATED_ORDERS), "xy": ["column", "row"]},
        attrs={
            "title": "truth of a simulated G280 visit",
            "parameters": json.dumps(given, default=float),
            "read_noise": READ_NOISE,
            "chip": scene.chip,
            "corner": list(scene.corner),
        },
    )


def read_truth(folder: str | Path) -> xr.Dataset:
    """Read the truth of a simulated visit.

    Parameters
    ----------
    folder : str or Path
        The folder given to `simulate_visit`.

    Returns
    -------
    xarray.Dataset
        In memory, dims exp_time, x (row), y (column), hit, star, order, xy (column, row).
    """
    path = user_path(folder) / "truth.nc"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: {folder} is not a folder made by simulate_visit.")
    return xr.load_dataset(path, engine="netcdf4")


def read_twin(folder: str | Path) -> xr.Dataset:
    """Read the fault-free twin of a simulated visit.

    Parameters
    ----------
    folder : str or Path
        The folder given to `simulate_visit`, with ``twin=True``.

    Returns
    -------
    xarray.Dataset
        In memory; ``images``, dims exp_time, x (row), y (column) [e-]: the frames with the same photons and
        read noise, without cosmic rays and without hot, warm, cold and dead pixels. The sky is in them.

    Raises
    ------
    FileNotFoundError
        When there is none.
    """
    path = user_path(folder) / TWIN
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: simulate the visit with twin=True.")
    return xr.load_dataset(path, engine="netcdf4")


def cosmic_ray_mask(truth: xr.Dataset, minimum: float = 0.0) -> NDArray[np.bool_]:
    """Pixels hit by cosmic rays, from the truth of a simulated visit.

    Parameters
    ----------
    truth : xarray.Dataset
        From `read_truth`.
    minimum : float
        Count only pixels that got more than this [e-].

    Returns
    -------
    ndarray of bool, shape (n_frames, rows, columns)
    """
    n_frames, n_pixels = truth.sizes["exp_time"], truth.sizes["x"] * truth.sizes["y"]
    mask = np.zeros((n_frames, n_pixels), dtype=bool)
    frame = np.repeat(np.arange(n_frames), truth["cosmic_ray_count"].values)
    enough = truth["cosmic_ray_electrons"].values > minimum
    mask[frame[enough], truth["cosmic_ray_index"].values[enough]] = True
    return mask.reshape(n_frames, truth.sizes["x"], truth.sizes["y"])
