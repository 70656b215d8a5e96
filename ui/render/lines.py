"""What each line of a reply is: text or code, and in which quotations and list items it stands.

The rules are CommonMark's, with exceptions that models need: `>= 5` and `>5` are no quotation, and a table ends where
another block begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ui.render.containers import HEAD, QUOTE, begun, characters, goes_on, lead
from ui.render.fences import Fence

Kind = Literal["text", "rule", "code", "fenced"]  # "rule": nothing but marks, under a heading or of a table

_HEADING = re.compile(r" {0,3}#{1,6}(?: |$)")
_BREAK = re.compile(r" {0,3}(?:(?:- *){3,}|(?:\* *){3,}|(?:_ *){3,})$")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+) *$")
_RULE = re.compile(r" *[-:|][-:| ]*$")
_UNDECIDED = re.compile(
    r" *(?:>~?|[-+*_=:|][-+*_=:| ]*|\d{1,9}[.)]? *|#{1,6}|`{1,2}|`{3,}[^`]*|~{1,2}|~{3,}.*"
    r"|\[(?:\^[^\s\[\]`\\!]{0,200}\]?)?)?\Z"
)


@dataclass(frozen=True)
class Beginning:
    """The characters of a line that are dealt with, and what they became."""

    kind: Kind
    taken: int
    written: str


class Lines:
    def __init__(self) -> None:
        self.sure = True  # all lines so far could be told
        self.paragraph = False  # the line is text that the next one may go on with
        self.goes_on = False  # it goes on with the paragraph above
        self.block = True  # a block of its own may begin here, as maths
        self._inside: list[int] = []  # the containers' widths, outermost first
        self._met: list[int] = []  # those whose marks the line has: a paragraph may go on without them
        self._hollow = False  # the innermost list item has no text yet
        self._table = False  # the line may be one of a table
        self._fence: Fence | None = None

    def begin(self, line: str, *, whole: bool) -> Beginning | None:
        """What the line is, given without its end, or as much of it as there is; None while more must be seen."""
        head = line[:HEAD].expandtabs(4)
        found = (self._in_fence if self._fence else self._outside)(line, head, whole=whole)
        if found is None and len(line) > HEAD:
            self.sure = False
            self.paragraph = not self._fence
            return Beginning("fenced" if self._fence else "text", 0, "")
        return found

    @property
    def lead(self) -> str:
        """What a further line of this place begins with."""
        return lead(self._inside)

    @property
    def quoted(self) -> bool:
        return QUOTE in self._inside

    def interrupt(self) -> None:
        """A block of its own stands here: no paragraph goes on."""
        self._inside = self._met
        self.paragraph = self.goes_on = self._table = False

    def end(self) -> str:
        """What is to be written after the last line."""
        return self._fence.end() if self._fence else ""

    def _in_fence(self, line: str, head: str, *, whole: bool) -> Beginning | None:
        fence = self._fence
        assert fence
        inner = fence.line(line, head, whole=whole)
        if inner is None:
            return None
        if inner.part != "code":
            self._fence = None
        if inner.part != "outside":
            return Beginning("fenced", inner.taken, inner.written)
        found = self._outside(line, head, whole=whole)
        if found is None:
            self._fence = fence
            return None
        return Beginning(found.kind, found.taken, inner.written + found.written)

    def _outside(self, line: str, head: str, *, whole: bool) -> Beginning | None:
        count, rest = self._meet(head)
        inside = self._inside[:count]
        here = self.paragraph and count == len(self._inside)
        new = hollow = False
        while True:
            if not whole and _UNDECIDED.match(rest):
                return None
            if _BREAK.match(rest) or (here and _UNDERLINE.match(rest)):
                break
            container = begun(rest, interrupts=here and not self._table)
            if not container:
                break
            inside.append(container.width)
            rest = rest[container.end :]
            new, here, hollow = True, False, container.hollow
        blank = not rest.strip(" ")
        apart = self._table and (new or (count < len(self._inside) and not blank))
        split = f"{lead(self._inside[:count]).rstrip()}\n" if apart else ""
        if blank:
            self._blank(inside, new=new, hollow=hollow)
            return Beginning("text", len(line), split + line)
        self._met, self._hollow = inside, False
        self.goes_on = self.paragraph and not new and not apart
        kind = self._leaf(rest)
        taken = characters(line, len(head) - len(rest.lstrip(" "))) if kind == "text" else 0
        return Beginning(kind, taken, split + line[:taken])

    def _meet(self, head: str) -> tuple[int, str]:
        """How many of the containers the line is in by its marks, and what stands behind those."""
        rest = head
        for count, width in enumerate(self._inside):
            end = goes_on(width, rest)
            if end is None:
                return count, rest
            rest = rest[end:]
        return len(self._inside), rest

    def _blank(self, inside: list[int], *, new: bool, hollow: bool) -> None:
        if self._hollow and not new and len(inside) == len(self._inside):
            inside = inside[:-1]  # an item may begin with one blank line, not with two
        self._hollow = hollow
        self._met = inside
        self.interrupt()

    def _leaf(self, rest: str) -> Kind:
        """What stands in the containers."""
        here = self.goes_on and len(self._met) == len(self._inside)
        self.block = not rest.startswith("    ")
        if not self.block and not self.goes_on:
            self.interrupt()
            return "code"
        if self.block and (fence := Fence.opened(rest, self._met)):
            self.interrupt()
            self._fence = fence
            return "fenced"
        if self.block and _HEADING.match(rest):
            self.interrupt()
            return "text"
        if self.block and (_BREAK.match(rest) or (here and _UNDERLINE.match(rest))):
            self.interrupt()
            return "rule"
        rule = bool(_RULE.match(rest)) and (here or rest.strip(" ") != "--")
        if not self.goes_on:
            self._inside = self._met
        self._table = (self._table and self.goes_on) or (rule and here and "-" in rest)
        self.paragraph = True
        return "rule" if rule else "text"
