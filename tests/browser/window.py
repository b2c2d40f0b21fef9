"""One page and one kernel for several tests, which is quicker than a new one for each."""

from __future__ import annotations

from collections.abc import Callable

from lab import VIEWPORT, LabPage


class Window:
    """A notebook that stays open: the next test runs its cell again, as a person would.

    After a failure the next test gets a new page and a new kernel.

    Parameters
    ----------
    new_page : callable
        Opens a page on JupyterLab.
    """

    def __init__(self, new_page: Callable[[], LabPage]) -> None:
        self._new_page = new_page
        self._lab: LabPage | None = None

    def run(self, code: str) -> LabPage:
        """Run the cell, in a new notebook if none is open."""
        if self._lab is None:
            self._lab = self._new_page()
            self._lab.new_notebook([code])
        else:
            self._lab.page.set_viewport_size(VIEWPORT)
        self._lab.run_all()
        return self._lab

    def close(self) -> None:
        """Leave the page and end its kernel."""
        lab, self._lab = self._lab, None
        if lab is not None:
            lab.close()
