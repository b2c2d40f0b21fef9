"""The page on which a reduction is written out: tables, and a bundle for a referee."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from hustle_widgets.choosing.export import TABLES
from hustle_widgets.view.choosing.download import MOST, Download, File
from hustle_widgets.view.choosing.page import ChoosingPage
from hustle_widgets.view.choosing.subject import ChoosingLike
from hustle_widgets.view.choosing.task import button, row
from hustle_widgets.view.page.step_panel import heading_of
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.words import quiet

SAVE = f"Saved by the browser on your own machine, wherever the kernel runs; up to {MOST // 10**6} MB a file."
WRITE = "Written beside clean_obs.nc, where the kernel runs."
BUNDLE = "Config, script, versions, checksums of the input files, tables, pins, and a paragraph of methods in words."
PNG = "Every plot of the page has a button at its lower right corner that saves it as PNG, as it is shown."
TEXTS = {
    "white": ("White light", "White light curve of each order, with errors"),
    "spectral": ("By wavelength", "Light curves by wavelength, with errors"),
    "depths": ("Depths", "Depth and scatter of each wavelength bin"),
    "background": ("Background", "Background that each method took off"),
    "displacements": ("Displacements", "Positions and displacements that were tracked"),
}


class Below:
    """What lies beside the controls: how it goes, and what was written."""

    def __init__(self, *parts: Any) -> None:
        self.widget: Any = w.VBox(list(parts))
        self.widget.add_class("hustle-written")

    def close(self) -> None:
        """Close it."""
        close_tree(self.widget)


class TablesPage(ChoosingPage):
    """Buttons that save tables in the browser or write them where the kernel runs, and what was written.

    Parameters
    ----------
    reduction : Reduction
    tabs : Widget
        Ways to the other pages of this kind.
    """

    def __init__(self, reduction: ChoosingLike, tabs: Any) -> None:
        below = Below()
        super().__init__(reduction, tabs, below)
        below.widget.children = [self.task.widget]
        self.format = w.ToggleButtons(
            options=[("CSV", "csv"), ("ECSV", "ecsv")],
            tooltips=[
                "Read by anything; units in the names of columns",
                "With units and remarks, for astropy",
            ],
        )
        self.format.add_class("hustle-choice")
        self.saves = {name: self._save(name, *TEXTS[name]) for name in TABLES}
        self.all = Download(
            "All tables",
            "A zip file with all tables, as CSV and ECSV",
            lambda: self._zipped("tables"),
            self.task,
        )
        self.bundle = Download(
            "Bundle", "A zip file with all that a referee needs", lambda: self._zipped("referee"), self.task
        )
        self.place(
            heading_of("Save tables", SAVE),
            row(w.Label("as"), self.format),
            row(*self.saves.values(), self.all),
            heading_of("For a referee", BUNDLE),
            row(self.bundle),
            heading_of("Into the run's folder", WRITE),
            row(button("Write tables", "Write all tables into the run's folder", self._tables, "tables", icon="table"),
                button("Write bundle", "Write referee.zip beside the tables", self._bundle, "bundle", icon="archive")),
            heading_of("Pictures"),
            w.HTML(quiet(PNG)),
        )  # fmt: skip

    def _save(self, name: str, text: str, tip: str) -> Download:
        return Download(text, tip, lambda: self._table(name), self.task)

    # --- in the browser -----------------------------------------------------------------------------

    def _table(self, name: str) -> File:
        kind = self.format.value
        with tempfile.TemporaryDirectory() as folder:
            paths = {path.stem: path for path in self.reduction.export(folder, formats=kind)}
            if name not in paths:
                raise ValueError(f"There is nothing to tell of {TEXTS[name][0].lower()} in this reduction.")
            return File(self._named(f"{name}.{kind}"), paths[name].read_bytes())

    def _zipped(self, what: str) -> File:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            if what == "referee":
                return File(
                    self._named("referee.zip"), self.reduction.bundle(folder / "referee.zip").read_bytes()
                )
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for path in self.reduction.export(folder):
                    archive.write(path, path.name)
            return File(self._named("tables.zip"), file.getvalue())

    def _named(self, name: str) -> str:
        """Return the name of a file with that of the run; it says so when something is injected."""
        made_up = "" if self.reduction.injected is None else "INJECTED_"
        return f"{made_up}{self.reduction.output_run}_{name}"

    # --- where the kernel runs ----------------------------------------------------------------------

    def _tables(self) -> None:
        def write(folder: Path) -> list[Path]:
            return self.reduction.export(folder / "tables")

        self._write(write)

    def _bundle(self) -> None:
        def write(folder: Path) -> list[Path]:
            folder.mkdir(parents=True, exist_ok=True)
            return [self.reduction.bundle(folder / "referee.zip")]

        self._write(write)

    def _write(self, write: Callable[[Path], list[Path]]) -> None:
        def work() -> str:
            self.reduction.check_folder()
            paths = write(self.reduction.output_folder())
            return "\n".join([f"Written into {paths[0].parent}:", *(path.name for path in paths)])

        self.task.start(work, "The reduction is completed and written.")
