"""When the first computation begins: once the browser has the page on the screen, for which it needs the processors."""

from __future__ import annotations

from hustle_widgets.protocols import ReductionLike
from hustle_widgets.view.page.conduct import Conduct
from hustle_widgets.view.page_part import PagePart

# Seconds that the page is waited for, at most.
PATIENCE = 1.5


class Beginning(PagePart):
    """The first computation of a Reduction that is shown.

    Parameters
    ----------
    reduction : Reduction
    conduct : Conduct
        Of its page.
    """

    def __init__(self, reduction: ReductionLike, conduct: Conduct) -> None:
        super().__init__(reduction)
        self._begun = False
        conduct.on_seen(self._seen)

    def begin(self, wait: bool) -> None:
        """Compute what the page shows; `wait` for the page, if there is a browser to come."""
        steps = self.reduction.steps.values()
        wait = wait and any(step.status == "stale" and not step.explicit for step in steps)
        self.reduction.compute(after=PATIENCE if wait else 0)

    def _seen(self) -> None:
        begun, self._begun = self._begun, True
        waits = all(step.status in ("stale", "off") for step in self.reduction.steps.values())
        if waits and not begun and self.reduction.auto:
            self.reduction.compute()
