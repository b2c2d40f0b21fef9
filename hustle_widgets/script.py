"""Stage 1 as one plain function, and the script that calls it with a Reduction's parameters."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import xarray as xr

from hustle_widgets.engine.chain import Chain, Listener
from hustle_widgets.outputs import NOT_SCIENCE, clean_dataset
from hustle_widgets.settings import checked, request_of, tutorial_values, values_of_visit
from hustle_widgets.source import visit_source
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.parameters import as_lists


def reduce(visit: xr.Dataset, **parameters: Any) -> xr.Dataset:
    """Reduce a visit: all steps of Stage 1, without a widget and without a file.

    Parameters
    ----------
    visit : xarray.Dataset
        From `load_visit`; not modified.
    **parameters
        Parameters and switches by their names in the config file; the others are the tutorial's, and
        `location` is where the visit's header puts the target.

    Returns
    -------
    xarray.Dataset
        What ``Reduction(visit, **parameters).run()`` returns.

    Raises
    ------
    TypeError
        For a keyword that is no parameter.
    ValueError
        For a value that a parameter does not accept, and when a step cannot be computed.

    Examples
    --------
    >>> clean = reduce(visit, free_sigma=4.5, do_led=False)  # doctest: +SKIP
    """
    values = {**defaults_for(visit), **checked(parameters)}
    errors = _Errors()
    chain = Chain(visit_source(visit), [kind.node() for kind in STAGE_1])
    request = request_of(values)
    chain.execute(request, errors)
    if errors.first is not None:
        name, error = errors.first
        raise ValueError(f"{name}: {error}") from error
    return clean_dataset(visit, chain.state_before(request), values)


def defaults_for(visit: xr.Dataset) -> dict[str, Any]:
    """Return the values that parameters have for a visit when nothing is said: the tutorial's, at its target."""
    return {**tutorial_values(), **values_of_visit(visit)}


def script_of(visit: xr.Dataset, values: Mapping[str, Any]) -> str:
    """Return a Python script that reduces a visit as `values` say; only what differs from the defaults is named."""
    usual = defaults_for(visit)
    changed = {key: value for key, value in values.items() if key not in NOT_SCIENCE and value != usual[key]}
    arguments = "".join(f"\n    {key}={_literal(value)}," for key, value in changed.items())
    call = f"reduce(\n    visit,{arguments}\n)" if changed else "reduce(visit)"
    chosen = visit.attrs.get("visit")
    which = f", visit={_literal(str(chosen))}" if chosen else ""
    # A folder's name may come from a stranger: it stands in the script as a literal, and nowhere else.
    return f'''"""Reduces a visit as a run was; every parameter that is not named is the tutorial's."""

from hustle_widgets import load_visit, reduce
from hustle_widgets.visit import save_clean

visit = load_visit({_literal(values["toplevel_dir"])}{which})
clean = {call}
save_clean(clean, "clean_obs.nc")
'''


def _literal(value: Any) -> str:
    """Return a value as Python reads it; raise TypeError for one that has no literal."""
    value = as_lists(value)
    text = ascii(value)  # also where the script is saved in another encoding
    if ast.literal_eval(text) != value:
        raise TypeError(f"{value!r} cannot be written into a script.")
    return text


class _Errors(Listener):
    """Remembers the first step that failed."""

    def __init__(self) -> None:
        self.first: tuple[str, Exception] | None = None

    def failed(self, name: str, error: Exception) -> None:
        self.first = self.first or (name, error)
