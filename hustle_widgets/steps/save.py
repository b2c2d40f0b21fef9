"""Step 8: the clean visit is written to a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Outcome, Table
from hustle_widgets.engine.plan import Node
from hustle_widgets.reading.errors import VisitError
from hustle_widgets.stage_links import reach_for_stage_2
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.declaration import Lines
from hustle_widgets.user_paths import user_path

# Given the visit as it leaves the chain, and what is called while it is written, which may raise to end that.
# Returns the path of the clean visit, and remarks.
Write = Callable[[State, Callable[[], None]], tuple[Path, tuple[str, ...]]]


def no_folder(folder: str) -> str:
    """Say that there is no such folder to write to."""
    return f"There is no folder {folder!r} to write to, so nothing is saved"


class SaveOutputs(Step):
    """Write the clean visit for Stage 2, when a run is asked for; not while sliders move."""

    name, title, section, by = "save", "Save outputs", "8", "visit"
    label = "Save"
    heading = ("Step 8: Save outputs",)
    switch = "do_save"
    switch_help = "Write the clean visit, clean_obs.nc, for Stage 2."
    alters, explicit, needs = False, True, ("*",)
    doing, live = "Writing outputs...", "hustle_widgets.view.live.ends:SaveLive"
    tour = "Run and save writes what Stage 2 reads, the config file and the figures, and says where."

    @classmethod
    def words(cls, outcome: Outcome, parameters: Mapping[str, Any]) -> Lines:
        """Say where the outputs are."""
        folder = Path(outcome.table.facts["path"]).parent
        return [(1, "Config file written."), (1, f"Outputs written to {folder}.")]

    @staticmethod
    def compute(block: Block, *, write: Write, pause: Callable[[], None] = lambda: None) -> Table:
        """Write the visit as it leaves the chain."""
        try:
            path, notes = write(block.state, pause)
        except VisitError:  # of the files that are read, not of those that are written
            raise
        except OSError as error:
            raise ValueError(
                f"The outputs cannot be written: {str(error).rstrip('.')}. Nothing half written is left. Set "
                "toplevel_dir to a folder that can be written to, or output_run to another name."
            ) from error
        unreachable = reach_for_stage_2(path.parent)
        notes = (*notes, unreachable) if unreachable else notes
        return Table(facts={"path": str(path)}, notes=notes)

    def bound(self, folder: Callable[[], str], write: Write) -> Node:
        """Return the engine's step with what it needs from its Reduction: where to write, and how."""

        def prepare(state: State) -> dict[str, Any]:
            if not user_path(folder()).is_dir():
                raise ValueError(
                    f"{no_folder(folder())}: set toplevel_dir to the visit's folder, or do_save to False to compute "
                    "only."
                )
            return {"write": write}

        return replace(self.node(), prepare=prepare)
