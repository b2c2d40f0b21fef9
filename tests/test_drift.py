"""Rejection that knows light and drift, and replacements that keep the transit, against truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import simulated, tiny_visit

from hustle_widgets import Reduction, load_visit
from hustle_widgets.algorithms.drift_fit import fit_motion, lay_out
from hustle_widgets.algorithms.drift_model import reject_off_model, saturated
from hustle_widgets.algorithms.full_runs import full_runs
from hustle_widgets.algorithms.scaled import scaled_medians
from hustle_widgets.algorithms.temporal import farthest_lone_outlier
from hustle_widgets.config import read_config
from hustle_widgets.engine.blocks import Block
from hustle_widgets.simulate import cosmic_ray_mask, read_truth, read_twin
from hustle_widgets.steps import FreeIteration
from hustle_widgets.steps.following import Following
from hustle_widgets.steps.trace_light import trace_light

VISIT = {
    "n_frames": 36,
    "shape": (300, 780),
    "target": (600.2, 85.4),
    "seed": 21,
    "drift": (0.4, 0.3),
    "jitter": 0.03,
    "n_stars": 0,
    "hook": 0.002,
    "false_flags": 0.05,
    "smooth": True,
    "twin": True,
}
BARE = {
    "do_save": False,
    "do_led": False,
    "do_column": False,
    "do_Pagul": False,
    "do_uniform": False,
    "do_smooth": False,
    "verbose": 0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulated(tmp_path_factory, "drifting", **VISIT)


@pytest.fixture(scope="module")
def visit(folder):
    return load_visit(folder)


@pytest.fixture(scope="module")
def truth(folder):
    return read_truth(folder)


@pytest.fixture(scope="module")
def twin(folder):
    return read_twin(folder)["images"].values


@pytest.fixture(scope="module")
def drift(visit):
    reduction = Reduction(visit, free_model="drift", free_sigma=4, hst_flags=[16], **BARE)
    reduction.run()
    return reduction


def on_traces(truth, rows=8):
    """Pixels near an order whose light is that of the star, and which are like the others."""
    row = np.arange(truth.sizes["x"])[:, None]
    apart = np.fmin.reduce(np.abs(row - truth["trace_rows"].values[:, None, :]), axis=0, initial=np.inf)
    column, zeroth = np.arange(truth.sizes["y"]), truth["zeroth_order"].values
    bad = truth["hot"] | truth["warm"] | truth["cold"] | truth["dead"]
    return (apart <= rows) & (np.abs(column - zeroth[0]) > 25) & ~bad.values


def depth_error(frames, twin, truth, mask):
    """Relative error [%] of the depth of the light in `mask` against that of the twin, by least squares."""
    curve, ramp = truth["light_curve"].values, truth["ramp"].values
    design = np.stack([np.ones(curve.size), curve - 1], axis=1)
    depths = []
    for cube in (frames, twin):
        light = cube[:, mask].sum(axis=1, dtype=float) / ramp
        level, drop = np.linalg.lstsq(design, light, rcond=None)[0]
        depths.append(drop / level)
    return 100 * (depths[0] / depths[1] - 1)


def without_sky(twin, truth):
    return twin - truth["sky_scale"].values[:, None, None] * truth["sky_template"].values


def test_light_and_motion_are_found_of_a_profile_that_is_no_gaussian():
    rng = np.random.default_rng(4)
    n_frames, n_rows, n_columns = 24, 21, 150
    moved = np.stack([np.linspace(-0.3, 0.25, n_frames), 0.2 * np.sin(np.arange(n_frames))], axis=1)
    flux = 1 - 0.01 * (np.abs(np.arange(n_frames) - 12) < 5)
    fine = (np.arange(10) + 0.5) / 10 - 0.5
    rows, columns = np.arange(n_rows)[:, None] - 10.0, np.arange(n_columns)
    light = np.empty((n_frames, n_rows, n_columns))
    for k in range(n_frames):
        spectrum = 8000 * (
            1 + 0.5 * np.sin((columns - moved[k, 0]) / 4) * np.exp(-(((columns - 75) / 60) ** 2))
        )
        distance = rows[..., None] + fine - moved[k, 1] - 0.02 * (columns[None, :, None] - moved[k, 0] - 75)
        profile = (1 + (distance / 1.4) ** 2) ** -2.5
        light[k] = flux[k] * spectrum * profile.mean(axis=-1)
    images = rng.poisson(light).astype(np.float32)
    images[5, 10, 60:64] += 30_000
    layout = lay_out(np.ones((n_rows, n_columns), bool))
    motion = fit_motion(images.reshape(n_frames, -1).T, np.full(n_frames, 10.0), layout)
    found = np.stack([motion.column, motion.row], axis=1)
    np.testing.assert_allclose(found, moved - np.median(moved, axis=0), atol=0.02)
    np.testing.assert_allclose(motion.flux, flux / flux.mean(), atol=6 / np.sqrt(light[0].sum()))


def test_neighbours_are_those_of_the_mask():
    mask = np.zeros((4, 5), bool)
    mask[1, 1:4] = mask[2, 2] = True
    layout = lay_out(mask)
    assert layout.pixels.tolist() == [6, 7, 8, 12]
    assert layout.around[1].tolist() == [[-1] * 3, [-1] * 3, [0, 1, 2], [-1, 3, -1], [-1] * 3]


def test_full_pixels_and_those_they_run_into_are_left_out():
    light = np.full((9, 4), 100, np.float32)  # 3 x 3 pixels
    light[4] = 64_000
    light[6, 2] = 65_000  # one cosmic ray fills no pixel for good
    assert np.flatnonzero(saturated(light, lay_out(np.ones((3, 3), bool)))).tolist() == [1, 4, 7]


def test_cosmic_rays_on_the_traces_are_found_and_little_else(drift, truth, twin):
    patch, hits = drift.outcomes()["free_iter"].patch, cosmic_ray_mask(truth)
    found = patch.mask(slice(0, patch.shape[0]), slice(0, patch.shape[1]))
    light = np.median(without_sky(twin, truth), axis=0)
    noise = np.sqrt(np.maximum(light, 0) + 12 + 3.1**2)
    where = on_traces(truth, 10)
    electrons = np.zeros(hits.shape, np.float32)
    electrons[hits] = truth["cosmic_ray_electrons"].values
    assert found[(electrons > 5 * noise) & where].mean() > 0.985
    assert found[~hits & where].mean() < 1.3e-4


def test_the_depth_is_that_of_the_twin(drift, visit, truth, twin):
    mask, true = on_traces(truth), without_sky(twin, truth)
    sky = twin - true
    error = depth_error(drift.state().images() - sky, true, truth, mask)
    assert abs(error) < 0.35
    tutorial = Reduction(visit, hst_flags=[16], free_sigma=2.5, **BARE)
    tutorial.run()
    assert depth_error(tutorial.state().images() - sky, true, truth, mask) < -2


def test_the_motion_of_the_frames_is_that_of_the_telescope(drift, truth):
    table = drift.outcomes()["free_iter"].table.columns
    moved = truth["drift"].values - truth["drift"].values[0]
    np.testing.assert_allclose(table["trace_disp"], moved, atol=0.02)
    light = (truth["light_curve"] * truth["ramp"]).values
    np.testing.assert_allclose(table["trace_flux"], light / light.mean(), atol=6e-4)
    assert FreeIteration.record("trace_disp").axes == ("xy",)


def test_a_transit_is_not_filled_up_by_the_light_of_other_frames(visit, truth, twin):
    mask, true = on_traces(truth), without_sky(twin, truth)
    frames, flags = {}, {}
    for replace_by in ("median", "flux"):
        reduction = Reduction(visit, hst_flags=[4096], do_fixed_iter=False, do_free_iter=False, **BARE)
        reduction.hst_flags.replace_by = replace_by
        reduction.run()
        patch = reduction.outcomes()["hst_flags"].patch
        flags[replace_by] = patch.index
        frames[replace_by] = true.copy()  # what is replaced, and nothing else
        value = patch.value - (twin - true).ravel()[patch.index]
        frames[replace_by].reshape(-1)[patch.index] = value
    assert np.array_equal(flags["median"], flags["flux"])
    assert abs(depth_error(frames["flux"], true, truth, mask)) < 0.5
    assert depth_error(frames["median"], true, truth, mask) < -3
    rows = np.nanmin(truth["trace_rows"].values), np.nanmax(truth["trace_rows"].values)
    far = np.r_[0 : int(rows[0]) - 40, int(rows[1]) + 40 : 300]
    off = [cube[:, far] for cube in frames.values()]
    np.testing.assert_array_equal(*off)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.one_of(st.none(), st.integers(1, 4)))
def test_scaled_medians_are_those_of_a_loop(seed, half_width):
    rng = np.random.default_rng(seed)
    shape = (5, 9)
    light = rng.normal(100, 30, shape).astype(np.float32)
    factor = rng.uniform(0.5, 1.5, shape).astype(np.float32)
    usable = rng.random(shape) < 0.7
    light[0, 0], factor[1, :] = np.nan, np.nan
    pixel, frame = np.nonzero(rng.random(shape) < 0.3)
    found = scaled_medians(light, usable, factor, pixel, frame, half_width)
    for p, k, value in zip(pixel, frame, found, strict=True):
        near = range(9) if half_width is None else range(max(0, k - half_width), min(9, k + half_width + 1))
        known = [
            light[p, j] / factor[p, j]
            for j in near
            if usable[p, j] and np.isfinite(light[p, j] / factor[p, j])
        ]
        expected = np.median(known) * factor[p, k] if known else np.nan
        np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_a_hot_pixel_on_a_trace_becomes_what_the_trace_holds_there(visit, truth, twin):
    """The twin holds the pixel's own light; the median of 7 x 7 pixels is that of a steep profile."""
    hot = (visit["hst_dq"].values[0] & 16) > 0
    row = np.arange(300)[:, None] - truth["trace_rows"].values[0]
    hot &= (np.abs(row) < 5) & (np.nanmedian(without_sky(twin, truth), axis=0) > 1000)
    off = {}
    for replace_by in ("median", "flux"):
        reduction = Reduction(visit, hst_flags=[16], replace_by=replace_by, do_free_iter=False, **BARE)
        reduction.run()
        light = reduction.state().images()[:, hot] / twin[:, hot] - 1
        off[replace_by] = np.abs(light).mean(axis=0)
    assert hot.sum() > 3
    assert np.median(off["flux"]) < 0.05 < np.median(off["median"]) / 2


def test_a_full_pixel_is_no_outlier_of_its_own(visit):
    bright = visit.isel(exp_time=slice(0, 12)).load().copy(deep=True)
    images, row, column = bright["images"].values, 252, 400
    images[:, row, column] = np.linspace(61_000, 64_000, 12)
    bright["hst_dq"].values[4, row, column] |= 4096
    reduction = Reduction(bright, replace_by="flux", free_sigma=4, do_free_iter=False, **BARE)
    reduction.run()
    np.testing.assert_array_equal(reduction.state().images()[:, row, column], images[:, row, column])


def test_runs_of_full_pixels_are_those_of_a_loop():
    rng = np.random.default_rng(8)
    mask = rng.random((12, 7)) < 0.6
    light = rng.normal(size=(12, 7, 3)).astype(np.float32)
    runs = full_runs(np.flatnonzero(mask), light[mask], (12, 7))
    expected = {}
    for column in range(7):
        start = None
        for row in range(12):
            if mask[row, column]:
                start = row if start is None else start
                expected.setdefault((column, start), []).append(row * 7 + column)
            else:
                start = None
    found = [runs.pixels[runs.run == number].tolist() for number in range(len(runs.size))]
    assert sorted(found) == sorted(expected.values())
    sums = [light.reshape(-1, 3)[pixels].sum(axis=0) for pixels in found]
    np.testing.assert_allclose(runs.light, sums, rtol=1e-5, atol=1e-5)
    assert runs.size.tolist() == [len(pixels) for pixels in found]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_hit_on_full_pixels_is_found_in_the_sum_of_their_column(visit, truth, seed):
    """Charge of a full pixel runs over to those beside it: only the sum tells a hit, and is put right."""
    rng = np.random.default_rng(seed)
    bright = visit.isel(exp_time=slice(0, 20)).load().copy(deep=True)
    images, flags, columns = bright["images"].values, bright["hst_dq"].values, slice(380, 420)
    flux = (truth["light_curve"] * truth["ramp"]).values[:20, None, None]
    # Rows 249 to 255: full ones in the middle, partly filled ones at the ends.
    level = np.array([20e3, 63e3, 64e3, 64e3, 64e3, 63e3, 20e3])[:, None]
    whole = rng.poisson(flux * np.broadcast_to(level, (7, 40))).astype(np.float32)
    images[:, 249:256, columns], flags[:, :, columns] = whole, 0
    noise = np.sqrt(level.sum())
    hit = rng.random((20, 40)) < 0.03
    images[:, 249:256, columns] += (np.where(hit, 12 * noise, 0) / 7)[:, None]
    known = ~hit & (rng.random((20, 40)) < 0.03)
    images[:, 249:256, columns] += (np.where(known, 2 * noise, 0) / 7)[:, None]
    flags[:, 252, columns][known] = 4096
    off = {"do_fixed_iter": False, "do_quicklook": False, "do_0thtracking": False}
    reduction = Reduction(bright, replace_by="flux", free_model="drift", free_sigma=4, **BARE, **off)
    reduction.hst_flags.hst_flags = (4096,)
    reduction.run()
    left = reduction.state().images()[:, 249:256, columns].sum(axis=1, dtype=float) - whole.sum(axis=1)
    left /= noise
    assert hit.sum() > 10 and known.sum() > 10
    # A model value has an error of its own, and the twin's photons have noise that the model does not know.
    assert np.abs(left[hit | known]).max() < 4.5 and np.abs(left[hit | known].mean()) < 0.6
    assert (left[~hit & ~known] == 0).mean() > 0.98


def test_blocks_of_any_height_give_the_same(visit, drift):
    state = drift.state("free_iter")
    traces, notes = trace_light(state, drift.zeroth_tracking.location)
    parts = traces.light, traces.floor, traces.layout, traces.motion
    following = Following(traces, notes, reject_off_model(*parts, 4.0))
    whole = drift.outcomes()["free_iter"].patch
    n_frames, n_rows, _ = state.shape
    for start, stop in ((0, n_rows), (226, 227), (200, 263)):
        block = Block(state, slice(0, n_frames), slice(start, stop))
        patch = FreeIteration.compute(block, free_sigma=4.0, following=following)
        entries, inside = whole.find(slice(0, n_frames), slice(start, stop))
        np.testing.assert_array_equal(patch.index, inside)
        np.testing.assert_array_equal(patch.value, whole.value[entries])


def test_frames_that_are_not_like_the_others_are_told_and_left_alone(visit, truth):
    strange = visit.isel(exp_time=slice(0, 20)).copy(deep=True)
    strange["images"].values[7] = 5.0  # no light
    strange["images"].values[11] = np.roll(strange["images"].values[11], 9, axis=0)  # lost its guide star
    reduction = Reduction(strange, free_model="drift", free_sigma=4, hst_flags=[16], **BARE)
    reduction.run()
    step = reduction.free_iter
    assert "frames 7, 11" in step.notes or ("frame 7." in step.notes and "frame 11" in step.notes)
    patch = reduction.outcomes()["free_iter"].patch
    found = patch.mask(slice(0, 20), slice(0, patch.shape[1]))[:, on_traces(truth, 4)].mean(axis=1)
    assert found[7] < 1e-3 and found[11] < 0.02 and (np.delete(found, [7, 11]) > 0).all()


def test_only_a_step_that_follows_the_traces_depends_on_where_they_are(visit):
    few = visit.isel(exp_time=slice(0, 9))
    reduction = Reduction(few, **BARE)
    reduction.run()
    column, row = reduction.zeroth_tracking.location
    reduction.zeroth_tracking.location = (column + 1, row)
    assert reduction.free_iter.status == reduction.hst_flags.status == "fresh"
    reduction.free_iter.free_model = "drift"
    reduction.run()
    reduction.zeroth_tracking.location = (column, row)
    assert reduction.free_iter.status == "stale" and reduction.hst_flags.status == "fresh"


def test_an_edit_of_the_threshold_gives_what_a_new_reduction_gives(visit):
    few = visit.isel(exp_time=slice(0, 14))
    given_before = Reduction(few, free_model="drift", free_sigma=4, **BARE)
    given_before.run()
    given_before.set(free_sigma=5.0)
    given_before.run()
    given_before.hst_flags.hst_flags = (16,)
    given_before.run()
    fresh = Reduction(few, free_model="drift", free_sigma=5, hst_flags=[16], **BARE)
    fresh.run()
    edited, new = (r.outcomes()["free_iter"].patch for r in (given_before, fresh))
    np.testing.assert_array_equal(edited.index, new.index)
    np.testing.assert_array_equal(edited.value, new.value)


def test_without_a_trace_or_frames_the_rest_is_done_and_the_reason_told():
    for n_frames, words in ((5, "5 frames"), (9, "treated as the other pixels")):
        visit = tiny_visit(n_frames=n_frames, change=lambda images: images.__setitem__(..., 7.0))
        reduction = Reduction(visit, free_model="drift", replace_by="flux", **BARE)
        reduction.run()
        for step in (reduction.hst_flags, reduction.free_iter):
            assert step.status == "fresh" and words in step.notes


def test_outliers_become_the_same_in_all_steps_that_reject_in_time(tmp_path):
    reduction = Reduction(tiny_visit())
    assert reduction.values()["replace_by"] == "median"
    reduction.fixed_iter.replace_by = "flux"
    assert reduction.hst_flags.replace_by == reduction.free_iter.replace_by == "flux"
    path = reduction.write_config(tmp_path / "mine.hustle")
    assert path.read_text().count("\nreplace_by") == 1
    assert read_config(path)["replace_by"] == "flux"
    again = Reduction(tiny_visit(), replace_by="flux")
    assert {again[name].replace_by for name in ("hst_flags", "fixed_iter", "free_iter")} == {"flux"}


@pytest.mark.parametrize(("n_frames", "sigma"), [(10, 3.5), (15, 4.5), (20, 5.0)])
def test_a_threshold_that_no_outlier_reaches_is_told(n_frames, sigma):
    series = np.zeros(n_frames)
    series[3] = 1e9
    assert farthest_lone_outlier(n_frames) == pytest.approx(1e9 / series.std())
    reduction = Reduction(tiny_visit(n_frames=n_frames), free_sigma=sigma, **BARE)
    reduction.run()
    assert f"{n_frames} frames" in reduction.free_iter.notes and "flags nothing" in reduction.free_iter.notes
    assert len(reduction.outcomes()["free_iter"].patch) == 0
    reduction.free_iter.free_sigma = 2.5
    reduction.run()
    assert reduction.free_iter.notes == "" and len(reduction.outcomes()["free_iter"].patch)
