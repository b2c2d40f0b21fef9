"""What was done to a visit, in words made from the parameters: a paragraph for a paper's section on methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hustle_widgets.config import format_value
from hustle_widgets.steps.base import Step, first_paragraph
from hustle_widgets.steps.parameters import as_lists

Values = Mapping[str, Any]


def methods_of(
    values: Values,
    kinds: Sequence[type[Step]],
    *,
    frames: int,
    of: int,
    target: str = "",
    versions: str = "",
    done: Sequence[str] | None = None,
    injected: str = "",
) -> str:
    """Return a paragraph on the reduction.

    Parameters
    ----------
    values : mapping of str to object
        All parameters and switches by their keys in the config file.
    kinds : sequence of type of Step
        The steps in order.
    frames, of : int
        Exposures that were worked on, and that there are.
    target : str
        Its name.
    versions : str
        Of the packages.
    done : sequence of str, optional
        Names of the steps that were done; those that are switched on by default.
    injected : str
        What was injected, in words.

    Returns
    -------
    str
        A sentence a step that is on, with its parameters by their names in the config file.
    """
    package = versions.split(",")[0].replace("hustle_widgets ", "hustle_widgets version ") or "hustle_widgets"
    number = f"{frames}" if frames == of else f"{frames} of {of}"
    about = f" of {target}" if target and target != "unknown" else ""
    sentences = [f"{number} WFC3/UVIS G280 exposures{about} were reduced with {package}."]
    for kind in kinds:
        on = bool(values.get(kind.switch, True)) if done is None else kind.name in done
        if not on or kind.explicit:
            continue
        say = _SENTENCES.get(kind.name)
        sentence = say(values) if say is not None else first_paragraph(kind.__doc__).rstrip(".")
        if not sentence:
            continue
        used = [f"{key} {format_value(as_lists(values[key]))}" for key in kind.parameters if key in values]
        named = f" ({', '.join(used)})" if used else ""
        sentences.append(f"{sentence}{named}.")
    if injected:
        sentences.append(injected)
    return " ".join(sentences)


def _read(values: Values) -> str:
    left = [
        text
        for key, text in (
            ("skip_first_or", "the first orbit"),
            ("skip_first_fm", "the first exposure of each orbit"),
        )
        if values.get(key)
    ]
    if values.get("skip_frames"):
        left.append(f"the frames {format_value(as_lists(values['skip_frames']))}")
    return f"Left out were {' and '.join(left)}" if left else ""


def _flags(values: Values) -> str:
    if not values.get("hst_replace", True):
        return "Pixels that calwf3 flagged were recorded and left as they are"
    return (
        "Pixels that calwf3 flagged were replaced, those with flags below 4096 by the median of their unflagged "
        "neighbours in the frame, the others by that of the frames in which they are not flagged"
    )


def _fixed(values: Values) -> str:
    limits = ", then ".join(f"{sigma:g}" for sigma in values["fixed_sigmas"])
    number = values.get("replacement")
    by = "the median of the series" if number is None else f"the median of the {number} frames on either side"
    return f"Outliers in each pixel's time series beyond {limits} standard deviations were replaced by {by}"


def _free(values: Values) -> str:
    return (
        f"Each pixel's time series was clipped at {values['free_sigma']:g} standard deviations about its median until "
        "no outlier was left"
    )


def _led(values: Values) -> str:
    fine = ", with a test of fine structure that spares the spectra" if values.get("fine_structure") else ""
    return f"Sharp edges were found with a Laplacian filter after van Dokkum (2001){fine}, and replaced"


def _smooth(values: Values) -> str:
    kind = {
        "1D_smooth": "a running median along the dispersion",
        "2D_smooth": "a running median in two dimensions",
        "polyfit": "a running polynomial along the dispersion",
    }.get(str(values.get("smth_type")), "a smooth model")
    return f"Pixels that differ from {kind} by more than {values['smth_threshold']:g} times its scatter were replaced"


def _uniform(values: Values) -> str:
    what = {"Gaussian": "the centre of a Gaussian fit", "median": "the median"}.get(
        str(values.get("fit")), "the fullest bin"
    )
    return f"A background of one value a frame was taken off, {what} of the histogram of its pixels"


def _column(values: Values) -> str:
    where = (
        f"the pixels at least {values['dist_from_trace']:g} rows from all orders"
        if values.get("mask_trace")
        else "the rows chosen"
    )
    return f"A background of one value a column was taken off, from {where}"


def _pagul(values: Values) -> str:
    return "A sky image was scaled to the unmasked pixels of each frame by least squares and taken off"


def _quicklook(values: Values) -> str:
    orders = ", ".join(values["traces_included"])
    return (
        f"White light curves are sums over the trace of order {orders} within {values['aperture']:g} rows of it; their "
        "errors are those of photons, sky and read noise"
    )


_SENTENCES: dict[str, Callable[[Values], str]] = {
    "read_data": _read,
    "hst_flags": _flags,
    "fixed_iter": _fixed,
    "free_iter": _free,
    "led": _led,
    "smooth": _smooth,
    "uniform": _uniform,
    "column": _column,
    "pagul": _pagul,
    "quicklook": _quicklook,
}
