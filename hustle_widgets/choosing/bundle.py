"""All that a referee needs to judge and repeat a reduction, in one folder or zip file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from hustle_widgets.choosing.export import tables_of, write_tables
from hustle_widgets.choosing.methods import methods_of
from hustle_widgets.choosing.pin_saving import save_pins
from hustle_widgets.choosing.pins import Pins
from hustle_widgets.config import HustleConfig
from hustle_widgets.engine.blocks import State
from hustle_widgets.outputs import package_versions
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.own_file import OwnStep, own_steps
from hustle_widgets.user_paths import user_path

README = """What is in this bundle

{config}      the parameters of the reduction, for hustle_widgets and HUSTLE-tools
reduce.py     a script that makes the same result without widgets
methods.txt   what was done, in words
versions.txt  the versions of the packages
checksums.sha256  the input files; where they are: sha256sum -c checksums.sha256
{steps}tables/       light curves, depths by wavelength, backgrounds, displacements
pins/         other reductions of the visit that were compared with this one, if any; pins/table.ecsv side by side

Depths are plain least squares with a trend, made to compare reductions: they are no final spectrum.
"""


def write_bundle(
    path: str | os.PathLike[str],
    *,
    visit: xr.Dataset,
    state: State,
    values: dict[str, object],
    kinds: Sequence[type[Step]],
    config: HustleConfig,
    script: str,
    pins: Pins,
) -> Path:
    """Write a bundle, all of it or nothing.

    Parameters
    ----------
    path : path
        A zip file if it ends in '.zip', else a folder, which must not be there or be empty.
    visit : xarray.Dataset
        As it was loaded.
    state : State
        The visit behind the last step.
    values : dict of str to object
        All parameters and switches by their keys.
    kinds : sequence of type of Step
        The steps of the chain.
    config, script
        The same as a file, and as a script.
    pins : Pins
        Compared with it.

    Returns
    -------
    Path

    Raises
    ------
    FileExistsError
        When the folder holds anything.
    """
    final = user_path(path).absolute()
    zipped = final.suffix == ".zip"
    if not zipped and final.exists() and (not final.is_dir() or any(final.iterdir())):
        raise FileExistsError(f"{final} is there already: name a new folder, or a file that ends in .zip.")
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{final.name}.partial-", dir=final.parent))
    try:
        folder = partial / "bundle"
        folder.mkdir()
        name = f"stage_1_{values['output_run']}.hustle"
        config.write(folder / name)
        injection = state.source.injection
        words = "" if injection is None else injection.words
        about = README.replace("{config}", name)  # in no other text: a folder's name may hold that too
        own = own_steps(kinds).values()
        about = about.replace("{steps}", "".join(dict.fromkeys(map(_about_step, own))))
        texts = {
            "README.txt": f"{words}\n\n{about}" if words else about,
            "reduce.py": script,
            "methods.txt": methods(visit, state, values, kinds) + "\n",
            "versions.txt": package_versions().replace(", ", "\n") + "\n",
            "checksums.sha256": checksums(visit),
        }
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8", errors="backslashreplace")
        for step in own:
            if step.source is not None:
                (folder / step.file).parent.mkdir(parents=True, exist_ok=True)
                (folder / step.file).write_bytes(step.source.encode("utf-8", "surrogateescape"))
        (folder / "tables").mkdir()
        write_tables(tables_of(state, {"injected": words} if words else {}), folder / "tables")
        if len(pins):
            save_pins(pins.values(), folder / "pins", kinds)
            pins.table().write(folder / "pins" / "table.ecsv", format="ascii.ecsv")
            pins.table().write(folder / "pins" / "table.csv", format="ascii.csv")
        if zipped:
            made = shutil.make_archive(str(partial / final.stem), "zip", partial, "bundle")
            os.replace(made, final)
        else:
            if final.is_dir():
                final.rmdir()
            folder.rename(final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return final


def _about_step(step: OwnStep) -> str:
    """Return the line of the README on the file of a step that is not of this package."""
    if step.source is None:
        return f"(missing)     {step.file}, which reduce.py imports: the source of {step.name} is not known\n"
    return f"{step.file:12s}  steps that are not of hustle_widgets; reduce.py imports them\n"


def methods(visit: xr.Dataset, state: State, values: dict[str, object], kinds: Sequence[type[Step]]) -> str:
    """Return a paragraph on the reduction, of the steps that were done."""
    injection = state.source.injection
    return methods_of(
        values,
        kinds,
        frames=state.shape[0],
        of=state.source.images.shape[0],
        target=" ".join(str(visit.attrs.get("target_name", "")).split()),
        versions=package_versions(),
        done=list(state.outcomes),
        injected="" if injection is None else injection.words,
    )


def checksums(visit: xr.Dataset) -> str:
    """Return the SHA-256 of each input file, a line each as sha256sum writes them.

    As they were when the visit was loaded; '' of a visit that does not know them.
    """
    if "file_checksums" not in visit or "file_names" not in visit:
        return ""
    pairs = zip(visit["file_checksums"].values, visit["file_names"].values, strict=True)
    return "".join(_line_of(str(checksum), str(name)) for checksum, name in pairs if checksum)


def _line_of(checksum: str, name: str) -> str:
    r"""Return a line as sha256sum writes it: it begins with \ where a name holds ends of lines."""
    written = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if written == name else chr(92)}{checksum}  {written}\n"
