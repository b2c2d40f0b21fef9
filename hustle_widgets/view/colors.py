"""Colours of saved figures and of pictures. Live plots take theirs from `theme`, which follows the notebook's."""

from __future__ import annotations

# Okabe & Ito (2008), "Color Universal Design": told apart with any kind of colour vision.
BLACK = "#000000"
ORANGE = "#e69f00"
SKY = "#56b4e9"
GREEN = "#009e73"
YELLOW = "#f0e442"
BLUE = "#0072b2"
VERMILLION = "#d55e00"
PURPLE = "#cc79a7"
GREY = "#8c8c8c"

# In the order in which unnamed curves take them; yellow is left out, it is lost on white.
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
# The same trace has the same colour and marker wherever it is drawn.
TRACE_COLORS = {"+1": BLUE, "-1": VERMILLION, "+2": GREEN, "-2": PURPLE}
TRACE_MARKERS = {"+1": "circle", "-1": "triangle-up", "+2": "square", "-2": "diamond"}

KEPT = BLUE
REJECTED = VERMILLION
