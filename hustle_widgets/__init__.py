"""Interactive reduction of HST WFC3/UVIS G280 time series in Jupyter."""

import sys
import warnings

from hustle_widgets.campaign import run_many
from hustle_widgets.pipeline import run_pipeline
from hustle_widgets.reduction import Reduction
from hustle_widgets.script import reduce
from hustle_widgets.simulate import simulate_visit
from hustle_widgets.visit import load_visit

__all__ = ["Reduction", "load_visit", "reduce", "run_many", "run_pipeline", "simulate_visit"]

if getattr(sys.modules.get("ipykernel"), "__version__", "").startswith("7.0."):
    warnings.warn(
        "ipykernel 7.0 loses what is told from other threads: the page of a Reduction would not follow. Install "
        "another version, e.g. python -m pip install 'ipykernel!=7.0.*', and restart the kernel.",
        stacklevel=2,
    )
