"""The examples of docs/choosing.md work in their order."""

from __future__ import annotations

import re
from pathlib import Path

from quick_chain import quick
from visits import tiny_visit

PAGE = Path(__file__).parents[2] / "docs" / "choosing.md"
# What needs a calibrated trace or a package that is not asked for.
LEFT_OUT = re.compile(r"bin=|lightkurve|Reduction\(|import Reduction")


def test_the_examples_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == 6
    names = {"reduction": quick(tiny_visit(40, orbits=4, seed=3), led_n=1)}
    # Pins come first: a point is explained against one of them.
    for block in (blocks[0], blocks[1], blocks[3], blocks[2], *blocks[4:]):
        lines = [line for line in block.splitlines() if not LEFT_OUT.search(line)]
        exec("\n".join(lines).replace("runs=40", "runs=12"), names)
    assert (tmp_path / "referee.zip").is_file() and (tmp_path / "systematic.csv").is_file()
    assert names["weight"].responses["free_iter.free_sigma"].complete
    names["weight"].stop()
