"""Which files of a folder are the exposures of a visit, and what is done with the others."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hustle_widgets.reading.errors import VisitError, VisitNotFoundError
from hustle_widgets.reading.headers import Headers
from hustle_widgets.reading.instrument import check_instrument
from hustle_widgets.user_paths import user_path

STAGE_0 = ("specimages", "directimages")
GRISM = "G280"
#: Folders below a visit's that hold results, not exposures.
_NOT_HERE = ("outputs", "configs", "quicklooks", "plots")
_KINDS = ("flt", "flc")
# A browser adds a number to a name that is there already, a file manager a word.
_NAME = re.compile(
    r"(?:copy of )?(?P<root>.+?)_(?P<kind>flt|flc)(?P<copy>(?:[ _-]*\(\d+\)|[ _-]+copy(?: ?\(?\d+\)?)?| \d)*)"
    r"\.(?:fits|fit|fts)(?P<copy2> ?\(\d+\))?(?P<packed>\.gz)?(?P<copy3> ?\(\d+\))?",
    re.IGNORECASE,
)
_UNFINISHED = re.compile(
    r"_(?:flt|flc)\.fits.*\.(?:part|partial|crdownload|download|tmp|filepart)$", re.IGNORECASE
)
_OTHER_PACKING = re.compile(
    r"_(?:flt|flc)(?:\.fits\.(?:z|bz2|xz|zip|fz|tar|tgz|zst)|\.(?:zip|tar|tar\.gz|tgz|7z|rar|gz|z))$",
    re.IGNORECASE,
)
_NO_SUFFIX = re.compile(r".+_(?:flt|flc)(?:_fits?)?", re.IGNORECASE)
# A sky image of step 5c; the archive's own names may hold these letters too (isky01abq).
_SKY = re.compile(r"(?!.*(?:^|[^a-z0-9])i[a-z0-9]{8}_fl[tc]).*sky.*", re.IGNORECASE)
_ROOT = re.compile(r"(?:.*[^a-z0-9])?i[a-z0-9]{8}", re.IGNORECASE)
_PRODUCT = re.compile(r"_[a-z0-9]{3}\.fits(?:\.gz)?$", re.IGNORECASE)
_MANY = 6


@dataclass
class Found:
    """Files of one visit.

    Attributes
    ----------
    spectra, direct : list of Headers
        G280 exposures and direct images.
    messages : list of str
        Files that look like exposures and are not used, and why.
    """

    spectra: list[Headers] = field(default_factory=list)
    direct: list[Headers] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Candidate:
    path: Path
    root: str
    corrected: bool  # for charge transfer: flc
    copy: bool
    packed: bool
    empty: bool


def visit_names(visit: object) -> tuple[str, ...] | None:
    """Return the names of the visits that were asked for, None for no choice. A number such as 16 is its text.

    Raises
    ------
    TypeError
        For what is no name; says what is.
    VisitError
        For a choice without a name in it.
    """
    if visit is None:
        return None
    if isinstance(visit, str):
        given: list[object] = [*visit.split(",")]
    else:
        given = [*visit] if isinstance(visit, (list, tuple)) else [visit]
    for name in given:
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            raise TypeError(
                f"visit must be a name such as 'iexr16' or '16', or a list of them. Got {visit!r} instead."
            )
    names = tuple(str(name).strip() for name in given)
    if not all(names) or not names:
        raise VisitError(
            "The name of the visit is empty: give one such as 'iexr16' or '16', or leave visit out."
        )
    return names


def find_files(folder: str | os.PathLike[str], visit: str | Sequence[str] | None = None) -> Found:
    """Find the exposures of a visit.

    Parameters
    ----------
    folder : path
        A Stage 0 folder with specimages/ and directimages/, or any folder above files as the archive names
        them (mastDownload/HST/<root>/<root>_flt.fits, or all side by side). ``~`` is the home folder.
    visit : str or sequence of str, optional
        Which visit, where there are several: the six first characters of the root names ('iexr16'), or what
        comes after the programme ('16').

    Returns
    -------
    Found

    Raises
    ------
    VisitNotFoundError
        When there is no such folder.
    VisitError
        When there are no exposures, no direct image, several visits and none chosen, or a file is damaged.

    Notes
    -----
    Grism and direct images are told apart by FILTER, in a Stage 0 folder by their place. _flt files are
    preferred to _flc; a name with a number or 'copy' is used when the file itself is not there.
    """
    wanted = visit_names(visit)
    top = user_path(folder)
    if not top.is_dir():
        what = "is no folder" if top.exists() else "does not exist"
        subject = str(top) if top.exists() else f"The folder {top}"
        hint = "Give the Stage 0 folder that holds specimages/"
        hint += f", or the folder of this file, {top.parent}." if top.is_file() else "."
        raise VisitNotFoundError(f"{subject} {what}. {hint}")
    top = top.absolute()  # errors and flags are read later, maybe after os.chdir
    by_place = [name for name in STAGE_0 if (top / name).is_dir()]
    found = _by_place(top) if by_place else _by_filter(top)
    _choose_visit(found, top, wanted)
    return found


def _by_place(top: Path) -> Found:
    found = Found()
    for name, what, into in (
        ("specimages", "G280 exposures", found.spectra),
        ("directimages", "direct image", found.direct),
    ):
        chosen = _chosen(_files_of(top / name), found.messages)
        if not chosen:
            hint = "Run Stage 0, or put them there."
            if any(_NAME.fullmatch(path.name) for path in top.iterdir() if path.is_file()):
                hint = f"There are *_flt.fits files in {top} itself: move them there."
            raise VisitError(f"No {what}: {top / name} has no *_flt.fits file. {hint}")
        into.extend(Headers.of(path) for path in chosen)
        check_instrument(into)
    beside = [p.name for p in sorted(top.iterdir()) if p.is_file() and _looks_like_exposure(p)]
    if beside:
        found.messages.append(
            f"Not used, since only specimages/ and directimages/ are read: {_listed(beside)}."
        )
    return found


def _by_filter(top: Path) -> Found:
    found = Found()
    paths = _files_of(top)
    _check_names(top, paths)
    chosen = _chosen(paths, found.messages)
    if not chosen:
        hint = "Give the folder of the archive's files, or the Stage 0 folder with specimages/ and directimages/."
        passed = _passed_over(top)
        what = "holds no *_flt.fits file, at any depth."
        if passed:
            what = f"holds *_flt.fits files only where results or hidden files are kept: {_listed(passed)}."
            hint = "Give that folder itself, or move the files out of it."
        raise VisitError(" ".join([f"No G280 exposures: {top} {what}", *found.messages, hint]))
    files = [Headers.of(path) for path in chosen]
    check_instrument(files)
    for headers in files:
        (found.spectra if headers.filter == GRISM else found.direct).append(headers)
    if not found.spectra:
        filters = ", ".join(sorted({h.filter for h in found.direct}))
        raise VisitError(
            f"No G280 exposures: the {len(found.direct)} files in {top} are of filter {filters}."
        )
    if not found.direct:
        hint = "Download it from the archive too: the position of the target is measured on it."
        if top.name in STAGE_0:
            hint = f"Give the folder above it, {top.parent}."
        raise VisitError(f"No direct image: the {len(found.spectra)} files in {top} are all G280. {hint}")
    return found


def _files_of(top: Path) -> list[Path]:
    """All files below a folder in order, without hidden ones and those in folders of results.

    Linked folders are entered, each folder once: a link may lead back to one above it.
    """
    paths, entered = [], {os.path.realpath(top)}
    for place, folders, names in os.walk(top, followlinks=True):
        inside = []
        for folder in sorted(folders):
            real = os.path.realpath(os.path.join(place, folder))
            if not _is_passed_over(folder) and real not in entered:
                entered.add(real)
                inside.append(folder)
                if _NAME.fullmatch(folder):  # some programs unpack a file into a folder of its name
                    paths.append(Path(place) / folder)
        folders[:] = inside
        paths += [Path(place) / name for name in sorted(names) if not name.startswith(".")]
    return paths


def _is_passed_over(folder: str) -> bool:
    return folder.startswith(".") or folder in _NOT_HERE


def _passed_over(top: Path) -> list[str]:
    """Return the folders below one that are not entered, though they hold what looks like exposures."""
    found = []
    for place, folders, _ in os.walk(top):
        for folder in sorted(filter(_is_passed_over, folders)):
            inside = os.walk(os.path.join(place, folder))
            if any(_NAME.fullmatch(name) for _, _, names in inside for name in names):
                found.append(os.path.relpath(os.path.join(place, folder), top))
        folders[:] = [folder for folder in folders if not _is_passed_over(folder)]
    return found


def _check_names(top: Path, paths: Sequence[Path]) -> None:
    """Refuse different files of one name where the name does not tell the exposure: or01fm001 is in every visit."""
    places: dict[str, dict[str, Path]] = defaultdict(dict)
    for path in paths:
        match = _NAME.fullmatch(path.name)
        if match and not _SKY.fullmatch(path.name) and not _ROOT.fullmatch(match["root"]):
            places[path.name.lower()].setdefault(os.path.realpath(path), path.parent)
    same = {name: found for name, found in places.items() if len(set(found.values())) > 1}
    if same:
        name, found = next(iter(sorted(same.items())))
        folders = sorted({str(place) for place in found.values()})
        raise VisitError(
            f"{top} holds several visits or copies of one: {name} is in {_listed(folders)}, and such a name does not "
            "tell which exposure it is. Give the folder of one visit."
        )


def _looks_like_exposure(path: Path) -> bool:
    name = path.name
    if name.startswith(".") or _SKY.fullmatch(name):
        return False
    return bool(_NAME.fullmatch(name) or _UNFINISHED.search(name) or _OTHER_PACKING.search(name))


def _chosen(paths: Iterable[Path], messages: list[str]) -> list[Path]:
    """Choose one file of each exposure, and say why the other files that look like exposures are not used."""
    groups: dict[str, list[_Candidate]] = defaultdict(list)
    unfinished, packed, strange, folders = [], [], [], []
    paths = list(paths)
    for path in paths:
        name = path.name
        if _SKY.fullmatch(name):
            continue
        match = _NAME.fullmatch(name)
        if match and path.is_dir():
            if not any(path in other.parents for other in paths):
                folders.append(name)
        elif match:
            copy = any(match[group] for group in ("copy", "copy2", "copy3")) or name.lower().startswith(
                "copy of"
            )
            kind, archived = match["kind"].lower(), bool(match["packed"])
            empty = path.is_file() and not path.stat().st_size
            candidate = _Candidate(path, match["root"].lower(), kind == "flc", copy, archived, empty)
            groups[candidate.root].append(candidate)
        elif _UNFINISHED.search(name):
            unfinished.append(name)
        elif _OTHER_PACKING.search(name):
            packed.append(name)
        elif _NO_SUFFIX.fullmatch(name) or (
            re.search(r"\.fits?\b", name, re.IGNORECASE) and not _PRODUCT.search(name)
        ):
            strange.append(name)
    used, copies, corrected, again, used_copies, only_corrected, nothing = [], [], [], [], [], [], []
    for root in sorted(groups):
        first, *others = sorted(
            groups[root], key=lambda c: (c.empty, c.corrected, c.copy, c.packed, len(c.path.parts))
        )
        used.append(first.path)
        if first.copy:
            used_copies.append(first.path.name)
        if first.corrected:
            only_corrected.append(first.path.name)
        for other in others:
            if other.empty:
                nothing.append(other.path.name)
            elif other.corrected and not first.corrected:
                corrected.append(other.path.name)
            elif other.copy:
                copies.append(other.path.name)
            else:
                again.append(str(other.path))
    for names, text in (
        (corrected, "Both _flt and _flc files are there: the _flt files are used, not {}."),
        (copies, "Not used, since the file is there under its own name: {}."),
        (used_copies, "Used, though a program put something in its name: {}."),
        (again, "Not used, since the same exposure is there twice: {}."),
        (nothing, "Not used, since the file is empty and the exposure is there in another file: {}."),
        (unfinished, "Not used, since the download is not complete: {}."),
        (packed, "Not used, since they are packed: {}. Unpack them (.gz is read as it is)."),
        (folders, "Not used, since these are folders without an exposure in them: {}."),
        (strange, "Not used, since the name does not end in _flt.fits or _flc.fits: {}."),
    ):
        if names:
            messages.append(text.format(_listed(names)))
    if only_corrected and len(only_corrected) < len(used):
        messages.append(
            f"Some exposures are there as _flc only, others as _flt: {_listed(only_corrected)} are corrected for "
            "charge transfer and the others are not. Download all of one kind."
        )
    elif only_corrected:
        messages.append("_flc files are used, corrected for charge transfer; there are no _flt files.")
    return used


def _choose_visit(found: Found, top: Path, names: Sequence[str] | None) -> None:
    """Keep the files of one visit."""
    by_visit: dict[str, list[Headers]] = defaultdict(list)
    for headers in found.spectra:
        by_visit[headers.visit].append(headers)
    if names is None:
        if len(by_visit) > 1:
            words = [
                f"{name or 'unknown'} ({len(files)} G280 exposures, e.g. {files[0].path.name})"
                for name, files in sorted(by_visit.items())
            ]
            raise VisitError(
                f"{top} holds {len(by_visit)} visits: {', '.join(words)}. Choose one, e.g. "
                f"load_visit(folder, visit={max(by_visit)!r}), or hustle-widgets run FOLDER --visit {max(by_visit)}."
            )
        wanted = set(by_visit)
    else:
        wanted = {have for have in by_visit for name in names if _is_named(have, name)}
        lacking = [name for name in names if not any(_is_named(have, name) for have in by_visit)]
        if lacking or not wanted:
            have = ", ".join(sorted(name or "unknown" for name in by_visit))
            raise VisitError(f"{top} holds no visit {', '.join(lacking)}; it holds {have}.")
    left_out = [h for h in found.spectra if h.visit not in wanted]
    found.spectra = [h for h in found.spectra if h.visit in wanted]
    own = [h for h in found.direct if h.visit in wanted]
    left_out += [h for h in found.direct if own and h.visit not in wanted]
    if not own and all(wanted) and all(h.visit for h in found.direct):
        found.messages.append(
            f"The direct image {found.direct[0].path.name} is of another visit: check that the target is there."
        )
    found.direct = own or found.direct
    if left_out:
        found.messages.append(
            f"Of other visits, not used: {_listed([h.path.name for h in left_out])} "
            f"(visit {', '.join(sorted(wanted))} is read)."
        )


def _is_named(visit: str, name: str) -> bool:
    name = name.strip().lower()
    return bool(name) and (visit == name or (len(visit) == 6 and visit[4:] == name.zfill(2)))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MANY])
    return shown if len(names) <= _MANY else f"{shown} and {len(names) - _MANY} more"
