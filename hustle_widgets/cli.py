"""The command line: hustle-widgets demo | run | simulate | lab."""

from __future__ import annotations

import argparse
import errno
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tqdm import tqdm

from hustle_widgets.lab import lab_command, lab_environment, notebooks_in, split_for_lab
from hustle_widgets.small_files import read_small
from hustle_widgets.user_paths import user_path

DEMO = "hustle_demo"
NOTEBOOKS = "hustle_notebooks"
TABLE = b"# %ECSV"
NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status. Bad input, and what is not installed, is one line on standard error."""
    if isinstance(
        sys.stdout, io.TextIOWrapper
    ):  # a name must not end a run where the terminal lacks its characters
        sys.stdout.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    for_jupyter: list[str] = []
    if words[:1] == ["lab"]:  # argparse would refuse the options of another program, or take their values
        words, for_jupyter = split_for_lab(words)
    options = _parser().parse_args(words)
    options.for_jupyter = for_jupyter
    try:
        return int(options.command(options) or 0)
    except KeyboardInterrupt:
        print("hustle-widgets: stopped.", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError) as error:
        print(f"hustle-widgets: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hustle-widgets", description="Reduce HST WFC3/UVIS G280 time series, Stage 1."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    demo = commands.add_parser("demo", help="simulate a visit, reduce it, say how to go on")
    demo.add_argument("folder", nargs="?", default=DEMO, help=f"where to put the visit (default {DEMO})")
    _visit_options(demo, n_frames=20)
    demo.set_defaults(command=_demo)

    run = commands.add_parser("run", help="reduce one visit or many: folders, or what .hustle configs name")
    run.add_argument(
        "places",
        nargs="+",
        metavar="PLACE",
        help="a Stage 0 folder, a .hustle file, or a folder with stage_1*.hustle; several are reduced in parallel",
    )
    run.add_argument("--config", help="a .hustle file with the parameters for the folders")
    run.add_argument("--visit", help="which visit, where the folder holds several, e.g. iexr16 or 16")
    run.add_argument(
        "--step",
        action="append",
        default=[],
        metavar="PLACE",
        help="a step of your own, as file.py:Class or package.module:Class; may be given several times",
    )
    run.add_argument("--output-run", help="name of the run, instead of the config's")
    run.add_argument(
        "--save-plots",
        type=int,
        choices=(0, 1, 2),
        help="figures to save: none, the main ones, every frame too (default: the config's, or 1)",
    )
    many = run.add_argument_group("many visits (also of one: its files and parameters are recognised)")
    where = many.add_mutually_exclusive_group()
    where.add_argument(
        "--workers",
        type=int,
        help="processes on this machine (default: as many as fit); 0: one by one in this",
    )
    where.add_argument("--scheduler", metavar="ADDRESS", help="a cluster of dask, e.g. tcp://10.0.0.1:8786")
    many.add_argument("--table", metavar="FILE", help="write the table as ECSV, and the light curves as PNG")
    many.add_argument(
        "--inject",
        type=float,
        metavar="DEPTH",
        help="measure the bias of a depth by a transit put into each visit",
    )
    many.add_argument("--again", action="store_true", help="reduce again what was reduced before")
    run.set_defaults(command=_run)

    simulate = commands.add_parser("simulate", help="write a simulated visit whose truth is known")
    simulate.add_argument("folder")
    _visit_options(simulate, n_frames=30)
    simulate.set_defaults(command=_simulate)

    lab = commands.add_parser(
        "lab",
        help="open JupyterLab on the notebooks",
        usage="%(prog)s [-h] [FOLDER] [OPTIONS OF JUPYTER LAB ...]",
        description="Copy the notebooks into a folder and open JupyterLab on the first, the side bar closed.",
        epilog="Options go to JupyterLab as they are, e.g. --no-browser, --port 8889 or --ip=0.0.0.0; "
        "'jupyter lab --help' lists them.",
    )
    lab.add_argument(
        "folder",
        nargs="?",
        default=NOTEBOOKS,
        metavar="FOLDER",
        help=f"where the notebooks are copied to (default {NOTEBOOKS}); those that are there are kept",
    )
    lab.set_defaults(command=_lab)
    return parser


def _visit_options(parser: argparse.ArgumentParser, n_frames: int) -> None:
    parser.add_argument("--frames", type=int, default=n_frames, help=f"number of frames (default {n_frames})")
    parser.add_argument("--shape", type=int, nargs=2, default=(600, 2100), metavar=("ROWS", "COLUMNS"))
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same files")
    parser.add_argument(
        "--drift", type=float, nargs=2, default=(0.35, 0.2), metavar=("COLUMNS", "ROWS"), help="motion [px]"
    )
    parser.add_argument("--frames-per-orbit", type=int, metavar="N", help="at most so many frames an orbit")
    parser.add_argument(
        "--transit-span",
        type=float,
        nargs=2,
        metavar=("START", "STOP"),
        help="where in the visit the transit is, as parts of the frames (default: the middle 45 per cent)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a visit simulated before")


def _simulated(options: argparse.Namespace) -> Any:
    from hustle_widgets.simulate import simulate_visit

    with tqdm(
        total=1.0, desc="Simulating", bar_format="{desc}: {percentage:3.0f}%|{bar}|", leave=False
    ) as bar:
        return simulate_visit(
            options.folder,
            n_frames=options.frames,
            shape=tuple(options.shape),
            seed=options.seed,
            drift=tuple(options.drift),
            frames_per_orbit=options.frames_per_orbit,
            transit_span=options.transit_span and tuple(options.transit_span),
            overwrite=options.overwrite,
            progress=lambda fraction: bar.update(fraction - bar.n),
        )


def _simulate(options: argparse.Namespace) -> None:
    try:
        visit = _simulated(options)
    except OSError as error:
        raise _not_here(options.folder, error) if error.errno in NOT_WRITABLE else error from None
    frames, rows, columns = visit["images"].shape
    print(f"Simulated {frames} frames of {rows} x {columns} in {options.folder}; the truth is in truth.nc.")


def _not_here(folder: str, error: OSError) -> OSError:
    """Return what to do where no visit can be written."""
    name = Path(folder).name
    return OSError(
        f"No visit can be written into {folder}: {error.strerror or error}. Give a folder that you may write in, "
        f"for example ~/{name}."
    )


def _demo(options: argparse.Namespace) -> None:
    from hustle_widgets.pipeline import reduce_visible
    from hustle_widgets.reduction import Reduction

    folder = user_path(options.folder)
    if (folder / "truth.nc").is_file() and not options.overwrite:
        print(f"{folder} is there already: reducing it again (--overwrite simulates it anew).")
    else:
        _simulate(options)
    reduction = Reduction(folder, output_run="demo", save_plots=1, show_plots=0)
    reduce_visible(reduction, show=0)
    print(
        "\nTo see and change every step, install JupyterLab once, and open the notebooks:"
        '\n    python -m pip install ".[lab]"'
        "\n    hustle-widgets lab"
    )


def _run(options: argparse.Namespace) -> int:
    if "" in options.places:  # of a variable of the shell that is not set
        raise ValueError("A place is '', which is none: '.' is the folder that you are in.")
    many = (options.workers, options.scheduler, options.table, options.inject)
    if len(options.places) > 1 or options.again or any(option is not None for option in many):
        return _run_many(options)
    return _run_one(options)


def _run_many(options: argparse.Namespace) -> int:
    from hustle_widgets.campaign import run_many
    from hustle_widgets.steps import with_step
    from hustle_widgets.steps.line_up import named_step

    if options.table is not None:
        _check_table(user_path(options.table))
    if options.visit:
        raise ValueError("--visit chooses among the visits of one folder: give it with one place alone.")
    changes: dict[str, Any] = {"output_run": options.output_run} if options.output_run else {}
    if options.save_plots is not None:
        changes["save_plots"] = options.save_plots
    campaign = run_many(
        options.places,
        options.scheduler,
        workers=options.workers,
        config=options.config,
        inject=None if options.inject is None else {"depth": options.inject},
        figures=bool(options.save_plots),
        again=options.again,
        steps=with_step(*map(named_step, options.step)),
        **changes,
    )
    if options.table is not None:
        print(f"Table: {campaign.write(options.table)}")
        if campaign.light_curves():
            print(f"Light curves: {campaign.save_figure(Path(options.table).with_suffix('.png'))}")
    return 1 if campaign.failed else 0


def _check_table(place: Path) -> None:
    """See that the table can be written, before hours of work, and that it takes the place of no other file."""
    if not place.name or place.is_dir():
        raise ValueError(f"--table needs the name of a file, e.g. campaign.ecsv; {str(place)!r} is a folder.")
    if place.suffix == ".png":
        raise ValueError(f"--table {place}: the light curves are written to that name. Let it end in .ecsv.")
    place.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(place.parent, os.W_OK):
        raise PermissionError(f"--table {place}: you may not write in that folder.")
    if place.exists() and (read_small(place, most=10**9) or TABLE)[: len(TABLE)] != TABLE:
        raise ValueError(
            f"--table {place}: there is such a file, and it is no table. --table is followed by the table's name."
        )


def _run_one(options: argparse.Namespace) -> int:
    from hustle_widgets.pipeline import find_config, load_visible, reduce_visible, reduction_of_config
    from hustle_widgets.reduction import Reduction, StepError
    from hustle_widgets.steps import with_step
    from hustle_widgets.steps.line_up import named_step

    changes: dict[str, Any] = {"output_run": options.output_run} if options.output_run else {}
    if options.save_plots is not None:
        changes["save_plots"] = options.save_plots
    place = user_path(options.places[0])
    steps = with_step(*map(named_step, options.step))
    if options.config:
        reduction = reduction_of_config(
            find_config(user_path(options.config), 1),
            visit=place,
            which=options.visit,
            steps=steps,
            **changes,
        )
    elif place.suffix == ".hustle" or (place.is_dir() and list(place.glob("stage_1*.hustle"))):
        reduction = reduction_of_config(find_config(place, 1), which=options.visit, steps=steps, **changes)
    else:
        reduction = Reduction(
            load_visible(place, verbose=2, which=options.visit), steps=steps, **{"save_plots": 1, **changes}
        )
    try:
        reduce_visible(reduction, show=0)
    except StepError as error:
        print(f"hustle-widgets: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    return 0


def _lab(options: argparse.Namespace) -> int:
    if find_spec("jupyterlab") is None:
        raise ValueError(
            'JupyterLab is not installed: in the copy of the repository, python -m pip install ".[lab]"'
        )
    folder = notebooks_in(user_path(options.folder))
    print(f"Opening the notebooks in {folder}. End with Ctrl-C.", flush=True)
    return subprocess.call(lab_command(folder, options.for_jupyter), env=lab_environment())
