"""A step of one's own in one file: subtract a bias that drifts from row to row while a frame is read out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import Block
from hustle_widgets.engine.deltas import Offset, Table
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Column
from hustle_widgets.steps.parameters import Real, Whole


class RowDrift(Step):
    """Subtract from each row of each frame what its ends lie above those of the other rows."""

    name, title, section, after = "row_drift", "Bias: drift along the rows", "2b", "hst_flags"
    switch = "do_row_drift"
    records = {"row_drift": Column("electron", "bias of each row above the frame's median", ("x",))}
    drift_edge = Whole(
        60, "How many columns at either end of a row are looked at.", unit="columns", min=5, soft=(10, 300)
    )
    drift_sigma = Real(
        3, "A row is left as it is unless it stands out by this much.", unit="sigma", min=0, soft=(0, 10)
    )

    drift_most = Real(
        15,
        "A row that stands out by more holds light, and is left as it is.",
        unit="e-",
        above=0,
        soft=(2, 50),
    )

    @staticmethod
    def compute(
        block: Block, *, drift_edge: int, drift_sigma: float, drift_most: float
    ) -> tuple[Offset, Table]:
        """Find the drift of one frame."""
        level = row_drift(block.images[0], drift_edge, drift_sigma, drift_most)[np.newaxis]
        return Offset.of_rows(level), Table({"row_drift": level})


def row_drift(image: NDArray[np.float32], edge: int, sigma: float, most: float) -> NDArray[np.float32]:
    """Return how far each row lies above the median of all, by its ends.

    Parameters
    ----------
    image : ndarray of float, shape (rows, columns)
        Electrons; NaN is left out.
    edge : int
        Columns at either end that are looked at.
    sigma : float
        How many standard errors of its median a row must stand out by.
    most : float
        Electrons: a row that stands out by more holds light of a trace or a star.

    Returns
    -------
    ndarray of float32, shape (rows,)
        0 where a row does not stand out, holds light, or has no pixel.
    """
    edge = min(edge, image.shape[1] // 2) or image.shape[1]
    ends = np.concatenate([image[:, :edge], image[:, -edge:]], axis=1, dtype=np.float64)
    ends[~np.isfinite(ends)] = np.nan
    seen = np.isfinite(ends).any(axis=1)
    drift = np.zeros(len(image), np.float32)
    if not seen.any():
        return drift
    rows = np.nanmedian(ends[seen], axis=1)
    scatter = 1.4826 * np.nanmedian(np.abs(ends[seen] - rows[:, np.newaxis]))
    error = np.sqrt(np.pi / 2) * scatter / np.sqrt(np.isfinite(ends[seen]).sum(axis=1))
    above = rows - np.median(rows)
    drift[seen] = np.where((np.abs(above) > sigma * error) & (np.abs(above) <= most), above, 0)
    return drift
