"""The parameters of edge detection, with their defaults."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["MAX_ROUNDS", "EdgeSettings", "check_noise"]

MAX_ROUNDS = 20
"""Rounds after which ``led_n=None`` gives up waiting for a round without a new pixel."""


@dataclass(frozen=True)
class EdgeSettings:
    """What edge detection calls a hit.

    Parameters
    ----------
    led_threshold : float
        Least S', above 0. The S' of a lone pixel is its height over the noise, divided by f^2: with a factor
        of 2, a threshold of 10 asks for 40 sigma, and 2.5 for 10 sigma.
    led_factor : int
        Subsampling factor f, at least 2.
    led_n : int or None
        Rounds; each starts from the frame as the round before left it. None: until no new pixel is found,
        at most :data:`MAX_ROUNDS`.
    fine_structure : bool
        Whether a hit must also be sharper than the fine structure around it, and stand out of its row.
    contrast_factor : float
        Least ratio of S to the fine structure over the noise.
    led_growth : float or None
        Neighbours of a hit with S' > led_threshold are hits, and then their neighbours with
        S' > led_growth * led_threshold. None: neither.

    Raises
    ------
    ValueError
        If a parameter is outside its range.
    """

    led_threshold: float = 10
    led_factor: int = 2
    led_n: int | None = 2
    fine_structure: bool = True
    contrast_factor: float = 5
    led_growth: float | None = 0.3

    def __post_init__(self) -> None:
        if int(self.led_factor) != self.led_factor or self.led_factor < 2:
            raise ValueError(
                f"led_factor must be a whole number of at least 2. Got {self.led_factor!r} instead."
            )
        if not self.led_threshold > 0:
            raise ValueError(f"led_threshold must be above 0. Got {self.led_threshold!r} instead.")
        if self.led_n is not None and (int(self.led_n) != self.led_n or self.led_n < 1):
            raise ValueError(
                f"led_n must be a whole number of at least 1, or None. Got {self.led_n!r} instead."
            )

    @property
    def factor(self) -> int:
        """The subsampling factor."""
        return int(self.led_factor)

    @property
    def contrast(self) -> float | None:
        """The least contrast, None where it does not matter."""
        return self.contrast_factor if self.fine_structure else None

    @property
    def most_rounds(self) -> int:
        """How many rounds are made at most."""
        return MAX_ROUNDS if self.led_n is None else int(self.led_n)


def check_noise(read_noise: float) -> None:
    """Raise a ValueError unless the read noise is a finite number of electrons above 0."""
    if not (np.isfinite(read_noise) and read_noise > 0):
        raise ValueError(f"read_noise must be a finite number of e- above 0. Got {read_noise!r} instead.")
