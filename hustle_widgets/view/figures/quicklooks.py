"""Quicklooks: every frame in turn, with the light curves, or the flags, building up in time.

The page is drawn once with matplotlib; of each frame only the picture, the points and a line of text are put
in, as palette indices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.font_manager import findfont
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hustle_widgets.algorithms.photometry import relative, usual_light
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.frame_names import middle_frame
from hustle_widgets.steps.quicklook import light_table
from hustle_widgets.view import colors
from hustle_widgets.view.encode import overlay_indices, palette, shrink
from hustle_widgets.view.figures import base
from hustle_widgets.view.figures.base import Page, Paper
from hustle_widgets.view.flag_colors import flag_colors

Index = NDArray[np.uint8]

WIDTH = 8.4  # inches
PANEL = 700  # widest picture, pixels
BUDGET = 13e6  # pixels of all pictures: at some 0.9 byte each, below 15 MB with the rest of the page
LEVELS, GREYS, SHADES = 64, 32, 8
BLACK = LEVELS + 1  # index of the first grey
CALWF3 = "#b8b8b8"
LOOP = 9.0  # seconds
HST_DQ = "calwf3"


class Canvas:
    """A page in palette indices, of which a part is changed for each frame.

    Parameters
    ----------
    page : Page
        The first axes are those of the picture.
    colors : sequence of str
        Of points, lines and flags.
    """

    def __init__(self, page: Page, colors: Sequence[str]) -> None:
        self.page = page
        self.palette = np.vstack([_picture_colors(), _greys(), *(_shades(color) for color in colors)])
        self._first = {color: LEVELS + 1 + GREYS + k * SHADES for k, color in enumerate(colors)}
        still = base.pixels_of(page.figure)
        self.height = still.shape[0]
        self.still = _nearest(still, self.palette[LEVELS + 1 :]) + np.uint8(LEVELS + 1)
        self.now = self.still.copy()

    def solid(self, color: str) -> int:
        """Return the index of a colour."""
        return self._first[color] + SHADES - 1

    def box(self) -> tuple[int, int]:
        """Return the top and left pixel of the picture."""
        extent = self.page.axes[0].get_window_extent()
        return round(self.height - extent.y1), round(extent.x0)

    def picture(self, indices: Index, zoom: int) -> None:
        """Put a frame in, its first row at the bottom."""
        top, left = self.box()
        large = np.repeat(np.repeat(indices[::-1], zoom, axis=0), zoom, axis=1)
        height, width = large.shape
        self.now[top : top + height, left : left + width] = large
        # The frame of the axes, which the picture covers.
        self.now[[top, top + height - 1], left : left + width] = BLACK
        self.now[top : top + height, [left, left + width - 1]] = BLACK

    def trail(self, columns: NDArray[Any], rows: NDArray[Any], color: str) -> None:
        """Draw a line on the picture, at positions on the frame."""
        at = self.page.axes[0].transData.transform(np.column_stack([columns, rows]))
        x, y = np.rint(at[:, 0]).astype(int), np.rint(self.height - at[:, 1]).astype(int)
        top, left = self.box()
        width, height = (round(side) for side in self.page.axes[0].get_window_extent().size)
        inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height)
        self.now[y[inside], x[inside]] = self.solid(color)

    def point(self, number: int, x: float, y: float, color: str) -> None:
        """Add a point to a panel, which stays."""
        if not (np.isfinite(x) and np.isfinite(y)):
            return
        at_x, at_y = self.page.axes[number].transData.transform((x, y))
        dot = _dot()
        half = dot.shape[0] // 2
        top, left = round(self.height - at_y) - half, round(at_x) - half
        place = (slice(top, top + dot.shape[0]), slice(left, left + dot.shape[1]))
        for image in (self.still, self.now):
            part = image[place]
            part[dot > 0] = self._first[color] + dot[dot > 0] - 1

    def text(self, words: str) -> None:
        """Write the line above the picture."""
        top, left = self.box()
        mask = Image.new("L", (PANEL, 24), 0)
        ImageDraw.Draw(mask).text((0, 2), words, fill=255, font=_font())
        ink = np.asarray(mask)
        grey = LEVELS + 1 + np.rint((255 - ink) / 255 * (GREYS - 1)).astype(np.uint8)
        part = self.now[top - 28 : top - 4, left : left + PANEL]
        np.copyto(part, grey[:, : part.shape[1]], where=ink[:, : part.shape[1]] > 0)

    def taken(self) -> Image.Image:
        """Return the page as it is now, and go back to the still one."""
        image = Image.fromarray(self.now)
        image.putpalette(np.ascontiguousarray(self.palette, dtype=np.uint8).tobytes())
        self.now = self.still.copy()
        return image


def save_quicklooks(
    state: State,
    folder: Path,
    *,
    include_hst_dq: bool,
    progress: Callable[[float], None],
    kinds: Sequence[type[Step]] = STAGE_1,
) -> None:
    """Write quicklookup.gif and quicklookupDQ.gif.

    Parameters
    ----------
    state : State
        The visit behind the last step, with the quicklook's outcome.
    folder : Path
        Is made.
    include_hst_dq : bool
        Whether the flags of calwf3 are shown as well as those of the steps.
    progress : callable
        Called with the fraction done.
    kinds : sequence of type of Step
        The steps of the chain, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    n_frames = state.shape[0]
    done = 0

    def counted(images: Iterable[Image.Image]) -> Iterator[Image.Image]:
        nonlocal done
        for image in images:
            done += 1
            progress(min(1.0, done / (2 * n_frames)))
            yield image

    _write(folder / "quicklookup.gif", counted(light_frames(state)), n_frames)
    _write(folder / "quicklookupDQ.gif", counted(flag_frames(state, include_hst_dq, kinds)), n_frames)


def light_frames(state: State) -> Iterator[Image.Image]:
    """Draw the cleaned frames, the aperture, and its light and that of the whole frame up to each."""
    table = light_table(state.outcomes)
    assert table is not None
    orders = [name.removeprefix("flux_") for name in table.columns if name not in ("flux_total",)]
    aperture = np.sum([table.columns[f"flux_{order}"] for order in orders], axis=0, dtype=float)
    total = np.asarray(table.columns["flux_total"], dtype=float)
    factor, zoom, shape = _picture_size(state)
    names = " and ".join(orders)
    page = _page(state, shape, [1.25, 1.25], "")
    curves = []
    for number, (flux, title) in enumerate(
        ((aperture, f"Aperture, order {names}"), (total, "Whole frame")), start=1
    ):
        middle = usual_light(flux)
        curves.append(100 * (relative(flux) - 1))
        label = base.HOURS if number == 2 else ""
        base.curve_axes(
            page.axes[number], label, "Change [%]", f"{title}: median {middle:.4g} {base.ELECTRONS}"
        )
        _limits(page.axes[number], state, [curves[-1]])
    canvas = Canvas(page, (colors.VERMILLION, colors.BLUE, colors.BLACK))
    norm = base.frame_norm(state.frame(middle_frame(state)))
    traces = [table.facts["traces"][order] for order in orders]
    hours = _hours(state)
    for frame in range(state.shape[0]):
        image = shrink(state.frame(frame), factor)
        shade = np.ma.filled(norm(image), np.nan)
        indices = np.clip(np.nan_to_num(shade, nan=0) * (LEVELS - 1) + 0.5, 0, LEVELS - 1).astype(np.uint8)
        indices[np.isnan(image)] = LEVELS
        canvas.picture(indices, zoom)
        for line in traces:
            columns = np.linspace(line.columns[0], line.columns[-1], 2 * PANEL)
            rows = np.interp(columns, line.columns, line.rows)
            for side in (-1, 1):
                canvas.trail(columns, rows + side * (table.facts["half_width"] + 0.5), colors.VERMILLION)
        canvas.point(1, hours[frame], curves[0][frame], colors.BLUE)
        canvas.point(2, hours[frame], curves[1][frame], colors.BLACK)
        canvas.text(_words(state, frame, "cleaned frame; the aperture is red"))
        yield canvas.taken()


def flag_frames(
    state: State, include_hst_dq: bool, kinds: Sequence[type[Step]] = STAGE_1
) -> Iterator[Image.Image]:
    """Draw the pixels flagged in each frame, by step, and their share of the frame up to each."""
    patches = {name: outcome.patch for name, outcome in state.outcomes.items() if outcome.patch is not None}
    known = flag_colors(kinds)
    colors = {name: known[name] for name in patches}
    if include_hst_dq:
        colors = {HST_DQ: CALWF3, **colors}
    factor, zoom, shape = _picture_size(state)
    page = _page(state, shape, [2.1], "")
    n_frames, n_rows, n_columns = state.shape
    everything = slice(0, n_rows)
    shares = {name: 100 * patch.counts.sum(axis=0) / (n_rows * n_columns) for name, patch in patches.items()}
    hst_dq = (
        [_flagged_by_hst(state, frame, everything) for frame in range(n_frames)] if include_hst_dq else []
    )
    if include_hst_dq:
        shares[HST_DQ] = np.array([100 * flagged.mean() for flagged in hst_dq])
        hst_dq = [shrink(flagged, factor) for flagged in hst_dq]
    base.curve_axes(
        page.axes[1],
        base.HOURS,
        "Flagged [% of a frame]",
        "Flagged pixels by step (the trace must not be seen)",
    )
    _limits(page.axes[1], state, list(shares.values()), from_zero=True)
    handles = [
        Line2D([], [], marker="s", ls="none", color=color, label=_named(name))
        for name, color in colors.items()
    ]
    page.axes[1].legend(handles=handles, fontsize=9, loc="upper left", ncols=len(handles), framealpha=1)
    canvas = Canvas(page, [*dict.fromkeys([*colors.values(), "#ffffff"])])
    lookup = np.array([canvas.solid(color) for color in ("#ffffff", *colors.values())], dtype=np.uint8)
    hours = _hours(state)
    for frame in range(n_frames):
        layers = [patch.frame_pixels(frame) for patch in patches.values()]
        found = overlay_indices((n_rows, n_columns), layers, factor=factor)
        if include_hst_dq:
            found = np.where(found > 0, found + 1, hst_dq[frame].astype(np.uint8))
        canvas.picture(lookup[found], zoom)
        for name, color in colors.items():
            canvas.point(1, hours[frame], shares[name][frame], color)
        canvas.text(_words(state, frame, "flagged pixels"))
        yield canvas.taken()


def _flagged_by_hst(state: State, frame: int, rows: slice) -> NDArray[np.bool_]:
    return state.cut(state.source.hst_dq, slice(frame, frame + 1), rows)[0] != 0


def _named(name: str) -> str:
    return "calwf3 flags" if name == HST_DQ else name


def _page(state: State, shape: tuple[int, int], heights: Sequence[float], caption: str) -> Page:
    """Lay out a page with a picture of (height, width) pixels and panels of curves."""
    right = WIDTH - base.LEFT - shape[1] / base.DPI
    page = Page(Paper(WIDTH), [shape[0] / base.DPI, *heights], caption, right=right)
    _, rows, columns = state.shape
    page.axes[0].set(xlim=(-0.5, columns - 0.5), ylim=(-0.5, rows - 0.5), xlabel=base.COLUMN, ylabel=base.ROW)
    for axes in page.axes[1:]:  # curves have the same width whatever the shape of the frame
        box = axes.get_position()
        axes.set_position((box.x0, box.y0, (WIDTH - base.LEFT - 0.3) / WIDTH, box.height))
    return page


def _picture_size(state: State) -> tuple[int, int, tuple[int, int]]:
    """Return pixels of the frame in one of the picture, its enlargement, and its height and width."""
    n_frames, rows, columns = state.shape
    factor = max(1, -(-columns // PANEL), -(-rows // PANEL))
    while factor < 32 and n_frames * (rows / factor) * (columns / factor) > BUDGET:
        factor += 1
    height, width = -(-rows // factor), -(-columns // factor)
    zoom = max(1, PANEL // max(height, width))
    return factor, zoom, (height * zoom, width * zoom)


def _limits(axes: Any, state: State, curves: Sequence[NDArray[np.float64]], from_zero: bool = False) -> None:
    hours = _hours(state)
    margin = max(0.03 * float(hours[-1]), 0.02)
    values = np.concatenate(curves)
    low, high = (
        (float(np.nanmin(values)), float(np.nanmax(values))) if np.isfinite(values).any() else (0.0, 1.0)
    )
    reach = max(high - low, 1e-6)
    axes.set_xlim(-margin, float(hours[-1]) + margin)
    axes.set_ylim(*((0, 1.35 * max(high, 1e-3)) if from_zero else (low - 0.12 * reach, high + 0.12 * reach)))


def _hours(state: State) -> NDArray[np.float64]:
    times = state.column("exp_time")
    return (times - times[0]) * 24


def _words(state: State, frame: int, what: str) -> str:
    orbit = int(state.column("orbit_numbers")[frame])
    said = "" if state.source.injection is None else "INJECTED, not observed. "
    return f"{said}Frame {frame} (0 to {state.shape[0] - 1}), {_hours(state)[frame]:.2f} h, orbit {orbit}: {what}"


def _picture_colors() -> NDArray[np.uint8]:
    """Return the colours of a frame, and behind them that of missing pixels."""
    at = np.linspace(0, 254, LEVELS).astype(int)
    missing = np.rint(np.array(to_rgb(base.BACKGROUND)) * 255).astype(np.uint8)
    return np.vstack([palette("cividis")[at], missing])


def _greys() -> NDArray[np.uint8]:
    return np.rint(np.column_stack([np.linspace(0, 255, GREYS)] * 3)).astype(np.uint8)


def _shades(color: str) -> NDArray[np.uint8]:
    """Return a colour from nearly white to full."""
    full = np.array(to_rgb(color)) * 255
    share = np.linspace(1 / SHADES, 1, SHADES)[:, None]
    return np.rint(255 + share * (full - 255)).astype(np.uint8)


def _nearest(pixels: NDArray[np.uint8], colors: NDArray[np.uint8]) -> Index:
    """Return for each pixel the index of the nearest colour."""
    packed = pixels.astype(np.int64) @ np.array([65536, 256, 1])
    distinct, where = np.unique(packed, return_inverse=True)
    rgb = np.column_stack([distinct >> 16, (distinct >> 8) & 255, distinct & 255])
    distance = ((rgb[:, None, :] - colors[None].astype(np.int64)) ** 2).sum(axis=2)
    return distance.argmin(axis=1).astype(np.uint8)[where].reshape(pixels.shape[:2])


@lru_cache(1)
def _dot() -> NDArray[np.uint8]:
    """Return a disc with soft edges: 0 outside, up to SHADES inside."""
    fine = np.linspace(-4.5, 4.5, 73)[1::2]
    inside = np.add.outer(fine**2, fine**2) < 3.1**2
    cover = inside.reshape(9, 4, 9, 4).mean(axis=(1, 3))
    return np.rint(cover * SHADES).astype(np.uint8)


@lru_cache(1)
def _font() -> Any:
    return ImageFont.truetype(findfont("DejaVu Sans"), 15)


def _write(path: Path, images: Iterator[Image.Image], n_frames: int) -> None:
    duration = int(np.clip(1000 * LOOP / n_frames, 60, 500))
    first = next(images)
    first.save(path, save_all=True, append_images=images, duration=duration, loop=0, optimize=False)
