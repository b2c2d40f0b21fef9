"""Write docs/clean_obs.md from the declarations of the file and of the steps: run ``python docs/make_clean_obs.py``."""

from __future__ import annotations

from pathlib import Path

from hustle_widgets.clean_format import ATTRIBUTES, STEPS, VARIABLES
from hustle_widgets.settings import declared
from hustle_widgets.steps import STAGE_1

PAGE = Path(__file__).with_name("clean_obs.md")
INTRO = """# clean_obs.nc

What Stage 1 hands over to Stage 2, as `outputs/stage_1/<output_run>/clean_obs.nc`. HUSTLE-tools looks for it under
`outputs/stage1/`, and finds it there by a link. This page is written from the declarations in
`hustle_widgets/clean_format.py` and `hustle_widgets/steps/` by `python docs/make_clean_obs.py`.

Dims: `exp_time` is the frame, `x` the row, `y` the column, in spite of their names, as HUSTLE-tools has them; `xy` is
(column, row). Open it with `xarray.open_dataset`. Text has a fixed length. A switch of Stage 1 that was off leaves the
variables of its step out, but for those that Stage 2 reads: these are always there.
"""


def cells(*texts: str) -> str:
    """Return a table row."""
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def page() -> str:
    """Return the page."""
    parts = [INTRO, "## Variables\n", "| variable | dims | dtype | unit | what | from |", "|" + "---|" * 6]
    for name, found in VARIABLES.items():
        parts.append(
            cells(f"`{name}`", ", ".join(found.dims), found.dtype, found.unit, found.text, found.origin)
        )
    parts += [
        "\n## Variables of single steps\n",
        "There when the step was on.\n",
        "| variable | dims | unit | what | step |",
        "|" + "---|" * 5,
    ]
    for kind in STAGE_1:
        shown = [name for name in kind.records if name not in VARIABLES or name == "bkg_vals"]
        shown += [f"star0_{what}" for what in ("pos", "disp")] if kind.switch == "do_bkg_stars" else []
        shown += ["flux_total", "flux_+1"] if kind.switch == "do_quicklook" else []
        for name in shown:
            unit, text, axes = kind.record(name)
            label = f"bkg_vals_{kind.name}" if name == "bkg_vals" else name
            parts.append(
                cells(f"`{label}`", ", ".join(("exp_time", *axes)), unit, text, f"{kind.section} {kind.name}")
            )
    parts += [
        "",
        "`star0_...` is the first star of bkg_stars_loc, and so on. Each order of traces_included has its `flux_...`,",
        "and what the quicklook finds in bins of wavelength (`flux_+1_by_wavelength`, `depth_+1`, ...).",
        "\n## Attributes\n",
        "| attribute | what | from |",
        "|---|---|---|",
    ]
    parts += [cells(f"`{name}`", text, origin) for name, (text, origin, _) in ATTRIBUTES.items()]
    parts += [
        "",
        f"Every parameter and switch of Stage 1 is an attribute too, written as in the config file, from {STEPS}: "
        + ", ".join(f"`{key}`" for key in declared())
        + ".",
        "\n## Where it differs from HUSTLE-tools, and why\n",
    ]
    parts += [f"- `{name}`: {found.differs}" for name, found in VARIABLES.items() if found.differs]
    parts += [
        f"- `{name}`: {differs}"
        for name, (_, _, differs) in ATTRIBUTES.items()
        if differs and differs != "Only here."
    ]
    parts.append(
        "- The other attributes, and the variables of single steps but `star<i>_disp`, are only here."
    )
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
