"""What every test module shares."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"  # also for processes that tests start

# The machine's load must not decide whether a test passes; the same examples every time.
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")
