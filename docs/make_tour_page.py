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

On every page: the list of steps, each with a mark of its state; the frame after the open step (or at any other point
of the chain, or less another point or a pin); the white light curve and what is left of it in ppm, over the band of the
photon limit, with the one before the last edit in grey; and a line that says what to look at: a click on it opens that
step. Orange pixels are those that the open step flags; the two buttons below the frame go through them, the most
changed first. Beside the name of the step are buttons that reset it, show its figures at full size, and explain it; `?`
beside a parameter explains that. `?` at the top lists the keys, and the button beside it gives the page the whole
window. **Pin** keeps a reduction, **Compare** shows pins side by side. The page follows the theme of JupyterLab:

![The page in the dark theme](dark.png)
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
