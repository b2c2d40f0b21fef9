"""Bad values of every parameter, made from its declaration, through every door: refused, in a sentence."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from traitlets import TraitError
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.config import parse_value, read_config
from hustle_widgets.config_values import format_value
from hustle_widgets.settings import checked, checked_values, declared
from hustle_widgets.steps import parameters as kinds
from hustle_widgets.steps.parameters import ParameterError

DECLARED = declared()


class Odd:
    """An object that fails when it is looked at."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = None  # type: ignore[assignment]


class Endless:
    """An iterable without end that is longer than memory."""

    def __iter__(self) -> Iterator[int]:
        return itertools.count()

    def __len__(self) -> int:
        return 10**12


def of_any_kind() -> list[Any]:
    """Values that few parameters accept, each of another kind. Made anew: iterators are used up."""
    numbers = [0, -1, 1, 2, 3, 4, 10**6, 10**400, -(10**30), 0.5, -0.5, 1e308, math.nan, math.inf, -math.inf]
    of_numpy = [np.float32(2.5), np.int64(3), np.float64("nan"), np.bool_(True), np.datetime64("2020-01-01")]
    arrays = [np.arange(4), np.zeros((2, 2)), np.array(3), np.array([]), np.array(["a"]), np.ma.masked]
    texts = ["", "a", "None", "1", "\n", "\0", "'", "a" * 100_000, b"bytes", "\udc80", "../..", "é"]
    lists = [
        [],
        [1],
        [1, 2],
        [1.5, "a"],
        [[1, 2]],
        [[0, 5, 0, 5]],
        [[5, 0, 5, 0]],
        [None],
        [[[1]]],
        (),
        {1},
        {"a": 1},
    ]
    others = [
        None,
        True,
        False,
        1j,
        Decimal("2.5"),
        Fraction(1, 3),
        object,
        len,
        range(3),
        range(10**9),
        slice(3),
    ]
    deep: list[Any] = []
    for _ in range(3000):
        deep = [deep]
    holds_itself: list[Any] = []
    holds_itself.append(holds_itself)
    lazy = [
        itertools.count(),
        iter([1, 2]),
        (k for k in "ab"),
        Endless(),
        Odd(),
        deep,
        holds_itself,
        Path("a/b"),
    ]
    return [*numbers, *of_numpy, *arrays, *texts, *lists, *others, *lazy]


def surely_bad(parameter: Any) -> list[Any]:
    """Values that a parameter must refuse, by what its declaration says."""
    bad: list[Any] = [object(), 1j, b"x", {"a": 1}, len, Odd()]
    if not parameter.optional:
        bad.append(None)
    if isinstance(parameter, (kinds.Real, kinds.Whole)):
        bad += ["1", "", [1], True, False, math.nan, math.inf, -math.inf, np.array([1, 2]), 10**400]
        if parameter.min is not None:
            bad += [parameter.min - 1, -(10**30)]
        if parameter.above is not None:
            bad += [parameter.above, parameter.above - 1]
        if parameter.max is not None:
            bad += [parameter.max + 1, 10**30]
    if isinstance(parameter, kinds.Whole):
        bad += [0.5, 2.5, "2"]
    if isinstance(parameter, kinds.Switch):
        bad += [0, 1, "True", "", [], 2.0]
    if isinstance(parameter, kinds.Choice):
        bad += ["no such option", -17, 3.25, [], "".join(map(str, parameter.options)) + "x"]
    if isinstance(parameter, kinds.Text):
        bad += [3, 2.5, True, ["a"], "a\nb", "a\0b"]
        if parameter.pattern:
            bad += ["", "/", "../up", "a b", "."]
    if isinstance(parameter, (kinds.Reals, kinds.Wholes)):
        bad += [
            3,
            "123",
            ["a"],
            [None],
            [[1]],
            [math.nan],
            [math.inf],
            [True],
            itertools.count(),
            range(10**9),
            Endless(),
        ]
        if parameter.min is not None:
            bad += [[parameter.min - 1]]
        if parameter.above is not None:
            bad += [[parameter.above]]
    if isinstance(parameter, kinds.Kernel):
        bad += [0, 2, -3, 1.5, (3,), (3, 4), (3, 3, 3), "3", (3, math.nan), itertools.count()]
    if isinstance(parameter, kinds.Regions):
        bad += [
            [[1, 2, 3]],
            [[5, 5, 0, 9]],
            [[9, 0, 0, 9]],
            [[-1, 5, 0, 9]],
            [[0, 1.5, 0, 9]],
            [1, 2, 3, 4],
            "abcd",
        ]
    if isinstance(parameter, kinds.Position):
        bad += [[1], [1, 2, 3], 5, "12", [math.nan, 1], [None, 1], itertools.count()]
    if isinstance(parameter, kinds.Positions):
        bad += [[1, 2], [[1]], [[1, 2, 3]], [[math.inf, 1]], ["12"], 3]
    if isinstance(parameter, kinds.Orders):
        bad += [[], ["no such order"], 1, [None], [[]], itertools.count()]
    return bad


@pytest.mark.parametrize("key", DECLARED)
def test_what_a_declaration_rules_out_is_refused_with_a_sentence(key: str, trust: Any) -> None:
    owner, parameter = DECLARED[key]
    for value in [0, 1, "True", None, []] if parameter is None else surely_bad(parameter):
        with pytest.raises(ParameterError) as caught:
            checked({key: value})
        said = str(caught.value)
        assert key in said and "Got " in said and said.endswith("instead.") and len(said) < 1000, said
        assert parameter is None or owner in said
        trust.count("bad values")


@pytest.mark.parametrize("key", DECLARED)
def test_any_value_is_refused_or_kept_in_a_form_that_comes_back(key: str, trust: Any) -> None:
    for value in of_any_kind():
        trust.count("values of any kind")
        try:
            kept = checked({key: value})[key]
        except ParameterError as error:
            assert len(str(error)) < 1000
            continue
        assert checked({key: kept})[key] == kept
        again = parse_value(format_value(kept))
        assert checked({key: again})[key] == kept


def test_a_reduction_stays_as_it_was(trust: Any) -> None:
    reduction = Reduction(tiny_visit(), bounds=None, do_save=False)
    before, token = reduction.values(), reduction.known_tokens()
    for key, (owner, trait) in reduction.parameter_owners().items():
        parameter = DECLARED[key][1]
        for value in [0, None] if parameter is None else surely_bad(parameter):
            with pytest.raises(TraitError):
                reduction.set(**{"do_smooth": False, key: value})
            if parameter is not None:
                with pytest.raises(TraitError):
                    setattr(owner, trait, value)
            trust.count("bad values", 2)
        assert reduction.values() == before, key
    assert reduction.known_tokens() == token
    with pytest.raises(TypeError, match="no parameter"):
        reduction.set(do_led=False, no_such_key=1)
    assert reduction.values() == before


def test_a_bad_value_in_a_config_names_its_line(tmp_path: Path, trust: Any) -> None:
    path = tmp_path / "stage_1_bad.hustle"
    for key, (_, parameter) in DECLARED.items():
        written = ["0", "'True'", "[]"] if parameter is None else []
        for value in [] if parameter is None else surely_bad(parameter):
            if value is None or isinstance(value, (bool, int, float)):
                written.append(repr(value))
        for text in written:
            path.write_text(f"# head\n{key} {text} # comment\n# ENDPARSE\n")
            trust.count("bad values")
            try:
                found = checked_values(read_config(path))
            except ValueError as error:
                assert "stage_1_bad.hustle" in str(error) and "2" in str(error) and key in str(error)
            else:  # a text without quotes is one
                assert isinstance(parameter, kinds.Text) or text == "None" or key in found, (key, text, found)
