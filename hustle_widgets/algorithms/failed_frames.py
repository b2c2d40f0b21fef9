"""Frames that hold no observation, or not the one that the other frames of a visit hold; infinite pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Pixels of a frame that are looked at: of a larger frame, only every second, third ... column.
SAMPLE = 60_000
#: Frames that are compared for where the light is.
COMPARED = 9
#: Part of the pixels that counts as where the light is, and how far it stands out [noise of the sky].
BRIGHTEST, STANDS_OUT = 0.005, 10.0
#: Light, as a share of that of most frames, between which a frame holds the same target in the same place.
LIGHT = (0.7, 1.4)
#: Pixels above this are saturated [e-].
SATURATION = 60_000.0
#: Share of the pixels from which on it is the frame that is bad.
MOST = 0.5
#: Values further from zero than this stand for no value [e-]: programs fill with 1e30 and the like.
FILL = 1e15
#: Share of the pixels that may be no numbers.
MISSING = 0.1


def pixel_problems(images: NDArray[np.floating], durations: ArrayLike | None = None) -> list[str]:
    """Say what is wrong with each frame as a whole.

    Parameters
    ----------
    images : ndarray, shape (frames, rows, columns)
        [e-]. Only a part of the columns of a large frame is looked at.
    durations : array_like, shape (frames,), optional
        Exposure times [s]: light is compared by second. Without, or where it is no number above 0, by frame.

    Returns
    -------
    list of str
        A few words a frame, '' where nothing is wrong.

    Notes
    -----
    A frame is named when a tenth of its pixels are no numbers, most are saturated, or all are the same; and when the
    pixels that are bright in the visit's median hold less than 0.7 or more than 1.4 times the light that they
    hold in most frames, above the median of the frame: the shutter stayed closed, or the target is elsewhere.
    The light is not compared in fewer than three frames, or when nothing stands out of the sky.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(1).normal(20, 3, (5, 20, 30))
    >>> images[:, 8:10] += 500
    >>> images[3] = 0
    >>> pixel_problems(images)
    ['', '', '', 'every pixel is 0', '']
    """
    step = max(1, round(images.shape[1] * images.shape[2] / SAMPLE))
    problems = []
    for image in images:
        values = image[:, ::step]
        finite = np.isfinite(values)
        share = float(finite.mean())
        if share < 1 - MISSING:
            problems.append(
                "it holds no number" if share == 0 else f"{1 - share:.0%} of its pixels are no numbers"
            )
            continue
        lowest, highest = (
            float(values.min(where=finite, initial=np.inf)),
            float(values.max(where=finite, initial=-np.inf)),
        )
        if lowest == highest:
            problems.append(f"every pixel is {lowest:g}")
        elif float((values > SATURATION).mean()) > MOST:
            problems.append("most of its pixels are saturated")
        else:
            problems.append("")
    good = np.flatnonzero([not problem for problem in problems])
    for k, share in zip(good, _light(images, good, step, durations), strict=True):
        if not LIGHT[0] <= share <= LIGHT[1]:
            problems[k] = (
                f"it holds {share:.0%} of the light of most frames: the shutter stayed closed, or the target is "
                "elsewhere"
                if share < 1
                else f"it holds {share:.1f} times the light of most frames"
            )
    return problems


def blank_infinite(image: NDArray[np.floating]) -> int:
    """Set the infinite pixels of an image, and those beyond `FILL`, to NaN, in place; return how many there were.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([1, np.inf, np.nan, -np.inf, -1e30])
    >>> blank_infinite(image), image.tolist()
    (3, [1.0, nan, nan, nan, nan])
    """
    if not has_infinite(image):
        return 0
    with np.errstate(invalid="ignore"):
        infinite = np.abs(image) > FILL
    image[infinite] = np.nan
    return int(infinite.sum())


def has_infinite(image: NDArray[np.floating]) -> bool:
    """Tell whether a pixel of an image is infinite, or beyond `FILL`."""
    with np.errstate(invalid="ignore", over="ignore"):
        # The sum of most images is small, and tells it ten times faster than a look at each pixel.
        return bool(not abs(image.sum()) < FILL / 10 and (np.abs(image) > FILL).any())


def _light(
    images: NDArray[np.floating], good: NDArray[np.intp], step: int, durations: ArrayLike | None
) -> NDArray[np.float64]:
    """Light of each good frame in the bright pixels of the visit, as a share of that of most."""
    alike = np.ones(good.size)
    if good.size < 3:
        return alike
    chosen = good[np.unique(np.linspace(0, good.size - 1, COMPARED).astype(int))]
    usual = np.median(np.nan_to_num(images[chosen, :, ::step]), axis=0)
    level = float(np.median(usual))
    noise = 1.4826 * float(np.median(np.abs(usual - level)))
    limit = max(float(np.quantile(usual, 1 - BRIGHTEST)), level + STANDS_OUT * noise)
    bright = (usual >= limit) & (usual > level)
    if not bright.any():
        return alike
    light = np.array([_above_sky(images[k, :, ::step], bright) for k in good])
    if durations is not None:
        seconds = np.asarray(durations, dtype=float)[good]
        if (np.isfinite(seconds) & (seconds > 0)).all():
            light = light / seconds
    most = float(np.median(light))
    return light / most if most > 0 else alike


def _above_sky(image: NDArray[np.floating], bright: NDArray[np.bool_]) -> float:
    values = image[bright]
    finite = values[np.isfinite(values)]
    sky = image.ravel()[:: max(1, image.size // 20_000)]
    sky = sky[np.isfinite(sky)]
    return float(finite.mean(dtype=np.float64) - np.median(sky)) if finite.size and sky.size else 0.0
