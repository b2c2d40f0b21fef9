"""What became of the visits of a campaign: a table, their light curves, and each of them as widgets again."""

from __future__ import annotations

import os
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np

from hustle_widgets.campaign import records, remote
from hustle_widgets.campaign.jobs import Job
from hustle_widgets.campaign.rows import number_of, orders_of, read_rows, table_of, text_of_table
from hustle_widgets.campaign.work import local, reduction_of
from hustle_widgets.config_lines import text_of
from hustle_widgets.display import view
from hustle_widgets.reduction import Reduction
from hustle_widgets.small_files import replaced
from hustle_widgets.steps import STAGE_1
from hustle_widgets.user_paths import user_path

#: What is put to the name of a run when its visit is opened: what a person saves then takes the place of nothing.
EDITED = "_edited"


class Campaign:
    """Visits that were reduced together. In a notebook it shows itself as a page: a click opens a visit.

    Parameters
    ----------
    rows : sequence of dict
        What `do_job` returned, in order.
    jobs : sequence of Job
        What was to be done, in the same order.

    Examples
    --------
    >>> campaign = run_many(folders)  # doctest: +SKIP
    >>> campaign.write("campaign.ecsv")  # doctest: +SKIP
    >>> reduction = campaign.open("visit_07")  # doctest: +SKIP
    """

    def __init__(self, rows: Sequence[dict[str, Any]], jobs: Sequence[Job]) -> None:
        self.rows = tuple(rows)
        self.jobs = tuple(jobs)
        self._opened: weakref.ref[Reduction] | None = None

    @property
    def opened(self) -> Reduction | None:
        """The visit that was opened last, also by a click; None when there is none any more."""
        return None if self._opened is None else self._opened()

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Campaign:
        """Read the table of a campaign, and what is beside the results that it names.

        Raises
        ------
        ValueError
            For a file that cannot be read or is no such table; says why.
        """
        rows, jobs = [], []
        for row in read_rows(path):
            job = Job(row["name"], row["place"], row["folder"], row["output_run"], STAGE_1)
            if row["status"] != "failed":
                job, row = _as_kept(job, row)
            rows.append(row)
            jobs.append(job)
        return cls(rows, jobs)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the visits, in order."""
        return tuple(row["name"] for row in self.rows)

    @property
    def failed(self) -> dict[str, str]:
        """Why visits have no result, by name."""
        return {row["name"]: row["message"] for row in self.rows if row["status"] == "failed"}

    @property
    def table(self) -> Any:
        """A row for each visit: astropy Table, see docs/many_visits.md for its columns."""
        return table_of(self.rows)

    def number(self, number: int, name: str) -> float:
        """Return a number of a row by its column in the table; NaN for none."""
        return number_of(self.rows[number], name)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the table as ECSV; return its path."""
        place = user_path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        with replaced(place.resolve()) as partial:
            partial.write_text(text_of_table(self.table), encoding="utf-8", newline="")
        return place

    def light_curves(self, order: str | None = None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return times [MJD] and light [e-] of each visit that has a light curve, by name.

        Parameters
        ----------
        order : str, optional
            The first that was summed by default.
        """
        found = {}
        for row in self.rows:
            orders = orders_of(row)
            chosen = (orders[0] if orders else None) if order is None else order
            if chosen in orders:
                values = [row["times"], row["curves"][chosen]]
                times, light = (np.array([np.nan if v is None else v for v in part]) for part in values)
                found[row["name"]] = times, light
        return found

    def figure(self, order: str | None = None) -> Any:
        """Draw the light curves of all visits on one matplotlib Figure."""
        from hustle_widgets.view.figures.many_curves import many_curves

        verdicts = {row["name"]: row["verdict"] for row in self.rows if "verdict" in row}
        return many_curves(self.light_curves(order), verdicts)

    def save_figure(self, path: str | os.PathLike[str], order: str | None = None) -> Path:
        """Write the figure of all light curves to a file; return its path."""
        place = user_path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        with replaced(place.resolve()) as partial:
            self.figure(order).savefig(partial, format=place.suffix[1:] or "png")
        return place

    def open(self, name: str) -> Reduction:
        """Open a visit as widgets, with the parameters it was reduced with.

        Its output_run gets the ending '_edited', so that the result of the campaign stays.

        Raises
        ------
        KeyError
            For a name that no visit has.
        ValueError
            When the visit cannot be loaded.
        """
        if name not in self.names:
            raise KeyError(
                f"There is no visit {name!r} in this campaign. It has {', '.join(self.names[:20])}."
            )
        job = self.jobs[self.names.index(name)]
        if job.error:
            raise ValueError(job.error)
        kept = ExitStack()  # of a visit that is elsewhere, the files stay as long as the Reduction
        try:
            reduction = reduction_of(job, *kept.enter_context(local(job)))
        except BaseException:
            kept.close()
            raise
        reduction.set(output_run=job.output_run + EDITED)
        weakref.finalize(reduction, kept.close)
        self._opened = weakref.ref(reduction)
        return reduction

    def summary(self) -> str:
        """Say in a few lines what became of the visits."""
        counts = Counter(row["status"] for row in self.rows)
        parts = [
            f"{counts[status]} {words}"
            for status, words in (("done", "reduced"), ("known", "known before"), ("failed", "failed"))
            if counts[status]
        ]
        number = len(self.rows)
        lines = [f"{number} visit{'s' * (number != 1)}: {', '.join(parts)}."]
        lines += [f"{name} failed: {message}" for name, message in self.failed.items()]
        remarks = [row for row in self.rows if row["status"] != "failed" and row.get("message")]
        lines += [f"{row['name']}: {row['message']}" for row in remarks]
        return "\n".join(lines)

    def page(self) -> Any:
        """Return the table as a widget, in which a click on a row opens its visit."""
        return view().campaign_page_of(self)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.page())

    def __repr__(self) -> str:
        return f"<Campaign: {self.summary().splitlines()[0]}>"


def _as_kept(job: Job, row: dict[str, Any]) -> tuple[Job, dict[str, Any]]:
    """Add what is kept beside a result: its record, and its config with all parameters."""
    folder, name = records.run_folder(job), f"stage_1_{job.output_run}.hustle"
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = records.read(job)["row"]
        url = remote.is_url(folder)
        text = remote.text_of(remote.join(folder, name)) if url else text_of(Path(folder) / name)
        row = {**kept, **row}
        job = Job(job.name, job.place, job.folder, job.output_run, job.steps, text)
    return job, row
