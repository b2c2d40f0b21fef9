"""For tests of steps: what every step must satisfy, and a small visit to try it on."""

from __future__ import annotations

from typing import Any

import xarray as xr

from hustle_widgets.steps.base import Step
from hustle_widgets.testing.checks import CHECKS
from hustle_widgets.testing.example import example_visit
from hustle_widgets.testing.trial import Trial

__all__ = ["CHECKS", "Trial", "check_step", "example_visit"]


def check_step(kind: type[Step], visit: xr.Dataset | None = None, **parameters: Any) -> None:
    """Check that a step can be used as those of this package are.

    It is put into the chain behind the step that its `after` names, all others that it does not need are off, and
    tried: declaration, parameters and their bounds, the ends of its sliders, config file, script, purity, blocks,
    columns, odd visits, pickling.

    Parameters
    ----------
    kind : type of Step
    visit : xarray.Dataset, optional
        To try it on; `example_visit` without.
    **parameters
        By their keys in the config file, of this step or of others, where it needs some to find what it looks for.

    Raises
    ------
    AssertionError
        Of the first check that fails, saying what is wrong.

    Examples
    --------
    >>> from hustle_widgets.steps import FreeIteration
    >>> check_step(FreeIteration)

    With pytest each check can be a test of its own::

        @pytest.mark.parametrize("check", CHECKS)
        def test_my_step(check):
            check(Trial(MyStep, example_visit(), {}))
    """
    trial = Trial(kind, example_visit() if visit is None else visit, parameters)
    for check in CHECKS:
        check(trial)
