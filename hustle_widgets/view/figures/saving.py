"""Figures to files: the main ones, and one of every frame."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from IPython.display import Image as DisplayImage
from IPython.display import display
from numpy.typing import NDArray
from PIL import Image

from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.plan import Request
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step
from hustle_widgets.view.figures import every_frame_of, figures_of
from hustle_widgets.view.figures.base import Paper, StepResult, pixels_of, pixels_of_every

MAIN_WEIGHT = 3  # a main figure takes as long as about so many of the figures of every frame


def results_of(state: State, request: Request, kinds: Sequence[type[Step]] = STAGE_1) -> list[StepResult]:
    """Return the result of every step that has computed, in order.

    Parameters
    ----------
    state : State
        The visit behind the last step.
    request : Request
        The parameters it was computed with.
    kinds : sequence of type of Step
        The steps of the chain, in order.
    """
    results: list[StepResult] = []
    before: dict[str, Outcome] = {}
    for kind in kinds:
        if kind.name in state.outcomes:
            outcome, parameters = state.outcomes[kind.name], request[kind.name].parameters
            entering = State(state.source, dict(before))
            results.append(StepResult(kind, parameters, entering, outcome, tuple(kinds)))
            before[kind.name] = outcome
    return results


def main_figures(results: list[StepResult]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Draw the main figures: name and pixels of each."""
    # Of steps that make the same figure, such as that of all cosmic rays, the last one's is complete.
    makers = {name: make for result in results for name, make in figures_of(result).items()}
    for name, make in makers.items():
        yield name, pixels_of(make(Paper()))


def figures_of_every_frame(results: list[StepResult]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Draw the figures that steps have of every frame: name and pixels of each."""
    for result in results:
        found = every_frame_of(result, Paper())
        if found is not None:
            name, drawer = found
            frames = range(result.state.shape[0])
            for frame, pixels in zip(frames, pixels_of_every(drawer, frames), strict=True):
                yield f"{name}_frame_{frame:03d}", pixels


def save_figures(
    results: list[StepResult], folder: Path, *, every_frame: bool, progress: Callable[[float], None]
) -> None:
    """Write the main figures into a folder, and those of every frame into its folder every_frame.

    Parameters
    ----------
    results : list of StepResult
    folder : Path
        Is there.
    every_frame : bool
    progress : callable
        Called with the fraction done.
    """
    n_main = MAIN_WEIGHT * len({name for result in results for name in figures_of(result)})
    n_frames = sum(result.state.shape[0] for result in results) if every_frame else 0
    done = 0
    for name, pixels in main_figures(results):
        save_png(pixels, folder / f"{name}.png")
        done += MAIN_WEIGHT
        progress(done / (n_main + n_frames))
    if every_frame:
        below = folder / "every_frame"
        below.mkdir()
        for name, pixels in figures_of_every_frame(results):
            save_png(pixels, below / f"{name}.png")
            done += 1
            progress(min(1.0, done / (n_main + n_frames)))
    progress(1.0)


def show_figures(results: list[StepResult], *, every_frame: bool) -> None:
    """Show figures below the running cell of a notebook."""
    drawn = main_figures(results)
    if every_frame:
        drawn = itertools.chain(drawn, figures_of_every_frame(results))
    for _, pixels in drawn:
        file = io.BytesIO()
        as_palette(pixels).save(file, format="png", compress_level=3)
        display(DisplayImage(data=file.getvalue(), format="png"))


def save_png(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a picture with a palette of its own, which makes it a third as large."""
    as_palette(pixels).save(path, compress_level=3)


def as_palette(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return a picture with a palette."""
    method, dither = Image.Quantize.FASTOCTREE, Image.Dither.NONE
    return Image.fromarray(pixels).quantize(256, method=method, dither=dither)
