"""What `simulate_visit` accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hustle_widgets.algorithms import simulation as sim
from hustle_widgets.simulate.scene import check_number

# Low and high end of what is a number.
NUMBERS = {
    "cosmic_ray_rate": (0, 1),
    "sky": (0, 10_000),
    "sky_structure": (0, 3),
    "jitter": (0, 10),
    "depth": (0, 0.5),
    "brightness": (0, 100),
    "hot_fraction": (0, 0.1),
    "exposure_time": (1, 3000),
    "temperature": (2000, 50_000),
    "flat_error": (0, 0.2),
    "breathing": (0, 0.3),
    "hook": (0, 0.3),
    "cte": (0, 0.3),
    "false_flags": (0, 1),
}
WHOLE_NUMBERS = {"n_frames": (1, 10_000), "seed": (0, 2**63), "n_stars": (0, 100), "chip": (1, 2)}


def check_options(given: Mapping[str, Any]) -> None:
    """Raise ValueError, naming the parameter, unless all are in their bounds."""
    shape = several(given["shape"], "shape", 2, "(rows, columns)")
    check_number(shape[0], "shape[0]", 200, sim.CHIP_SHAPE[0], whole=True)
    check_number(shape[1], "shape[1]", 300, sim.CHIP_SHAPE[1], whole=True)
    for name, (low, high) in WHOLE_NUMBERS.items():
        check_number(given[name], name, low, high, whole=True)
    for name, (least, most) in NUMBERS.items():
        check_number(given[name], name, least, most)
    for name, value in zip(
        ("drift[0]", "drift[1]"), several(given["drift"], "drift", 2, "(column, row)"), strict=True
    ):
        check_number(value, name, -20, 20)
    if given["frames_per_orbit"] is not None:
        check_number(given["frames_per_orbit"], "frames_per_orbit", 1, 100, whole=True)
    if given["transit_span"] is not None:
        start, stop = several(given["transit_span"], "transit_span", 2, "(start, stop)")
        check_number(start, "transit_span[0]", 0, 1)
        check_number(stop, "transit_span[1]", start, 1)
    if given["neighbour"] is not None:
        words = "(columns, rows, brightness)"
        column, row, ratio = several(given["neighbour"], "neighbour", 3, words)
        check_number(column, "neighbour[0]", -2000, 2000)
        check_number(row, "neighbour[1]", -2000, 2000)
        check_number(ratio, "neighbour[2]", 0, 100)
    for number in given["failed"]:
        check_number(number, "failed", 0, given["n_frames"] - 1, whole=True)


def several(value: Any, name: str, number: int, words: str) -> Sequence[Any]:
    """Return the entries of a tuple, or say what they should be."""
    try:
        entries = tuple(value)
    except TypeError:
        entries = ()
    if len(entries) != number:
        raise ValueError(f"The '{name}' parameter of simulate_visit must be {words}. Got {value!r}.")
    return entries
