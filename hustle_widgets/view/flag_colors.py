"""In which colour the flags of each step are drawn."""

from __future__ import annotations

from collections.abc import Sequence

from hustle_widgets.steps.base import Step
from hustle_widgets.view import colors

NAMED = {
    "black": colors.BLACK,
    "orange": colors.ORANGE,
    "sky": colors.SKY,
    "green": colors.GREEN,
    "yellow": colors.YELLOW,
    "blue": colors.BLUE,
    "vermillion": colors.VERMILLION,
    "purple": colors.PURPLE,
    "grey": colors.GREY,
}


def flag_colors(kinds: Sequence[type[Step]]) -> dict[str, str]:
    """Return the colour of each step that flags pixels, by name: the declared one, else one that is free."""
    flagging = [kind for kind in kinds if kind.flag]
    declared = {kind.name: NAMED.get(kind.color, kind.color) for kind in flagging if kind.color}
    free = [color for color in colors.CYCLE if color not in declared.values()] or [colors.BLACK]
    undeclared = [kind.name for kind in flagging if not kind.color]
    given = {name: free[number % len(free)] for number, name in enumerate(undeclared)}
    return {kind.name: {**declared, **given}[kind.name] for kind in flagging}
