"""Rules of the repository: tools, layers, sizes, notebooks, README, Binder."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import jsonschema
import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hustle_widgets import display

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hustle_widgets"
LAB_SETTINGS = PACKAGE / "data" / "labconfig" / "default_setting_overrides.json"
PLOTTING = {"bqplot", "bqscales", "ipympl", "matplotlib"}
WIDGETS = PLOTTING | {"IPython", "ipywidgets", "traitlets", "traittypes"}
README_COMMANDS = (
    "python -m pip install . && hustle-widgets demo",
    'python -m pip install ".[test]" && python -m pytest',
)
# A folder of somebody's machine, as in "/" + "home/ada". Not part of an address or of a longer path.
MACHINE_PATH = re.compile(r"(?<![\w./}])/(?:home|root|Users|work|mnt)/\w+")


def repository_files() -> list[Path]:
    """Every file that is in git or would be added to it."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listed if name and (path := ROOT / name).is_file()]


def modules(*parts: str) -> list[Path]:
    """The package's Python files, or those of a subpackage, which must have some."""
    found = sorted(PACKAGE.joinpath(*parts).rglob("*.py"))
    assert found, f"no module in {'/'.join(('hustle_widgets', *parts))}"
    return found


def imported(source: str, module: str) -> Iterator[str]:
    """The full names that `module` (dotted; a package's ends in ``.__init__``) imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            base += node.module.split(".") if node.module else []
            yield from (".".join([*base, name.name]) for name in node.names)


def imports_of(path: Path) -> set[str]:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return set(imported(path.read_text(), module))


def forbidden(path: Path, names: set[str]) -> list[str]:
    """Imports of `path` that are one of `names` or lie inside it."""
    return sorted(i for i in imports_of(path) if any(i == n or i.startswith(f"{n}.") for n in names))


def report(problems: Mapping[Path, object]) -> str:
    return "".join(f"\n  {path.relative_to(ROOT)}: {problem}" for path, problem in problems.items())


@pytest.mark.parametrize("tool", ["ruff check", "ruff format --check", "mypy"])
def test_tool_passes(tool: str) -> None:
    command = [sys.executable, "-m", *tool.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"python -m {tool}:\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b as c, d", {"a.b", "d"}),
        ("def f():\n    from bqplot import Lines", {"bqplot.Lines"}),
        ("from . import view", {"hustle_widgets.steps.view"}),
        ("from ..view import plots", {"hustle_widgets.view.plots"}),
        ("from .. import view", {"hustle_widgets.view"}),
        ("text = 'import bqplot'", set()),
    ],
)
def test_imports_are_found(source: str, expected: set[str]) -> None:
    assert set(imported(source, "hustle_widgets.steps.led")) == expected


def test_algorithms_import_only_numerics() -> None:
    allowed = {"numpy", "scipy", "bottleneck", "__future__"} | sys.stdlib_module_names
    problems: dict[Path, object] = {}
    for path in modules("algorithms"):
        names = imports_of(path)
        outside = {n for n in names if n.split(".")[0] not in allowed}
        outside -= {n for n in names if n.startswith("hustle_widgets.algorithms.")}
        if outside:
            problems[path] = sorted(outside)
    assert not problems, report(problems)


def test_engine_imports_no_widget_and_no_layer_above() -> None:
    above = {f"hustle_widgets.{p.stem}" for p in PACKAGE.iterdir()}
    above -= {"hustle_widgets.engine", "hustle_widgets.algorithms", "hustle_widgets.__init__"}
    problems = {
        p: f for p in modules("engine") if (f := forbidden(p, WIDGETS | above | {"astropy", "netCDF4"}))
    }
    assert not problems, report(problems)


def test_only_the_view_imports_plotting() -> None:
    outside = [path for path in modules() if path.relative_to(PACKAGE).parts[0] != "view"]
    problems = {path: found for path in outside if (found := forbidden(path, PLOTTING))}
    assert not problems, report(problems)


def names_of_modules() -> dict[str, Path]:
    """The package's modules by dotted name; a package by its own."""
    dotted = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in modules()}
    return {name.removesuffix(".__init__"): path for name, path in dotted.items()}


def import_graph(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Which of these modules each imports: anywhere in it, also in functions and for type checking."""
    graph: dict[str, set[str]] = {}
    for name, path in files.items():
        found = set()
        for target in imports_of(path):
            while target and target not in files:
                target = target.rpartition(".")[0]
            found.add(target)
        graph[name] = found - {"", name}
    return graph


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """A way along imports that comes back to where it began; empty if there is none."""
    finished: set[str] = set()

    def search(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in finished:
            for target in sorted(graph[name]):
                if found := search(target, [*way, name]):
                    return found
            finished.add(name)
        return []

    return next((found for name in sorted(graph) if (found := search(name, []))), [])


def test_imports_make_no_circle() -> None:
    assert circle_in({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert not circle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()})
    graph = import_graph(names_of_modules())
    assert len(graph) > 100 and "hustle_widgets.steps.base" in graph["hustle_widgets.steps.led"]
    assert circle_in(graph) == []


# Folders and modules of the package from the lowest to the highest, as docs/architecture.md draws them; those not
# named here lie between. Whatever one imports, itself or through others, stands with it or lower.
LAYERS = (
    "algorithms",
    "engine reading",
    "lazy source visit",
    "display protocols steps",
    "view",
    "computation run_folder script",
    "reduction",
    "console pipeline testing",
    "campaign",
    "__init__ cli",
)


def reachable(graph: Mapping[str, set[str]], name: str) -> set[str]:
    """All that a module imports, itself or through others."""
    found: set[str] = set()
    todo = [name]
    while todo:
        new = graph[todo.pop()] - found
        found |= new
        todo += new
    return found


def test_no_module_imports_a_higher_one() -> None:
    level = {name: number for number, names in enumerate(LAYERS) for name in names.split()}
    graph = import_graph(names_of_modules())
    layer = {name: level.get(name.split(".")[1] if "." in name else "__init__") for name in graph}
    assert {number for number in layer.values() if number is not None} == {*range(len(LAYERS))}
    upward = [
        f"{low} imports {high}"
        for low, number in layer.items()
        if number is not None
        for high in reachable(graph, low)
        if (layer[high] or 0) > number
    ]
    assert not upward, "\n".join(upward)


def test_the_view_is_opened_by_one_door() -> None:
    """A Reduction and its steps name the view in `display` alone, as text; figures are drawn into files."""
    files = names_of_modules()
    problems: dict[Path, object] = {}
    for name, path in files.items():
        allowed = {"hustle_widgets.view.figures"} if not name.startswith("hustle_widgets.steps") else set()
        found = [target for target in forbidden(path, {"hustle_widgets.view"})
                 if not any(target.startswith(f"{one}.") for one in allowed)]  # fmt: skip
        if found and not name.startswith("hustle_widgets.view"):
            problems[path] = found
    assert not problems, report(problems)
    assert display.VIEW in files


def private_names_of_others(source: str) -> list[str]:
    """Where a private name is used that this module does not declare: as an attribute, or imported."""
    tree = ast.parse(source)
    own = {"_replace", "_asdict", "_fields", "_make"}  # public API of named tuples
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            own.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("self", "cls"):
            own |= {node.attr} if isinstance(node.ctx, ast.Store) else set()
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls", "super()"):
            names = [] if node.attr in own else [node.attr]
        else:
            continue
        found += [f"line {node.lineno}: {n}" for n in names if n.startswith("_") and not n.endswith("__")]
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(x):\n    x._lock.acquire()", ["line 2: _lock"]),
        ("from a import _b", ["line 1: _b"]),
        ("self.reduction._chain", ["line 1: _chain"]),
        ("class A:\n    def f(self, other):\n        self._x = other._x", []),
        ("self._x + cls._y + super()._z + x.__class__ + t._replace(a=1)", []),
        ("from __future__ import annotations", []),
    ],
)
def test_private_names_are_found(source: str, expected: list[str]) -> None:
    assert private_names_of_others(source) == expected


def test_no_private_name_of_another_module_is_used() -> None:
    problems = {p: f for p in modules() if (f := private_names_of_others(p.read_text()))}
    assert not problems, report(problems)


def test_the_view_knows_steps_and_reductions_by_type() -> None:
    untyped = re.compile(r"\b(?:step|reduction|live|kind|image): Any\b|def (?:step|reduction)\(self\) -> Any")
    problems = {p: f for p in modules("view") if (f := untyped.findall(p.read_text()))}
    assert not problems, report(problems)


def test_importing_the_package_loads_no_plotting() -> None:
    code = "import hustle_widgets, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not PLOTTING & set(done.stdout.split())


def test_files_are_small() -> None:
    large = {p: f"{p.stat().st_size} bytes" for p in repository_files() if p.stat().st_size > 1_000_000}
    assert not large, report(large)
    counts = {path: len(path.read_text().splitlines()) for path in modules()}
    long = {path: f"{lines} lines, 400 are too many" for path, lines in counts.items() if lines >= 400}
    assert not long, report(long)


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert MACHINE_PATH.search("cd /" + "root/x") and not MACHINE_PATH.search("https://a.org/" + "home/x")
    problems: dict[Path, object] = {}
    for path in repository_files():
        text = path.read_bytes()
        if b"\0" not in text and (found := MACHINE_PATH.findall(text.decode())):
            problems[path] = found
    assert not problems, report(problems)


def test_there_is_a_first_notebook() -> None:
    assert (ROOT / "notebooks" / "01_first_reduction.ipynb").is_file()


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebook_is_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata, "has saved widget state"
    assert notebook.metadata.kernelspec.name == "python3"
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            assert not cell.outputs, f"cell {number} has outputs"
            assert cell.execution_count is None, f"cell {number} has an execution count"


def test_readme_has_the_two_commands() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert [command for command in README_COMMANDS if command not in lines] == []


def test_installed_package_is_complete() -> None:
    """The wheel brings the notebooks, JupyterLab's settings and the command."""
    try:
        distribution = importlib.metadata.distribution("hustle_widgets")
    except importlib.metadata.PackageNotFoundError:
        assert os.environ.get("CI") != "true", "install the package before its tests"
        pytest.skip("the package is not installed")
    if json.loads(distribution.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable"):
        pytest.skip("an editable install takes its files from the checkout")
    installed = {str(file) for file in distribution.files or ()}
    expected = {path.relative_to(ROOT).as_posix() for path in repository_files() if PACKAGE in path.parents}
    expected |= {f"hustle_widgets/_notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert sorted(expected - installed) == [], "missing in the installed package (install it again?)"
    command = next(iter(importlib.metadata.entry_points(name="hustle-widgets", group="console_scripts")))
    assert callable(command.load())


def project() -> dict[str, list[Requirement]]:
    """The project's requirements, by extra; '' for those of the package itself."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = {"": table["dependencies"], **table["optional-dependencies"]}
    return {extra: [Requirement(text) for text in texts] for extra, texts in groups.items()}


def test_binder_pins_what_the_package_asks_for() -> None:
    lines = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    pins: dict[str, str] = {}
    for requirement in (Requirement(line) for line in lines if line and not line.startswith("#")):
        (pin,) = requirement.specifier
        assert pin.operator == "==" and "*" not in pin.version, f"{requirement} is no exact version"
        pins[canonicalize_name(requirement.name)] = pin.version
    asked = {canonicalize_name(r.name): r.specifier for r in project()[""] + project()["lab"]}
    assert pins.keys() == asked.keys()
    refused = [name for name, version in pins.items() if version not in asked[name]]
    assert refused == [], "pinned outside of the range in pyproject.toml"


def test_jupyterlab_knows_the_settings() -> None:
    schemas = Path(sys.prefix) / "share" / "jupyter" / "lab" / "schemas"
    settings = json.loads(LAB_SETTINGS.read_text())
    assert settings["@jupyterlab/notebook-extension:tracker"]["windowingMode"] == "none"
    for plugin, values in settings.items():
        package, name = plugin.split(":")
        schema = json.loads((schemas / package / f"{name}.json").read_text())
        assert values.keys() <= schema["properties"].keys(), plugin
        jsonschema.validate(values, schema)


def test_binder_prepares_a_visit(tmp_path: Path) -> None:
    script = ROOT / "binder" / "postBuild"
    assert os.access(script, os.X_OK), "postBuild must be executable"
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    lines = [shlex.split(line, comments=True) for line in script.read_text().splitlines()]
    assert any(line[:1] == ["cp"] and ROOT / line[1] == LAB_SETTINGS for line in lines)
    (simulate,) = (line for line in lines if line[:1] == ["hustle-widgets"])
    simulate[simulate.index("--frames") + 1] = "2"
    code = "import sys; from hustle_widgets.cli import main; sys.exit(main())"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, *simulate[1:]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / simulate[2]).rglob("*.fits"))) >= 2


def test_saved_figures_take_no_colours_that_only_a_page_has() -> None:
    problems = {
        path: found
        for path in modules("view", "figures")
        if (found := forbidden(path, {"hustle_widgets.view.theme"}))
    }
    assert not problems, report(problems)
