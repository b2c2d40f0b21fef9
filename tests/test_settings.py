"""Config files and Reductions: every value there and back, hostile files refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.config import ConfigError, read_config
from hustle_widgets.settings import checked, checked_values, declared, remarks, tutorial_values
from hustle_widgets.steps import parameters as kinds
from hustle_widgets.steps.parameters import Parameter, ParameterError

TEMPLATE = Path(__file__).parent / "data" / "stage_1_input_config.hustle"
VISIT = tiny_visit(3, (24, 40))


def real(parameter: Any) -> st.SearchStrategy[float]:
    low = parameter.min if parameter.min is not None else parameter.above
    return st.floats(
        min_value=low,
        max_value=parameter.max,
        exclude_min=parameter.above is not None,
        allow_nan=False,
        allow_infinity=False,
    )


def whole(parameter: Any) -> st.SearchStrategy[int]:
    low = parameter.min if parameter.min is not None else -(10**6)
    return st.integers(int(low), int(parameter.max) if parameter.max is not None else 10**6)


ODD = st.integers(0, 50).map(lambda number: 2 * number + 1)
EDGES = st.tuples(st.integers(0, 3000), st.integers(1, 500)).map(lambda pair: (pair[0], sum(pair)))
PLACE = st.tuples(*[st.floats(-1e6, 1e6, allow_nan=False)] * 2)
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=30)
STRATEGIES: dict[type[Parameter], Any] = {
    kinds.Real: real,
    kinds.Whole: whole,
    kinds.Reals: lambda parameter: st.lists(real(parameter), max_size=4).map(tuple),
    kinds.Wholes: lambda parameter: st.lists(whole(parameter), max_size=8).map(tuple),
    kinds.Switch: lambda parameter: st.booleans(),
    kinds.Choice: lambda parameter: st.sampled_from(parameter.options),
    kinds.Kernel: lambda parameter: ODD | st.tuples(ODD, ODD),
    kinds.Regions: lambda parameter: st.lists(
        st.tuples(EDGES, EDGES).map(lambda e: (*e[0], *e[1])), max_size=3
    ).map(tuple),
    kinds.Position: lambda parameter: PLACE,
    kinds.Positions: lambda parameter: st.lists(PLACE, max_size=4).map(tuple),
    kinds.Orders: lambda parameter: st.lists(
        st.sampled_from(parameter.options), min_size=1, max_size=3, unique=True
    ).map(tuple),
    kinds.Text: lambda parameter: (
        st.from_regex(parameter.pattern, fullmatch=True) if parameter.pattern else TEXT
    ),
}


def values_of_every_kind() -> st.SearchStrategy[dict[str, Any]]:
    found = {}
    for key, (_, parameter) in declared().items():
        strategy = st.booleans() if parameter is None else STRATEGIES[type(parameter)](parameter)
        if parameter is not None and parameter.optional and type(parameter) is not kinds.Choice:
            strategy |= st.none()
        found[key] = strategy
    return st.fixed_dictionaries(found)


@settings(max_examples=10)
@given(values=values_of_every_kind())
def test_every_value_comes_back_from_its_file(values: dict[str, Any], tmp_path_factory: Any) -> None:
    values = checked(values)
    reduction = Reduction(VISIT)
    reduction.set(**values)
    path = reduction.write_config(tmp_path_factory.mktemp("config") / "stage_1_x.hustle")
    again = Reduction.from_config(path, VISIT)
    assert again.values() == values
    assert read_config(path).problems == []


def test_the_template_is_what_the_declarations_say() -> None:
    """Every key of the tutorial's template is declared, in its order, with its value."""
    config = read_config(TEMPLATE)
    values = tutorial_values()
    assert [key for key in values if key in config] == list(config)
    assert checked_values(config) == {key: values[key] for key in config}
    assert remarks(config) == []


def test_unknown_keys_comments_and_order_survive(tmp_path: Path) -> None:
    text = (
        TEMPLATE.read_text()
        .replace("# Step 3b", "my_own_key {'a'} # kept\n# Step 3b")
        .replace("{'a'}", "[1, 'two'] ")
    )
    path = tmp_path / "stage_1_a.hustle"
    path.write_text(text)
    reduction = Reduction.from_config(path, VISIT)
    reduction.free_iter.free_sigma = 4.25
    written = reduction.write_config(tmp_path / "b.hustle").read_text()
    before, after = text.splitlines(), written.splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=False) if old != new]
    assert [old.split()[0] for old, _ in changed if old.split()[0] != "#"] == ["free_sigma"]
    assert changed[0][1].startswith("free_sigma 4.25 # float. The sigma")
    assert "my_own_key [1, 'two']  # kept" in after
    assert any("my_own_key" in remark for remark in remarks(read_config(path)))


def test_values_that_are_refused_name_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "stage_1.hustle"
    path.write_text("# a comment\nfree_sigma -1 # float.\n# ENDPARSE\n")
    with pytest.raises(
        ConfigError, match=r"stage_1.hustle, line 2: The 'free_sigma' parameter of FreeIteration"
    ):
        Reduction.from_config(path, VISIT)
    path.write_text("do_led 2\n")
    with pytest.raises(ConfigError, match="line 1: The 'do_led' switch must be True or False. Got 2"):
        Reduction.from_config(path, VISIT)


@pytest.mark.parametrize(
    "value",
    [
        "__import__('os').system('touch {mark}')",
        "(lambda: open('{mark}', 'w'))()",
        "[open('{mark}', 'w') for i in range(1)]",
        "[i for i in range(10**12)]",
        "[i for i in range(999999999)]",
        "9**9**9",
        "(" * 5000,
        "'{mark}'.__class__",
    ],
)
def test_a_strangers_file_runs_nothing(value: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = tmp_path / "stage_1.hustle"
    path.write_text(f"verbose 0\nrows {value.replace('{mark}', str(mark))} # list\n")
    with pytest.raises(ConfigError) as caught:
        Reduction.from_config(path, VISIT)
    assert caught.value.line == 2 and "line 2" in str(caught.value)
    assert not mark.exists()


def test_checked_says_what_is_wrong() -> None:
    assert checked({"fixed_sigmas": [np.float32(5)], "do_led": False}) == {
        "fixed_sigmas": (5.0,),
        "do_led": False,
    }
    with pytest.raises(TypeError, match="Did you mean 'free_sigma'"):
        checked({"fre_sigma": 3})
    with pytest.raises(ParameterError, match="'led_factor' parameter of LaplacianEdgeDetection"):
        checked({"led_factor": 1})
