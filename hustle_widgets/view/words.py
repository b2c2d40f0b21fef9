"""Sentences on the page as HTML: their colours and sizes are the style sheet's."""

from __future__ import annotations

import re
from html import escape

# An address, without the mark that ends the sentence.
_ADDRESS = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:)]")


def linked(text: str) -> str:
    """Return a text as HTML in which addresses can be followed."""
    html, end = "", 0
    for found in _ADDRESS.finditer(text):
        address = escape(found[0])
        html += f'{escape(text[end : found.start()])}<a href="{address}" target="_blank" rel="noopener">{address}</a>'
        end = found.end()
    return html + escape(text[end:])


def quiet(text: str) -> str:
    """Return a remark."""
    return f'<div class="hustle-quiet hustle-small">{linked(text)}</div>' if text else ""


def alert(text: str) -> str:
    """Return what was refused or went wrong, so that it is also heard; '' for nothing."""
    return f'<div role="alert" class="hustle-alert hustle-small">{linked(text)}</div>' if text else ""


def said(text: str) -> str:
    """Return what was done, so that it is also heard; '' for nothing."""
    return f'<div role="status" class="hustle-good hustle-small">{linked(text)}</div>' if text else ""
