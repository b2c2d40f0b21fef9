"""The page on which a reduction is written out: tables, and a bundle for a referee."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from hustle_widgets.view.choosing.subject import ChoosingLike, ChoosingPart
from hustle_widgets.view.choosing.task import Task, button, row
from hustle_widgets.view.page.step_panel import heading_of, settings_box
from hustle_widgets.view.plots.panel import close_tree
from hustle_widgets.view.words import quiet

TABLES = (
    "Light curves, white and by wavelength, depths, backgrounds and displacements: as ECSV with units, and "
    "as CSV. They go into the folder of the run."
)
BUNDLE = "Config, script, versions, checksums of the input files, tables, pins, and a paragraph of methods in words."
PNG = "Every plot of the page has a button at its lower right corner that saves it as PNG, as it is shown."


class TablesPage(ChoosingPart):
    """Buttons that write files, and what was written.

    Attributes
    ----------
    settings, plots : Widget
        What to place on the page.
    """

    def __init__(self, reduction: ChoosingLike, tabs: Any) -> None:
        super().__init__(reduction)
        self.task = Task()
        self.settings = settings_box([
            tabs,
            heading_of("Tables", TABLES),
            row(button("Write tables", "Write all tables into the run's folder", self._tables, "tables", icon="table")),
            heading_of("For a referee", BUNDLE),
            row(button("Write bundle", "Write referee.zip beside the tables", self._bundle, "bundle", icon="archive")),
            heading_of("Pictures"),
            w.HTML(quiet(PNG)),
        ])  # fmt: skip
        self.plots = self
        self.widget: Any = w.VBox([self.task.widget])
        self.widget.add_class("hustle-written")

    def _tables(self) -> None:
        reduction = self.reduction

        def work() -> str:
            paths = reduction.export(reduction.output_folder() / "tables")
            return "\n".join(["Written:", *map(str, paths)])

        self.task.start(work, "The reduction is completed and written.")

    def _bundle(self) -> None:
        reduction = self.reduction

        def work() -> str:
            folder = reduction.output_folder()
            folder.mkdir(parents=True, exist_ok=True)
            return f"Written: {reduction.bundle(folder / 'referee.zip')}"

        self.task.start(work, "The reduction is completed and written.")

    def close(self) -> None:
        """Close the page."""
        close_tree(self.settings, self.widget)
