"""A step of a person's own, one file outside the package: checks, console, config, script, page, figures, files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from visits import small_folder, tiny_visit

from hustle_widgets import Reduction, load_visit, reduce, run_pipeline
from hustle_widgets.cli import main
from hustle_widgets.engine.deltas import KeptFrames, Offset, Outcome, Patch, Table
from hustle_widgets.steps import STAGE_1, FreeIteration, HSTFlags, with_step
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Column
from hustle_widgets.steps.line_up import named_step
from hustle_widgets.steps.parameters import Real
from hustle_widgets.testing import CHECKS, Trial, check_step

__all__ = ["small_folder"]  # a fixture

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"
RowDrift = named_step(f"{EXAMPLES / 'row_drift.py'}:RowDrift")
SHAPE = (8, 40, 400)
# Electrons, shape (frames, rows): what is put into the frames and must be taken off again.
DRIFT = 6 * np.sin(np.arange(40) / 5 + np.arange(8)[:, None])
QUICK = {"do_fixed_iter": False, "do_led": False, "do_smooth": False, "do_column": False, "do_Pagul": False}


def drifting(folder: str = "") -> xr.Dataset:
    def add(images: np.ndarray) -> None:
        images += DRIFT[:, :, None].astype(np.float32)

    return tiny_visit(SHAPE[0], SHAPE[1:], folder=folder, change=add)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_example_passes_the_checks(check):
    check(Trial(RowDrift, drifting(), {}))


def test_it_takes_off_what_was_put_in():
    clean = reduce(
        drifting(), steps=with_step(RowDrift), drift_sigma=0, **QUICK, do_free_iter=False, do_uniform=False
    )
    without = reduce(drifting(), **QUICK, do_free_iter=False, do_uniform=False)
    off_trace = np.r_[0:18, 37:40]  # rows: the light of the trace is no drift
    found = clean["row_drift"].values[:, off_trace]
    expected = DRIFT[:, off_trace]
    assert clean["row_drift"].dims == ("exp_time", "x")
    assert np.abs(found - expected - np.median(found - expected, axis=1, keepdims=True)).max() < 2.5
    spread = [
        np.median(d["images"].values[:, off_trace], axis=2).std(axis=1).mean() for d in (clean, without)
    ]
    assert spread[0] < 0.35 * spread[1]
    np.testing.assert_allclose(
        without["images"].values - clean["images"].values,
        np.broadcast_to(clean["row_drift"].values[:, :, None], SHAPE), atol=2e-3,
    )  # fmt: skip


def test_it_stands_behind_the_step_it_names():
    names = [kind.name for kind in with_step(RowDrift)]
    assert names[names.index("row_drift") - 1] == RowDrift.after == "hst_flags"
    assert [name for name in names if name != "row_drift"] == [kind.name for kind in STAGE_1]


def test_a_console_run_a_config_and_the_command_line(small_folder, tmp_path, capsys):
    visit = load_visit(small_folder)
    reduction = Reduction(visit, steps=with_step(RowDrift), toplevel_dir=str(tmp_path), save_plots=2, **QUICK)
    reduction.row_drift.drift_edge = 25
    path = reduction.write_config(tmp_path / "stage_1_own.hustle")
    text = path.read_text()
    assert "do_row_drift" in text and "drift_edge" in text and "# Step 2b: Bias: drift along the rows" in text
    again = Reduction.from_config(path, visit, steps=with_step(RowDrift))
    assert again.values() == reduction.values()
    # Without the step its keys are kept and said to be unknown.
    assert "drift_edge" in Reduction.from_config(path, visit).write_config(tmp_path / "x.hustle").read_text()

    files = tmp_path / "files"
    files.symlink_to(small_folder)
    path.write_text(text.replace(str(tmp_path), str(files)))
    place = f"{EXAMPLES / 'row_drift.py'}:RowDrift"
    assert main(["run", str(path), "--step", place, "--output-run", "own"]) == 0
    said = capsys.readouterr().out
    assert "Bias: drift along the rows removed (row_drift): median" in said and "Failed" not in said
    folder = files / "outputs" / "stage_1" / "own"
    with xr.open_dataset(folder / "clean_obs.nc") as clean:
        assert clean["row_drift"].dims == ("exp_time", "x") and clean.attrs["drift_edge"] == "25"
    drawn = {path.name for path in folder.rglob("*.png")}
    assert {"row_drift_taken_off.png", "row_drift_before_after.png", "row_drift_row_drift.png"} <= drawn
    assert "row_drift_frame_000.png" in drawn
    assert run_pipeline(path, steps=with_step(RowDrift))["row_drift"].shape == (6, 240)


def test_the_script_gives_the_same_in_a_process_of_its_own(small_folder, tmp_path):
    reduction = Reduction(small_folder, steps=with_step(RowDrift), drift_sigma=2, do_save=False, **QUICK)
    clean = reduction.run()
    script = reduction.to_script()
    assert (
        "from row_drift import RowDrift" in script
        and "steps=[*STAGE_1[0:2], RowDrift, *STAGE_1[2:14]]" in script
    )
    (tmp_path / "again.py").write_text(script)
    paths = f"import sys; sys.path[:0] = [{str(EXAMPLES)!r}, {str(EXAMPLES.parent.parent)!r}]\n"
    code = paths + "exec(open('again.py').read())"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=200)
    with xr.open_dataset(tmp_path / "clean_obs.nc") as again:
        for name in ("images", "data_quality", "row_drift"):
            np.testing.assert_array_equal(again[name].values, clean[name].values)


def test_it_is_on_the_page():
    reduction = Reduction(drifting(), steps=with_step(RowDrift), do_save=False, **QUICK)
    reduction.run()
    reduction.show()
    try:
        reduction.wait()
        view = reduction._page
        view.open_step("row_drift")
        live = view.lives["row_drift"]
        assert set(live.plots) == {"level", "profile"}
        assert "row_drift" in view.navigation._rows
        view.open_step("free_iter")
        reduction.row_drift.drift_sigma = 1.0
        reduction.wait()
        assert reduction.row_drift.status == "fresh" and reduction.row_drift.compute_count == 2
        assert reduction.free_iter.compute_count == 2 and reduction.hst_flags.compute_count == 1
    finally:
        reduction.close()


class Bias(Step):
    """Take a known bias off."""

    name, title, after, switch = "bias", "Bias", "read_data", "do_bias"

    @staticmethod
    def compute(block):
        """Take it off."""
        return Offset(np.array([500], np.float32))


def test_a_bias_does_not_raise_the_expected_noise():
    def ppm(visit, kind):
        reduction = Reduction(visit, steps=with_step(kind), **QUICK, bounds=None, do_save=False)
        reduction.run()
        return reduction.outcomes()["quicklook"].table.facts["expected_ppm"]["+1"]

    def lift(images):
        images += 500

    # A bias has no photons: taken off it leaves the noise that was there without it.
    plain = type("Nothing", (Bias,), {"compute": staticmethod(lambda block: Offset(np.zeros(1, np.float32)))})
    assert ppm(tiny_visit(change=lift), Bias) == pytest.approx(ppm(tiny_visit(), plain), rel=0.01)
    sky = type("Sky", (Bias,), {"sky": True})
    assert ppm(tiny_visit(change=lift), sky) > 1.2 * ppm(tiny_visit(), plain)


def test_a_short_chain_of_few_steps():
    visit = drifting()
    clean = Reduction(visit, steps=[HSTFlags, RowDrift, FreeIteration], free_sigma=5).run()
    assert (
        clean["images"].shape == SHAPE
        and clean["data_quality"].attrs["flag_meanings"] == "hst_flags free_iter"
    )
    np.testing.assert_array_equal(
        clean["images"], reduce(visit, steps=[HSTFlags, RowDrift, FreeIteration], free_sigma=5)["images"]
    )


# --- what is refused ----------------------------------------------------------------------------------


class Dark(Step):
    """Flag the pixels below a level, and leave them as they are."""

    name, title, after, switch, flag = "dark", "Dark pixels", "free_iter", "do_dark", 32
    dark_level = Real(-20, "Pixels below this are flagged.", unit="e-")

    @staticmethod
    def compute(block, *, dark_level):
        """Flag."""
        return Patch.where(block.images < dark_level, None)


def test_a_step_that_flags_needs_no_more_than_a_bit(tmp_path):
    check_step(Dark)
    reduction = Reduction(tiny_visit(folder=str(tmp_path)), steps=with_step(Dark), dark_level=5, save_plots=1)
    reduction.run(figures=True)
    clean = reduction.result
    assert clean["data_quality"].attrs["flag_meanings"].split()[-1] == "smooth"
    assert "dark" in clean["data_quality"].attrs["flag_meanings"].split()
    folder = tmp_path / "outputs" / "stage_1" / "run_1"
    assert {"dark_location.png", "dark_per_frame.png"} <= {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "free_iter"}, "which FreeIteration has already"),
        ({"name": "visit"}, "which the Reduction has already"),
        ({"name": "not a name"}, "needs a `name`"),
        ({"switch": "do_led"}, "LaplacianEdgeDetection has 'do_led', which Wrong has already"),
        ({"flag": 4}, "has the `flag` 4, which FreeIteration has already: 32 is free"),
        ({"flag": 12}, "must be one bit: 1, 2, 4"),
        ({"after": "nothing"}, "must say behind which step it belongs"),
        ({"borrows": ("led.nothing",), "dark_level": None}, "borrows 'nothing'"),
    ],
)
def test_a_step_that_does_not_fit_is_refused(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        kind = type("Wrong", (Dark,), {"__doc__": "Be wrong.", **changes})
        Reduction(tiny_visit(), steps=with_step(kind))


@pytest.mark.parametrize("what", [Dark(), int, "dark"])
def test_what_is_no_class_of_a_step_is_refused(what):
    with pytest.raises(TypeError, match="takes classes of steps"):
        Reduction(tiny_visit(), steps=[*STAGE_1, what])


def wrong(**changes):
    return type("Wrong", (Dark,), {"__doc__": "Be wrong.", **changes})


def gives(result):
    def compute(block, *, dark_level):
        """Give it."""
        return result(block)

    return staticmethod(compute)


SEEN: list[int] = []


def counted(block):
    SEEN.append(1)
    return Offset(np.array([float(len(SEEN))], np.float32))


def smeared(block):
    # Of the row above, though no halo is declared.
    return Patch.where(np.roll(block.images, 1, axis=1) < 8, None)


def uneven(block, *, dark_level):
    """Divide by what may be 0."""
    return Patch.where(block.images < 1 / dark_level, None)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (wrong(flag=0), "declares no `flag` and gives a Patch"),
        (wrong(compute=gives(lambda b: Table({"what": np.zeros(1)})), flag=0), "does not say in `records` what"),
        (
            wrong(
                compute=gives(lambda b: Table({"a": np.zeros((1, 3))})), flag=0,
                records={"a": Column("e-", "a number", ("x",))},
            ),
            "declared are the axes",
        ),
        (wrong(compute=gives(counted), flag=0), "gives something else the second time"),
        (wrong(compute=gives(smeared), by="rows"), "is its `halo` large enough"),
        (wrong(sky=True), "declares sky = True and gives no Offset"),
        (wrong(alters=False), "declares alters = False, and alters"),
        (wrong(compute=gives(lambda b: b.images.nothing)), "cannot compute"),
        (wrong(live="nowhere:Nothing"), "There is no 'nowhere:Nothing'"),
        (wrong(dark_level=Real(1, "Short.")), "is no sentence"),
        (
            wrong(compute=staticmethod(uneven), dark_level=Real(1, "Pixels below this are flagged.", soft=(0, 9))),
            "Wrong fails with dark_level = 0: StepFault: Dark pixels .Wrong.: compute failed .*ZeroDivisionError",
        ),
        (
            wrong(compute=gives(lambda b: Patch.where(b.images < np.histogram(b.images, 3)[1][0], None))),
            "Wrong fails with a frame of NaN: ValueError: .*autodetected range .* Let it compute, or raise ValueError",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_the_checks_find_what_is_wrong(kind, message):
    with pytest.raises((AssertionError, ImportError), match=message):
        check_step(kind)


def test_only_what_was_given_is_kept():
    assert Outcome((KeptFrames(np.arange(3)),)).of_sky(True).offset is None
