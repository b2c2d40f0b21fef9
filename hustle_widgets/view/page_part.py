"""What a part of the page knows of its Reduction."""

from __future__ import annotations

import weakref

from hustle_widgets.protocols import ReductionLike


class PagePart:
    """A part of the page that shows a Reduction without keeping it, and its visit, alive."""

    def __init__(self, reduction: ReductionLike) -> None:
        self._reduction = weakref.ref(reduction)

    @property
    def reduction(self) -> ReductionLike:
        """The Reduction shown."""
        found = self._reduction()
        if found is None:
            raise RuntimeError("The Reduction shown here is gone: run its cell again.")
        return found
