r"""What stands in a line of text: each mark that acts there, and what it becomes.

An image is loaded wherever `![` is left, so it is left in code alone, and in code within a line only where nothing
before it in the paragraph could make markdown see other code there than is seen here.
"""

from __future__ import annotations

import re

from ui.render import addresses, maths, signs
from ui.render.lines import Lines
from ui.render.signs import Step

CODE = 2_000  # how far a closing mark is looked for, in characters; while it is looked for, text is held back
IMAGE = 1_000
NESTED = 3  # brackets within an image's words
RUN = 60

_SPECIAL = re.compile(rf"[\\`!$:~<\[\]\n]|(?<![^\W_])[->&]|{addresses.BEGINNING}|{addresses.MAYBE_BEGINNING}")
_ADDRESS = re.compile(addresses.BEGINNING)
_BRACKET = re.compile(r"\\.|[\[\]]|\n[ \t]*\n", re.DOTALL)
_NEXT_BLOCK = re.compile(r"\n[ \t]*(?:[\n\d_]|[^\s\w])")  # only a line that begins with a letter surely goes on
_LINE_END = re.compile(r"[ \t]*(\n|\Z)")
_BAR = re.compile(r"(?<!\\)\|")
_NEW_LINE = re.compile(r"\n[ \t]*")


class Marks:
    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._first = True  # nothing stands before it on its line
        self._plain = True  # nothing yet in this paragraph that markdown could see otherwise
        self._piped = False  # a bar stands on the line: it may be one of a table
        self._row = False  # it begins with one: it is
        self._brackets = 0  # open ones; markdown sees no bare addresses in them
        self._acts = {
            "`": self._code,
            "\\": self._backslash,
            "$": self._dollar,
            "~": self._tilde,
            ":": self._colon,
            "!": self._image,
            "[": self._opening,
            "]": self._closing,
            "<": self._angle,
        }

    def begin_line(self) -> None:
        self._first = True
        self._piped = self._row = False
        if not self._lines.goes_on:
            self._plain = True
            self._brackets = 0

    def step(self, text: str, at: int, *, final: bool) -> Step | None:
        """Characters taken from the text and what they became; None while more must be seen."""
        special = _SPECIAL.search(text, at)
        end = special.start() if special else len(text)
        if end > at:
            self._piped = self._piped or "|" in text[at:end]
            self._row = self._row or (self._first and text[at] == "|")
            step: Step | None = (end - at, text[at:end])
        else:
            assert special
            step = self._mark(special.group(), text, at, final=final)
        if step:
            self._first = False
        return step

    def _mark(self, mark: str, text: str, at: int, *, final: bool) -> Step | None:
        if mark in "\\~<>-&":
            sign = signs.sign(text, at, first=self._first, final=final)
            if sign is None or sign[0]:
                return sign
        if mark in ">-&\n":
            return 1, r"\>" if mark == ">" and self._first else mark
        act = self._acts.get(mark, self._address)
        return act(text, at, final=final)

    def _code(self, text: str, at: int, *, final: bool) -> Step | None:
        """Code within the line. A backtick without a partner is escaped, so that nothing behind becomes its code."""
        run = _run(text, at, "`", final=final)
        if run is None:
            return None
        alone = run, r"\`" * run
        if run > RUN:
            return alone
        start, reach = at + run, at + run + CODE
        found = re.compile(rf"(?<!`)`{{{run}}}(?!`)").search(text, start, reach)
        if found and found.end() == len(text) and not final:
            return None
        body = text[start : found.start() if found else reach]
        if "\n" in body and not self._one_paragraph(text[start : found.end() if found else reach]):
            return alone
        if found is None:
            return None if not final and len(text) < reach else alone
        if "![" in body and not (self._plain and self._lines.sure and "|" not in body):
            body = body.replace("![", "! [")
        self._plain = self._plain and "|" not in body
        if self._row:
            body = _BAR.sub(r"\|", body)
        return found.end() - at, f"{found.group()}{_NEW_LINE.sub(' ', body)}{found.group()}"

    def _one_paragraph(self, code: str) -> bool:
        """Whether the lines surely belong together. One of a table does not, nor a heading."""
        return self._lines.paragraph and not (self._piped or "|" in code or _NEXT_BLOCK.search(code))

    def _backslash(self, text: str, at: int, *, final: bool) -> Step | None:
        mark = text[at + 1 : at + 2]
        if not mark and not final:
            return None
        if not mark or mark == "\n":
            return 1, "\\"
        if mark == ":":
            colon = signs.colon(text, at + 1, final=final)
            return None if colon is None else (2, colon if colon.startswith("\\") else rf"\{colon}")
        if mark not in "([":
            return 2, "\\" + mark
        formula = maths.in_brackets(text, at, final=final, quoted=self._lines.quoted)
        return self._formula(formula, (2, "\\" + mark), text, at, final=final)

    def _dollar(self, text: str, at: int, *, final: bool) -> Step | None:
        run = _run(text, at, "$", final=final)
        if run is None:
            return None
        if run == 1:
            formula = maths.in_dollar(text, at, final=final)
        elif run == 2:
            formula = maths.in_dollars(text, at, final=final, quoted=self._lines.quoted)
        else:
            formula = maths.NO_FORMULA
        return self._formula(formula, (run, r"\$" * run), text, at, final=final)

    def _formula(
        self, formula: maths.Formula | None, otherwise: Step, text: str, at: int, *, final: bool
    ) -> Step | None:
        """On lines of its own where it stood on lines of its own."""
        if formula is None:
            return None
        if not formula.taken:
            return otherwise
        end = at + formula.taken
        alone = formula.display and self._first and self._lines.block and _LINE_END.match(text, end)
        if alone and not alone[1] and not final:
            return None
        self._plain = False
        if alone:
            self._lines.interrupt()
            return formula.taken, formula.block(self._lines.lead)
        return formula.taken, formula.inline()

    def _tilde(self, text: str, at: int, *, final: bool) -> Step | None:
        run = _run(text, at, "~", final=final)
        if run is None:
            return None
        return run, "~" * run if run == 2 or (run > 2 and not self._first) else r"\~" * run

    def _colon(self, text: str, at: int, *, final: bool) -> Step | None:
        colon = signs.colon(text, at, final=final)
        return None if colon is None else (1, colon)

    def _image(self, text: str, at: int, *, final: bool) -> Step | None:
        """An image becomes a link; anything else stays what it is."""
        if at + 1 == len(text) and not final:
            return None
        if text[at + 1 : at + 2] != "[":
            return 1, "!" if text[at + 1 : at + 2] in {"", " ", "\n"} else r"\!"  # what follows may become a link
        end = _bracket(text, at + 2, final=final)
        if end is None:
            return None
        target = addresses.target(text, end, final=final) if text[end + 1 : end + 2] == "(" else (0, "")
        if target is None:
            return None
        if end < 0 or not (target[0] or text[end + 1 : end + 2] == "["):
            return 2, r"!\["
        self._brackets += 1
        self._plain = False
        return (3, "[image]") if end == at + 2 else (2, "[")

    def _opening(self, text: str, at: int, *, final: bool) -> Step | None:
        if at + 1 == len(text) and not final:
            return None
        self._brackets += 1
        self._plain = self._plain and text[at + 1 : at + 2] != "^"
        return 1, "["

    def _closing(self, text: str, at: int, *, final: bool) -> Step | None:
        found = addresses.target(text, at, final=final)
        if found is None:
            return None
        self._brackets = max(0, self._brackets - 1)
        self._plain = self._plain and text[at + 1 : at + 2] not in {"(", "["}
        return found if found[0] else (1, "]")

    def _angle(self, text: str, at: int, *, final: bool) -> Step | None:
        """HTML is shown as it was typed, and cannot hide what stands behind it."""
        found = addresses.in_angles(text, at, final=final)
        if found is None:
            return None
        self._plain = self._plain and not found[0]
        return found if found[0] else (1, r"\<")

    def _address(self, text: str, at: int, *, final: bool) -> Step | None:
        if at + 8 > len(text) and not final:
            return None  # "https://" may still come
        if self._brackets or not _ADDRESS.match(text, at):
            return 1, text[at]
        self._plain = False
        return addresses.bare(text, at, final=final)


def _run(text: str, at: int, mark: str, *, final: bool) -> int | None:
    """How often the mark stands here, `RUN` times and once more at most."""
    end = at
    while end < len(text) and text[end] == mark and end - at <= RUN:
        end += 1
    return None if end == len(text) and end - at <= RUN and not final else end - at


def _bracket(text: str, start: int, *, final: bool) -> int | None:
    """Where the bracket that was opened is closed; -1 for nowhere near, None while that may still come."""
    depth = 1
    for found in _BRACKET.finditer(text, start, start + IMAGE):
        mark = found.group()
        if mark.startswith("\n"):
            return -1
        depth += {"[": 1, "]": -1}.get(mark, 0)
        if depth > NESTED:
            return -1
        if not depth:
            at_end = found.end() == len(text) and not final
            return None if at_end else found.start()
    return None if not final and len(text) < start + IMAGE else -1
