"""What a Reduction offers to choose with. Each method is thin: the work is done by the modules beside this one."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

from hustle_widgets.choosing.asked import asked_of
from hustle_widgets.choosing.bundle import methods, write_bundle
from hustle_widgets.choosing.light import Light
from hustle_widgets.choosing.pin_files import PINS, PinError, load_pins, usable_pins
from hustle_widgets.choosing.pin_saving import names_in, save_pins
from hustle_widgets.choosing.pins import Pin, Pins, check_name
from hustle_widgets.choosing.presets import Presets
from hustle_widgets.choosing.search import SearchResult, search
from hustle_widgets.choosing.sensitivity import REST, Response, Sensitivity
from hustle_widgets.choosing.sweeps import from_coordinate, sweep
from hustle_widgets.settings import request_of


class Choosing(Presets, Light):
    """Presets, pins, sweeps, a search, and how much a slider matters."""

    _pins: Pins | None = None

    # --- pins ---------------------------------------------------------------------------------------

    @property
    def pins(self) -> Pins:
        """The reductions that were kept; at first those that the run's folder holds of this visit.

        What cannot be used of them is in `pins.troubles`, and stays in the file.
        """
        if self._pins is None:
            self._pins = Pins(self)
            self._take_in_new()
        return self._pins

    def pins_folder(self) -> Path:
        """Return where pins are kept: in the run's folder."""
        return self.output_folder() / "pins"

    def pin(self, name: str) -> Pin:
        """Keep the present reduction under a name; what is not known yet is computed.

        It is also written into the run's folder, as JSON and as a config of its own output_run, when the
        visit's folder is there.

        Raises
        ------
        ValueError
            For a name that is taken or is none, while something is injected, when a step cannot be computed, and
            when the pin is kept but cannot be written.
        """
        check_name(name)
        self._take_in_new()
        folder = self.pins_folder()
        if name not in self.pins and name in names_in(folder):
            raise ValueError(
                f"{folder / PINS} has a pin {name!r} already, of another visit or one that cannot be used here: "
                "choose another name."
            )
        values = self.values()
        request = request_of(values, self.kinds)
        state = self.computed(request)
        self._computation.note_finished(request)
        pin = self.pins.keep(name, state, values)
        if self.visit_folder().is_dir():
            try:
                self.save_pins()
            except (OSError, PinError) as error:
                raise ValueError(f"The pin {name!r} is kept, but cannot be written: {error}") from error
        return pin

    def free_pin_name(self) -> str:
        """Return a name that no pin has, neither here nor in the run's folder."""
        taken = {*self.pins, *names_in(self.pins_folder())}
        return next(name for number in itertools.count(1) if (name := f"pin {number}") not in taken)

    def go_back(self, name: str) -> None:
        """Set all parameters as they were when a pin was made: one edit, which one undo takes back.

        Nothing is computed while what the steps of the pin left is still known.

        Raises
        ------
        ValueError
            When the pin was made with steps that this chain lacks.
        """
        pin = self.pins[name]
        self.pins.check_steps(name)
        self.take_out()
        science = self.pins.science(name)
        if pin.state is not None:
            request = request_of({**self.values(), **science}, self.kinds)
            self._chain.recall(request, pin.state)
        self.set(**science)

    def save_pins(self, folder: str | os.PathLike[str] | None = None) -> Path:
        """Write all pins into a folder, the run's by default; return the path of pins.json.

        Pins that are there already stay, also those of another kernel or visit.

        Raises
        ------
        ValueError
            When the folder holds pins of a newer version of this package, or another pin of the same name.
        OSError
            When it cannot be written.
        """
        return save_pins(self.pins.values(), folder or self.pins_folder(), self.kinds, self.pins.known)

    def load_pins(self, path: str | os.PathLike[str] | None = None) -> Pins:
        """Take in the pins of a file or folder, the run's by default; those of the same name are replaced."""
        self._take_in(load_pins(path or self.pins_folder(), self.kinds))
        return self.pins

    def _take_in(self, pins: Iterable[Pin]) -> None:
        for pin in pins:
            self.pins.add(pin)

    def _take_in_new(self) -> None:
        """Take in what the run's folder holds of this visit, and another kernel may have kept meanwhile."""
        folder = self.pins_folder()
        if not (folder / PINS).is_file():
            return
        try:
            found, troubles = usable_pins(folder, self.kinds)
        except PinError as error:
            found, troubles = [], [str(error)]
        here, pins = self.observed_source().token, self.pins
        pins.troubles = troubles
        self._take_in(
            pin
            for pin in found
            if pin.visit == here and (pin.name, pin.made) not in pins.known and pin.name not in pins
        )

    # --- for a paper --------------------------------------------------------------------------------

    def methods(self) -> str:
        """Return what the present parameters do to the visit, in words: a paragraph for a paper."""
        return methods(self.visit, self.computed(whole=True), self.values(), self.kinds)

    def bundle(self, path: str | os.PathLike[str]) -> Path:
        """Write all that a referee needs into a new folder, or a file that ends in '.zip'; return its path.

        The config, a script, versions, checksums of the input files, tables, pins side by side, and a paragraph of
        methods made from the parameters.
        """
        state = self.computed(whole=True)
        return write_bundle(
            path,
            visit=self.visit,
            state=state,
            values=self.values(),
            kinds=self.kinds,
            config=self._frozen_result(state).config,
            script=self.to_script(),
            pins=self.pins,
        )

    # --- sweeps and search --------------------------------------------------------------------------

    def sweep(self, parameters: Mapping[str, Sequence[Any]], **options: Any) -> xr.Dataset:
        """Return the figures of merit over a grid of values; parameters stay as they are, see `choosing.sweeps`.

        Parameters
        ----------
        parameters : mapping of str to sequence
            E.g. ``{"free_iter.free_sigma": [3, 3.5, 4, 5]}``; several make a grid.
        progress : callable, optional
            Called with the fraction done.
        transit, order, listener
            See `hustle_widgets.choosing.sweeps.sweep`.

        Returns
        -------
        xarray.Dataset
            A dimension for each parameter. `cancel` ends it early: what is done by then is returned.
        """
        self._computation.stop_aside.clear()
        stop = options.pop("stop", self._computation.stop_aside)
        return sweep(self, parameters, stop=stop, **options)

    def search(self, ranges: Mapping[str, Any], **options: Any) -> SearchResult:
        """Look for the best compromises between several aims, see `choosing.search`.

        Parameters
        ----------
        ranges : mapping of str to (low, high) or list
            E.g. ``{"free_iter.free_sigma": (2.5, 8), "led.enabled": [True, False]}``.
        aims : sequence of str
            Figures of merit; scatter, light_kept and background_left by default.
        runs : int
            Reductions at most, 40 by default.
        progress : callable, optional
            Called with the fraction done.
        """
        self._computation.stop_aside.clear()
        stop = options.pop("stop", self._computation.stop_aside)
        return search(self, ranges, stop=stop, **options)

    def set_point(self, **coordinates: Any) -> None:
        """Set parameters by their places, e.g. ``set_point(**{"free_iter.free_sigma": 4})``: one edit.

        Values may also be as a sweep's coordinates hold them: as text where they are no numbers.
        """
        asked = asked_of(self, coordinates, '{"free_iter.free_sigma": 4}')
        self.set(**{place.key: from_coordinate(place, value) for _, place, value in asked})

    def sensitivity(
        self,
        parameters: str | Iterable[str],
        changed: Callable[[Response], None] | None = None,
        *,
        rest: float = REST,
    ) -> Sensitivity:
        """Fill curves of figures of merit around the present values while nobody edits; started already.

        Parameters
        ----------
        parameters : str or iterable of str
            Such as 'free_iter.free_sigma', or a step's name for all of its parameters.
        changed : callable, optional
            Called with a `Response` whenever a value has been tried.
        rest : float
            Seconds without an edit before it begins.
        """
        found = Sensitivity(self, parameters, changed, rest)
        found.start()
        return found

    def at_rest(self, job: Callable[[threading.Event], None]) -> None:
        """Call `job` in a thread of its own, with an event that any edit, run or cancel sets; the newest job wins."""
        self._computation.at_rest(job)

    def rest_no_more(self) -> None:
        """Stop the job of `at_rest`."""
        self._computation.rest_no_more()

    def forget_beside(self) -> None:
        """Free what steps remember of other values than the present ones."""
        self._computation.forget_beside()

    # --- edits --------------------------------------------------------------------------------------

    def join_edits(self, joined: Callable[[], AbstractContextManager[None]]) -> None:
        """Have `joined` entered around edits that belong together, so that a history takes them for one."""
        self._joined = (*self._joined, joined)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Take all edits made meanwhile as one, which one undo takes back."""
        with ExitStack() as stack:
            for joined in self._joined:
                stack.enter_context(joined())
            yield

    def set(self, **parameters: Any) -> None:
        """Set several parameters and switches, by their keys in the config file: all, or none if one is bad.

        It is one edit, which one undo takes back.
        """
        with self.together():
            super().set(**parameters)

    _joined: tuple[Callable[[], AbstractContextManager[None]], ...] = ()
