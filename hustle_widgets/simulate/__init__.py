"""Make a G280 visit whose truth is known: FITS files shaped like calwf3's, and truth.nc beside them."""

from hustle_widgets.simulate.make import simulate_visit
from hustle_widgets.simulate.truth import cosmic_ray_mask, read_truth, read_twin

__all__ = ["cosmic_ray_mask", "read_truth", "read_twin", "simulate_visit"]
