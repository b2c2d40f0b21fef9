"""What `hustle_widgets.display` asks the view for."""

from __future__ import annotations

from typing import Any, cast

from hustle_widgets.protocols import CampaignLike, ReductionLike, StepLike
from hustle_widgets.view.choosing.subject import ChoosingLike
from hustle_widgets.view.page.campaign_page import CampaignPage
from hustle_widgets.view.page.reduction_view import ReductionView
from hustle_widgets.view.page.step_view import AloneView, StepView
from hustle_widgets.view.page.supersede import supersede


def page_of(reduction: ReductionLike) -> ReductionView:
    """Make the page of a Reduction, in place of the one that an earlier run of the same cell has shown."""
    page = ReductionView(cast(ChoosingLike, reduction))
    supersede(reduction)
    page.still.begin()
    return page


def campaign_page_of(campaign: CampaignLike) -> Any:
    """Return the widget of a campaign."""
    return CampaignPage(campaign).widget


def panel_of(step: StepLike) -> AloneView | StepView:
    """Make what a step shows by itself: settings, and in a Reduction frames and live plots."""
    reduction = step.reduction
    if reduction is None:
        return AloneView(step)
    view = StepView(step, reduction)
    reduction.auto = True
    reduction.compute()
    return view
