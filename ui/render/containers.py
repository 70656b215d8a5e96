"""What a line can stand in: quotations, list items, footnotes; as many of them inside each other as one likes.

Each is told by how far its texts are indented, a quotation by `QUOTE`. Tabs are spaces here, as wide as they reach.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

HEAD = 1_000  # how far a line's beginning is looked at, in characters
QUOTE = 0
FOOTNOTE = 4

_QUOTE = re.compile(r" {0,3}>(?![=\d$€£]|~\d) ?")
_ITEM = re.compile(r"(?P<mark> {0,3}(?:[-+*]|(?P<number>\d{1,9})[.)]))(?:(?P<space> {1,4})(?! )| |$)")
_FOOTNOTE = re.compile(r" {0,3}\[\^[^\s\[\]`\\!]{1,200}\]: *")


@dataclass(frozen=True)
class Container:
    width: int
    end: int  # of its mark
    hollow: bool = False  # a list item without a text on its first line


def begun(text: str, *, interrupts: bool) -> Container | None:
    """The one that begins here. What interrupts a paragraph must look like a list's beginning, else it is text."""
    if quote := _QUOTE.match(text):
        return Container(QUOTE, quote.end())
    if note := _FOOTNOTE.match(text):
        return Container(FOOTNOTE, note.end())
    item = _ITEM.match(text)
    if not item:
        return None
    mark = len(item["mark"])
    hollow = not text[mark:].strip(" ")
    if interrupts and (hollow or item["number"] not in {None, "1"}):
        return None
    width = mark + (1 if hollow or not item["space"] else len(item["space"]))
    return Container(width, len(text) if hollow else width, hollow)


def goes_on(width: int, text: str) -> int | None:
    """Where the text of a container begins on its next line; None where the line is not in it."""
    if width == QUOTE:
        quote = _QUOTE.match(text)
        return quote.end() if quote else None
    if not text.strip(" "):
        return 0
    return width if text.startswith(" " * width) else None


def lead(inside: list[int]) -> str:
    """What a further line in these begins with."""
    return "".join("> " if width == QUOTE else " " * width for width in inside)


def characters(line: str, columns: int) -> int:
    """How many characters of the line fill so many columns."""
    width = 0
    for count, mark in enumerate(line):
        if width >= columns:
            return count
        width += 4 - width % 4 if mark == "\t" else 1
    return len(line)
