"""The set-up of a run: the parameters that belong to no step."""

from __future__ import annotations

from traitlets import HasTraits

from hustle_widgets.steps.parameters import Parameter, Text, Whole


class SetUp(HasTraits):
    """Where the files of a run are, and what is told and drawn. A Reduction has these as its own parameters."""

    toplevel_dir = Text(
        "./files",
        "The visit's folder, with specimages/ and directimages/ as Stage 0 made them; outputs go there too.",
    )
    output_run = Text(
        "run_1",
        "Name of this run: its outputs go to outputs/stage_1/ under that name.",
        pattern=r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}",
        rule="a name of letters, digits, '_', '-', '+' and '.', 100 at most",
    )
    verbose = Whole(2, "How much is told: 0 nothing, 1 a line a step, 2 everything.", min=0, max=2)
    show_plots = Whole(2, "Figures shown after a run: 0 none, 1 the main ones, 2 all.", min=0, max=2)
    save_plots = Whole(
        2, "Figures saved with a run: 0 none, 1 the main ones, 2 all, every frame included.", min=0, max=2
    )

    @staticmethod
    def setup_parameters() -> dict[str, Parameter]:
        """Return these parameters in the order of the config file."""
        return {name: value for name, value in vars(SetUp).items() if isinstance(value, Parameter)}
