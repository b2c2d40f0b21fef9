"""What every step must do, whichever it is."""

from __future__ import annotations

import functools
import math
import re
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
from visits import digests, everything, small_folder, tiny_visit

from hustle_widgets import Reduction, load_visit
from hustle_widgets.config import read_config
from hustle_widgets.engine import blocks, chain
from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.settings import declared
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import STATUSES, Step
from hustle_widgets.steps.parameters import (
    Kernel,
    ParameterError,
    Position,
    Positions,
    Real,
    Reals,
    Regions,
    Whole,
    Wholes,
)
from hustle_widgets.testing import CHECKS, Trial
from hustle_widgets.testing.checks import check_edges, check_odd_visits, same

__all__ = ["small_folder"]  # a fixture

TUTORIAL = read_config(Path(__file__).parent / "data" / "stage_1_input_config.hustle")
# Beyond the tutorial; their defaults keep its behaviour.
ADDED = {name for step in STAGE_1 for name, parameter in step.parameters.items() if parameter.added}
# Numbers without a dimension.
PURE = {
    "hst_flags",
    "led_factor",
    "led_threshold",
    "mask_parameter",
    "led_growth",
    "contrast_factor",
    "smth_order",
    "hist_bins",
    "rows",
}
SETUP = Reduction.setup_parameters()

STEPS = [pytest.param(step, id=step.name) for step in STAGE_1]
PARAMETERS = [
    pytest.param(step, name, id=f"{step.name}.{name}") for step in STAGE_1 for name in step.parameters
]


def plain(value):
    """Nested tuples as lists, so that notations of the same value compare equal."""
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


# --- declarations -----------------------------------------------------------------------------------


def test_the_chain_is_the_tutorials():
    assert [key for key in declared() if key not in ADDED] == list(TUTORIAL)
    assert {key for key in declared() if key not in TUTORIAL} == ADDED


@pytest.mark.parametrize("name", SETUP)
def test_setup_defaults_are_the_tutorials(name):
    assert plain(SETUP[name].tutorial) == plain(TUTORIAL[name])
    assert SETUP[name].help


@pytest.mark.parametrize("kind", STEPS)
def test_parameters_have_the_tutorials_order_and_defaults(kind):
    keys = [*([kind.switch] if kind.switch else []), *kind.parameters]
    known = [key for key in keys if key not in ADDED]
    if known:
        first = list(TUTORIAL).index(known[0])
        assert list(TUTORIAL)[first : first + len(known)] == known
    step = kind()
    assert step.enabled is True
    if kind.switch:
        assert TUTORIAL[kind.switch] is True and kind.switch_help
    for name, parameter in kind.parameters.items():
        assert getattr(step, name) == parameter.tutorial
        if name in TUTORIAL:
            assert plain(parameter.written(getattr(step, name))) == plain(TUTORIAL[name]), name


@pytest.mark.parametrize("kind", STEPS)
def test_a_step_says_what_it_is(kind):
    assert kind.name and kind.title and kind.section and kind.heading
    assert kind.__doc__ and kind.compute.__doc__
    assert issubclass(kind, Step) and sum(kind is other for other in STAGE_1) == 1
    flags = [step.flag for step in STAGE_1 if step.flag]
    assert len(set(flags)) == len(flags) and all(flag & (flag - 1) == 0 for flag in flags)
    known = {step.name: step for step in STAGE_1}
    for place in kind.borrows:
        owner, name = place.split(".")
        assert name in known[owner].parameters


@pytest.mark.parametrize(("kind", "name"), PARAMETERS)
def test_a_parameter_explains_itself(kind, name):
    parameter = kind.parameters[name]
    assert len(parameter.meaning) > 15 and parameter.meaning.rstrip().endswith((".", ")"))
    assert parameter.accepts() and parameter.comment.endswith(parameter.meaning)
    numeric = isinstance(parameter, (Real, Reals, Whole, Wholes, Kernel, Regions, Position, Positions))
    assert bool(parameter.unit) == (numeric and name not in PURE)
    if parameter.soft is not None:
        low, high = parameter.soft
        assert low < high
        for edge in (low, high):
            sample = [edge] if isinstance(parameter, (Reals, Wholes)) else edge
            parameter.validate(kind(), sample)  # a slider never reaches a value that is refused


# --- every step, every check ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trials(small_folder):
    """A trial of each step, made when it is first asked for."""
    visit, parameters = load_visit(small_folder), everything(small_folder)
    return functools.lru_cache(maxsize=None)(lambda kind: Trial(kind, visit, parameters))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", STEPS)
def test_a_step_passes_the_checks(trials, small_folder, kind, check):
    many = check in (check_edges, check_odd_visits)  # runs
    check(Trial(kind, tiny_visit(4, (24, 40)), everything(small_folder)) if many else trials(kind))


@pytest.mark.parametrize(
    ("kind", "name", "value", "message"),
    [
        ("free_iter", "free_sigma", -1, "The 'free_sigma' parameter of FreeIteration must be a float > 0. "),
        ("free_iter", "free_sigma", math.nan, "must be a float > 0. Got nan instead."),
        ("led", "led_factor", 1, "must be an int >= 2 and <= 16. Got 1 instead."),
        ("led", "led_n", 0, "must be an int >= 1 or None. Got 0 instead."),
        ("smooth", "smth_kernel", 4, "must be an odd int, or a pair of odd ints (rows, columns). Got 4 "),
        ("smooth", "smth_kernel", (4, 5), "Got (4, 5) instead."),
        ("smooth", "smth_bounds", [[9, 3, 0, 5]], "0 <= row0 < row1 and 0 <= column0 < column1 or None. Got"),
        ("uniform", "fit", "mean", "must be one of None, 'Gaussian', 'median'. Got 'mean' instead."),
        ("quicklook", "traces_included", ["+7"], "one or more of '+1', '-1'"),
    ],
)
def test_messages_say_what_is_accepted(kind, name, value, message):
    step = next(step for step in STAGE_1 if step.name == kind)()
    with pytest.raises(ParameterError, match=re.escape(message)):
        setattr(step, name, value)


@pytest.mark.parametrize("kind", STEPS)
def test_an_unknown_keyword_is_refused_with_the_nearest_name(kind):
    with pytest.raises(TypeError, match=f"{kind.__name__} has no parameter 'nonsense_9'"):
        kind(nonsense_9=1)
    for name in kind.parameters:
        with pytest.raises(TypeError, match=f"Did you mean '{name}'"):
            kind(**{name + "_": 1})


# --- computing --------------------------------------------------------------------------------------


class Errors(Listener):
    """Keeps what failed."""

    def __init__(self):
        self.errors = {}

    def failed(self, name, error):
        self.errors[name] = error


def run(visit, **parameters):
    reduction = Reduction(visit, **parameters)
    listener = Errors()
    try:
        reduction.run(listener)
    except ValueError:
        assert listener.errors
    return reduction, listener.errors


def assert_same_outcomes(first: dict[str, Outcome], second: dict[str, Outcome]) -> None:
    assert first.keys() == second.keys()
    for name in first:
        for one, other in zip(first[name].deltas, second[name].deltas, strict=True):
            for attribute, value in vars(one).items():
                if name != "save":
                    assert same(value, vars(other)[attribute]), f"{name}: {type(one).__name__}.{attribute}"


@pytest.fixture(scope="module")
def reduced(small_folder):
    visit = load_visit(small_folder)
    before = digests(visit)
    reduction, errors = run(visit, **everything(small_folder))
    return reduction, errors, before


@pytest.mark.parametrize("kind", STEPS)
def test_every_step_works_where_it_finds_what_it_needs(reduced, kind):
    reduction, errors, _ = reduced
    step = reduction[kind.name]
    assert kind.name not in errors and step.status == "fresh" and step.error == ""
    assert step.compute_count == 1 and step.seconds > 0
    outcome = reduction.outcomes()[kind.name]
    assert (outcome.patch is not None) == bool(kind.flag)
    assert kind.alters or (outcome.patch is None and outcome.offset is None)
    for column, values in outcome.table.columns.items():
        unit, text, axes = step.record(column)
        assert values.ndim == 1 + len(axes)
        assert unit and text and text != column, f"{column} is not described"
        assert len(values) == reduction.state().shape[0]


def test_the_visit_is_left_as_it_was(reduced):
    reduction, _, before = reduced
    assert digests(reduction.visit) == before
    assert not reduction._chain.source.images.flags.writeable


@pytest.mark.parametrize("threads, series, halo_rows", [(1, 10**9, 48), (3, 7 * 640, 5), (2, 640, 33)])
def test_the_result_does_not_depend_on_how_the_visit_is_cut(reduced, monkeypatch, threads, series, halo_rows):
    reduction, _, _ = reduced
    monkeypatch.setattr(blocks, "ROWS_WITH_HALO", halo_rows)
    monkeypatch.setattr(chain, "cut_blocks", functools.partial(blocks.cut_blocks, series=series))
    folder = Path(reduction.toplevel_dir)
    other = Reduction(reduction.visit, **everything(folder), do_save=False)
    other._chain.threads = threads
    other.run()
    expected = {name: outcome for name, outcome in reduction.outcomes().items() if name != "save"}
    assert_same_outcomes(expected, other.outcomes())


# --- odd visits -------------------------------------------------------------------------------------


def spoil(what):
    def change(images):
        if what == "scattered NaNs":
            images[np.random.default_rng(1).random(images.shape) < 0.05] = np.nan
        elif what == "a NaN frame":
            images[1] = np.nan
        elif what == "NaN columns, rows and pixels":
            images[:, :, 5:8] = images[:, 3] = images[:, 20, 30] = np.nan
        elif what == "infinities":
            images[0, 4, 4], images[2, 20, 20] = np.inf, -np.inf
        elif what == "all NaN":
            images[:] = np.nan
        elif what == "zeros":
            images[:] = 0
        elif what == "constant frames":
            images[:] = np.arange(len(images), dtype=np.float32)[:, None, None] + 100
        elif what == "negative":
            images[:] -= 1e4
        elif what == "huge":
            images[:] *= 1e9

    return change


SPOILT = [
    "scattered NaNs",
    "a NaN frame",
    "NaN columns, rows and pixels",
    "infinities",
    "all NaN",
    "zeros",
    "constant frames",
    "negative",
    "huge",
]
ODD = {
    **{what: {"change": spoil(what)} for what in SPOILT},
    "one frame": {"n_frames": 1, "orbits": 1},
    "two frames": {"n_frames": 2, "orbits": 1},
    "one orbit": {"orbits": 1},
    "an orbit a frame": {"n_frames": 4, "orbits": 4},
    "a few rows": {"shape": (5, 60)},
    "a few columns": {"shape": (40, 7)},
    "one pixel": {"shape": (1, 1)},
    "one row": {"shape": (1, 50)},
    "one column": {"shape": (50, 1)},
}
# The tutorial's values, and values that bring a tiny frame through every step that can be.
WAYS = {
    "defaults": {},
    "fitted": {
        "smth_bounds": None,
        "bounds": None,
        "mask_trace": False,
        "rows": [0],
        "bkg_stars_loc": [[12, 12]],
        "bkg_window": 4,
        "fixed_sigmas": [2, 2],
        "replacement": 1,
    },
    "others": {
        "smth_bounds": None,
        "smth_type": "polyfit",
        "bounds": None,
        "fit": "Gaussian",
        "hist_min": None,
        "hist_max": None,
        "dist_from_trace": 2,
        "led_n": None,
        "fine_structure": False,
        "skip_first_fm": True,
        "hst_replace": False,
    },
}
# Of numpy and Python, not of this package.
RAW = re.compile(
    r"(zero-size|broadcast|out of bounds for axis|NoneType|reduction operation|object is not|empty (slice|seq)|"
    r"cannot convert|singular|all-nan|invalid value|divide by zero|kth\(|index \d+ is|dimension)",
    re.IGNORECASE,
)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("oddity", ODD)
def test_odd_visits_never_crash_the_chain(oddity, way, tmp_path):
    visit = tiny_visit(folder=str(tmp_path), **ODD[oddity])
    reduction, errors = run(visit, **WAYS[way])
    for name, step in reduction.steps.items():
        assert step.status in STATUSES and step.status != "running"
        if step.status == "failed":
            error = errors[name]
            frame = traceback.extract_tb(error.__traceback__)[-1]
            assert isinstance(error, ValueError) and "hustle_widgets" in frame.filename, (
                f"{name}: {error!r} from {frame.filename}:{frame.lineno}"
            )
            assert step.error == str(error) and not RAW.search(step.error), f"{name}: {step.error}"
            assert len(step.error) > 30
        elif step.status == "off":
            assert step.enabled and len(step.error) > 30, f"{name} is off and does not say why"
        elif step.status == "stale":  # only behind a failure
            assert errors
        else:
            assert step.status == "fresh" and step.error == ""
    if not errors:
        clean = reduction.result
        assert clean is not None and clean["images"].dtype == np.float32
        assert (tmp_path / "outputs" / "stage_1" / "run_1" / "clean_obs.nc").is_file()


@pytest.mark.parametrize(
    "oddity", ["one frame", "one orbit", "scattered NaNs", "NaN columns, rows and pixels"]
)
def test_sane_visits_go_through_at_default_settings(oddity, tmp_path):
    reduction, errors = run(tiny_visit(folder=str(tmp_path), **ODD[oddity]))
    assert not errors
    on = {name for name, step in reduction.steps.items() if step.status == "fresh"}
    assert {"read_data", "hst_flags", "fixed_iter", "free_iter", "led", "uniform", "location", "save"} <= on


# --- widgets ----------------------------------------------------------------------------------------


def in_a_process_of_its_own(code: str) -> str:
    path = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{code}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nothing_is_drawn_before_it_is_shown():
    print(
        in_a_process_of_its_own(
            """
import ipywidgets
from visits import tiny_visit
from hustle_widgets import Reduction, load_visit
from hustle_widgets.steps import STAGE_1
table = ipywidgets.widgets.widget._instances
steps = [kind() for kind in STAGE_1]
reduction = Reduction(tiny_visit(), do_save=False)
reduction.free_iter.free_sigma = 5
reduction.run()
heavy = [name for name in ("bqplot", "matplotlib", "ipympl") if name in sys.modules]
assert not heavy, heavy
children = [step.name for step in [*steps, *reduction.steps.values()] if step.children]
assert not children and not reduction.children
assert not [widget for widget in table.values() if hasattr(widget, "steps") or hasattr(widget, "status")]
# Only layouts that ipywidgets makes on its own would be left here.
assert len(table) == 0, [type(widget).__name__ for widget in table.values()]
"""
        )
    )


def test_a_thousand_steps_leave_no_trace():
    print(
        in_a_process_of_its_own(
            """
import gc, weakref, ipywidgets
from hustle_widgets.steps import STAGE_1
gc.disable()
table = ipywidgets.widgets.widget._instances
seen = [weakref.ref(kind()) for kind in STAGE_1 for _ in range(70)]
assert len(table) == 0, [type(widget).__name__ for widget in table.values()]
gc.enable(); gc.collect()
assert not [ref for ref in seen if ref() is not None]
"""
        )
    )


def test_how_often_a_star_was_found_is_said() -> None:
    def place_star(images: np.ndarray) -> None:
        rows, columns = np.mgrid[:13, :13] - 6
        images[:, :13, :13] = 0
        images[:2, :13, :13] = 5000 * np.exp(-0.5 * (rows**2 + columns**2))

    reduction = Reduction(tiny_visit(change=place_star), bkg_stars_loc=[[6, 6]], bkg_window=4)
    for step in reduction.steps.values():
        if step.switch and step.name != "bkg_stars":
            step.enabled = False
    reduction.run()
    assert reduction.bkg_stars.notes == "star0 was found in 2 of 8 frames."
