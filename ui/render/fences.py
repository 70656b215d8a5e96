"""A fenced block of code: how it begins, goes on and ends.

In a list item it lasts until its fence is closed. Markdown would end it at the first line without the item's
indentation, and take the closing fence for the next one's beginning; so such lines get the indentation back.
A diagram is followed by its code, which the page shows where it cannot be drawn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ui.render.containers import HEAD, QUOTE, characters, lead

_FENCE = re.compile(r" {0,3}(?P<mark>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)")
_QUOTE = re.compile(r" {0,3}> ?")
_UNDECIDED = re.compile(r"[ >]*(?:`+|~+)? *\Z")


@dataclass(frozen=True)
class Inner:
    """A line between the fences: the characters that are dealt with, what they became, and whether code goes on."""

    taken: int
    written: str
    part: Literal["code", "end", "outside"] = "code"


class Fence:
    def __init__(self, mark: str, info: str, inside: list[int]) -> None:
        self._mark = mark
        self._lead = lead(inside)
        self._inside = inside
        self._kept = len(inside)  # so many of them still have their marks
        self._diagram = info.strip(" ").lower() == "mermaid"
        self._code: list[str] = []  # of a diagram
        self._ending = re.compile(rf" {{0,3}}{mark[0]}{{{len(mark)},}} *")

    @classmethod
    def opened(cls, text: str, inside: list[int]) -> Fence | None:
        found = _FENCE.match(text)
        return cls(found["mark"], found["info"], inside) if found else None

    def line(self, line: str, head: str, *, whole: bool) -> Inner | None:
        """None while more of the line must be seen. `head` is the line with spaces for its tabs."""
        if not whole and len(line) > HEAD:
            self._diagram = False  # too long to be shown once more
        if not whole and (self._diagram or _UNDECIDED.match(head)):
            return None
        rest = self._within(head)
        if rest is None:
            return Inner(0, self._closed(f"{self._lead}{self._mark}") + "\n", "outside")
        loose = self._kept < len(self._inside) and bool(rest.strip(" "))
        taken = characters(line, len(head) - len(rest)) if loose else 0
        start = self._lead if loose else ""
        if whole and self._ending.fullmatch(rest.removeprefix(start)):
            return Inner(len(line), self._closed(start + rest.lstrip(" ") if loose else line), "end")
        if self._diagram:
            self._code.append(f"{start}{line[taken:]}\n")
        return Inner(taken, start)

    def end(self) -> str:
        """What is to be written where the reply ends within."""
        return self._closed(f"{self._lead}{self._mark}") if self._diagram and self._code else ""

    def _within(self, head: str) -> str | None:
        """What stands in the containers; None outside of a quotation."""
        rest = head
        for depth, width in enumerate(self._inside):
            if width == QUOTE:
                quote = _QUOTE.match(rest)
                if not quote:
                    return None
                rest = rest[quote.end() :]
            elif depth < self._kept and rest.strip(" "):
                if rest.startswith(" " * width):
                    rest = rest[width:]
                else:
                    self._kept = depth
        return rest

    def _closed(self, line: str) -> str:
        if not self._diagram or not self._code:
            return line
        code, fence = "".join(self._code), f"{self._lead}{self._mark}"
        return f"{line}\n{self._lead.rstrip()}\n{fence}text\n{code}{fence}"
