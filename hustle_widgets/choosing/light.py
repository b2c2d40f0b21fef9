"""What a Reduction offers beside its steps: light curves, tables, injections, and why a point moved."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from hustle_widgets.choosing import curves, export
from hustle_widgets.choosing.asked import check_transit
from hustle_widgets.choosing.explain import LAST_EDIT, Explanation, explain
from hustle_widgets.choosing.injecting import Injected, check_injected, injected_into, without
from hustle_widgets.choosing.merit import figures_of
from hustle_widgets.choosing.pins import Pins
from hustle_widgets.choosing.recovery import Recovery, recovered
from hustle_widgets.engine.blocks import Source, State
from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.plan import Request
from hustle_widgets.outputs import package_versions
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.parameter_base import shown
from hustle_widgets.steps.targets import given_location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hustle_widgets.computation import Computation
    from hustle_widgets.engine.chain import Chain
    from hustle_widgets.run_folder import RunResult


class Light:
    """Light curves and exports, figures of merit, injections, and why a point moved."""

    if TYPE_CHECKING:
        _computation: Computation
        _chain: Chain
        steps: dict[str, Step]
        visit: xr.Dataset

        @property
        def pins(self) -> Pins: ...  # noqa: D102
        @property
        def kinds(self) -> tuple[type[Step], ...]: ...  # noqa: D102
        def request(self) -> Request: ...  # noqa: D102
        @property
        def toplevel_dir(self) -> str: ...  # noqa: D102
        def output_folder(self) -> Path: ...  # noqa: D102
        def visit_folder(self) -> Path: ...  # noqa: D102
        def state(self, before: str = "") -> State: ...  # noqa: D102
        def set(self, **parameters: Any) -> None: ...  # noqa: D102
        @property
        def busy(self) -> bool: ...  # noqa: D102
        def watch(self, callback: Callable[[str, str], None]) -> None: ...  # noqa: D102
        def unwatch(self, callback: Callable[[str, str], None]) -> None: ...  # noqa: D102
        def to_script(self) -> str: ...  # noqa: D102
        def _frozen_result(self, state: State) -> RunResult: ...
        def values(self) -> dict[str, Any]: ...  # noqa: D102

    _injected: Injected | None = None

    # --- light --------------------------------------------------------------------------------------

    def computed(
        self,
        request: Request | None = None,
        *,
        whole: bool = False,
        listener: Listener | None = None,
        source: Source | None = None,
        stop: threading.Event | None = None,
    ) -> State:
        """Return the visit behind the last step, computed as far as it is not known; nothing is written.

        Parameters
        ----------
        request : Request, optional
            Other switches and parameters than the present ones, which stay as they are.
        whole : bool
            Whether all steps are; otherwise those that alter nothing are left out, but for light curves.
        listener : Listener, optional
            Told of every step.
        source : Source, optional
            Instead of the visit.
        stop : threading.Event, optional
            Looked at between blocks, instead of what `cancel` sets.

        Raises
        ------
        ValueError
            When a step cannot be computed.
        Cancelled
            When `cancel` was called meanwhile.
        """
        told, present = _Errors(listener), request is None
        request = self.request() if request is None else request
        wanted = None if whole else [kind.name for kind in self.kinds if kind.in_sight]
        if stop is None:
            stop = self._computation.stop_aside
            stop.clear()
        state = self._computation.aside(request, listener=told, stop=stop, wanted=wanted, source=source)
        if told.first is not None:
            name, error = told.first
            raise ValueError(f"{name}: {error}") from error
        if present:
            self._computation.note_finished(request)
            self._computation.refresh()
        return state

    def light_curve(
        self,
        order: str | None = None,
        *,
        bin: int | None = None,
        wavelength: tuple[float, float] | None = None,
        lightkurve: bool = False,
    ) -> Any:
        """Return the light curve of the present parameters; what is not known yet is computed.

        Parameters
        ----------
        order : str, optional
            The first of `traces_included` by default.
        bin : int, optional
            Wavelength bin of the quicklook, from 0, bluest first; the white light curve by default.
        wavelength : (low, high), optional
            Instead of a bin: a range [Angstrom], or of any unit of length as a Quantity.
        lightkurve : bool
            Whether lightkurve's LightCurve is returned.

        Returns
        -------
        astropy.timeseries.TimeSeries
            time (mid-exposure, UTC), flux and flux_err [electron], orbit. `flux_err` is that of photons, sky and
            read noise.
        """
        state = self.computed()
        curve = curves.curve_of(state, order, bin, wavelength)
        make = curves.lightkurve_of if lightkurve else curves.time_series
        return make(curve, self._remarks(state))

    def export(
        self, folder: str | os.PathLike[str], *, formats: Iterable[str] = ("ecsv", "csv")
    ) -> list[Path]:
        """Write light curves, depths by wavelength, background and displacements as tables; return their paths.

        Parameters
        ----------
        folder : path
            Made if it is not there. Tables that an earlier export wrote there are replaced or removed.
        formats : iterable of {'ecsv', 'csv'}
        """
        state = self.computed(whole=True)
        return export.export_tables(state, folder, formats=formats, meta=self._remarks(state))

    def _remarks(self, state: State) -> dict[str, Any]:
        found: dict[str, Any] = {"made_by": package_versions()}
        if state.source.injection is not None:
            found["injected"] = state.source.injection.words
        return found

    def observed_source(self) -> Source:
        """Return the visit as it was observed, without what is injected."""
        return without(self._chain.source)

    # --- figures of merit ---------------------------------------------------------------------------

    def figures(self, state: State | None = None, **options: Any) -> dict[str, float]:
        """Return the figures of merit of the present parameters, or of another state, see `choosing.merit`."""
        check_transit(options.get("transit"))
        if state is not None and not isinstance(state, State):
            raise ValueError(f"'state' must be a State, see `computed`, or None. Got {shown(state)} instead.")
        state = self.computed() if state is None else state
        return figures_of(state, given_location(state, self.values()), kinds=self.kinds, **options)

    # --- why a point is where it is -----------------------------------------------------------------

    def explain(
        self, frame: int, order: str | None = None, *, against: State | str | None = None
    ) -> Explanation:
        """Tell how many ppm of a point of the light curve come from which step; the parts add up to the whole.

        Parameters
        ----------
        frame : int
            Frame of the visit, from 0.
        order : str, optional
            The first of `traces_included` by default.
        against : State or str, optional
            Another reduction: the name of a pin, or 'last edit' for what was computed before the last edit. The
            visit without any correction by default.

        Raises
        ------
        ValueError
            For a frame, an order or a reduction that is not there.
        """
        words = "no correction"
        state = self.computed()
        if isinstance(against, str):
            words = f"the pin {against!r}"
            if against == LAST_EDIT:
                words = "the reduction before the last edit"
                against = self.computed(self._before_last_edit())
            else:
                against = self.pins.state(against)
        elif against is not None:
            if not isinstance(against, State):
                raise ValueError(
                    "'against' must be the name of a pin, 'last edit', a State such as reduction.computed() gives, or "
                    f"None. Got {shown(against)} instead."
                )
            words = "another reduction"
        return explain(state, frame, order, against=against, words=words)

    def _before_last_edit(self) -> Request:
        """Return what was computed to its end before the present parameters were."""
        present = self.request()
        for request in reversed(self._computation.finished):
            if request != present:
                return request
        raise ValueError("Nothing else has been computed yet: there is no reduction before the last edit.")

    # --- injections ---------------------------------------------------------------------------------

    @property
    def injected(self) -> Injected | None:
        """What is injected into the visit at present, or None."""
        return self._injected

    def inject(self, depth: float = 0.01, **options: Any) -> Injected:
        """Put a known transit and known hits into the visit, before all steps, until `take_out` is called.

        Results say so: notes of the first step, the config, attributes of clean_obs.nc, exported tables.

        Parameters
        ----------
        depth : float
            Share of the target's light that is missing in transit; 0 for no transit.
        middle : float or Time, optional
            Mid-transit [MJD]; that of the middle frames by default.
        duration, ingress : float or Quantity, optional
            First to last contact, and the ingress [h]; what four tenths of the frames see, and a tenth of that.
        cosmic_rays, hot_pixels : int, optional
            Tracks a frame, and pixels that are brighter in all frames; one for 10 000 pixels, a quarter of them on
            the traces.
        seed : int
            The same seed gives the same places.

        Returns
        -------
        Injected
            What was put where.
        """
        state = self.state()
        injected = injected_into(state, given_location(state, self.values()), depth=depth, **options)
        self._start_from(injected.into(self._chain.source), injected)
        return injected

    def take_out(self) -> None:
        """Take the injection out again. What was computed without it is still known."""
        if self._injected is not None:
            self._start_from(without(self._chain.source), None)

    def _start_from(self, source: Source, injected: Injected | None) -> None:
        """Compute from a source; who is told of it finds `injected` set already."""
        before, self._injected = self._injected, injected
        try:
            self._computation.start_from(source)
        except BaseException:
            self._injected = before
            raise

    @contextmanager
    def injection(self, depth: float = 0.01, **options: Any) -> Iterator[Injected]:
        """Inject for the length of a block, see `inject`; then what was injected before it is back."""
        before = self._injected
        injected = self.inject(depth, **options)
        try:
            yield injected
        finally:
            if before is None:
                self.take_out()
            elif self._injected is not before:
                self._start_from(before.into(self._chain.source), before)

    def recover(
        self, injected: Injected | None = None, *, order: str | None = None, listener: Listener | None = None
    ) -> Recovery:
        """Tell what the present parameters make of an injection: the chain runs with and without it.

        Parameters
        ----------
        injected : Injected, optional
            What is injected at present by default; else a transit of 1 % and hits are, for this call only.
        order : str, optional
            Whose depth; the first of `traces_included` by default.
        listener : Listener, optional
            Told of every step.
        """
        clean = self.observed_source()
        if injected is not None:
            check_injected(injected, clean)
        state = self.computed(source=clean, listener=listener)
        injected = injected or self._injected or injected_into(state, given_location(state, self.values()))
        dirty = self.computed(source=injected.into(clean), listener=listener)
        return recovered(state, dirty, injected, order)


class _Errors(Listener):
    """Remembers the first step that failed, and passes on what is told."""

    def __init__(self, other: Listener | None = None) -> None:
        self.first: tuple[str, Exception] | None = None
        self.other = other or Listener()
        self.running, self.progress = self.other.running, self.other.progress  # type: ignore[method-assign]
        self.done, self.reused = self.other.done, self.other.reused  # type: ignore[method-assign]
        self.unmet = self.other.unmet  # type: ignore[method-assign]

    def failed(self, name: str, error: Exception) -> None:
        """Keep it."""
        self.first = self.first or (name, error)
        self.other.failed(name, error)
