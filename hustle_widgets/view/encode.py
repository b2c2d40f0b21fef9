"""Arrays to small PNG files: stretch, colour map, shrinking that keeps single hot pixels.

Images are written with one byte a pixel and a palette, compressed at level 1: a 600 x 2100 frame at half
size takes about 10 ms and 200 kB. Row 0 comes last in the file, hence at the bottom of the picture.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Image8 = NDArray[np.uint8]

STRETCHES = ("linear", "log", "asinh")
NAN_INDEX = 255
NAN_COLOR = (255, 0, 255)

# 17 equidistant colours of matplotlib's maps (public domain, CC0), within 11/255 of them when interpolated.
_ANCHORS = {
    "viridis": "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 "
    "84d44b addc30 d8e219 fde725",
    "gray": "000000 ffffff",
    "cividis": "00224e 002e6a 1a386f 32436d 434e6c 535a6d 61656f 6f7073 7d7c78 8c8878 9b9476 aba072 bcae6c "
    "cdbb63 dec958 f0d846 fee838",
    "inferno": "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 d24644 e45a31 f1731d f98e09 "
    "fcac11 f9cb35 f2ea69 fcffa4",
    # Blue below, white at the middle, orange above: for differences.
    "diverging": "003a6b 0072b2 7fb8da f7f7f7 f0b070 d55e00 7a2f00",
}
COLOR_MAPS = ("viridis", "gray", "cividis", "inferno")


@lru_cache
def palette(name: str) -> Image8:
    """Colours of a map.

    Parameters
    ----------
    name : {'viridis', 'gray', 'cividis', 'inferno', 'diverging'}
        The map.

    Returns
    -------
    ndarray of uint8, shape (256, 3)
        Red, green, blue of the indices 0 to 254; 255 is the colour of NaN.
    """
    if name not in _ANCHORS:
        raise ValueError(f"There is no colour map {name!r}. Use one of {', '.join(_ANCHORS)}.")
    anchors = np.array([list(bytes.fromhex(text)) for text in _ANCHORS[name].split()], dtype=float)
    at = np.linspace(0, 1, len(anchors))
    steps = np.linspace(0, 1, NAN_INDEX)
    colors = np.empty((256, 3), dtype=np.uint8)
    for channel in range(3):
        colors[:NAN_INDEX, channel] = np.rint(np.interp(steps, at, anchors[:, channel]))
    colors[NAN_INDEX] = NAN_COLOR
    return colors


def auto_limits(image: NDArray[Any], *, symmetric: bool = False) -> tuple[float, float]:
    """Limits that show the faint and do not follow single hot or dead pixels.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        Counts in e-; NaN and infinite values are left out.
    symmetric : bool
        Limits equally far from 0, for differences.

    Returns
    -------
    low, high : float
        From 4 robust standard deviations below the median, but not below the 0.1 % percentile, to the
        99.5 % percentile; of at most some 20 000 pixels spread over the image.
    """
    step = max(1, int(np.sqrt(image.size / 20_000)))
    sample = np.asarray(image[::step, ::step], dtype=np.float64)
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return (-1.0, 1.0) if symmetric else (0.0, 1.0)
    if symmetric:
        high = float(np.percentile(np.abs(sample), 99.5)) or float(np.abs(sample).max()) or 1.0
        return -high, high
    bottom, median, high = (float(value) for value in np.percentile(sample, (0.1, 50, 99.5)))
    sigma = 1.4826 * float(np.median(np.abs(sample - median)))
    low = max(bottom, median - 4 * sigma) if sigma > 0 else bottom
    if high <= low:
        high = low + max(abs(low) * 0.01, 1.0)
    return low, high


def stretch(image: NDArray[Any], low: float, high: float, kind: str = "linear") -> Image8:
    """Palette indices of an image.

    Parameters
    ----------
    image : ndarray
        Values.
    low, high : float
        Values of the first (0) and last (254) index; beyond them the colour stays the same.
    kind : {'linear', 'log', 'asinh'}
        With t = (value - low) / (high - low): t, log(1 + 1000 t) / log(1001) or asinh(10 t) / asinh(10).

    Returns
    -------
    ndarray of uint8
        0 to 254, and 255 where the image is NaN.
    """
    if kind not in STRETCHES:
        raise ValueError(f"There is no stretch {kind!r}. Use one of {', '.join(STRETCHES)}.")
    if not high > low:
        raise ValueError(f"The upper limit of an image must be above the lower. Got {low} and {high}.")
    t = np.subtract(image, np.float32(low), dtype=np.float32)
    t *= np.float32(1 / (high - low))
    missing = np.isnan(t)
    np.clip(t, 0, 1, out=t)
    if kind == "log":
        t *= np.float32(1000)
        t += np.float32(1)
        np.log(t, out=t)  # ten times as fast as log1p, and t is not small
        t *= np.float32(1 / np.log(1001))
    elif kind == "asinh":
        t *= np.float32(10)
        t += np.sqrt(t * t + np.float32(1))
        np.log(t, out=t)  # asinh, ten times as fast as arcsinh
        t *= np.float32(1 / np.arcsinh(10))
    t *= np.float32(NAN_INDEX - 1)
    t += np.float32(0.5)
    t[missing] = NAN_INDEX
    return t.astype(np.uint8)


def shrink(image: NDArray[Any], factor: int = 2, *, by: str = "max") -> NDArray[Any]:
    """Reduce an image so that single hot pixels stay visible.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        float or bool; of floats, NaN is left out unless the whole block is NaN.
    factor : int
        Side of the blocks. Blocks at the upper and right edge may be smaller.
    by : {'max', 'extreme'}
        What stands for a block: its largest value, or the one farthest from 0 (differences).

    Returns
    -------
    ndarray, shape (ceil(rows / factor), ceil(columns / factor))
        Of the same dtype.
    """
    if factor == 1:
        return image
    rows, columns = (-(-size // factor) for size in image.shape)
    missing: Any = np.nan if image.dtype.kind == "f" else False
    padding = ((0, rows * factor - image.shape[0]), (0, columns * factor - image.shape[1]))
    if any(after for _, after in padding):
        image = np.pad(image, padding, constant_values=missing)
    tiles = [image[i::factor, j::factor] for i in range(factor) for j in range(factor)]
    out = tiles[0].copy()
    for tile in tiles[1:]:
        if by == "extreme":
            np.copyto(out, tile, where=(np.abs(tile) > np.abs(out)) | np.isnan(out))
        else:
            np.fmax(out, tile, out=out) if out.dtype.kind == "f" else np.logical_or(out, tile, out=out)
    return out


def png(indices: Image8, colors: Image8, alpha: Sequence[int] | None = None) -> bytes:
    """PNG file of palette indices, with the first row at the bottom.

    Parameters
    ----------
    indices : ndarray of uint8, shape (rows, columns)
        Index into `colors`.
    colors : ndarray of uint8, shape (n, 3)
        At most 256 colours.
    alpha : sequence of int, optional
        Opacity 0 to 255 of the first colours; the others are opaque.

    Returns
    -------
    bytes
        The file.
    """
    rows, columns = indices.shape
    # Every line of a PNG starts with the number of its filter; 0 is none.
    lines = np.zeros((rows, columns + 1), dtype=np.uint8)
    lines[:, 1:] = indices[::-1]
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    parts = [b"\x89PNG\r\n\x1a\n", _chunk(b"IHDR", header), _chunk(b"PLTE", colors.tobytes())]
    if alpha is not None:
        parts.append(_chunk(b"tRNS", bytes(alpha)))
    # Runs only: for noise this gives a smaller file than a search for repeats, in half the time.
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    parts += [_chunk(b"IDAT", packer.compress(lines.tobytes()) + packer.flush()), _chunk(b"IEND", b"")]
    return b"".join(parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def overlay_indices(
    shape: tuple[int, int],
    layers: Sequence[tuple[NDArray[Any], NDArray[Any]]],
    *,
    region: tuple[int, int, int, int] | None = None,
    factor: int = 1,
    grow: bool = False,
) -> Image8:
    """Palette indices of marked pixels: 0 where there is none, k for the k-th layer.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the frame.
    layers : sequence of (rows, columns)
        Positions of the marked pixels of each layer; later layers hide earlier ones. Positions outside the
        frame or region are left out.
    region : (row0, row1, column0, column1), optional
        Half open part of the frame to draw; without it the whole frame.
    factor : int
        Frame pixels a picture pixel.
    grow : bool
        Also mark the four neighbours of each, so that a single pixel can be seen from afar.

    Returns
    -------
    ndarray of uint8, shape (ceil(rows / factor), ceil(columns / factor))
        Indices for `png`.
    """
    row0, row1, column0, column1 = region or (0, shape[0], 0, shape[1])
    height, width = -(-(row1 - row0) // factor), -(-(column1 - column0) // factor)
    # One spare pixel all round takes the grown edges; cut off below.
    out = np.zeros((height + 2, width + 2), dtype=np.uint8)
    for number, (rows, columns) in enumerate(layers, start=1):
        rows, columns = np.asarray(rows), np.asarray(columns)
        inside = (rows >= row0) & (rows < row1) & (columns >= column0) & (columns < column1)
        y = (rows[inside].astype(np.int64) - row0) // factor + 1
        x = (columns[inside].astype(np.int64) - column0) // factor + 1
        for dy, dx in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)) if grow else ((0, 0),):
            out[y + dy, x + dx] = number
    return out[1:-1, 1:-1]
