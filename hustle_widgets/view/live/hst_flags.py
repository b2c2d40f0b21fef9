"""Live view of the HST flags: how many pixels carry each, and which are chosen; a click chooses."""

from __future__ import annotations

from typing import Any

import bqplot
import numpy as np

from hustle_widgets.algorithms.detector import HST_FLAGS
from hustle_widgets.algorithms.dq import FIRST_TEMPORAL, count_bits
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.steps.hst_flags import HSTFlags
from hustle_widgets.view import colors, theme
from hustle_widgets.view.live.flagged import FlaggedLive
from hustle_widgets.view.live.preview import computed, cut_visit, flags_in_frame, frame_patch
from hustle_widgets.view.plots.panel import Key, PlotPanel, set_scale
from hustle_widgets.view.selection import Selection

NEAR = 2  # frames before and after that a preview replaces cosmic rays from


class FlagBars(PlotPanel):
    """A bar for each flag, its length logarithmic in the number of pixels, chosen ones in colour."""

    def __init__(self, chosen: Any) -> None:
        self._chosen = chosen
        self._bits: list[int] = []
        self._x_scale = bqplot.LinearScale(allow_padding=False)
        scales = {
            "x": bqplot.OrdinalScale(),
            "y": self._x_scale,
            # Colours that the browser can mix: a name of the style sheet would be lost.
            "color": bqplot.ColorScale(colors=[colors.GREY, colors.REJECTED], min=0.0, max=1.0),
        }
        self._bars = bqplot.Bars(scales=scales, orientation="horizontal", padding=0.25, x=[], y=[], color=[])
        self._bars.on_element_click(self._clicked)
        names = bqplot.Axis(scale=scales["x"], side="left", grid_lines="none")
        names.tick_style = {"font-size": "12px"}
        margin = {**theme.MARGIN, "left": 176, "bottom": 8}
        super().__init__(theme.figure([self._bars], [names], fig_margin=margin))

    def show(self, counts: dict[int, int], flags: tuple[int, ...], title: str) -> None:
        """Draw counts by bit; the bits of `flags` are highlighted."""
        union = int(np.bitwise_or.reduce(np.array(flags, dtype=np.int64), initial=0))
        self._bits = sorted({*counts, *(bit for bit in HST_FLAGS if union & bit)})
        numbers = np.array([counts.get(bit, 0) for bit in self._bits], dtype=float)
        # A sliver for 0 pixels: something to click on.
        lengths = np.maximum(np.log10(numbers + 1), 0.05)
        set_scale(self._x_scale, 0.0, 1.05 * float(lengths.max(initial=1.0)))
        names = [
            f"{bit} {HST_FLAGS[bit].short}: {number:,.0f}"
            for bit, number in zip(self._bits, numbers, strict=True)
        ]
        with self._bars.hold_sync():
            self._bars.x = names
            self._bars.y = lengths
            self._bars.color = np.array([1.0 if union & bit else 0.0 for bit in self._bits])
        keys = [
            Key("chosen", colors.REJECTED, "square"),
            Key("not (lengths logarithmic)", colors.GREY, "square"),
        ]
        told = [
            f"{name} pixels{', chosen' * bool(union & bit)}."
            for name, bit in zip(names, self._bits, strict=True)
        ]
        self.set_heading(title, keys, " ".join(told))

    def _clicked(self, _: Any, event: dict[str, Any]) -> None:
        index = event.get("data", {}).get("index")
        if index is not None and 0 <= index < len(self._bits):
            self._chosen(self._bits[index])


class HSTFlagsLive(FlaggedLive[HSTFlags]):
    """Pixels by flag, and the pixels flagged in each frame."""

    def __init__(self, step: HSTFlags, selection: Selection) -> None:
        super().__init__(step, selection)
        self.bars = FlagBars(self.toggle)
        self.widget = self.boxed(self.bars.widget, self.counts.widget)

    def toggle(self, bit: int) -> None:
        """Choose a flag, or no longer."""
        flags = self.step.hst_flags
        holding = [flag for flag in flags if flag & bit]
        if holding:
            rest = [flag & ~bit for flag in holding]
            flags = tuple(flag for flag in (*(f for f in flags if not f & bit), *rest) if flag)
        else:
            flags = (*flags, bit)
        self.act(hst_flags=tuple(sorted(set(flags))))

    def dq(self, frames: slice) -> np.ndarray:
        """Return the flags of some frames."""
        state = self.upstream.state
        return state.cut(state.source.hst_dq, frames, slice(0, self.shape[0]))

    def redraw(self) -> None:
        """Draw the bars of the frame on display."""
        counts = count_bits(self.dq(slice(self.number, self.number + 1)))
        title = f"Flags in frame {self.number}: click to choose"
        self.bars.show(counts, self.step.hst_flags, title)

    def update(self) -> None:
        """Draw bars and counts."""
        super().update()
        self.redraw()

    def look_ahead(self) -> Outcome | None:
        """Correct the frame from itself and its neighbours in time."""
        upstream, number = self.upstream, self.number
        n_frames = upstream.state.shape[0]
        frames = slice(max(0, number - NEAR), min(n_frames, number + NEAR + 1))
        at = number - frames.start
        images, dq = upstream.state.images(frames), self.dq(frames).copy()
        for k in range(len(dq)):
            if k != at:  # only cosmic rays matter there, and no median in space is wanted
                dq[k] &= ~np.array(FIRST_TEMPORAL - 1, dq.dtype)
        part = cut_visit(upstream.state, images, frames, dq)
        patch = computed(type(self.step), part, self.parameters).patch
        assert patch is not None
        return self.placed(frame_patch(self.shape, *flags_in_frame(patch, at)))
