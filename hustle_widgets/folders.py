"""Folders that are replaced as a whole: at any moment they hold the old content or the new, never a mixture.

Everything is written to a hidden folder beside it, which then takes its place. What a person put into the
folder stays in it. Links are written through, and never followed when something is removed.
"""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from hustle_widgets.written import Written, discard, share_others, walk

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD
_FORGOTTEN = 7 * 24 * 3600.0  # s, after which a hidden folder that cannot be locked belongs to no run


@contextmanager
def replacing(folder: Path, facts: Mapping[str, str] = MappingProxyType({})) -> Iterator[Path]:
    """Give an empty folder. It takes the place of `folder` when the block ends well, and is removed otherwise.

    Parameters
    ----------
    folder : Path
        Need not exist. If it is a link, what it points to is replaced, and the link stays.
    facts : mapping of str to str, optional
        Kept in the list of what was written.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    OSError
        If it cannot be written there, or if the new folder was taken away meanwhile.

    Notes
    -----
    Of the old content only what an earlier block wrote is replaced, by the list that is kept in the folder.
    """
    folder = _target(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    clean_up(folder)
    new, lock = _hidden_folder(folder)
    made, complete = new.stat(), False
    try:
        Written().keep(new)
        yield new
        if not new.is_dir() or not os.path.samestat(new.stat(), made):
            raise FileNotFoundError(f"{new} was taken away while it was written")
        Written.now(new, facts).keep(new)
        complete = True
        _exchange(new, folder)
    finally:
        if complete:
            discard(new, folder)
        else:
            shutil.rmtree(new, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def clean_up(folder: Path) -> None:
    """Remove what killed runs left beside a folder, and put back the folder that one had just moved away."""
    hidden = re.compile(rf"\.{re.escape(folder.name)}\.(old|new)-[0-9a-f]{{16}}")
    left = [path for path in folder.parent.iterdir() if hidden.fullmatch(path.name)]
    for path in sorted(left, key=lambda path: (".new-" in path.name, path.name)):
        with _left_over(path) as unused:
            if unused and ".old-" in path.name and not os.path.lexists(folder):
                path.rename(folder)
            elif unused:
                discard(path, folder)


def take_over(files: list[Path], old: Path, new: Path) -> None:
    """Put files of the old run into the new folder, without copying where the file system allows."""
    for path in files:
        target = new / path.relative_to(old)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, target)
        except OSError:
            shutil.copy2(path, target)


def _target(folder: Path) -> Path:
    """Return the folder itself, behind all links; raise OSError where none can be made."""
    for place in (folder, *folder.parents):
        if place.is_symlink() and not place.exists():
            behind = Path(os.path.realpath(place))
            if behind.is_symlink() or not behind.parent.is_dir():
                raise FileNotFoundError(f"{place} is a link to {os.readlink(place)}, which is not there")
    real = Path(os.path.realpath(folder))
    for place in (*reversed(folder.parents), folder):
        if place.exists() and not place.is_dir():
            raise NotADirectoryError(f"{place} is a file where a folder is to be written: move it away")
    if real.exists() and not os.access(real, os.W_OK):
        raise PermissionError(f"{folder} is protected against writing")
    return real


def _hidden_folder(folder: Path) -> tuple[Path, int | None]:
    """Make a hidden folder beside a run's, locked for as long as this process lives where that can be done."""
    while True:
        new = folder.with_name(f".{folder.name}.new-{secrets.token_hex(8)}")
        try:
            new.mkdir()
        except PermissionError as error:
            raise PermissionError(
                f"{folder.parent} cannot be written to, so {folder.name} cannot be replaced"
            ) from error
        if fcntl is None:
            return new, None
        lock = os.open(new, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # taken for a left-over by another run, in the moment before it was locked
            os.close(lock)
            continue
        except OSError:  # a file system without locks
            os.close(lock)
            return new, None
        if new.is_dir():
            return new, lock
        os.close(lock)


@contextmanager
def _left_over(hidden: Path) -> Iterator[bool]:
    """Tell whether a hidden folder belongs to no run that is still going on; it is kept so for the block."""
    try:
        if hidden.is_symlink() or not hidden.is_dir():
            raise NotADirectoryError
        old = time.time() - hidden.lstat().st_mtime > _FORGOTTEN
        lock = None if fcntl is None else os.open(hidden, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        yield False
        return
    unused = old
    try:
        if lock is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                unused = True
            except BlockingIOError:
                unused = False
            except OSError:  # a file system without locks: only its age can tell
                pass
        yield unused
    finally:
        if lock is not None:
            os.close(lock)


def _exchange(new: Path, folder: Path) -> None:
    """Let the new folder take the place of the old one, whose content is in `new` afterwards or gone."""
    while True:
        with held(folder) as there:
            if there:
                _exchange_with(new, folder)
                return
            try:
                new.rename(folder)
                return
            except OSError:
                if not folder.is_dir():  # else another run has just made it
                    raise


def _exchange_with(new: Path, folder: Path) -> None:
    for path in walk(new):
        _to_disk(path)  # before what it replaces is removed
    if Written.of(folder) is None:
        with suppress(OSError):
            Written(complete=True).keep(folder)
    share_others(folder, new)
    with suppress(OSError):
        shutil.copymode(folder, new)
    if not _exchange_names(new, folder):
        # Between the two renames nothing is at the place; `clean_up` of the next run puts the old one back.
        old = new.with_name(new.name.replace(".new-", ".old-"))
        folder.rename(old)
        try:
            new.rename(folder)
        except BaseException:
            old.rename(folder)
            raise
        discard(old, folder)
    else:
        discard(new, folder)


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """Hold a folder against others that hold it, also while it is moved away; False if there is none."""
    if fcntl is None:
        yield folder.is_dir()
        return
    while True:
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            yield False
            return
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            if _is_same(lock, folder):
                yield True
                return
        finally:
            os.close(lock)


def _is_same(opened: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(opened), folder.stat())
    except FileNotFoundError:
        return False


def _exchange_names(one: Path, other: Path) -> bool:
    """Exchange two names in one step; return whether the system can do that."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def _to_disk(path: Path) -> None:
    if fcntl is None or path.is_symlink():
        return
    with suppress(OSError):
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
