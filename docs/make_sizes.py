"""Take every step's page in four windows, light and dark: ``python docs/make_sizes.py [VISIT] [--keep FOLDER]``.

Needs Chromium. The visit is opened in JupyterLab as people have it: the side bar open, scroll bars shown. For each size
and theme one sheet of small pictures is written into docs/sizes; `--keep` keeps the pictures themselves in a folder.
"""

from __future__ import annotations

import argparse
import base64
import tempfile
from pathlib import Path

from make_tour import COLOURS, DOCS, harness, opened_visit
from PIL import Image

# Name, width and height of the window in points of the page, device pixels a point.
SIZES = {
    "1280x800": (1280, 800, 1.0),
    "1920x1080": (1920, 1080, 1.0),
    "900x700": (900, 700, 1.0),
    "1024x768_at_125": (819, 614, 1.25),
}
THEMES = ("Light", "Dark")
BESIDE = ("setup", "pins")
ACROSS, WIDTH, GAP = 4, 480, 6


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("visit", nargs="?")
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        keep = options.keep or Path(name) / "pictures"
        keep.mkdir(parents=True, exist_ok=True)
        with opened_visit(Path(name), options.visit) as page:
            take_all(page, keep)
        for theme in THEMES:
            for size in SIZES:
                write_sheet(sorted(keep.glob(f"{size}_{theme}_*.png")), f"{size}_{theme}".lower())


def take_all(page: harness.LabPage, keep: Path) -> None:
    """Take the pages of all steps, one after the other in every size and theme."""
    window = page.page.context.new_cdp_session(page.page)
    page.wait_until(lambda: not page.kernel_eval("reduction.busy", timeout=300), 600, "the chain")
    names = [*page.kernel_eval("list(reduction.steps)"), *BESIDE]
    for theme in THEMES:
        page.page.evaluate(
            "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })", f"JupyterLab {theme}"
        )
        for size, (width, height, scale) in SIZES.items():
            page.page.set_viewport_size({"width": width, "height": height})
            shape = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
            window.send("Emulation.setDeviceMetricsOverride", shape)
            for number, step in enumerate(names):
                page.kernel_eval(f"reduction._page.open_step({step!r})", timeout=300)
                shown = page.page.locator(".hustle-page").last
                shown.evaluate("page => page.scrollIntoView({ block: 'start' })")
                page.page.wait_for_timeout(1500)
                # By the browser itself: Playwright would take the scale back.
                picture = window.send("Page.captureScreenshot", {"format": "png"})["data"]
                path = keep / f"{size}_{theme}_{number:02d}_{step}.png"
                path.write_bytes(base64.b64decode(picture))


def write_sheet(paths: list[Path], name: str) -> None:
    """Write small pictures of pages as one sheet."""
    pictures = []
    for path in paths:
        with Image.open(path) as picture:
            height = round(picture.height * WIDTH / picture.width)
            pictures.append(picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS))
    down, height = -(-len(pictures) // ACROSS), pictures[0].height
    sheet = Image.new("RGB", (ACROSS * (WIDTH + GAP), down * (height + GAP)), "#808080")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, ACROSS)
        sheet.paste(picture, (column * (WIDTH + GAP), row * (height + GAP)))
    path = DOCS / "sizes" / f"{name}.png"
    path.parent.mkdir(exist_ok=True)
    sheet.quantize(COLOURS // 2, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(DOCS)}: {path.stat().st_size / 1024:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
