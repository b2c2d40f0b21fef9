"""What a reduction makes of what was injected: depth out over depth in, hits found and good pixels lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from hustle_widgets.algorithms.transits import fit_depth, shape_of, trend_terms
from hustle_widgets.assessment import patches
from hustle_widgets.choosing.curves import curve_of, left_of, orders_of, quicklook_of
from hustle_widgets.choosing.injecting import Injected
from hustle_widgets.choosing.stages import correcting, untouched
from hustle_widgets.engine.blocks import State
from hustle_widgets.steps.frame_names import sound_frames

# Edges of the brightness classes [e-].
BRIGHTNESS = (30.0, 100.0, 300.0, 1000.0, 3000.0, 30_001.0)
_HIT = {"cosmic ray": "with an injected cosmic ray", "hot pixel": "made hot"}
UNTOLD = "what comes back of the depth cannot be told: there are too few frames with light."
WITHIN = 2  # pixels from a hit: a false flag there is one that the hit caused


@dataclass(frozen=True, eq=False, repr=False)
class Recovery:
    """How a reduction does on an injection.

    Attributes
    ----------
    order : str
    depth_in : float
        What was injected.
    depth_out : float
        What is left of it: the depth of the light curve with the injection over that without, whose noise is
        nearly the same and falls out.
    depth_error : float
        Error of a depth measured on this light curve, from its scatter: what a bias is to be compared with.
    ratio, ratio_error : float
        Depth out over depth in; the error is that of the division, mostly far below ``depth_error``.
    measured, measured_error : float
        Depth measured on the light curve with the injection alone, as an observer would; a transit of the visit's
        own at that time adds to it.
    hits : Table
        By kind, zone and brightness: injected pixels, how many are flagged, how many good pixels they cost.
    low_on, low_off : float
        Share of all pixels on and off the traces that steps flag although they were lower than what replaces
        them. No cosmic ray lowers a pixel: with noise alone as many too high ones are false.
    words : str
        What was injected.
    """

    order: str
    depth_in: float
    depth_out: float
    depth_error: float
    ratio: float
    ratio_error: float
    measured: float
    measured_error: float
    hits: Table
    low_on: float
    low_off: float
    words: str

    @property
    def bias(self) -> float:
        """Depth out minus depth in, in units of the error of a depth."""
        return (self.depth_out - self.depth_in) / self.depth_error if self.depth_error > 0 else float("nan")

    @property
    def within_error(self) -> bool:
        """Whether the depth comes back within its error."""
        return bool(abs(self.bias) <= 1)

    def completeness(self, kind: str = "cosmic ray", zone: str = "off") -> float:
        """Return the share of the injected pixels of a kind that are found, on or off the traces."""
        table = self.hits
        chosen = (table["kind"] == kind) & (table["zone"] == zone)
        number = int(table["injected"][chosen].sum())
        return float(table["found"][chosen].sum() / number) if number else float("nan")

    def text(self) -> str:
        """Return the figures in words."""
        lines = [self.words]
        if self.depth_in:
            lines.append(
                f"Order {self.order}: {UNTOLD}"
                if not np.isfinite(self.bias)
                else f"Order {self.order}: depth in {1e6 * self.depth_in:.0f} ppm, out {1e6 * self.depth_out:.0f} ppm, "
                f"ratio {self.ratio:.4f} +- {self.ratio_error:.4f}. A depth's error is "
                f"{1e6 * self.depth_error:.0f} ppm: "
                f"{'within it' if self.within_error else 'the reduction changes the depth by more than that'}."
            )
        for kind in ("cosmic ray", "hot pixel"):
            for zone in ("on", "off"):
                share = self.completeness(kind, zone)
                if np.isfinite(share):
                    lines.append(f"{share:.1%} of the pixels {_HIT[kind]} {zone} the traces are flagged.")
        lines.append(
            f"{self.low_on:.2%} of the pixels on the traces and {self.low_off:.2%} off them are flagged although they "
            "were low: those are false, and about as many of the high ones."
        )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text()


def recovered(clean: State, dirty: State, injected: Injected, order: str | None = None) -> Recovery:
    """Compare two reductions with the same parameters, of the visit and of the visit with an injection.

    Parameters
    ----------
    clean, dirty : State
        Behind the last step, without and with the injection.
    injected : Injected
    order : str, optional
        Whose depth; the first that was summed by default.
    """
    order = orders_of(dirty)[0] if order is None else order
    before, after = curve_of(clean, order), curve_of(dirty, order)
    shape, terms = shape_of(after.times, injected.transit), trend_terms(after.times, after.orbits)
    flat, sound = trend_terms(after.times)[:, :1], sound_frames(clean)
    ratio = fit_depth(np.where(sound, left_of(before.flux, after.flux), np.nan), shape, flat)
    measured = fit_depth(np.where(sound, after.flux, np.nan), shape, terms)
    # A transit of the visit's own is no noise of the light curve.
    level, transit = np.where(sound, before.flux, np.nan), quicklook_of(clean).facts["transit"]
    if transit is not None:
        dip = shape_of(before.times, transit)
        level = level / (1 - fit_depth(level, dip, terms).depth * dip)
    own = fit_depth(level, shape, terms)
    low_on, low_off = _low(dirty, injected.traces)
    depth_in = injected.depth
    return Recovery(
        order=order,
        depth_in=depth_in,
        depth_out=ratio.depth,
        depth_error=own.error,
        ratio=ratio.depth / depth_in if depth_in else float("nan"),
        ratio_error=ratio.error / depth_in if depth_in else float("nan"),
        measured=measured.depth,
        measured_error=measured.error,
        hits=_hits(clean, dirty, injected),
        low_on=low_on,
        low_off=low_off,
        words=injected.words,
    )


def flagged_pixels(state: State) -> NDArray[np.int64]:
    """Return sorted flat indices, into the frames worked on, of what any step flags."""
    found = [patch.index.astype(np.int64) for _, patch in patches(state)]
    return np.unique(np.concatenate(found)) if found else np.empty(0, np.int64)


def _hits(clean: State, dirty: State, injected: Injected) -> Table:
    n_rows, n_columns = dirty.shape[1:]
    place_of = np.full(dirty.source.images.shape[0], -1)
    place_of[dirty.kept_frames] = np.arange(dirty.kept_frames.size)
    frames = place_of[injected.frames]
    index = frames * n_rows * n_columns + injected.rows * n_columns + injected.columns
    before, after = flagged_pixels(clean), flagged_pixels(dirty)
    # A pixel that was flagged already tells nothing of what was put into it.
    usable = (frames >= 0) & ~_in(index, before)
    found = _in(index, after)
    cosmic = np.arange(index.size) < injected.n_cosmic
    lost, owner = _lost(before, after, index, frames >= 0, n_rows, n_columns)
    rows: list[tuple[Any, ...]] = []
    for kind, of_kind in (("cosmic ray", cosmic), ("hot pixel", ~cosmic)):
        for zone, of_zone in (("on", injected.on_trace), ("off", ~injected.on_trace)):
            for low, high in zip(BRIGHTNESS[:-1], BRIGHTNESS[1:], strict=True):
                bright = (injected.electrons >= low) & (injected.electrons < high)
                chosen = usable & of_kind & of_zone & bright
                number, seen = int(chosen.sum()), int((chosen & found).sum())
                cost = int((of_kind & of_zone & bright)[owner[owner >= 0]].sum())
                share = seen / number if number else float("nan")
                rows.append((kind, zone, low, high, number, seen, share, cost))
    rows.append(("none", "anywhere", np.nan, np.nan, 0, 0, np.nan, int((owner < 0).sum())))
    names = ("kind", "zone", "electrons_low", "electrons_high", "injected", "found", "completeness", "false")
    table = Table(rows=rows, names=names)
    table.meta["false"] = (
        "pixels that are flagged because of the injection and were not hit: beside a hit, or the same pixel in another "
        "frame; of kind 'none' those near no hit"
    )
    table.meta["lost"] = int(lost.size)
    return table


def _lost(
    before: NDArray[np.int64],
    after: NDArray[np.int64],
    hits: NDArray[np.int64],
    usable: NDArray[np.bool_],
    n_rows: int,
    n_columns: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return pixels flagged only with the injection and not hit, and which hit each of them belongs to; -1 none."""
    lost = np.setdiff1d(np.setdiff1d(after, before, assume_unique=True), hits[usable])
    plane = n_rows * n_columns
    owner = np.full(lost.size, -1, np.int64)
    which = np.flatnonzero(usable)
    # The same pixel in another frame first, then what is beside it in the same frame, the nearest last.
    pixel = hits[which] % plane
    order = np.argsort(pixel, kind="stable")
    at = np.clip(np.searchsorted(pixel[order], lost % plane), 0, max(order.size - 1, 0))
    if order.size:
        same = pixel[order][at] == lost % plane
        owner[same] = which[order][at][same]
        by_index = np.argsort(hits[which], kind="stable")
        sorted_hits = hits[which][by_index]
        steps = [(r, c) for r in range(-WITHIN, WITHIN + 1) for c in range(-WITHIN, WITHIN + 1) if r or c]
        for row, column in sorted(steps, key=lambda s: -(s[0] ** 2 + s[1] ** 2)):
            wanted = lost + row * n_columns + column
            inside = (lost % n_columns + column >= 0) & (lost % n_columns + column < n_columns)
            at = np.clip(np.searchsorted(sorted_hits, wanted), 0, sorted_hits.size - 1)
            near = inside & (sorted_hits[at] == wanted) & (wanted // plane == lost // plane)
            owner[near] = which[by_index][at][near]
    return lost, owner


def _low(state: State, on: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the share of pixels on and off the traces that a step flags and replaces by something higher."""
    rows = slice(0, state.shape[1])
    counts = np.zeros(2, np.int64)
    for frame in range(state.shape[0]):
        frames = slice(frame, frame + 1)
        images = untouched(state).images(frames, rows)
        for outcome in correcting(state).values():
            patch = outcome.patch
            if patch is not None and patch.value is not None and len(patch):
                entries, inside = patch.find(frames, rows)
                low = inside[patch.value[entries] > images.reshape(-1)[inside]]
                counts += (on.ravel()[low].sum(), (~on.ravel()[low]).sum())
            outcome.apply(images, frames, rows)
    totals = np.array([on.sum(), (~on).sum()]) * state.shape[0]
    share = np.where(totals > 0, counts / np.maximum(totals, 1), np.nan)
    return float(share[0]), float(share[1])


def _in(values: NDArray[np.int64], ordered: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not ordered.size:
        return np.zeros(values.shape, bool)
    at = np.clip(np.searchsorted(ordered, values), 0, ordered.size - 1)
    return ordered[at] == values
