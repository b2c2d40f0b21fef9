"""The list, kept with a run, of what this package wrote into its folder: all else there is a person's.

A file that is not listed, or is no longer as it was written, is never removed. One whose name is needed
is kept beside, as `<name>.kept-1`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

from hustle_widgets.small_files import read_json

LIST = ".hustle_widgets.json"
_ABOUT = "What hustle_widgets wrote into this folder. A new run replaces these files, and no others."
_MOST = 20_000_000  # bytes of a list; one of a thousand figures has 0.1 MB
_END = 2**20  # bytes at either end of a file that tell whether it is still as it was written


@dataclass(frozen=True)
class Written:
    """What was written into a folder.

    Attributes
    ----------
    complete : bool
        Whether the writing has ended. Until then all that is in the folder was written by us.
    files : dict of str to str
        Digest of each file, by its path in the folder.
    folders : list of str
        Folders in it.
    facts : dict of str to str
        What else is known of them.
    """

    complete: bool = False
    files: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, name: str = LIST) -> Written | None:
        """Return the list in a folder; None where there is none of that name that can be read."""
        path = folder / name
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                return None
            found = read_json(path, _MOST)
            files, folders, facts = found["files"], found["folders"], found.get("facts", {})
        except (OSError, ValueError, TypeError, KeyError):
            return None
        if not (isinstance(files, dict) and isinstance(folders, list) and isinstance(facts, dict)):
            return None
        return cls(found.get("complete") is True, files, folders, facts)

    @classmethod
    def now(cls, folder: Path, facts: Mapping[str, str] = MappingProxyType({})) -> Written:
        """List all that is in a folder."""
        files, folders = {}, []
        for path in walk(folder):
            if path.is_dir() and not path.is_symlink():
                folders.append(path.relative_to(folder).as_posix())
            elif path != folder / LIST:
                files[path.relative_to(folder).as_posix()] = digest_of(path)
        return cls(True, files, folders, dict(facts))

    def keep(self, folder: Path, name: str = LIST, about: str = _ABOUT) -> None:
        """Write the list into the folder."""
        text = json.dumps({"about": about, **asdict(self)})
        partial = folder / f"{name}.partial"
        partial.unlink(missing_ok=True)  # what is there may be a link, which would be written through
        with open(partial, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(partial, folder / name)

    def wrote(self, path: Path, folder: Path) -> bool:
        """Tell whether a file in the folder is one of ours, as it was written."""
        name = path.relative_to(folder).as_posix()
        if name in (LIST, f"{LIST}.partial"):
            return True
        known = self.files.get(name)
        return bool(known) and known == digest_of(path)


def walk(folder: Path) -> Iterator[Path]:
    """Yield all that is in a folder, each folder behind what is in it; links are not followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path))
        yield Path(entry.path)


def digest_of(path: Path) -> str:
    """Return what tells a file from another, or from itself before a change; '' for what is no regular file."""
    try:
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode):
            return ""
        found = hashlib.blake2b(str(about.st_size).encode(), digest_size=16)
        with path.open("rb") as file:
            found.update(file.read(_END))
            if about.st_size > _END:
                file.seek(max(_END, about.st_size - _END))
                found.update(file.read(_END))
    except OSError:
        return ""
    return found.hexdigest()


def ours_in(folder: Path) -> list[Path]:
    """Return the files in a run's folder that we wrote, and that are still as they were written."""
    listed = Written.of(folder)
    if listed is None:
        return []
    return [path for path in walk(folder) if listed.wrote(path, folder) and path.name != LIST]


def share_others(old: Path, new: Path) -> None:
    """Put what is a person's in the old folder into the new one too, where that can be done without a copy."""
    listed = Written.of(old) or Written()
    for path in walk(old):
        if listed.wrote(path, old) or (not path.is_dir() and _is_at(path, new / path.relative_to(old))):
            continue
        mode = path.lstat().st_mode
        with suppress(OSError):  # then it is moved once the new folder is in place
            if stat.S_ISDIR(mode):
                if path.relative_to(old).as_posix() not in listed.folders:
                    (new / path.relative_to(old)).mkdir(parents=True, exist_ok=True)
                    shutil.copymode(path, new / path.relative_to(old))
            elif stat.S_ISLNK(mode):
                os.symlink(os.readlink(path), _free(path.relative_to(old), new, old))
            elif stat.S_ISREG(mode):
                os.link(path, _free(path.relative_to(old), new, old))


def discard(left: Path, folder: Path) -> None:
    """Remove a hidden folder that we made; what is a person's in it goes to the folder in place first.

    Parameters
    ----------
    left : Path
        Beside the folder. Without a list in it, it is removed only if it is empty.
    folder : Path
    """
    if left.is_symlink() or not left.is_dir():
        return
    listed = Written.of(left)
    if listed is not None and not listed.complete:
        shutil.rmtree(left, ignore_errors=True)  # it was never in place
        return
    if listed is not None:
        for path in walk(left):
            if path.name != LIST or path.parent != left:
                with suppress(OSError):
                    _remove_or_move(path, left, folder, listed)
        names = sorted(entry.name for entry in left.iterdir())
        if names not in ([], [LIST]):
            warnings.warn(
                f"{', '.join(name for name in names if name != LIST)} could not be moved to {folder}: kept in {left}.",
                stacklevel=2,
            )
            return
        (left / LIST).unlink(missing_ok=True)
    with suppress(OSError):
        left.rmdir()


def _remove_or_move(path: Path, left: Path, folder: Path, listed: Written) -> None:
    inside = path.relative_to(left)
    if path.is_dir() and not path.is_symlink():
        if inside.as_posix() not in listed.folders:
            (folder / inside).mkdir(parents=True, exist_ok=True)
        path.rmdir()
    elif listed.wrote(path, left) or _is_at(path, folder / inside):
        path.unlink()
    else:
        path.rename(_free(inside, folder, left))


def _is_at(path: Path, target: Path) -> bool:
    """Tell whether a person's file is already in place, under its name or as one that was kept."""
    places = [
        target,
        *(target.parent.glob(f"{_escaped(target.name)}.kept-*") if target.parent.is_dir() else ()),
    ]
    for place in places:
        if not os.path.lexists(place) or path.is_symlink() != place.is_symlink():
            continue
        same = os.readlink(path) == os.readlink(place) if path.is_symlink() else path.samefile(place)
        if same:
            return True
    return False


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _free(inside: Path, folder: Path, other: Path) -> Path:
    """Return a name for a file of the other folder that is not taken in this one; make the folders above it."""
    place = folder
    for part in inside.parts[:-1]:
        place, other = place / part, other / part
        if os.path.lexists(place) and not place.is_dir():
            place = _numbered(place, other)
        place.mkdir(exist_ok=True)
    target = place / inside.name
    return _numbered(target, other / inside.name) if os.path.lexists(target) else target


def _numbered(target: Path, other: Path) -> Path:
    number = 1
    while any(os.path.lexists(path.with_name(f"{target.name}.kept-{number}")) for path in (target, other)):
        number += 1
    return target.with_name(f"{target.name}.kept-{number}")
