"""What a run says in a terminal: as HUSTLE-tools does, a progress bar and a sentence for each step."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.deltas import Outcome, Patch

if TYPE_CHECKING:
    from hustle_widgets.reduction import Reduction

# What is going on while a step computes.
DOING = {
    "read_data": "Reading in the data...",
    "hst_flags": "Correcting pixels flagged by HST...",
    "fixed_iter": "Iterating with fixed sigmas to remove CRs...",
    "free_iter": "Iterating until no CRs are left...",
    "led": "Detecting edges of hot pixels...",
    "smooth": "Comparing with smoothed frames...",
    "uniform": "Removing background...",
    "column": "Removing background by columns...",
    "pagul": "Removing background with the sky image...",
    "location": "Refining location of source in direct image with centroiding...",
    "zeroth_tracking": "Tracking 0th order...",
    "bkg_stars": "Tracking background stars...",
    "quicklook": "Parsing light curves for quicklookup...",
    "save": "Writing outputs...",
}
DONE = {
    "fixed_iter": "Fixed iterations complete.",
    "free_iter": "Free iterations complete.",
    "led": "Laplacian edge detection complete.",
    "smooth": "Spatial smoothing complete.",
    "hst_flags": "HST flags complete.",
}


class Bar:
    """A progress bar that counts frames.

    Parameters
    ----------
    what : str
        What is going on.
    total : int
        Frames in all.
    shown : bool
        Whether anything is shown.
    """

    def __init__(self, what: str, total: int, shown: bool = True) -> None:
        self.total = total
        self._bar = tqdm(total=total, desc=f"{what} Progress:", disable=not shown, file=sys.stderr)

    def __call__(self, fraction: float) -> None:
        """Move it to a fraction of the whole."""
        self._bar.update(round(fraction * self.total) - self._bar.n)

    def close(self) -> None:
        """End it; it stays on the screen if it came to its end."""
        self._bar.leave = self._bar.n >= self.total
        self._bar.close()


class Console(Listener):
    """Tells of a run: sentences on standard output, bars on standard error.

    Parameters
    ----------
    reduction : Reduction
    verbose : int
        0 nothing, 1 a sentence a step, 2 every iteration too, with progress bars.
    """

    def __init__(self, reduction: Reduction, verbose: int = 2) -> None:
        self.reduction, self.verbose = reduction, verbose
        self._bar: Bar | None = None

    def say(self, text: str, level: int = 1) -> None:
        """Print a line from this verbosity on."""
        say(text, self.verbose, level)

    def running(self, name: str) -> None:
        """Open a bar."""
        self.close()
        self._bar = Bar(DOING[name], self.reduction.state(name).shape[0], self.verbose > 1)

    def progress(self, name: str, fraction: float) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar(fraction)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def done(self, name: str, outcome: Outcome, seconds: float) -> None:
        """Say what a step found."""
        self.close()
        for level, line in found(self.reduction, name, outcome):
            self.say(line, level)
        for note in outcome.table.notes:
            self.say(f"  {note}")

    def reused(self, name: str, outcome: Outcome) -> None:
        """Say what a step had found before."""
        self.done(name, outcome, 0.0)

    def failed(self, name: str, error: Exception) -> None:
        """Say that a step failed."""
        self.close()
        self.say(f"{self.reduction[name].title} failed: {error}")

    def unmet(self, name: str, message: str) -> None:
        """Say that a step is left out, and why."""
        self.close()
        self.say(f"{self.reduction[name].title} is left out. {message}")


def say(text: str, verbose: int, level: int = 1) -> None:
    """Print a line from a verbosity on, above any bar."""
    if verbose >= level:
        tqdm.write(text, file=sys.stdout)


def found(reduction: Reduction, name: str, outcome: Outcome) -> list[tuple[int, str]]:
    """Return what a step found, in words, each with the verbosity from which it is said."""
    if outcome.patch is not None:
        return _pixels(reduction, name, outcome.patch)
    return _WORDS.get(name, lambda reduction, name, outcome: [])(reduction, name, outcome)


def _pixels(reduction: Reduction, name: str, patch: Patch) -> list[tuple[int, str]]:
    lines = []
    sigmas = reduction.fixed_iter.fixed_sigmas if name == "fixed_iter" else ()
    if name != "hst_flags":
        for iteration, counts in enumerate(patch.counts):
            sigma = f" with sigma {sigmas[iteration]:.2f}" if iteration < len(sigmas) else ""
            lines.append((2, f"Bad pixels removed on iteration {iteration}{sigma}: {counts.sum()}"))
    verb = "flagged" if patch.value is None else "corrected"
    total = int(np.prod(patch.shape, dtype=np.int64))
    lines.append((1, f"{DONE[name]} Total pixels {verb}: {len(patch)} out of {total}"))
    return lines


def _background(reduction: Reduction, name: str, outcome: Outcome) -> list[tuple[int, str]]:
    level = float(np.nanmedian(outcome.table.columns["bkg_vals"]))
    return [(1, f"Background removed ({name}): median {level:.2f} e- a pixel.")]


def _location(reduction: Reduction, name: str, outcome: Outcome) -> list[tuple[int, str]]:
    facts = outcome.table.facts
    place = f"column {facts['target_posx']:.2f}, row {facts['target_posy']:.2f}"
    return [(1, f"Refined location of source: {place}.")]


def _tracked(reduction: Reduction, name: str, outcome: Outcome) -> list[tuple[int, str]]:
    columns = outcome.table.columns
    key, what = ("0th_order_disp", "0th order") if name == "zeroth_tracking" else ("meanstar_disp", "stars")
    move = columns[key]
    seen = int(np.isfinite(move).all(axis=1).sum())
    if not seen:
        return [(1, f"Tracked {what} in 0 frames.")]
    span = np.nanmax(move, axis=0) - np.nanmin(move, axis=0)
    return [
        (1, f"Tracked {what} in {seen} frames."),
        (2, f"They moved by {span[0]:.2f} columns and {span[1]:.2f} rows in all."),
    ]


def _light(reduction: Reduction, name: str, outcome: Outcome) -> list[tuple[int, str]]:
    facts = outcome.table.facts
    expected = facts.get("expected_ppm", {})
    return [
        (
            1,
            f"Light curve of order {order}: scatter {ppm:.0f} ppm (photons, sky, read noise: {expected[order]:.0f}).",
        )
        for order, ppm in facts.get("scatter_ppm", {}).items()
    ]


def _saved(reduction: Reduction, name: str, outcome: Outcome) -> list[tuple[int, str]]:
    return [(1, "Config file written."), (1, f"Outputs written to {reduction.output_folder()}.")]


_WORDS: dict[str, Callable[[Any, str, Outcome], list[tuple[int, str]]]] = {
    "uniform": _background,
    "column": _background,
    "pagul": _background,
    "location": _location,
    "zeroth_tracking": _tracked,
    "bkg_stars": _tracked,
    "quicklook": _light,
    "save": _saved,
}


def summary(reduction: Reduction) -> str:
    """Return the closing lines of a run."""
    steps = reduction.steps.values()
    seconds = sum(step.seconds for step in steps)
    frames, rows, columns = reduction.state().shape
    by_status = {
        status: [s.name for s in steps if s.status == status] for status in ("fresh", "failed", "off")
    }
    lines = [
        f"Reduced {frames} frames of {rows} x {columns} in {seconds:.1f} s: {len(by_status['fresh'])} steps done."
    ]
    lines += [f"Left out: {', '.join(by_status['off'])}."] if by_status["off"] else []
    lines += [f"Failed: {', '.join(by_status['failed'])}."] if by_status["failed"] else []
    return "\n".join(lines)
