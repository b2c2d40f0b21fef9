"""Reductions that were kept: what differs between them, how good each is, and how far they are apart."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from astropy.table import Column, Table
from numpy.typing import NDArray

from hustle_widgets.algorithms.photometry import usual_light
from hustle_widgets.algorithms.transits import Transit, fit_depth, shape_of, trend_terms
from hustle_widgets.assessment import assess
from hustle_widgets.choosing.curves import Curve, curve_of, orders_of
from hustle_widgets.choosing.merit import FIGURES, figures_of
from hustle_widgets.choosing.subject import Subject
from hustle_widgets.engine.blocks import State
from hustle_widgets.outputs import not_science, package_versions
from hustle_widgets.settings import request_of
from hustle_widgets.small_files import replaced
from hustle_widgets.steps.parameters import as_lists
from hustle_widgets.steps.quicklook import light_table
from hustle_widgets.steps.targets import given_location
from hustle_widgets.user_paths import user_path

Floats = NDArray[np.float64]
# Bytes that what the steps of pinned reductions left may hold; of the oldest it is computed again when asked for.
LIMIT = 512 * 2**20


@dataclass(eq=False, repr=False)
class Pin:
    """A reduction that was kept.

    Attributes
    ----------
    name : str
    made : str
        When, ISO 8601 (UTC).
    values : dict of str to object
        All parameters and switches by their keys in the config file.
    figures : dict of str to float
        Figures of merit, see `choosing.merit`.
    curves : dict of str to Curve
        White light curve of each order.
    backgrounds : dict of str to ndarray, shape (frames,)
        What each method took off, median over the pixels [e-].
    findings : list of dict
        The verdicts: step, title, value, figure, verdict, sentence.
    visit : str
        Which visit it is of.
    versions : str
        Of the packages it was made with.
    transit : Transit or None
        Where its light curve has a dip [MJD].
    state : State or None
        The visit behind the last step, as long as there is room for it.
    others : dict of str to object
        Values of steps that this chain lacks, such as a person's own, by their keys as they were written.
    """

    name: str
    made: str
    values: dict[str, Any]
    figures: dict[str, float]
    curves: dict[str, Curve]
    backgrounds: dict[str, Floats]
    findings: list[dict[str, Any]]
    visit: str
    versions: str = ""
    transit: Transit | None = None
    state: State | None = None
    others: dict[str, Any] = field(default_factory=dict)

    @property
    def lacks(self) -> str:
        """Say which of its values this chain has no step for, '' when it has, or when these steps were off."""
        if not self.others or (self._switches and not any(self._switches)):
            return ""
        return (
            f"The pin {self.name!r} was made with steps that this chain lacks: {', '.join(self.others)}. Open the "
            "visit with them, Reduction(..., steps=with_step(...)), to go back to it or to see its frames."
        )

    @property
    def lacks_a_step(self) -> bool:
        """Whether one of these steps was on; keys without a switch may be left over from another version."""
        return any(self._switches)

    @property
    def _switches(self) -> list[Any]:
        return [value for key, value in self.others.items() if key.startswith("do_")]

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in self.figures.items())
        return " ".join(filter(None, [f"<pin {self.name!r} of {self.made}: {figures}>", self.lacks]))


class Pins(Mapping[str, Pin]):
    """The pins of a Reduction by name, in the order in which they were made.

    Parameters
    ----------
    reduction : Reduction

    Attributes
    ----------
    troubles : list of str
        What cannot be used of the run's pins.json, a sentence each.
    """

    def __init__(self, reduction: Subject) -> None:
        self._reduction = reduction
        self._pins: dict[str, Pin] = {}
        self.known: set[tuple[str, str]] = set()  # name and time of all that there have been
        self.troubles: list[str] = []
        self.limit = LIMIT

    def __getitem__(self, name: str) -> Pin:
        try:
            return self._pins[name]
        except KeyError:
            found = f"No pin {name!r}. There are {', '.join(self._pins) or 'none'}."
            raise KeyError(" ".join([found, *self.troubles])) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._pins)

    def __len__(self) -> int:
        return len(self._pins)

    def __repr__(self) -> str:
        return " ".join([f"<{len(self)} pins: {', '.join(self) or 'none'}>", *self.troubles])

    # --- to keep, and to go back --------------------------------------------------------------------

    def keep(self, name: str, state: State, values: Mapping[str, Any]) -> Pin:
        """Keep a reduction that has been computed, under a name that is not taken."""
        check_name(name)
        if name in self._pins:
            raise ValueError(
                f"There is a pin {name!r} already: choose another name, or pins.remove({name!r})."
            )
        if state.source.injection is not None:
            raise ValueError(
                "Something is injected into the visit, and a pin is of what was observed: reduction.take_out() first."
            )
        reduction = self._reduction
        location = given_location(state, values)
        table = light_table(state.outcomes)
        light = {} if table is None else {order: curve_of(state, order) for order in orders_of(state)}
        pin = Pin(
            name=name,
            made=datetime.now(UTC).isoformat(timespec="milliseconds"),
            values=dict(values),
            figures=figures_of(state, location, transit=self.transit(), kinds=reduction.kinds),
            curves=light,
            backgrounds={n: o.offset.usual() for n, o in state.outcomes.items() if o.offset is not None},
            findings=[
                {name: value for name, value in vars(finding).items() if name != "remedy"}
                for finding in assess(state, location, kinds=reduction.kinds)
            ],
            visit=state.source.token,
            versions=package_versions(),
            transit=None if table is None else table.facts["transit"],
            state=state,
        )
        self.add(pin)
        return pin

    def add(self, pin: Pin) -> None:
        """Take in a pin that was made elsewhere; its numbers can no longer be edited by accident."""
        for curve in pin.curves.values():
            for array in (curve.times, curve.flux, curve.error, curve.orbits):
                array.flags.writeable = False
        for level in pin.backgrounds.values():
            level.flags.writeable = False
        self._pins[pin.name] = pin
        self.known.add((pin.name, pin.made))
        self._trim()

    def remove(self, name: str) -> None:
        """Forget a pin; its files go when the others are saved next."""
        del self._pins[self[name].name]

    def _trim(self) -> None:
        held: dict[int, int] = {}
        for pin in reversed(list(self._pins.values())):
            if pin.state is None:
                continue
            held |= {id(outcome): outcome.nbytes for outcome in pin.state.outcomes.values()}
            if sum(held.values()) > self.limit:
                pin.state = None

    def state(self, name: str) -> State:
        """Return the visit behind the last step of a pin, computed again where it is no longer known."""
        pin = self[name]
        if pin.state is None:
            self._check_visit(pin)
            self.check_steps(name)
            request = request_of({**self._reduction.values(), **self.science(name)}, self._reduction.kinds)
            pin.state = self._reduction.computed(request, source=self._reduction.observed_source())
            self._trim()
            if pin.state is None:  # there is no room for it
                return self._reduction.computed(request, source=self._reduction.observed_source())
        return pin.state

    def _check_visit(self, pin: Pin) -> None:
        here = self._reduction.observed_source().token
        if pin.visit != here:
            raise ValueError(
                f"The pin {pin.name!r} is of another visit: its light curves can be compared, but no frames be made."
            )

    def check_steps(self, name: str) -> None:
        """Raise ValueError when a pin was made with steps that this chain lacks; warn where that is not sure."""
        pin = self[name]
        if pin.lacks_a_step:
            raise ValueError(pin.lacks)
        if pin.lacks:
            warnings.warn(pin.lacks, stacklevel=3)

    def science(self, name: str) -> dict[str, Any]:
        """Return the parameters of a pin that its result depends on, by their keys in the config file."""
        left_out = not_science(self._reduction.kinds)
        return {key: value for key, value in self[name].values.items() if key not in left_out}

    # --- to compare ---------------------------------------------------------------------------------

    def transit(self) -> Transit | None:
        """Return where depths of all pins are measured: where the first that shows a dip has it."""
        found = (pin.transit for pin in self._pins.values() if pin.transit is not None)
        return next(found, None)

    def _chosen(self, names: Sequence[str] | None) -> list[Pin]:
        return [self[name] for name in ([names] if isinstance(names, str) else names or list(self))]

    def differences(self, names: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        """Return the parameters that differ: by key in the config file, the value of each pin."""
        pins = self._chosen(names)
        keys = dict.fromkeys(key for pin in pins for key in (*self.science(pin.name), *pin.others))
        found = {key: {pin.name: {**pin.others, **pin.values}.get(key) for pin in pins} for key in keys}
        return {key: values for key, values in found.items() if len({repr(v) for v in values.values()}) > 1}

    def table(self, names: Sequence[str] | None = None) -> Table:
        """Return the pins side by side: a row for each, what differs and the figures of merit as columns."""
        pins = self._chosen(names)
        table = Table()
        table["pin"] = np.array([pin.name for pin in pins], dtype=str)
        differing = self.differences(names)
        for key, values in differing.items():
            table[key] = np.array([str(as_lists(values[pin.name])) for pin in pins], dtype=str)
        for name, figure in FIGURES.items():
            table[name] = np.array([pin.figures.get(name, np.nan) for pin in pins], dtype=float)
            table[name].description = f"{figure.text} [{figure.unit}]"
        table["made"] = np.array([pin.made for pin in pins], dtype=str)
        table.meta["differs"] = list(differing)
        return table

    def curves(self, names: Sequence[str] | None = None, order: str | None = None) -> xr.Dataset:
        """Return the light curves of pins on the frames that all of them have.

        Returns
        -------
        xarray.Dataset
            Dims pin, exp_time: flux and error over the median flux, and residual [ppm] from the plain fit of the
            dip with a trend, the same dip for all.
        """
        pins = self._chosen(names)
        if not pins:
            raise ValueError("There is no pin yet: reduction.pin('name').")
        order = order or next(iter(pins[0].curves), None)
        lacking = [pin.name for pin in pins if order not in pin.curves]
        if order is None or lacking:
            raise ValueError(f"{', '.join(lacking or list(self))}: there is no light curve of order {order}.")
        shown = [pin.curves[order] for pin in pins]
        times = shown[0].times
        for curve in shown[1:]:
            times = np.intersect1d(times, curve.times)
        if not times.size:
            raise ValueError("These pins have no frame in common.")
        transit = self.transit()
        flux, error, residual = (np.empty((len(pins), times.size)) for _ in range(3))
        for row, curve in enumerate(shown):
            at = np.isin(curve.times, times)
            usual = usual_light(curve.flux[at])
            level = usual if usual > 0 else np.nan
            flux[row], error[row] = curve.flux[at] / level, curve.error[at] / level
            residual[row] = 1e6 * _residual(times, flux[row], curve.orbits[at], transit)
        along = ("pin", "exp_time")
        return xr.Dataset(
            {
                "flux": (along, flux, {"units": "1", "long_name": "light over its median"}),
                "error": (along, error, {"units": "1", "long_name": "photons, sky and read noise"}),
                "residual": (along, residual, {"units": "1e-6", "long_name": "light less dip and trend"}),
            },
            {"pin": [pin.name for pin in pins], "exp_time": ("exp_time", times, {"units": "d"})},
            {"order": order},
        )

    def spread(self, names: Sequence[str] | None = None, order: str | None = None) -> xr.Dataset:
        """Return how far the light curves of pins are apart: a band, and a systematic error of each point.

        Returns
        -------
        xarray.Dataset
            Along exp_time: middle, low and high of the relative light, and `systematic`, the standard deviation
            (n - 1) over the pins [ppm]; attrs: the same of the depth.
        """
        curves = self.curves(names, order)
        if curves.sizes["pin"] < 2:
            raise ValueError("A spread is of two pins or more.")
        flux = curves["flux"].values
        systematic = 1e6 * np.std(flux, axis=0, ddof=1)
        depths = np.array([self[str(name)].figures.get("depth", np.nan) for name in curves["pin"].values])
        text = "standard deviation over the pins: a systematic error"
        return xr.Dataset(
            {
                "middle": ("exp_time", np.median(flux, axis=0), {"units": "1", "long_name": "median pin"}),
                "low": ("exp_time", flux.min(axis=0), {"units": "1", "long_name": "lowest pin"}),
                "high": ("exp_time", flux.max(axis=0), {"units": "1", "long_name": "highest pin"}),
                "systematic": ("exp_time", systematic, {"units": "1e-6", "long_name": text}),
            },
            {"exp_time": curves["exp_time"]},
            {
                "order": curves.attrs["order"],
                "pins": ", ".join(map(str, curves["pin"].values)),
                "depth_systematic": float(np.std(depths, ddof=1)),
            },
        )

    def write_spread(
        self, path: str | os.PathLike[str], names: Sequence[str] | None = None, order: str | None = None
    ) -> Path:
        """Write the spread as a table, a row for each point: CSV, or ECSV by the ending '.ecsv'."""
        spread = self.spread(names, order)
        table = Table(meta=dict(spread.attrs))
        table["exp_time"] = Column(spread["exp_time"].values, unit="d", description="mid-exposure MJD (UTC)")
        for name, one in spread.data_vars.items():
            unit = "" if one.attrs["units"] == "1" else one.attrs["units"]
            table[name] = Column(one.values, unit=unit, description=one.attrs["long_name"])
        ecsv = str(path).endswith(".ecsv")
        with replaced(user_path(path).resolve()) as partial:
            table.write(partial, format="ascii.ecsv" if ecsv else "ascii.csv")
        return user_path(path)

    def frame(self, name: str, number: int) -> NDArray[np.float32]:
        """Return a frame of a pin, by its number in the visit, shape (rows, columns) [e-]."""
        state = self.state(name)
        place = np.flatnonzero(state.kept_frames == number)
        if not place.size:
            raise ValueError(f"Frame {number} is not worked on in the pin {name!r}.")
        return state.frame(int(place[0]))

    def minus(self, one: str, other: str, number: int) -> NDArray[np.float32]:
        """Return a frame of one pin less that of another, made when asked for, shape (rows, columns) [e-]."""
        return self.frame(one, number) - self.frame(other, number)


def _residual(times: Floats, flux: Floats, orbits: Any, transit: Transit | None) -> Floats:
    terms = trend_terms(times, orbits)
    if transit is not None:
        fit = fit_depth(flux, shape_of(times, transit), terms)
        if np.isfinite(fit.depth):
            return flux - fit.model
    found, *_ = np.linalg.lstsq(terms, np.nan_to_num(flux, nan=1.0), rcond=None)
    return flux - terms @ found


def check_name(name: str) -> str:
    """Return a pin's name, or raise ValueError: it is part of names of files."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+ -]{0,79}", name):
        raise ValueError(
            f"A pin's name is of letters, digits, spaces, '_', '-', '+' and '.', at most 80. Got {name!r} instead."
        )
    return name


def run_of(name: str) -> str:
    """Return the output_run that a pin's name makes; two names may make the same."""
    return check_name(name).rstrip(" .").replace(" ", "_")
