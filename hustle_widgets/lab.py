"""JupyterLab on the notebooks of the package: where they are copied to, and how it is started."""

from __future__ import annotations

import os
import shutil
import sys
import zlib
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

FIRST = "01_first_reduction.ipynb"
# Options of JupyterLab that take no value: what follows one of them can be the folder.
FLAGS = ("--no-browser", "--allow-root", "--debug", "--autoreload", "--core-mode", "-y")


def split_for_lab(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split the words of ``hustle-widgets lab`` into ours and those of JupyterLab.

    Ours are the folder, which is the first word that is no option and no option's value, and a call for help.

    Parameters
    ----------
    words : sequence of str
        ``lab`` and what follows it.

    Returns
    -------
    ours, others : list of str

    Examples
    --------
    >>> split_for_lab(["lab", "here", "--port", "8889"])
    (['lab', 'here'], ['--port', '8889'])
    >>> split_for_lab(["lab", "--", "--no-browser"])
    (['lab'], ['--no-browser'])
    """
    ours, others = list(words[:1]), list(words[1:])
    if "--" in others:
        others.remove("--")
    elif {"-h", "--help"} & {*others}:
        return [*ours, "--help"], []
    for number, word in enumerate(others):
        before = others[number - 1] if number else ""
        if not word.startswith("-") and (not before or before in FLAGS or "=" in before):
            return [*ours, others.pop(number)], others
    return ours, others


def lab_command(folder: Path, options: Sequence[str]) -> list[str]:
    """Return the command that opens JupyterLab on the first notebook of a folder, with options of a person.

    A single document without tabs has the side bar closed. Each folder has a workspace of its own: the layout of
    other work does not open it, and stays as it is.
    """
    workspace = f"hustle-{zlib.crc32(os.fsencode(folder.resolve())):08x}"
    return [
        sys.executable,
        "-m",
        "jupyterlab",
        f"--ServerApp.root_dir={folder.resolve()}",
        f"--LabApp.default_url=/doc/workspaces/{workspace}/tree/{FIRST}",
        *options,
    ]


def lab_environment() -> dict[str, str]:
    """Return the environment in which JupyterLab finds the settings that widgets need."""
    ours = str(files("hustle_widgets") / "data")
    path = os.environ.get("JUPYTER_CONFIG_PATH")
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join([ours, path] if path else [ours])}


def notebooks_in(folder: Path) -> Path:
    """Copy the package's notebooks into a folder; those that are there already are left as they are.

    Raises
    ------
    OSError
        Where nothing can be written, with a place that will do.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with as_file(files("hustle_widgets") / "_notebooks") as installed:
            source = installed if installed.is_dir() else Path(__file__).parent.parent / "notebooks"
            for notebook in sorted(source.glob("*.ipynb")):
                if not (folder / notebook.name).exists():
                    shutil.copyfile(notebook, folder / notebook.name)
        if not os.access(folder, os.W_OK):
            raise PermissionError("nothing can be written there")
    except OSError as error:
        raise OSError(
            f"The notebooks cannot be put into {folder}: {error.strerror or error}. They need a folder that you may "
            f"write in, for example: hustle-widgets lab ~/{folder.name}"
        ) from None
    return folder
