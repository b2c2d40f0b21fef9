"""What a criterion finds, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["good", "check", "bad"]
VERDICTS: tuple[Verdict, ...] = ("good", "check", "bad")
Direction = Literal["raise", "lower", "set"]


@dataclass(frozen=True)
class Remedy:
    """What to try next, so that a page can make it a button.

    Parameters
    ----------
    step : str
        Name of the step to open.
    parameter : str or None
        Its parameter, or 'enabled'; None where no single parameter helps.
    direction : {'raise', 'lower', 'set'}
    value : object or None
        The value to set; None where it cannot be told.
    words : str
        The same for a person, as an order.
    """

    step: str
    parameter: str | None
    direction: Direction
    value: Any
    words: str


@dataclass(frozen=True)
class Finding:
    """One criterion applied to one step.

    Parameters
    ----------
    step : str
        Name of the step that it is about.
    title : str
        Name of the criterion.
    value : float
        What was measured.
    figure : str
        The same in a few words, with unit.
    verdict : {'good', 'check', 'bad'}
    sentence : str
        What was found, and what to do unless it is good.
    remedy : Remedy, optional
        What to do, as data; every finding that is not good has one.
    """

    step: str
    title: str
    value: float
    figure: str
    verdict: Verdict
    sentence: str
    remedy: Remedy | None = None


def judge(value: float, limits: tuple[float, float]) -> Verdict:
    """Return 'good' up to the first limit, 'bad' beyond the second, and 'check' between them and for NaN."""
    if value <= limits[0]:
        return "good"
    return "bad" if value > limits[1] else "check"


def worse(*verdicts: Verdict) -> Verdict:
    """Return the worst of some verdicts."""
    return max(verdicts, key=VERDICTS.index)


def worst(findings: Iterable[Finding]) -> Finding:
    """Return the finding with the worst verdict. Among equals, return that with the largest value."""
    return max(findings, key=lambda finding: (VERDICTS.index(finding.verdict), abs(finding.value)))


def worst_of_titles(findings: Iterable[Finding]) -> list[Finding]:
    """Return the worst finding of each criterion, in the order in which they first come."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.title, []).append(finding)
    return [worst(same) for same in found.values()]


def worst_of_steps(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Return the worst finding of each step."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        found.setdefault(finding.step, []).append(finding)
    return {step: worst(own) for step, own in found.items()}
