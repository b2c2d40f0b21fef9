"""Figures to files: the main ones, and one of every frame."""

from __future__ import annotations

import io
import itertools
import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from IPython.display import Image as DisplayImage
from IPython.display import display
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.plan import Request
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step
from hustle_widgets.view.figures import every_frame_of, figures_of
from hustle_widgets.view.figures.base import Paper, StepResult, pixels_of, pixels_of_every

Drawn = TypeVar("Drawn")
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


def main_figures(
    results: list[StepResult],
    troubles: list[str] | None = None,
    look: Callable[[], None] = lambda: None,
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Draw the main figures: name and pixels of each. With a list for troubles, one that fails is left out.

    `look` is called before a figure that was made is rendered; each takes some tenths of a second.
    """
    # Several steps may make the same figure, such as that of all cosmic rays. The last step's is complete.
    makers = {name: make for result in results for name, make in figures_of(result).items()}
    injected = _injected(results)
    for name, make in makers.items():
        figure = _drawn(name, partial(make, Paper()), troubles)
        look()
        pixels = None if figure is None else _drawn(name, partial(pixels_of, figure), troubles)
        if pixels is not None:
            yield name, stamped(pixels, injected)


def figures_of_every_frame(
    results: list[StepResult], troubles: list[str] | None = None
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Draw the figures that steps have of every frame: name and pixels of each.

    With a list for troubles, those of a step end with the first that fails.
    """
    for result in results:
        found = _drawn(result.kind.name, partial(every_frame_of, result, Paper()), troubles)
        if found is not None:
            name, drawer = found
            frames = range(result.state.shape[0])
            every = iter(pixels_of_every(drawer, frames))
            for frame in frames:
                pixels = _drawn(f"{name}_frame_{frame:03d}", partial(next, every), troubles)
                if pixels is None:
                    break
                yield f"{name}_frame_{frame:03d}", stamped(pixels, _injected(results))


def _injected(results: list[StepResult]) -> str:
    """Return what is injected into the visit, '' for nothing."""
    injection = results[0].state.source.injection if results else None
    return "" if injection is None else injection.words


def stamped(pixels: NDArray[np.uint8], words: str) -> NDArray[np.uint8]:
    """Return a picture with words on a red strip on top; as it is for none."""
    if not words:
        return pixels
    width = pixels.shape[1]
    lines = textwrap.wrap(words, max(20, width // 7))
    strip = Image.new("RGB", (width, 16 * len(lines) + 4), "#a83600")
    ImageDraw.Draw(strip).text((6, 2), "\n".join(lines), fill="white", font=ImageFont.load_default(12))
    return np.concatenate([np.asarray(strip), pixels[..., :3]])


def _drawn(name: str, draw: Callable[[], Drawn], troubles: list[str] | None) -> Drawn | None:
    """Draw; with a list for troubles, note a failure there and return None."""
    try:
        return draw()
    except Exception as error:
        if troubles is None:
            raise
        troubles.append(f"{name}: {str(error) or type(error).__name__}")
        return None


def save_figures(
    results: list[StepResult],
    folder: Path,
    *,
    every_frame: bool,
    progress: Callable[[float], None],
    troubles: list[str] | None = None,
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
    troubles : list of str, optional
        Takes the names of figures that cannot be drawn, and why; without, the first of them is raised.
    """
    n_main = MAIN_WEIGHT * len({name for result in results for name in figures_of(result)})
    n_frames = sum(result.state.shape[0] for result in results) if every_frame else 0
    done = 0

    def look() -> None:
        progress(done / (n_main + n_frames))

    for name, pixels in main_figures(results, troubles, look):
        save_png(pixels, folder / f"{name}.png")
        done += MAIN_WEIGHT
        look()
    if every_frame:
        below = folder / "every_frame"
        below.mkdir()
        for name, pixels in figures_of_every_frame(results, troubles):
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
