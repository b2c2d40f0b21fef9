"""Write docs/tour.md from what the steps declare: run ``python docs/make_tour_page.py``."""

from __future__ import annotations

import textwrap
from pathlib import Path

from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import Step

PAGE = Path(__file__).with_name("tour.md")
INTRO = """# A tour of the steps

What the page of each step shows, and how to see on it whether a setting is right. The pictures are of a simulated
visit, 74 frames of 600 x 2100 pixels; `python docs/make_tour.py` takes them anew. All parameters are on
[one page](parameters.md). The text stands with each step in `hustle_widgets/steps/`; this page is written from it by
`python docs/make_tour_page.py`.

On every page: the frame after the open step (or at any other point of the chain, or the difference of two points),
the white light curve with the one before the last edit in grey, and the assessment. Orange pixels are those that the
open step flags; the buttons beside "flagged pixel" go through them, the most changed first. The picture button beside
"Reset this step" opens the step's figures at full size, to zoom into.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([INTRO, *map(part, STAGE_1)])


def part(kind: type[Step]) -> str:
    """Return the part of a step."""
    # The step that a page opens with is the picture of README.
    picture = "reduction.png" if kind.opens else f"tour/{kind.name}.png"
    shown = f"![{kind.title}]({picture})\n\n" if (PAGE.parent / picture).is_file() else ""
    return f"## {kind.section} {kind.title}\n\n{shown}{textwrap.dedent(kind.tour).strip()}\n"


if __name__ == "__main__":
    PAGE.write_text(page())
