"""A cell that is run again shows a new Reduction in place of its old one, which must not be kept."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from hustle_widgets.engine.memory import give_back
from hustle_widgets.protocols import ReductionLike

# Place on the page -> (execution, Reductions shown there): a cell may show several.
_shown: dict[str, tuple[int, list[weakref.ref[Any]]]] = {}


def supersede(reduction: ReductionLike) -> None:
    """Close the Reductions that an earlier run of the same cell showed, and drop IPython's references to them.

    The output history of IPython would keep its visit for ever. A name that the user gave it still does.
    """
    try:
        from IPython import get_ipython
    except ImportError:
        return
    shell: Any = get_ipython()
    if shell is None or not hasattr(shell, "get_parent"):
        return
    parent = shell.get_parent()
    cell = parent.get("metadata", {}).get("cellId") or parent.get("content", {}).get("code", "")
    if not cell:
        return
    count = int(shell.execution_count)
    last, shown = _shown.get(cell, (count, []))
    if last == count:
        _shown[cell] = (count, [*shown, weakref.ref(reduction)])
        return
    _shown[cell] = (count, [weakref.ref(reduction)])
    olds = [old for old in (one() for one in shown) if old is not None and old is not reduction]
    for old in olds:
        old.close()
        _forget(shell, old)
    if olds:
        del old, olds
        # Widgets refer to one another in circles: without this each run of the cell would add some.
        gc.collect()
        give_back()


def _forget(shell: Any, old: Any) -> None:
    history = shell.user_ns.get("_oh", {})
    numbers = [number for number, value in history.items() if value is old]
    for number in numbers:
        del history[number]
    # What IPython itself puts into the user's namespace is noted in a second one.
    for namespace in (shell.user_ns, getattr(shell, "user_ns_hidden", {})):
        for number in numbers:
            namespace.pop(f"_{number}", None)
        for name in ("_", "__", "___"):
            if namespace.get(name) is old:
                namespace[name] = ""
    for name in ("_", "__", "___"):
        if getattr(shell.displayhook, name, None) is old:
            setattr(shell.displayhook, name, "")
