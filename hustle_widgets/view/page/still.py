"""A picture of the page for those who have no kernel: a reopened notebook, GitHub, nbviewer.

It is an output of its own beside the widget, which the page's style sheet hides while the page lives.
"""

from __future__ import annotations

import base64
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from numpy.typing import NDArray

from hustle_widgets.assessment import Finding
from hustle_widgets.assessment.finding import worst_of_titles
from hustle_widgets.config import format_value
from hustle_widgets.protocols import ReductionLike
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.page.light_curve_view import Curves

# Seconds of rest before the picture is made anew: it costs about as much as an edit.
REST = 3.0
# What a reopened notebook says, and that it does not say "Error displaying widget" where the page was.
EMPTY = "<i>The page of a Reduction. Run the cell to see it.</i>"
AGAIN = "<i>A picture of the page. Run the cell to work with it.</i>"
QUIET = (
    "<style>.jp-OutputArea:has(.hustle-still):not(:has(.hustle-page)) "
    ".jp-OutputArea-output.jupyter-widgets:not(:has(*)) { display: none; }</style>"
)


class Still:
    """The output with the picture, made anew whenever the page has been at rest for a while.

    Parameters
    ----------
    contents : callable
        Returns what is drawn and told, or None. Called on a thread of its own.
    """

    def __init__(self, contents: Callable[[], Contents | None]) -> None:
        self._contents = contents
        self._name = uuid.uuid4().hex
        self._timer: threading.Timer | None = None
        self._shell = _shell()

    @property
    def in_notebook(self) -> bool:
        """Whether there is a notebook to put a picture into."""
        return self._shell is not None

    def begin(self) -> None:
        """Put an empty output into the cell that runs, to be filled later; nothing happens outside of a notebook."""
        if self._shell is not None:
            self._publish(
                {"text/html": f'<div class="hustle-still">{QUIET}{EMPTY}</div>', "text/plain": ""},
                update=False,
            )

    def rested(self) -> None:
        """Note that nothing is computed: the picture follows if it stays so."""
        self.edited()
        if self._shell is not None:
            self._timer = threading.Timer(REST, self._draw)
            self._timer.daemon = True
            self._timer.start()

    def edited(self) -> None:
        """Note that something is computed: no picture now."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _draw(self) -> None:
        contents = self._contents()
        if contents is not None:
            self._publish(bundle_of(contents), update=True)

    def _publish(self, bundle: Mapping[str, str], update: bool) -> None:
        self._shell.display_pub.publish(
            data=dict(bundle), metadata={}, transient={"display_id": self._name}, update=update
        )


def _shell() -> Any:
    """Return the shell of a notebook's kernel, or None."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell: Any = get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None


class Contents(NamedTuple):
    """What the picture shows.

    Attributes
    ----------
    frame : ndarray, shape (rows, columns)
        The frame on display [e-].
    title : str
        What it is.
    curves : Curves or None
        The light curves.
    verdicts : sequence of (verdict, title, figure)
        The assessment.
    parameters : mapping of str to object
        Those that differ from the tutorial's.
    """

    frame: NDArray[Any]
    title: str
    curves: Curves | None
    verdicts: Sequence[tuple[str, str, str]]
    parameters: Mapping[str, Any]


def contents_of(
    reduction: ReductionLike, image: FrameImage, curves: Curves | None, findings: Iterable[Finding]
) -> Contents | None:
    """Return what a page shows now, or None before there is a frame."""
    if image.frame is None:
        return None
    values, changed = reduction.values(), {}
    for key, (owner, trait) in reduction.parameter_owners().items():
        if owner is reduction:  # where the visit lies and what the run is called changes nothing
            continue
        tutorial = True if trait == "enabled" else owner.traits()[trait].tutorial
        if values[key] != tutorial:
            changed[key] = values[key]
    verdicts = [(found.verdict, found.title, found.figure) for found in worst_of_titles(findings)]
    return Contents(image.frame, image.title, curves, verdicts, changed)


def bundle_of(contents: Contents) -> dict[str, str]:
    """Return the picture by media type: text/html, image/png, text/plain."""
    # Here: matplotlib takes a quarter of a second, and the page is on the screen without it.
    from hustle_widgets.view.page.still_picture import draw_still

    frame, title, curves, verdicts, parameters = contents
    png = base64.b64encode(draw_still(frame, title, curves)).decode()
    judged = "; ".join(f"{verdict}: {name} {figure}" for verdict, name, figure in verdicts)
    changed = ", ".join(f"{key} {format_value(value)}" for key, value in parameters.items()) or "none"
    told = f"{title}. Assessment: {judged or 'none yet'}. Differs from the tutorial: {changed}."
    rows = "".join(
        f"<li><b>{escape(verdict)}</b> {escape(name)}: {escape(figure)}</li>"
        for verdict, name, figure in verdicts
    )
    html = (
        f'<div class="hustle-still">{QUIET}<img alt="{escape(told)}" style="max-width:100%" '
        f'src="data:image/png;base64,{png}">'
        f"<ul>{rows}</ul><div>Parameters that differ from the tutorial's: {escape(changed)}</div>"
        f"<div>{AGAIN}</div></div>"
    )
    return {"text/html": html, "image/png": png, "text/plain": told}
