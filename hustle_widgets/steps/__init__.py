"""The steps of Stage 1 in order. A new step is one file here, one algorithm, and one line in STAGE_1."""

from hustle_widgets.steps.base import Step
from hustle_widgets.steps.column import ColumnBackground
from hustle_widgets.steps.fixed_iter import FixedIteration
from hustle_widgets.steps.free_iter import FreeIteration
from hustle_widgets.steps.hst_flags import HSTFlags
from hustle_widgets.steps.led import LaplacianEdgeDetection
from hustle_widgets.steps.line_up import inserted
from hustle_widgets.steps.location import TargetLocation
from hustle_widgets.steps.pagul import PagulBackground
from hustle_widgets.steps.quicklook import Quicklook
from hustle_widgets.steps.read_data import ReadData
from hustle_widgets.steps.save import SaveOutputs
from hustle_widgets.steps.smooth import SpatialSmoothing
from hustle_widgets.steps.stars import BackgroundStarTracking
from hustle_widgets.steps.uniform import UniformBackground
from hustle_widgets.steps.zeroth_tracking import ZerothOrderTracking

STAGE_1: tuple[type[Step], ...] = (
    ReadData,
    HSTFlags,
    FixedIteration,
    FreeIteration,
    LaplacianEdgeDetection,
    SpatialSmoothing,
    UniformBackground,
    ColumnBackground,
    PagulBackground,
    TargetLocation,
    ZerothOrderTracking,
    BackgroundStarTracking,
    Quicklook,
    SaveOutputs,
)


def with_step(*kinds: type[Step]) -> tuple[type[Step], ...]:
    """Return the steps of Stage 1 with steps of your own, each behind the one that its `after` names.

    Examples
    --------
    >>> reduction = Reduction(visit, steps=with_step(RowDrift))  # doctest: +SKIP
    """
    return inserted(STAGE_1, kinds)
