"""Take the pictures of docs/tour.md and README.md anew: run ``python docs/make_tour.py [VISIT]``; needs Chromium.

A visit of full size is simulated, or that of a folder is taken, and opened in JupyterLab under a headless Chromium as
people have it: a window of 1280 x 800, the side bar open, scroll bars shown. Every step's page is taken.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from hustle_widgets import simulate_visit
from hustle_widgets.simulate import read_truth
from hustle_widgets.steps import STAGE_1

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent / "tests" / "browser"))
import lab as harness  # noqa: E402

WINDOW = {"width": 1280, "height": 800}
COLOURS = 256
FRAME = 30
DARK = "quicklook"  # the step that is taken in the dark theme too
# What makes a step's page tell something. `at` looks at the n-th most changed of the flagged pixels.
SCENES = {
    "hst_flags": "at(40)",
    "fixed_iter": "reduction.set(fixed_sigmas=(6, 5)); reduction.wait(); at(1500)",
    "free_iter": "reduction.set(fixed_sigmas=(10, 10)); reduction.wait(); at(1500)",
    "led": "reduction.set(led_threshold=2.5, contrast_factor=1.25); reduction.wait(); at(20)",
    "smooth": "reduction.set(smth_threshold=4); reduction.wait(); at(5)",
    "pagul": "reduction.set(do_uniform=False, do_column=False); reduction.wait()",
    "location": "reduction.set(do_uniform=True, do_column=True); reduction.wait()",
}
SET_UP = """
from hustle_widgets import Reduction
reduction = Reduction("visit", path_to_Pagul="visit", bkg_stars_loc={stars})

def at(number):
    view, selection = reduction._page, reduction._page.selection
    patch, before = view.frames._patch, reduction.state(before=selection.step)
    from hustle_widgets.view.frame.flagged_walk import by_change
    places = by_change(patch, before, selection.frame)
    selection.row, selection.column = divmod(int(places[min(number, places.size - 1)]), before.shape[2])
"""


def main() -> None:
    """Take all pictures."""
    with (
        tempfile.TemporaryDirectory() as name,
        opened_visit(Path(name), sys.argv[1] if len(sys.argv) > 1 else None) as page,
    ):
        for kind in STAGE_1:
            if kind.switch and not kind.explicit:
                take(page, kind.name, SCENES.get(kind.name, ""), whole=kind.opens)
        page.page.evaluate("""() => jupyterapp.commands.execute('apputils:change-theme',
            {theme: 'JupyterLab Dark'})""")
        take(page, DARK, "", whole=True, path=DOCS / "dark.png")
    (DOCS / "tour" / "free_iter.png").replace(DOCS / "reduction.png")


@contextlib.contextmanager
def opened_visit(place: Path, visit: str | None) -> Iterator[harness.LabPage]:
    """Open a visit in JupyterLab with its side bar; without a folder one of full size is simulated."""
    folder = place / harness.NOTEBOOKS / "visit"
    if visit is None:
        simulate_visit(folder, n_frames=74, shape=(600, 2100), seed=1)
    else:
        folder.parent.mkdir()
        folder.symlink_to(Path(visit).resolve())
    stars = np.rint(read_truth(folder)["star_positions"].values).tolist()
    with harness.headless_lab(place, WINDOW) as page:
        page.interface = "lab"
        page.new_notebook([SET_UP.format(stars=stars), "reduction"], "reduction.ipynb")
        page.run_all(timeout=300)
        yield page


def take(
    page: harness.LabPage, step: str, scene: str, *, whole: bool = False, path: Path | None = None
) -> None:
    """Open a step, set its scene and keep the picture of the page, or of the whole window."""
    busy = "reduction.busy"
    page.kernel_eval(f"reduction._page.open_step({step!r})", timeout=120)
    page.wait_until(lambda: not page.kernel_eval(busy), 300, "the chain")
    page.page.wait_for_timeout(2000)  # sliders that are just coming up tell the values they were made with
    page.kernel_eval(f"setattr(reduction._page.selection, 'frame', {FRAME})")
    for act in filter(None, scene.split(";")):
        page.kernel_eval(act.strip(), timeout=120)
    page.wait_until(lambda: not page.kernel_eval(busy), 300, "the chain")
    shown = page.page.locator(".hustle-page").last
    shown.evaluate("page => page.scrollIntoView({block: 'start'})")
    page.page.wait_for_timeout(3000)
    path = path or DOCS / "tour" / f"{step}.png"
    (page.page if whole else shown).screenshot(path=path)
    Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(DOCS)}: {path.stat().st_size / 1024:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
