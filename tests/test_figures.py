"""Saved figures and quicklooks: there is something on them, and it is what it should be."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from visits import everything, small_folder  # noqa: F401

from hustle_widgets import Reduction
from hustle_widgets.view.figures import Paper, StepResult, every_frame_of, figures_of
from hustle_widgets.view.figures.base import pixels_of, pixels_of_every
from hustle_widgets.view.figures.flagged import block_sum
from hustle_widgets.view.figures.full_size import FullSize
from hustle_widgets.view.figures.quicklooks import flag_frames, light_frames, save_quicklooks
from hustle_widgets.view.figures.saving import save_figures

# Those of the tutorial, and ours.
LEVELS = [
    f"bkg_{what}_{method}" for what in ("values", "correction") for method in ("uniform", "column", "pagul")
]
NAMES = [
    *(
        "CR_location",
        "LED_location_of_all_corrected_pixels",
        "HST_flags_location",
        "spatial_smoothing_location",
    ),
    *(f"{what}_per_frame" for what in ("CR", "LED", "HST_flags", "spatial_smoothing")),
    *(f"{what}_before_after" for what in ("CR", "LED", "HST_flags", "spatial_smoothing")),
    *("LED_noise_model", "LED_fine_structure_model"),
    *LEVELS,
    *(
        "bkg_histogram_uniform",
        "bkg_region_uniform",
        "bkg_region_column",
        "bkg_columns_column",
        "bkg_mask_pagul",
        "bkg_scaling_pagul",
    ),
    *("target_location", "0th_order_window", "0th_order_displacement"),
    *("bkg_stars_location", "bkg_stars_displacement", "light_curve", "quicklook_apertures"),
]


@pytest.fixture(scope="module")
def reduction(small_folder: Path) -> Reduction:  # noqa: F811
    found = Reduction(small_folder, **everything(small_folder), do_save=False)
    found.run()
    return found


@pytest.fixture(scope="module")
def results(reduction: Reduction) -> list[StepResult]:
    found = [StepResult.of(step) for step in reduction.steps.values()]
    return [result for result in found if result is not None]


def figures(results: list[StepResult]) -> Iterator[tuple[str, Figure]]:
    for result in results:
        for name, make in figures_of(result).items():
            yield name, make(Paper())


def test_every_step_has_its_figures(results: list[StepResult]) -> None:
    assert {name for name, _ in figures(results)} == set(NAMES)


def test_figures_are_labelled_and_not_blank(results: list[StepResult]) -> None:
    for name, figure in figures(results):
        pixels = pixels_of(figure)
        height, width, _ = pixels.shape
        assert 250 <= height <= 1200 and 500 <= width <= 1000, name
        for axes in figure.axes:
            box = axes.get_window_extent()
            x0, x1 = round(box.x0), round(box.x1)
            inside = pixels[height - round(box.y1) : height - round(box.y0), x0:x1]
            assert len(np.unique(inside @ np.array([65536, 256, 1]))) > 3, f"{name}: empty axes"
            named = axes.get_xlabel() or axes.get_ylabel()
            assert named, f"{name}: axes without a label"
            if box.width < 20:  # a colour bar
                continue
            assert axes.get_title(loc="left"), f"{name}: axes without a title"
            for label in (axes.get_xlabel(), axes.get_ylabel()):
                assert not label or "[" in label or label in ("Frame", "Pixels per bin"), f"{name}: {label}"
        # Nothing is cut off at the edges.
        assert (pixels[[0, -1]] == 255).all() and (pixels[:, [0, -1]] == 255).all(), name


def test_a_flag_is_drawn_where_it_is(results: list[StepResult]) -> None:
    result = next(result for result in results if result.name == "free_iter")
    (axes, _) = figures_of(result)["CR_location"](Paper(full=True)).axes
    drawn = np.asarray(axes.images[0].get_array())
    expected = np.zeros(result.state.shape[1:], int)
    for name in ("fixed_iter", "free_iter"):
        patch = result.patch if name == "free_iter" else result.state.outcomes[name].patch
        assert patch is not None
        np.add.at(expected.reshape(-1), patch.index % expected.size, 1)
    np.testing.assert_array_equal(drawn, expected)
    assert axes.images[0].get_extent() == [-0.5, expected.shape[1] - 0.5, -0.5, expected.shape[0] - 0.5]


def test_blocks_are_summed() -> None:
    image = np.arange(35).reshape(5, 7)
    expected = [[image[i : i + 3, j : j + 3].sum() for j in range(0, 7, 3)] for i in range(0, 5, 3)]
    np.testing.assert_array_equal(block_sum(image, 3), expected)


def test_background_is_taken_off_in_its_figure(results: list[StepResult]) -> None:
    for result in results:
        if result.outcome.offset is None:
            continue
        before, after = figures_of(result)[f"bkg_correction_{result.name}"](Paper()).axes
        values = np.asarray(after.lines[0].get_ydata(), dtype=float)
        limit = 1.5 if result.name == "uniform" else 0.6  # the fullest bin of a fine histogram wanders
        assert np.nanmax(np.abs(values)) < limit, result.name
        assert values.size >= result.state.shape[0]
        if result.name == "uniform":
            assert np.nanmedian(np.asarray(before.lines[0].get_ydata(), dtype=float)) > 5


def test_a_frame_drawn_in_a_series_is_as_drawn_alone(results: list[StepResult]) -> None:
    for result in results:
        found = every_frame_of(result, Paper())
        again = every_frame_of(result, Paper())
        if found is None or again is None:
            continue
        series = list(pixels_of_every(found[1], range(3)))
        alone = pixels_of(again[1].draw(2))
        different = (np.abs(series[2].astype(int) - alone) > 60).any(axis=2).mean()
        limit = 0.02 if result.name == "uniform" else 0.004  # the histogram's height is the first frame's
        assert different < limit, f"{found[0]}: {different}"
        assert (series[0] != series[2]).any(), f"{found[0]} is the same for all frames"


def test_figures_are_let_go(results: list[StepResult]) -> None:
    result = next(result for result in results if result.name == "led")
    figure = figures_of(result)["LED_before_after"](Paper())
    pixels_of(figure)
    gone = weakref.ref(figure)
    del figure
    gc.collect()
    assert gone() is None


def test_the_docs_table_names_figures_that_are_there() -> None:
    table = (Path(__file__).parents[1] / "docs" / "clean_obs.md").read_text().partition("## Figures")[2]
    rows = [row.split("|") for row in table.splitlines() if row.startswith("| `")]
    ours = {name for row in rows for name in re.findall(r"`([^`]+)`", row[2]) if "/" not in name}
    assert ours and ours <= set(NAMES)


def test_saving_makes_a_file_of_each(results: list[StepResult], tmp_path: Path) -> None:
    fractions: list[float] = []
    some = [result for result in results if result.name in ("led", "uniform", "zeroth_tracking", "location")]
    save_figures(some, tmp_path, every_frame=True, progress=fractions.append)
    names = {name for result in some for name in figures_of(result)}
    assert {path.stem for path in tmp_path.glob("*.png")} == names
    names = {path.stem for path in (tmp_path / "every_frame").glob("*.png")}
    n_frames = results[0].state.shape[0]
    for prefix in ("LED", "bkg_histogram_uniform", "0th_order_window"):
        assert {f"{prefix}_frame_{frame:03d}" for frame in range(n_frames)} <= names
    assert fractions == sorted(fractions) and fractions[-1] == 1
    for path in tmp_path.rglob("*.png"):
        with Image.open(path) as image:
            assert len(image.getcolors(256) or ()) > 8, path.name


def test_drawing_uses_no_pyplot() -> None:
    code = (
        "import sys, hustle_widgets.view.figures.saving, hustle_widgets.view.figures.quicklooks;"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_full_size_keeps_every_pixel_and_is_let_go(reduction: Reduction) -> None:
    full = FullSize(reduction["led"])
    canvas = full._canvas
    images = [image for axes in canvas.figure.axes for image in axes.images]
    assert images[0].get_array().shape == reduction.state().shape[1:]
    gone = weakref.ref(canvas.figure)
    full._choice.value = "LED_before_after"
    assert full._canvas is not canvas
    full.close()
    del canvas, images, full
    gc.collect()
    assert gone() is None
    waiting = FullSize(Reduction(reduction.visit)["led"])
    assert "no figure yet" in waiting._message.value
    waiting.close()


def test_light_curves_build_up(reduction: Reduction) -> None:
    frames = [np.asarray(image.convert("RGB")).astype(int) for image in light_frames(reduction.state())]
    assert len(frames) == reduction.state().shape[0]
    lower = frames[0].shape[0] // 2
    ink = [np.count_nonzero((frame[lower:] != frames[0][lower:]).any(axis=2)) for frame in frames]
    assert ink[0] == 0 and all(after > before for before, after in zip(ink, ink[1:], strict=False))
    red = (np.abs(frames[0] - np.array([213, 94, 0])).sum(axis=2) < 12).sum()
    assert red > 200, "no aperture"


def test_flags_show_in_the_colour_of_their_step(reduction: Reduction) -> None:
    state = reduction.state()
    plain = next(iter(flag_frames(state, include_hst_dq=False))).convert("RGB")
    both = next(iter(flag_frames(state, include_hst_dq=True))).convert("RGB")
    patch = state.outcomes["free_iter"].patch
    assert patch is not None
    hits = patch.frame_pixels(0)[0].size

    def count(image: Image.Image, color: tuple[int, int, int]) -> int:
        picture = np.asarray(image).astype(int)[: image.height // 2]
        return int((np.abs(picture - np.array(color)).sum(axis=2) < 6).sum())

    vermillion, grey = (213, 94, 0), (184, 184, 184)
    assert hits * 0.9 <= count(plain, vermillion) <= hits * 1.1  # the picture is not shrunk here
    assert count(both, grey) > 100 + count(plain, grey)


def test_quicklooks_are_complete(reduction: Reduction, tmp_path: Path) -> None:
    fractions: list[float] = []
    save_quicklooks(reduction.state(), tmp_path, include_hst_dq=True, progress=fractions.append)
    for name in ("quicklookup.gif", "quicklookupDQ.gif"):
        with Image.open(tmp_path / name) as image:
            assert image.n_frames == reduction.state().shape[0] and image.info["loop"] == 0
    assert fractions[-1] == 1
