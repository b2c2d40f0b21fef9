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

READ_BY_STAGE_2 = """
## Read by HUSTLE-tools

Stage 2 of HUSTLE-tools 0.0.1 (its main branch of June 2025, commit 259fe63) was run, as it is, on a visit that was
simulated and reduced here: 12 frames of 600 x 2100 pixels, all steps but the Pagul sky on. It found the file under
`outputs/stage1/`, and went through to its spectra in two ways: a box around orders +1 and -1 with fitted traces,
halfwidths that it chose, alignment and cleaning; and optimal extraction of order +1 after its removal of the 0th
order. The white light curve of its order +1 and `flux_+1` here agree within 0.01 %, and each reads the config files
of the other. GRISMCONF was given a file with the coefficients of this package and a flat sensitivity: its wavelengths
are no test of those here. `jwst`, `astroquery` and `wfc3tools`, which it imports and does not need there, were empty
modules.

Whichever program reduced the visit, that version of HUSTLE-tools stumbles over newer libraries. For the run two
names that it imports were put back: `matplotlib.cm.get_cmap` (not in matplotlib 3.11) and `photutils.DAOStarFinder`
(not in photutils 3.0). With `correct_zero True` it needs `save_plots 0`, since it saves the figures of that step
without a folder.
"""


FIGURES = """
## Figures

HUSTLE-tools' names of saved figures, and what takes their place in the run's folder here. Figures of every frame
(`save_plots 2`) are in `every_frame/`.

| HUSTLE-tools | here |
|---|---|
| `CR_location`, `CR_location_frame<k>` | `CR_location`, `every_frame/CR_<step>_frame_<k>` (a step of time iteration) |
| `CR_before_correction`, `CR_after_correction` | `CR_before_after` |
| `CR_outliers_per_frame` | `CR_per_frame` |
| `LED_before_correction_<k>`, `LED_after_correction_<k>` | `LED_before_after`, `every_frame/LED_frame_<k>` |
| `LED_location_of_corrected_pixels_<k>` | `every_frame/LED_frame_<k>`, its third picture |
| `LED_location_of_all_corrected_pixels` | `LED_location_of_all_corrected_pixels` |
| `LED_Noise_Model`, `LED_Fine_Structure_Model` | `LED_noise_model`, `LED_fine_structure_model` |
| `spatialsmooth_location_frame<k>` | `every_frame/spatial_smoothing_frame_<k>`, `spatial_smoothing_location` |
| `spatialsmooth_before_correction_frame<k>`, `..._after_...` | `spatial_smoothing_before_after` |
| `bkg_values_<method>` | `bkg_values_uniform`, `bkg_values_column`, `bkg_values_pagul` |
| `bkg_histogram_exposure<k>` | `bkg_histogram_uniform` |
| `bkg_corner_location` | `bkg_region_uniform` |
| `bkg_region_col-by-col` | `bkg_region_column` |
| `bkg_pagul_mask` | `bkg_mask_pagul` |
| `bkg_before_...`, `bkg_after_...` | `bkg_correction_uniform`, `bkg_correction_column`, `bkg_correction_pagul` |
| `bkg_scaling_parameters` | `bkg_scaling_pagul` |
| `target_location_in_direct_image` | `target_location` |
| `0th_tracking_frame<k>` | `0th_order_window`, `every_frame/0th_order_window_frame_<k>` |
| `0th_order_x_displacement`, `0th_order_y_displacement` | `0th_order_displacement` |
| `bkg_star_no<i>`, `bkg_stars_location` | `bkg_stars_location` |
| `bkg_stars_x_displacement`, `bkg_stars_y_displacement` | `bkg_stars_displacement` |
| `quicklookup.gif`, `quicklookupDQ.gif` | `quicklooks/quicklookup.gif`, `quicklooks/quicklookupDQ.gif` |
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
        "There when the step was on. Displacements count from the first frame that did not fail and shows what is "
        "followed;\nthe step's notes name it where it is not the first of all. A frame that failed keeps what was "
        "measured on it, or NaN:\nplots and verdicts leave it out.\n",
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
    return "\n".join(parts) + "\n" + READ_BY_STAGE_2 + FIGURES


if __name__ == "__main__":
    PAGE.write_text(page())
