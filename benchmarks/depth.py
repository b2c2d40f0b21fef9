"""Whether the transit depth comes out right: the reduction of simulated visits against their fault-free twins.

    python benchmarks/depth.py [--seeds 4] [--frames 40] [--rows 600] [--columns 2100] [--only drift ...]
                               [--presets recommended]

Each visit is simulated with a twin: the same photons and read noise without cosmic rays and bad pixels. Depth and
scatter are those of the light in the apertures of the quicklook, order +1, over the twin's, its true sky taken off.
Bias is in percent of the depth, with the error of the mean over seeds. The sky, the spectrum and the motion of the
simulation are not those that the reduction assumes.

Scatter is that of what a fit of level and depth leaves, of all frames and seeds together; errors are found by
leaving each seed out in turn. With n frames in all it has an error of some e / sqrt(n), where e is the scatter of the
light that faults and reduction add, over the twin's. "By added light" it is known better: sqrt(1 + e^2), less what is
lost of the noise with each pixel that is replaced. "4 sigma oracle" is the same for the hits that are fainter than
4 sigma of their pixel: what is left if all others, and nothing else, are removed. Where pixels are full, charge runs
along the column: what hits such a run counts together, against the noise of the light of the whole run.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import ndimage

from hustle_widgets import Reduction, simulate_visit
from hustle_widgets.algorithms.geometry import Trace
from hustle_widgets.algorithms.photometry import spectrum, trace_aperture
from hustle_widgets.simulate import cosmic_ray_mask, read_truth, read_twin

BINS = np.linspace(2000, 8000, 9)  # [Angstrom]
ON_TRACE = 10  # rows
STRONG = 5.0  # sigma
FOUND = 4.0  # sigma, the threshold that is recommended
READ_NOISE = 3.1  # [e-]
DARK = 11.0 / 3600 * 190  # [e-] an exposure
FULL_WELL = 60_000.0  # [e-]: fuller pixels hold light of others


class Visit(NamedTuple):
    """A simulated visit, its truth, and its twin without sky."""

    visit: xr.Dataset
    truth: xr.Dataset
    twin: NDArray[np.float32]
    sky: NDArray[np.float32]


class Scatters(NamedTuple):
    """What is left of the light in each frame after a fit of level and depth, over the level, shape (n_frames,).

    Of the reduction; of the twin; of what the reduction added to the twin and took from it; and of what would be
    added were all hits above `FOUND` sigma of where they are removed without a trace, and no other. `lost` (n_frames,)
    is the variance of the noise that went with the pixels that were replaced.
    """

    mine: NDArray[np.float64]
    twin: NDArray[np.float64]
    added: NDArray[np.float64]
    unfindable: NDArray[np.float64]
    lost: NDArray[np.float64]


class Figures(NamedTuple):
    """What one reduction is worth."""

    bias: float
    scatters: Scatters
    bins: NDArray[np.float64]
    recall: float
    false: float

    @property
    def expected(self) -> float:
        """Scatter over the twin's if light that was added or lost does not know what other photons do."""
        return with_added([self.scatters.twin], [self.scatters.added], [self.scatters.lost])


Series = Sequence[NDArray[np.float64]]


def squares(series: Series) -> float:
    """Sum of the squares of several visits."""
    return float(sum((values**2).sum() for values in series))


def with_added(twin: Series, added: Series, lost: Series = ()) -> float:
    """Scatter over the twin's, were what is added independent of it but for the noise that was lost.

    A pixel that is replaced adds minus its noise: this lowers the scatter as much as it would raise it by itself.
    """
    less = 2 * sum(float(values.sum()) for values in lost)
    return float(np.sqrt(1 + (squares(added) - less) / squares(twin)))


def together(twin: Series, mine: Series) -> float:
    """Scatter of several visits over that of their twins."""
    return float(np.sqrt(squares(mine) / squares(twin)))


def simulated(folder: Path, **options: Any) -> Visit:
    """Simulate a visit with its twin."""
    visit = simulate_visit(folder, twin=True, smooth=True, overwrite=True, **options)
    truth = read_truth(folder)
    sky = truth["sky_scale"].values[:, None, None] * truth["sky_template"].values
    twin = read_twin(folder)["images"].values - sky.astype(np.float32)
    return Visit(visit, truth, twin, sky.astype(np.float32))


def of_columns(frames: Any, trace: Trace, half_width: float) -> NDArray[np.float64]:
    """Light of each column of an aperture in each frame, (frame, column)."""
    aperture = trace_aperture(trace, half_width, frames[0].shape)
    return np.stack([spectrum(frame, aperture) for frame in frames])


def depth(light: NDArray[np.float64], truth: xr.Dataset) -> float:
    """Depth in units of the true one, by least squares of the true shape."""
    curve = truth["light_curve"].values
    design = np.stack([np.ones(curve.size), curve - 1], axis=1)
    level, drop = np.linalg.lstsq(design, light / truth["ramp"].values, rcond=None)[0]
    return float(drop / level)


def left(light: NDArray[np.float64], truth: xr.Dataset, level: float) -> NDArray[np.float64]:
    """Return what a fit of level and depth leaves of the light of each frame, over a level."""
    curve = truth["light_curve"].values
    design = np.stack([np.ones(curve.size), curve - 1], axis=1)
    values = light / truth["ramp"].values / level
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


def noise_variance(made: Visit) -> NDArray[np.float64]:
    """Return the variance of each pixel of a sound frame [e-^2]."""
    sky = made.truth["sky_scale"].values.mean()
    return np.maximum(np.median(made.twin, axis=0), 0) + (sky + DARK + READ_NOISE**2)


def weights_of(trace: Trace, half_width: float, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the share of each pixel of a frame in an aperture."""
    aperture, weights = trace_aperture(trace, half_width, shape), np.zeros(shape)
    weights[aperture.rows, aperture.columns] = aperture.weights
    return weights


def runs_of_full_pixels(made: Visit) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the number of the run of each pixel, 0 where it is in none, and the noise of each run [e-].

    A run is of full pixels side by side in a column, and the two beside its ends.
    """
    light = np.maximum(np.median(made.twin, axis=0), 0)
    runs, n_runs = ndimage.label(beside_full(light), np.array([[0, 1, 0]] * 3))
    return runs, np.sqrt(ndimage.sum(light, runs, np.arange(n_runs + 1)))


def beside_full(light: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which pixels are full or beside a full one in their column."""
    return ndimage.binary_dilation(light > FULL_WELL, np.array([[0, 1, 0]] * 3))


def unfindable(made: Visit, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light in each frame of the hits that are no outlier: fainter than `FOUND` times the noise of where they are."""
    truth, n_frames = made.truth, made.twin.shape[0]
    runs, noise_of_runs = runs_of_full_pixels(made)
    index, electrons = truth["cosmic_ray_index"].values, truth["cosmic_ray_electrons"].values
    run = runs.ravel()[index]
    noise = np.where(run > 0, noise_of_runs[run], np.sqrt(noise_variance(made)).ravel()[index])
    frame = np.repeat(np.arange(n_frames), truth["cosmic_ray_count"].values)
    # Each pixel is a place of its own, and so is each run.
    place = np.where(run > 0, weights.size + run, index)
    _, together = np.unique(np.stack([frame, place]), axis=1, return_inverse=True)
    faint = np.bincount(together, electrons)[together] < FOUND * noise
    held = electrons[faint] * weights.ravel()[index[faint]]
    return np.bincount(frame[faint], held, minlength=n_frames)


def flagged_pixels(reduction: Reduction) -> NDArray[np.bool_]:
    """Return what the reduction replaced, (frame, pixel)."""
    state = reduction.state()
    flagged = np.zeros((state.shape[0], state.shape[1] * state.shape[2]), bool)
    for outcome in state.outcomes.values():
        if outcome.patch is not None:
            flagged.reshape(-1)[outcome.patch.index] = True
    return flagged


def measured(made: Visit, reduction: Reduction) -> Figures:
    """Compare a reduction that was run with the twin."""
    table = reduction.outcomes()["quicklook"].table
    trace, half_width = table.facts["traces"]["+1"], table.facts["half_width"]
    state = reduction.state()
    mine = of_columns([state.frame(k) for k in range(state.shape[0])], trace, half_width)
    true = of_columns(made.twin, trace, half_width)
    whole = [light.sum(axis=1) for light in (mine, true)]
    level, flagged = float(np.median(whole[1])), flagged_pixels(reduction)
    weights = weights_of(trace, half_width, made.twin.shape[1:])
    lost = flagged @ (weights**2 * noise_variance(made)).ravel() / level**2
    parts = (whole[0], whole[1], whole[0] - whole[1], unfindable(made, weights))
    scatters = Scatters(*(left(light, made.truth, level) for light in parts), lost)
    bins = np.digitize(trace.wavelengths, BINS) - 1
    of_bins = [
        100
        * (
            depth(mine[:, bins == k].sum(axis=1), made.truth)
            / depth(true[:, bins == k].sum(axis=1), made.truth)
            - 1
        )
        for k in range(len(BINS) - 1)
    ]
    recall, false = on_the_traces(made, flagged)
    return Figures(
        100 * (depth(whole[0], made.truth) / depth(whole[1], made.truth) - 1),
        scatters,
        np.array(of_bins),
        recall,
        false,
    )


def on_the_traces(made: Visit, flagged: NDArray[np.bool_]) -> tuple[float, float]:
    """Share of the hits above 5 sigma found on the traces, and of the pixels flagged that nothing hit."""
    truth = made.truth
    n_frames, n_rows, n_columns = made.twin.shape
    row = np.arange(n_rows)[:, None]
    apart = np.fmin.reduce(np.abs(row - truth["trace_rows"].values[:, None, :]), axis=0, initial=np.inf)
    zeroth = truth["zeroth_order"].values
    bad = truth["hot"] | truth["warm"] | truth["cold"] | truth["dead"]
    full = beside_full(np.median(made.twin, axis=0))
    where = (apart <= ON_TRACE) & (np.abs(np.arange(n_columns) - zeroth[0]) > 25) & ~bad.values & ~full
    where = np.flatnonzero(where)
    calwf3 = ((made.visit["hst_dq"].values & 4096) > 0).reshape(n_frames, -1)[:, where]
    hits = cosmic_ray_mask(truth).reshape(n_frames, -1)
    electrons = np.zeros(hits.shape, np.float32)
    electrons[hits] = truth["cosmic_ray_electrons"].values
    hits, electrons, flagged = hits[:, where], electrons[:, where], flagged[:, where]
    strong = electrons > STRONG * np.sqrt(noise_variance(made).ravel()[where])
    return float(flagged[strong].mean()), float(flagged[~hits & ~calwf3].mean())


Preset = Callable[[Reduction], Any]


def tutorial(reduction: Reduction) -> None:
    """Leave everything as the tutorial has it."""


def recommended(reduction: Reduction) -> None:
    """Take what is recommended."""
    reduction.recommend()


def reduced(made: Visit, preset: Preset, folder: Path, **parameters: Any) -> Figures:
    """Reduce a visit and compare it with its twin."""
    reduction = Reduction(made.visit, verbose=0, path_to_Pagul=str(folder), do_save=False, **parameters)
    preset(reduction)
    reduction.run()
    return measured(made, reduction)


CASES: dict[str, dict[str, Any]] = {
    **{
        f"drift {drift:g} px, brightness {bright:g}": {"drift": (drift, 0.6 * drift), "brightness": bright}
        for drift in (0.1, 0.5)
        for bright in (1.0, 4.0)
    },
    "drift 0.05 px": {"drift": (0.05, 0.03)},
    "false flags 5 %": {"false_flags": 0.05},
    "hook, breathing, red star, flat error": {
        "hook": 0.005,
        "breathing": 0.01,
        "temperature": 4500.0,
        "flat_error": 0.005,
    },
    "neighbour, trails, hits of 2 %": {"neighbour": (8.0, 15.0, 0.1), "cte": 0.01, "cosmic_ray_rate": 0.19},
    "steep sky": {"sky": 60.0, "sky_structure": 2.0},
}
PRESETS: dict[str, Preset] = {"tutorial": tutorial, "recommended": recommended}


def mean(values: list[float]) -> str:
    """Mean and its error."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{np.mean(values):+7.3f} +- {error:5.3f}"


def of_all(how: Callable[..., float], *series: list[NDArray[np.float64]]) -> str:
    """Return a figure of all visits together, and its error by leaving each visit out in turn."""
    n = len(series[0])
    out = [how(*(part[:k] + part[k + 1 :] for part in series)) for k in range(n)] if n > 1 else []
    error = np.sqrt((n - 1) / n * np.sum((np.array(out) - np.mean(out)) ** 2)) if out else float("nan")
    return f"{how(*series):6.4f} +- {error:6.4f}"


HEADS = (
    f"{'depth bias [%]':>18}{'scatter / twin':>18}{'by added light':>18}{'4 sigma oracle':>18}"
    f"{'recall':>8}{'false':>9}  worst bin [%]"
)


def line(figures: list[Figures]) -> str:
    """Return the figures of a case and preset over seeds."""
    bins = np.array([figure.bins for figure in figures])
    error = bins.std(axis=0, ddof=1) / np.sqrt(len(bins)) if len(bins) > 1 else np.full(len(BINS) - 1, np.nan)
    worst = int(np.abs(bins.mean(axis=0)).argmax())
    fine = np.abs(bins.mean(axis=0)) < np.maximum(0.5, 2 * np.nan_to_num(error))
    mine, twin, added, faint, lost = (list(part) for part in zip(*(f.scatters for f in figures), strict=True))
    recall, false = np.mean([(f.recall, f.false) for f in figures], axis=0)
    ratios = (
        of_all(together, twin, mine),
        of_all(with_added, twin, added, lost),
        of_all(with_added, twin, faint),
    )
    return (
        f"{mean([f.bias for f in figures]):>18}{''.join(f'{ratio:>18}' for ratio in ratios)}"
        f"{recall:8.4f}{false:9.1e}  {mean(list(bins[:, worst]))} (bin {worst}, {fine.sum()} of {fine.size} fine)"
    )


def table(arguments: argparse.Namespace) -> None:
    """Print a line for every case and preset."""
    print(f"{'':38}{'':12}{HEADS}")
    for case, options in CASES.items():
        if arguments.only and not any(word in case for word in arguments.only):
            continue
        found: dict[str, list[Figures]] = {name: [] for name in arguments.presets}
        for seed in range(1, arguments.seeds + 1):
            folder = Path(tempfile.mkdtemp(prefix="depth-", dir=arguments.folder))
            try:
                made = simulated(
                    folder / "visit",
                    n_frames=arguments.frames,
                    shape=(arguments.rows, arguments.columns),
                    seed=seed,
                    **{"jitter": 0.02, **options},
                )
                for name in arguments.presets:
                    found[name].append(reduced(made, PRESETS[name], folder / "visit"))
            finally:
                shutil.rmtree(folder)
        for name, figures in found.items():
            print(f"{case:38}{name:12}{line(figures)}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name, default in (("seeds", 4), ("frames", 40), ("rows", 600), ("columns", 2100)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument(
        "--folder", default=None, help="where visits are simulated, a temporary folder by default"
    )
    parser.add_argument("--presets", nargs="*", choices=list(PRESETS), default=list(PRESETS))
    parser.add_argument("--only", nargs="*", default=[], help="words that the cases' names hold")
    table(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
