"""The page where the traces are followed: the model of the clicked pixel, previews from the kept fit, the tracker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from visits import simulated

from hustle_widgets import Reduction, load_visit
from hustle_widgets.simulate import read_truth
from hustle_widgets.view.live import live_view
from hustle_widgets.view.plots.series_plot import SeriesPlot
from hustle_widgets.view.selection import Selection

FRAME = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return simulated(
        tmp_path_factory,
        "followed",
        n_frames=16,
        shape=(240, 640),
        n_stars=2,
        seed=3,
        drift=(0.3, 0.2),
        jitter=0.03,
        cosmic_ray_rate=0.3,
        smooth=True,
    )


@pytest.fixture(scope="module")
def reduction(folder: Any) -> Reduction:
    off = {
        f"do_{name}": False for name in ("fixed_iter", "led", "smooth", "column", "uniform", "Pagul", "save")
    }
    made = Reduction(load_visit(folder), free_model="drift", free_sigma=4.0, verbose=0, **off)
    made.run()
    return made


@pytest.fixture
def live(reduction: Reduction) -> Iterator[Any]:
    before = reduction.values()
    selection = Selection(step="free_iter", frame=FRAME, row=10, column=10)
    made = live_view(reduction.free_iter, selection)
    assert made is not None
    made.update()
    yield made
    made.close()
    reduction.set(**before)
    reduction.run()


def on_trace(reduction: Reduction, rejected: bool) -> tuple[int, int]:
    """A pixel of the traces of which a value is rejected in the frame on display, or none at all."""
    outcome = reduction.outcomes()["free_iter"]
    flagged = outcome.patch.mask(slice(0, 16), slice(0, 240)).reshape(16, -1)
    pixels = outcome.table.facts["followed_pixels"]
    fit = flagged[FRAME, pixels] if rejected else ~flagged[:, pixels].any(axis=0)
    row, column = divmod(int(pixels[np.flatnonzero(fit)[5]]), 640)
    return row, column


def look_at(live: Any, row: int, column: int) -> None:
    live.selection.row, live.selection.column = row, column
    live.redraw()


def test_a_pixel_on_a_trace_is_drawn_with_the_model_of_light_and_drift(
    live: Any, reduction: Reduction
) -> None:
    row, column = on_trace(reduction, rejected=True)
    look_at(live, row, column)
    series = reduction.state(before="free_iter").images()[:, row, column]
    after = reduction.state().images()[:, row, column]
    rejected = series != after
    assert rejected[FRAME] and live.series._counts == rejected.sum()
    # What is drawn in place of a rejected value is what the result holds, and lies on the line of the model.
    np.testing.assert_allclose(live.series._new.y, after[rejected], rtol=1e-5)
    np.testing.assert_allclose(live.series._centres[rejected], after[rejected], rtol=1e-5)
    upper, lower = live.series._band.y
    outside = (series > upper) | (series < lower)
    assert (outside <= rejected).all() and outside.any()
    assert np.ptp(live.series._centres) > 0 and "light and drift" in live.series.heading.value
    # Noise is that of photons, sky and read-out, but for what the fit takes of it.
    expected = np.sqrt(np.maximum(live.series._centres, 0) + 12 + 3.1**2)
    assert 0.7 < np.median(live.series._sigmas / expected) < 1.5


def test_off_the_traces_and_without_the_model_the_band_is_that_of_the_clipping(
    live: Any, reduction: Reduction
) -> None:
    look_at(live, 12, 500)
    assert "median" in live.series.heading.value and live.series._band.visible
    row, column = on_trace(reduction, rejected=False)
    reduction.free_iter.free_model = None
    look_at(live, row, column)
    series = reduction.state(before="free_iter").images()[:, row, column]
    assert "light and drift" not in live.series.heading.value
    assert live.series._centre_value == pytest.approx(np.median(series), rel=1e-5)


def test_a_preview_of_another_threshold_is_what_the_full_result_is(live: Any, reduction: Reduction) -> None:
    pixels = reduction.outcomes()["free_iter"].table.facts["followed_pixels"]
    assert live.suspects().ready.wait(20)
    reduction.free_iter.free_sigma = 5.0
    preview = live.preview()
    reduction.run()
    full = reduction.outcomes()["free_iter"]
    found, truth = (
        {row * 640 + column for row, column in zip(*outcome.patch.frame_pixels(FRAME), strict=True)}
        for outcome in (preview, full)
    )
    on = set(pixels.tolist())
    assert len(truth & on) > 30
    assert len((found ^ truth) & on) <= 0.05 * len(truth & on)
    assert len((found ^ truth) - on) <= 0.05 * len(truth - on)
    images = [reduction.state(before="free_iter").images(slice(FRAME, FRAME + 1)) for _ in range(2)]
    for outcome, image in zip((preview, full), images, strict=True):
        outcome.apply(image, slice(FRAME, FRAME + 1), slice(0, 240))
    both = np.array(sorted(found & truth & on))
    values, true = (image.reshape(-1)[both] for image in images)
    off = np.abs(values - true) / np.sqrt(np.maximum(true, 0) + 30)
    # Most pixels keep the same values at both thresholds; the fit of the others moves by part of their noise.
    assert np.median(off) < 1e-4 and np.mean(off < 0.5) > 0.9 and off.max() < 3


def test_before_the_first_fit_there_is_no_band_and_no_preview(folder: Any) -> None:
    fresh = Reduction(load_visit(folder), verbose=0, do_save=False)
    fresh.free_iter.free_model = "drift"
    live: Any = live_view(fresh.free_iter, Selection(step="free_iter", frame=FRAME, row=200, column=300))
    live.redraw()
    assert "being followed" in live.series.heading.value and not live.series._band.visible
    assert live.look_ahead() is None
    live.close()


def test_light_and_drift_of_the_traces_are_shown(live: Any, reduction: Reduction, folder: Any) -> None:
    truth = read_truth(folder)
    moved = truth["drift"].values - truth["drift"].values[0]
    assert live.track in live.widget.children
    for number, axis in enumerate(("columns", "rows")):
        drawn = np.asarray(live.moves._marks[axis][2].y)
        np.testing.assert_allclose(drawn, moved[:, number], atol=0.04)
    flux = truth["light_curve"].values
    np.testing.assert_allclose(live.light._marks["light"][2].y, flux / flux.mean(), atol=2e-3)
    for name in ("zeroth_tracking", "bkg_stars"):
        tracker: Any = live_view(reduction[name], Selection(step=name, frame=FRAME, row=5, column=5))
        tracker.update()
        np.testing.assert_allclose(tracker.tracks()["traces"], moved, atol=0.04)
        assert "traces" in tracker.moves[0].heading.value
        tracker.close()
    reduction.free_iter.free_model = None
    reduction.run()
    live.update()
    assert live.track not in live.widget.children


def test_a_band_that_changes_from_frame_to_frame_is_dragged_at_its_right_end() -> None:
    plot = SeriesPlot()
    centre, sigma = np.array([10.0, 20.0, np.nan, 40.0]), np.array([1.0, 2.0, 3.0, 4.0])
    plot.show([11.0, 19.0, 30.0, 41.0], centre=centre, sigma=sigma, threshold=2.0, centre_is="model")
    assert plot._band.x[0].tolist() == [0, 1, 3]
    assert plot._band.y.tolist() == [[12, 24, 48], [8, 16, 32]]
    heard: list[float] = []
    plot.on_threshold(heard.append)
    handle = plot._handles[0]
    assert handle.y.tolist() == [48]
    with handle.hold_trait_notifications():
        handle.y = np.array([52.0])
    assert heard == [3.0] and plot._band.y.tolist() == [[13, 26, 52], [7, 14, 28]]
    plot.close()
