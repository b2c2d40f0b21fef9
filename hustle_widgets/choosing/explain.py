"""Why a point of the light curve is where it is: how many ppm of it come from which step. Exact: parts add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms.photometry import usual_light
from hustle_widgets.choosing import arguments
from hustle_widgets.choosing.curves import orders_of, quicklook_of
from hustle_widgets.choosing.stages import Band, correcting, images_of_stages, light_of_stages
from hustle_widgets.engine.blocks import State

Floats = NDArray[np.float64]
# What is not done by a step: the aperture or the frames that the light curve is made of.
VISIT = "aperture"
# What an explanation may be against, beside pins.
LAST_EDIT = "last edit"


class Part(NamedTuple):
    """What one step does to a point.

    Attributes
    ----------
    step : str
        Its name; 'aperture' for what changes when another aperture is summed.
    ppm : float
        How far it moves the point of the light curve that is divided by its median.
    electrons : float
        Light it adds in the aperture [e-].
    """

    step: str
    ppm: float
    electrons: float


class Pixels(NamedTuple):
    """Pixels in the aperture that a step changes, the strongest first.

    Attributes
    ----------
    rows, columns : ndarray of int, shape (n,)
    electrons : ndarray of float, shape (n,)
        Light added, weighted as in the aperture; they add up to the `electrons` of the step's `Part`.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    electrons: Floats


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Why a point is where it is.

    Attributes
    ----------
    frame : int
        Frame of the visit, from 0.
    order : str
    against : str
        What it is compared with, in words.
    before, after : float
        The point of the relative light curve there and here.
    parts : tuple of Part
        By step in order; their ppm add up to `whole`.
    """

    frame: int
    order: str
    against: str
    before: float
    after: float
    parts: tuple[Part, ...]
    now: State
    then: State | None

    @property
    def whole(self) -> float:
        """How far the point has moved in all [ppm]."""
        return 1e6 * (self.after - self.before)

    def pixels(self, step: str) -> Pixels:
        """Return the pixels behind one part."""
        known = [part.step for part in self.parts if part.step != VISIT]
        if step not in known:
            raise ValueError(f"No pixels belong to {step!r}. Ask for one of {', '.join(known)}.")
        effect = _effect(self.now, self.frame, self.order, step)
        if self.then is not None:
            effect = effect - _effect(self.then, self.frame, self.order, step)
        rows, columns = np.nonzero(effect)
        electrons = effect[rows, columns]
        strongest = np.argsort(-np.abs(electrons), kind="stable")
        return Pixels(rows[strongest], columns[strongest], electrons[strongest])

    def text(self) -> str:
        """Return the table in words, a line a step."""
        lines = [
            f"Frame {self.frame}, order {self.order}, against {self.against}: {self.whole:+.1f} ppm in all",
            *(f"  {part.step:16} {part.ppm:+10.1f} ppm {part.electrons:+14.0f} e-" for part in self.parts),
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text()


def explain(
    state: State,
    frame: int,
    order: str | None = None,
    *,
    against: State | None = None,
    words: str = "no correction",
) -> Explanation:
    """Tell how many ppm of a point come from which step.

    Parameters
    ----------
    state : State
        The visit behind the last step.
    frame : int
        Frame of the visit, from 0.
    order : str, optional
        The first that was summed by default.
    against : State, optional
        Another reduction of the visit; the visit without any correction by default.
    words : str
        What `against` is.

    Raises
    ------
    ValueError
        For a frame or an order that the light curves do not have, and for a light curve or a frame without light.

    Notes
    -----
    With F_k the light of all frames behind step k, the part of step k in frame i is
    ``F_k[i] / median(F_k) - F_(k-1)[i] / median(F_(k-1))``. The sum over all steps is what is between the first
    and the last of them, whatever the steps are. Against another reduction each part is the difference of two.
    """
    frame, order = arguments.whole("frame", frame, 0), orders_of(state)[0] if order is None else order
    for one in (state, against):
        if one is not None and (not isinstance(order, str) or order not in orders_of(one)):
            raise ValueError(f"Order {order!r} was not summed, only {', '.join(orders_of(one))}.")
    relative, electrons = _parts(state, order, frame)
    start, end = relative.pop(VISIT), sum(relative.values())
    light = electrons.pop(VISIT)
    after = start + end
    if against is None:
        parts = tuple(Part(step, 1e6 * relative[step], electrons[step]) for step in relative)
        return Explanation(frame, order, words, start, after, parts, state, None)
    then, electrons_then = _parts(against, order, frame)
    first, first_light = then.pop(VISIT), electrons_then.pop(VISIT)
    steps = list(dict.fromkeys([*_in_order(state, against), *relative, *then]))
    parts = tuple(
        Part(
            step,
            1e6 * (relative.get(step, 0.0) - then.get(step, 0.0)),
            electrons.get(step, 0.0) - electrons_then.get(step, 0.0),
        )
        for step in steps
    )
    if start != first or light != first_light:
        parts = (Part(VISIT, 1e6 * (start - first), light - first_light), *parts)
    return Explanation(frame, order, words, first + sum(then.values()), after, parts, state, against)


def _in_order(*states: State) -> list[str]:
    """Return the steps of several reductions that correct, in the order of the chain."""
    names: list[str] = []
    for state in states:
        for name in correcting(state):
            if name not in names:
                later = [n for n in list(state.outcomes)[list(state.outcomes).index(name) :] if n in names]
                names.insert(names.index(later[0]) if later else len(names), name)
    return names


def _parts(state: State, order: str, frame: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return what each step adds to a point, relative and in electrons; first where it starts."""
    place = _place(state, frame)
    steps, light = light_of_stages(state, order)
    names = (VISIT, *steps)
    unknown = np.flatnonzero(~np.isfinite(light[:, place]))
    if unknown.size:
        raise ValueError(
            f"The light of frame {frame} in order {order} is not known {_behind(names, unknown[0])}: a row of its "
            "aperture holds no value (NaN) at all. What steps add to it cannot be told."
        )
    usual = np.array([usual_light(one) for one in light])
    dark = np.flatnonzero(~(usual > 0))
    if dark.size:
        raise ValueError(
            f"The light curve of order {order} holds {usual[dark[0]]:,.0f} e- in the usual frame "
            f"{_behind(names, dark[0])}: no share of it is of a step. Look at the aperture, and at where the "
            "background is taken from."
        )
    relative = light[:, place] / usual
    return (
        dict(zip(names, np.diff(relative, prepend=0.0).tolist(), strict=True)),
        dict(zip(names, np.diff(light[:, place], prepend=0.0).tolist(), strict=True)),
    )


def _behind(names: Sequence[str], stage: int) -> str:
    return "before all steps" if stage == 0 else f"behind the step {names[stage]}"


def _place(state: State, frame: int) -> int:
    found = np.flatnonzero(state.kept_frames == frame)
    if not found.size:
        raise ValueError(
            f"Frame {frame} is not worked on: it has no point in the light curve. There are frames "
            f"{state.kept_frames.min()} to {state.kept_frames.max()}."
        )
    return int(found[0])


def _effect(state: State, frame: int, order: str, step: str) -> Floats:
    """Return the light that a step adds in each pixel of a frame, weighted as in the aperture."""
    laid = quicklook_of(state).facts["apertures"][order]
    band = Band.of(laid)
    effect = np.zeros(state.shape[1:])
    steps = list(correcting(state))
    if step not in steps:
        return effect
    stage, before = steps.index(step) + 1, None
    for number, image in enumerate(images_of_stages(state, _place(state, frame), band.rows)):
        if number == stage - 1:
            before = image.astype(float)
        elif number == stage:
            assert before is not None
            change = image.astype(float) - before
            lit = laid.weights > 0
            columns = np.broadcast_to(laid.columns, laid.rows.shape)[lit]
            rows = laid.rows[lit]
            np.add.at(effect, (rows, columns), laid.weights[lit] * change[rows - band.rows.start, columns])
            break
    return effect
