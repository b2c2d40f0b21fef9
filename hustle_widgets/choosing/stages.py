"""The light of a trace after every step of a chain, from what the steps left: nothing is computed again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.photometry import Aperture, spectrum
from hustle_widgets.choosing.curves import quicklook_of
from hustle_widgets.engine.blocks import Source, State
from hustle_widgets.engine.deltas import Outcome

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """An aperture, and the rows of a frame that it needs.

    Attributes
    ----------
    rows : slice
    aperture : Aperture
        Its rows count from the first of these.
    """

    rows: slice
    aperture: Aperture

    @classmethod
    def of(cls, aperture: Aperture) -> Band:
        """Cut a frame to the rows of an aperture."""
        lit = aperture.rows[aperture.weights > 0]
        first, last = (int(lit.min()), int(lit.max()) + 1) if lit.size else (0, 1)
        inside = np.clip(aperture.rows, first, last - 1) - first
        return cls(slice(first, last), Aperture(inside, aperture.columns, aperture.weights))


def untouched(state: State) -> State:
    """Return the frames that a reduction works on as they were before all steps."""
    kept = {name: outcome for name, outcome in state.outcomes.items() if outcome.kept_frames is not None}
    return State(state.source, kept)


def correcting(state: State) -> dict[str, Outcome]:
    """Return the steps that change pixels, in order."""
    return {
        name: outcome
        for name, outcome in state.outcomes.items()
        if outcome.offset is not None or (outcome.patch is not None and outcome.patch.value is not None)
    }


def light_of_stages(state: State, order: str) -> tuple[tuple[str, ...], Floats]:
    """Return the light in the aperture of an order before all steps and after each that changes pixels.

    Parameters
    ----------
    state : State
        The visit behind the last step.
    order : str
        One that the quicklook summed.

    Returns
    -------
    steps : tuple of str
        Names of the steps.
    light : ndarray of float, shape (1 + steps, frames)
        [e-]; the last is the light curve of the quicklook.
    """
    known = _stages.setdefault(state, {})
    if order not in known:
        band = Band.of(quicklook_of(state).facts["apertures"][order])
        steps = tuple(correcting(state))
        light = np.empty((1 + len(steps), state.shape[0]))
        for frame in range(state.shape[0]):
            for stage, image in enumerate(images_of_stages(state, frame, band.rows)):
                light[stage, frame] = spectrum(image, band.aperture).sum()
        known[order] = steps, light
    return known[order]


_stages: WeakKeyDictionary[State, dict[str, Any]] = WeakKeyDictionary()


def images_of_stages(state: State, frame: int, rows: slice) -> Iterator[NDArray[np.float32]]:
    """Yield some rows of a frame before all steps, and after each that changes pixels; always the same array."""
    frames = slice(frame, frame + 1)
    images = untouched(state).images(frames, rows)
    yield images[0]
    for outcome in correcting(state).values():
        outcome.apply(images, frames, rows)
        yield images[0]


def raw_spectra(state: State, order: str) -> Floats:
    """Return the light of each column of an order before all steps, shape (frames, columns of the trace)."""
    aperture = quicklook_of(state).facts["apertures"][order]
    band, bare = Band.of(aperture), untouched(state)
    known = _raw.setdefault(state.source, {})
    key = (order, bare.kept_frames.tobytes(), aperture.rows.tobytes(), aperture.weights.tobytes())
    if key not in known:
        known.clear()  # of the last aperture only
        frames = range(bare.shape[0])
        known[key] = np.stack(
            [spectrum(bare.images(slice(k, k + 1), band.rows)[0], band.aperture) for k in frames]
        )
    return known[key]


_raw: WeakKeyDictionary[Source, dict[Any, Floats]] = WeakKeyDictionary()


def taken_off(state: State, order: str) -> Floats:
    """Return the background that was taken off in the aperture, shape (frames, columns of the trace) [e-]."""
    laid = quicklook_of(state).facts["apertures"][order]
    total = np.zeros((state.shape[0], laid.columns.size))
    for outcome in state.outcomes.values():
        offset = outcome.offset
        if offset is None:
            continue
        columns = np.broadcast_to(laid.columns, laid.rows.shape)
        weights = laid.weights
        if offset.template is not None:
            weights = weights * np.asarray(offset.template, dtype=float)[laid.rows, columns]
        level = offset.level.astype(float)
        if level.ndim == 3:
            total += np.einsum("tmn,mn->tn", level[:, laid.rows, 0], weights)
        else:
            level = level[:, np.newaxis] if level.ndim == 1 else level[:, laid.columns]
            total += level * weights.sum(axis=0)
    return total
