"""Skies that rise within orbits, stars that are not equally sure, levels that scatter: what is true of each."""

from __future__ import annotations

import numpy as np
import pytest
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.algorithms.mean_track import mean_track
from hustle_widgets.algorithms.sky import smooth_scales

N_ORBITS, A_ORBIT = 4, 12
TIMES = np.concatenate([orbit * 95 + np.arange(A_ORBIT) * 4.0 for orbit in range(N_ORBITS)])
ORBITS = np.repeat(np.arange(N_ORBITS), A_ORBIT)
PHASE = np.tile(np.linspace(0, 1, A_ORBIT), N_ORBITS)


@pytest.mark.parametrize(
    ("course", "lost"),
    [
        (lambda phase: 1 + 0.6 * phase**4, True),
        (lambda phase: 1 + 0.6 * (2 * phase - 1) ** 2, False),
        (lambda phase: 1 + 0.6 * np.exp((phase - 1) * 8), True),
        (lambda phase: 1 + 0.3 * np.cos(2 * np.pi * phase), False),
    ],
)
def test_a_sky_that_rises_within_orbits_is_kept_and_what_stands_out_is_not(course, lost):
    rng = np.random.default_rng(8)
    true = 12 * course(PHASE) * (1 + 0.03 * rng.standard_normal(N_ORBITS))[ORBITS]
    fitted = true * (1 + 0.001 * rng.standard_normal(true.size))
    hit = rng.choice(true.size, 3, replace=False)
    fitted[hit] *= [1.5, 0.5, 1.3]
    smooth = smooth_scales(fitted, 2.5, TIMES, ORBITS)
    untouched = np.delete(np.arange(true.size), hit)
    assert np.abs(smooth / true - 1)[untouched].max() < 0.02
    assert np.abs(smooth / true - 1)[untouched].mean() < 0.0025
    assert np.abs(smooth / true - 1)[hit].max() < 0.2
    # Against the median of the visit the ends of orbits are lost.
    assert not lost or np.abs(smooth_scales(fitted, 2.5) / true - 1)[untouched].max() > 0.2


def test_a_flat_sky_is_smoothed_as_the_tutorial_does():
    rng = np.random.default_rng(2)
    for _ in range(20):
        fitted = 12 + 0.1 * rng.standard_normal(TIMES.size)
        fitted[rng.choice(TIMES.size, 2)] += 3
        fitted[5] = np.nan
        np.testing.assert_array_equal(smooth_scales(fitted, 2.5, TIMES, ORBITS), smooth_scales(fitted, 2.5))


def motion(n_frames=40):
    return np.stack([np.linspace(0, 0.4, n_frames), 0.2 * np.sin(np.arange(n_frames) / 5)], axis=1)


def test_the_surest_star_counts_most():
    rng = np.random.default_rng(5)
    true, errors = motion(), np.array([0.004, 0.03, 0.06, 0.06])
    noise = errors[:, None] * rng.standard_normal((40, 4, 2))
    track, used, found = mean_track(100 + true[:, None] + noise)
    assert used.all()
    np.testing.assert_allclose(found[1:], errors[1:], rtol=0.5)
    assert found[0] < 0.02  # which is what the others are good for together
    off = track - true
    off -= off.mean(axis=0)
    equal = noise.mean(axis=1) - noise.mean(axis=(0, 1))
    assert off.std() < 0.6 * equal.std()


@pytest.mark.parametrize("n_stars", [1, 2, 4])
def test_a_cosmic_ray_in_a_window_moves_no_mean(n_stars):
    rng = np.random.default_rng(6)
    true = motion()
    positions = 100 + true[:, None] + 0.01 * rng.standard_normal((40, n_stars, 2))
    positions[0, 0] += 3.0  # the frame that all are measured from
    positions[17, -1] -= 2.0
    positions[30, 0] = np.nan
    track, used, _ = mean_track(positions)
    assert not used[0, 0] and not used[17, -1] and not used[30, 0]
    assert used.sum() == used.size - 3
    some = np.isfinite(track).all(axis=1)
    off = (track - true)[some]
    assert np.abs(off - np.median(off, axis=0)).max() < 0.05
    if n_stars > 1:
        assert some.all() and track[0].tolist() == [0, 0]


def test_sources_that_are_never_seen_are_no_reason_to_stop():
    nothing = np.full((6, 2, 2), np.nan)
    track, used, _ = mean_track(nothing)
    assert np.isnan(track).all() and not used.any()
    positions = nothing.copy()
    positions[:, 0] = motion(6)
    np.testing.assert_allclose(mean_track(positions)[0], motion(6) - motion(6)[0])


def test_the_page_says_how_noisy_a_mode_and_how_biased_a_median_is():
    reduction = Reduction(
        tiny_visit(n_frames=12, shape=(60, 90)), bounds=None, do_save=False, verbose=0, do_column=False
    )
    reduction.run()
    assert "fit 'Gaussian' is surer" in reduction.uniform.notes
    levels = reduction.outcomes()["uniform"].table.columns["bkg_vals"]
    told = float(reduction.uniform.notes.split("scatters by ")[1].split(" ")[0])
    assert told == pytest.approx(levels.std(), rel=0.8)
    reduction.uniform.fit = "Gaussian"
    reduction.run()
    assert "surer" not in reduction.uniform.notes
    reduction.uniform.fit = "median"
    reduction.run()
    # level / (6 variance) of 12 e- and 3.1 e- of read noise
    assert f"{12 / (6 * (12 + 3.1**2)):.2f} e-" in reduction.uniform.notes
    reduction.uniform.skew_corrected = True
    reduction.run()
    assert "below" not in reduction.uniform.notes
