"""The container: a visit, the steps of Stage 1, and the chain that computes them."""

from __future__ import annotations

import functools
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import xarray as xr
from traitlets import observe

from hustle_widgets.choosing.injecting import injected_words
from hustle_widgets.choosing.mixin import Choosing
from hustle_widgets.computation import Computation
from hustle_widgets.config import HustleConfig
from hustle_widgets.display import WholePage, view
from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.chain import Chain, Listener
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.memory import give_back
from hustle_widgets.engine.plan import Node, Request
from hustle_widgets.engine.worker import PAUSE
from hustle_widgets.lazy.result import protected
from hustle_widgets.opening import open_config, remarks_on
from hustle_widgets.outputs import clean_dataset
from hustle_widgets.parameter_access import ParameterAccess
from hustle_widgets.run_folder import RunResult, frozen_result, write_outputs
from hustle_widgets.script import script_of
from hustle_widgets.settings import config_of, marked, request_of, values_of_visit
from hustle_widgets.source import visit_source
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import LazyVBox, Step
from hustle_widgets.steps.common import join_common_parameters
from hustle_widgets.steps.line_up import checked_line_up
from hustle_widgets.steps.parameter_base import OnOff
from hustle_widgets.steps.save import no_folder
from hustle_widgets.user_paths import user_path
from hustle_widgets.visit import load_visit

NOWHERE = "(toplevel_dir is empty)"  # no folder has this name


class StepError(ValueError):
    """A step could not be computed with its parameters."""


class Reduction(Choosing, ParameterAccess, LazyVBox):
    """A visit and the steps of Stage 1, as a widget: the last line of a cell shows it.

    Parameters
    ----------
    visit : xarray.Dataset, str or path
        As `load_visit` gives it, or the folder to load. It is never modified.
    steps : iterable of type of Step
        The classes of all steps in order, e.g. ``with_step(MyStep)`` or ``[*STAGE_1[:5], MyStep, *STAGE_1[5:]]``.
    **parameters
        Parameters and switches by their names in the config file, e.g. ``free_sigma=4.5, do_led=False``.

    Attributes
    ----------
    steps : dict of str to Step
        In order; each also by name, e.g. ``reduction.free_iter`` or ``reduction["free_iter"]``.
    config : HustleConfig or None
        The config file whose order, comments and further keys `write_config` keeps.
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

    auto = OnOff(False, help="Whether an edit is computed at once.")
    own = ("visit", "steps", "config")

    def __init__(
        self,
        visit: xr.Dataset | str | os.PathLike[str],
        *,
        steps: Iterable[type[Step]] = STAGE_1,
        **parameters: Any,
    ) -> None:
        self._page: WholePage | None = None
        self._set_in = _here()
        self.visit = visit if isinstance(visit, xr.Dataset) else load_visit(visit)
        kinds = checked_line_up(steps, [*self.own, *(name for name in dir(type(self)) if name[0] != "_")])
        self.steps = {kind.name: kind() for kind in kinds}
        join_common_parameters(self.steps.values())
        self._drawing = threading.RLock()
        self.config: HustleConfig | None = None
        self._draw = False
        self._last: tuple[tuple[str, ...], xr.Dataset | None] = (), None
        super().__init__()
        known = self.parameter_owners().keys() - parameters
        adapted = {key: value for key, value in values_of_visit(self.visit).items() if key in known}
        self.set(**adapted, **parameters)
        me = weakref.ref(self)
        self._chain = Chain(visit_source(self.visit), self._nodes(me))
        self._computation = Computation(self._chain, self.steps)
        for step in self.steps.values():
            step.join(self)
            step.observe(_edits_of(me), names=[*step.parameters, "enabled"])
        self._computation.refresh()

    @classmethod
    def from_config(
        cls,
        path: str | os.PathLike[str],
        visit: xr.Dataset | str | os.PathLike[str] | None = None,
        *,
        steps: Iterable[type[Step]] = STAGE_1,
        **parameters: Any,
    ) -> Reduction:
        """Open a `.hustle` file as widgets.

        Parameters
        ----------
        path : path of the config file
        visit : Dataset or folder, optional
            Instead of the folder `toplevel_dir` of the file.
        steps : iterable of type of Step
            The classes of all steps in order.
        **parameters
            Take the place of the file's values.
        """
        kinds = tuple(steps)
        opened = open_config(path, visit, parameters, kinds)
        reduction = cls(opened.visit, steps=kinds, **opened.values)
        reduction.config = opened.config
        return reduction

    @property
    def config_remarks(self) -> tuple[str, ...]:
        """What to know about the config file: keys that were absent and what was taken, older and unknown ones."""
        return () if self.config is None else remarks_on(self.config, self.kinds)

    def write_config(self, path: str | os.PathLike[str]) -> Path:
        """Write all parameters as a `.hustle` file, which HUSTLE-tools reads too; return its path."""
        config = config_of(self.values(), self.config, self.kinds)
        marked(config, injected_words(self._chain.source))
        config.write(path)
        return user_path(path)

    # --- computing ----------------------------------------------------------------------------------

    def _nodes(self, me: weakref.ref[Reduction]) -> list[Node]:
        def write(name: str, state: State, pause: Callable[[], None]) -> tuple[Path, tuple[str, ...]]:
            return me()._write(name, state, pause)  # type: ignore[union-attr]

        folder: Callable[[], str] = lambda: str(me().visit_folder())  # type: ignore[union-attr]  # noqa: E731
        return [step.bound(folder, functools.partial(write, step.name)) for step in self.steps.values()]

    def request(self) -> Request:
        """Return all switches and parameters, frozen."""
        return self._computation.request()

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
        with self._computation.alone():
            values = self.values()  # what is returned is of these, whatever another thread edits meanwhile
            self._draw = figures
            try:
                told = self._computation.run(request_of(values, self.kinds), listener)
            finally:
                self._draw = False
            clean = self._result_of(values)
        if told.error is not None:
            name, error = told.error
            raise StepError(f"{name}: {error}") from error
        if told.trouble is not None:
            raise StepError(
                f"The listener given to run() failed: {told.trouble!r}. All steps are computed."
            ) from told.trouble
        give_back()
        return cast(xr.Dataset, clean)

    def compute(self, save: bool = False, after: float = 0) -> None:
        """Compute in the background what is not known yet; the newest call wins.

        Parameters
        ----------
        save : bool
            Whether the outputs are written as well, and what failed before is tried anew.
        after : float
            Seconds to wait first for a newer call, which takes the place of this one.
        """
        self._computation.start(explicit=save, after=after, keep=self)

    def cancel(self) -> None:
        """Stop what is being computed. What is done by then is kept."""
        self._computation.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is computed in the background; return whether that came about in time."""
        return self._computation.wait(timeout)

    @property
    def busy(self) -> bool:
        """Whether something is computed in the background, or waits for it."""
        return self._computation.busy

    @property
    def result(self) -> xr.Dataset | None:
        """The clean visit: of the present parameters if they are computed, else of the last run, or None.

        Its cubes are made when they are indexed, of the visit and of what the steps found then: no later edit
        changes it, and many can be kept. Each time it is another Dataset: what is done to one is in no other.
        """
        return self._result_of(self.values())

    def _result_of(self, values: dict[str, Any]) -> xr.Dataset | None:
        """Return the clean visit of these values if it is computed, else the last that was returned."""
        request, (key, clean) = request_of(values, self.kinds), self._last
        tasks = [task for task in self._chain.plan(request) if not task.node.explicit]
        # The attributes tell all values, also those of steps that are off.
        wanted = (*(task.token for task in tasks), *map(repr, values.values()))
        if wanted != key:
            state = self._chain.state_before(request)
            if all(task.node.name in state.outcomes for task in tasks if task.token):
                clean = clean_dataset(self.visit, state, values, self.kinds)
                self._last = wanted, clean
        return None if clean is None else protected(clean)

    def state(self, before: str = "") -> State:
        """Return the visit as it enters a step, or leaves the chain, as far as it is computed."""
        return self._chain.state_before(self.request(), before)

    def outcomes(self) -> dict[str, Outcome]:
        """Return what is known of the present parameters, by step."""
        return self._chain.known(self.request())

    def known_tokens(self, steps: int | None = None) -> tuple[str, ...]:
        """Return the tokens of the first steps that are on, or of all; '' for an outcome not yet known.

        Two equal answers mean that the same can be shown.
        """
        tasks = self._chain.plan(self.request())[:steps]
        return tuple(task.token if task.token in self._chain.cache else "" for task in tasks if task.token)

    def output_folder(self) -> Path:
        """Return the folder of this run."""
        return self.visit_folder() / "outputs" / "stage_1" / self.output_run

    def visit_folder(self) -> Path:
        """Return `toplevel_dir` as a path; a relative one is that of when it was set, also after os.chdir.

        An empty one is no folder: it is not the one that the kernel happens to be in.
        """
        folder = user_path(self.toplevel_dir.strip() or NOWHERE)
        return folder if _here() == self._set_in else self._set_in / folder

    def check_folder(self) -> None:
        """Raise ValueError when the visit's folder, which outputs go to, is not there."""
        if not self.visit_folder().is_dir():
            raise ValueError(
                f"{no_folder(str(self.visit_folder()))}: set toplevel_dir to the visit's folder."
            )

    @observe("toplevel_dir")
    def _note_place(self, change: Any) -> None:
        self._set_in = _here()

    def _frozen_result(self, state: State) -> RunResult:
        return frozen_result(self.visit, state, self.values(), self._chain.known, self.config, self.kinds)

    def _write(self, name: str, state: State, pause: Callable[[], None]) -> tuple[Path, tuple[str, ...]]:
        result, figures = self._frozen_result(state), self._draw

        def report(fraction: float) -> None:
            pause()
            self._computation.tell_progress(name, fraction)

        return write_outputs(result, self.output_folder(), figures=figures, progress=report)

    def save_figures(self, progress: Callable[[float], None] | None = None) -> Path:
        """Draw figures and quicklooks of the last result into the run's folder; return the folder.

        Which figures, `save_plots` says. A clean visit that is in the folder stays.

        Raises
        ------
        ValueError
            When the folder holds the clean visit of another result, or there is none.
        """
        self.check_folder()
        result, folder = self._frozen_result(self.state()), self.output_folder()
        _, notes = write_outputs(result, folder, clean=False, figures=True, progress=progress)
        for note in notes:
            warnings.warn(note, stacklevel=2)
        return folder

    def to_script(self) -> str:
        """Return a short Python script that reproduces the result with plain calls, without widgets.

        It loads the visit from its folder, without what was done to it by hand; what is injected is said on top.
        """
        words, script = injected_words(self._chain.source), script_of(self.visit, self.values(), self.kinds)
        return f"# {words} This script reduces the visit without it.\n{script}" if words else script

    # --- what is seen -------------------------------------------------------------------------------

    def frozen(self) -> AbstractContextManager[Any]:
        """Keep other threads from drawing meanwhile: they wait in a `frozen` of their own. May be nested.

        Parameters are not to be set inside: who watches them may wait for another thread.
        """
        return self._drawing

    def unwatch(self, callback: Callable[[str, str], None]) -> None:
        """Call `callback` no more."""
        self._computation.unwatch(callback)

    def watch(self, callback: Callable[[str, str], None]) -> None:
        """Call `callback(event, step)`: 'edited', 'stale' once statuses follow, 'running', 'progress' ... 'idle'.

        It is called on the thread where that happens, while no lock is held.
        """
        self._computation.watch(callback)

    def _on_edit(self, name: str) -> None:
        auto = self.auto
        with self._computation.edit(name, computes=auto):
            if auto:
                self.compute(after=PAUSE)

    def build(self) -> None:
        """Make the whole view, and from now on compute at every edit."""
        self._page = view().page_of(self)
        self.children = self._page.children
        self.auto = True
        self._page.begin()

    def close(self) -> None:
        """Take the view off the page and stop computing."""
        if "_computation" in vars(self):  # Python calls this as well when the visit could not be loaded
            self.cancel()
        if self._page is not None:
            self.auto = False  # nobody sees what an edit would compute
            self._page.close()
            self._page, self._joined = None, ()
        for step in self.steps.values() if "steps" in vars(self) else ():
            step.close()  # those that cells show by themselves
        super().close()

    def __repr__(self) -> str:
        frames, rows, columns = self.visit["images"].shape
        states = ", ".join(f"{name} {step.status}" for name, step in self.steps.items())
        words = "" if self.injected is None else f" {self.injected.words}"
        return f"<Reduction of {frames} frames of {rows} x {columns}: {states}{words}>"


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed
        return Path()


def _edits_of(me: weakref.ref[Reduction]) -> Callable[[Any], None]:
    """Return an observer of a step that does not keep its Reduction alive."""

    def observer(change: Any) -> None:
        reduction = me()
        if reduction is not None:
            reduction._on_edit(change["owner"].name)

    return observer
