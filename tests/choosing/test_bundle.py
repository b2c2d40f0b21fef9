"""What goes to a referee: it says what was done, and makes the same result again."""

from __future__ import annotations

import hashlib
import zipfile

import numpy as np
import pytest
from quick_chain import quick
from visits import everything, small_folder, small_visit

from hustle_widgets import Reduction
from hustle_widgets.config import read_config
from hustle_widgets.settings import checked_values

__all__ = ["small_folder", "small_visit"]  # fixtures


def test_a_bundle_makes_the_same_result_again(small_visit, small_folder, tmp_path):
    given = everything(small_folder)
    reduction = Reduction(
        small_visit, **given, free_sigma=4.25, do_save=False, toplevel_dir=str(small_folder)
    )
    place = reduction.bundle(tmp_path / "referee")
    assert {path.name for path in place.iterdir()} == {
        "README.txt",
        "reduce.py",
        "methods.txt",
        "versions.txt",
        "checksums.sha256",
        "stage_1_run_1.hustle",
        "tables",
    }
    assert checked_values(read_config(place / "stage_1_run_1.hustle"))["free_sigma"] == 4.25
    assert "free_sigma=4.25" in (place / "reduce.py").read_text()
    compile((place / "reduce.py").read_text(), "reduce.py", "exec")
    lines = (place / "checksums.sha256").read_text().splitlines()
    assert len(lines) == small_visit.sizes["exp_time"]
    for line in lines:
        checksum, name = line.split("  ")
        data = (small_folder / "specimages" / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == checksum
    assert "hustle_widgets " in (place / "versions.txt").read_text()
    with pytest.raises(FileExistsError, match="already"):
        reduction.bundle(place)
    packed = reduction.bundle(tmp_path / "referee.zip")
    with zipfile.ZipFile(packed) as file:
        assert "bundle/methods.txt" in file.namelist()
    assert not list(tmp_path.glob(".*"))


def test_the_clean_visit_knows_its_input_files(small_visit, small_folder):
    reduction = Reduction(small_visit, **everything(small_folder), do_save=False)
    clean = reduction.run()
    first = (small_folder / "specimages" / str(clean["file_names"].values[0])).read_bytes()
    assert clean["file_checksums"].values[0] == hashlib.sha256(first).hexdigest()


def test_methods_follow_the_parameters(reduction):
    text = reduction.methods()
    assert text.startswith("36 WFC3/UVIS G280 exposures were reduced with hustle_widgets version")
    assert "clipped at 3.5 standard deviations" in text and "free_sigma 3.5" in text
    assert "Laplacian" not in text and "sky image" not in text
    reduction.set(free_sigma=5.0, do_led=True, skip_first_fm=True)
    text = reduction.methods()
    assert text.startswith("33 of 36") and "the first exposure of each orbit" in text
    assert "clipped at 5 standard deviations" in text and "van Dokkum (2001)" in text
    with reduction.injection(0.01):
        assert "INJECTED" in reduction.methods()


def test_every_parameter_of_a_step_that_is_on_is_in_the_methods(small_visit, small_folder):
    reduction = Reduction(small_visit, **everything(small_folder), do_save=False)
    text = reduction.methods()
    for name, step in reduction.steps.items():
        if step.status == "fresh" and name != "read_data":
            for key in step.parameters:
                assert key in text, key


def test_pins_go_with_it(visit, tmp_path):
    reduction = quick(visit)
    reduction.pin("one")
    reduction.free_iter.free_sigma = 5
    reduction.pin("two")
    place = reduction.bundle(tmp_path / "referee")
    names = {path.name for path in (place / "pins").iterdir()}
    assert names == {"pins.json", "stage_1_one.hustle", "stage_1_two.hustle", "table.ecsv", "table.csv"}
    assert "free_sigma" in (place / "pins" / "table.csv").read_text()


def test_a_point_against_the_reduction_before_the_last_edit(reduction):
    reduction.run()
    with pytest.raises(ValueError, match="before the last edit"):
        reduction.explain(3, against="last edit")
    reduction.free_iter.free_sigma = 5
    reduction.run()
    found = reduction.explain(3, against="last edit")
    assert found.against == "the reduction before the last edit"
    after = reduction.light_curve()["flux"].value
    reduction.free_iter.free_sigma = 3.5
    before = reduction.light_curve()["flux"].value

    moved = 1e6 * (after[3] / np.median(after) - before[3] / np.median(before))
    assert abs(found.whole - moved) < 0.1 and abs(sum(p.ppm for p in found.parts) - moved) < 0.1
    # An edit that is not computed yet is against what was.
    reduction.free_iter.free_sigma = 6
    assert reduction.explain(3, against="last edit").then.outcomes["free_iter"] is not None
    reduction.free_iter.free_sigma = 5
    reduction.pin("five")
    reduction.free_iter.free_sigma = 3.5
    pinned = reduction.explain(3, against="five")
    assert abs(pinned.whole + moved) < 0.1
