"""A small visit in memory, made in milliseconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

READ_NOISE = 3.1
SKY = 12.0


def example_visit(
    n_frames: int = 8,
    shape: tuple[int, int] = (40, 60),
    *,
    orbits: int = 2,
    seed: int = 0,
    folder: str = "",
    change: Callable[[np.ndarray], None] | None = None,
) -> xr.Dataset:
    """Return a visit as `load_visit` gives it: a trace, cosmic rays, hot pixels and flags.

    Parameters
    ----------
    n_frames : int
    shape : (int, int)
        Rows and columns.
    orbits : int
    seed : int
        The same seed gives the same visit.
    folder : str
        Its `toplevel_dir`.
    change : callable, optional
        Alters the frames, shape (frames, rows, columns), in place.

    Returns
    -------
    xarray.Dataset
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(float)
    centre = shape[0] * 0.6 + 0.02 * columns
    light = SKY + 4000 * np.exp(-0.5 * (rows - centre) ** 2)
    images = rng.poisson(light, (n_frames, *shape)) + rng.normal(0, READ_NOISE, (n_frames, *shape))
    hits = rng.random(images.shape) < 0.005
    images[hits] += rng.exponential(1500, hits.sum())
    hot = rng.random(shape) < 0.003
    images[:, hot] += 800
    images = images.astype(np.float32)
    hst_dq = np.zeros(images.shape, np.uint16)
    hst_dq[:, hot] = 16
    hst_dq[hits & (rng.random(images.shape) < 0.5)] |= 4096
    errors = np.sqrt(np.clip(images, 0, None) + READ_NOISE**2).astype(np.float32)
    if change is not None:
        change(images)
    direct = rng.normal(0, READ_NOISE, shape)
    target = (shape[1] * 0.45, shape[0] * 0.4)
    direct += 5000 * np.exp(-((columns - target[0]) ** 2 + (rows - target[1]) ** 2) / 2)
    orbit = np.sort(np.arange(n_frames) % orbits)
    middle = 58331.25 + (np.arange(n_frames) * 220 + orbit * 3000) / 86_400
    cube = ("exp_time", "x", "y")
    left, bottom = 1800, 900
    return xr.Dataset(
        {
            "images": (cube, images),
            "errors": (cube, errors),
            "hst_dq": (cube, hst_dq),
            "direct_image": (("x", "y"), direct.astype(np.float32)),
            "subarr_coords": (
                "index",
                np.array([left, left + shape[1] - 1, bottom, bottom + shape[0] - 1], float),
            ),
            "orbit_numbers": ("exp_time", orbit + 1),
            "read_noise": ("exp_time", np.full(n_frames, READ_NOISE, np.float32)),
            "exp_duration": ("exp_time", np.full(n_frames, 190, np.float32)),
            "file_names": ("exp_time", np.array([f"or01fm{k + 1:03d}_flt.fits" for k in range(n_frames)])),
        },
        coords={
            "exp_time": middle,
            "exp_time_UT": ("exp_time", np.array([f"2018-08-01T{k:02d}" for k in range(n_frames)])),
            "index": ["left edge", "right edge", "bottom edge", "top edge"],
        },
        attrs={
            "target_posx": target[0] + 0.7,
            "target_posy": target[1] - 0.4,
            "chip": 2,
            "toplevel_dir": folder,
            "messages": "",
        },
    )
