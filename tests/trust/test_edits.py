"""Random edits from several threads while it is computed: in the end the result is that of a fresh run."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from typing import Any

import numpy as np
import xarray as xr
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.engine.callbacks import Cancelled

FITTED: dict[str, Any] = {
    "bounds": None,
    "smth_bounds": None,
    "dist_from_trace": 5,
    "verbose": 0,
    "do_save": False,
}
CHOICES: dict[str, list[Any]] = {
    "free_sigma": [2.0, 3.0, 3.5, 9.0],
    "fixed_sigmas": [(10, 10), (2,), (3, 2)],
    "replacement": [None, 1],
    "led_threshold": [2.5, 10.0],
    "led_n": [1, None],
    "smth_kernel": [3, 11],
    "smth_type": ["1D_smooth", "polyfit"],
    "skip_first_fm": [False, True],
    "hst_replace": [True, False],
    "fit": [None, "Gaussian", "median"],
    "hist_bins": [300, 1000],
    "col_sigma": [2.0, 5.0],
    **{
        f"do_{name}": [True, False]
        for name in ("hst_flags", "fixed_iter", "free_iter", "led", "smooth", "column")
    },
}
COMPARED = ("images", "data_quality", "badpix_mask", "meanstar_disp", "0th_order_pos")


def edit(reduction: Reduction, dice: random.Random) -> None:
    keys = dice.sample(sorted(CHOICES), dice.choice([1, 1, 1, 3]))
    reduction.set(**{key: dice.choice(CHOICES[key]) for key in keys})


def act(reduction: Reduction, dice: random.Random, stop: threading.Event) -> None:
    while not stop.is_set():
        what = dice.random()
        if what < 0.6:
            edit(reduction, dice)
        elif what < 0.7:
            reduction.cancel()
        elif what < 0.8:
            with contextlib.suppress(Cancelled, ValueError):
                reduction.run()
        elif what < 0.9:
            reduction.state("led")
        else:
            reduction.compute()
        time.sleep(dice.random() * 0.02)


def test_edits_in_threads_end_in_the_result_of_a_fresh_run(trust: Any) -> None:
    visit = tiny_visit(6, (24, 40))
    for _ in trust.turns(4):
        reduction = Reduction(visit, **FITTED)
        reduction.auto = True
        stop = threading.Event()
        dice = [random.Random(trust.random.random()) for _ in range(3)]
        threads = [threading.Thread(target=act, args=(reduction, one, stop), daemon=True) for one in dice]
        for thread in threads:
            thread.start()
        time.sleep(0.8)
        stop.set()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "it hangs"
        assert reduction.wait(60)
        values = reduction.values()
        compare(run_or_error(reduction), run_or_error(Reduction(visit, **{**values, "do_save": False})))
        trust.count("fresh runs that edits in threads were equal to")


def test_edits_one_after_the_other_end_in_the_result_of_a_fresh_run(trust: Any) -> None:
    visit = tiny_visit(6, (24, 40))
    reduction = Reduction(visit, **FITTED)
    for _ in trust.turns(25):
        edit(reduction, trust.random)
        fresh = Reduction(visit, **{**reduction.values(), "do_save": False})
        compare(run_or_error(reduction), run_or_error(fresh))
        trust.count("fresh runs that edits were equal to")


def run_or_error(reduction: Reduction) -> xr.Dataset | str:
    try:
        return reduction.run()
    except ValueError as error:
        return str(error)


def compare(one: xr.Dataset | str, other: xr.Dataset | str) -> None:
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    for name in COMPARED:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)
