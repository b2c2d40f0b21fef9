"""Folders replaced as a whole: at any moment there is the old content or the new, never a mixture.

Everything is written to a hidden folder beside it, which then takes its place.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD
_FORGOTTEN = 7 * 24 * 3600.0  # s, after which a hidden folder that cannot be locked belongs to no run


@contextmanager
def replacing(folder: Path, ours: Sequence[str]) -> Iterator[Path]:
    """Give an empty folder that takes the place of `folder` when the block ends well, and vanishes otherwise.

    Parameters
    ----------
    folder : Path
        Need not exist.
    ours : sequence of str
        Patterns of the names that are replaced. Others, a person's notes for example, are kept.

    Yields
    ------
    Path
        Where to write.
    """
    folder = folder.absolute()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file where a folder is to be written: move it away.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    clean_up(folder, ours)
    new, lock = _hidden_folder(folder)
    try:
        yield new
        _exchange(new, folder, ours)
    finally:
        _discard(new, folder, ours)
        if lock is not None:
            os.close(lock)


def clean_up(folder: Path, ours: Sequence[str]) -> None:
    """Remove what killed runs left beside a folder, and put back the folder that one had just moved away."""
    folder = folder.absolute()
    for left in sorted(folder.parent.glob(f".{folder.name}.*-*")):
        with _left_over(left) as unused:
            if unused and ".old-" in left.name and not folder.exists():
                left.rename(folder)
            elif unused and left.name.startswith((f".{folder.name}.new-", f".{folder.name}.old-")):
                _discard(left, folder, ours)


def take_over(paths: list[Path], new: Path) -> None:
    """Put files and folders of the old run into the new folder, without copying where the file system allows."""
    for path in paths:
        if path.is_dir():
            shutil.copytree(path, new / path.name, copy_function=_link)
        else:
            _link(path, new / path.name)


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _hidden_folder(folder: Path) -> tuple[Path, int | None]:
    """Make a hidden folder beside a run's, locked for as long as this process lives where that can be done."""
    while True:
        new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.new-", dir=folder.parent))
        new.chmod(0o777 & ~_umask())
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
        old = time.time() - hidden.stat().st_mtime > _FORGOTTEN
        lock = None if fcntl is None else os.open(hidden, os.O_RDONLY)
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


def _exchange(new: Path, folder: Path, ours: Sequence[str]) -> None:
    """Let the new folder take the place of the old one, whose content is in `new` afterwards or gone."""
    if not folder.exists():
        new.rename(folder)
    elif not _exchange_names(new, folder):
        # Between the two renames nothing is at the place; `clean_up` of the next run puts the old one back.
        old = new.with_name(new.name.replace(".new-", ".old-"))
        folder.rename(old)
        new.rename(folder)
        _discard(old, folder, ours)


def _exchange_names(one: Path, other: Path) -> bool:
    """Exchange two names in one step; return whether the system can do that."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    return rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0


def _discard(left: Path, folder: Path, ours: Sequence[str]) -> None:
    """Remove a hidden folder; what is not ours goes to the folder in place first."""
    if not left.is_dir():
        return
    for path in left.iterdir():
        target = folder / path.name
        foreign = not any(path.match(pattern) for pattern in ours) and not path.name.startswith(".")
        if foreign and folder.is_dir() and not target.exists():
            with suppress(OSError):
                path.rename(target)
    shutil.rmtree(left, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
