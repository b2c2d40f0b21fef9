"""The Reduction's own parameters, and config files to save and to open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as w

from hustle_widgets.config import format_value, read_config
from hustle_widgets.protocols import ReductionLike
from hustle_widgets.settings import checked_values
from hustle_widgets.source import frame_shape
from hustle_widgets.user_paths import user_path
from hustle_widgets.view.page.controls import Control
from hustle_widgets.view.page.step_panel import Together, heading_of, settings_box
from hustle_widgets.view.page_part import PagePart
from hustle_widgets.view.words import alert, quiet, said

TEXT = "All parameters of all steps are kept in one .hustle file, which HUSTLE-tools reads too."


PRESETS = "Many parameters at once, and one press of undo takes them back."
FIGURES = (
    "Run and save writes clean_obs.nc and the config file. Figures take minutes: open 8 Save and draw them there, "
    "as many as save_plots says."
)


class SetupPanel(PagePart):
    """Folder and name of the run, and the config file.

    Parameters
    ----------
    reduction : Reduction
    together : callable
        Context in which all values of a file are set.
    opened : callable, optional
        Called when a config file has been opened.

    Attributes
    ----------
    settings, files : ipywidgets.VBox
        The parameters, and what is done with config files.
    """

    def __init__(
        self, reduction: ReductionLike, together: Together, opened: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__(reduction)
        self._together, self._opened = together, opened
        self._path = w.Text(
            value=f"stage_1_{reduction.output_run}.hustle", description="Config file", continuous_update=False,
            tooltip="Path of the config file, from the folder of the notebook",
        )  # fmt: skip
        self._said = w.HTML()
        buttons = []
        for text, icon, tip, act in (
            ("Save config", "save", "Write all parameters to this file", self._save),
            ("Open config", "folder-open", "Take all parameters from this file; can be undone", self._open),
        ):
            button = w.Button(description=text, icon=icon, tooltip=tip)
            button.on_click(lambda _, act=act: self._act(act))
            buttons.append(button)
        controls = [Control(reduction, name).widget for name in reduction.setup_parameters()]
        note = w.HTML(quiet(FIGURES))
        self.settings = settings_box([heading_of("Set-up of the run"), *controls, note])
        self._why = w.HTML()
        presets = [heading_of("Presets", PRESETS), self._presets(), self._why]
        self.files = w.VBox(
            [heading_of("Config file", TEXT), self._path, w.HBox(buttons), self._said, *presets]
        )
        self.files.add_class("hustle-files-of-config")

    def _act(self, act: Any) -> None:
        try:
            text = said(act(self._given()))
        except (OSError, ValueError, TypeError) as error:
            text = alert(str(error))
        self._said.value = f'<div class="hustle-said">{text}</div>'

    def _presets(self) -> w.HBox:
        """Return buttons that set many parameters at once; each is one act of undo."""
        best = w.Button(
            description="Recommended",
            icon="magic",
            tooltip="What was measured to be best for a visit like this one",
        )
        usual = w.Button(
            description="The tutorial's", icon="undo", tooltip="The tutorial's values of all steps"
        )
        best.on_click(lambda _: self._recommend())
        usual.on_click(lambda _: self._reset())
        return w.HBox([best, usual])

    def _recommend(self) -> None:
        try:
            with self._together():
                reasons = self.reduction.recommend()
        except (OSError, ValueError) as error:
            self._why.value = alert(str(error))
            return
        values = self.reduction.values()
        self._why.value = "".join(
            quiet(f"{key} {format_value(values[key])}: {reason}") for key, reason in reasons.items()
        )

    def _reset(self) -> None:
        with self._together():
            self.reduction.reset()
        self._why.value = said("All steps have the tutorial's values.")

    def _given(self) -> Path:
        text = self._path.value.strip()
        if not text:
            raise ValueError("Give the path of a config file, such as configs/stage_1_mine.hustle.")
        return user_path(text)

    def _save(self, path: Path) -> str:
        return f"Saved {self.reduction.write_config(path)}"

    def _open(self, path: Path) -> str:
        reduction = self.reduction
        config = read_config(path)
        values = checked_values(config, reduction.kinds, frame_shape(reduction.visit))
        # The visit on display stays: its outputs belong beside it.
        kept = values.pop("toplevel_dir", reduction.toplevel_dir) != reduction.toplevel_dir
        old = reduction.values()
        with self._together():
            reduction.set(**values)
        reduction.config = config  # its comments and order are kept when it is saved
        now = reduction.values()
        changed = [f"{key} {format_value(now[key])}" for key in now if now[key] != old[key]]
        what = ", ".join(changed[:6]) + ", ..." * (len(changed) > 6)
        lines = [f"Opened {path}: {len(changed)} changed{': ' * bool(changed)}{what}."]
        if kept:
            lines.append("toplevel_dir stays that of this visit.")
        self._opened()
        return "\n".join([*lines, *reduction.config_remarks])
