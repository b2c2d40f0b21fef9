"""Step 7: a look at the frames and at the white light curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Table
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.parameters import Orders, Switch, Whole
from hustle_widgets.steps.targets import ORDERS, find_traces


class Quicklook(Step):
    """Sum the light of the traces: the white light curve that the reduction leads to."""

    name, title, section, by = "quicklook", "Quality quicklook", "7", "frames"
    heading = ("Step 7: Quality quicklook",)
    switch = "do_quicklook"
    switch_help = "Whether to perform this step."
    alters, needs = False, ("location",)
    borrows = ("zeroth_tracking.location",)
    traces_included = Orders(
        ("+1",),
        ORDERS,
        "Which traces are included in the white light curve plot included in the quicklook.",
    )
    include_hst_dq = Switch(True, "If True, includes HST data quality flag information in the quicklook gif.")
