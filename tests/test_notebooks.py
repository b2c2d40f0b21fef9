"""The notebooks run from top to bottom, alone and one after the other in one folder as people do, and again."""

import ast
import re
import shlex
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from hustle_widgets.cli import main

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FIRST, SECOND, LAST = NOTEBOOKS


def run(path: Path, folder: Path) -> str:
    """Execute a notebook in a folder; return what its cells said."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs, "no cell said anything"
    said = "".join(output.get("text", "") for output in outputs)
    assert "The figure" not in said, "a figure could not be drawn"
    return said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which all notebooks are run, one after the other."""
    return tmp_path_factory.mktemp("notebooks")


# The last one first: what it needs of the others is not there. It leaves nothing but the visit as every notebook
# makes it, so that the next one is as good as alone too. The one that writes most comes again after all others.
ORDER = [LAST, SECOND, FIRST, SECOND]


@pytest.mark.parametrize("place", range(len(ORDER)), ids=[f"{k} {p.stem}" for k, p in enumerate(ORDER, 1)])
def test_the_notebooks_run_in_one_folder_in_any_order(place: int, folder: Path) -> None:
    path = ORDER[place]
    said = run(path, folder)
    if path == LAST:
        assert [entry.name for entry in folder.iterdir()] == ["demo_visit"]
        assert not (folder / "demo_visit" / "outputs").exists()
    if path == FIRST:
        before, after = map(float, re.search(r"scatter: ([\d.]+) -> ([\d.]+) times", said).groups())
        assert 1 < after < 1.5 < before, "the edit of the first notebook does not improve the reduction"


def test_all_notebooks_make_the_same_visit() -> None:
    """Whichever is run first makes it, and the texts and questions of the others are about that one."""
    calls = [re.search(r"simulate_visit\(\n.*?\n    \)", code(path), re.S) for path in NOTEBOOKS]
    assert len({call.group() for call in calls if call}) == 1 and all(calls)


def test_binder_makes_that_visit_too() -> None:
    """It is made when the image is built, so that the first cell need not."""
    script = (ROOT / "binder" / "postBuild").read_text()
    (line,) = (
        shlex.split(line) for line in script.splitlines() if line.startswith("hustle-widgets simulate")
    )
    called: dict[str, object] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hustle_widgets.simulate.simulate_visit", lambda folder, **given: called.update(given))
        with pytest.raises(TypeError):  # what it returns is no visit
            main(line[1:])
    call = re.search(r"simulate_visit\(\n(.*?)\n    \)", code(FIRST), re.S)
    asked = ast.parse(f"f({call.group(1)}\n)").body[0].value
    wanted = {keyword.arg: ast.literal_eval(keyword.value) for keyword in asked.keywords}
    assert {name: called[name] for name in wanted} == wanted


def code(path: Path) -> str:
    """Return the code of a notebook."""
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "code")
