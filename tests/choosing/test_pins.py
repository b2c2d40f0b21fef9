"""Pins: kept, compared, gone back to, saved and opened in another kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from quick_chain import quick
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.choosing.pin_files import PinError, load_pins
from hustle_widgets.config import read_config
from hustle_widgets.engine.deltas import Offset
from hustle_widgets.steps import with_step
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.parameters import Real
from hustle_widgets.undo import History

TESTS = str(Path(__file__).parents[1])


@pytest.fixture
def two(visit):
    reduction = quick(visit)
    reduction.pin("low")
    reduction.set(free_sigma=6.0, col_sigma=5.0)
    reduction.pin("high")
    return reduction


def test_what_differs_is_told_and_nothing_else(two):
    assert two.pins.differences() == {
        "free_sigma": {"low": 3.5, "high": 6.0},
        "col_sigma": {"low": two.pins["low"].values["col_sigma"], "high": 5.0},
    }
    table = two.pins.table()
    assert list(table["pin"]) == ["low", "high"] and set(table.meta["differs"]) == {"free_sigma", "col_sigma"}
    assert table["flagged_off"][0] > table["flagged_off"][1] > 0
    assert np.isfinite(table["scatter"]).all() and (table["photon_limit_ppm"] > 0).all()
    # A run's name makes no other result.
    two.output_run = "another"
    two.pin("same")
    assert two.pins.differences(["high", "same"]) == {}


def test_going_back_is_one_edit_and_computes_nothing(two):
    history, values = History(), two.values()

    def note(event, step):
        nonlocal values
        if event == "edited":
            for key, value in two.values().items():
                if value != values[key]:
                    history.record(step, key, values[key], value)
            values = two.values()

    two.watch(note)
    two.join_edits(history.together)
    flux = two.light_curve()["flux"].copy()
    counts = {name: step.compute_count for name, step in two.steps.items()}
    two.go_back("low")
    assert two.free_iter.free_sigma == 3.5 and two.free_iter.status == "fresh"
    assert not np.array_equal(two.light_curve()["flux"], flux)
    assert {name: step.compute_count for name, step in two.steps.items()} == counts
    assert {(edit.parameter, edit.new) for edit in history.undo()} == {
        ("free_sigma", 6.0),
        ("col_sigma", 5.0),
    }
    assert not history.can_undo
    # Even when nothing is kept but what the pins hold.
    two._chain.cache.limit = 0
    two._chain.cache.pin(())
    two.go_back("high")
    np.testing.assert_array_equal(two.light_curve()["flux"], flux)
    assert {name: step.compute_count for name, step in two.steps.items()} == counts


def test_frames_are_subtracted_when_asked_for(two, visit):
    number = 11
    apart = two.pins.minus("low", "high", number)
    expected = quick(visit).computed().frame(number)
    two.go_back("high")
    expected = expected - two.computed().frame(number)
    np.testing.assert_array_equal(apart, expected)
    assert np.count_nonzero(apart)
    with pytest.raises(ValueError, match="Frame 99"):
        two.pins.minus("low", "high", 99)


def test_deltas_that_found_no_room_are_computed_again(two):
    frame = two.pins.frame("low", 3).copy()
    two.pins.limit = 0
    two.pin("third")
    assert two.pins["low"].state is None
    np.testing.assert_array_equal(two.pins.frame("low", 3), frame)
    two.go_back("low")
    np.testing.assert_array_equal(two.computed().frame(3), frame)


def test_curves_on_the_frames_in_common_and_their_spread(two, tmp_path):
    two.set(skip_first_fm=True)
    two.pin("fewer")
    curves = two.pins.curves()
    assert dict(curves.sizes) == {"pin": 3, "exp_time": 33}
    spread = two.pins.spread()
    flux = np.array([two.pins[name].curves["+1"].flux[-33:] for name in ("low", "high", "fewer")])
    keep = np.isin(two.pins["low"].curves["+1"].times, spread["exp_time"].values)
    flux[:2] = [two.pins[name].curves["+1"].flux[keep] for name in ("low", "high")]
    flux /= np.median(flux, axis=1, keepdims=True)
    np.testing.assert_allclose(spread["systematic"], 1e6 * flux.std(axis=0, ddof=1), rtol=1e-9)
    assert (spread["low"] <= spread["middle"]).all() and (spread["middle"] <= spread["high"]).all()
    path = two.pins.write_spread(tmp_path / "spread.csv")
    written = np.genfromtxt(path, delimiter=",", names=True)
    np.testing.assert_allclose(written["systematic"], spread["systematic"])
    table = Table.read(two.pins.write_spread(tmp_path / "spread.ecsv"), format="ascii.ecsv")
    assert table["exp_time"].unit == "d" and table["systematic"].unit == 1e-6 and table["low"].unit == ""
    assert all(table[name].description for name in table.colnames)
    with pytest.raises(ValueError, match="two pins or more"):
        two.pins.spread(["low"])


def test_names_are_names_of_files(reduction):
    for name in ("", "../x", "a/b", ".hidden", "x" * 99, None, "a\nb"):
        with pytest.raises(ValueError, match="A pin's name"):
            reduction.pin(name)
    reduction.pin("first one")
    with pytest.raises(ValueError, match="already"):
        reduction.pin("first one")
    with pytest.raises(KeyError, match="There are first one"):
        reduction.pins["second"]
    with reduction.injection(), pytest.raises(ValueError, match="take_out"):
        reduction.pin("made up")


def test_saved_in_the_run_folder_with_a_config_each(tmp_path):
    visit = tiny_visit(12, folder=str(tmp_path))
    reduction = quick(visit)
    reduction.pin("one")
    reduction.free_iter.free_sigma = 5
    reduction.pin("two b")
    folder = tmp_path / "outputs" / "stage_1" / "run_1" / "pins"
    assert sorted(path.name for path in folder.iterdir()) == [
        "pins.json",
        "stage_1_one.hustle",
        "stage_1_two_b.hustle",
    ]
    config = read_config(folder / "stage_1_two_b.hustle")
    assert config["output_run"] == "two_b" and config["free_sigma"] == 5
    again = Reduction.from_config(folder / "stage_1_two_b.hustle", visit, do_save=True)
    again.run()
    assert (tmp_path / "outputs" / "stage_1" / "two_b" / "clean_obs.nc").is_file()
    # A run of its own leaves them there.
    reduction["save"].enabled = True
    reduction.run()
    assert (folder / "pins.json").is_file()
    reduction.pins.remove("one")
    reduction.save_pins()
    assert not (folder / "stage_1_one.hustle").exists()


def test_a_new_kernel_makes_identical_frames(tmp_path):
    visit = tiny_visit(12, folder=str(tmp_path))
    reduction = quick(visit)
    reduction.pin("one")
    reduction.set(free_sigma=5.0)
    reduction.pin("two")
    code = (
        "import sys, zlib\n"
        f"sys.path[:0] = [{TESTS!r}, {TESTS + '/choosing'!r}]\n"
        "from quick_chain import quick\nfrom visits import tiny_visit\n"
        f"reduction = quick(tiny_visit(12, folder={str(tmp_path)!r}))\n"
        "pins = reduction.pins\n"
        "print(*[zlib.crc32(pins.frame(name, k).tobytes()) for name in ('one', 'two') for k in range(12)])\n"
        "reduction.go_back('two')\nprint(reduction.free_iter.free_sigma)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    import zlib

    expected = [zlib.crc32(reduction.pins.frame(n, k).tobytes()) for n in ("one", "two") for k in range(12)]
    sums, sigma = done.stdout.splitlines()
    assert [int(number) for number in sums.split()] == expected and float(sigma) == 5


def test_what_was_saved_is_what_is_loaded(two, tmp_path):
    path = two.save_pins(tmp_path)
    data = json.loads(path.read_text())
    assert data["format"] == "hustle_widgets pins" and data["version"] == 1
    for old, new in zip(two.pins.values(), load_pins(path, two.kinds), strict=True):
        assert new.values == old.values and new.findings == old.findings and new.made == old.made
        assert repr(new.figures) == repr(old.figures)
        np.testing.assert_array_equal(new.curves["+1"].flux, old.curves["+1"].flux)
        np.testing.assert_array_equal(new.backgrounds["column"], old.backgrounds["column"])


def test_pins_of_another_visit_are_compared_but_give_no_frames(two, tmp_path):
    two.save_pins(tmp_path)
    other = quick(tiny_visit(36, orbits=3, seed=9))
    other.pin("mine")
    other.load_pins(tmp_path)
    assert other.pins.differences(["mine", "high"])["free_sigma"] == {"mine": 3.5, "high": 6.0}
    with pytest.raises(ValueError, match="another visit"):
        other.pins.frame("high", 0)


def test_residuals_are_without_the_dip_also_of_loaded_pins(tmp_path):
    def dip(images):
        images[12:24, 10:36] *= 0.95

    visit = tiny_visit(36, orbits=3, seed=2, change=dip)
    reduction = quick(visit, free_sigma=6.0)
    reduction.pin("a")
    reduction.pin("b")
    assert reduction.pins["a"].figures["depth"] == pytest.approx(0.05, rel=0.1)
    residual = reduction.pins.curves()["residual"].values
    assert residual.std() < 5000 < 20_000 < 1e6 * np.ptp(reduction.pins.curves()["flux"].values)
    again = quick(visit)
    again.load_pins(reduction.save_pins(tmp_path))
    np.testing.assert_allclose(again.pins.curves()["residual"].values, residual)


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_refused_by_name(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("pins")
    if not _SAVED:
        reduction = quick(tiny_visit(12))
        reduction.pin("one")
        _SAVED.append(reduction.save_pins(folder).read_text())
    text = _SAVED[0]
    if data.draw(st.booleans()):
        text = text[: data.draw(st.integers(0, len(text) - 1))]
    else:
        entry = json.loads(text)
        where, key = entry, data.draw(st.sampled_from(sorted(entry)))
        if key == "pins":
            where = entry["pins"][0]
            key = data.draw(
                st.sampled_from(["name", "values", "figures", "curves", "backgrounds", "findings", "transit"])
            )
        where[key] = data.draw(st.sampled_from([None, 7, "x/y", [1], {"free_sigma": "much"}, {"+1": {}}]))
        text = json.dumps(entry)
    path = folder / "pins.json"
    path.write_text(text)
    try:
        load_pins(path, Reduction(tiny_visit(2)).kinds)
    except PinError as error:
        assert str(path) in str(error)


_SAVED: list[str] = []


# --- a folder that others write to as well ----------------------------------------------------------


@pytest.fixture
def shared(tmp_path):
    visit = tiny_visit(12, folder=str(tmp_path))
    return lambda: quick(visit), tmp_path / "outputs" / "stage_1" / "run_1" / "pins"


def in_file(folder):
    return [pin["name"] for pin in json.loads((folder / "pins.json").read_text())["pins"]]


def test_two_kernels_keep_each_others_pins(shared):
    make, folder = shared
    first, second = make(), make()
    assert not first.pins and not second.pins  # both have looked before either keeps
    first.pin("a")
    second.pin("b")
    first.pin("c")
    assert in_file(folder) == ["a", "b", "c"] and list(make().pins) == ["a", "b", "c"]
    assert set(first.pins) == {"a", "b", "c"}
    with pytest.raises(ValueError, match="already"):
        second.pin("a")
    assert second.free_pin_name() == "pin 1"
    first.pins.remove("b")
    first.save_pins()
    assert in_file(folder) == ["a", "c"] and not (folder / "stage_1_b.hustle").exists()
    assert (folder / "stage_1_a.hustle").exists() and (folder / "stage_1_c.hustle").exists()


def edited(folder, change):
    data = json.loads((folder / "pins.json").read_text())
    change(data)
    (folder / "pins.json").write_text(json.dumps(data))
    return data


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda data: data["pins"][0].update(visit="another"), ""),
        (lambda data: data["pins"][0].update(findings="none"), "pin 0 cannot be used"),
        (lambda data: data["pins"][0].pop("curves"), "it lacks 'curves'"),
    ],
)
def test_pins_that_cannot_be_used_here_stay_in_the_file(shared, change, told):
    make, folder = shared
    reduction = make()
    reduction.pin("a")
    reduction.pin("b")
    before = edited(folder, change)["pins"][0]
    config = (folder / "stage_1_a.hustle").read_text()
    again = make()
    assert list(again.pins) == ["b"]
    assert told in repr(again.pins) and (
        told in str(again.pins.troubles) if told else not again.pins.troubles
    )
    again.pin("c")
    assert in_file(folder) == ["a", "b", "c"]
    assert json.loads((folder / "pins.json").read_text())["pins"][0] == before
    assert (folder / "stage_1_a.hustle").read_text() == config
    with pytest.raises(
        ValueError, match="has a pin 'a' already, of another visit or one that cannot be used"
    ):
        again.pin("a")


def test_pins_of_a_newer_version_are_left_alone(shared):
    make, folder = shared
    make().pin("a")
    edited(folder, lambda data: data.update(version=2))
    before = (folder / "pins.json").read_bytes()
    again = make()
    assert "update it" in repr(again.pins)
    with pytest.raises(
        ValueError, match="kept, but cannot be written: .* version 2 .* Nothing was written there"
    ):
        again.pin("b")
    assert list(again.pins) == ["b"] and (folder / "pins.json").read_bytes() == before


def test_a_damaged_file_of_pins_is_kept_aside(shared):
    make, folder = shared
    make().pin("a")
    for number in (1, 2):
        (folder / "pins.json").write_text(f"half of {number}")
        with pytest.warns(UserWarning, match=f"no file of pins.*kept as pins.json.damaged-{number}"):
            make().pin("b")
        assert (folder / f"pins.json.damaged-{number}").read_text() == f"half of {number}"
        assert in_file(folder) == ["b"]


def test_no_two_pins_share_a_config(shared):
    make, folder = shared
    reduction = make()
    for sigma, name in enumerate(["a b", "a_b", "a_b.", "A_B"], 3):
        reduction.free_iter.free_sigma = sigma
        reduction.pin(name)
    found = {path.name: read_config(path) for path in folder.glob("*.hustle")}
    assert {name: config["free_sigma"] for name, config in found.items()} == {
        "stage_1_a_b.hustle": 3,
        "stage_1_a_b_2.hustle": 4,
        "stage_1_a_b_3.hustle": 5,
        "stage_1_A_B_4.hustle": 6,
    }
    assert all(f"stage_1_{config['output_run']}.hustle" == name for name, config in found.items())
    reduction.pins.remove("a b")
    reduction.save_pins()
    found = {path.name: read_config(path)["free_sigma"] for path in folder.glob("*.hustle")}
    assert found == {"stage_1_a_b.hustle": 4, "stage_1_a_b_2.hustle": 5, "stage_1_A_B_3.hustle": 6}


# --- steps of one's own -----------------------------------------------------------------------------


class Pedestal(Step):
    """Take a number off."""

    name, title, after, switch = "pedestal", "A pedestal", "hst_flags", "do_pedestal"
    pedestal = Real(5, "How much is taken off.", unit="e-", soft=(0, 9))

    @staticmethod
    def compute(block, *, pedestal):
        """Take it off."""
        return Offset(np.full(1, pedestal, np.float32))


def test_values_of_steps_that_are_not_here_are_told_and_kept(tmp_path):
    visit = tiny_visit(12, folder=str(tmp_path))
    own = quick(visit, steps=with_step(Pedestal), pedestal=7.5)
    own.pin("with")
    own.set(do_pedestal=False)
    own.pin("off")
    without = quick(visit)
    assert without.pins["with"].others == {"do_pedestal": True, "pedestal": 7.5}
    told = (
        "The pin 'with' was made with steps that this chain lacks: do_pedestal, pedestal. Open the visit with"
    )
    assert told in repr(without.pins["with"]) and "lacks" not in repr(without.pins["off"])
    for act in (without.go_back, without.pins.state, lambda name: without.pins.frame(name, 0)):
        with pytest.raises(ValueError, match=told):
            act("with")
    without.go_back("off")
    assert without.pins.differences()["do_pedestal"] == {"with": True, "off": False}
    without.pin("plain")

    folder = without.pins_folder()
    assert read_config(folder / "stage_1_with.hustle")["pedestal"] == 7.5
    again = quick(visit, steps=with_step(Pedestal))
    assert again.pins["with"].values == own.pins["with"].values and not again.pins["with"].others
    again.go_back("plain")
    assert not again.pedestal.enabled  # it was made without
    again.go_back("with")
    assert again.pedestal.enabled and again.pedestal.pedestal == 7.5


def test_a_value_without_a_switch_is_told(shared):
    make, folder = shared
    make().pin("a")
    edited(folder, lambda data: data["pins"][0]["values"].update(of_old=3))
    reduction = make()
    with pytest.warns(UserWarning, match="lacks: of_old"):
        reduction.go_back("a")


@pytest.mark.parametrize("values", [{"a b": 1}, {"a": {"b": 1}}, {"a": float("inf")}])
def test_other_values_that_no_config_holds_are_refused(shared, values):
    make, folder = shared
    make().pin("a")
    edited(folder, lambda data: data["pins"][0]["values"].update(values))
    assert "pin 0 cannot be used" in repr(make().pins)
