"""A script of to_script has our effects only, whatever a stranger named a folder."""

from __future__ import annotations

import ast
import types
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.script import script_of
from hustle_widgets.settings import checked, declared
from hustle_widgets.steps.parameters import ParameterError, Text, as_lists

TEXTS = [key for key, (_, parameter) in declared().items() if isinstance(parameter, Text)]
OURS = {"load_visit", "reduce", "save_clean"}
NASTY = [
    '"""\nimport os; os.system("false")\n"""',
    '""" + open("x", "w").write("") + """',
    "'''); import os #",
    "C:\\Users\\new\\x00\\N{BULLET}",
    "\\",
    "{folder!r} {0} %s %(run)s",
    "# -*- coding: utf-7 -*-",
    "\u202e\u2028\x85\x0c\r",
    "\udc80\udcff",
    "a'b\"c",
]
words = st.one_of(st.sampled_from(NASTY), st.text(max_size=40), st.text("\"'\\#{}%\r\n ()", max_size=12))


class Named(str):
    """A text that shows itself as code."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "__import__('os').abort()"


def effects_of(script: str) -> dict[str, list[Any]]:
    """What a script does: the arguments of the calls it makes, all of them ours and literals."""
    tree = ast.parse(script)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert {ast.unparse(call.func) for call in calls} == OURS
    allowed = (ast.Module, ast.Expr, ast.ImportFrom, ast.alias, ast.Assign, ast.Name, ast.Load, ast.Store)
    literals = (ast.Call, ast.keyword, ast.Constant, ast.List, ast.UnaryOp, ast.USub)
    assert {type(node) for node in ast.walk(tree)} <= {*allowed, *literals}
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in imports] == ["hustle_widgets", "hustle_widgets.visit"]
    done: dict[str, list[Any]] = {}

    def stand_in(name: str) -> Any:
        def call(*arguments: Any, **keywords: Any) -> str:
            done[name] = [arguments, keywords]
            return f"the result of {name}"

        return call

    module = types.SimpleNamespace(**{name: stand_in(name) for name in OURS})
    code = compile(script, "script", "exec")
    exec(code, {"__builtins__": {"__import__": lambda *arguments: module}})
    return done


@given(st.dictionaries(st.sampled_from(TEXTS), words), words, st.booleans())
@settings(max_examples=300)
def test_a_script_does_what_it_should_and_nothing_else(
    given_texts: dict[str, str], folder: str, named: bool
) -> None:
    visit = tiny_visit(2, (4, 5))
    visit.attrs["toplevel_dir"] = folder
    texts = {}
    for key, text in given_texts.items():
        try:
            texts |= checked({key: Named(text) if named else text})
        except ParameterError:
            continue
    values = {**checked({"free_sigma": 4.25, "rows": [1, 2], "location": (1.5, -2e-9)}), **texts}
    everything = {
        key: True if parameter is None else parameter.tutorial for key, (_, parameter) in declared().items()
    }
    everything |= {"toplevel_dir": folder, **values}
    script = script_of(visit, everything)
    script.encode("ascii")
    done = effects_of(script)
    assert done["load_visit"] == [(folder or everything["toplevel_dir"],), {}]
    assert done["save_clean"] == [("the result of reduce", "clean_obs.nc"), {}]
    again = checked(done["reduce"][1])
    assert {key: again[key] for key in again} == {key: everything[key] for key in again}
    for key in ("free_sigma", "rows", "location"):
        assert as_lists(again[key]) == as_lists(values[key])


@pytest.mark.parametrize("folder", NASTY)
def test_a_strangers_folder_runs_nothing(folder: str) -> None:
    visit = tiny_visit(2, (20, 30))
    if not {"\n", "\0"} & set(folder):
        assert effects_of(Reduction(visit, toplevel_dir=folder).to_script())["load_visit"] == [(folder,), {}]
    else:
        with pytest.raises(ParameterError, match="'toplevel_dir' parameter of Reduction"):
            Reduction(visit, toplevel_dir=folder)


def test_a_script_loads_the_visit_from_its_folder_wherever_outputs_go() -> None:
    loaded, made = tiny_visit(2, (20, 30), folder="a"), tiny_visit(2, (20, 30))
    script = Reduction(loaded, toplevel_dir="b").to_script()
    assert effects_of(script)["load_visit"] == [("a",), {}] and "made by hand" not in script
    script = Reduction(made, toplevel_dir="b").to_script()
    assert effects_of(script)["load_visit"] == [("b",), {}] and "made by hand" in script


@pytest.mark.parametrize("folder", ["{config}", "'\\{config}", '"""{0}', "C:\\N"])
def test_the_script_of_a_bundle_is_that_of_the_reduction(folder: str, tmp_path: Path) -> None:
    """Nothing is filled into it, whatever a folder is called."""
    reduction = Reduction(tiny_visit(3, (20, 30)), toplevel_dir=folder, bounds=None, do_save=False, verbose=0)
    place = reduction.bundle(tmp_path / "bundle")
    script = (place / "reduce.py").read_text(encoding="utf-8")
    assert script == reduction.to_script()
    assert effects_of(script)["load_visit"] == [(folder,), {}]
