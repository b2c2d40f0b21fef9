"""A stranger's config: any bytes at all give values or one sentence, and never run, hang or write anything."""

from __future__ import annotations

import builtins
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hustle_widgets.config import ConfigError, parse_value, read_config
from hustle_widgets.settings import checked_values, declared

SOURCE = [
    "__import__('os').system('false')",
    "[i for i in range(10**9)]",
    "[" * 5000,
    "(" * 100_000,
    "9" * 100_000,
    "'" + "\\" * 9999,
    "np.float64(__import__('os').getpid())",
    "[x.__class__ for x in range(3)]",
    "[i for i in range(10)][::-1]",
    "f'{1+1}'",
    "lambda: 0",
    "1e999999999",
    "0x" + "f" * 5000,
    "range(-10**30, 10**30)",
    "{}",
    "\udc80",
]
PIECES = st.one_of(
    st.sampled_from(SOURCE),
    st.sampled_from(sorted(declared())),
    st.text("[](){}'\"\\,.#=-+*019eE \t\r\n\x0b\x85\u2028_abNoneTrue", max_size=30),
    st.text(max_size=10),
)
SEPARATORS = st.sampled_from([" ", "\t", "\n", " # ", "\r\n", "# ENDPARSE\n", ""])


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be run or evaluated."""

    def never(*arguments: Any, **keywords: Any) -> None:
        raise AssertionError("a stranger's config ran something")

    for place, name in [(builtins, "eval"), (os, "system"), (subprocess, "Popen"), (os, "getpid")]:
        monkeypatch.setattr(place, name, never)


def test_any_text_is_data(sealed: None, tmp_path: Path, trust: Any) -> None:
    path = tmp_path / "stage_1_strange.hustle"

    @settings(
        max_examples=600 + int(200 * trust.seconds),
        derandomize=not trust.seconds,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.tuples(PIECES, SEPARATORS), max_size=12))
    def attack(pieces: list[tuple[str, str]]) -> None:
        text = "".join(part for pair in pieces for part in pair)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        trust.count("strange configs")
        try:
            config = read_config(path)
            config.check()
            checked_values(config)
        except ConfigError as error:
            assert path.name in str(error)
        for part, _ in pieces:
            try:
                parse_value(part)
            except ValueError as error:
                assert len(str(error)) < 1000
        assert [left.name for left in tmp_path.iterdir()] == [path.name]

    attack()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_or_a_device_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "stage_1_pipe.hustle")
    for path in (tmp_path / "stage_1_pipe.hustle", Path("/dev/zero"), tmp_path):
        with pytest.raises(ConfigError):
            read_config(path)
