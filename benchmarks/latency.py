"""How fast the page is, in JupyterLab under a headless Chromium: opening, playing, a slider's keys.

    python benchmarks/latency.py [FOLDER] [--presses 20] [--every 0.4] [--steps led,uniform] [--off do_smooth]
    python benchmarks/latency.py [FOLDER] --steps ""       # opening and playing only

FOLDER is a Stage 0 folder; without it a visit is simulated. First, the seconds from running the cell that loads and
shows the visit, in a fresh kernel, until the first frame and the light curve are on the screen. Then how many frames a
second are drawn while they play, beside the plots of two steps. Then, for each numeric parameter its slider gets
`presses` key presses, one `every` so many seconds, back and forth; lists are typed, one a second. Told are, in
milliseconds after the key event in the browser: the first change of any plot, and the change of the frame's
picture (decoded and two frames of the browser later). `final` is the time in seconds from the last of two more
presses, to a value of which no outcome is kept, until light curve and frame are drawn for it. The load of the
machine is told because it enters every figure.

    python benchmarks/latency.py --at-rest 8

Instead: free_sigma is pressed while the small plots under the sliders fill themselves, and as often while they are
switched off, in turn; and how long after the last edit the plot of free_sigma is complete.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from hustle_widgets.simulate import read_truth

CHECKOUT = Path(__file__).parents[1]
sys.path.insert(0, str(CHECKOUT / "tests" / "browser"))
import lab as harness  # noqa: E402

# Step, and its sliders; what must be set for a slider to act.
SLIDERS: dict[str, list[tuple[str, str]]] = {
    "fixed_iter": [("replacement", "reduction.set(fixed_sigmas=(6, 5), replacement=5)")],
    "free_iter": [("free_sigma", "")],
    "led": [
        ("led_threshold", "reduction.led.set_trait('led_threshold', 3.0)"),
        ("led_factor", ""),
        ("led_n", ""),
        ("contrast_factor", ""),
        ("led_growth", ""),
    ],
    "smooth": [
        ("smth_threshold", ""),
        ("smth_order", "reduction.smooth.set_trait('smth_type', 'polyfit')"),
    ],
    "uniform": [("hist_min", ""), ("hist_max", ""), ("hist_bins", "")],
    "column": [("col_sigma", ""), ("dist_from_trace", "")],
    "pagul": [("mask_parameter", ""), ("smoothing_param", "")],
    "bkg_stars": [("bkg_window", "")],
    "quicklook": [("aperture", "")],
}
# Parameters that are typed: two values in turn.
TYPED: dict[str, list[tuple[str, str, tuple[str, str]]]] = {
    "fixed_iter": [("fixed_sigmas", "", ("6, 5", "7, 5"))],
    "smooth": [("smth_kernel", "reduction.smooth.set_trait('smth_type', '1D_smooth')", ("9", "13"))],
    "column": [("rows", "reduction.column.set_trait('mask_trace', False)", ("0, 1, 2, 3", "0, 1, 2, 3, 4"))],
}

WIDTHS = (9, 7, 11, 7, 8, 9, 7)
# Steps beside whose plots the frames play, and for how many seconds.
PLAYED = ("free_iter", "quicklook")
PLAYING = 6.0

# Notes when the first frame, and the first points of the light curve, are on the screen.
OPENING = """() => {
  const start = performance.now(), opened = window.opened = {};
  let tried = '';
  const look = () => {
    const image = document.querySelector('.hustle-frame .bqplot image');
    const href = image?.getAttribute('href') || image?.getAttribute('xlink:href') || '';
    if (href && href !== tried) {
      tried = href;
      const picture = new Image();
      picture.src = href;
      picture.decode().then(() => requestAnimationFrame(() => {
        if (picture.naturalWidth > 10) opened.picture ??= (performance.now() - start) / 1000;
      })).catch(() => {});
    }
    if (document.querySelectorAll('.hustle-curve .bqplot :is(.dot, .element)').length > 4)
      opened.curve ??= (performance.now() - start) / 1000;
    if (!(opened.picture && opened.curve)) requestAnimationFrame(look);
  };
  look();
}"""

WATCH = """() => {
  window.seen = { keys: [], any: [], frame: [], curve: [] };
  document.addEventListener('keydown', () => seen.keys.push(performance.now()), true);
  const painted = (list, from) => requestAnimationFrame(() => requestAnimationFrame(
      () => { list.push(performance.now()); if (list !== seen.any) seen.any.push(performance.now()); }));
  new MutationObserver(changes => {
    const figures = [...document.querySelectorAll('.bqplot')];
    for (const change of changes) {
      const element = change.target;
      const figure = element.closest && element.closest('.bqplot');
      if (!figure) continue;
      const number = figures.indexOf(figure);
      if (element.tagName === 'image') {
        if (!(change.attributeName || '').includes('href')) continue;
        const picture = new Image();
        picture.src = element.getAttribute('href') || element.getAttribute('xlink:href');
        picture.decode().catch(() => {}).then(() => painted(number === 0 ? seen.frame : seen.any));
      } else if (change.attributeName === 'd' || change.attributeName === 'transform') {
        painted(number === 1 ? seen.curve : seen.any);
      }
    }
  }).observe(document.querySelector('.jp-Notebook'), { subtree: true, attributes: true });
}"""


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--presses", type=int, default=20)
    parser.add_argument("--every", type=float, default=0.4)
    parser.add_argument("--steps", default=",".join(SLIDERS))
    parser.add_argument("--size", default="74x600x2100")
    parser.add_argument("--off", default="", help="switches to turn off, e.g. do_led,do_smooth")
    parser.add_argument(
        "--at-rest", type=int, default=0, help="presses in the midst of the plots under sliders"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or simulated(Path(place), options.size)
        measure(Path(place), str(Path(folder).resolve()), options)


def simulated(place: Path, size: str) -> str:
    """Write a visit and return its folder."""
    from hustle_widgets import simulate_visit

    frames, rows, columns = (int(number) for number in size.split("x"))
    simulate_visit(place / "visit", n_frames=frames, shape=(rows, columns))
    return str(place / "visit")


def measure(place: Path, folder: str, options: argparse.Namespace) -> None:
    """Open the visit in a notebook and go through the sliders."""
    with harness.headless_lab(place) as page:
        given = "".join(f", {switch}=False" for switch in options.off.split(",") if switch)
        made = f"reduction = Reduction({folder!r}, path_to_Pagul={folder!r}{given})"
        code = f"from hustle_widgets import Reduction\n{made}"
        with suppress(FileNotFoundError):  # only of a simulated visit is it known where stars are
            places = np.rint(read_truth(folder)["star_positions"].values).tolist()
            code += f"\nreduction.set(bkg_stars_loc={places})"
        page.new_notebook([f"{code}\nreduction"])
        page.page.evaluate(OPENING)
        page.run_all(timeout=300)
        settle(page)
        opened = page.page.evaluate("() => window.opened")
        load = f"load {os.getloadavg()[0]:.1f}"
        print(
            f"Opened: first frame after {opened['picture']:.1f} s, light curve after {opened['curve']:.1f} s; {load}"
        )
        page.page.evaluate(WATCH)
        for step in PLAYED:
            print(
                f"Played beside {step}: {played(page, step):.1f} frames a second; load {os.getloadavg()[0]:.1f}"
            )
        if not options.steps:
            return
        # Going back to an old value must compute all anew, or its final result would cost nothing.
        page.kernel_eval("setattr(reduction._chain.cache, 'limit', 0)")
        if options.at_rest:
            measure_at_rest(page, options.at_rest)
            return
        print("Median and 95th percentile, ms after the key event; load is the machine's over a minute.")
        heads = zip(("any 50%", "95%", "frame 50%", "95%", "shown", "final s", "load"), WIDTHS, strict=True)
        print(f"{'parameter':18}" + "".join(f"{head:>{width}}" for head, width in heads))
        for step in options.steps.split(","):
            for name, setting in SLIDERS[step]:
                row = measure_slider(page, step, name, setting, options.presses, options.every)
                print(row + f"{os.getloadavg()[0]:7.1f}", flush=True)
            for name, setting, values in TYPED.get(step, ()):
                row = measure_typed(page, step, name, setting, values, options.presses)
                print(row + f"{os.getloadavg()[0]:7.1f}", flush=True)


def settle(page: Any, timeout: float = 300) -> None:
    """Wait until all is computed. The page is asked first: questions to the kernel would slow it down."""
    page.page.wait_for_timeout(1000)
    said = "() => /all steps (that are on )?are computed/.test(document.querySelector('.hustle-said-top')?.innerText)"
    page.page.wait_for_function(said, timeout=1000 * timeout, polling=250)
    states = "[s.status for s in reduction.steps.values() if not s.explicit] + [str(reduction.busy)]"
    fine = {"fresh", "off", "failed", "False"}
    page.wait_until(lambda: set(page.kernel_eval(states, timeout=120)) <= fine, timeout, "the chain")


def played(page: Any, step: str) -> float:
    """Return how many frames a second are drawn while they play."""
    open_step(page, step, "")
    button = page.page.locator(".hustle-frame-controls button").first
    button.click()
    page.page.wait_for_timeout(1000)  # what is made for the first frames
    page.page.evaluate("() => { seen.frame.length = 0; }")
    page.page.wait_for_timeout(1000 * PLAYING)
    times = np.array(page.page.evaluate("() => seen.frame"))
    button.click()
    settle(page)
    return 1000 * (times.size - 1) / (times[-1] - times[0]) if times.size > 1 else 0.0


def measure_slider(page: Any, step: str, name: str, setting: str, presses: int, every: float) -> str:
    """Press keys on one slider and return a line of the table."""
    open_step(page, step, setting)
    page.press_slider(name, "ArrowRight")  # what is made at the first use
    begin(page)
    press_keys(page, ["ArrowRight" if number % 4 < 2 else "ArrowLeft" for number in range(presses)], every)
    latencies = latencies_of(page)
    # Towards the middle of the values that were visited: no slider runs into its end.
    begin(page)
    press_keys(page, 2 * ["ArrowRight" if presses % 4 == 0 else "ArrowLeft"], every)
    return line_of(name, latencies, final_of(page))


def measure_at_rest(page: Any, presses: int) -> None:
    """Press free_sigma with and without the plots under the sliders, in turn, and print what that takes."""
    open_step(page, "free_iter", "")
    page.press_slider("free_sigma", "ArrowRight")  # what is made at the first use
    settle(page)
    times: dict[str, list[tuple[float, ...]]] = {"off": [], "on": []}
    toggle = page.page.locator(".hustle-settings .hustle-responses")
    for number in range(2 * presses):
        which = "on" if number % 2 else "off"
        if ("mod-active" in (toggle.get_attribute("class") or "")) != (which == "on"):
            toggle.click()
        begin(page)
        page.page.wait_for_timeout(4500)  # a rest, and into the midst of a value
        page.press_slider("free_sigma", "ArrowRight" if number % 4 < 2 else "ArrowLeft")
        seen = seen_on(page)
        last = max([*seen["frame"], *seen["curve"]], default=np.nan)
        firsts = [min(seen[kind], default=np.nan) for kind in ("any", "frame")]
        times[which].append(tuple(time - seen["keys"][-1] for time in (*firsts, last)))
        print(f"{which:4}" + "".join(f"{time:9.0f}" for time in times[which][-1]), flush=True)
    begin(page)
    page.press_slider("free_sigma", "ArrowRight")
    started = time.monotonic()
    page.page.locator(".hustle-response.hustle-old-response").first.wait_for()
    fresh = ".hustle-response:not(.hustle-old-response) [data-complete='true']"
    page.page.locator(fresh).first.wait_for(timeout=300_000)
    took = time.monotonic() - started
    print(
        "ms after the key event until any plot, the frame, and the last of frame and light curve change; medians:"
    )
    for which, rows in times.items():
        print(f"{which:4}" + "".join(f"{time:9.0f}" for time in np.median(rows, axis=0)))
    print(f"plot of free_sigma complete {took:.1f} s after an edit; load {os.getloadavg()[0]:.1f}")


def press_keys(page: Any, keys: list[str], every: float) -> None:
    """Press keys, one `every` so many seconds."""
    for key in keys:
        started = time.monotonic()
        page.page.keyboard.press(key)
        page.page.wait_for_timeout(max(0, 1000 * (every - (time.monotonic() - started))))


def measure_typed(
    page: Any, step: str, name: str, setting: str, values: tuple[str, str], presses: int
) -> str:
    """Type two values in turn, each confirmed with the Enter key, and return a line of the table."""
    open_step(page, step, setting)
    label = page.page.locator(".widget-label", has_text=re.compile(rf"^\s*{name}\s*$"))
    entry = page.page.locator(".widget-text").filter(has=label).locator("input")
    latencies = []
    for number in range(presses + 2):
        if number in (1, presses + 1):  # what is made at the first use is over; only the last one is to come
            latencies = latencies_of(page) if number > 1 else []
            begin(page)
        entry.fill(values[number % 2])
        page.page.keyboard.press("Enter")
        page.page.wait_for_timeout(1000)
    return line_of(name, latencies, final_of(page))


def open_step(page: Any, step: str, setting: str) -> None:
    """Open a step's panel, look at a pixel that it flags, and wait a moment as a person would."""
    if setting:
        page.kernel_eval(setting)
    page.kernel_eval(f"reduction._page.open_step({step!r})")
    settle(page)
    next_flagged = page.page.locator(".hustle-walk button").last
    if next_flagged.is_enabled():
        next_flagged.click()
    page.page.wait_for_timeout(1500)


def begin(page: Any) -> None:
    """Wait until all is still, and forget what was seen."""
    settle(page)
    page.page.wait_for_timeout(1500)
    page.page.evaluate("() => { for (const list of Object.values(seen)) list.length = 0; }")


def seen_on(page: Any) -> dict[str, np.ndarray]:
    """Return when keys were pressed and pixels changed, once all is computed and drawn."""
    settle(page)
    page.page.wait_for_timeout(1000)
    return {kind: np.array(times) for kind, times in page.page.evaluate("() => seen").items()}


def latencies_of(page: Any) -> list[float]:
    """Return median and 95th percentile to the first change of any plot, and of the frame, and how often it changed."""
    seen = seen_on(page)
    found = []
    for kind in ("any", "frame"):
        waits = after(seen["keys"], seen[kind])
        found += [np.percentile(waits, 50), np.percentile(waits, 95)] if waits.size else [np.nan, np.nan]
    return [*found, after(seen["keys"], seen["frame"]).size / max(seen["keys"].size, 1)]


def final_of(page: Any) -> float:
    """Return the seconds from the last key until light curve and frame changed for the last time."""
    seen = seen_on(page)
    return (max([*seen["frame"], *seen["curve"]], default=np.nan) - seen["keys"][-1]) / 1000


def line_of(name: str, latencies: list[float], final: float) -> str:
    """Return a line of the table."""
    times, shown = latencies[:4], latencies[4]
    columns = "".join(f"{time:{width}.0f}" for time, width in zip(times, WIDTHS, strict=False))
    return f"{name:18}{columns}{shown:{WIDTHS[4]}.0%}{final:{WIDTHS[5]}.2f}"


def after(keys: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """Return how long after each key the first change came that is before the second key from then on."""
    waits = []
    for number, key in enumerate(keys):
        until = keys[number + 2] if number + 2 < keys.size else np.inf
        later = changes[(changes > key) & (changes < until)]
        if later.size:
            waits.append(later.min() - key)
    return np.array(waits)


if __name__ == "__main__":
    main()
