"""How far the steps are from the truth of a simulated visit; the rows of a table, used by tests as well.

Places. On a trace: within 10 rows of an order. 0th order: within 12 columns and 140 rows of it. Away: neither.
Found: pixels that got more than 100 e- (away), on the traces more than 10 times the noise of the light there.
False: pixels that no cosmic ray hit and that are not hot, warm, cold or dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets import Reduction
from hustle_widgets.algorithms.photometry import expected_scatter, standard_scatter
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.simulate import cosmic_ray_mask
from hustle_widgets.steps import STAGE_1

Mask = NDArray[np.bool_]
DARK = 11.0 / 3600 * 190  # [e-] an exposure
SWITCHES = {step.name: step.switch for step in STAGE_1 if step.switch}


@dataclass(frozen=True)
class Row:
    """One line of the table: what, how much, the goal, and whether it is met."""

    what: str
    value: float
    goal: str
    met: bool
    form: str = ".4g"

    def __str__(self) -> str:
        return f"{self.what:66} {self.value:>12{self.form}}   {self.goal:24} {'' if self.met else 'MISSED'}"


def at_least(what: str, value: float, goal: float, form: str = ".4f") -> Row:
    return Row(what, value, f">= {goal:g}", bool(value >= goal), form)


def below(what: str, value: float, goal: float, form: str = ".4g") -> Row:
    return Row(what, value, f"< {goal:g}", bool(value < goal), form)


def near(what: str, value: float, goal: float, by: float, form: str = ".4f") -> Row:
    return Row(what, value, f"{goal:g} +- {by:.3g}", bool(abs(value - goal) <= by), form)


def only(visit: xr.Dataset, *names: str, **parameters: Any) -> Reduction:
    """A Reduction of which only some steps are on, computed; nothing is written."""
    switches = {switch: name in names for name, switch in SWITCHES.items()}
    reduction = Reduction(visit, **{**switches, "verbose": 0, **parameters})
    reduction.run()
    return reduction


def flagged(outcome: Outcome) -> Mask:
    """Which pixels a step flagged."""
    assert outcome.patch is not None
    frames, rows, _ = outcome.patch.shape
    return outcome.patch.mask(slice(0, frames), slice(0, rows))


def first_frames(truth: xr.Dataset, number: int) -> xr.Dataset:
    """The truth of the first frames of a visit."""
    counts = truth["cosmic_ray_count"].values
    hits = int(counts[:number].sum())
    return truth.isel(exp_time=slice(0, number), hit=slice(0, hits))


def places(truth: xr.Dataset) -> dict[str, Mask]:
    """Pixels of a frame on the traces, of the 0th order, away from both."""
    n_rows, n_columns = truth.sizes["x"], truth.sizes["y"]
    row, column = np.arange(n_rows)[:, None], np.arange(n_columns)
    distance = np.fmin.reduce(np.abs(row - truth["trace_rows"].values[:, None, :]), axis=0, initial=np.inf)
    x, y = truth["zeroth_order"].values
    zeroth = (np.abs(column - x) < 12) & (np.abs(row - y) < 140)
    return {"trace": (distance <= 10) & ~zeroth, "zeroth": zeroth, "away": (distance > 10) & ~zeroth}


def sound(truth: xr.Dataset) -> Mask:
    """Pixels of a frame that are like the others."""
    bad = (truth["hot_electrons"].values >= 1) | truth["dead"].values | truth["cold"].values
    return ~(bad | truth["hot"].values | truth["warm"].values)


def led(visit: xr.Dataset, truth: xr.Dataset) -> list[Row]:
    """Laplacian edge detection alone."""
    where, hit, strong = places(truth), cosmic_ray_mask(truth), cosmic_ray_mask(truth, 100)
    light = np.median(visit["images"].values, axis=0)
    noise = np.sqrt(np.maximum(light, 0) + float(visit["read_noise"].mean()) ** 2)
    electrons = np.zeros(hit.shape, np.float32)
    electrons[hit] = truth["cosmic_ray_electrons"].values
    untouched = ~hit & sound(truth)
    hot = np.broadcast_to((truth["hot_electrons"].values > 100) & where["away"], hit.shape)
    rows = []
    found = flagged(only(visit, "led", led_threshold=2.5, contrast_factor=1.25).outcomes()["led"])
    rows.append(at_least("LED 2.5, 1.25: cosmic rays found away", found[strong & where["away"]].mean(), 0.99))
    rows.append(at_least("  hot pixels found away", found[hot].mean(), 0.99))
    on = strong & (electrons > 10 * noise) & where["trace"]
    rows.append(at_least("  cosmic rays found on the traces", found[on].mean(), 0.72))
    rows.append(below("  false away", found[untouched & where["away"]].mean(), 1e-4, ".1e"))
    rows.append(below("  false on the traces", found[untouched & where["trace"]].mean(), 1e-4, ".1e"))
    both = found[untouched & ~where["away"]].mean()
    rows.append(below("  false on the traces and the 0th order", both, 1e-4, ".1e"))
    found = flagged(only(visit, "led").outcomes()["led"])
    bright = cosmic_ray_mask(truth, 300) & where["away"]
    rows.append(at_least("LED 10, 5: cosmic rays above 300 e- found away", found[bright].mean(), 0.90))
    weak = float(found[strong & where["away"]].mean())
    rows.append(Row("  above 100 e-; 10 asks for 190 e- of a lone pixel", weak, "", True, ".4f"))
    rows.append(
        below(
            "  false on the traces and the 0th order", found[untouched & ~where["away"]].mean(), 1e-4, ".1e"
        )
    )
    return rows


def sky(visit: xr.Dataset, truth: xr.Dataset, path: str, distance: int) -> list[Row]:
    """Column and sky image, after cleaning in time."""
    cleaning = ("hst_flags", "free_iter")
    true = truth["sky_scale"].values[:, None, None] * truth["sky_template"].values
    column = only(visit, *cleaning, "column", dist_from_trace=distance, col_sigma=3)
    background = background_of(column)
    number = background.sum(axis=0)
    expected = np.where(background, true, 0).sum(axis=1) / np.maximum(number, 1)
    error = (column.outcomes()["column"].table.columns["bkg_vals"] - expected)[:, number > 0]
    variance = truth["sky_scale"].values.mean() + float(visit["read_noise"].mean()) ** 2
    noise = 1.2533 * np.sqrt(np.mean(variance / number[number > 0]))
    rows = [
        below("column with mask_trace: bias [e-]", abs(error.mean()), 0.05),
        below("  scatter of the residual over the noise of a median", error.std() / noise, 1.1),
    ]
    scaled = only(visit, *cleaning, "pagul", path_to_Pagul=path, median_columns=False, smooth_fits=False)
    ratio = scaled.outcomes()["pagul"].table.columns["sky_scale_fitted"] / truth["sky_scale"].values
    rows.append(below("sky image: largest error of a frame [%]", 100 * np.abs(ratio - 1).max(), 0.5))
    return rows


def background_of(reduction: Reduction) -> Mask:
    """Pixels that the column background is made of."""
    from hustle_widgets.steps.targets import background_region

    step = reduction["column"]
    location = reduction["zeroth_tracking"].location
    state = reduction.state("column")
    return background_region(state, step.rows, step.mask_trace, step.dist_from_trace, location)[0]


def uniform(visit: xr.Dataset, truth: xr.Dataset, bounds: Any) -> list[Row]:
    """Uniform background on a flat sky."""
    rows = []
    for fit in ("Gaussian", "median"):
        level = only(visit, "hst_flags", "uniform", fit=fit, bounds=bounds).outcomes()["uniform"]
        bias = float(np.mean(level.table.columns["bkg_vals"] - truth["sky_scale"].values))
        rows.append(below(f"uniform, {fit!r}, flat sky: bias [e-]", abs(bias), 0.05))
    return rows


def positions(visit: xr.Dataset, truth: xr.Dataset) -> list[Row]:
    """Target, 0th order and stars, after cleaning in time."""
    stars, fluxes = truth["star_positions"].values, truth["star_fluxes"].values
    reduction = only(
        visit,
        *("hst_flags", "free_iter", "location", "zeroth_tracking", "bkg_stars"),
        bkg_stars_loc=np.round(stars),
    )
    found, moved = reduction.outcomes(), truth["drift"].values
    facts = found["location"].table.facts
    off = np.hypot(*(np.array([facts["target_posx"], facts["target_posy"]]) - truth["target"].values))
    rows = [below("target in the direct image: error [px]", float(off), 0.03)]
    for flux, by, rms in ((5_000, 0.05, 0.03), (20_000, 0.02, 0.015)):
        tracks = [found["bkg_stars"].table.columns[f"star{k}_pos"] for k in np.flatnonzero(fluxes == flux)]
        slope, scatter = followed(tracks, moved)
        rows.append(near(f"{len(tracks)} stars of {flux} e-: slope", slope, 1, by))
        rows.append(below("  rms [px]", scatter, rms))
    slope, scatter = followed([found["zeroth_tracking"].table.columns["0th_order_pos"]], moved)
    rows.append(near("0th order: slope", slope, 1, 0.03))
    rows.append(below("  rms [px]", scatter, 0.03))
    return rows


def followed(tracks: list[NDArray[np.float64]], moved: NDArray[np.float64]) -> tuple[float, float]:
    """Slope of the motion found against the true one over all sources and both axes, and rms of the rest."""
    true = np.concatenate([(moved - moved.mean(axis=0)).ravel()] * len(tracks))
    seen = np.concatenate([(track - track.mean(axis=0)).ravel() for track in tracks])
    return float(true @ seen / (true @ true)), float(np.std(seen - true))


def light_curve(reduction: Reduction, truth: xr.Dataset, order: str = "+1") -> list[Row]:
    """White light curve of a whole chain: scatter out of transit, and depth by a fit of the true shape."""
    from hustle_widgets.steps.quicklook import subtracted_sky

    state, table = reduction.state("quicklook"), reduction.outcomes()["quicklook"].table
    flux, true = table.columns[f"flux_{order}"], truth["light_curve"].values
    n_pixels = len(table.facts["traces"][order].columns) * (2 * table.facts["half_width"] + 1)
    expected = expected_scatter(flux, subtracted_sky(state), state.column("read_noise"), n_pixels)
    outside = ~truth["in_transit"].values
    scatter = standard_scatter(flux, outside)
    design = np.stack([np.ones(flux.size), true - 1], axis=1)
    (level, drop), *_ = np.linalg.lstsq(design, flux, rcond=None)
    inverse = np.linalg.inv(design.T @ design)
    error = expected * 1e-6 * float(np.sqrt(inverse[1, 1]))
    return [
        below(f"white light curve {order}: scatter out of transit over expected", scatter / expected, 1.1),
        near("  depth over the true one", float(drop / level), 1, 2 * error),
        Row("  scatter out of transit [ppm]", scatter, f"{expected:.0f} expected", True, ".1f"),
    ]


def overcorrection(reduction: Reduction, truth: xr.Dataset) -> list[Row]:
    """Flags of all steps on the traces against those elsewhere, of pixels that nothing happened to."""
    where = places(truth)
    quality = np.zeros(cosmic_ray_mask(truth).shape, dtype=bool)
    for outcome in reduction.outcomes().values():
        if outcome.patch is not None:
            quality |= flagged(outcome)
    untouched = ~cosmic_ray_mask(truth) & sound(truth)
    on, away = quality[untouched & where["trace"]], quality[untouched & where["away"]].mean()
    # Three times the standard deviation of a count.
    margin = 3 * np.sqrt(max(away, 1 / on.size) / on.size)
    return [
        Row("false flags away, default chain", float(away), "", True, ".2e"),
        below("  on the traces", float(on.mean()), float(away + margin), ".2e"),
    ]
