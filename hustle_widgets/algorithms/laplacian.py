"""Laplacian edge detection of hot pixels, cold pixels and cosmic rays in single frames.

The method of van Dokkum (2001), in two dimensions. Two shortcuts change no flag: the Laplacian of the
subsampled image has a closed form, so that no subsampled image is made, and medians are computed only at
pixels where they can matter. Two things are added, for spectra that run along the rows: a hit must stand
out of its own row, and dark pixels are found as bright ones are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .changes import union
from .edge_maps import PAD, PaddedFrame, Side
from .edge_rounds import NearChanges, Rounds
from .edges import steep_at, steep_pixels
from .lazy_map import around
from .neighbours import as_frame, fill_bad, good_neighbour_median, window_offsets

__all__ = ["MAX_ROUNDS", "detect_edges", "edge_rounds", "significance"]

MAX_ROUNDS = 20
"""Rounds after which ``led_n=None`` gives up waiting for a round without a new pixel."""

_HALO = 10  # columns and rows around a region: a decision's reach, and neighbours that fill in for NaN
_FEW = 0.002  # part of a frame's pixels up to which looking only near them is faster


def _sides(
    image: NDArray[np.float32], read_noise: float, led_factor: int, fine_structure: bool
) -> tuple[Side, Side]:
    frame = PaddedFrame(image, read_noise, led_factor)
    # the neighbours of every bright pixel have a large L-: dark pixels are always guarded
    return Side(frame, 1, fine_structure), Side(frame, -1, True)


def _hits(
    side: Side,
    near: NDArray[np.intp],
    allowed: NDArray[np.bool_],
    threshold: float,
    contrast: float | None,
    growth: float | None,
) -> NDArray[np.intp]:
    """Flat indices of one side's hits: those in `near` over the thresholds, then their neighbours; all in `allowed`."""
    index = side.candidates(near, allowed, threshold)
    if side.guarded:
        index = index[side.stands_out(index, threshold)]
    if contrast is not None:
        index = index[side.contrast(index) > contrast]
    index = index[side.significance(index) > threshold]
    if growth is None or not index.size:
        return index
    for level in (threshold, growth * threshold):
        ring = around(index, side.frame.window3, allowed.size)
        ring = ring[allowed[ring]]
        if side.guarded:
            ring = ring[side.stands_out(ring, level)]
        index = union(index, ring[side.significance(ring) > level])
    return index


def detect_edges(
    image: ArrayLike,
    read_noise: float,
    *,
    led_threshold: float = 10,
    led_factor: int = 2,
    led_n: int | None = 2,
    fine_structure: bool = True,
    contrast_factor: float = 5,
    led_growth: float | None = 0.3,
    protect: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.bool_], NDArray[np.float32], NDArray[np.int64]]:
    """Find and replace hot, cold and cosmic-ray pixels of one frame by their sharp edges.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        The frame [e-]; it is not changed. NaN and infinite pixels are bad: never used, never hits.
    read_noise : float
        Read noise of a pixel [e-], above 0.
    led_threshold : float, default 10
        Least S', above 0. The S' of a lone pixel is its height over the noise, divided by f^2: with the
        default factor of 2, the default threshold asks for 40 sigma, and 2.5 for 10 sigma.
    led_factor : int, default 2
        Subsampling factor f, at least 2.
    led_n : int or None, default 2
        Rounds; each starts from the frame as the round before left it. None: until no new pixel is found,
        at most :data:`MAX_ROUNDS`.
    fine_structure : bool, default True
        Whether a hit must also be sharper than the fine structure around it, and stand out of its row.
    contrast_factor : float, default 5
        Least ratio of S to the fine structure over the noise.
    led_growth : float or None, default 0.3
        Neighbours of a hit with S' > led_threshold are hits, and then their neighbours with
        S' > led_growth * led_threshold. None: neither.
    protect : ndarray of bool, shape (rows, columns), optional
        True where nothing may be flagged, see :func:`~hustle_widgets.algorithms.bloom.bloom_mask`.

    Returns
    -------
    mask : ndarray of bool, shape (rows, columns)
        True for every hit.
    values : ndarray of float32, shape (n,)
        The replacement [e-] of each hit in C order: the median of the good neighbours in its row, see
        :func:`~hustle_widgets.algorithms.neighbours.good_neighbour_median`.
    counts : ndarray of int64, shape (rounds,)
        New hits of each round made; the last is 0 if the frame was clean by then.

    Raises
    ------
    ValueError
        If a parameter is outside its range or a shape does not fit.

    Notes
    -----
    With L+ from :func:`~hustle_widgets.algorithms.edges.laplacian`, medians over squares of the given width,
    and rn the read noise,

    - noise N = sqrt(median5(image) + rn^2), significance S = L+ / (f N), and S' = S - median5(S), which takes
      off smooth structure;
    - fine structure F = median3 - median7(median3), at least 0.01 N; the contrast is S / (F / N).

    The kernel has the factor 1/4, so that thresholds are a quarter of those of L.A.Cosmic for the same pixel:
    led_threshold 2.5 and contrast_factor 1.25 are its sigclip 10 and objlim 5.

    Dark pixels are found with L- and -F. The neighbours of a bright pixel and the valley between two spectra
    have a large L- as well, and along the ridge of a spectrum S' is large everywhere, so that a growing hit
    would run along it. Both are told apart by the row: a hit must differ from the median of the 11 pixels
    around it in its row by led_threshold f^2 N (a lone pixel at the threshold does) plus 5 % of that median;
    a neighbour of a hit, by as much at its threshold. Bright pixels need not without `fine_structure`. In the
    first and last five columns the median is one-sided and protects a bright spectrum cut off there less.

    Where L < led_threshold f rn no median can make S exceed the threshold, and in later rounds only pixels
    near a replaced one can change. Everything else is computed at the few pixels left.

    References
    ----------
    van Dokkum, P. G. 2001, PASP, 113, 1420.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.full((20, 20), 12.0); image[5, 6] = 500.0
    >>> mask, values, counts = detect_edges(image, 3.1)
    >>> np.argwhere(mask).tolist(), values.tolist(), counts.tolist()
    ([[5, 6]], [12.0], [1, 0])
    """
    index, values, counts = edge_rounds(
        image,
        read_noise,
        led_threshold=led_threshold,
        led_factor=led_factor,
        led_n=led_n,
        fine_structure=fine_structure,
        contrast_factor=contrast_factor,
        led_growth=led_growth,
        protect=protect,
    ).joined()
    mask = np.zeros(np.shape(image), bool)
    mask.ravel()[index] = True
    return mask, values, counts


def edge_rounds(
    image: ArrayLike,
    read_noise: float,
    *,
    led_threshold: float,
    led_factor: int,
    led_n: int | None,
    fine_structure: bool,
    contrast_factor: float,
    led_growth: float | None,
    protect: NDArray[np.bool_] | None = None,
    before: Rounds | None = None,
    changed: NDArray[np.intp] | None = None,
) -> Rounds:
    """Find edges as :func:`detect_edges` does, round by round, and only near changed pixels if told so.

    Parameters
    ----------
    image, read_noise, led_threshold, led_factor, led_n, fine_structure, contrast_factor, led_growth, protect
        As for :func:`detect_edges`.
    before : Rounds, optional
        What was found with the same parameters, before some pixels of the image changed.
    changed : ndarray of int, shape (n,)
        Flat indices of these pixels, or of more. With `before` only.

    Returns
    -------
    Rounds
        The same with `before` and without.
    """
    work, bad = fill_bad(as_frame(image))
    _check(led_factor, read_noise)
    if not led_threshold > 0:
        raise ValueError(f"led_threshold must be above 0. Got {led_threshold!r} instead.")
    if led_n is not None and (int(led_n) != led_n or led_n < 1):
        raise ValueError(f"led_n must be a whole number of at least 1, or None. Got {led_n!r} instead.")
    free = ~bad
    if protect is not None:
        if protect.shape != work.shape:
            raise ValueError(f"protect has the shape {protect.shape}, the image {work.shape}.")
        free &= ~protect
    protected = np.empty(0, np.intp) if protect is None else np.flatnonzero(protect)
    near_changes = None
    if before is not None and changed is not None:
        protection = np.setxor1d(before.protected, protected, assume_unique=True)
        # What bad pixels were filled with is not known any more.
        moved = union(changed, protection, np.flatnonzero(bad) if bad.any() else changed[:0])
        if moved.size <= _FEW * work.size:
            near_changes = NearChanges(before, moved, work.shape, PAD)
    contrast = contrast_factor if fine_structure else None
    sides = _sides(work, read_noise, int(led_factor), fine_structure)
    frame = sides[0].frame
    window = window_offsets((2 * PAD + 1, 2 * PAD + 1), frame.width)
    inside = np.zeros(frame.padded.shape, bool)
    inside[PAD:-PAD, PAD:-PAD] = free
    allowed = inside.ravel()
    mask = bad.copy()
    near: NDArray[np.intp] | None = None
    hits: list[NDArray[np.intp]] = []
    values: list[NDArray[np.float32]] = []
    rounds = MAX_ROUNDS if led_n is None else int(led_n)
    least = frame.least_step(led_threshold)
    for number in range(rounds):
        if near_changes is not None:
            near = near_changes.seeds(number)
        if near is None:
            steep = steep_pixels(frame.padded, least)
        else:
            near = near[allowed[near]]
            near = near[steep_at(frame.flat, near, frame.width, least)]
            steep = near, near
        padded = union(
            *(
                _hits(side, index, allowed, led_threshold, contrast, led_growth)
                for side, index in zip(sides, steep, strict=True)
            )
        )
        if near_changes is not None:
            padded = near_changes.complete(padded, number)
        row, column = np.divmod(padded, frame.width)
        index = (row - PAD) * work.shape[1] + column - PAD
        mask.ravel()[index] = True
        replaced = good_neighbour_median(work, mask, index)
        hits.append(index)
        values.append(replaced)
        if not index.size or len(hits) == rounds:
            break
        work.ravel()[index] = replaced
        allowed[padded] = False
        touched = frame.change(padded, replaced)
        for side in sides:
            side.raw.forget(touched)
        if near_changes is None:
            # from now on a decision can only change near a replaced pixel
            near = around(padded, window, allowed.size)
        else:
            near_changes.add(number, index, replaced)
    return Rounds(tuple(hits), tuple(values), protected)


def significance(
    image: ArrayLike,
    read_noise: float,
    led_factor: int = 2,
    fine_structure: bool = True,
    region: tuple[int, int, int, int] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Map what the thresholds of :func:`detect_edges` apply to in its first round, for bright outliers.

    Parameters
    ----------
    image : array_like, shape (rows, columns)
        The frame [e-].
    read_noise : float
        Read noise of a pixel [e-], above 0.
    led_factor : int, default 2
        Subsampling factor, at least 2.
    fine_structure : bool, default True
        Whether to make the contrast map too.
    region : tuple of int, optional
        Row and column ranges (row0, row1, column0, column1), half open; None is the whole frame.

    Returns
    -------
    significance : ndarray of float32, shape (row1 - row0, column1 - column0)
        S'. NaN where the image is not finite.
    contrast : ndarray of float32 of the same shape, or None
        S / (F / N); None without `fine_structure`.

    Raises
    ------
    ValueError
        If a parameter is outside its range, or the region is empty or reaches outside the frame.
    """
    frame = as_frame(image)
    _check(led_factor, read_noise)
    row0, row1, column0, column1 = region or (0, frame.shape[0], 0, frame.shape[1])
    if not (0 <= row0 < row1 <= frame.shape[0] and 0 <= column0 < column1 <= frame.shape[1]):
        raise ValueError(f"region {region} is empty or reaches outside the frame of shape {frame.shape}.")
    top, left = max(row0 - _HALO, 0), max(column0 - _HALO, 0)
    work, bad = fill_bad(frame[top : row1 + _HALO, left : column1 + _HALO])
    bright, _ = _sides(work, read_noise, int(led_factor), fine_structure)
    part = np.s_[row0 - top : row1 - top, column0 - left : column1 - left]
    wanted = np.zeros(work.shape, bool)
    wanted[part] = True
    index = np.flatnonzero(np.pad(wanted, PAD))
    shape = (row1 - row0, column1 - column0)
    maps = []
    for compute in (bright.significance, bright.contrast) if fine_structure else (bright.significance,):
        values = compute(index).reshape(shape)
        values[bad[part]] = np.nan
        maps.append(values)
    return maps[0], maps[1] if fine_structure else None


def _check(led_factor: int, read_noise: float) -> None:
    if int(led_factor) != led_factor or led_factor < 2:
        raise ValueError(f"led_factor must be a whole number of at least 2. Got {led_factor!r} instead.")
    if not (np.isfinite(read_noise) and read_noise > 0):
        raise ValueError(f"read_noise must be a finite number of e- above 0. Got {read_noise!r} instead.")
