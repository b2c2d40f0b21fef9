"""Stage 1 as one plain function, and the script that calls it with a Reduction's parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xarray as xr

from hustle_widgets.engine.chain import Chain, Listener
from hustle_widgets.outputs import clean_dataset, not_science
from hustle_widgets.settings import checked, request_of, tutorial_values, values_of_visit
from hustle_widgets.source import visit_source
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.line_up import checked_line_up
from hustle_widgets.steps.own_file import own_steps
from hustle_widgets.steps.parameters import as_lists
from hustle_widgets.steps.setup import SetUp

NO_FOLDER = """\
# The visit does not say which folder it was loaded from: it was made by hand. If the next line names another folder,
# put how it was made in its place.
"""


def reduce(visit: xr.Dataset, *, steps: Iterable[type[Step]] = STAGE_1, **parameters: Any) -> xr.Dataset:
    """Reduce a visit: all steps of Stage 1, without a widget and without a file.

    Parameters
    ----------
    visit : xarray.Dataset
        From `load_visit`; not modified.
    steps : iterable of type of Step
        The classes of all steps in order, as `Reduction` takes them.
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
    kinds = checked_line_up(steps, SetUp.setup_parameters())
    values = {**defaults_for(visit, kinds), **checked(parameters, kinds=kinds)}
    errors = _Errors()
    chain = Chain(visit_source(visit), [kind.node() for kind in kinds])
    request = request_of(values, kinds)
    chain.execute(request, errors)
    if errors.first is not None:
        name, error = errors.first
        raise ValueError(f"{name}: {error}") from error
    return clean_dataset(visit, chain.state_before(request), values, kinds)


def defaults_for(visit: xr.Dataset, kinds: Sequence[type[Step]] = STAGE_1) -> dict[str, Any]:
    """Return the values that parameters have for a visit when nothing is said: the tutorial's, at its target."""
    usual = tutorial_values(kinds)
    return usual | {key: value for key, value in values_of_visit(visit).items() if key in usual}


def script_of(visit: xr.Dataset, values: Mapping[str, Any], kinds: Sequence[type[Step]] = STAGE_1) -> str:
    """Return a Python script that reduces a visit as `values` say; only what differs from the defaults is named.

    The visit is loaded from its folder: what was done to it by hand since is not in the script.
    """
    usual = defaults_for(visit, kinds)
    left_out = not_science(kinds)
    changed = {key: value for key, value in values.items() if key not in left_out and value != usual[key]}
    arguments = "".join(f"\n    {key}={_literal(value)}," for key, value in changed.items())
    imports, listed = steps_of(kinds)
    arguments = f"\n    steps={listed},{arguments}" if listed else arguments
    call = f"reduce(\n    visit,{arguments}\n)" if arguments else "reduce(visit)"
    chosen = visit.attrs.get("visit")
    which = f", visit={_literal(str(chosen))}" if chosen else ""
    own = str(visit.attrs.get("toplevel_dir", ""))  # where it was loaded from; outputs may go elsewhere
    remark = "" if own else NO_FOLDER
    # A folder's name may come from a stranger: it stands in the script as a literal, and nowhere else.
    return f'''"""Reduces a visit as a run was; every parameter that is not named is the tutorial's."""

from hustle_widgets import load_visit, reduce
from hustle_widgets.visit import save_clean
{imports}
{remark}visit = load_visit({_literal(own or values["toplevel_dir"])}{which})
clean = {call}
save_clean(clean, "clean_obs.nc")
'''


def steps_of(kinds: Sequence[type[Step]]) -> tuple[str, str]:
    """Return the imports that a chain's steps need, a line each, and their list; both '' for the tutorial's."""
    if tuple(kinds) == STAGE_1:
        return "", ""
    parts: list[str] = []
    imports: set[str] = set()
    run: list[int] = []  # numbers of steps of STAGE_1 that follow each other there as well

    def end_run() -> None:
        if run:
            imports.add("from hustle_widgets.steps import STAGE_1")
            parts.append(f"*STAGE_1[{run[0]}:{run[-1] + 1}]")
            run.clear()

    own = own_steps(kinds)
    for kind in kinds:
        if kind in STAGE_1:
            number = STAGE_1.index(kind)
            if run and number != run[-1] + 1:
                end_run()
            run.append(number)
            continue
        end_run()
        step = own.get(kind)
        if step is None:  # of this package, but none of the tutorial's
            imports.add(f"from {kind.__module__} import {kind.__qualname__}")
            parts.append(kind.__qualname__)
            continue
        inside = kind.__qualname__.partition(".")[2]
        parts.append(f"{step.called}.{inside}" if inside else step.called)
        name = step.name if step.called == step.name else f"{step.name} as {step.called}"
        imports.add(f"from {step.module} import {name}{step.remark and f'  # {step.remark}'}")
    end_run()
    return "".join(f"{line}\n" for line in sorted(imports)), f"[{', '.join(parts)}]"


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
