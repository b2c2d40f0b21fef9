"""The white light curve of each trace, beside the one before the last edit, and what is left of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets as w
import numpy as np
from numpy.typing import ArrayLike

from hustle_widgets.view import theme
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.plots.panel import Key, heading_html, in_words, span_of

# Residuals further out than this many times the photon limit are drawn at the edge, if few are.
WIDEST = 12.0


class LightCurvePlot:
    """White light curves above a strip of residuals.

    Attributes
    ----------
    widget : ipywidgets.VBox
        What to place on the page.
    """

    def __init__(self) -> None:
        self._plot = CurvePlot("", "Normalised flux")
        self._plot.y_axis.tick_format = ".4~f"
        self._plot.figure.fig_margin = {**theme.MARGIN, "bottom": 18}
        # The name of the time stands in the heading: below, it would take half of the strip's height.
        self._strip = CurvePlot("", "Residual [ppm]")
        self._strip.figure.fig_margin = {**theme.MARGIN, "bottom": 18}
        self.widget: Any = w.VBox([self._plot.widget, self._strip.widget])
        self.widget.add_class("hustle-plots")

    def on_click(self, callback: Callable[[float], None]) -> None:
        """Have `callback` told of a click on a point, flux or residual: its time [h]."""
        self._plot.on_click = self._strip.on_click = callback

    def show(
        self,
        hours: ArrayLike,
        fluxes: Mapping[str, ArrayLike],
        *,
        residuals: Mapping[str, Mapping[str, ArrayLike]] | None = None,
        limits: Mapping[str, float] | None = None,
        scatter_ppm: Mapping[str, float] | None = None,
        previous: Mapping[str, ArrayLike] | None = None,
        previous_hours: ArrayLike | None = None,
        previous_ppm: Mapping[str, float] | None = None,
        here: float | None = None,
        title: str = "White light curve",
    ) -> None:
        """Draw the light curves.

        Parameters
        ----------
        hours : array, shape (n,)
            Time from the first frame.
        fluxes : mapping of str to array, shape (n,)
            Normalised flux of each trace, by its order: '+1', '-1'.
        residuals : mapping of str to mapping of str to array, optional
            By name ('now', 'before', that of a pin) and order, what is left of the flux behind its trend [ppm], at
            `hours`. 'now' is drawn in full, the others pale.
        limits : mapping of str to float, optional
            Photon limit of each order [ppm], drawn as a band.
        scatter_ppm, previous_ppm : mapping of str to float, optional
            Scatter of each trace in parts per million, now and before the last edit; told in the heading.
        previous : mapping of str to array, optional
            The curves before the last edit; drawn in grey behind.
        previous_hours : array, optional
            Their times, when not `hours`.
        here : float, optional
            Time of the frame on display, marked by an upright line.
        title : str
            Heading.
        """
        scatter_ppm, previous_ppm = scatter_ppm or {}, previous_ppm or {}
        curves = [
            Curve(f"before {order}", hours if previous_hours is None else previous_hours, flux, ghost=True,
                  marker=theme.TRACE_MARKERS.get(order, "circle"), line="")
            for order, flux in (previous or {}).items()
        ]  # fmt: skip
        keys, told = [], []
        for order, flux in fluxes.items():
            color = theme.TRACE_COLORS.get(order, theme.BLACK)
            marker = theme.TRACE_MARKERS.get(order, "circle")
            curves.append(Curve(order, hours, flux, color=color, marker=marker))
            text = f"order {order.replace('-', '−')}"
            told.append(in_words(text, flux))
            if np.isfinite(scatter_ppm.get(order, np.nan)):
                text += f": scatter {scatter_ppm[order]:,.0f} ppm"
            keys.append(Key(text, color, marker))
        upright = () if here is None else (here,)
        self._plot.show(*curves, vertical=upright)
        self._plot.heading.value = heading_html(
            title, keys, f"Normalised flux against time. {' '.join(told)}"
        )
        before = ", ".join(f"{previous_ppm[order]:,.0f}" for order in previous or () if order in previous_ppm)
        self._show_residuals(hours, residuals or {}, limits or {}, upright, before)

    def _show_residuals(
        self,
        hours: ArrayLike,
        residuals: Mapping[str, Mapping[str, ArrayLike]],
        limits: Mapping[str, float],
        upright: tuple[float, ...],
        before: str,
    ) -> None:
        hours = np.asarray(hours, dtype=float)
        finite = {order: limit for order, limit in limits.items() if np.isfinite(limit)}
        curves, keys = [], []
        if finite and hours.size:
            limit = max(finite.values())
            ends = np.array([hours.min(), hours.max()])
            curves.append(
                Curve("limit", ends, np.zeros(2), error=limit, color=theme.GREEN, marker="", line="")
            )
            keys.append(Key(f"photons ± {limit:,.0f}", theme.GREEN, "square"))
        spans = [np.array([-1.5, 1.5]) * max(finite.values(), default=1.0)]
        for name, by_order in sorted(residuals.items(), key=lambda item: item[0] == "now"):
            now = name == "now"
            for order, values in by_order.items():
                color = theme.TRACE_COLORS.get(order, theme.BLACK) if now else theme.GHOST
                marker = theme.TRACE_MARKERS.get(order, "circle")
                curves.append(
                    Curve(
                        f"{name} {order}", hours, values, color=color, marker=marker, ghost=not now, line=""
                    )
                )
                spans.append(np.asarray(values, dtype=float))
            if not now:
                keys.append(Key(f"before: {before}" if name == "before" and before else name, theme.GHOST))
        low, high = span_of(*spans)
        edge = WIDEST * max(finite.values(), default=np.inf)
        low, high = max(low, -edge), min(high, edge)
        beyond = _beyond(hours, residuals.get("now", {}), low, high)
        if beyond:
            number = sum(np.isfinite(np.asarray(curve.y, dtype=float)).sum() for curve in beyond)
            keys.append(Key(f"{number} beyond", theme.BLACK, "triangle-up"))
        self._strip.show(*curves, *beyond, y_limits=(low, high), vertical=upright)
        words = [in_words(f"residuals {name}", list(by.values())) for name, by in residuals.items()]
        self._strip.heading.value = heading_html("", keys, " ".join(words), "Residual [ppm], time [h]")

    def close(self) -> None:
        """Close every widget made for these plots."""
        self._plot.close()
        self._strip.close()
        close_tree(self.widget)


def _beyond(hours: ArrayLike, residuals: Mapping[str, ArrayLike], low: float, high: float) -> list[Curve]:
    """Return points at the edge of the strip for residuals that lie outside of it, pointing to where they are."""
    found = []
    inside = 0.06 * (high - low)
    for order, values in residuals.items():
        residual = np.asarray(values, dtype=float)
        color = theme.TRACE_COLORS.get(order, theme.BLACK)
        for marker, outside, place in (
            ("triangle-up", residual > high, high - inside),
            ("triangle-down", residual < low, low + inside),
        ):
            if outside.any():
                at = np.where(outside, place, np.nan)
                found.append(Curve(f"{order} {marker}", hours, at, color=color, marker=marker, line=""))
    return found
