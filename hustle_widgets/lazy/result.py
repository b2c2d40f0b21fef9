"""Cubes of a clean visit, made of the visit and the frozen deltas when they are indexed."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets.engine.blocks import State
from hustle_widgets.lazy.arrays import FrameArray, VariableFrames, lazy_variable


class CleanFrames(FrameArray):
    """Frames as the chain leaves them [e-]."""

    def __init__(self, state: State) -> None:
        super().__init__(state.shape, np.float32)
        self.state = state

    def frame(self, number: int, rows: slice) -> NDArray[np.float32]:
        """Apply the deltas to a band of rows of one frame."""
        return self.state.images(slice(number, number + 1), rows)[0]


class FlagFrames(FrameArray):
    """Which steps flagged a pixel, as a sum of their bits.

    Parameters
    ----------
    state : State
    bits : mapping of str to int
        The bit of each step.
    dtype : dtype
    """

    def __init__(self, state: State, bits: Mapping[str, int], dtype: Any) -> None:
        super().__init__(state.shape, dtype)
        self.state, self.bits = state, dict(bits)

    def frame(self, number: int, rows: slice) -> NDArray[Any]:
        """Add up the bits of a band of rows of one frame."""
        found = np.zeros((rows.stop - rows.start, self.shape[2]), self.dtype)
        for name, outcome in self.state.outcomes.items():
            if outcome.patch is not None:
                _, inside = outcome.patch.find(slice(number, number + 1), rows)
                found.reshape(-1)[inside] |= self.dtype.type(self.bits[name])
        return found


class BadFrames(FrameArray):
    """Which pixels are flagged and have not been replaced."""

    def __init__(self, state: State) -> None:
        super().__init__(state.shape, bool)
        self.state = state

    def frame(self, number: int, rows: slice) -> NDArray[np.bool_]:
        """Mark the bad pixels of a band of rows of one frame."""
        found = np.zeros((rows.stop - rows.start, self.shape[2]), bool)
        for outcome in self.state.outcomes.values():
            if outcome.patch is not None:
                _, inside = outcome.patch.find(slice(number, number + 1), rows)
                # What a later step replaced is good again.
                found.reshape(-1)[inside] = outcome.patch.value is None
        return found


def protected(visit: xr.Dataset) -> xr.Dataset:
    """Return a visit through which the one given cannot be changed: nothing large is copied.

    Cubes give a copy of what is indexed, other arrays of two dimensions are read-only, the rest is copied.
    """
    found = {name: _protected(variable) for name, variable in visit.variables.items()}
    data = {name: found[name] for name in visit.data_vars}
    places = {name: found[name] for name in visit.coords if name not in visit.indexes}
    # Older versions of xarray give out the very values of an index: they are not to be those of the visit.
    own = {
        n: (c.dims, np.array(c.values), copy.deepcopy(c.attrs))
        for n, c in visit.coords.items()
        if n in visit.indexes
    }
    guarded = visit.assign(data).assign_coords(places).assign_coords(own)
    guarded.attrs = copy.deepcopy(visit.attrs)
    return guarded


def _protected(variable: xr.Variable) -> xr.Variable:
    if variable.chunks:
        return variable.copy(deep=False)  # dask never writes to what it computes from
    if variable.ndim == 3:
        return lazy_variable(variable.dims, VariableFrames(variable), copy.deepcopy(variable.attrs))
    if variable.ndim < 2:
        return variable.copy(deep=True)
    return xr.Variable(variable.dims, read_only(variable.values), copy.deepcopy(variable.attrs))


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
