"""What is special in config files of HUSTLE-tools: its other stages, and the keys of its older versions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from hustle_widgets.config import BareText, ConfigEntry, ConfigError, HustleConfig
from hustle_widgets.steps.parameters import Choice, Orders, Parameter, Switch, Text

STAGES = {0: "Data Handling", 2: "Extraction", 3: "Binning", 4: "Fitting", 5: "Results"}
# Keys by which a file without a title is known.
_KEYS_OF_STAGES = {
    0: {
        "do_download",
        "programID",
        "target_name",
        "do_organize",
        "visit_number",
        "filesfrom_dir",
        "do_locate",
    },
    2: {
        "path_to_cal",
        "traces_to_conf",
        "refine_fit",
        "halfwidths_box",
        "aperture_type",
        "outlier_sigma",
        "align",
    },
    3: {"bin_method", "wavelength_bins", "time_binning", "N_columns", "reject_bad_cols"},
    4: {"inclin", "aor", "ecc", "omega", "Teff", "logg", "metallicity", "path_to_marg"},
}
# Keys that the stages share, so that they tell nothing.
_SHARED = {"toplevel_dir", "output_run", "run_name", "verbose", "show_plots", "save_plots"} | {
    "location",
    "do_quicklook",
}
_TITLE = re.compile(r"#.*\b(?:launching|Setup for) Stage (\d)")
_NAME = re.compile(r"stage_?(\d)")

RENAMED = {
    "do_Pagul23": "do_Pagul",
    "path_to_Pagul23": "path_to_Pagul",
    "do_0thCOM": "do_0thtracking",
    "run_name": "output_run",
    "bin_number": "hist_bins",
}
REPLACED = {
    "do_full_frame": "do_uniform with bounds None",
    "do_corners": "do_uniform with bounds",
    "do_mode_med": "do_uniform",
    "full_value": "fit",
    "corners_value": "fit",
    "value": "fit",
    "mode": "fit",
    "box_width": "bounds",
    "box_height": "bounds",
    "do_sigma_clip": "do_fixed_iter and do_free_iter",
    "data_dir": "toplevel_dir",
    "output_dir": "toplevel_dir and output_run",
    "gif_dir": "toplevel_dir and output_run",
}


def check_stage(config: HustleConfig, known: Collection[str]) -> None:
    """Refuse a config file of another stage.

    Parameters
    ----------
    config : HustleConfig
    known : collection of str
        The keys of Stage 1.

    Raises
    ------
    ConfigError
        Naming the stage.
    """
    stage = _stage_of(config, known)
    if stage != 1:
        name = f" ({STAGES[stage]})" if stage in STAGES else ""
        raise ConfigError(
            f"this is a config file of Stage {stage}{name} of HUSTLE-tools, and Stage 1 (Reduction) is what is done "
            "here. Nothing was run. Give the config file of Stage 1, stage_1*.hustle.",
            config.path,
        )


def _stage_of(config: HustleConfig, known: Collection[str]) -> int:
    keys = set(config)
    if ({*known, *names_today(keys, known)} & keys) - _SHARED:
        return 1
    for line in config.comments():
        if match := _TITLE.match(line.strip()):
            return int(match[1])
    shared = {stage: len(keys & theirs) for stage, theirs in _KEYS_OF_STAGES.items()}
    likely = max(shared, key=lambda stage: shared[stage])
    if shared[likely]:
        return likely
    match = _NAME.match(config.path.name) if config.path else None
    return int(match[1]) if match else 1


def names_today(keys: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Return the present names of keys from older versions or in other capitals: {key: name}."""
    small = {name.lower(): name for name in known}
    found = {}
    for key in keys:
        name = key if key in known else RENAMED.get(key) or small.get(key.lower())
        if name is not None and name != key:
            found[key] = name
    return found


def older_names(config: HustleConfig, known: Collection[str]) -> dict[str, str]:
    """Return the older keys of a file whose values are used under their present names: {name: key}."""
    return {name: key for key, name in names_today(config, known).items() if name not in config}


def remark_on(key: str, name: str, taken: Collection[str]) -> str:
    """Say what became of a key that Stage 1 does not have; '' for one that no version has had.

    `name` is what it is called now, if that is something else.
    """
    if name != key:
        what = "its value is taken" if key in taken else f"{name!r} is in the file too and counts"
        return f"{key!r} is what an older version of HUSTLE-tools called {name!r}; {what}."
    if key in REPLACED:
        return f"{key!r} is a key of an older version of HUSTLE-tools and is not used: it is {REPLACED[key]} now."
    for stage, theirs in _KEYS_OF_STAGES.items():
        if key in theirs:
            return f"{key!r} belongs to Stage {stage} ({STAGES[stage]}) of HUSTLE-tools; it is kept."
    return ""


def _word(entry: ConfigEntry, parameter: Parameter | None) -> str:
    """Return 'True', 'False' or 'None' where a line has such a word as a text, e.g. true or 'None'; else ''."""
    word = entry.value.capitalize() if isinstance(entry.value, str) else ""
    if parameter is None or isinstance(parameter, Switch):
        return word if word in ("True", "False") else ""
    may_be = bool(parameter.optional) and not isinstance(parameter, Text)
    return word if word == "None" and may_be else ""


def meant(entry: ConfigEntry, parameter: Parameter | None, shape: tuple[int, int]) -> object:
    """Return the value of a line as HUSTLE-tools means it.

    Parameters
    ----------
    entry : ConfigEntry
    parameter : Parameter or None
        What the key declares; None for the switch of a step.
    shape : (int, int)
        Rows and columns of the frames, from whose ends negative rows and edges are counted.

    Raises
    ------
    ConfigError
        For text without quotes where no text is expected; says why it is no value.
    """
    value = entry.value
    if isinstance(parameter, Text) and isinstance(value, str) and any(ord(letter) < 32 for letter in value):
        raise ConfigError(
            f"{entry.key}: {value!r} holds a tab or the like, as a backslash and a letter mean in quotes. Write "
            "/ or two backslashes, or leave the quotes out."
        )
    if word := _word(entry, parameter):
        text = repr(str(value))
        means = ", which counts as True" if word != "None" else ""
        raise ConfigError(
            f"{entry.key}: {text} is not a value: write {word}. HUSTLE-tools takes {text} for a text{means}."
        )
    if parameter is None or isinstance(parameter, Switch):
        if type(value) is int and value in (0, 1):
            return bool(value)
    elif isinstance(parameter, (Text, Choice, Orders)):
        if isinstance(value, (bool, int, float)) and not any(
            value is option for option in getattr(parameter, "options", ())
        ):
            return entry.written  # run 12 of a person, or order +1, which the writer left without quotes
        return value
    if isinstance(value, BareText):
        raise ConfigError(value.problem)
    return value if parameter is None else parameter.on_frame(value, shape)
