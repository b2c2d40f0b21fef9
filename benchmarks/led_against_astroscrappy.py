"""Laplacian edge detection and astroscrappy on simulated frames: hits found, pixels flagged wrongly, time.

    python benchmarks/led_against_astroscrappy.py [--frames 4] [--rows 600] [--columns 2100] [--seed 1]

Definitions. On a trace: within 10 rows of an order. 0th order: within 12 columns and 140 rows of it. Away:
neither. Found away: cosmic-ray pixels above 100 e- (and above 300 e-), hot pixels above 100 e-. Found on the
traces: cosmic-ray pixels above 100 e- and above 10 times the noise of the light there, which is what
led_threshold 2.5 asks of a lone pixel. False positives: pixels that no cosmic ray hit and that are not hot,
cold or dead. Times are of the processor, so that other programs do not count.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import astroscrappy
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from hustle_widgets import simulate_visit
from hustle_widgets.algorithms.bloom import bloom_mask
from hustle_widgets.algorithms.laplacian import detect_edges
from hustle_widgets.simulate import cosmic_ray_mask, read_truth

Mask = NDArray[np.bool_]
Detector = Callable[[NDArray[np.float32], float], Mask]
COLUMNS = (
    ("CR>100 away", "{:.4f}"),
    ("CR>300 away", "{:.4f}"),
    ("hot away", "{:.4f}"),
    ("CR on traces", "{:.3f}"),
    ("FP away", "{:.1e}"),
    ("FP traces", "{:.1e}"),
    ("FP traces + 0th", "{:.1e}"),
    ("s a frame", "{:.3f}"),
)


def lacosmic(image: NDArray[np.float32], read_noise: float, *, sigclip: float, objlim: float) -> Mask:
    """Flag with astroscrappy: full medians, two rounds."""
    mask, _ = astroscrappy.detect_cosmics(
        image.copy(),
        sigclip=sigclip,
        sigfrac=0.3,
        objlim=objlim,
        gain=1.0,
        readnoise=read_noise,
        satlevel=np.inf,
        niter=2,
        sepmed=False,
        fsmode="median",
        cleantype="medmask",
    )
    return mask


def led(
    image: NDArray[np.float32], read_noise: float, *, zeroth: tuple[float, float] | None, **options: float
) -> Mask:
    """Flag with detect_edges, two rounds; the 0th order protected when its position is given."""
    protect = None if zeroth is None else bloom_mask(image, zeroth)
    return detect_edges(image, read_noise, protect=protect, **options)[0]


def places(truth: xr.Dataset, shape: tuple[int, int]) -> dict[str, Mask]:
    """Pixels of a frame that are on the traces, of the 0th order, away from both."""
    row, column = np.arange(shape[0])[:, None], np.arange(shape[1])
    distance = np.fmin.reduce(np.abs(row - truth["trace_rows"].values[:, None, :]), axis=0, initial=np.inf)
    x, y = truth["zeroth_order"].values
    zeroth = (np.abs(column - x) < 12) & (np.abs(row - y) < 140)
    return {"trace": (distance <= 10) & ~zeroth, "zeroth": zeroth, "away": (distance > 10) & ~zeroth}


def measure(
    detect: Detector, images: NDArray[np.float32], read_noise: NDArray[np.float32], truth: xr.Dataset
) -> list[float]:
    """Run a detector frame by frame; the figures in the order of COLUMNS."""
    start = time.process_time()
    found = np.array([detect(image, float(rn)) for image, rn in zip(images, read_noise, strict=True)])
    seconds = (time.process_time() - start) / len(images)
    where = places(truth, images.shape[1:])
    hit, strong = cosmic_ray_mask(truth), cosmic_ray_mask(truth, 100)
    noise = np.sqrt(np.maximum(np.median(images, axis=0), 0) + read_noise.mean() ** 2)
    electrons = np.zeros(images.shape, np.float32)
    electrons[hit] = truth["cosmic_ray_electrons"].values
    hot = truth["hot_electrons"].values
    untouched = ~hit & (hot < 1) & ~truth["dead"].values & ~truth["cold"].values

    def share(of: Mask) -> float:
        return float(found[of].mean()) if of.any() else float("nan")

    return [
        share(strong & where["away"]),
        share(cosmic_ray_mask(truth, 300) & where["away"]),
        share(np.broadcast_to((hot > 100) & where["away"], found.shape)),
        share(strong & (electrons > 10 * noise) & where["trace"]),
        share(untouched & where["away"]),
        share(untouched & where["trace"]),
        share(untouched & ~where["away"]),
        seconds,
    ]


def main() -> None:
    """Simulate, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in (("frames", 4), ("rows", 600), ("columns", 2100), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "visit"
        visit = simulate_visit(
            path, n_frames=given.frames, shape=(given.rows, given.columns), seed=given.seed
        )
        truth = read_truth(path)
    images, read_noise = visit["images"].values, visit["read_noise"].values
    x, y = truth["zeroth_order"].values
    detectors: dict[str, Detector] = {
        "astroscrappy 10, 5": partial(lacosmic, sigclip=10, objlim=5),
        "LED 2.5, 1.25": partial(led, zeroth=(x, y), led_threshold=2.5, contrast_factor=1.25),
        "LED 2.5, 1.25, no 0th": partial(led, zeroth=None, led_threshold=2.5, contrast_factor=1.25),
        "astroscrappy 40, 20": partial(lacosmic, sigclip=40, objlim=20),
        "LED 10, 5 (default)": partial(led, zeroth=(x, y)),
    }
    print(f"{given.frames} frames of {given.rows} x {given.columns}")
    print(f"{'':24s}" + "".join(f"{name:>17s}" for name, _ in COLUMNS))
    seconds = {}
    for name, detect in detectors.items():
        row = measure(detect, images, read_noise, truth)
        seconds[name] = row[-1]
        print(f"{name:24s}" + "".join(f"{f.format(v):>17s}" for v, (_, f) in zip(row, COLUMNS, strict=True)))
    ours = seconds["LED 2.5, 1.25"]
    ratio = seconds["astroscrappy 10, 5"] / ours
    print(f"\nastroscrappy takes {ratio:.0f} times as long for the same thresholds.")
    start = time.process_time()
    images.copy()
    copies = ours * len(images) / (time.process_time() - start)
    print(f"LED, 2 rounds: {copies:.0f} times a copy of the frames.")
    elapsed = []
    for threads in (1, 2):
        start = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(detectors["LED 2.5, 1.25"], images, read_noise.tolist()))
        elapsed.append((time.perf_counter() - start) / len(images))
    print(f"Elapsed with 1 and 2 threads: {elapsed[0]:.3f} and {elapsed[1]:.3f} s a frame.")


if __name__ == "__main__":
    main()
