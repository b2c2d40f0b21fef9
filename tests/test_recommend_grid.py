"""What is recommended against the tutorial's: brightness, drift and crowding, each visit with a twin without faults."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hustle_widgets import Reduction

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import verdict_cases  # noqa: E402

SHAPE = {"n_frames": 20, "shape": (240, 420)}
VISITS = {
    "faint, at rest": {"brightness": 0.2, "drift": (0.03, 0.02), "jitter": 0.01},
    "bright, drifting": {"brightness": 4.0, "drift": (0.5, 0.3), "jitter": 0.05},
    "crowded, many hits": {"n_stars": 12, "neighbour": (8.0, 22.0, 0.2), "cosmic_ray_rate": 0.15},
    "falsely flagged, steep sky": {"false_flags": 0.05, "sky": 40.0, "sky_structure": 2.0},
    "full far beyond the trace's rows": {"temperature": 30000},
    "drifting by more than a pixel": {"drift": (1.0, 0.8), "jitter": 0.1},
    "jumping by two pixels": {"drift": (0.0, 0.0), "jitter": 0.6},
    "full along the whole trace": {"brightness": 40.0},
}


@pytest.mark.parametrize("name", VISITS)
def test_it_is_never_worse_than_the_tutorials_beyond_the_error(tmp_path, name):
    made = verdict_cases.made(tmp_path / "visit", 1 + list(VISITS).index(name), **SHAPE, **VISITS[name])
    found = []
    for recommended in (False, True):
        reduction = Reduction(made.visit, **made.parameters(do_bkg_stars=False))
        if recommended:
            reduction.recommend()
        reduction.run()
        found.append(verdict_cases.truth_of(made, reduction))
    tutorials, mine = found
    error = float(np.hypot(tutorials.error, mine.error))
    assert abs(mine.bias) < abs(tutorials.bias) + 2 * error, found
    assert abs(mine.bias) < max(0.004, 3 * mine.error), found
    assert mine.scatter < tutorials.scatter + 0.1 and mine.scatter < 1.25, found
    assert abs(mine.light - 1) < abs(tutorials.light - 1) + 0.002, found
