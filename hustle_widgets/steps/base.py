"""A step: its parameters, what it computes, and a widget that shows both."""

from __future__ import annotations

import difflib
import re
import sys
import weakref
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ipywidgets import VBox
from traitlets import Enum, Float, Int, Unicode, validate

from hustle_widgets.display import ShownPage, view
from hustle_widgets.engine.blocks import Cut, State
from hustle_widgets.engine.deltas import Outcome
from hustle_widgets.engine.plan import Node, Setting
from hustle_widgets.protocols import ReductionLike
from hustle_widgets.steps.declaration import Column, Lines, refuse_dead_parameters
from hustle_widgets.steps.parameter_base import OnOff
from hustle_widgets.steps.parameters import Parameter, ParameterError
from hustle_widgets.steps.promised import check_declared, check_promises
from hustle_widgets.steps.watch import looked_at
from hustle_widgets.steps.words import words_of

STATUSES = ("stale", "fresh", "running", "failed", "off")


class LazyVBox(VBox):
    """A box that opens its channel to the browser, and builds what it shows, when it is first shown.

    Until then it costs nothing, and nothing but its user refers to it.
    """

    _opening = False
    own: ClassVar[tuple[str, ...]] = ()  # attributes that are no traits

    def __setattr__(self, name: str, value: Any) -> None:
        # Python would keep a misspelt parameter. It would change nothing, and nobody would know.
        if not (name.startswith("_") or name in self.own or hasattr(type(self), name)):
            raise AttributeError(self.cannot_set(name))
        super().__setattr__(name, value)

    def cannot_set(self, name: str) -> str:
        """Say that there is no such attribute to set, and which one may have been meant."""
        raise NotImplementedError

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            f"A {type(self).__name__} is neither copied nor pickled: it has threads and a channel to the browser. "
            "Copy its parameters, values(), or make another one of the same visit."
        )

    def __del__(self) -> None:
        # Closing takes locks. When Python ends it stops threads that may hold them, and nobody would give them back.
        if not sys.is_finalizing():
            super().__del__()

    def __copy__(self) -> Any:
        return self.__reduce_ex__(2)

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__reduce_ex__(2)

    def build(self) -> None:
        """Make the children."""
        raise NotImplementedError

    def open(self) -> None:
        """Open the channel, but not while the object is constructed."""
        if self._opening:
            super().open()

    def show(self) -> None:
        """Build and open, once."""
        if self.comm is None and not self._opening:
            self._opening = True
            try:
                self.build()
                self.open()
            finally:
                self._opening = False

    @property
    def model_id(self) -> str:
        """Name of the widget in the browser; asking for it means that it is about to be shown."""
        self.show()
        return super().model_id

    def _repr_mimebundle_(self, **keywords: Any) -> Any:
        self.show()
        return super()._repr_mimebundle_(**keywords)


def nothing_more(state: State) -> dict[str, Any]:
    """Return more keywords for `compute`, made once a computation; raise Unmet if something is missing."""
    return {}


def as_joined(outcome: Outcome, state: State) -> Outcome:
    """Complete the joined outcome of all blocks."""
    return outcome


class Step(LazyVBox):
    """Base of the steps: subclasses declare what follows and define `compute`, a static method.

    Only `name`, `title` and `compute` are needed; what is not declared is derived from what is.

    ``compute(block, *, <its parameters>)`` gives the deltas of one block. It is pure: the same for one block,
    the whole visit and a preview. A step may also define ``prepare(state, ...)``, see `nothing_more`, and
    ``finish(outcome, state, ...)``, see `as_joined`. Each is given those of the step's parameters, borrowed and
    prepared ones included, that it names. With ``memo(state)`` it makes what its compute fills, see `Node`.

    Attributes
    ----------
    name, title, section : str
        Name in the Reduction, what a person reads, number in the tutorial.
    label : str
        A word or two for the list of steps; the title if it is not declared.
    heading : tuple of str
        Lines above its keys in the config file; made of section and title unless they are declared.
    switch, switch_help : str
        Key of its switch in the config file, '' if it cannot be switched off, and what is switched.
    after : str
        Name of the step behind which it belongs, for `with_step`.
    by : {'rows', 'frames', 'visit'}
        How the visit is cut for `compute`.
    halo : int
        Rows it needs beyond a band of rows.
    alters : bool
        Whether it changes frames that later steps see.
    sky : bool
        Whether what it subtracts is light of the sky, whose photons are noise still. It is then judged as a
        background. An instrument's bias is none.
    needs : tuple of str
        Steps whose tables it reads; '*' for all before it.
    borrows : tuple of str
        Parameters of other steps it reads, as 'step.parameter'.
    flag : int
        Bit of `data_quality` that marks the pixels it flags, 0 if it flags none.
    flags_what : str
        What these pixels are, for titles.
    threshold : str
        The parameter that flags fewer pixels when it is raised, '' if there is none.
    color, line : str
        How its flags are drawn beside those of others: a colour of `view.theme` by name, or any of CSS, and
        '-', '--' or ':'. Steps without a colour get one that is free.
    in_sight : bool
        Whether its result is always looked at, so that it is computed early.
    opens : bool
        Whether the page of a Reduction opens with this step.
    explicit : bool
        Whether it is computed only when a run is asked for, since it writes files.
    records : mapping of str to Column
        What the columns of its table are; see also `record`.
    follows : (str, str) or None
        The column of its table that holds the displacement of the frames, and what it follows.
    doing, done : str
        What a run says while it computes, and when it has.
    figure : str
        How the names of the files of its figures begin; steps with the same share them.
    live : str or type
        Its live view, as 'package.module:class' so that it is imported when first shown. Without, one that
        shows what its deltas hold.
    figures : str or callable
        The function that gives its saved figures, in the same way.
    every_frame : (str, str or type) or None
        Name and drawer of the figure that it has of every frame.
    tour : str
        What its page shows and how to see whether a setting is right: its paragraph in docs/tour.md.
    parameters : mapping of str to Parameter
        Made from the declarations, in their order.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    section: ClassVar[str] = ""
    label: ClassVar[str] = ""
    heading: ClassVar[tuple[str, ...]] = ()
    switch: ClassVar[str] = ""
    switch_help: ClassVar[str] = ""
    after: ClassVar[str] = ""
    by: ClassVar[Cut] = "frames"
    halo: ClassVar[int] = 0
    alters: ClassVar[bool] = True
    sky: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = ()
    borrows: ClassVar[tuple[str, ...]] = ()
    flag: ClassVar[int] = 0
    flags_what: ClassVar[str] = ""
    threshold: ClassVar[str] = ""
    color: ClassVar[str] = ""
    line: ClassVar[str] = "-"
    in_sight: ClassVar[bool] = False
    opens: ClassVar[bool] = False
    explicit: ClassVar[bool] = False
    records: ClassVar[Mapping[str, Column]] = {}
    follows: ClassVar[tuple[str, str] | None] = None
    doing: ClassVar[str] = ""
    done: ClassVar[str] = ""
    figure: ClassVar[str] = ""
    live: ClassVar[Any] = ""
    figures: ClassVar[Any] = ""
    every_frame: ClassVar[tuple[str, Any] | None] = None
    tour: ClassVar[str] = ""
    parameters: ClassVar[Mapping[str, Parameter]] = {}

    compute: ClassVar[Callable[..., Any]]
    prepare: ClassVar[Callable[..., dict[str, Any]]] = staticmethod(nothing_more)
    finish: ClassVar[Callable[..., Outcome]] = staticmethod(as_joined)
    memo: ClassVar[Callable[..., Any] | None] = None

    enabled = OnOff(True, help="Whether the step is done.")
    status = Enum(STATUSES, "stale", help="'fresh', 'stale', 'running', 'failed' or 'off'.")
    error = Unicode(help="'' or what went wrong and what to do.")
    notes = Unicode(help="Remarks on what the step did, a line each.")
    compute_count = Int(help="How often the step has computed.")
    seconds = Float(help="How long the last computation took.")
    progress = Float(help="Part of the running computation that is done.")

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        # In the order of declaration: class_traits() is alphabetical.
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Parameter)}
        cls.parameters = {**cls.parameters, **own}
        cls.derive()
        if hasattr(cls, "compute"):  # a base of several steps has none
            borrowed = (place.partition(".")[2] for place in cls.borrows)
            functions = (cls.compute, cls.prepare, cls.finish)
            check_declared(cls, own, dir(Step))
            refuse_dead_parameters(cls.__name__, dict(cls.parameters), borrowed, functions)

    @classmethod
    def derive(cls) -> None:
        """Fill in what a subclass does not declare."""
        own = vars(cls)
        if "heading" not in own:
            cls.heading = (f"Step {cls.section}: {cls.title}".replace(" :", ":"),)
        if cls.switch and "switch_help" not in own:
            cls.switch_help = first_paragraph(cls.__doc__)
        for name, words in {
            "doing": f"{cls.title}...",
            "done": f"{cls.title} complete.",
            "label": cls.title,
            "flags_what": f"Pixels flagged by: {cls.title}",
            "figure": cls.name,
        }.items():
            if name not in own:
                setattr(cls, name, words)

    def __init__(self, **keywords: Any) -> None:
        known = [*self.parameters, "enabled", "layout"]
        for keyword in keywords:
            if keyword not in known:
                raise TypeError(unknown(keyword, known, type(self).__name__))
        self._reduction: weakref.ref[ReductionLike] | None = None
        self._page: ShownPage | None = None
        super().__init__(**keywords)

    @validate("enabled")
    def _keep_on(self, proposal: Any) -> bool:
        if not proposal["value"] and not self.switch:
            raise ParameterError(f"{type(self).__name__} cannot be switched off: the other steps need it.")
        return proposal["value"]

    @classmethod
    def record(cls, column: str) -> Column:
        """Return what a column of the step's table is; to be extended for names that are not known before."""
        return cls.records.get(column, Column("1", column))

    @classmethod
    def words(cls, outcome: Outcome, parameters: Mapping[str, Any]) -> Lines:
        """Return what a run says of an outcome: lines, each with the verbosity from which it is said."""
        return words_of(cls, outcome)

    @classmethod
    def node(cls) -> Node:
        """Return the step as the engine sees it."""
        return Node(
            name=cls.name,
            compute=cls.compute,
            by=cls.by,
            halo=cls.halo,
            alters=cls.alters,
            sky=cls.sky,
            needs=cls.needs,
            prepare=cls.prepare,
            finish=cls.finish,
            memo=cls.memo,
            in_sight=cls.in_sight,
            explicit=cls.explicit,
            called=f"{cls.title} ({cls.__name__})",
            look=cls.look,
        )

    @classmethod
    def look(cls, outcome: Outcome, state: State) -> Outcome:
        """Compare an outcome with what is declared, and name the frames of which it changes an odd share."""
        check_promises(cls, outcome, state)
        return looked_at(cls.by, outcome, state)

    def bound(self, folder: Callable[[], str], write: Callable[..., Any]) -> Node:
        """Return the step as the engine of a Reduction sees it.

        Parameters
        ----------
        folder : callable
            Gives the visit's folder.
        write : callable
            Writes the outputs, see `SaveOutputs`; for steps that save.
        """
        return self.node()

    def cannot_set(self, name: str) -> str:
        """Say that there is no such parameter, and which one may have been meant."""
        return unknown(name, [*self.parameters, "enabled"], type(self).__name__)

    def values(self) -> dict[str, Any]:
        """Return the parameters by name, in the order of the config file."""
        return {name: getattr(self, name) for name in self.parameters}

    @classmethod
    def setting(cls, values: Mapping[str, Any]) -> Setting:
        """Return the step's switch and parameters, borrowed ones included, as the engine wants them.

        Parameters
        ----------
        values : mapping of str to object
            Parameters and switches of all steps by their keys in the config file.
        """
        computed = {name: values[name] for name, kind in cls.parameters.items() if not kind.display}
        display = {name: values[name] for name, kind in cls.parameters.items() if kind.display}
        borrowed = [place.partition(".")[2] for place in cls.borrows]
        computed |= {name: values[name] for name in borrowed if name in values}
        return Setting(bool(values[cls.switch]) if cls.switch else True, computed, display)

    def soft(self, name: str) -> tuple[float, float] | None:
        """Return the range in which a parameter can matter for this visit: that of its slider."""
        reduction = self.reduction
        declared = self.parameters[name].soft
        return declared if reduction is None else self.matters(name, reduction.state(self.name)) or declared

    @classmethod
    def matters(cls, name: str, state: State) -> tuple[float, float] | None:
        """Return the range in which a parameter can matter for a visit; None: as declared. To be extended."""
        return None

    def reset(self, *names: str) -> None:
        """Set the named parameters, all if none is named, to the tutorial's values."""
        for name in names or self.parameters:
            setattr(self, name, self.parameters[name].tutorial)

    @property
    def reduction(self) -> ReductionLike | None:
        """The Reduction the step belongs to, or None."""
        return None if self._reduction is None else self._reduction()

    def join(self, reduction: ReductionLike) -> None:
        """Belong to a Reduction. The step does not keep it alive."""
        self._reduction = weakref.ref(reduction)

    def build(self) -> None:
        """Make the panel: controls, and in a Reduction the live plots."""
        self._page = view().panel_of(self)
        self.children = self._page.children

    def close(self) -> None:
        """Take the panel off the page."""
        page = vars(self).get("_page")  # Python calls this as well when the step could not be made
        if page is not None:
            self._page = None
            page.close()
        super().close()

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.values().items())
        return f"{type(self).__name__}({values}{'' if self.enabled else ', enabled=False'})"


def unknown(word: str, known: Any, where: str) -> str:
    """Say that a keyword is unknown, and which one may have been meant."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"{where} has no parameter {word!r}.{hint}"


def first_paragraph(text: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return re.sub(r"\s+", " ", (text or "").strip().split("\n\n")[0])
