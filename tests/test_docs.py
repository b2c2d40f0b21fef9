"""The docs say what the code says."""

import doctest
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hustle_widgets.steps import STAGE_1

CHECKOUT = Path(__file__).parents[1]
PACKAGE = CHECKOUT / "hustle_widgets"


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_a_page_names_is_there(page):
    text = (CHECKOUT / page).read_text()
    named = re.findall(r"`((?:[\w.]+/)*[\w.]+\.(?:py|toml|md))`", text)
    named += re.findall(r"`((?:\w+/)+)`", text)
    named += re.findall(r"python ((?:docs|benchmarks)/\w+\.py)", text)
    lacking = [name for name in named if not any((place / name).exists() for place in (CHECKOUT, PACKAGE))]
    linked = re.findall(r"\]\((?!http)([^)#]+)", text)
    lacking += [name for name in linked if not ((CHECKOUT / page).parent / name).exists()]
    assert not lacking


@pytest.mark.parametrize("name", ["make_parameters", "make_clean_obs", "make_tour_page"])
def test_a_page_is_written_from_the_declarations(name):
    path = CHECKOUT / "docs" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text() == module.page(), f"run python docs/{name}.py"


def test_the_first_python_example_of_the_readme_works_when_pasted(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.S)
    done = subprocess.run(
        [sys.executable, "-c", blocks[0]], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "free_iter fresh" in done.stdout
    assert (tmp_path / "files" / "outputs" / "stage_1" / "run_1" / "clean_obs.nc").is_file()


def test_the_tour_shows_every_step_and_every_picture_is_there():
    tour = (CHECKOUT / "docs" / "tour.md").read_text()
    for step in STAGE_1:
        assert f"## {step.section} {step.title}\n" in tour
    named = {CHECKOUT / "docs" / name for name in re.findall(r"\]\((\S+\.png)\)", tour)}
    there = {*(CHECKOUT / "docs").glob("*.png"), *(CHECKOUT / "docs" / "tour").glob("*.png")}
    assert named == there


@pytest.mark.parametrize("path", sorted((PACKAGE / "algorithms").glob("*.py")), ids=lambda path: path.stem)
def test_the_examples_of_algorithms_give_what_they_say(path):
    module = importlib.import_module(f"hustle_widgets.algorithms.{path.stem}")
    assert doctest.testmod(module).failed == 0
