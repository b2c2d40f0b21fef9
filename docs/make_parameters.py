"""Write docs/parameters.md from the declarations of the steps: run ``python docs/make_parameters.py``."""

from __future__ import annotations

from pathlib import Path

from hustle_widgets.config import format_value
from hustle_widgets.reduction import Reduction
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.base import first_paragraph
from hustle_widgets.steps.parameters import Parameter

PAGE = Path(__file__).with_name("parameters.md")
INTRO = """# Parameters

Names, defaults and meaning of all parameters, as in the config file (`.hustle`). Each is an attribute of its step,
e.g. `reduction.free_iter.free_sigma`; every step but the first has the switch `enabled`.
This page is written from the declarations in `hustle_widgets/steps/` by `python docs/make_parameters.py`.
"""


def row(name: str, parameter: Parameter) -> str:
    """Return the table row of a parameter."""
    default = f"`{format_value(parameter.written(parameter.tutorial))}`"
    cells = (f"`{name}`", default, parameter.unit, parameter.meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def page() -> str:
    """Return the page."""
    head = "| parameter | default | unit | meaning |\n|---|---|---|---|"
    parts = [INTRO, "## Reduction\n", head]
    parts += [row(name, parameter) for name, parameter in Reduction.setup_parameters().items()]
    for step in STAGE_1:
        parts.append(f"\n## {step.section} {step.title}: `{step.name}`, {step.__name__}\n")
        parts.append(first_paragraph(step.__doc__))
        if step.switch:
            parts.append(f"Switch in the config file: `{step.switch}`.")
        if step.parameters:
            parts += ["", head, *(row(name, parameter) for name, parameter in step.parameters.items())]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
