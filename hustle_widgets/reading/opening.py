"""Open one FITS file as a whole. Damage is found and named; harmless oddities are accepted."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from astropy.io import fits

from hustle_widgets.reading.cards import Cards
from hustle_widgets.reading.errors import VisitError
from hustle_widgets.reading.unpacking import MOST_EXTENSIONS, source_of

_BLOCK = 2880
_SET = ("SCI", "ERR", "DQ")


@contextmanager
def opened(path: Path) -> Iterator[fits.HDUList]:
    """Open a file unmapped, so that closing it lets go of it, and see that it is all there.

    Raises
    ------
    VisitError
        For whatever astropy raises for a damaged file, in the block too. Names the file.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*truncated.*")
        warnings.filterwarnings("ignore", category=fits.verify.VerifyWarning)
        warnings.filterwarnings("ignore", message=".*extra padding.*")
        try:
            with _open(path) as hdus:
                yield hdus
        except VisitError:
            raise
        except Exception as error:
            what = " ".join(str(error).split())
            raise VisitError(
                f"{path} cannot be read; it is damaged or truncated ({type(error).__name__}: {what}). "
                "Download it again or take it out of the folder."
            ) from error


def _open(path: Path) -> fits.HDUList:
    source = source_of(path)
    try:
        hdus = _all_of(source, path)
    except OSError:
        # astropy takes blanks behind the last block for a header without an end.
        content = path.read_bytes() if source is path else source.getvalue()
        kept = _BLOCK * -(-len(content.rstrip(b" ")) // _BLOCK)
        if not 0 < kept < len(content):
            raise
        source = io.BytesIO(content[:kept])
        hdus = _all_of(source, path)
    size = path.stat().st_size if isinstance(source, Path) else source.getbuffer().nbytes
    try:
        last = hdus.fileinfo(len(hdus) - 1)
        end = last["datLoc"] + last["datSpan"]
        if size < end:
            raise OSError("it ends early")
        # astropy drops an extension whose header is cut off without a word. What the file has then is not
        # complete; where it is, NEXTEND and what follows the last extension mean nothing.
        if not _has_whole_sets(hdus):
            expected = Cards(path, hdus[0].header).whole("NEXTEND", 0) or 0
            if len(hdus) - 1 < expected:
                raise OSError(
                    f"it ends early: {expected} extensions are announced, {len(hdus) - 1} are there"
                )
            if size > end and _content(source, end):
                raise OSError("something follows its last extension")
    except BaseException:
        hdus.close()
        raise
    return hdus


def _all_of(source: Any, path: Path) -> fits.HDUList:
    """Open a file and read the headers of all its extensions, or refuse one that has them without end."""
    hdus = fits.open(source, memmap=False, lazy_load_hdus=True)
    try:
        for number in range(MOST_EXTENSIONS + 1):
            try:
                hdus[number]
            except IndexError:
                return hdus
    except BaseException:
        hdus.close()
        raise
    hdus.close()
    raise VisitError(f"{path} has more than {MOST_EXTENSIONS} extensions: take it out of the folder.")


def _has_whole_sets(hdus: fits.HDUList) -> bool:
    versions = {int(hdu.ver) for hdu in hdus if hdu.name.upper() == "SCI"}
    return bool(versions) and all((name, version) in hdus for version in versions for name in _SET)


def _content(source: Any, start: int) -> bool:
    """Tell whether anything but padding follows a place in a file."""
    if isinstance(source, Path):
        with open(source, "rb") as file:
            file.seek(start)
            rest = file.read()
    else:
        rest = source.getvalue()[start:]
    return bool(rest.strip(b"\0 "))
