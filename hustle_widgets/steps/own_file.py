"""Files with steps of a person's own: imported so that they hide no other module, and found by other processes."""

from __future__ import annotations

import hashlib
import inspect
import keyword
import linecache
import re
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from hustle_widgets.engine.calling import pressed
from hustle_widgets.user_paths import user_path

# Such a module is in no other's way: nobody imports it by its name.
_PREFIX = "hustle_step_"
# Names that a script uses for something else.
_TAKEN = {"load_visit", "reduce", "save_clean", "visit", "clean", "STAGE_1", "hustle_widgets"}
_NOTEBOOK = "my_steps"


class StepFile(NamedTuple):
    """A file as it was imported: what another process makes the same module of.

    Attributes
    ----------
    path : str
    source : bytes
    """

    path: str
    source: bytes


class Sent(NamedTuple):
    """A step on its way to another process.

    Attributes
    ----------
    file : StepFile
    name : str
        Of its class.
    """

    file: StepFile
    name: str


class OwnStep(NamedTuple):
    """A step of one's own as a script imports it.

    Attributes
    ----------
    module : str
        From which module.
    name : str
        Of its class there.
    called : str
        What the script calls it.
    remark : str
        What to know about the module, '' for nothing.
    source : str or None
        What the module's file holds; None where that is not known.
    """

    module: str
    name: str
    called: str
    remark: str
    source: str | None

    @property
    def file(self) -> str:
        """The module's file beside a script, as a relative path."""
        return self.module.replace(".", "/") + ".py"


_files: dict[str, StepFile] = {}


def module_of(place: str) -> ModuleType:
    """Import 'package.module', or a file whose name ends in .py.

    Raises
    ------
    ValueError
        For a file or a module that cannot be imported: why, and in which line.
    ImportError, OSError
        When there is none.
    """
    if not place:
        raise ImportError("It names no module.")
    if place.endswith(".py"):
        path = user_path(place).resolve()
        return imported(StepFile(str(path), path.read_bytes()))
    try:
        return import_module(place)
    except ModuleNotFoundError as error:
        if error.name and f"{place}.".startswith(f"{error.name}."):  # it is not there itself
            raise
        raise ValueError(_why(place, error)) from error
    except Exception as error:
        raise ValueError(_why(place, error)) from error


def imported(file: StepFile) -> ModuleType:
    """Make a module of a file, once for each content.

    Raises
    ------
    ValueError
        When it cannot be, saying why and in which line.
    """
    path = Path(file.path)
    told = hashlib.blake2b(file.path.encode(errors="surrogatepass") + b"\0" + file.source, digest_size=6)
    name = f"{_PREFIX}{re.sub(r'[^0-9a-zA-Z_]', '_', path.stem)}_{told.hexdigest()}"
    if name in _files:
        return sys.modules[name]
    specification = spec_from_file_location(name, path)
    if specification is None:
        raise ImportError(f"{path} is no Python file.")
    module = module_from_spec(specification)
    sys.modules[name] = module  # before it runs: dataclasses look for their module there
    try:
        exec(compile(file.source, str(path), "exec", dont_inherit=True), vars(module))
    except BaseException as error:
        del sys.modules[name]
        if pressed(error):
            raise
        raise ValueError(_why(str(path), error)) from error
    _files[name] = file
    return module


def _why(place: str, error: BaseException) -> str:
    """Say why something cannot be imported: file, line, error."""
    if isinstance(error, SyntaxError) and error.filename:
        where, line, text = error.filename, error.lineno, error.msg
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == _file_of(place)]
        others = [frame for frame in frames[1:] if not frame.filename.startswith("<frozen")]
        frame = (own or others or frames[-1:])[-1]
        where, line, text = (
            (frame.filename, frame.lineno, str(error)) if own or others else (place, None, str(error))
        )
    words = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{place} cannot be imported. {where if line is None else f'{where}, line {line}'}: {words}"


def _file_of(place: str) -> str:
    if place.endswith(".py"):
        return place
    with suppress(Exception):  # of the packages that hold it
        found = find_spec(place)
        return (found and found.origin) or place
    return place


def sent(kind: Any) -> Any:
    """Return a class of a step as another process finds it: itself, unless its module is only known here."""
    file = _files.get(kind.__module__)
    return kind if file is None else Sent(file, kind.__qualname__)


def received(kind: Any) -> Any:
    """Return the class that was `sent`."""
    if not isinstance(kind, Sent):
        return kind
    found: Any = imported(kind.file)
    for name in kind.name.split("."):
        found = getattr(found, name)
    return found


def own_steps(kinds: Iterable[Any]) -> dict[Any, OwnStep]:
    """Return how a script imports those steps that are not of this package, each under a name of its own."""
    modules: dict[str, str] = {}
    names: dict[tuple[str, str], str] = {}
    found: dict[Any, OwnStep] = {}
    for kind in kinds:
        if kind.__module__.split(".")[0] == "hustle_widgets":
            continue
        if kind.__module__ not in modules:
            modules[kind.__module__] = _importable(kind.__module__, {*modules.values()})
        module = modules[kind.__module__]
        name = called = kind.__qualname__.partition(".")[0]
        number = 1
        while called in {*_TAKEN, *names.values()} and (module, name) not in names:
            number += 1
            called = f"{name}_{number}"
        called = names.setdefault((module, name), called)
        found[kind] = OwnStep(module, name, called, _remark(kind, module), _source(kind))
    return found


def _importable(module: str, taken: set[str]) -> str:
    """Return the name under which a script imports a module: its own, unless another module has it."""
    file = _files.get(module)
    if file is None:
        return _NOTEBOOK if module == "__main__" else module
    stem = re.sub(r"\W", "_", Path(file.path).stem)
    name, number = (stem if _is_free(stem, file.path) else f"step_{stem}"), 1
    while name in taken:
        number += 1
        name = f"step_{stem}_{number}"
    return name


def _is_free(name: str, path: str) -> bool:
    """Tell whether no other module than a file is imported by a name."""
    if not name.isidentifier() or keyword.iskeyword(name) or name in {*_TAKEN, *sys.stdlib_module_names}:
        return False
    try:
        there = find_spec(name)
    except (ImportError, ValueError):
        return False
    return there is None or there.origin is None or Path(there.origin).resolve() == Path(path)


def _remark(kind: Any, module: str) -> str:
    file = _files.get(kind.__module__)
    if kind.__module__ == "__main__":
        return f"defined in a notebook: save its cell as {_NOTEBOOK}.py"
    if file is not None and Path(file.path).stem != module:
        return f"a copy of {ascii(Path(file.path).name)} as {module}.py"
    return ""


def _source(kind: Any) -> str | None:
    """Return the text in which a step was defined: its file, or the cell of a notebook."""
    file = _files.get(kind.__module__)
    if file is not None:
        return file.source.decode("utf-8", "surrogateescape")
    if kind.__module__ != "__main__":
        try:
            return inspect.getsource(sys.modules[kind.__module__])
        except (OSError, TypeError, KeyError):
            return None
    code = getattr(inspect.unwrap(kind.compute), "__code__", None)
    return "".join(linecache.getlines(code.co_filename)) or None if code is not None else None
