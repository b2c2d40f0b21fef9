"""What a run says in a terminal: as HUSTLE-tools does, a progress bar and a sentence for each step."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tqdm import tqdm

from hustle_widgets.assessment import VERDICTS, assess
from hustle_widgets.assessment.finding import worst_of_titles
from hustle_widgets.engine.chain import Listener
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.steps.targets import given_location

if TYPE_CHECKING:
    from hustle_widgets.reduction import Reduction


#: Criteria that a step has told of already, frame by frame.
TOLD = ("Failed frames",)


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
        self.begin(self.reduction[name].doing, self.reduction.state(name).shape[0])

    def begin(self, what: str, total: int) -> None:
        """Open a bar that counts to a total."""
        self.close()
        self._bar = Bar(what, total, self.verbose > 1)

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
        step = self.reduction[name]
        for level, line in step.words(outcome, step.values()):
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
    """Print a line from a verbosity on, above any bar; characters that the terminal lacks as numbers."""
    if verbose >= level:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        tqdm.write(text.encode(encoding, "backslashreplace").decode(encoding), file=sys.stdout)


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
    return "\n".join([*lines, *_verdicts(reduction)])


def _verdicts(reduction: Reduction) -> list[str]:
    """Return a line for each criterion that is not met, as the page shows them; the worst ones first."""
    statuses = {step.status for step in reduction.steps.values() if not step.explicit}
    if not statuses <= {"fresh", "off", "failed"}:  # stopped half way
        return []
    state, values = reduction.state(), reduction.values()
    findings = assess(state, given_location(state, values), kinds=reduction.kinds, values=values)
    found = [f for f in worst_of_titles(findings) if f.verdict != VERDICTS[0] and f.title not in TOLD]
    found.sort(key=lambda finding: -VERDICTS.index(finding.verdict))
    return [f"{one.verdict.capitalize()}: {one.title} ({one.figure}). {one.sentence}" for one in found]
