"""Live views of the first step, which frames are worked on, and of the last, what has been written."""

from __future__ import annotations

import threading
from html import escape

import ipywidgets as w
import numpy as np
from numpy.typing import NDArray

from hustle_widgets.engine.callbacks import Cancelled
from hustle_widgets.steps.read_data import ReadData
from hustle_widgets.steps.save import SaveOutputs
from hustle_widgets.view import theme
from hustle_widgets.view.live.base import Live
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.selection import Selection


class ReadLive(Live[ReadData]):
    """The frames of the visit by time and orbit, those left out among them."""

    def __init__(self, step: ReadData, selection: Selection) -> None:
        super().__init__(step, selection)
        self.orbits = CurvePlot("Time since first frame of the visit [h]", "Orbit")
        self.orbits.on_click = self._clicked
        self.widget = self.boxed(self.orbits.widget)

    def update(self) -> None:
        """Draw the frames."""
        columns = self.reduction.state().source.columns
        times, orbits = columns["exp_time"], np.asarray(columns["orbit_numbers"], dtype=float)
        hours = (times - times[0]) * 24
        outcome = self.outcome
        kept = np.ones(times.size, dtype=bool)
        if outcome is not None and outcome.kept_frames is not None:
            kept = np.isin(np.arange(times.size), outcome.kept_frames.frames)
        failed = np.zeros(times.size, dtype=bool)
        if outcome is not None:
            failed[list(outcome.table.facts.get("frame_problems", {}))] = True
        good, bad = kept & ~failed, kept & failed
        shown = np.flatnonzero(kept)
        here = hours[shown[min(self.selection.frame, shown.size - 1)]]
        self.orbits.show(
            Curve("worked on", hours, np.where(good, orbits, np.nan), color=theme.KEPT, line=""),
            *self._failed(hours, np.where(bad, orbits, np.nan), bad),
            Curve(
                "left out",
                hours,
                np.where(kept, np.nan, orbits),
                color=theme.REJECTED,
                marker="cross",
                line="",
            ),
            title=f"{kept.sum()} of {kept.size} frames in {np.unique(orbits).size} orbits",
            y_limits=(orbits.min() - 0.5, orbits.max() + 0.5),
            vertical=(float(here),),
        )

    def _failed(
        self, hours: NDArray[np.float64], orbits: NDArray[np.float64], bad: NDArray[np.bool_]
    ) -> list[Curve]:
        """Return the curve of frames that failed and are worked on, if there are any."""
        if not bad.any():
            return []
        return [
            Curve(
                "look failed: click to leave out", hours, orbits,
                color=theme.ORANGE, marker="triangle-up", line="",
            )
        ]  # fmt: skip

    def _clicked(self, hour: float) -> None:
        """Leave the frame at that time out, or take it back."""
        times = self.reduction.state().source.columns["exp_time"]
        number = int(np.argmin(np.abs((times - times[0]) * 24 - hour)))
        skipped = set(self.step.skip_frames)
        if number not in skipped and not self._is_worked_on(number):
            self.say(f"Frame {number} is left out by skip_first_fm or skip_first_or.")
            return
        self.act(skip_frames=tuple(sorted(skipped ^ {number})))

    def _is_worked_on(self, number: int) -> bool:
        outcome = self.outcome
        return outcome is None or outcome.kept_frames is None or number in outcome.kept_frames.frames

    def close(self) -> None:
        """Close the plot."""
        self.orbits.close()
        super().close()


class SaveLive(Live[SaveOutputs]):
    """Where the outputs go, what is there, and a button that draws the figures into the folder."""

    def __init__(self, step: SaveOutputs, selection: Selection) -> None:
        super().__init__(step, selection)
        self.files = w.HTML()
        self._stopped = threading.Event()
        self._draw = w.Button(
            description="Draw the figures", icon="picture-o",
            tooltip="Figures and quicklooks of the present result, as many as save_plots says, into the run's folder",
        )  # fmt: skip
        self._stop = w.Button(description="Stop", icon="stop", disabled=True, tooltip="Draw no more figures")
        self._bar = w.FloatProgress(min=0, max=1, layout=w.Layout(visibility="hidden", width="140px"))
        self._draw.on_click(lambda _: self._start())
        self._stop.on_click(lambda _: self._stopped.set())
        row = w.HBox([self._draw, self._stop, self._bar])
        row.add_class("hustle-tools")
        self.widget = self.boxed(row, self.files)

    def _start(self) -> None:
        self._stopped.clear()
        self._show_drawing(True)
        self.say("")
        threading.Thread(target=self._draw_figures, name="hustle-figures", daemon=True).start()

    def _show_drawing(self, drawing: bool) -> None:
        self._draw.disabled, self._stop.disabled = drawing, not drawing
        self._bar.value = 0.0
        self._bar.layout.visibility = "visible" if drawing else "hidden"

    def _draw_figures(self) -> None:
        """Draw on a thread of its own; what goes wrong is said below."""
        try:
            self.reduction.save_figures(self._progress)
        except Cancelled:
            self.say("Stopped: no figure has been changed.")
        except (OSError, ValueError) as error:
            self.say(str(error))
        finally:
            self._show_drawing(False)
        with self.reduction.frozen():
            self.update()

    def _progress(self, fraction: float) -> None:
        if self._stopped.is_set():
            raise Cancelled
        self._bar.value = fraction

    def update(self) -> None:
        """List the files of this run."""
        folder = self.reduction.output_folder()
        found = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
        lines = [
            f"<li>{escape(str(p.relative_to(folder)))}, {p.stat().st_size / 1e6:.1f} MB</li>"
            for p in found[:30]
        ]
        if len(found) > 30:
            lines.append(f"<li>and {len(found) - 30} more</li>")
        what = (
            f"<ul style='margin:2px 0'>{''.join(lines)}</ul>" if lines else "<div>Nothing is there yet.</div>"
        )
        if self.step.status == "fresh":
            state = "These are the outputs of the present parameters."
        else:
            state = "Press <b>Run and save</b> to write the outputs of the present parameters."
        self.files.value = f'<div class="hustle-files"><b>{escape(str(folder))}</b>{what}{state}</div>'
