"""The container: a visit, the steps of Stage 1, and the chain that computes them."""

from __future__ import annotations

import functools
import itertools
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import xarray as xr
from traitlets import Bool

from hustle_widgets.config import HustleConfig, read_config
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.chain import Cancelled, Chain, Listener
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.plan import Request
from hustle_widgets.engine.worker import PAUSE, Worker
from hustle_widgets.outputs import clean_dataset, target_of, visit_source
from hustle_widgets.run_folder import RunResult, write_outputs
from hustle_widgets.script import script_of
from hustle_widgets.settings import checked_values, config_of, no_such_attribute
from hustle_widgets.status_listener import StatusListener, edits_of
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import LazyVBox, Step, unknown
from hustle_widgets.steps.parameters import Parameter, ParameterError, Text, Whole
from hustle_widgets.visit import load_visit

_numbers = itertools.count(1)


class StepError(ValueError):
    """A step could not be computed with its parameters."""


class Reduction(LazyVBox):
    """A visit and the steps of Stage 1, as a widget: the last line of a cell shows it.

    Parameters
    ----------
    visit : xarray.Dataset, str or path
        As `load_visit` gives it, or the folder to load. It is never modified.
    **parameters
        Parameters and switches by their names in the config file, e.g. ``free_sigma=4.5, do_led=False``.

    Attributes
    ----------
    steps : dict of str to Step
        In order; each also by name, e.g. ``reduction.free_iter`` or ``reduction["free_iter"]``.
    auto : bool
        True once shown: an edit computes at once. False: edits make steps stale until `run`.
    result : xarray.Dataset or None
        The clean visit.

    Raises
    ------
    TypeError
        For a keyword that is no parameter.
    ParameterError
        For a value that a parameter does not accept.

    Examples
    --------
    >>> reduction = Reduction(visit, free_sigma=4.5)  # doctest: +SKIP
    >>> clean = reduction.run()  # doctest: +SKIP
    """

    toplevel_dir = Text(
        "./files",
        "The visit's folder, with specimages/ and directimages/ as Stage 0 made them; outputs go there too.",
    )
    output_run = Text(
        "run_1",
        "Name of this run: its outputs go to outputs/stage_1/ under that name.",
        pattern=r"[A-Za-z0-9_][A-Za-z0-9_.+-]*",
        rule="a name of letters, digits, '_', '-', '+' and '.'",
    )
    verbose = Whole(2, "How much is told: 0 nothing, 1 a line a step, 2 everything.", min=0, max=2)
    show_plots = Whole(2, "Figures shown after a run: 0 none, 1 the main ones, 2 all.", min=0, max=2)
    save_plots = Whole(
        2, "Figures saved with a run: 0 none, 1 the main ones, 2 all, every frame included.", min=0, max=2
    )
    auto = Bool(False, help="Whether an edit is computed at once.")
    own = ("visit", "steps")
    cannot_set = no_such_attribute

    def __init__(self, visit: xr.Dataset | str | os.PathLike[str], **parameters: Any) -> None:
        # First what `close` needs, which Python calls as well on one whose visit cannot be loaded.
        self._worker = Worker()
        self._stop = threading.Event()
        self._view: Any = None
        self.visit = visit if isinstance(visit, xr.Dataset) else load_visit(visit)
        self.steps: dict[str, Step] = {step.name: step() for step in STAGE_1}
        self._lock = threading.RLock()
        self._computing = threading.Lock()
        self._watchers: list[Callable[[str, str], None]] = []
        self._config: HustleConfig | None = None
        self._reports: StatusListener | None = None
        self._draw = False
        self._result: xr.Dataset | None = None
        self._result_key: tuple[str, ...] = ()
        super().__init__()
        self._adapt_to_visit(parameters)
        self.set(**parameters)
        me = weakref.ref(self)
        self._chain = Chain(visit_source(self.visit, f"visit-{next(_numbers)}"), self._nodes(me))
        for step in self.steps.values():
            step._reduction = me
            step.observe(edits_of(me), names=[*step.parameters, "enabled"])
        self._refresh()

    @classmethod
    def from_config(
        cls,
        path: str | os.PathLike[str],
        visit: xr.Dataset | str | os.PathLike[str] | None = None,
        **parameters: Any,
    ) -> Reduction:
        """Open a `.hustle` file as widgets.

        Parameters
        ----------
        path : path of the config file
        visit : Dataset or folder, optional
            Instead of the folder `toplevel_dir` of the file.
        **parameters
            Take the place of the file's values.
        """
        config = read_config(path)
        values = {**checked_values(config, cls), **parameters}
        if visit is None:
            visit = str(values.get("toplevel_dir", cls.setup_parameters()["toplevel_dir"].tutorial))
        reduction = cls(visit, **values)
        reduction._config = config
        return reduction

    def write_config(self, path: str | os.PathLike[str]) -> Path:
        """Write all parameters as a `.hustle` file, which HUSTLE-tools reads too; return its path."""
        config = config_of(self, self._config)
        config.write(path)
        return Path(path)

    # --- parameters ---------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Step:
        try:
            return self.steps[name]
        except KeyError:
            raise KeyError(f"No step {name!r}. The steps are {', '.join(self.steps)}.") from None

    def __getattr__(self, name: str) -> Step:
        steps = self.__dict__.get("steps", {})
        if name in steps:
            return steps[name]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.steps]

    @classmethod
    def setup_parameters(cls) -> dict[str, Parameter]:
        """Return the Reduction's own parameters in the order of the config file."""
        return {name: value for name, value in vars(cls).items() if isinstance(value, Parameter)}

    def parameter_owners(self) -> dict[str, tuple[Any, str]]:
        """Return where each key of the config file lives: (object, trait)."""
        found: dict[str, tuple[Any, str]] = {name: (self, name) for name in self.setup_parameters()}
        for step in self.steps.values():
            if step.switch:
                found[step.switch] = (step, "enabled")
            found.update({name: (step, name) for name in step.parameters})
        return found

    def set(self, **parameters: Any) -> None:
        """Set several parameters and switches, by their keys in the config file: all, or none if one is bad."""
        owners = self.parameter_owners()
        before = {}
        try:
            for key, value in parameters.items():
                if key not in owners:
                    raise TypeError(unknown(key, owners, "Reduction"))
                owner, trait = owners[key]
                before[key] = getattr(owner, trait)
                if trait == "enabled" and not isinstance(value, bool):
                    raise ParameterError(f"The {key!r} switch must be True or False. Got {value!r} instead.")
                setattr(owner, trait, value)
        except Exception:
            for key, value in before.items():
                setattr(owners[key][0], owners[key][1], value)
            raise

    def values(self) -> dict[str, Any]:
        """Return all parameters and switches by their keys in the config file."""
        return {key: getattr(owner, trait) for key, (owner, trait) in self.parameter_owners().items()}

    def _adapt_to_visit(self, given: Mapping[str, Any]) -> None:
        """Take from the visit what the tutorial's defaults can only guess."""
        folder = self.visit.attrs.get("toplevel_dir")
        if folder:
            self.toplevel_dir = folder
        target = target_of(self.visit)
        if target is not None and "location" not in given:
            column, row = target
            self["zeroth_tracking"].location = (round(column, 2), round(row, 2))

    # --- computing ----------------------------------------------------------------------------------

    def _nodes(self, me: weakref.ref[Reduction]) -> list[Any]:
        nodes = [step.node() for step in self.steps.values()]
        save: Any = self.steps["save"]
        nodes[-1] = save.bound(lambda: me().toplevel_dir, lambda state: me()._write(state))  # type: ignore[union-attr]
        return nodes

    def request(self) -> Request:
        """Return all switches and parameters, frozen."""
        with self._lock:
            return {name: step.setting(self.steps) for name, step in self.steps.items()}

    def run(self, listener: Listener | None = None, *, figures: bool = False) -> xr.Dataset:
        """Compute what is not known yet, write the outputs, and return the clean visit.

        Parameters
        ----------
        listener : Listener, optional
            Told of each step, e.g. to show progress.
        figures : bool
            Whether figures and quicklooks are drawn as well, which takes a while. Without, those of an
            earlier run are kept if they are of the same result.

        Raises
        ------
        StepError
            When a step cannot be computed, saying which one and what to do. The others are done.
        Cancelled
            When `cancel` was called meanwhile.
        """
        self._worker.cancel()
        self._worker.wait()
        with self._computing:
            self._stop.clear()
            self._chain.forget_failures()
            told = self._reports = StatusListener(self, listener)
            self._draw = figures
            try:
                self._chain.execute(self.request(), told, self._stop, explicit=True)
            finally:
                self._reports, self._draw = None, False
                self._refresh()
                self._tell("idle", "")
        if told.error is not None:
            name, error = told.error
            raise StepError(f"{name}: {error}") from error
        return cast(xr.Dataset, self.result)

    def compute(self, save: bool = False, after: float = 0) -> None:
        """Compute in the background what is not known yet; the newest call wins.

        Parameters
        ----------
        save : bool
            Whether the outputs are written as well, and what failed before is tried anew.
        after : float
            Seconds to wait first for a newer call, which takes the place of this one.
        """
        request = self.request()

        def job(stop: threading.Event) -> None:
            try:
                with self._computing, suppress(Cancelled):
                    if save:
                        self._chain.forget_failures()
                    if not stop.wait(after):
                        self._chain.execute(request, StatusListener(self), stop, explicit=save)
            finally:
                with self._lock:  # which an edit holds until its job is submitted
                    if not (superseded := self._worker.superseded):
                        self._refresh()
                if not superseded:
                    self._tell("idle", "")

        self._worker.submit(job)

    def cancel(self) -> None:
        """Stop what is being computed. What is done by then is kept."""
        self._stop.set()
        self._worker.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is computed in the background; return whether that came about in time."""
        return self._worker.wait(timeout)

    @property
    def result(self) -> xr.Dataset | None:
        """The clean visit: of the present parameters if they are computed, else of the last run, or None."""
        request = self.request()
        tasks = [task for task in self._chain.plan(request) if not task.node.explicit]
        key = tuple(task.token for task in tasks)
        if key != self._result_key and all(t.token in self._chain.cache for t in tasks if t.token):
            self._result = None  # before the next is made: two would not fit beside the visit
            self._result = self._dataset(self.state())
            self._result_key = key
        return self._result

    def state(self, before: str = "") -> State:
        """Return the visit as it enters a step, or leaves the chain, as far as it is computed."""
        return self._chain.state_before(self.request(), before)

    def outcomes(self) -> dict[str, Outcome]:
        """Return what is known of the present parameters, by step."""
        return self._chain.known(self.request())

    def output_folder(self) -> Path:
        """Return the folder of this run."""
        return Path(self.toplevel_dir) / "outputs" / "stage_1" / self.output_run

    def _dataset(self, state: State) -> xr.Dataset:
        return clean_dataset(self.visit, state, self.values())

    def _write(self, state: State) -> Path:
        result, figures = RunResult.of(self, state), self._draw
        report = functools.partial((self._reports or StatusListener(self)).progress, "save")
        return write_outputs(result, self.output_folder(), figures=figures, progress=report)

    def save_figures(self, progress: Callable[[float], None] | None = None) -> Path:
        """Draw figures and quicklooks of the last result into the run's folder; return the folder.

        Which figures, `save_plots` says. A clean visit that is in the folder stays.

        Raises
        ------
        ValueError
            When the folder holds the clean visit of another result.
        """
        result, folder = RunResult.of(self, self.state()), self.output_folder()
        write_outputs(result, folder, clean=False, figures=True, progress=progress)
        return folder

    def to_script(self) -> str:
        """Return a short Python script that reproduces the result with plain calls, without widgets."""
        return script_of(self.visit, self.values())

    # --- what is seen -------------------------------------------------------------------------------

    def watch(self, callback: Callable[[str, str], None]) -> None:
        """Call `callback(event, step)`: 'edited', 'stale' once statuses follow, 'running', 'progress' ... 'idle'."""
        self._watchers.append(callback)

    def _tell(self, event: str, name: str) -> None:
        for callback in tuple(self._watchers):
            callback(event, name)

    def _refresh(self) -> None:
        """Set each step's status from what is known."""
        with self._lock:
            request = self.request()
            outcomes = self._chain.known(request)
            for name, status in self._chain.statuses(request).items():
                step = self.steps[name]
                step.error = self._chain.message(request, name)
                step.status = status
                step.notes = "\n".join(outcomes[name].table.notes) if name in outcomes else ""

    def _on_edit(self, name: str) -> None:
        with self._lock:
            self._tell("edited", name)  # first: the answer to a hand on a slider
            self._refresh()
            self._tell("stale", name)
            if self.auto:
                self.compute(after=PAUSE)

    def build(self) -> None:
        """Make the whole view, and from now on compute at every edit."""
        from hustle_widgets.view.page.reduction_view import ReductionView
        from hustle_widgets.view.page.supersede import supersede

        self._view = ReductionView(self)
        self.children = self._view.children
        supersede(self)
        self.auto = True
        self.compute()

    def close(self) -> None:
        """Take the view off the page and stop computing."""
        self.cancel()
        if self._view is not None:
            self._view.close()
            self._view = None
        super().close()

    def __repr__(self) -> str:
        frames, rows, columns = self.visit["images"].shape
        states = ", ".join(f"{name} {step.status}" for name, step in self.steps.items())
        return f"<Reduction of {frames} frames of {rows} x {columns}: {states}>"
