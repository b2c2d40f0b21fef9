"""Files with a step of one's own: how they are imported, refused, sent to other processes, and handed on."""

from __future__ import annotations

import pickle
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.campaign.jobs import Job
from hustle_widgets.campaign.records import asked
from hustle_widgets.cli import main
from hustle_widgets.script import script_of
from hustle_widgets.steps import own_file, with_step
from hustle_widgets.steps.line_up import named_step
from hustle_widgets.steps.own_file import own_steps
from hustle_widgets.testing import check_step

TEXT = """from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hustle_widgets.engine.deltas import Offset
from hustle_widgets.steps.base import Step


@dataclass
class Level:
    \"""How much is taken off.\"""

    value: float = 2.0


class Pedestal(Step):
    \"""Take a number off.\"""

    name, title, after, switch = "NAME", "A pedestal", "hst_flags", "do_NAME"

    @staticmethod
    def compute(block):
        \"""Take it off.\"""
        return Offset(np.full(1, Level().value, np.float32))
"""


def written(place: Path, name: str = "pedestal", text: str = TEXT) -> str:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text.replace("NAME", name))
    return f"{place}:Pedestal"


def test_a_file_may_have_any_name_and_dataclasses(tmp_path):
    """It hides no module of that name, and two files of one name are two modules."""
    first = named_step(written(tmp_path / "random.py", "first"))
    second = named_step(written(tmp_path / "b" / "random.py", "second"))
    third = named_step(written(tmp_path / "c" / "my step-1.py", "third"))
    assert sys.modules["random"] is random
    assert [kind.name for kind in (first, second, third)] == ["first", "second", "third"]
    assert named_step(f"{tmp_path}/b/../random.py:Pedestal") is first
    values = Reduction(tiny_visit(4, (12, 20)), steps=[first, second, third]).run().attrs
    assert values["do_first"] == values["do_third"] == "True"

    kinds = with_step(first, second, third)
    script = script_of(tiny_visit(), {"toplevel_dir": ""}, kinds)
    for line in (
        "from step_random import Pedestal  # a copy of 'random.py' as step_random.py",
        "from step_random_2 import Pedestal as Pedestal_2  # a copy of 'random.py' as step_random_2.py",
        "from my_step_1 import Pedestal as Pedestal_3  # a copy of 'my step-1.py' as my_step_1.py",
    ):
        assert line in script.splitlines()
    assert "Pedestal, Pedestal_2, Pedestal_3, *STAGE_1[2:14]]" in script
    compile(script, "script", "exec")


def test_a_file_that_was_changed_is_another(tmp_path):
    place = written(tmp_path / "mine.py")
    before = named_step(place)
    assert named_step(place) is before
    written(tmp_path / "mine.py", text=TEXT.replace("2.0", "3.0"))
    assert named_step(place) is not before


BROKEN = {
    "syntax": ("def f(:\n", "line 2: SyntaxError: invalid syntax"),
    "import": ("import nothing_of_that_name\n", "line 2: ModuleNotFoundError: No module named 'nothing_of"),
    "exception": ("x = {}['key']\n", "line 2: KeyError: 'key'"),
    "exit": ("raise SystemExit\n", "line 2: SystemExit"),
    "class": (TEXT.replace("name, title,", "by, title,"), "TypeError: The `by` of Pedestal must be"),
    "deep": ("import json\njson.loads('x')\n", "line 3: JSONDecodeError: Expecting value"),
}


@pytest.mark.parametrize(("text", "message"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_imported_is_named_with_its_line(tmp_path, monkeypatch, capsys, text, message):
    place = written(tmp_path / "broken.py", text=text if "from __future__" in text else f"# A step.\n{text}")
    assert main(["run", str(tmp_path), "--step", place]) == 2
    said = capsys.readouterr().err
    path = tmp_path / "broken.py"
    assert said.startswith(f"hustle-widgets: {path} cannot be imported. {path}, line ") and message in said
    assert said.count("\n") == 1
    (tmp_path / "package_of_mine.py").write_text(f"# A step.\n{text}")
    if "from __future__" not in text and "exit" not in message.lower():
        monkeypatch.syspath_prepend(str(tmp_path))
        with pytest.raises(
            ValueError, match="package_of_mine cannot be imported. .*package_of_mine.py, line"
        ):
            named_step("package_of_mine:Pedestal")


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere.py:Pedestal", "There is no step 'nowhere.py:Pedestal'.* No such file"),
        ("no.such.module:Pedestal", "There is no step .*No module named 'no'"),
        ("mine.py", "give it as package.module:Class"),
        ("mine.py:Pedestral", "no 'Pedestral' in it; steps in it: Pedestal"),
        ("mine.py:Level", "'Level' in it is no class of a step"),
    ],
)
def test_what_is_no_step_is_refused(tmp_path, monkeypatch, place, message):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "mine.py")
    with pytest.raises(ValueError, match=message):
        named_step(place)


def job(*kinds) -> Job:
    return Job("visit", "place", "folder", "run_1", with_step(*kinds))


def test_another_process_finds_the_step_of_a_job(tmp_path, monkeypatch):
    """Also where the file is not: its text goes with the job."""
    kind = named_step(written(tmp_path / "far.py"))
    packed, known = pickle.dumps(job(kind)), asked(job(kind))
    assert pickle.loads(packed).steps == with_step(kind)
    (tmp_path / "far.py").unlink()
    monkeypatch.setattr(own_file, "_files", {})  # as in another process
    monkeypatch.delitem(sys.modules, kind.__module__)
    found = pickle.loads(packed)
    assert found.steps[2].name == "pedestal" and found.steps[2] is not kind
    assert asked(found) == known


def test_another_function_beside_the_class_is_another_result(tmp_path):
    place = written(tmp_path / "mine.py")
    before = asked(job(named_step(place)))
    written(tmp_path / "mine.py", text=TEXT.replace("2.0", "3.0"))
    assert asked(job(named_step(place))) != before


def test_a_bundle_holds_the_files_of_the_steps(tmp_path):
    kinds = with_step(
        named_step(written(tmp_path / "random.py", "first")),
        named_step(written(tmp_path / "mine.py", "second")),
    )
    visit = tiny_visit(folder=str(tmp_path))
    reduction = Reduction(visit, steps=kinds, do_save=False, dist_from_trace=8, smth_bounds=None, bounds=None)
    place = reduction.bundle(tmp_path / "referee")
    said = (place / "README.txt").read_text()
    for own, name in (("random", "step_random"), ("mine", "mine")):
        assert (place / f"{name}.py").read_text() == (tmp_path / f"{own}.py").read_text()
        assert f"{name}.py" in said and f"from {name} import Pedestal" in (place / "reduce.py").read_text()
    assert "not of hustle_widgets" in said and "{" not in said


def test_a_step_without_a_file_is_said_to_be_missing():
    kind = type(check_step)  # any class of a module without a file
    (step,) = own_steps([kind]).values()
    assert step.source is None and np.char.endswith(step.file, ".py")
