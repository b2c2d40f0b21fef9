"""Which pixels hold light of the traces, and which steps flag them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.geometry import trace_mask
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Patch
from hustle_widgets.steps.targets import expected_zeroth, find_traces

# Rows from a trace that hold its light, and rows beyond which there is none of it.
ON, OFF = 6, 30
# Pixels of a patch that are looked at: the share of 2 million is known to 0.1 %.
MOST = 2_000_000


@dataclass(frozen=True)
class Zones:
    """Which pixels of a frame hold light of the traces, and which hold none.

    Parameters
    ----------
    of_pixel : ndarray of uint8, shape (rows * columns,)
        1 on a trace, 2 off all of them and off the 0th order, 0 between.
    counts : (int, int, int)
        Pixels in each.
    """

    of_pixel: NDArray[np.uint8]
    counts: tuple[int, int, int]

    @classmethod
    def of(cls, state: State, location: tuple[float, float]) -> Zones:
        """Find the traces of a visit."""
        shape = state.shape[1:]
        traces, _ = find_traces(state, location)
        lit, _ = find_traces(state, location, ("+1", "-1"), useful=True)
        zeroth = expected_zeroth(state, location)
        near = trace_mask(shape, traces, zeroth, min(OFF, shape[0] / 8))
        on = trace_mask(shape, lit, None, ON)
        zones = np.where(on, 1, np.where(near, 0, 2)).astype(np.uint8).ravel()
        middle, inside, outside = (int(n) for n in np.bincount(zones, minlength=3))
        return cls(zones, (middle, inside, outside))

    def shares(self, patch: Patch, sound: NDArray[np.bool_] | None = None) -> tuple[float, float]:
        """Return which shares of the pixels on and off the traces a patch flags, in the frames that are sound."""
        step = max(1, len(patch) // MOST)
        index = patch.index[::step]
        if sound is not None and not sound.all():
            index = index[sound[index // self.of_pixel.size]]
        hits = np.bincount(self.of_pixel[index % self.of_pixel.size], minlength=3) * step
        _, on, off = self.counts
        frames = patch.shape[0] if sound is None else np.count_nonzero(sound)
        return (
            hits[1] / (on * frames) if on else float("nan"),
            hits[2] / (off * frames) if off else float("nan"),
        )


def patches(state: State) -> Sequence[tuple[str, Patch]]:
    """Return the patches of the steps that flag pixels."""
    return [(name, out.patch) for name, out in state.outcomes.items() if out.patch is not None]
