"""How the functions of a step are called: with what they name, and what fails there is told as a fault of theirs."""

from __future__ import annotations

import inspect
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from hustle_widgets.engine.blocks import State
from hustle_widgets.engine.callbacks import Cancelled
from hustle_widgets.engine.plan import Node

ENGINES = ("memo", "pause")  # keywords that the engine gives
_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, StopIteration, TypeError)

Refuse = Callable[[str, str], NoReturn]


class StepFault(ValueError):
    """A step is not written as the engine needs it. Says which step, what it gave, and what was expected."""


def with_known(function: Callable[..., Any], *values: Any, **keywords: Any) -> Any:
    """Call a function with only those keywords that it names."""
    named = inspect.signature(function).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in named.values()):
        return function(*values, **keywords)
    return function(*values, **{name: value for name, value in keywords.items() if name in named})


def asked(node: Node, what: str, function: Callable[..., Any], *values: Any, **keywords: Any) -> Any:
    """Call a function of a step with the keywords that it names; what fails there is told as a fault of the step.

    Raises
    ------
    StepFault
        For an error of the kind that a mistake in a program makes, with its line, and for what would end a thread
        in silence, such as SystemExit. Ctrl-C goes through.
    """
    try:
        return with_known(function, *values, **keywords)
    except (Cancelled, ValueError):  # a sentence of the step
        raise
    except _FAULTS as error:
        raise StepFault(f"{called(node)}: {what} failed{_line(function, error)}: {_words(error)}") from error
    except Exception:
        raise
    except BaseException as error:
        if pressed(error):
            raise
        raise StepFault(
            f"{called(node)}: {what} raised {_words(error)}{_line(function, error)}, which would end the program. "
            "Let it raise ValueError with a sentence instead."
        ) from error


def pressed(error: BaseException) -> bool:
    """Tell whether a person pressed Ctrl-C; a KeyboardInterrupt in another thread is a mistake of a program."""
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def called(node: Node) -> str:
    """Return how messages call a step: its title and its class."""
    return node.called or node.name


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _line(function: Callable[..., Any], error: BaseException) -> str:
    """Return where an error was raised: the last line in the file of a step's function, '' if it was not reached."""
    frames = traceback.extract_tb(error.__traceback__)
    file = getattr(getattr(inspect.unwrap(function), "__code__", None), "co_filename", None)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    return f" in line {lines[-1]} of {file}" if lines else ""


def refusal(start: str, place: str = "") -> Refuse:
    """Return a function that raises StepFault, given what a step gave and what was expected."""

    def refuse(gave: str, expected: str) -> NoReturn:
        raise StepFault(f"{start} {gave}{place}. {expected}")

    return refuse


def kind_of(value: Any) -> str:
    """Return in words what a value is."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def prepared(node: Node, state: State, parameters: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return the keywords of a step's compute and finish: its parameters, what it prepares, and `more`.

    Raises
    ------
    StepFault
        When `prepare` gives no dict, or a keyword that is taken, or when a function names what nobody gives.
    """
    named = inspect.signature(node.prepare).parameters
    _check_keywords(node, "prepare", node.prepare, 1, {*parameters, *more})
    made = asked(node, "prepare", node.prepare, state, **parameters, **more)
    refuse = refusal(f"{called(node)}: prepare gave")
    if not isinstance(made, Mapping):
        refuse(kind_of(made), "It must return a dict of keywords for compute and finish, {} for none.")
    for key in made:
        if not isinstance(key, str) or key in ENGINES:
            refuse(
                f"the keyword {key!r}",
                f"Keywords are texts, and {' and '.join(ENGINES)} are the engine's: give it another name.",
            )
        if key in parameters and key not in named:
            refuse(
                f"the keyword {key!r}",
                "That is a parameter of the step, whose slider would change nothing: let prepare name the parameter, "
                "or give the keyword another name.",
            )
    keywords = {**parameters, **made, **more}
    _check_keywords(node, "compute", node.compute, 1, {*keywords, *ENGINES})
    _check_keywords(node, "finish", node.finish, 2, {*keywords, *ENGINES})
    return keywords


def _check_keywords(node: Node, what: str, function: Callable[..., Any], first: int, given: set[str]) -> None:
    """Raise StepFault when a function of a step cannot be called with what it is given."""
    own = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    wanted = [p for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    missing = [p.name for p in wanted[first:] if p.name not in given and p.name not in ENGINES]
    if missing:
        raise StepFault(
            f"{called(node)}: {what} names {missing[0]!r}, which is no parameter of the step, is not borrowed, and is "
            f"not what prepare returns. It is given {', '.join(sorted(given - {*ENGINES})) or 'nothing'}."
        )
