"""Whether a reduction succeeded: the tutorial's criteria as figures, each with a verdict and a sentence.

Numbers only. It is quick enough to follow every edit: it reads the patches and tables of the steps, a few frames, and
once for each visit the pixels of the traces. One module for each criterion.
"""

from hustle_widgets.assessment.finding import (
    VERDICTS,
    Direction,
    Finding,
    Remedy,
    Verdict,
    judge,
    worst,
    worst_of_steps,
)
from hustle_widgets.assessment.judging import assess
from hustle_widgets.assessment.sky import background
from hustle_widgets.assessment.zones import Zones, patches

__all__ = [
    "VERDICTS",
    "Direction",
    "Finding",
    "Remedy",
    "Verdict",
    "Zones",
    "assess",
    "background",
    "judge",
    "patches",
    "worst",
    "worst_of_steps",
]
