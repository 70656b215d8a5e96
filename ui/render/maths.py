r"""Maths, which models write as `\( \)`, `\[ \]`, `$ $` and `$$ $$`, and money, which is none.

A formula is written on one line, between as many dollars as its own leave alone. One with a backtick is taken for
text: it could hide the beginning of code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

INLINE = 300  # how far a closing mark is looked for, in characters; while it is looked for, text is held back
DISPLAY = 4_000

_BLANK = re.compile(r"\n[ \t>]*\n")
_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_QUOTED = re.compile(r"\n[ \t]*(?:>[ \t]?)+")
_BRACKETS = {"(": re.compile(r"\\\)"), "[": re.compile(r"\\\]")}
_DOLLARS = re.compile(r"\$\$")
_DOLLAR = re.compile(r"(?<!\\)\$")


@dataclass(frozen=True)
class Formula:
    """Its characters in the text, and what stands in it."""

    taken: int
    body: str
    display: bool

    def inline(self) -> str:
        fence = self._fence(2 if self.display else 1)
        room = " " if "$" in self.body else ""
        return f"{fence}{room}{self.body}{room}{fence}"

    def block(self, lead: str) -> str:
        fence = self._fence(2)
        return f"{fence}\n{lead}{self.body}\n{lead}{fence}"

    def _fence(self, least: int) -> str:
        longest = max(map(len, re.findall(r"\$+", self.body)), default=0)
        return "$" * max(least, longest + 1)


NO_FORMULA = Formula(0, "", False)


def in_brackets(text: str, at: int, *, final: bool, quoted: bool) -> Formula | None:
    """The formula that a bracket with a backslash opens; None while its end may still come."""
    kind = text[at + 1]
    end = _closing(text, at + 2, _BRACKETS[kind], INLINE if kind == "(" else DISPLAY, final=final)
    return None if end is None else _formula(text, at + 2, end, 2, display=kind == "[", quoted=quoted)


def in_dollars(text: str, at: int, *, final: bool, quoted: bool) -> Formula | None:
    """The formula between pairs of dollars."""
    end = _closing(text, at + 2, _DOLLARS, DISPLAY, final=final)
    return None if end is None else _formula(text, at + 2, end, 2, display=True, quoted=quoted)


def in_dollar(text: str, at: int, *, final: bool) -> Formula | None:
    """The formula between single dollars. As in print: no space within its ends, no digit behind."""
    if text[at + 1 : at + 2].isspace():
        return NO_FORMULA
    line_end = text.find("\n", at, at + INLINE)
    stop = at + INLINE if line_end < 0 else line_end
    found = _DOLLAR.search(text, at + 1, stop)
    if found is None:
        return None if line_end < 0 and not final and len(text) < stop else NO_FORMULA
    end = found.start()
    after = text[end + 1 : end + 2]
    if not after and not final:
        return None
    if end == at + 1 or text[end - 1].isspace() or after.isdigit():
        return NO_FORMULA
    return _formula(text, at + 1, end, 1, display=False, quoted=False)


def _formula(text: str, start: int, end: int, mark: int, *, display: bool, quoted: bool) -> Formula:
    """`start` and `end` are those of the body, `mark` is the length of what stands on either side."""
    body = text[start:end] if end > 0 else ""
    if "\n" in body:
        body = _COMMENT.sub("", body)
        body = _QUOTED.sub("\n", body) if quoted else body
    body = " ".join(body.split()).replace("![", "! [")
    return Formula(end - start + 2 * mark, body, display) if body and "`" not in body else NO_FORMULA


def _closing(text: str, start: int, mark: re.Pattern[str], reach: int, *, final: bool) -> int | None:
    """Where the closing mark is; -1 when there is none in this paragraph; None while it may still come."""
    stop = min(start + reach, len(text))
    found = mark.search(text, start, stop)
    blank = _BLANK.search(text, start, found.start() if found else stop)
    if blank:
        return -1
    if found:
        return found.start()
    return None if not final and len(text) < start + reach else -1
