"""The white light curve of each trace, beside the one before the last edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import ArrayLike

from hustle_widgets.view import theme
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.plots.panel import Key, heading_html


class LightCurvePlot:
    """White light curves with their scatter.

    Parameters
    ----------
    height : str
        Height of the figure, a CSS length.

    Attributes
    ----------
    widget : ipywidgets.VBox
        What to place on the page.
    """

    def __init__(self, height: str = "230px") -> None:
        self._plot = CurvePlot("Time since first frame [h]", "Normalised flux", height)
        self._plot.y_axis.tick_format = ".4~f"
        self.widget: Any = self._plot.widget

    def show(
        self,
        hours: ArrayLike,
        fluxes: Mapping[str, ArrayLike],
        *,
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
        keys = []
        for order, flux in fluxes.items():
            color = theme.TRACE_COLORS.get(order, theme.BLACK)
            marker = theme.TRACE_MARKERS.get(order, "circle")
            curves.append(Curve(order, hours, flux, color=color, marker=marker))
            text = f"order {order.replace('-', '−')}"
            if order in scatter_ppm:
                text += f": scatter {scatter_ppm[order]:,.0f} ppm"
            keys.append(Key(text, color, marker))
        if previous:
            ppm = ", ".join(f"{previous_ppm[order]:,.0f}" for order in previous if order in previous_ppm)
            keys.append(Key(f"before: {ppm} ppm" if ppm else "before", theme.GHOST))
        self._plot.show(*curves, vertical=() if here is None else (here,))
        self._plot.heading.value = heading_html(title, keys)

    def close(self) -> None:
        """Close every widget made for this plot."""
        self._plot.close()
