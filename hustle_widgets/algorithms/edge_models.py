"""The two models of a frame that edge detection compares its edges with, as whole images."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hustle_widgets.algorithms.edge_maps import PAD, PaddedFrame
from hustle_widgets.algorithms.edge_settings import check_noise
from hustle_widgets.algorithms.neighbours import as_frame, fill_bad


def edge_models(image: ArrayLike, read_noise: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the noise model and the fine-structure model of a frame.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        The frame [e-]; it is not changed. NaN and infinite pixels are filled from their neighbours.
    read_noise : float
        Read noise of a pixel [e-], above 0.

    Returns
    -------
    noise : ndarray of float32, shape (rows, columns)
        N = sqrt(median5(image) + read_noise^2) [e-].
    fine_structure : ndarray of float32, shape (rows, columns)
        F = median3 - median7(median3) [e-], of the image.

    Raises
    ------
    ValueError
        If the read noise is not above 0.

    References
    ----------
    van Dokkum 2001, PASP 113, 1420.
    """
    frame = as_frame(image)
    check_noise(read_noise)
    work, _ = fill_bad(frame)
    padded = PaddedFrame(work, read_noise, 2)
    index = np.flatnonzero(np.pad(np.ones(work.shape, bool), PAD))
    fine = padded.smooth.at(index) - padded.smooth.medians(index, padded.window7)
    return padded.noise(index).reshape(work.shape), fine.reshape(work.shape)
