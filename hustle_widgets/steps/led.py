"""Step 4a: hot pixels, by Laplacian edge detection."""

from __future__ import annotations

from typing import Any

import numpy as np

from hustle_widgets.algorithms.bloom import bloom_mask
from hustle_widgets.algorithms.edge_rounds import Earlier, Rounds
from hustle_widgets.algorithms.edge_search import EdgeSearch
from hustle_widgets.algorithms.edge_settings import EdgeSettings
from hustle_widgets.engine.blocks import Block, State
from hustle_widgets.engine.deltas import Patch
from hustle_widgets.engine.memos import FrameMemo, frame_memo
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.parameters import Real, Switch, Whole
from hustle_widgets.steps.targets import found_zeroth


class LaplacianEdgeDetection(Step):
    """Reject pixels with steeper edges than the telescope can make: hot, cold and dead ones, cosmic rays."""

    name, title, section = "led", "Hot pixels: Laplacian edges", "4a"
    label = "Edges"
    heading = (
        "Step 4: Reject hot pixels with spatial detection",
        "Step 4a: Laplacian Edge Detection parameters",
    )
    switch = "do_led"
    switch_help = "Reject hot, cold and dead pixels by Laplacian edge detection."
    by, threshold, flag = "frames", "led_threshold", 8
    flags_what, color = "Pixels rejected by Laplacian edge detection", "blue"
    doing = "Detecting edges of hot pixels..."
    done = "Laplacian edge detection complete."
    figure = "LED"
    figures = "hustle_widgets.view.figures.flagged:edge_figures"
    live = "hustle_widgets.view.live.led:LedLive"
    tour = """
    Two maps around the chosen pixel: how significant its edges are, and how much it stands out of fine structure. A
    cross is above the threshold of the map; with `fine_structure` a hit needs both. Choose a pixel of the trace as
    well: it must stay below. Hot pixels on a trace are found best by step 4b with 'polyfit'.
    """
    borrows = ("zeroth_tracking.location",)
    led_threshold = Real(
        EdgeSettings.led_threshold,
        (
            "How significant an edge must be to be rejected; a lower value rejects more. The scale is a quarter"
            " of L.A.Cosmic's: 2.5 here is 10 there. With 10, a lone pixel must stand out by 40 sigma (10 "
            "led_factor^2)."
        ),
        above=0,
        soft=(1, 20),
        advice="Lower it to flag more pixels; raise it if the trace or stars are flagged.",
    )
    led_factor = Whole(
        EdgeSettings.led_factor,
        (
            "How finely each pixel is divided to find edges. The significance of a lone pixel falls as "
            "1/led_factor^2: to find the same with 3 as with 2, divide led_threshold and contrast_factor by "
            "9/4. The time needed is the same."
        ),
        min=2,
        max=16,
        soft=(2, 5),
        advice="2 is enough: another value only changes what the thresholds mean.",
    )
    led_n = Whole(
        EdgeSettings.led_n,
        "How often each frame is searched. Each round removes only the rim of a large blob.",
        unit="rounds",
        min=1,
        soft=(1, 6),
        optional="until no outliers are found",
        advice="Raise it to whittle down blobs of bad pixels, of which a round finds the edges only.",
    )
    fine_structure = Switch(
        EdgeSettings.fine_structure,
        "Protect narrow bright features such as traces: a hit must also exceed contrast_factor.",
    )
    contrast_factor = Real(
        EdgeSettings.contrast_factor,
        (
            "How far a hit must stand out of the fine structure around it; a lower value rejects more. The "
            "scale is a quarter of L.A.Cosmic's objlim."
        ),
        above=0,
        soft=(0.5, 10),
        advice="Raise it to protect the trace more; lower it to flag more pixels on it.",
    )
    led_growth = Real(
        EdgeSettings.led_growth,
        "A neighbour of a hit is rejected too if its significance is at least this part of led_threshold.",
        above=0,
        max=1,
        soft=(0.05, 1),
        added=True,
        optional="no growth",
        advice="Lower it to take more of a hit's neighbours; None takes none.",
    )

    @staticmethod
    def prepare(state: State, *, location: tuple[float, float]) -> dict[str, Any]:
        """Find the 0th order, whose bloom has edges as steep as a hot pixel's."""
        return {"zeroth": found_zeroth(state, location)}

    memo = staticmethod(frame_memo)

    @staticmethod
    def compute(
        block: Block,
        *,
        zeroth: tuple[float, float] | None,
        led_threshold: float,
        led_factor: int,
        led_n: int | None,
        fine_structure: bool,
        contrast_factor: float,
        led_growth: float | None,
        memo: FrameMemo[Rounds] | None = None,
    ) -> Patch:
        """Detect and replace in one frame."""
        image = block.images[0]
        settings = EdgeSettings(
            led_threshold=led_threshold,
            led_factor=led_factor,
            led_n=led_n,
            fine_structure=fine_structure,
            contrast_factor=contrast_factor,
            led_growth=led_growth,
        )
        memo = FrameMemo() if memo is None else memo
        recalled = memo.recall(block, settings)
        earlier = None if recalled.before is None else Earlier(*recalled.before)
        protect = None if zeroth is None else bloom_mask(image, zeroth)
        search = EdgeSearch(image, float(block.column("read_noise")[0]), settings, protect)
        rounds = memo.keep(recalled, search.run(earlier))
        index, values, counts = rounds.joined()
        return Patch.at(index, values, counts[:, np.newaxis], (1, *image.shape))
