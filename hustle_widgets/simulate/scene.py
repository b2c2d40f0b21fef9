"""What stays the same from frame to frame of a simulated visit, and where things are put."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hustle_widgets.algorithms import simulation as sim
from hustle_widgets.algorithms.geometry import Trace, trace, trace_mask, traces_on_frame
from hustle_widgets.algorithms.simulation_effects import STAR_TEMPERATURE
from hustle_widgets.algorithms.simulation_star import SIMULATED_ORDERS

STAR_FLUXES = (20_000.0, 5_000.0)


class Scene(NamedTuple):
    """What stays the same from frame to frame. Positions are (column, row) on the frame."""

    shape: tuple[int, int]
    chip: int
    corner: tuple[int, int]
    target: tuple[float, float]
    zeroth: tuple[float, float]
    stars: NDArray[np.float64]
    star_fluxes: NDArray[np.float64]
    sky: NDArray[np.float32]
    strength: float
    red_ends: dict[str, float] | None = None
    temperature: float = STAR_TEMPERATURE
    neighbour: tuple[float, float, float] | None = None
    flat: NDArray[np.float32] | None = None

    def light(
        self, moved: NDArray[np.float64], sky_scale: float, transmitted: float, width: float = 1.0
    ) -> NDArray[np.float64]:
        """Give the expected light [e-] on each pixel of a frame displaced by `moved` (column, row)."""
        light = sky_scale * self.sky.astype(np.float64)
        add_orders(self, light, moved, self.strength * transmitted, width)
        if self.neighbour is not None:
            column, row, ratio = self.neighbour
            add_orders(self, light, (moved[0] + column, moved[1] + row), self.strength * ratio, width)
        for (column, row), flux in zip(self.stars + moved, self.star_fluxes, strict=True):
            sim.add_star(light, (column, row), flux, width)
        return light if self.flat is None else light * self.flat


def add_orders(
    scene: Scene,
    light: NDArray[np.float64],
    moved: Any = (0.0, 0.0),
    strength: float = 1.0,
    width: float = 1.0,
) -> dict[str, NDArray[np.float64]]:
    """Add all orders of a star at `moved` from the target in place; return electrons per column of each."""
    zeroth = (scene.zeroth[0] + moved[0], scene.zeroth[1] + moved[1])
    traces = whole_traces(scene, moved)
    return sim.add_target(light, traces, zeroth, strength, scene.red_ends, scene.temperature, width)


def whole_traces(scene: Scene, moved: Any = (0.0, 0.0)) -> dict[str, Trace]:
    """Trace each order over its whole length, beyond the frame too, in frame coordinates."""
    left, bottom = scene.corner
    found = {}
    for order in SIMULATED_ORDERS:
        column, row = scene.target[0] + moved[0] + left, scene.target[1] + moved[1] + bottom
        line = trace(order, column, row, scene.chip)
        found[order] = Trace(line.columns - left, line.rows - bottom, line.wavelengths)
    return found


def _place_stars(rng: np.random.Generator, scene: Scene, n_stars: int) -> NDArray[np.float64]:
    """Positions away from the traces, the edges and each other; fewer than wanted when there is no room."""
    taken = trace_mask(scene.shape, traces_on_columns(scene), scene.zeroth, 32)
    margin = 22
    stars: list[NDArray[np.float64]] = []
    for _ in range(200 * n_stars):
        if len(stars) == n_stars:
            break
        place = margin + rng.random(2) * (np.array(scene.shape[::-1]) - 2 * margin)
        apart = all(np.hypot(*(place - other)) > 45 for other in stars)
        if apart and not taken[int(place[1]), int(place[0])]:
            stars.append(place)
    return np.array(stars).reshape(-1, 2)


def traces_on_columns(scene: Scene) -> dict[str, Trace]:
    """Clip the traces to the columns of the frame."""
    clipped = {}
    for order, line in whole_traces(scene).items():
        inside = (line.columns >= 0) & (line.columns < scene.shape[1])
        clipped[order] = line.where(inside)
    return clipped


def first_orders(scene: Scene) -> dict[str, Trace]:
    """Traces of +1 and -1 on the frame, where they are useful."""
    left, bottom = scene.corner
    subarray = (left + 1, left + scene.shape[1], bottom + 1, bottom + scene.shape[0])
    return traces_on_frame(scene.target, subarray, scene.shape, scene.chip, ("+1", "-1"), useful=True)


def red_ends(scene: Scene) -> dict[str, float]:
    """Wavelength at which each order has faded: within its calibration, however the frames are displaced."""
    # A trace loses up to a column when it moves by a part of one.
    return {order: float(np.sort(line.wavelengths)[-3]) for order, line in whole_traces(scene).items()}


def make_scene(
    shape: tuple[int, int],
    seed: int,
    sky_structure: float,
    strength: float,
    n_stars: int,
    target: tuple[float, float] | None,
    chip: int,
    corner: tuple[int, int] | None,
) -> Scene:
    """Put the subarray on the chip, the target on the subarray and the stars around it."""
    if target is None:
        target = (round(0.4619 * shape[1], 2) + 0.26, float(np.clip(shape[0] - 215, 12, 170)) + 0.4)
    room = (sim.CHIP_SHAPE[1] - shape[1], sim.CHIP_SHAPE[0] - shape[0])
    if corner is None:
        column, row = 2000 - int(target[0]), 900 - int(target[1])
        corner = (int(np.clip(column, 0, room[0])), int(np.clip(row, 0, room[1])))
    for value, name, high in zip(corner, ("corner[0]", "corner[1]"), room, strict=True):
        check_number(value, name, 0, high, whole=True)
    for place, name, size in zip(target, ("target[0]", "target[1]"), shape[::-1], strict=True):
        check_number(place, name, 0, size - 1)
    target = (float(target[0]), float(target[1]))
    rows, columns = np.arange(shape[0]) + corner[1], np.arange(shape[1]) + corner[0]
    scene = Scene(
        shape=shape,
        chip=int(chip),
        corner=(int(corner[0]), int(corner[1])),
        target=target,
        zeroth=(target[0] + sim.ZEROTH_SHIFT[0], target[1] + sim.ZEROTH_SHIFT[1]),
        stars=np.empty((0, 2)),
        star_fluxes=np.empty(0),
        sky=sim.sky_template(rows.astype(float), columns.astype(float), sky_structure),
        strength=strength,
    )
    stars = _place_stars(np.random.default_rng([seed, 1]), scene, n_stars)
    return scene._replace(stars=stars, star_fluxes=np.resize(STAR_FLUXES, len(stars)))


def check_number(value: Any, name: str, low: float, high: float, *, whole: bool = False) -> None:
    """Raise ValueError naming the parameter unless `value` is a number in low..high."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not low <= value <= high or (whole and value != int(value)):
        kind = "an int" if whole else "a number"
        raise ValueError(
            f"The '{name}' parameter of simulate_visit must be {kind} in {low:g}..{high:g}. "
            f"Got {value!r} instead."
        )
