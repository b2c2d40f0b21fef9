"""The bloom of the 0th order on the frame that is previewed again and again."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from hustle_widgets.algorithms.bloom import bloom_mask


class Bloom:
    """Remembers the mask of the last frame: a slider asks for the same one at every message."""

    def __init__(self) -> None:
        self._last: tuple[Any, Any] = (None, None)

    def of(self, frame: NDArray[Any], zeroth: tuple[float, float] | None) -> NDArray[Any] | None:
        """Return the pixels to protect, None without a 0th order; both (rows, columns)."""
        if zeroth is None:
            return None
        if self._last[0] is not frame:
            self._last = frame, bloom_mask(frame, zeroth)
        return self._last[1]
