"""What a run says in a terminal: a progress bar and a line for each step, and a closing summary."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.deltas import Outcome

if TYPE_CHECKING:
    from hustle_widgets.reduction import Reduction

BAR = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}]"


class Console(Listener):
    """Tells of a run on standard output, bars on standard error.

    Parameters
    ----------
    reduction : Reduction
    verbose : int
        0 nothing, 1 a line a step, 2 every action, with progress bars.
    """

    def __init__(self, reduction: Reduction, verbose: int = 2) -> None:
        self.reduction, self.verbose = reduction, verbose
        self._bar: Any = None

    def say(self, text: str, level: int = 1) -> None:
        """Print a line from this verbosity on."""
        if self.verbose >= level:
            tqdm.write(text, file=sys.stdout)

    def running(self, name: str) -> None:
        """Open a bar."""
        step = self.reduction[name]
        self._bar = tqdm(
            total=1.0,
            desc=f"{step.section:>2} {step.title}",
            bar_format=BAR,
            disable=self.verbose < 2,
            leave=False,
            file=sys.stderr,
        )

    def progress(self, name: str, fraction: float) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(fraction - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def done(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Say what a step found."""
        self.close()
        step = self.reduction[name]
        for line in found(self.reduction, name, outcome):
            self.say(f"{step.section:>2} {step.title}: {line} [{seconds:.1f} s]")
        patch = outcome.patch
        if patch is not None and len(patch.counts) > 1:
            for iteration, counts in enumerate(patch.counts):
                self.say(f"     iteration {iteration}: {counts.sum()} pixels", level=2)
        for note in outcome.table.notes:
            self.say(f"     {note}")

    def failed(self, name: str, error: Exception) -> None:
        """Say that a step failed."""
        self.close()
        step = self.reduction[name]
        self.say(f"{step.section:>2} {step.title}: failed. {error}", level=0)

    def unmet(self, name: str, message: str) -> None:
        """Say that a step is left out, and why."""
        self.close()
        step = self.reduction[name]
        self.say(f"{step.section:>2} {step.title}: left out. {message}")


def found(reduction: Reduction, name: str, outcome: Outcome) -> list[str]:
    """Return what a step found, in words."""
    columns, facts = outcome.table.columns, outcome.table.facts
    lines = []
    if outcome.selection is not None:
        lines.append(f"{outcome.selection.frames.size} frames")
    if outcome.patch is not None:
        patch = outcome.patch
        total = int(np.prod(patch.shape, dtype=np.int64))
        verb = "flagged" if patch.value is None else "corrected"
        share = 100 * len(patch) / total
        lines.append(f"{len(patch)} pixels {verb} out of {total} ({share:.3f} %)")
    if "bkg_vals" in columns:
        level = np.nanmedian(columns["bkg_vals"])
        lines.append(f"background {level:.2f} e-")
    if "target_posx" in facts:
        lines.append(f"target at column {facts['target_posx']:.2f}, row {facts['target_posy']:.2f}")
    for move, label in (("0th_order_disp", "0th order"), ("meanstar_disp", "stars")):
        if move in columns:
            span = np.nanmax(columns[move], axis=0) - np.nanmin(columns[move], axis=0)
            lines.append(f"{label} moved by {span[0]:.2f} columns, {span[1]:.2f} rows")
    lines += [f"light curve {order}: {ppm:.0f} ppm" for order, ppm in facts.get("scatter_ppm", {}).items()]
    if "path" in facts:
        lines.append(f"written to {facts['path']}")
    return lines


def summary(reduction: Reduction) -> str:
    """Return the closing lines of a run."""
    outcomes = reduction.outcomes()
    done = sum(step.status == "fresh" for step in reduction.steps.values())
    seconds = sum(step.seconds for step in reduction.steps.values())
    frames, rows, columns = reduction.state().shape
    lines = [
        f"Reduced {frames} frames of {rows} x {columns}: "
        f"{done} of {len(reduction.steps)} steps done in {seconds:.1f} s."
    ]
    path = outcomes["save"].table.facts.get("path") if "save" in outcomes else None
    if path:
        lines.append(f"Clean visit: {path}")
    return "\n".join(lines)
