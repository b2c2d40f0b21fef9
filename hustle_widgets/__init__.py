"""Interactive reduction of HST WFC3/UVIS G280 time series in Jupyter."""

from hustle_widgets.pipeline import run_pipeline
from hustle_widgets.reduction import Reduction
from hustle_widgets.script import reduce
from hustle_widgets.simulate import simulate_visit
from hustle_widgets.visit import load_visit

__all__ = ["Reduction", "load_visit", "reduce", "run_pipeline", "simulate_visit"]
