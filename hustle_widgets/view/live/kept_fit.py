"""The model of light and drift as it was last fitted: what it says of a pixel, and what another threshold rejects."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.drift_fit import Layout, lay_out
from hustle_widgets.algorithms.drift_model import off_model
from hustle_widgets.engine.deltas import Outcome, Patch
from hustle_widgets.steps.following import FOLLOWED_PIXELS, FULL_PIXELS, MODEL, MODEL_SIGMA
from hustle_widgets.view.live.preview import flags_in_frame, frame_patch


class Modelled(NamedTuple):
    """What the model says of one pixel: its value, and what a threshold counts in, shape (frames,) [e-]."""

    model: NDArray[np.float32]
    sigma: NDArray[np.float32]

    def beyond(self, series: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
        """Tell which values are that far off by themselves."""
        with np.errstate(invalid="ignore"):
            far: NDArray[np.bool_] = np.abs(series - self.model) >= threshold * self.sigma
        return far


class KeptFit:
    """What a step last fitted to the traces; an edit of its threshold is answered by it until the next fit.

    Parameters
    ----------
    outcome : Outcome
        Of a step that followed the traces, see `of`.
    shape : (int, int)
        Rows and columns of a frame.
    """

    def __init__(self, outcome: Outcome, shape: tuple[int, int]) -> None:
        facts = outcome.table.facts
        assert outcome.patch is not None
        self.shape, self._patch = shape, outcome.patch
        self.pixels: NDArray[np.intp] = facts[FOLLOWED_PIXELS]
        self.full: NDArray[np.intp] = facts[FULL_PIXELS]
        self._model: NDArray[np.float32] = facts[MODEL]
        self._sigma: NDArray[np.float32] = facts[MODEL_SIGMA]

    @classmethod
    def of(cls, outcome: Outcome | None, shape: tuple[int, int]) -> KeptFit | None:
        """Return the fit of an outcome, None if it has none."""
        return None if outcome is None or MODEL not in outcome.table.facts else cls(outcome, shape)

    @cached_property
    def _layout(self) -> Layout:
        mask = np.zeros(self.shape, bool)
        mask.reshape(-1)[self.pixels] = True
        return lay_out(mask)

    def of_pixel(self, row: int, column: int) -> Modelled | None:
        """Return what the model says of a pixel, None of one that it does not describe."""
        wanted = row * self.shape[1] + column
        place = int(np.searchsorted(self.pixels, wanted))
        if place == self.pixels.size or self.pixels[place] != wanted:
            return None
        return Modelled(self._model[place], self._sigma[place])

    def is_full(self, row: int, column: int) -> bool:
        """Tell whether a pixel is full, or takes what runs over: it is judged with those beside it in its column."""
        return row * self.shape[1] + column in self.full

    def rejected_of(self, row: int, column: int, n_frames: int) -> NDArray[np.bool_]:
        """Tell in which frames the last result replaced a pixel, shape (frames,)."""
        rows, columns = self.shape
        return np.isin(np.arange(n_frames) * rows * columns + row * columns + column, self._patch.index)

    def replaced(self, row: int, column: int, series: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a pixel's series as the last result left it."""
        rows, columns = self.shape
        wanted = np.arange(series.size) * rows * columns + row * columns + column
        places = np.searchsorted(self._patch.index, wanted)
        there = self.rejected_of(row, column, series.size)
        after = series.copy()
        assert self._patch.value is not None
        after[there] = self._patch.value[places[there]]
        return after

    def put_into(self, patch: Patch, frame: NDArray[np.float32], number: int, threshold: float) -> Patch:
        """Return the patch of a frame with what the model rejects in place of what was clipped on the traces.

        Full pixels stay as they were in the last result.
        """
        model = self._model[:, number]
        z = ((frame.reshape(-1)[self.pixels] - model) / self._sigma[:, number]).astype(np.float64)
        rejected = off_model(z[:, np.newaxis], self._layout, threshold)[:, 0]
        stay = ~np.isin(patch.index, self.pixels) & ~np.isin(patch.index, self.full)
        assert patch.value is not None
        known, known_value = flags_in_frame(self._patch, number)
        assert known_value is not None
        full = np.isin(known, self.full)
        index = np.concatenate([patch.index[stay], self.pixels[rejected], known[full]])
        value = np.concatenate([patch.value[stay], model[rejected], known_value[full]])
        order = np.argsort(index, kind="stable")
        return frame_patch(self.shape, index[order], value[order])
