"""A chain that is done in a moment."""

from __future__ import annotations

from hustle_widgets import Reduction

OFF = ("led", "smooth", "Pagul", "bkg_stars", "uniform", "0thtracking", "fixed_iter", "hst_flags", "save")


def quick(visit, **parameters):
    """A Reduction of free iteration, column background and quicklook."""
    off = {f"do_{name}": False for name in OFF}
    return Reduction(visit, **{"verbose": 0, "mask_trace": False, "rows": (0, 1, 2, 3), **off, **parameters})
